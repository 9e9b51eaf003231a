//! What is counted of applications' connections and logins.

use super::super::figures::Figures;
use super::Line;
use crate::ldap::output::{Outcome, What, Why};
use crate::metrics::{Gauge, Labels, Metrics};

/// Of a section.
pub(super) struct Counts {
    metrics: Metrics,
    section: String,
    connections: Gauge,
    waiting: Gauge,
}

impl Counts {
    pub(super) fn new(metrics: &Metrics, section: &str) -> Self {
        let labels: Labels<'_> = &[("section", section)];
        let help = "Connections of applications that are open";
        let connections = metrics.gauge("countersign_proxy_ldap_connections", help, labels);
        let help = "Binds that the directory has taken and that wait for the second factor";
        let waiting = metrics.gauge("countersign_proxy_ldap_binds_waiting", help, labels);
        Self { metrics: metrics.clone(), section: section.to_owned(), connections, waiting }
    }

    /// A connection was taken, until this is dropped.
    pub(super) fn taken(&self) -> Counted {
        self.connection("taken");
        self.connections.change(1);
        Counted { connections: self.connections.clone(), waiting: self.waiting.clone(), waits: false }
    }

    /// One more would be too many.
    pub(super) fn refused(&self) {
        self.connection("busy");
    }

    fn connection(&self, outcome: &str) {
        let help = "Connections of applications: taken, or told that max_connections are open";
        let labels: Labels<'_> = &[("section", &self.section), ("outcome", outcome)];
        self.metrics.counter("countersign_proxy_ldap_connections_total", help, labels).one();
    }
}

/// A connection that is open.
pub(super) struct Counted {
    connections: Gauge,
    waiting: Gauge,
    waits: bool,
}

impl Counted {
    /// Whether it waits for a second factor.
    pub(super) fn waits(&mut self, waits: bool) {
        if self.waits != waits {
            self.waiting.change(if waits { 1 } else { -1 });
            self.waits = waits;
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.waits(false);
        self.connections.change(-1);
    }
}

/// Counts what the log is told.
pub(in super::super) fn told(figures: &mut Figures, line: &Line) {
    let section = line.rules.section.as_str();
    let why = match &line.told.what {
        What::Login { outcome, took, .. } => return figures.login(section, outcome_word(outcome), *took),
        What::Malformed(_) => "malformed",
        What::Ended(why) => why_word(*why),
    };
    let help = "Connections that were ended by the proxy, by reason; those that begin with directory are its trouble";
    let labels: Labels<'_> = &[("section", section), ("why", why)];
    figures.metrics.counter("countersign_proxy_ldap_ended_total", help, labels).one();
}

fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Approved => "accepted",
        Outcome::Reused => "accepted-reused",
        Outcome::ExemptOu | Outcome::ExemptPrimary => "accepted-exempt",
        Outcome::FailSafe => "accepted-server-away",
        Outcome::OutageCode => "accepted-outage-code",
        Outcome::Emergency => "accepted-emergency",
        Outcome::RefusedByDirectory(_) => "refused-by-directory",
        Outcome::Denied(_) => "rejected",
        Outcome::Withdrawn => "withdrawn",
    }
}

fn why_word(why: Why) -> &'static str {
    match why {
        Why::DirectoryAway => "directory-away",
        Why::DirectorySilent => "directory-silent",
        Why::DirectoryConfused => "directory-confused",
        Why::Idle => "idle",
        Why::Slow => "slow",
        Why::NotReading => "not-reading",
        Why::ClearBehindStartTls => "clear-behind-starttls",
        Why::AnotherBind => "another-bind",
    }
}
