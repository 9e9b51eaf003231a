//! What is told of logins: a line for people, and `authevents.log` for machines.

mod ldap;

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::{Value, json};

use super::now;
use super::quiet::Quiet;
use crate::cfg::main_section::Main;
use crate::logging;
use crate::logging::rotating::Rotating;
use crate::radius::login::AcceptedBy;
use crate::radius::output::{KeptOut, Outcome, Stage, Told};
use crate::radius::proof::Protocol;
use crate::radius::request::Request;
use crate::radius::section::Dropped;

/// The same mistake of the same address is told once in so long.
const QUIET: Duration = Duration::from_secs(60);
/// Addresses that are remembered for that.
const MOST: usize = 10_000;

#[derive(Default)]
pub(super) struct Log {
    events: Option<Rotating>,
    hostname: String,
    told: HashMap<(IpAddr, Dropped), (Instant, u64)>,
    quiet: Quiet,
}

impl Log {
    pub(super) fn open(main: &Main) -> anyhow::Result<Self> {
        let events = main.log_auth_events.then(|| logging::file(main, "authevents.log")).transpose()?;
        let hostname = rustix::system::uname().nodename().to_string_lossy().into_owned();
        Ok(Self { events, hostname, ..Self::default() })
    }

    /// Goes on in the files of another configuration.
    pub(super) fn reopened(&mut self, other: Self) {
        (self.events, self.hostname) = (other.events, other.hostname);
    }

    /// `name` are the name and integration key of the section of a login.
    pub(super) fn tell(&mut self, name: Option<&(String, String)>, told: &Told) {
        let (name, ikey) = name.map(|(name, ikey)| (name.as_str(), ikey.as_str())).unwrap_or_default();
        match told {
            Told::Dropped(from, why) => self.dropped(from.ip(), *why),
            Told::FirstFactor { request, took, .. } => {
                tracing::debug!(user = %request.user, section = %name, "the first factor is right");
                if self.events.is_some() {
                    let event = Event { status: "Allow", stage: PRIMARY, msg: "the first factor is right".to_owned() };
                    self.write(&event.json(request, name, ikey, *took, &self.hostname, json!({})));
                }
            }
            Told::Login { request, outcome, stage, factor, txid, took, packets, kept_out, .. } => {
                let event = Event::of(outcome, *stage, kept_out.as_ref());
                let client_ip = request.address.map(|address| address.to_string());
                tracing::info!(user = %request.user, section = %name, from = %request.from, client_ip, factor, txid, status = event.status, took_ms = milliseconds(*took), packets, "{}", event.msg);
                let result = match outcome {
                    Outcome::Accepted(_) => 2,
                    Outcome::Rejected(_) => 3,
                    Outcome::Challenged => 11,
                };
                if self.events.is_some() {
                    let more = json!({ "factor": factor, "txid": txid, "result_code": result, "packets": packets });
                    self.write(&event.json(request, name, ikey, *took, &self.hostname, more));
                }
            }
        }
    }

    fn write(&mut self, event: &Value) {
        if let Some(file) = &mut self.events
            && let Err(error) = file.write(format!("{event}\n").as_bytes())
        {
            tracing::error!(%error, "authevents.log cannot be written");
        }
    }

    /// Tells once a minute for each address, and how often it was.
    fn dropped(&mut self, from: IpAddr, why: Dropped) {
        let now = now();
        if self.told.len() >= MOST {
            self.told.retain(|_, (since, _)| now < *since + QUIET);
        }
        let is_full = self.told.len() >= MOST;
        let known = self.told.get(&(from, why)).copied();
        match known {
            Some((since, count)) if now < since + QUIET => drop(self.told.insert((from, why), (since, count + 1))),
            Some(_) | None if is_full && known.is_none() => {}
            Some(_) | None => {
                let more = known.map_or(0, |(_, count)| count);
                tracing::warn!(%from, more, "{}", reason(why));
                self.told.insert((from, why), (now, 0));
            }
        }
    }
}

