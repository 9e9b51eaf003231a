//! Bytes of the release binary.

use std::process::Command;

use anyhow::Context as _;

use crate::options::Bench;
use crate::table::{Report, Table};

const BAR_MB: f64 = 40.0;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let built = std::fs::metadata(&bench.server)?.len() as f64 / 1e6;
    // What a package holds: the same without the tables that name lines in back traces.
    let copy = bench.dir.join("stripped");
    let status = Command::new("strip").args(["--strip-debug", "-o"]).arg(&copy).arg(&bench.server).status();
    let packaged = match status.context("cannot run strip (Debian: binutils)")?.success() {
        true => std::fs::metadata(&copy)?.len() as f64 / 1e6,
        false => built,
    };
    let mut table = Table::new(["program", "as built, MB", "without debug information, MB"]);
    table.row(["countersign".to_owned(), format!("{built:.1}"), format!("{packaged:.1}")]);
    report.table("Size", &table);
    report.bar(
        "release binary",
        format!("< {BAR_MB} MB"),
        format!("{built:.1} MB ({packaged:.1} without debug information)"),
        built < BAR_MB,
    );
    Ok(())
}
