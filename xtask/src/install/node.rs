//! Duo's Node client, unmodified.

use std::path::Path;
use std::process::Command;

use super::once;
use crate::step;

const PACKAGE: &str = "@duosecurity/duo_api";
const VERSION: &str = "1.5.0";

pub(super) fn install(dir: &Path) -> anyhow::Result<()> {
    let wanted = format!("{PACKAGE}@{VERSION}");
    once(dir, &wanted, || {
        step::run(
            Command::new("npm")
                .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--no-update-notifier"])
                .arg("--prefix")
                .arg(dir)
                .arg(&wanted),
        )?;
        let load = format!("if (!require('{PACKAGE}').Client) process.exit(1)");
        step::run(Command::new("node").args(["-e", &load]).current_dir(dir))
    })?;
    println!("install: {wanted} in {}", dir.display());
    Ok(())
}
