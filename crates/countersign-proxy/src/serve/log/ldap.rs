//! What is told of logins by LDAP.

use serde_json::json;

use super::{Event, Log, PRIMARY, SECONDARY, milliseconds, now, timestamp};
use crate::ldap::output::{Outcome, Told, What, Why};
use crate::ldap::rules::Rules;

impl Log {
    /// Tells it for a section of LDAP. Connections that end badly are told once a minute for an address.
    pub(in super::super) fn tell_ldap(&mut self, rules: &Rules, told: &Told) {
        let (section, from) = (&rules.section, told.from);
        match &told.what {
            What::Login { name, username, outcome, took } => {
                let Event { status, stage, msg } = event(outcome);
                let took = milliseconds(*took);
                tracing::info!(?name, user = username.as_deref().map(tracing::field::debug), %section, %from, status, took_ms = took, "{msg}");
                let event = json!({
                    "timestamp": timestamp().to_string(),
                    "msg": msg,
                    "username": username.as_ref().unwrap_or(name),
                    "auth_stage": stage,
                    "status": status,
                    "client_ip": null,
                    "server_section": section,
                    "server_section_ikey": rules.ikey,
                    "factor": null,
                    "hostname": self.hostname,
                    "dn": name,
                    "nas_ip": from.ip().to_string(),
                    "protocol": "ldap",
                    "duration_ms": took,
                });
                self.write(&event);
            }
            What::Malformed(error) => {
                let what = "a connection was ended: what came is not taken";
                if let Some(more) = self.quiet.tells(from.ip(), what, now()) {
                    tracing::warn!(%section, %from, more, %error, "{what}");
                }
            }
            What::Ended(why) => {
                let what = ended(*why);
                if let Some(more) = self.quiet.tells(from.ip(), what, now()) {
                    tracing::info!(%section, %from, more, "a connection was ended: {what}");
                }
            }
        }
    }
}

fn event(outcome: &Outcome) -> Event {
    let told = |status, stage, msg: &str| Event { status, stage, msg: msg.to_owned() };
    match outcome {
        Outcome::Approved => told("Allow", SECONDARY, "let in"),
        Outcome::Reused => told("Allow", SECONDARY, "let in: approved a moment ago (bind_reuse)"),
        Outcome::ExemptOu => told("Allow", PRIMARY, "let in without a second factor: exempt_ou"),
        Outcome::ExemptPrimary => {
            let msg = "let in without a second factor: the first bind of its connection (exempt_primary_bind)";
            told("Allow", PRIMARY, msg)
        }
        Outcome::FailSafe => {
            told("Allow", SECONDARY, "LET IN WITHOUT A SECOND FACTOR: the server is away and failmode is safe")
        }
        Outcome::OutageCode => {
            told("Allow", SECONDARY, "LET IN BY A CODE FOR OUTAGES: the server is away and failmode is offline")
        }
        Outcome::Emergency => {
            told("Allow", SECONDARY, "LET IN WITHOUT A SECOND FACTOR: an Owner's leave is in force (emergency)")
        }
        Outcome::RefusedByDirectory(code) => {
            told("Reject", PRIMARY, &format!("refused by the directory: {} ({})", code.word(), code.number()))
        }
        Outcome::Denied(text) => told("Reject", SECONDARY, text),
        Outcome::Withdrawn => told("Error", SECONDARY, "ended undecided: the application or the directory went away"),
    }
}

fn ended(why: Why) -> &'static str {
    match why {
        Why::DirectoryAway => "the directory is away, or hung up",
        Why::DirectorySilent => "the directory says nothing (network_timeout)",
        Why::DirectoryConfused => "the directory sends what is no answer to anything",
        Why::Idle => "nothing came for long (idle_timeout; two minutes before any bind)",
        Why::Slow => "a message did not become whole",
        Why::NotReading => "the application does not read its answers",
        Why::ClearBehindStartTls => {
            "something came in clear behind a request for TLS, as an attacker would put it there"
        }
        Why::AnotherBind => "another login came after one with a second factor (allow_unlimited_binds=false)",
    }
}
