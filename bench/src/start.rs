//! From spawning the server to its first accepted login, and what it takes up when nobody logs in.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};

use crate::http::Dialer;
use crate::load::Work;
use crate::options::Bench;
use crate::people;
use crate::site::Installation;
use crate::stats::Spread;
use crate::table::{Report, Table};
use crate::{flush, signed};

const LIMIT: Duration = Duration::from_secs(20);
/// After this, what start-up allocated has come to rest.
const SETTLED: Duration = Duration::from_secs(3);
const BAR_MS: f64 = 150.0;
const BAR_MB: f64 = 40.0;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let dir = bench.fresh("start")?;
    let installation = Installation::new(bench, &dir, None)?;
    people::fill(&installation, bench.users, 0)?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let (mut first_login, mut idle, mut after) = (Vec::new(), Vec::new(), Vec::new());
    let rounds = if bench.quick { 3 } else { 10 };
    for number in 0..rounds {
        let dialer = Dialer::new(installation.target())?;
        let start = Instant::now();
        let server = installation.spawn()?;
        runtime.block_on(log_in(&installation, &dialer, number, bench.users))?;
        first_login.push(start.elapsed().as_secs_f64() * 1e3);
        after.push(server.watched().resident_bytes()? as f64 / 1e6);
        if number < 3 {
            settle();
            idle.push(server.watched().resident_bytes()? as f64 / 1e6);
        }
    }
    let first_login = Spread::of(first_login);
    let (idle, after) = (Spread::of(idle), Spread::of(after));
    let mut table = Table::new([
        "users",
        "start to first accepted login, ms",
        "resident then, MB",
        "resident idle, MB",
        "flush p50 / p99, ms",
    ]);
    table.row([bench.users.to_string(), first_login.show(0), after.show(1), idle.show(1), flush::cell(&dir)?]);
    report.table("Start", &table);
    report.bar(
        "start to first accepted login",
        format!("< {BAR_MS} ms"),
        format!("{:.0} ms", first_login.median),
        first_login.median < BAR_MS,
    );
    report.bar(
        format!("idle resident, {} users", bench.users),
        format!("< {BAR_MB} MB"),
        format!("{:.1} MB", idle.median),
        idle.median < BAR_MB,
    );
    Ok(())
}

/// Tries until the server listens, then logs in once.
async fn log_in(installation: &Installation, dialer: &Dialer, number: u64, users: u64) -> anyhow::Result<()> {
    let limit = Instant::now() + LIMIT;
    let work = Work::Countersign { keys: installation.auth.clone(), users };
    let requests = work.requests(number, dialer.host(), &signed::date()?);
    let mut connection = loop {
        match dialer.dial().await {
            Ok(connection) => break connection,
            Err(error) if Instant::now() > limit => return Err(error).context("the server did not come up"),
            Err(_) => tokio::time::sleep(Duration::from_millis(1)).await,
        }
    };
    for request in requests {
        let answer = connection.ask(&request.bytes).await?;
        let judged = (request.right)(&answer);
        ensure!(judged.is_ok(), "the first login: {judged:?}");
    }
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "another process comes to rest in real time")]
fn settle() {
    std::thread::sleep(SETTLED);
}
