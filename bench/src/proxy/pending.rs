//! Logins that wait for a push that nobody answers: what they take up, and that whoever needs no push is served beside them.

use std::time::{Duration, Instant};

use anyhow::{Context as _, ensure};
use cs_radius::Code;

use super::backend::Backend;
use super::ours::{Logs, Ours};
use super::site::Site;
use super::{DEVICE_SECRET, EXEMPT, plan, rounds};
use crate::load::{Name, Plan, Radius, Sending};
use crate::options::Bench;
use crate::people;
use crate::round::{Effort, Generator};
use crate::stats::Spread;
use crate::table::{Report, Table};

const BAR_MB: f64 = 250.0;
/// All must have begun while the first of them still waits: a push lives 60 s.
const BEGUN_WITHIN: Duration = Duration::from_secs(40);
/// Arrivals a second.
const RATE: f64 = 600.0;
/// A push lives 60 s; afterwards the login is refused.
const PATIENCE_MS: u64 = 100_000;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let count = bench.waiting;
    let backend = Backend::start()?;
    let site = Site::with(bench, "proxy-pending", |installation| people::fill(installation, count, count).map(drop))?;
    let proxy = site.proxy(bench, backend.address, Logs::Logins)?;
    let watched = proxy.program.watched();
    let before = watched.resident_bytes()? as f64 / 1e6;
    let wanted = Code::AccessReject.octet();
    let plan = plan(proxy.program.address, DEVICE_SECRET, Name::Users(count), Sending::Rate(RATE));
    let plan = Radius { count, wanted, patience_ms: PATIENCE_MS, ..plan };
    let mut generator = Generator::start(&Plan::Radius(plan))?;
    generator.expect("ready")?;
    generator.go()?;
    let took = all_wait(&proxy, count)?;
    let resident = watched.resident_bytes()? as f64 / 1e6;
    // Others log in meanwhile.
    let relay = super::plan(proxy.program.address, DEVICE_SECRET, Name::One(EXEMPT.to_owned()), Sending::AtATime(16));
    let effort = Effort { warm: 0, rounds: 2, seconds: 1.0, first: 5_000 };
    let beside = rounds(&relay, 16, 1 << 22, &[watched], effort)?;
    let outcome = generator.outcome()?;
    ensure!(outcome.failures() == 0, "logins ended otherwise than by a refusal: {:?}", outcome.failed);
    ensure!(outcome.accepted == count, "{} of {count} were refused", outcome.accepted);
    let away = proxy.metric("countersign_proxy_api_calls_total", "away")?;
    let after = watched.resident_bytes()? as f64 / 1e6;

    let mut table = Table::new(["", "found"]);
    table.row(["pushes that wait", &count.to_string()]);
    table.row(["begun within, s", &format!("{:.1}", took.as_secs_f64())]);
    table.row(["resident before, MB", &format!("{before:.1}")]);
    table.row(["resident while all wait, MB", &format!("{resident:.1}")]);
    table.row(["each, KB", &format!("{:.1}", (resident - before) * 1e3 / count as f64)]);
    table.row(["relayed beside them, p99, ms", &Spread::of([beside.p99().median]).show(2)]);
    table.row(["calls to the server that found it away", &away.to_string()]);
    table.row(["resident when all are refused, MB", &format!("{after:.1}")]);
    report.table("Pushes that wait", &table);
    report.bar(
        format!("{count} pushes that wait, resident"),
        format!("< {BAR_MB} MB"),
        format!("{resident:.1} MB; {away} calls found the server away"),
        resident < BAR_MB && away == 0,
    );
    Ok(())
}

/// Waits until all have been begun at the server. Returns how long that took.
#[expect(clippy::disallowed_methods, reason = "other processes come so far in real time")]
fn all_wait(proxy: &Ours, count: u64) -> anyhow::Result<Duration> {
    let start = Instant::now();
    let log = proxy.dir.join("proxy.log");
    loop {
        let text = std::fs::read_to_string(&log).context("the proxy's log")?;
        if text.matches("a login waits for a person").count() as u64 >= count {
            return Ok(start.elapsed());
        }
        ensure!(start.elapsed() < BEGUN_WITHIN, "not all wait after {BEGUN_WITHIN:?}; see {}", log.display());
        std::thread::sleep(Duration::from_millis(200));
    }
}
