//! What is counted while packets are served.

use std::collections::HashMap;
use std::time::{Duration, Instant};

use cs_radius::Code;

use super::api::Api;
use super::kernel;
use super::standing::{Standing, part, word};
use crate::cfg::application::FailMode;
use crate::metrics::{Counter, Gauge, Health, Histogram, Labels, Metrics};
use crate::radius::engine::Taken;
use crate::radius::login::{AcceptedBy, Outage, Primary};
use crate::radius::output::{LoginId, Outcome, Told};
use crate::radius::section::Dropped;

/// Handles for what is counted at every packet; the rest is looked up as it happens.
pub(super) struct Figures {
    pub(super) metrics: Metrics,
    pub(super) health: Health,
    received: HashMap<Taken, Counter>,
    dropped: HashMap<Dropped, Counter>,
    sent: HashMap<u8, Counter>,
    joined: Counter,
    waiting: Gauge,
    /// Of each section, by how logins ended.
    logins: ByOutcome<(Counter, Histogram)>,
    /// Of each client section, by how first factors ended.
    primaries: ByOutcome<(Counter, Histogram)>,
    /// First factors that are being checked.
    asked: HashMap<LoginId, (String, Instant)>,
    wells: Vec<Gauge>,
    standing: Standing,
}

impl Figures {
    pub(super) fn new(metrics: Metrics, health: Health) -> Self {
        let received = |taken: Taken| {
            let help = "Packets that arrived from known devices, by what they were";
            (taken, metrics.counter("countersign_proxy_packets_received_total", help, &[("kind", taken.word())]))
        };
        let dropped = |why: Dropped| {
            let help = "Packets that were dropped, by reason";
            (why, metrics.counter("countersign_proxy_packets_dropped_total", help, &[("reason", why.word())]))
        };
        let sent = |code: Code| {
            let help = "Packets that were sent to devices";
            let word = match code {
                Code::AccessAccept => "access-accept",
                Code::AccessReject => "access-reject",
                Code::AccessChallenge => "access-challenge",
                _ => "other",
            };
            (code.octet(), metrics.counter("countersign_proxy_packets_sent_total", help, &[("kind", word)]))
        };
        let version = env!("CARGO_PKG_VERSION");
        metrics
            .counter("countersign_proxy_info_total", "Always 1; its label is the version", &[("version", version)])
            .set(1);
        Self {
            received: Taken::ALL.into_iter().map(received).collect(),
            dropped: Dropped::ALL.into_iter().map(dropped).collect(),
            sent: [Code::AccessAccept, Code::AccessReject, Code::AccessChallenge].into_iter().map(sent).collect(),
            joined: metrics.counter(
                "countersign_proxy_packets_joined_total",
                "Further packets of a login, which were no login of their own",
                &[],
            ),
            waiting: metrics.gauge("countersign_proxy_logins_waiting", "Logins that are not decided", &[]),
            logins: ByOutcome::new(),
            primaries: ByOutcome::new(),
            asked: HashMap::new(),
            wells: Vec::new(),
            standing: Standing::default(),
            metrics,
            health,
        }
    }

    pub(super) fn received(&self, taken: Taken) {
        if let Some(counter) = self.received.get(&taken) {
            counter.one();
        }
    }

    pub(super) fn sent(&self, octets: &[u8]) {
        if let Some(counter) = octets.first().and_then(|code| self.sent.get(code)) {
            counter.one();
        }
    }

    /// `name` is that of a login's section.
    pub(super) fn told(&mut self, told: &Told, name: &str) {
        match told {
            Told::Dropped(_, why) => {
                if let Some(counter) = self.dropped.get(why) {
                    counter.one();
                }
            }
            Told::FirstFactor { .. } => {}
            Told::Login { outcome, took, packets, .. } => {
                self.login(name, outcome_word(outcome), *took);
                if !matches!(outcome, Outcome::Challenged) {
                    self.joined.add(u64::try_from(packets.saturating_sub(1)).unwrap_or(u64::MAX));
                }
            }
        }
    }

    /// A login of a section came to its end, or to a question.
    pub(super) fn login(&mut self, section: &str, outcome: &'static str, took: Duration) {
        let (ended, durations) = handles(&mut self.logins, section, outcome, || {
            let labels: Labels<'_> = &[("section", section), ("outcome", outcome)];
            let help = "Logins by their end, and challenges";
            let ended = self.metrics.counter("countersign_proxy_logins_total", help, labels);
            let help = "From a login's first packet to its answer";
            (ended, self.metrics.histogram("countersign_proxy_login_seconds", help, labels))
        });
        ended.one();
        durations.took(took);
    }

    /// The configuration was read again, and serves or does not.
    pub(super) fn reloaded(&self, outcome: &'static str) {
        let help = "How often the configuration was read again: served, or refused because of mistakes in it";
        self.metrics.counter("countersign_proxy_reloads_total", help, &[("outcome", outcome)]).one();
    }

    /// A first factor is being checked by this client section.
    pub(super) fn primary_asked(&mut self, login: LoginId, client: &str, now: Instant) {
        self.asked.insert(login, (client.to_owned(), now));
    }

