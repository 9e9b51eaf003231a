//! Logins in a browser: the server's processor time for the prompt's pages, and for a login with a key.

use anyhow::ensure;

use crate::load::{Plan, Prompts, Until};
use crate::options::Bench;
use crate::people::{self, Office};
use crate::process::Watched;
use crate::round::{Effort, Series, series_of};
use crate::site::Installation;
use crate::table::{Report, Table};
use crate::{login, verify};

const CONNECTIONS: usize = 16;
/// Users with a key each: many enough that none logs in twice at a time.
const KEYS: u64 = 500;
/// Processor time of the prompt's page: at most this many bare answers.
const BAR_BARE: f64 = 20.0;
/// Processor time of a login with a key: at most this many times that of the library's verification and of the page.
const BAR_KEY: f64 = 1.5;

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let bare = login::bare_answer(bench)?.cpu_each_us();
    let verification = verify::measure(bench.quick)?;
    let installation = Installation::new(bench, &bench.fresh("prompt")?, None)?;
    people::fill(&installation, bench.users.max(KEYS), 0)?;
    let office = people::office(&installation, KEYS)?;
    let server = installation.start()?;
    let watched = server.watched();

    let mut next = 0;
    let mut run = |until, what: &'static str| -> anyhow::Result<Line> {
        let series = logins(bench, &installation, &office, watched, until, next)?;
        next = series.next;
        ensure!(series.failures() == 0, "{what}: lost because of {:?}", series.reasons());
        Ok(Line { what, series })
    };
    let begun = run(Until::Begun, "authorize, the page that begins (2 requests, 1 commit)")?;
    let passcode = run(Until::Passcode, "the same, on to the page for a passcode (4 requests, 2 commits)")?;
    let key = run(Until::Key, "the same, on to the page for a key (4 requests, 3 commits)")?;
    let whole = run(Until::In, "a whole login with a key (6 requests, 4 commits)")?;
    drop(server);

    let mut table = Table::new(["what", "a second", "p50, ms", "p99, ms", "server CPU each, us", "bare answers"]);
    let times = |us: f64| format!("{:.1}", us / bare.median);
    table.row(["bare HTTPS answer", "", "", "", &bare.show(1), "1"]);
    table.row(["the library verifies a key's answer", "", "", "", &verification.show(1), &times(verification.median)]);
    for Line { what, series } in [&begun, &passcode, &key, &whole] {
        let cpu = series.cpu_each_us();
        let (rate, p50, p99) = (series.per_second().show(0), series.p50().show(2), series.p99().show(2));
        table.row([*what, &rate, &p50, &p99, &cpu.show(1), &times(cpu.median)]);
    }
    report.table("Logins in a browser, 16 at a time, SQLite", &table);

    let us = |line: &Line| line.series.cpu_each_us().median;
    report.bar(
        "server CPU of the prompt's page, from authorize on, against a bare HTTPS answer",
        format!("<= {BAR_BARE} times"),
        format!("{} times ({:.1} us / {:.1} us)", times(us(&begun)), us(&begun), bare.median),
        us(&begun) <= BAR_BARE * bare.median,
    );
    let base = verification.median + us(&key);
    report.bar(
        "server CPU of a login with a key against the library's verification and the page that asks for it",
        format!("<= {BAR_KEY} times"),
        format!(
            "{:.2} times ({:.1} us / ({:.1} + {:.1}) us)",
            us(&whole) / base,
            us(&whole),
            verification.median,
            us(&key)
        ),
        us(&whole) <= BAR_KEY * base,
    );
    Ok(())
}

struct Line {
    what: &'static str,
    series: Series,
}

fn logins(
    bench: &Bench,
    installation: &Installation,
    office: &Office,
    server: Watched,
    until: Until,
    first: u64,
) -> anyhow::Result<Series> {
    let plan = |first, count| {
        Plan::Prompts(Prompts {
            target: installation.target(),
            keys: office.application.clone(),
            security_keys: office.security_keys.clone(),
            until,
            connections: CONNECTIONS,
            first,
            count,
        })
    };
    series_of(plan, first, CONNECTIONS, &[server], Effort::of(bench.quick, 1_000))
}
