//! `cargo xtask check-deps`: dependencies point one way, and pure crates stay pure.

use std::collections::BTreeSet;

use anyhow::bail;

use crate::metadata::{Graph, Package};

/// Who may depend on whom. A package without a row, or an arrow without an entry, is refused:
/// a new arrow is a decision, and this is where it is written down.
const ARROWS: &[(&str, Arrows)] = &[
    ("cs-core", Arrows::To(&[])),
    ("cs-wire", Arrows::To(&[])),
    ("cs-radius", Arrows::To(&[])),
    ("cs-ldap", Arrows::To(&[])),
    ("cs-saml", Arrows::To(&[])),
    ("cs-store", Arrows::To(&["cs-core"])),
    ("cs-engine", Arrows::To(&["cs-store", "cs-core"])),
    ("cs-client", Arrows::To(&["cs-wire"])),
    ("cs-pages", Arrows::To(&["cs-core"])), // languages
    (
        "countersign",
        Arrows::To(&[
            "cs-engine",
            "cs-store", // its read-only Reader, for lists and logs
            "cs-wire",
            "cs-pages",
            "cs-saml",
            "cs-core",
            // the demo runs a whole site in one process
            "countersign-proxy",
            "countersign-device",
            "cs-client",
        ]),
    ),
    ("countersign-proxy", Arrows::To(&["cs-client", "cs-radius", "cs-ldap", "cs-core"])),
    ("countersign-device", Arrows::To(&["cs-wire", "cs-core"])),
    ("countersign-health", Arrows::To(&["cs-wire"])),
    ("pam_countersign", Arrows::To(&["cs-client", "cs-core"])),
    ("fuzz", Arrows::To(&["cs-core", "cs-wire", "cs-radius", "cs-ldap", "countersign-proxy"])),
    ("xtask", Arrows::To(&[])),
    (TESTKIT, Arrows::Anywhere),
    ("e2e", Arrows::Anywhere),
    ("bench", Arrows::Anywhere),
];

/// Only ever a dev-dependency, save for the packages that exist for tests alone.
const TESTKIT: &str = "cs-testkit";

/// No I/O, no clock, no ambient randomness, no runtime.
const PURE: &[&str] = &["cs-core", "cs-wire", "cs-radius", "cs-ldap", "cs-saml"];

/// What a pure crate must not reach, by whatever way.
const IMPURE: &[&str] = &[
    "async-std",
    "axum",
    "h2",
    "hyper",
    "mio",
    "reqwest",
    "rusqlite",
    "rustls",
    "smol",
    "socket2",
    "sqlx",
    "tokio",
    "tokio-postgres",
    "ureq",
];

#[derive(Clone, Copy)]
enum Arrows {
    To(&'static [&'static str]),
    Anywhere,
}

pub(crate) fn run() -> anyhow::Result<()> {
    let graph = Graph::load(None)?;
    let violations = violations(&graph);
    if violations.is_empty() {
        println!("check-deps: {} packages, every arrow allowed, pure crates pure", graph.ours().count());
        return Ok(());
    }
    for violation in &violations {
        eprintln!("check-deps: {violation}");
    }
    bail!("{} dependencies against the rules (xtask/src/check_deps.rs holds them)", violations.len())
}

fn violations(graph: &Graph) -> Vec<String> {
    let mut found = Vec::new();
    for package in graph.ours() {
        wrong_arrows(graph, package, &mut found);
        if PURE.contains(&package.name.as_str()) {
            impurities(graph, package, &mut found);
        }
    }
    found
}

fn wrong_arrows(graph: &Graph, package: &Package, found: &mut Vec<String>) {
    let from = package.name.as_str();
    let Some((_, arrows)) = ARROWS.iter().find(|(name, _)| *name == from) else {
        found.push(format!("{from} is new: give it a row that says what it may depend on"));
        return;
    };
    let allowed = match arrows {
        Arrows::Anywhere => return,
        Arrows::To(allowed) => allowed,
    };
    for dependency in &package.dependencies {
        let to = &graph.packages[&dependency.id];
        // a package's tests may switch on features of the package itself
        let is_for_tests = dependency.is_dev_only && (to.name == TESTKIT || to.name == from);
        let may = allowed.contains(&to.name.as_str()) || is_for_tests;
        if to.is_ours && !may {
            let hint = if to.name == TESTKIT {
                "is for tests: make it a dev-dependency".to_owned()
            } else if allowed.is_empty() {
                format!("is not allowed: {from} imports none of our packages")
            } else {
                format!("is not allowed: {from} may use {}", allowed.join(", "))
            };
            found.push(format!("{from} -> {} {hint}", to.name));
        }
    }
}

