//! What `cargo metadata` says about our packages and all their dependencies.

use std::collections::BTreeMap;
use std::path::PathBuf;

use anyhow::{Context as _, ensure};
use serde_json::Value;

use crate::step;

/// Every package of the resolved graph, all platforms or one.
#[derive(Debug, Default)]
pub(crate) struct Graph {
    /// By cargo's package id.
    pub(crate) packages: BTreeMap<String, Package>,
}

#[derive(Debug, Default, Clone)]
pub(crate) struct Package {
    pub(crate) name: String,
    pub(crate) version: String,
    /// An SPDX expression, when the manifest has one.
    pub(crate) licence: Option<String>,
    /// Part of this workspace.
    pub(crate) is_ours: bool,
    pub(crate) dependencies: Vec<Dependency>,
}

/// An arrow of the resolved graph.
#[derive(Debug, Clone)]
pub(crate) struct Dependency {
    /// The package id it leads to.
    pub(crate) id: String,
    /// Only tests, examples and benchmarks use it.
    pub(crate) is_dev_only: bool,
}

impl Graph {
    /// Asks cargo. `platform` is a target triple; without it, the graph holds what any platform needs.
    pub(crate) fn load(platform: Option<&str>) -> anyhow::Result<Self> {
        let mut args = vec!["--locked"];
        if let Some(triple) = platform {
            args.extend(["--filter-platform", triple]);
        }
        Self::parse(&metadata(&args)?)
    }

    /// Keeps what is really compiled: cargo's resolution also holds optional dependencies that some
    /// feature mentions only weakly (`ring?/std`), and what hangs on them.
    pub(crate) fn parse(json: &Value) -> anyhow::Result<Self> {
        let manifests: BTreeMap<&str, &Value> = list(json, "packages")?
            .iter()
            .map(|manifest| Ok((text(manifest, "id")?, manifest)))
            .collect::<anyhow::Result<_>>()?;
        let nodes: BTreeMap<&str, &Value> = list(&json["resolve"], "nodes")?
            .iter()
            .map(|node| Ok((text(node, "id")?, node)))
            .collect::<anyhow::Result<_>>()?;
        let ours: Vec<&str> = list(json, "workspace_members")?.iter().filter_map(Value::as_str).collect();

        let mut packages = BTreeMap::new();
        let mut open = ours.clone();
        while let Some(id) = open.pop() {
            if packages.contains_key(id) {
                continue;
            }
            let described = manifests.get(id).zip(nodes.get(id));
            let (manifest, node) = described.with_context(|| format!("cargo names {id} without describing it"))?;
            let mut dependencies = Vec::new();
            for dep in list(node, "deps")? {
                let to = text(dep, "pkg")?;
                let name = manifests.get(to).map_or(Ok(to), |manifest| text(manifest, "name"))?;
                if is_enabled(name, manifest, node) {
                    let kinds = list(dep, "dep_kinds")?;
                    let is_dev_only = kinds.iter().all(|kind| kind["kind"] == "dev");
                    dependencies.push(Dependency { id: to.to_owned(), is_dev_only });
                    open.push(to);
                }
            }
            let package = Package {
                name: text(manifest, "name")?.to_owned(),
                version: text(manifest, "version")?.to_owned(),
                licence: manifest["license"].as_str().map(str::to_owned),
                is_ours: ours.contains(&id),
                dependencies,
            };
            packages.insert(id.to_owned(), package);
        }
        Ok(Self { packages })
    }

    pub(crate) fn ours(&self) -> impl Iterator<Item = &Package> {
        self.packages.values().filter(|package| package.is_ours)
    }
}

/// Whether the package of `manifest`, with the features of `node`, compiles its dependency `name`.
fn is_enabled(name: &str, manifest: &Value, node: &Value) -> bool {
    let all = |value: &Value| value.as_array().cloned().unwrap_or_default();
    let declared = all(&manifest["dependencies"]);
    let declared: Vec<&Value> = declared.iter().filter(|dep| dep["name"] == name).collect();
    if declared.iter().any(|dep| dep["optional"] != true) {
        return true;
    }
    let keys = declared.iter().filter_map(|dep| dep["rename"].as_str().or(dep["name"].as_str()));
    let keys: Vec<&str> = keys.collect();
    let features = all(&node["features"]);
    let enabled = features.iter().filter_map(Value::as_str);
    enabled.flat_map(|feature| all(&manifest["features"][feature])).any(|means| {
        let means = means.as_str().unwrap_or_default();
        keys.iter().any(|key| {
            means.strip_prefix("dep:") == Some(key) || means.split_once('/').is_some_and(|(dep, _)| dep == *key)
        })
    })
}

/// Where cargo puts what it builds.
pub(crate) fn target_directory() -> anyhow::Result<PathBuf> {
    Ok(PathBuf::from(text(&metadata(&["--no-deps"])?, "target_directory")?))
}

fn metadata(args: &[&str]) -> anyhow::Result<Value> {
    let output = step::cargo(&["metadata", "--format-version", "1"])
        .args(args)
        .output()
        .context("cannot start `cargo metadata`")?;
    ensure!(output.status.success(), "`cargo metadata` failed: {}", String::from_utf8_lossy(&output.stderr).trim());
    serde_json::from_slice(&output.stdout).context("`cargo metadata` did not print JSON")
}

fn list<'json>(value: &'json Value, key: &str) -> anyhow::Result<&'json [Value]> {
    let array = value[key].as_array().with_context(|| format!("cargo metadata has no list `{key}`"))?;
    Ok(array)
}

fn text<'json>(value: &'json Value, key: &str) -> anyhow::Result<&'json str> {
    value[key].as_str().with_context(|| format!("cargo metadata has no text `{key}`"))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    /// `ours` with `features` on depends on `webpki`, which has the optional dependency `ring`.
    fn reached(webpki_features: &[&str]) -> Vec<String> {
        let metadata = json!({
            "workspace_members": ["ours"],
            "packages": [
                {"id": "ours", "name": "ours", "version": "1.0.0",
                 "dependencies": [{"name": "webpki", "optional": false}]},
                {"id": "webpki", "name": "webpki", "version": "1.0.0",
                 "dependencies": [{"name": "ring", "rename": null, "optional": true}],
                 "features": {"ring": ["dep:ring"], "std": ["ring?/std"], "fast": ["ring/fast"]}},
                {"id": "ring", "name": "ring", "version": "1.0.0", "dependencies": []},
            ],
            "resolve": {"nodes": [
                {"id": "ours", "features": [], "deps": [{"pkg": "webpki", "dep_kinds": [{"kind": null}]}]},
                {"id": "webpki", "features": webpki_features,
                 "deps": [{"pkg": "ring", "dep_kinds": [{"kind": null}]}]},
                {"id": "ring", "features": [], "deps": []},
            ]},
        });
        Graph::parse(&metadata).unwrap().packages.into_keys().collect()
    }

    #[test]
    fn an_optional_dependency_counts_only_when_a_feature_turns_it_on() {
        assert_eq!(reached(&["std"]), ["ours", "webpki"], "a weak mention turns nothing on");
        assert_eq!(reached(&["ring"]), ["ours", "ring", "webpki"]);
        assert_eq!(reached(&["fast"]), ["ours", "ring", "webpki"]);
    }
}
