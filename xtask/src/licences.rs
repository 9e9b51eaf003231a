//! `cargo xtask licences`: what our dependencies may be, and how many are there twice.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::bail;

use crate::metadata::{Graph, Package};
use crate::spdx;

/// Licences that let an organisation install, change and pass on what it runs.
const ALLOWED: &[&str] = &[
    "0BSD",
    "Apache-2.0",
    "Apache-2.0 WITH LLVM-exception",
    "BSD-2-Clause",
    "BSD-3-Clause",
    "BSL-1.0",
    "CC0-1.0",
    "CDLA-Permissive-2.0",
    "ISC",
    "MIT",
    "MIT-0",
    "OpenSSL", // the part of aws-lc that comes from there
    "Unicode-3.0",
    "Unlicense",
    "Zlib",
];

/// Crates under a licence that is not for everyone: `MPL-2.0` binds whoever changes its files to
/// pass them on, so that what we use of it, unmodified, is named one by one.
const ALLOWED_FOR: &[(&str, &str)] = &[
    ("crypto-glue", "MPL-2.0"),
    ("webauthn-attestation-ca", "MPL-2.0"),
    ("webauthn-rs-core", "MPL-2.0"),
    ("webauthn-rs-proto", "MPL-2.0"),
];

/// Crates that must not be in the tree, whoever asks for them, and why.
const BANNED: &[(&str, &str)] = &[
    ("openssl", "TLS and cryptography are rustls and aws-lc-rs"),
    ("openssl-sys", "TLS and cryptography are rustls and aws-lc-rs"),
    ("native-tls", "TLS is rustls on every platform"),
    ("ring", "one cryptographic provider is enough: aws-lc-rs"),
    ("sqlx", "its SQLite links against another libsqlite3 than rusqlite's"),
];

/// The platform whose binaries we ship: the duplicates that it compiles are counted.
const PLATFORM: &str = "x86_64-unknown-linux-gnu";

/// As many crates may be there in more than one version. Raise it only with a reason in the commit.
const DUPLICATES: usize = 27;

pub(crate) fn run() -> anyhow::Result<()> {
    let graph = Graph::load(None)?;
    let problems = problems(&graph);
    for problem in &problems {
        eprintln!("licences: {problem}");
    }
    let shipped = Graph::load(Some(PLATFORM))?;
    let duplicates = duplicates(&shipped);
    for (name, versions) in &duplicates {
        let versions: Vec<&str> = versions.iter().map(String::as_str).collect();
        println!("licences: twice in the tree: {name} {}", versions.join(", "));
    }
    println!(
        "licences: {} packages on all platforms, {} problems; {} crates twice of at most {DUPLICATES}",
        graph.packages.len(),
        problems.len(),
        duplicates.len()
    );
    if !problems.is_empty() {
        bail!("{} dependencies are not allowed (xtask/src/licences.rs holds the lists)", problems.len());
    }
    if duplicates.len() > DUPLICATES {
        bail!("{} crates are there in several versions, more than the budget of {DUPLICATES}", duplicates.len());
    }
    Ok(())
}

fn problems(graph: &Graph) -> Vec<String> {
    graph.packages.values().filter_map(|package| problem(package).map(|why| named(package, &why))).collect()
}

fn problem(package: &Package) -> Option<String> {
    if let Some((_, why)) = BANNED.iter().find(|(name, _)| *name == package.name) {
        return Some(format!("is banned: {why}"));
    }
    let Some(licence) = &package.licence else {
        return Some("names no licence".to_owned());
    };
    match spdx::check(licence, &|name| ALLOWED.contains(&name) || ALLOWED_FOR.contains(&(package.name.as_str(), name)))
    {
        Ok(()) => None,
        Err(refusal) => Some(format!("has the licence `{licence}`, which {refusal}")),
    }
}

fn named(package: &Package, why: &str) -> String {
    format!("{} {} {why}", package.name, package.version)
}

/// Crates that are there in more than one version.
fn duplicates(graph: &Graph) -> BTreeMap<&str, BTreeSet<String>> {
    let mut versions: BTreeMap<&str, BTreeSet<String>> = BTreeMap::new();
    for package in graph.packages.values() {
        versions.entry(&package.name).or_default().insert(package.version.clone());
    }
    versions.retain(|_, versions| versions.len() > 1);
    versions
}

#[cfg(test)]
mod tests {
    use super::*;

    fn graph(packages: &[(&str, &str, Option<&str>)]) -> Graph {
        let packages = packages.iter().map(|(name, version, licence)| {
            let package = Package {
                name: (*name).to_owned(),
                version: (*version).to_owned(),
                licence: licence.map(str::to_owned),
                ..Package::default()
            };
            (format!("{name}@{version}"), package)
        });
        Graph { packages: packages.collect() }
    }

    #[test]
    fn aws_lc_is_allowed_as_it_describes_itself() {
        let licence = "ISC AND (Apache-2.0 OR ISC) AND Apache-2.0 AND MIT AND BSD-3-Clause AND (Apache-2.0 OR ISC OR MIT) AND OpenSSL";
        assert_eq!(problems(&graph(&[("aws-lc-sys", "0.42.0", Some(licence))])), Vec::<String>::new());
    }

    #[test]
    fn a_licence_that_binds_is_allowed_to_those_named_alone() {
        let of = |name| problems(&graph(&[(name, "0.6.2", Some("MPL-2.0"))])).len();
        assert_eq!((of("webauthn-rs-core"), of("webauthn-rs-other")), (0, 1));
    }

    #[test]
    fn each_problem_names_the_crate_and_the_reason() {
        let found = problems(&graph(&[
            ("copyleft", "1.0.0", Some("GPL-3.0-only")),
            ("ring", "0.17.14", Some("Apache-2.0 AND ISC")),
            ("silent", "2.0.0", None),
        ]));
        assert_eq!(
            found,
            [
                "copyleft 1.0.0 has the licence `GPL-3.0-only`, which is not on the list of allowed licences",
                "ring 0.17.14 is banned: one cryptographic provider is enough: aws-lc-rs",
                "silent 2.0.0 names no licence",
            ]
        );
    }

    #[test]
    fn two_versions_of_a_crate_are_a_duplicate() {
        let graph = graph(&[("a", "1.0.0", None), ("a", "2.0.0", None), ("b", "1.0.0", None)]);
        let found = duplicates(&graph);
        assert_eq!(found.keys().copied().collect::<Vec<_>>(), ["a"]);
    }
}
