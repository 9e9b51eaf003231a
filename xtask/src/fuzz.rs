//! `cargo xtask fuzz`: the fuzz runner, optimised, so that millions of cases take a minute.

use crate::metadata;
use crate::step;

pub(crate) fn run(args: &[&str]) -> anyhow::Result<()> {
    let store = metadata::target_directory()?.join("fuzz");
    let mut command = step::cargo(&["run", "--release", "--quiet", "--package", "fuzz", "--"]);
    step::run(command.args(args).env("COUNTERSIGN_FUZZ_DIR", store))
}
