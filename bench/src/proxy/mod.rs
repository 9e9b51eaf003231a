//! The authentication proxy: RADIUS relayed beside FreeRADIUS and radsecproxy, whole logins beside the calls they are made of, repetitions, pushes that wait, floods.

pub(crate) mod backend;
mod duplicates;
mod logins;
mod losses;
mod ours;
mod peers;
mod pending;
mod program;
mod relay;
mod site;
mod start;

use std::net::SocketAddr;

use anyhow::ensure;
use cs_radius::Code;

use crate::load::{Name, Plan, Radius, Sending};
use crate::options::Bench;
use crate::process::Watched;
use crate::round::{Effort, Round, Series, run, series_of};
use crate::table::Report;

/// Shared with devices.
const DEVICE_SECRET: &str = "device-shared-secret";
/// Shared with the server behind.
const SERVER_SECRET: &str = "server-shared-secret";
/// Everybody's.
const PASSWORD: &str = "correct horse battery";
/// Who needs no second factor: `exempt_username_1`.
const EXEMPT: &str = "relayed";
/// Without an answer for so long, a packet is lost.
const PATIENCE_MS: u64 = 5_000;

/// What of the proxy is measured.
#[derive(Debug, Clone, Copy, PartialEq, Eq, clap::ValueEnum)]
pub(crate) enum Part {
    /// PAP given on, beside FreeRADIUS and radsecproxy
    Relay,
    /// Spawn to the first answer
    Start,
    /// The same packet again
    Again,
    /// More than can be taken
    Flood,
    /// Whole logins
    Logins,
    /// Pushes that wait
    Pending,
}

impl Part {
    pub(crate) const ALL: [Self; 6] = [Self::Relay, Self::Start, Self::Again, Self::Flood, Self::Logins, Self::Pending];
}

/// Arguments of `proxy`.
#[derive(Debug, Clone, clap::Args)]
pub(crate) struct Parts {
    /// These alone
    #[arg(value_enum)]
    parts: Vec<Part>,
}

impl Parts {
    pub(crate) fn wanted(self) -> Vec<Part> {
        if self.parts.is_empty() { Part::ALL.to_vec() } else { self.parts }
    }
}

pub(crate) fn measure(bench: &Bench, report: &mut Report, parts: &[Part]) -> anyhow::Result<()> {
    let bench = &bench.with_proxy()?;
    let wants = |part| parts.contains(&part);
    // Others are compared with a relay of the same run.
    let relayed = if wants(Part::Relay) || wants(Part::Again) || wants(Part::Logins) {
        let alone = Bench { peer: bench.peer && wants(Part::Relay), ..bench.clone() };
        Some(relay::measure(&alone, report)?)
    } else {
        None
    };
    if wants(Part::Start) {
        start::measure(bench, report)?;
    }
    if let Some(relayed) = relayed.filter(|_| wants(Part::Again)) {
        duplicates::measure(bench, report, &relayed)?;
    }
    if wants(Part::Flood) {
        losses::measure(bench, report)?;
    }
    if let Some(relayed) = relayed.filter(|_| wants(Part::Logins)) {
        logins::measure(bench, report, &relayed)?;
    }
    if wants(Part::Pending) {
        pending::measure(bench, report)?;
    }
    Ok(())
}

/// What a sender is told.
fn plan(target: SocketAddr, secret: &str, name: Name, sending: Sending) -> Radius {
    Radius {
        target,
        secret: secret.to_owned(),
        name,
        password: PASSWORD.to_owned(),
        sending,
        first: 0,
        count: 0,
        wanted: Code::AccessAccept.octet(),
        patience_ms: PATIENCE_MS,
    }
}

/// It once, whatever comes of it.
fn once(plan: &Radius, first: u64, count: u64, watched: &[Watched]) -> anyhow::Result<Round> {
    run(&Plan::Radius(Radius { first, count, ..plan.clone() }), watched)
}

/// Rounds of it; every answer is right, or it fails.
fn rounds(plan: &Radius, at_a_time: usize, first: u64, watched: &[Watched], effort: Effort) -> anyhow::Result<Series> {
    let of = |first, count| Plan::Radius(Radius { first, count, ..plan.clone() });
    let series = series_of(of, first, at_a_time, watched, effort)?;
    ensure!(series.failures() == 0, "{} were not answered rightly: {:?}", series.failures(), series.reasons());
    Ok(series)
}
