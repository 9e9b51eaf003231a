//! Whole logins through the proxy and the server, beside the calls that they are made of.

use super::backend::Backend;
use super::ours::Logs;
use super::relay::Relayed;
use super::site::Site;
use super::{DEVICE_SECRET, SERVER_SECRET, plan, rounds};
use crate::load::{Name, Radius, Sending, Steady, Work};
use crate::options::Bench;
use crate::people;
use crate::process::Watched;
use crate::round::{Effort, Series, series};
use crate::stats::Spread;
use crate::table::{Report, Table};

const AT_A_TIME: usize = 16;
/// Users whom an administrator lets in without a second factor.
const BYPASSED: u64 = 200;
/// Processor time of a login: at most so many times that of a relay and of the call.
const BAR_CPU: f64 = 3.0;
/// Logins a second that the proxy must carry, and at which the time that it adds is taken.
const BAR_RATE: f64 = 1_500.0;
const BAR_ADDED_MS: f64 = 2.0;

pub(super) fn measure(bench: &Bench, report: &mut Report, relayed: &Relayed) -> anyhow::Result<()> {
    let mut table = Table::new(["", "at a time", "a second", "p50, ms", "p99, ms", "proxy CPU, us", "server CPU, us"]);
    bypassed(bench, report, &mut table, relayed)?;
    automatically(bench, report, &mut table)?;
    with_code(bench, report, &mut table)?;
    report.table("Logins through proxy and server, and the same calls made directly", &table);
    Ok(())
}

/// Whoever needs no second factor: one call.
fn bypassed(bench: &Bench, report: &mut Report, table: &mut Table, relayed: &Relayed) -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let site = Site::with(bench, "proxy-login", |installation| people::bypassed(installation, BYPASSED))?;
    let proxy = site.proxy(bench, backend.address, Logs::Logins)?;
    let work = Work::Preauth { keys: site.installation.auth.clone(), users: BYPASSED };
    let login = plan(proxy.program.address, DEVICE_SECRET, Name::Users(BYPASSED), Sending::AtATime(AT_A_TIME));
    let first_factor = plan(backend.address, SERVER_SECRET, Name::Users(BYPASSED), Sending::AtATime(AT_A_TIME));
    let both = Both { bench, proxy: proxy.program.watched(), server: site.server.watched() };

    let direct = both.calls(&site, &work, None)?;
    row(table, "preauth directly", &direct, None);
    let whole = both.logins(&login, "bypass", table)?;
    let base = relayed.cpu_us + direct.cpu_each_us().median;
    let times = whole / base;
    report.bar(
        "CPU of a login with bypass, proxy and server, against a relay and the call directly",
        format!("<= {BAR_CPU} times"),
        format!("{times:.2} times ({whole:.0} us / ({:.0} + {:.0}) us)", relayed.cpu_us, base - relayed.cpu_us),
        times <= BAR_CPU,
    );

    // What the proxy adds, at the rate that it must carry.
    let direct = both.calls(&site, &work, Some(BAR_RATE))?;
    let paced = |plan: &Radius| Radius { sending: Sending::Rate(BAR_RATE), ..plan.clone() };
    let effort = paced_effort(bench);
    let first_factor = rounds(&paced(&first_factor), AT_A_TIME, 0, &[backend.watched()], effort)?;
    let through = rounds(&paced(&login), AT_A_TIME, 1 << 20, &[both.proxy], effort)?;
    row(table, &format!("first factor directly, {BAR_RATE} arrivals/s"), &first_factor, None);
    row(table, &format!("preauth directly, {BAR_RATE} arrivals/s"), &direct, None);
    row(table, &format!("login with bypass, {BAR_RATE} arrivals/s"), &through, Some(through.cpu_each_us()));
    let p99 = |series: &Series| series.p99().median;
    let added = p99(&through) - p99(&direct) - p99(&first_factor);
    report.bar(
        format!("time that the proxy adds to a login with bypass, p99, {BAR_RATE} arrivals a second"),
        format!("< {BAR_ADDED_MS} ms"),
        format!("{added:.2} ms ({:.2} - {:.2} - {:.2})", p99(&through), p99(&direct), p99(&first_factor)),
        added < BAR_ADDED_MS,
    );
    Ok(())
}