const PRIMARY: &str = "Primary authentication";
const SECONDARY: &str = "Secondary authentication";

/// What is said of one step of a login, in the words that readers of `authevents.log` know.
struct Event {
    status: &'static str,
    stage: &'static str,
    msg: String,
}

impl Event {
    fn of(outcome: &Outcome, stage: Stage, kept_out: Option<&KeptOut>) -> Self {
        match (outcome, kept_out) {
            (Outcome::Rejected(_), Some(KeptOut::Refused(why))) => {
                return Self { status: "Reject", stage: PRIMARY, msg: (*why).to_owned() };
            }
            (Outcome::Rejected(_), Some(KeptOut::NotAsked(why))) => {
                let msg = format!("the first factor cannot be checked: {why}");
                return Self { status: "Error", stage: PRIMARY, msg };
            }
            (Outcome::Accepted(_) | Outcome::Challenged | Outcome::Rejected(_), _) => {}
        }
        let (stage, failed) = match stage {
            Stage::First => (PRIMARY, false),
            Stage::FirstFailed => (PRIMARY, true),
            Stage::Second => (SECONDARY, false),
            Stage::SecondFailed => (SECONDARY, true),
        };
        match outcome {
            Outcome::Accepted(AcceptedBy::Server) => Self { status: "Allow", stage, msg: "let in".to_owned() },
            Outcome::Accepted(AcceptedBy::Exemption) => {
                let msg = "let in without a second factor: exempt_username".to_owned();
                Self { status: "Allow", stage: PRIMARY, msg }
            }
            Outcome::Accepted(AcceptedBy::FailSafe) => {
                let msg = "LET IN WITHOUT A SECOND FACTOR: the server is away and failmode is safe".to_owned();
                Self { status: "Allow", stage: SECONDARY, msg }
            }
            Outcome::Accepted(AcceptedBy::OutageCode) => {
                let msg = "LET IN BY A CODE FOR OUTAGES: the server is away and failmode is offline".to_owned();
                Self { status: "Allow", stage: SECONDARY, msg }
            }
            Outcome::Accepted(AcceptedBy::Emergency) => {
                let msg = "LET IN WITHOUT A SECOND FACTOR: by an Owner's leave".to_owned();
                Self { status: "Allow", stage: SECONDARY, msg }
            }
            Outcome::Rejected(text) => {
                let msg = text.clone().unwrap_or_else(|| "refused by the first factor".to_owned());
                Self { status: if failed { "Error" } else { "Reject" }, stage, msg }
            }
            Outcome::Challenged => {
                Self { status: "Challenge", stage: SECONDARY, msg: "asked to type something".to_owned() }
            }
        }
    }

    /// One object: the keys of Duo's proxy, and after them ours.
    fn json(&self, request: &Request, name: &str, ikey: &str, took: Duration, hostname: &str, more: Value) -> Value {
        let mut event = json!({
            "timestamp": timestamp().to_string(),
            "msg": self.msg,
            "username": request.user,
            "auth_stage": self.stage,
            "status": self.status,
            "client_ip": request.address.map(|address| address.to_string()),
            "server_section": name,
            "server_section_ikey": ikey,
            "factor": null,
            "hostname": hostname,
            "nas_ip": request.nas_ip.map(|address| address.to_string()),
            "nas_id": request.nas_id,
            "calling_station_id": request.station,
            "protocol": request.protocol.map_or("pap", Protocol::word),
            "duration_ms": milliseconds(took),
        });
        if let (Some(event), Value::Object(more)) = (event.as_object_mut(), more) {
            event.extend(more);
        }
        event
    }
}

fn milliseconds(took: Duration) -> u64 {
    u64::try_from(took.as_millis()).unwrap_or(u64::MAX)
}

