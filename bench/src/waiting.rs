//! Logins that wait for a person: what each takes up, what all cost, and what is left when they are gone.

use std::time::Duration;

use anyhow::ensure;

use crate::load::{Plan, Waiters};
use crate::login::bare_answer;
use crate::options::Bench;
use crate::people;
use crate::round::Generator;
use crate::site::Installation;
use crate::table::{Report, Table};

/// A push lives 60 s: all must wait before and after.
const WINDOW: Duration = Duration::from_secs(45);
const QUICK_WINDOW: Duration = Duration::from_secs(30);
/// After this, what a burst left behind stays.
const SETTLED: Duration = Duration::from_secs(10);
const BAR_KB: f64 = 30.0;
/// Processor time while waiting: at most this many bare answers for each poll.
const BAR_BARE: f64 = 3.0;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let count = bench.waiting;
    let dir = bench.fresh("waiting")?;
    let installation = Installation::new(bench, &dir, None)?;
    people::fill(&installation, count, count)?;
    let server = installation.start()?;
    let watched = server.watched();
    let resident = || watched.resident_bytes().map(|bytes| bytes as f64);

    let plan = Waiters { target: installation.target(), keys: installation.auth.clone(), count };
    let mut generator = Generator::start(&Plan::Waiters(plan))?;
    generator.expect("ready")?;
    let before = resident()?;
    generator.go()?;
    generator.expect("connected")?;
    let connected = resident()?;
    generator.go()?;
    generator.expect("waiting")?;
    let cpu = watched.cpu_seconds()?;
    let waiting = resident()?;
    wait(if bench.quick { QUICK_WINDOW } else { WINDOW });
    let cpu = watched.cpu_seconds()? - cpu;
    let later = resident()?;
    generator.go()?;
    let outcome = generator.outcome()?;
    ensure!(outcome.failures() == 0, "{} did not wait: {:?}", outcome.failures(), outcome.failed);
    wait(SETTLED);
    let gone = resident()?;
    drop(server);
    let bare = bare_answer(bench)?.cpu_each_us().median;

    let each = |bytes: f64| (bytes - before) / count as f64 / 1e3;
    let polls = outcome.per_second();
    let used = cpu / outcome.seconds;
    let allowed = BAR_BARE * polls * bare / 1e6;
    let mut table = Table::new(["", "found"]);
    table.row(["logins waiting, one HTTPS connection each", &count.to_string()]);
    table.row(["resident before, MB", &format!("{:.1}", before / 1e6)]);
    table.row(["resident with the connections open, KB each", &format!("{:.1}", each(connected))]);
    table.row(["resident with all waiting, KB each", &format!("{:.1}", each(waiting))]);
    table.row([&format!("the same {:.0} s later, KB each", outcome.seconds), &format!("{:.1}", each(later))]);
    table.row([&format!("resident {} s after all have gone, MB", SETTLED.as_secs()), &format!("{:.1}", gone / 1e6)]);
    table.row(["polls answered, per second", &format!("{polls:.0}")]);
    table.row(["processor time, % of one core", &format!("{:.2}", used * 100.0)]);
    table.row(["processor time of a bare HTTPS answer, us", &format!("{bare:.1}")]);
    report.table("Waiting", &table);
    report.bar(
        format!("{count} logins waiting, resident each"),
        format!("<= {BAR_KB} KB"),
        format!("{:.1} KB", each(later.max(waiting))),
        each(later.max(waiting)) <= BAR_KB,
    );
    report.bar(
        format!("{count} logins waiting, processor time"),
        format!("<= {BAR_BARE} bare answers for each poll: {:.2} % of a core", allowed * 100.0),
        format!("{:.2} % of a core", used * 100.0),
        used <= allowed,
    );
    Ok(())
}

#[expect(clippy::disallowed_methods, reason = "waiting is what is measured")]
fn wait(time: Duration) {
    std::thread::sleep(time);
}
