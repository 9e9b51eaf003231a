//! Accepted logins per CPU-second: ours, privacyIDEA's, and the floor under both.

use anyhow::ensure;

use crate::bare::{self, BareServer};
use crate::http::Target;
use crate::load::{Steady, Work};
use crate::options::Bench;
use crate::peer::privacyidea::{self, PrivacyIdea};
use crate::postgres::Cluster;
use crate::process::Watched;
use crate::round::{Effort, Series, series};
use crate::site::Installation;
use crate::stats::Spread;
use crate::table::{Report, Table};
use crate::{flush, people};

/// Clients that log in at a time.
const CONCURRENCY: [usize; 2] = [16, 64];
/// Accepted logins per CPU-second: ours at least this many times the peer's.
const BAR_PEER: f64 = 400.0;
/// Processor time of one login: at most this many bare answers.
const BAR_BARE: f64 = 20.0;

/// One line of the table.
struct Line {
    who: String,
    connections: usize,
    series: Series,
    flush: String,
    /// p50 and p99 with arrivals at half the highest rate.
    half: Option<(f64, Spread, Spread)>,
}

pub(crate) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let bare = bare_answer(bench)?;
    let mut lines = ours(bench, "ours, SQLite", None)?;
    if bench.postgres {
        let cluster = Cluster::start(&bench.fresh("postgres")?)?;
        lines.extend(ours(bench, "ours, PostgreSQL", Some(&cluster))?);
        if bench.peer {
            lines.extend(theirs(bench, "privacyIDEA, PostgreSQL", Some(&cluster))?);
        }
    }
    if bench.peer {
        lines.extend(theirs(bench, "privacyIDEA, SQLite", None)?);
    }
    let mut table = Table::new([
        "server",
        "at a time",
        "accepted/s",
        "p50, ms",
        "p99, ms",
        "server CPU each, us",
        "accepted/CPU-second",
        "accepted",
        "lost",
        "flush p50 / p99, ms",
    ]);
    table.row([
        "bare HTTPS answer".to_owned(),
        "16".to_owned(),
        bare.per_second().show(0),
        bare.p50().show(2),
        bare.p99().show(2),
        bare.cpu_each_us().show(1),
        format!("{:.0}", 1e6 / bare.cpu_each_us().median),
        bare.accepted().to_string(),
        bare.failures().to_string(),
        String::new(),
    ]);
    for line in &lines {
        let (series, cpu) = (&line.series, line.series.cpu_each_us());
        table.row([
            line.who.clone(),
            line.connections.to_string(),
            series.per_second().show(0),
            series.p50().show(2),
            series.p99().show(2),
            cpu.show(1),
            format!("{:.0}", 1e6 / cpu.median),
            series.accepted().to_string(),
            series.failures().to_string(),
            line.flush.clone(),
        ]);
    }
    report.table("Logins (preauth + auth with a passcode, durable, one audit entry each)", &table);
    half_load(report, &lines);
    for line in lines.iter().filter(|line| line.series.failures() > 0) {
        report.text(&format!("{} at {}: lost because of {:?}", line.who, line.connections, line.series.reasons()));
    }
    bars(report, &lines, &bare);
    Ok(())
}

/// Processor time of a constant answered by the same stack.
pub(crate) fn bare_answer(bench: &Bench) -> anyhow::Result<Series> {
    let server = BareServer::start(&bench.fresh("bare")?)?;
    let plan = steady(server.target.clone(), Work::Get { path: bare::PATH.to_owned() }, 16);
    series(&plan, &[server.watched()], Effort::of(bench.quick, 20_000))
}

fn ours(bench: &Bench, who: &str, cluster: Option<&Cluster>) -> anyhow::Result<Vec<Line>> {
    let dir = bench.fresh("login")?;
    let database = cluster.map(|cluster| cluster.create_database("countersign")).transpose()?;
    let installation = Installation::new(bench, &dir, database)?;
    people::fill(&installation, bench.users, 0)?;
    let server = installation.start()?;
    let mut watched = vec![server.watched()];
    if let Some(cluster) = cluster {
        watched.push(cluster.watched()?);
    }
    let work = Work::Countersign { keys: installation.auth.clone(), users: bench.users };
    let (lines, accepted) =
        lines(bench, who, &dir, &installation.target(), &work, &watched, Effort::of(bench.quick, 2_000))?;
    drop(server);
    let logged = people::logged(&installation)?;
    ensure!(logged == accepted, "{who}: {accepted} logins were accepted, {logged} are in the audit log");
    Ok(lines)
}

