//! Packages for Node and for the browser: Duo's client, unmodified, what checks pages for everyone's use, and what checks the types of our modules.

use std::path::Path;
use std::process::Command;

use super::once;
use crate::step;

/// `(name, version, what shows that it is whole)`.
const PACKAGES: &[(&str, &str, &str)] = &[
    ("@duosecurity/duo_api", "1.5.0", "Client"),
    ("@duosecurity/duo_universal", "3.0.0", "Client"),
    ("axe-core", "4.14.1", "source"),
    ("typescript", "7.0.2", "version"),
];

pub(super) fn install(dir: &Path) -> anyhow::Result<()> {
    let wanted: Vec<_> = PACKAGES.iter().map(|(name, version, _)| format!("{name}@{version}")).collect();
    once(dir, &wanted.join(" "), || {
        step::run(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier"])
                .arg("--prefix")
                .arg(dir)
                .args(&wanted),
        )?;
        PACKAGES.iter().try_for_each(|(name, _, member)| {
            let load = format!("if (!require('{name}').{member}) process.exit(1)");
            step::run(Command::new("node").args(["-e", &load]).current_dir(dir))
        })
    })?;
    println!("install: {} in {}", wanted.join(", "), dir.display());
    Ok(())
}
