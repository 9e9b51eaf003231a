//! From the moment a device sends its answer to the moment the waiting client has its own.

use anyhow::ensure;
use cs_store::Database;

use crate::load::{Outcome, Plan, Pushes};
use crate::options::Bench;
use crate::people::Device;
use crate::postgres::Cluster;
use crate::round::Generator;
use crate::site::Installation;
use crate::table::{Report, Table};
use crate::{commit, flush, people};

/// Pushes answered at a time.
const CONCURRENCY: [usize; 3] = [1, 16, 64];
const ORIENTATION_MS: f64 = 10.0;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let mut table = Table::new([
        "server",
        "at a time",
        "approvals/s",
        "p50, ms",
        "p99, ms",
        "samples",
        "a commit: p50, ms",
        "p99, ms",
        "flush p50 / p99, ms",
    ]);
    on(bench, report, &mut table, "SQLite", None)?;
    if bench.postgres {
        let cluster = Cluster::start(&bench.fresh("postgres")?)?;
        on(bench, report, &mut table, "PostgreSQL", Some(&cluster))?;
    }
    report.table("Push: from the device's answer to the waiting client's", &table);
    Ok(())
}

fn on(
    bench: &Bench,
    report: &mut Report,
    table: &mut Table,
    name: &str,
    cluster: Option<&Cluster>,
) -> anyhow::Result<()> {
    let dir = bench.fresh("push")?;
    let database = cluster.map(|cluster| cluster.create_database("push")).transpose()?;
    let installation = Installation::new(bench, &dir, database)?;
    let samples: usize = if bench.quick { 1_000 } else { 4_000 };
    let users = (samples * CONCURRENCY.len()) as u64;
    let devices = people::fill(&installation, users, users)?;
    let server = installation.start()?;
    for (at_once, devices) in CONCURRENCY.into_iter().zip(devices.chunks(samples)) {
        let outcome = approvals(&installation, devices, at_once)?;
        let commit_dir = bench.fresh("commits")?;
        let database = match cluster {
            Some(cluster) => Database::Postgres(cluster.create_database(&format!("commits{at_once}"))?),
            None => Database::Sqlite(commit_dir.join("commits.db")),
        };
        let commits = commit::probe(database, &commit_dir, at_once, samples)?;
        table.row([
            name.to_owned(),
            at_once.to_string(),
            format!("{:.0}", outcome.per_second()),
            format!("{:.2}", outcome.latency.p50),
            format!("{:.2}", outcome.latency.p99),
            outcome.latency.samples.to_string(),
            format!("{:.2}", commits.p50),
            format!("{:.2}", commits.p99),
            flush::cell(&dir)?,
        ]);
        report.bar(
            format!("approve to answer, {name}, {at_once} at a time"),
            format!("p99 about {ORIENTATION_MS} ms, beside a commit's"),
            format!(
                "{:.2} ms; {:.1} times a commit's {:.2} ms",
                outcome.latency.p99,
                outcome.latency.p99 / commits.p99,
                commits.p99
            ),
            outcome.latency.p99 <= ORIENTATION_MS,
        );
    }
    drop(server);
    Ok(())
}

fn approvals(installation: &Installation, devices: &[Device], at_once: usize) -> anyhow::Result<Outcome> {
    let plan = Pushes {
        api: installation.target(),
        authenticator: installation.authenticator(),
        keys: installation.auth.clone(),
        devices: devices.to_vec(),
        at_once,
    };
    let mut generator = Generator::start(&Plan::Pushes(plan))?;
    generator.expect("ready")?;
    generator.go()?;
    let outcome = generator.outcome()?;
    ensure!(outcome.accepted == devices.len() as u64, "too few answers: {:?}", outcome.failed);
    ensure!(outcome.failures() == 0, "{} failed: {:?}", outcome.failures(), outcome.failed);
    Ok(outcome)
}