/// A program that is approved automatically: one call, in which policies decide.
fn automatically(bench: &Bench, report: &mut Report, table: &mut Table) -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let site = Site::with(bench, "proxy-automatic", |installation| people::exempted(installation, BYPASSED))?;
    let proxy = site.proxy(bench, backend.address, Logs::Logins)?;
    let both = Both { bench, proxy: proxy.program.watched(), server: site.server.watched() };
    let login = plan(proxy.program.address, DEVICE_SECRET, Name::Users(BYPASSED), Sending::AtATime(AT_A_TIME));
    let series = both.series(&login, AT_A_TIME)?;
    row(table, "login approved automatically", &series, None);
    let rate = series.per_second().median;
    report.bar(
        "logins approved automatically, a second, through proxy and server",
        format!(">= {BAR_RATE}"),
        format!("{rate:.0}"),
        rate >= BAR_RATE,
    );
    Ok(())
}

/// A code of a token behind the password: two calls, counted, logged and durable.
fn with_code(bench: &Bench, report: &mut Report, table: &mut Table) -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let site = Site::with(bench, "proxy-code", |installation| people::fill(installation, bench.users, 0).map(drop))?;
    let proxy = site.proxy(bench, backend.address, Logs::Logins)?;
    let work = Work::Countersign { keys: site.installation.auth.clone(), users: bench.users };
    let both = Both { bench, proxy: proxy.program.watched(), server: site.server.watched() };
    let direct = both.calls(&site, &work, None)?;
    row(table, "preauth and auth with a code directly", &direct, None);
    let mut login = plan(proxy.program.address, DEVICE_SECRET, Name::WithCode(bench.users), Sending::AtATime(64));
    login.first = direct.next;
    let series = both.series(&login, 64)?;
    row(table, "login with a code", &series, None);
    let rate = series.per_second().median;
    report.bar(
        "logins approved by a code, a second, through proxy and server",
        format!(">= {BAR_RATE}"),
        format!("{rate:.0}"),
        rate >= BAR_RATE,
    );
    Ok(())
}

struct Both<'a> {
    bench: &'a Bench,
    proxy: Watched,
    server: Watched,
}

impl Both<'_> {
    /// Calls made directly; the processor time is the server's.
    fn calls(&self, site: &Site, work: &Work, rate: Option<f64>) -> anyhow::Result<Series> {
        let plan = Steady {
            target: site.installation.target(),
            work: work.clone(),
            connections: AT_A_TIME,
            first: 0,
            count: 0,
            rate,
        };
        let effort = if rate.is_some() { paced_effort(self.bench) } else { Effort::of(self.bench.quick, 2_000) };
        let series = series(&plan, &[self.server], effort)?;
        anyhow::ensure!(series.failures() == 0, "calls failed: {:?}", series.reasons());
        Ok(series)
    }

    fn series(&self, plan: &Radius, at_a_time: usize) -> anyhow::Result<Series> {
        rounds(plan, at_a_time, plan.first, &[self.proxy, self.server], Effort::of(self.bench.quick, 2_000))
    }

    /// Logins, once with the processor time of both and once with the proxy's alone. Returns that of both, in microseconds.
    fn logins(&self, plan: &Radius, what: &str, table: &mut Table) -> anyhow::Result<f64> {
        let series = self.series(plan, AT_A_TIME)?;
        let plan = Radius { first: series.next, ..plan.clone() };
        let effort = Effort { warm: 0, ..Effort::of(self.bench.quick, series.accepted().max(1_000) / 3) };
        let alone = rounds(&plan, AT_A_TIME, plan.first, &[self.proxy], effort)?;
        let whole = series.cpu_each_us().median;
        let proxy = alone.cpu_each_us();
        let (rate, p50, p99) = (series.per_second().show(0), series.p50().show(2), series.p99().show(2));
        let server = format!("{:.0}", whole - proxy.median);
        table.row([&format!("login with {what}"), &AT_A_TIME.to_string(), &rate, &p50, &p99, &proxy.show(0), &server]);
        Ok(whole)
    }
}

fn paced_effort(bench: &Bench) -> Effort {
    let seconds = if bench.quick { 2.0 } else { 5.0 };
    Effort { warm: 1, rounds: if bench.quick { 3 } else { 5 }, seconds, first: (BAR_RATE * seconds) as u64 }
}

fn row(table: &mut Table, what: &str, series: &Series, proxy: Option<Spread>) {
    let (rate, p50, p99) = (series.per_second().show(0), series.p50().show(2), series.p99().show(2));
    let cpu = series.cpu_each_us().show(0);
    let (proxy, server) = match proxy {
        Some(proxy) => (proxy.show(0), String::new()),
        None => (String::new(), cpu),
    };
    table.row([what, &AT_A_TIME.to_string(), &rate, &p50, &p99, &proxy, &server]);
}
