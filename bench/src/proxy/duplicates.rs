//! The same packet again: answered with the same octets, at a fraction of what a login costs.

use super::backend::Backend;
use super::ours::Logs;
use super::relay::Relayed;
use super::site::Site;
use super::{DEVICE_SECRET, EXEMPT, plan};
use crate::load::{Name, Sending};
use crate::options::Bench;
use crate::table::{Report, Table};

const AT_A_TIME: usize = 64;
/// Packets that are answered once and then come again; fewer than there are numbers at the sender's sockets.
const PACKETS: u64 = 3_200;
/// Processor time of a repetition: at most this part of that of a relay.
const BAR: f64 = 0.25;

pub(super) fn measure(bench: &Bench, report: &mut Report, relayed: &Relayed) -> anyhow::Result<()> {
    let backend = Backend::start()?;
    let site = Site::new(bench, "proxy-again")?;
    let ours = site.proxy(bench, backend.address, Logs::Logins)?;
    let target = ours.program.address;
    let watched = ours.program.watched();
    let (mut rates, mut cpus) = (Vec::new(), Vec::new());
    let rounds = if bench.quick { 3 } else { 5 };
    let times = if bench.quick { 30 } else { 100 };
    for round in 0..rounds {
        let sending = Sending::Again { at_a_time: AT_A_TIME, times };
        let plan = plan(target, DEVICE_SECRET, Name::One(EXEMPT.to_owned()), sending);
        let measured = super::once(&plan, round * PACKETS, PACKETS, &[watched])?;
        rates.push(measured.outcome.per_second());
        cpus.push(measured.cpu_each * 1e6);
    }
    let (rate, cpu) = (crate::stats::Spread::of(rates), crate::stats::Spread::of(cpus));
    let mut table = Table::new(["repetitions", "answered/s", "its CPU each, us", "of a relay's"]);
    let part = cpu.median / relayed.cpu_us;
    table.row([
        format!("{} packets, {times} times each, {AT_A_TIME} at a time", PACKETS),
        rate.show(0),
        cpu.show(2),
        format!("{part:.2}"),
    ]);
    report.table("The same packet again, answered with the same octets", &table);
    report.bar(
        "CPU of an answered repetition against that of a relay",
        format!("<= {BAR} times"),
        format!("{part:.2} times ({:.2} us / {:.1} us)", cpu.median, relayed.cpu_us),
        part <= BAR,
    );
    Ok(())
}