fn reason(why: Dropped) -> &'static str {
    match why {
        Dropped::UnknownClient => "packets are dropped: no radius_ip_N names this address",
        Dropped::Malformed => "packets are dropped: they are no RADIUS",
        Dropped::NotServed => "packets are dropped: only Access-Request and Status-Server are served here",
        Dropped::WrongSecret => {
            "the shared secret of this device differs from ours: compare radius_secret_N with the device's"
        }
        Dropped::Unsigned => {
            "packets are dropped: they have no Message-Authenticator and must (require_message_authenticator)"
        }
        Dropped::ProxyStateUnsigned => {
            "packets are dropped: a Proxy-State without Message-Authenticator, as in CVE-2024-3596 (limit_proxy_state)"
        }
        Dropped::Busy => "packets are dropped: too many logins wait",
    }
}

#[expect(clippy::disallowed_methods, reason = "the time of a line of the log")]
fn timestamp() -> Timestamp {
    Timestamp::now()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::radius::engine::tests::request;

    fn written(told: &[Told]) -> Vec<Value> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("authevents.log");
        let limits = logging::rotating::Limits { size: 1 << 20, files: 1 };
        let events = Some(Rotating::open(path.clone(), limits).unwrap());
        let mut log = Log { events, hostname: "gate".to_owned(), ..Log::default() };
        let name = ("radius_server_auto".to_owned(), "DIXXXXXXXXXXXXXXXXXX".to_owned());
        told.iter().for_each(|told| log.tell(Some(&name), told));
        let text = std::fs::read_to_string(path).unwrap();
        text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn login(outcome: Outcome, stage: Stage) -> Told {
        let (factor, txid) = (Some("push"), Some("id".to_owned()));
        Told::Login {
            section: 0,
            request: request(),
            outcome,
            stage,
            factor,
            txid,
            took: Duration::from_millis(1500),
            packets: 2,
            kept_out: None,
        }
    }

    #[test]
    fn each_step_of_a_login_is_a_line_in_the_words_that_are_known() {
        let first = Told::FirstFactor { section: 0, request: request(), took: Duration::from_millis(3) };
        let end = login(Outcome::Accepted(AcceptedBy::Server), Stage::Second);
        let events = written(&[first, end]);
        let keys = [
            "timestamp",
            "msg",
            "username",
            "auth_stage",
            "status",
            "client_ip",
            "server_section",
            "server_section_ikey",
            "factor",
            "hostname",
        ];
        for key in keys {
            assert!(events.iter().all(|event| event.get(key).is_some()), "{key}");
        }
        assert_eq!((&events[0]["auth_stage"], &events[0]["status"]), (&json!(PRIMARY), &json!("Allow")));
        assert_eq!((&events[1]["auth_stage"], &events[1]["status"]), (&json!(SECONDARY), &json!("Allow")));
        assert_eq!(
            (&events[1]["factor"], &events[1]["txid"], &events[1]["duration_ms"]),
            (&json!("push"), &json!("id"), &json!(1500))
        );
        assert!(events[1]["timestamp"].as_str().unwrap().ends_with('Z'));
    }

    #[test]
    fn what_failed_is_told_apart_from_what_was_refused() {
        for (stage, expected, status) in [
            (Stage::First, PRIMARY, "Reject"),
            (Stage::FirstFailed, PRIMARY, "Error"),
            (Stage::Second, SECONDARY, "Reject"),
            (Stage::SecondFailed, SECONDARY, "Error"),
        ] {
            let events = written(&[login(Outcome::Rejected(None), stage)]);
            assert_eq!((&events[0]["auth_stage"], &events[0]["status"]), (&json!(expected), &json!(status)));
        }
    }

    #[test]
    fn the_same_mistake_of_an_address_is_told_once_a_minute() {
        let (mut log, from) = (Log::default(), "192.0.2.9".parse().unwrap());
        for _ in 0..5 {
            log.dropped(from, Dropped::WrongSecret);
        }
        log.dropped(from, Dropped::UnknownClient);
        assert_eq!(log.told[&(from, Dropped::WrongSecret)].1, 4);
        assert_eq!(log.told[&(from, Dropped::UnknownClient)].1, 0);
    }
}