/// Reports each impure crate that `package` reaches, with the way that leads there.
fn impurities(graph: &Graph, package: &Package, found: &mut Vec<String>) {
    let mut seen = BTreeSet::new();
    let mut open = vec![(package, package.name.clone())];
    while let Some((at, way)) = open.pop() {
        for dependency in at.dependencies.iter().filter(|dependency| !dependency.is_dev_only) {
            if !seen.insert(&dependency.id) {
                continue;
            }
            let to = &graph.packages[&dependency.id];
            let way = format!("{way} -> {}", to.name);
            if IMPURE.contains(&to.name.as_str()) {
                found.push(format!("{} is pure and must not reach {}: {way}", package.name, to.name));
            } else {
                open.push((to, way));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use serde_json::{Value, json};

    use super::*;

    /// A workspace of `ours`, whose arrows (`from`, `to`, `kind`) may lead to foreign packages.
    fn site(ours: &[&str], arrows: &[(&str, &str, Value)]) -> Vec<String> {
        let names: BTreeSet<&str> =
            ours.iter().copied().chain(arrows.iter().flat_map(|(from, to, _)| [*from, *to])).collect();
        let packages: Vec<Value> = names
            .iter()
            .map(|name| {
                let dependencies: Vec<Value> = arrows
                    .iter()
                    .filter(|(from, _, _)| from == name)
                    .map(|(_, to, kind)| json!({"name": to, "kind": kind, "optional": false}))
                    .collect();
                json!({"id": name, "name": name, "version": "1.0.0", "dependencies": dependencies})
            })
            .collect();
        let nodes: Vec<Value> = names
            .iter()
            .map(|name| {
                let deps: Vec<Value> = arrows
                    .iter()
                    .filter(|(from, _, _)| from == name)
                    .map(|(_, to, kind)| json!({"pkg": to, "dep_kinds": [{"kind": kind}]}))
                    .collect();
                json!({"id": name, "deps": deps})
            })
            .collect();
        let metadata = json!({"workspace_members": ours, "packages": packages, "resolve": {"nodes": nodes}});
        violations(&Graph::parse(&metadata).unwrap())
    }

    fn normal() -> Value {
        Value::Null
    }

    #[test]
    fn the_arrows_of_the_map_are_allowed() {
        let found = site(
            &["countersign", "cs-engine", "cs-store", "cs-core", "cs-testkit", "e2e"],
            &[
                ("countersign", "cs-engine", normal()),
                ("cs-engine", "cs-store", normal()),
                ("cs-store", "cs-core", normal()),
                ("cs-store", "cs-testkit", json!("dev")),
                ("cs-testkit", "countersign", normal()),
                ("e2e", "cs-testkit", normal()),
                ("cs-store", "tokio", normal()),
            ],
        );
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn an_arrow_against_the_stream_is_named_with_what_would_be_allowed() {
        let found = site(&["cs-engine", "cs-store"], &[("cs-store", "cs-engine", normal())]);
        assert_eq!(found, ["cs-store -> cs-engine is not allowed: cs-store may use cs-core"]);
    }

    #[test]
    fn tests_do_not_excuse_a_wrong_arrow() {
        let found = site(&["cs-core", "cs-wire"], &[("cs-core", "cs-wire", json!("dev"))]);
        assert_eq!(found, ["cs-core -> cs-wire is not allowed: cs-core imports none of our packages"]);
    }

    #[test]
    fn tests_may_switch_on_features_of_their_own_package() {
        let found = site(&["cs-store"], &[("cs-store", "cs-store", json!("dev"))]);
        assert_eq!(found, Vec::<String>::new());
    }

    #[test]
    fn a_build_dependency_counts_as_a_dependency() {
        let found = site(&["cs-client", "cs-core"], &[("cs-client", "cs-core", json!("build"))]);
        assert_eq!(found, ["cs-client -> cs-core is not allowed: cs-client may use cs-wire"]);
    }

    #[test]
    fn the_testkit_is_for_tests_only() {
        let found = site(&["countersign", "cs-testkit"], &[("countersign", "cs-testkit", normal())]);
        assert_eq!(found, ["countersign -> cs-testkit is for tests: make it a dev-dependency"]);
    }

    #[test]
    fn a_package_without_a_row_is_refused() {
        let found = site(&["cs-novel"], &[]);
        assert_eq!(found, ["cs-novel is new: give it a row that says what it may depend on"]);
    }

    #[test]
    fn a_pure_crate_reaches_no_runtime_by_any_way() {
        let found = site(
            &["cs-wire"],
            &[
                ("cs-wire", "nice-parser", normal()),
                ("nice-parser", "helper", normal()),
                ("helper", "tokio", normal()),
                ("cs-wire", "proptest", json!("dev")),
                ("proptest", "reqwest", normal()),
            ],
        );
        assert_eq!(found, ["cs-wire is pure and must not reach tokio: cs-wire -> nice-parser -> helper -> tokio"]);
    }
}
