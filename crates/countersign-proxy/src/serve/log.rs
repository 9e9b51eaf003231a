//! What is told of logins: a line for people, and `authevents.log` for machines.

use std::collections::HashMap;
use std::fs::{File, OpenOptions};
use std::io::Write as _;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use anyhow::Context as _;
use jiff::Timestamp;
use serde_json::json;

use super::now;
use crate::cfg::main_section::Main;
use crate::radius::login::AcceptedBy;
use crate::radius::output::{KeptOut, Outcome, Told};
use crate::radius::proof::Protocol;
use crate::radius::section::Dropped;

/// The same mistake of the same address is told once in so long.
const QUIET: Duration = Duration::from_secs(60);
/// Addresses that are remembered for that.
const MOST: usize = 10_000;

#[derive(Default)]
pub(super) struct Log {
    events: Option<File>,
    told: HashMap<(IpAddr, Dropped), (Instant, u64)>,
}

impl Log {
    pub(super) fn open(main: &Main) -> anyhow::Result<Self> {
        let open = || {
            std::fs::create_dir_all(&main.log_dir)
                .with_context(|| format!("cannot make {}", main.log_dir.display()))?;
            let path = main.log_dir.join("authevents.log");
            OpenOptions::new()
                .create(true)
                .append(true)
                .open(&path)
                .with_context(|| format!("cannot write {}", path.display()))
        };
        Ok(Self { events: main.log_auth_events.then(open).transpose()?, told: HashMap::new() })
    }

    /// Goes on in the files of another configuration.
    pub(super) fn reopened(&mut self, other: Self) {
        self.events = other.events;
    }

    /// `name` are the name and integration key of the section of a login.
    pub(super) fn tell(&mut self, name: Option<&(String, String)>, told: &Told) {
        match told {
            Told::Dropped(from, why) => self.dropped(from.ip(), *why),
            Told::Login { request, outcome, took, packets, kept_out, .. } => {
                let (name, ikey) = name.cloned().unwrap_or_default();
                let (status, stage, msg) = words(outcome, kept_out.as_ref());
                let client_ip = request.address.map(|address| address.to_string());
                let took = u64::try_from(took.as_millis()).unwrap_or(u64::MAX);
                tracing::info!(user = %request.user, section = %name, from = %request.from, client_ip, status, took_ms = took, packets, "{msg}");
                let event = json!({
                    "timestamp": timestamp().to_string(),
                    "msg": msg,
                    "username": request.user,
                    "auth_stage": stage,
                    "status": status,
                    "client_ip": client_ip,
                    "server_section": name,
                    "server_section_ikey": ikey,
                    "factor": null,
                    "nas_ip": request.nas_ip.map(|address| address.to_string()),
                    "nas_id": request.nas_id,
                    "calling_station_id": request.station,
                    "protocol": request.protocol.map_or("pap", Protocol::word),
                    "duration_ms": took,
                });
                self.write(&event);
            }
        }
    }

    fn write(&mut self, event: &serde_json::Value) {
        if let Some(file) = &mut self.events
            && let Err(error) = writeln!(file, "{event}")
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

fn words(outcome: &Outcome, kept_out: Option<&KeptOut>) -> (&'static str, &'static str, String) {
    const FIRST: &str = "Primary authentication";
    const SECOND: &str = "Secondary authentication";
    match (outcome, kept_out) {
        (Outcome::Rejected(_), Some(KeptOut::Refused(why))) => return ("Reject", FIRST, (*why).to_owned()),
        (Outcome::Rejected(_), Some(KeptOut::NotAsked(why))) => {
            return ("Error", FIRST, format!("the first factor cannot be checked: {why}"));
        }
        (Outcome::Accepted(_) | Outcome::Challenged | Outcome::Rejected(_), _) => {}
    }
    match outcome {
        Outcome::Accepted(AcceptedBy::Server) => ("Allow", SECOND, "let in".to_owned()),
        Outcome::Accepted(AcceptedBy::Exemption) => {
            ("Allow", FIRST, "let in without a second factor: exempt_username".to_owned())
        }
        Outcome::Accepted(AcceptedBy::FailSafe) => {
            ("Allow", SECOND, "LET IN WITHOUT A SECOND FACTOR: the server is away and failmode is safe".to_owned())
        }
        Outcome::Rejected(text) => {
            ("Reject", SECOND, text.clone().unwrap_or_else(|| "refused by the first factor".to_owned()))
        }
        Outcome::Challenged => ("Challenge", SECOND, "asked to type something".to_owned()),
    }
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
