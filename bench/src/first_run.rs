//! Somebody's first day: from the invitation to a login to an application, in real browsers. How long the machines take, and what is left for the person to do.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context as _, bail};
use e2e::Sdk;
use e2e::first_run::{Stage, first_run};

use crate::options::Bench;
use crate::table::{Report, Table};

/// The whole, person included.
const BAR_SECONDS: f64 = 60.0;

/// The keystroke-level model (Card, Moran and Newell 1980), in seconds: making up one's mind and pointing at something, and a key of somebody who types 40 words a minute.
const CLICK: f64 = 1.35 + 1.1 + 0.2;
const KEY: f64 = 0.28;

/// What the browsers' part prints, one line a stage.
const SEPARATOR: char = '\t';

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let stages = stages(bench)?;
    let mut table = Table::new(["what", "machines, s", "clicks and taps", "keys", "with a person, s"]);
    for stage in &stages {
        let (clicks, keys) = (stage.clicks.to_string(), stage.keys.to_string());
        let whole = format!("{:.1}", with_a_person(stage));
        table.row([&stage.name, &format!("{:.2}", stage.seconds), &clicks, &keys, &whole]);
    }
    let machines: f64 = stages.iter().map(|stage| stage.seconds).sum();
    let (clicks, keys): (u32, u32) = stages.iter().fold((0, 0), |(c, k), stage| (c + stage.clicks, k + stage.keys));
    let whole: f64 = stages.iter().map(with_a_person).sum();
    table.row(["all", &format!("{machines:.2}"), &clicks.to_string(), &keys.to_string(), &format!("{whole:.1}")]);
    report.table("The first day, from the invitation to the application", &table);
    report.bar(
        "from the invitation to an approved login, with a person's time by the keystroke-level model",
        format!("< {BAR_SECONDS} s"),
        format!("{whole:.1} s ({machines:.2} s of the machines, {clicks} clicks and taps, {keys} keys)"),
        whole < BAR_SECONDS,
    );
    Ok(())
}

fn with_a_person(stage: &Stage) -> f64 {
    stage.seconds + f64::from(stage.clicks) * CLICK + f64::from(stage.keys) * KEY
}

/// Does it in a process of its own, which is told by its environment where programs are, as end-to-end tests are.
fn stages(bench: &Bench) -> anyhow::Result<Vec<Stage>> {
    let installed = installed(bench)?;
    let bin = bench.server.parent().context("the server's directory")?;
    let output = Command::new(std::env::current_exe()?)
        .arg("first-run-alone")
        .env("COUNTERSIGN_E2E_BIN", std::path::absolute(bin)?)
        .env("COUNTERSIGN_E2E_VENVS", installed.join("venvs"))
        .env("COUNTERSIGN_E2E_NPM", installed.join("npm"))
        .output()?;
    if !output.status.success() {
        bail!("{}", String::from_utf8_lossy(&output.stderr).trim());
    }
    String::from_utf8(output.stdout)?.lines().map(read).collect()
}

/// Where `cargo xtask install` has put the mail server and the SDKs: beside the profile's directory that our binary is in.
fn installed(bench: &Bench) -> anyhow::Result<PathBuf> {
    let places = [std::env::current_exe()?, bench.server.clone()];
    let found = places.iter().filter_map(|program| program.parent()?.parent()).map(|target| target.join("e2e"));
    found.into_iter().find(|place| place.join("venvs").is_dir()).context("run `cargo xtask install` first")
}

/// The browsers' part.
pub(crate) fn alone() {
    for Stage { name, seconds, clicks, keys } in first_run(Sdk::Python).stages {
        println!("{seconds}{SEPARATOR}{clicks}{SEPARATOR}{keys}{SEPARATOR}{name}");
    }
}

fn read(line: &str) -> anyhow::Result<Stage> {
    let mut fields = line.splitn(4, SEPARATOR);
    let mut field = || fields.next().with_context(|| format!("not a stage: {line}"));
    let (seconds, clicks, keys) = (field()?.parse()?, field()?.parse()?, field()?.parse()?);
    Ok(Stage { name: field()?.to_owned(), seconds, clicks, keys })
}
