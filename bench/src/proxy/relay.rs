//! Logins by PAP that a proxy only gives on: ours for an exempt name, with all that it remembers for everybody, FreeRADIUS and radsecproxy.

use super::backend::Backend;
use super::ours::Logs;
use super::site::Site;
use super::{DEVICE_SECRET, EXEMPT, SERVER_SECRET, peers, plan, rounds};
use crate::load::{Name, Sending};
use crate::options::Bench;
use crate::process::Watched;
use crate::round::{Effort, Series};
use crate::table::{Report, Table};

/// Logins at a time.
const AT_A_TIME: [usize; 2] = [16, 64];

/// What a relay costs, for other figures.
#[derive(Debug, Clone, Copy)]
pub(super) struct Relayed {
    /// Of our processor time, in microseconds, with a line in the log for each.
    pub(super) cpu_us: f64,
}

struct Line {
    who: &'static str,
    at_a_time: usize,
    series: Series,
}

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<Relayed> {
    let backend = Backend::start()?;
    let site = Site::new(bench, "proxy-relay")?;
    let mut lines = Vec::new();
    let mut add = |who, target, secret, watched: Watched| -> anyhow::Result<()> {
        for at_a_time in AT_A_TIME {
            eprintln!("{who}, {at_a_time} at a time ...");
            let plan = plan(target, secret, Name::One(EXEMPT.to_owned()), Sending::AtATime(at_a_time));
            let series = rounds(&plan, at_a_time, 0, &[watched], Effort::of(bench.quick, 20_000))?;
            lines.push(Line { who, at_a_time, series });
        }
        Ok(())
    };
    add("no proxy", backend.address, SERVER_SECRET, backend.watched())?;
    for (who, logs) in [(OURS, Logs::Logins), (QUIET, Logs::Trouble)] {
        let ours = site.proxy(bench, backend.address, logs)?;
        add(who, ours.program.address, DEVICE_SECRET, ours.program.watched())?;
    }
    if bench.peer {
        let freeradius = peers::freeradius(&bench.fresh("proxy-freeradius")?, backend.address)?;
        add(FREERADIUS, freeradius.address, DEVICE_SECRET, freeradius.watched())?;
        drop(freeradius);
        let radsecproxy = peers::radsecproxy(&bench.fresh("proxy-radsecproxy")?, backend.address)?;
        add(RADSECPROXY, radsecproxy.address, DEVICE_SECRET, radsecproxy.watched())?;
    }
    show(report, &lines);
    bars(report, &lines);
    let cpu_us = cheapest(&lines, OURS).unwrap_or_default();
    Ok(Relayed { cpu_us })
}

const OURS: &str = "ours, a line for each login";
const QUIET: &str = "ours, RUST_LOG=warn";
const FREERADIUS: &str = "FreeRADIUS";
const RADSECPROXY: &str = "radsecproxy";

fn show(report: &mut Report, lines: &[Line]) {
    let mut table =
        Table::new(["proxy", "at a time", "answered/s", "p50, ms", "p99, ms", "its CPU each, us", "answered"]);
    for Line { who, at_a_time, series } in lines {
        let (rate, p50, p99) = (series.per_second().show(0), series.p50().show(2), series.p99().show(2));
        let cpu = series.cpu_each_us().show(1);
        table.row([*who, &at_a_time.to_string(), &rate, &p50, &p99, &cpu, &series.accepted().to_string()]);
    }
    report.table("PAP given on to another server, every answer checked, none lost", &table);
}

fn cheapest(lines: &[Line], who: &str) -> Option<f64> {
    of(lines, who).map(|line| line.series.cpu_each_us().median).min_by(f64::total_cmp)
}

fn fastest(lines: &[Line], who: &str) -> Option<f64> {
    of(lines, who).map(|line| line.series.per_second().median).max_by(f64::total_cmp)
}

fn of<'a>(lines: &'a [Line], who: &'a str) -> impl Iterator<Item = &'a Line> {
    lines.iter().filter(move |line| line.who == who)
}

fn bars(report: &mut Report, lines: &[Line]) {
    let (Some(cpu), Some(rate)) = (cheapest(lines, OURS), fastest(lines, OURS)) else { return };
    for peer in [FREERADIUS, RADSECPROXY] {
        let (Some(their_cpu), Some(their_rate)) = (cheapest(lines, peer), fastest(lines, peer)) else { continue };
        report.bar(
            format!("relayed a second, against {peer}"),
            "> 1 time",
            format!("{:.2} times ({rate:.0} / {their_rate:.0})", rate / their_rate),
            rate > their_rate,
        );
        report.bar(
            format!("CPU of a relay, against {peer}"),
            "< 1 time",
            format!("{:.2} times ({cpu:.1} us / {their_cpu:.1} us)", cpu / their_cpu),
            cpu < their_cpu,
        );
    }
}
