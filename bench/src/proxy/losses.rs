//! A flood: more than can be taken. What was taken is answered, and what was not is what the kernel dropped, counted where an administrator looks.

use std::fs::read_to_string;

use anyhow::{Context as _, ensure};

use super::backend::Backend;
use super::ours::Logs;
use super::site::Site;
use super::{DEVICE_SECRET, EXEMPT, plan};
use crate::load::{Name, Radius, Sending};
use crate::options::Bench;
use crate::table::{Report, Table};

/// Re-sends to the server behind come after 2 s, three times.
const PATIENCE_MS: u64 = 12_000;

pub(super) fn measure(bench: &Bench, report: &mut Report) -> anyhow::Result<()> {
    let count = if bench.quick { 200_000 } else { 400_000 };
    let backend = Backend::start()?;
    let site = Site::new(bench, "proxy-flood")?;
    let ours = site.proxy(bench, backend.address, Logs::Trouble)?;
    let plan = plan(ours.program.address, DEVICE_SECRET, Name::One(EXEMPT.to_owned()), Sending::Flood);
    let plan = Radius { patience_ms: PATIENCE_MS, ..plan };
    let before = receive_buffer_errors()?;
    let measured = super::once(&plan, 0, count, &[ours.program.watched()])?;
    let everywhere = receive_buffer_errors()? - before;
    let outcome = measured.outcome;
    let silent = outcome.failed.get("no answer").copied().unwrap_or(0);
    let wrong = outcome.failures() - silent;
    let kernel = drops_at(ours.program.address.port())?;
    let told = ours.metric("countersign_proxy_receive_buffer_drops_total", "")?;
    let dropped = ours.metric("countersign_proxy_packets_dropped_total", "")?;
    let mut table = Table::new(["a flood", "packets"]);
    table.row(["sent once each, from 256 ports", &count.to_string()]);
    table.row(["answered rightly", &outcome.accepted.to_string()]);
    table.row(["answered wrongly", &wrong.to_string()]);
    table.row(["not answered", &silent.to_string()]);
    table.row(["dropped by the kernel at the proxy's socket (/proc/net/udp)", &kernel.to_string()]);
    table.row(["the same in the proxy's metrics", &told.to_string()]);
    table.row(["dropped by the proxy, for whatever reason", &dropped.to_string()]);
    table.row(["receive-buffer errors of all sockets of the host meanwhile", &everywhere.to_string()]);
    report.table("Flood", &table);
    report.bar("packets answered wrongly", "0", wrong.to_string(), wrong == 0);
    report.bar(
        "packets without an answer",
        "as many as the kernel's receive-buffer errors, all in the metrics",
        format!("{silent}; {kernel} by the kernel, {told} in the metrics, {dropped} dropped by the proxy"),
        silent == kernel && told == kernel && dropped == 0,
    );
    ensure!(outcome.accepted > 0, "nothing was answered");
    Ok(())
}

/// `RcvbufErrors` of UDP.
fn receive_buffer_errors() -> anyhow::Result<u64> {
    let text = read_to_string("/proc/net/snmp")?;
    let mut lines = text.lines().filter(|line| line.starts_with("Udp:"));
    let (names, values) = (lines.next().context("no names")?, lines.next().context("no values")?);
    let at = names.split_whitespace().position(|name| name == "RcvbufErrors").context("no such counter")?;
    Ok(values.split_whitespace().nth(at).context("no value")?.parse()?)
}

/// What the kernel dropped at the socket of this port.
fn drops_at(port: u16) -> anyhow::Result<u64> {
    let text = read_to_string("/proc/net/udp")?;
    let local = format!(":{port:04X}");
    let line = text.lines().find(|line| {
        let mut columns = line.split_whitespace();
        columns.nth(1).is_some_and(|address| address.ends_with(&local))
    });
    let drops = line.context("the socket is not listed")?.split_whitespace().last().context("no drops")?;
    Ok(drops.parse()?)
}