    pub(super) fn primary_ended(&mut self, login: LoginId, outcome: &Primary, now: Instant) {
        let Some((client, since)) = self.asked.remove(&login) else { return };
        let outcome = match outcome {
            Primary::Right => "right",
            Primary::Wrong { .. } => "wrong",
            Primary::Down => "down",
            // It is asked once more, or told to be changed: in metrics each question of another server counts.
            Primary::Asks(_) => "asks",
            Primary::ChangePassword { .. } => "expired",
        };
        let (ended, durations) = handles(&mut self.primaries, &client, outcome, || {
            let labels: Labels<'_> = &[("client", &client), ("outcome", outcome)];
            let help = "First factors checked by each client section; down means that nobody could be asked";
            let ended = self.metrics.counter("countersign_proxy_primary_total", help, labels);
            let (help, labels) = ("How long the check of a first factor took", &[("client", client.as_str())]);
            (ended, self.metrics.histogram("countersign_proxy_primary_seconds", help, labels))
        });
        ended.one();
        durations.took(now.saturating_duration_since(since));
    }

    /// How the servers of these sections stand.
    pub(super) fn servers(&mut self, sections: Vec<(String, Api)>) {
        self.standing.refresh(&self.metrics, &self.health, sections);
    }

    /// How many logins wait, which hosts of client sections are well, what the kernel has dropped. All that costs a look around is done here, when somebody asks.
    pub(super) fn refresh<'a>(
        &mut self,
        waiting: usize,
        hosts: impl Iterator<Item = (&'a str, String, bool)>,
        sockets: impl Iterator<Item = &'a tokio::net::UdpSocket> + Clone,
    ) {
        self.waiting.set(i64::try_from(waiting).unwrap_or(i64::MAX));
        let well = |(client, host, is_well): (&str, String, bool)| {
            let help = "1 while a RADIUS server or directory behind answers, 0 for half a minute after it did not";
            let gauge =
                self.metrics.gauge("countersign_proxy_upstream_up", help, &[("client", client), ("host", &host)]);
            gauge.set(i64::from(is_well));
            gauge
        };
        self.wells = hosts.map(well).collect();
        for (socket, count) in sockets.clone().zip(kernel::drops(sockets)) {
            if let (Ok(at), Some(count)) = (socket.local_addr(), count) {
                let help = "Packets that the kernel dropped because the socket's buffer was full";
                let labels: Labels<'_> = &[("socket", &at.to_string())];
                self.metrics.counter("countersign_proxy_receive_buffer_drops_total", help, labels).set(count);
            }
        }
    }
}

/// Handles that were looked up once, by the name of a section and how something ended.
type ByOutcome<T> = HashMap<String, HashMap<&'static str, T>>;

fn handles<'a, T>(all: &'a mut ByOutcome<T>, name: &str, outcome: &'static str, look_up: impl FnOnce() -> T) -> &'a T {
    all.entry(name.to_owned()).or_default().entry(outcome).or_insert_with(look_up)
}

/// Counts a call to the server and notes whether it is there. `section` is whose application it was.
pub(super) fn called(
    metrics: &Metrics,
    health: &Health,
    (section, failmode): (&str, FailMode),
    call: &'static str,
    failure: Option<Outage>,
    took: Duration,
) {
    let outcome = match failure {
        None => "answered",
        Some(Outage::Away) => "away",
        Some(Outage::Refused) => "refused",
    };
    let help =
        "Calls to the server by their end: away means no answer, refused that it does not take our keys or clock";
    let labels: Labels<'_> = &[("section", section), ("call", call), ("outcome", outcome)];
    metrics.counter("countersign_proxy_api_calls_total", help, labels).one();
    if call == "preauth" {
        let help = "How long the server took to say what somebody needs";
        metrics.histogram("countersign_proxy_api_seconds", help, &[("section", section)]).took(took);
        if failure == Some(Outage::Away) {
            let help =
                "Logins that took a fail mode since no host of the API answered; logins_total shows what came of it";
            let labels: Labels<'_> = &[("section", section), ("failmode", word(failmode))];
            metrics.counter("countersign_proxy_failmode_taken_total", help, labels).one();
        }
    }
    let problem = match failure {
        None => None,
        Some(Outage::Away) => Some("the server did not answer the last call"),
        Some(Outage::Refused) => Some("the server refused the last call: keys or clock are wrong"),
    };
    health.set(&part(section), problem);
}

fn outcome_word(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted(AcceptedBy::Server) => "accepted",
        Outcome::Accepted(AcceptedBy::Exemption) => "accepted-exempt",
        Outcome::Accepted(AcceptedBy::FailSafe) => "accepted-server-away",
        Outcome::Accepted(AcceptedBy::OutageCode) => "accepted-outage-code",
        Outcome::Accepted(AcceptedBy::Emergency) => "accepted-emergency",
        Outcome::Rejected(_) => "rejected",
        Outcome::Challenged => "challenged",
    }
}