fn theirs(bench: &Bench, who: &str, cluster: Option<&Cluster>) -> anyhow::Result<Vec<Line>> {
    let installed = privacyidea::Installed::in_dir(&bench.dir)?;
    let dir = bench.fresh("peer")?;
    let database = match cluster {
        Some(cluster) => cluster.create_database("privacyidea")?.replace("postgresql:", "postgresql+psycopg2:"),
        None => format!("sqlite:///{}", dir.join("privacyidea.db").display()),
    };
    let peer = PrivacyIdea::start(&installed, &dir, &database)?;
    let mut watched = vec![peer.watched()];
    if let Some(cluster) = cluster {
        watched.push(cluster.watched()?);
    }
    let work = Work::PrivacyIdea { users: privacyidea::USERS };
    Ok(lines(bench, who, &dir, &peer.target, &work, &watched, Effort::of(bench.quick, 100))?.0)
}

/// The lines of one server, and how many logins it has accepted in all.
fn lines(
    bench: &Bench,
    who: &str,
    dir: &std::path::Path,
    target: &Target,
    work: &Work,
    watched: &[Watched],
    effort: Effort,
) -> anyhow::Result<(Vec<Line>, u64)> {
    let mut lines: Vec<Line> = Vec::new();
    let (mut first, mut accepted) = (0, 0);
    for connections in CONCURRENCY {
        eprintln!("{who}, {connections} at a time ...");
        let flush = flush::cell(dir)?;
        let plan = Steady { first, ..steady(target.clone(), work.clone(), connections) };
        let series = series(&plan, watched, effort)?;
        first = series.next;
        accepted += series.accepted_ever;
        lines.push(Line { who: who.to_owned(), connections, series, flush, half: None });
    }
    let highest = lines.iter().map(|line| line.series.per_second().median).fold(0.0, f64::max);
    ensure!(highest > 0.0, "nothing was accepted");
    if let Some(line) = lines.last_mut() {
        let rate = highest / 2.0;
        let count = (rate * effort.seconds).ceil() as u64;
        let plan = Steady { first, rate: Some(rate), ..steady(target.clone(), work.clone(), line.connections) };
        let rounds = if bench.quick { 2 } else { 5 };
        let half = series(&plan, watched, Effort { warm: 1, rounds, seconds: effort.seconds, first: count })?;
        line.half = Some((rate, half.p50(), half.p99()));
        accepted += half.accepted_ever;
    }
    Ok((lines, accepted))
}

fn half_load(report: &mut Report, lines: &[Line]) {
    let mut table = Table::new(["server", "arrivals/s", "p50, ms", "p99, ms", "flush p50 / p99, ms"]);
    for line in lines {
        if let Some((rate, p50, p99)) = &line.half {
            table.row([line.who.clone(), format!("{rate:.0}"), p50.show(2), p99.show(2), line.flush.clone()]);
        }
    }
    report.table("The same at half the highest rate, arrivals at random moments", &table);
}

fn bars(report: &mut Report, lines: &[Line], bare: &Series) {
    let cheapest = |prefix: &str| {
        let of = lines.iter().filter(|line| line.who.starts_with(prefix));
        of.map(|line| line.series.cpu_each_us().median).min_by(f64::total_cmp)
    };
    for database in ["SQLite", "PostgreSQL"] {
        let (ours, theirs) = (cheapest(&format!("ours, {database}")), cheapest(&format!("privacyIDEA, {database}")));
        let Some(ours) = ours else { continue };
        if let Some(theirs) = theirs {
            let times = theirs / ours;
            report.bar(
                format!("accepted logins per CPU-second against privacyIDEA, {database} on both sides"),
                format!(">= {BAR_PEER} times"),
                format!("{times:.0} times ({:.1} ms / {ours:.1} us)", theirs / 1e3),
                times >= BAR_PEER,
            );
        }
        let bare = bare.cpu_each_us().median;
        report.bar(
            format!("server CPU of a login against a bare HTTPS answer, {database}"),
            format!("<= {BAR_BARE} times"),
            format!("{:.1} times ({ours:.1} us / {bare:.1} us)", ours / bare),
            ours <= BAR_BARE * bare,
        );
    }
}

fn steady(target: Target, work: Work, connections: usize) -> Steady {
    Steady { target, work, connections, first: 0, count: 0, rate: None }
}
