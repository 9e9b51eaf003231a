//! What programs that ask for logins say of themselves, written down without a write for each login.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use cs_core::id::{AccountId, IntegrationKey};
use cs_engine::Caller;
use cs_store::clients::LoginClient;
use cs_wire::auth_api::{Failmode, Origin};
use http::HeaderMap;
use http::header::USER_AGENT;
use jiff::{SignedDuration, Timestamp};

use crate::app::App;

/// How often what stays the same is written down again.
const SAME_AGAIN_AFTER: SignedDuration = SignedDuration::from_hours(24);
/// How often a change is: two hosts of one name may be set differently.
const CHANGE_AFTER: SignedDuration = SignedDuration::from_mins(1);
/// How soon it is tried again after it could not be written down.
const FAILURE_PAUSE: SignedDuration = SignedDuration::from_mins(10);
/// The most hosts that are remembered here; those written down are remembered by the database.
const MOST: usize = 10_000;
/// The longest name of a host or program, in characters.
const LONGEST: usize = 200;

/// When which host's word was last written down.
#[derive(Default)]
pub(crate) struct LoginClients(Mutex<HashMap<Key, Noted>>);

type Key = (AccountId, IntegrationKey, String);

struct Noted {
    program: String,
    failmode: Failmode,
    at: Timestamp,
    again_at: Timestamp,
}

impl LoginClients {
    /// Writes down what `caller` says of itself if it is due, without making the login wait. Who does not say what it does in an outage is passed over.
    pub(crate) fn note(
        &self,
        app: &App,
        caller: &Caller,
        origin: &Origin,
        failmode: Option<Failmode>,
        headers: &HeaderMap,
    ) {
        let Some(failmode) = failmode else { return };
        let program = headers.get(USER_AGENT).map(|value| String::from_utf8_lossy(value.as_bytes()));
        let now = app.engine().clock().now();
        let said = LoginClient {
            account: caller.account.id,
            integration: caller.integration.key,
            host: plain(origin.hostname.as_deref().unwrap_or_default()),
            program: plain(&program.unwrap_or_default()),
            failmode: failmode.as_str().to_owned(),
            first_seen_at: now,
            last_seen_at: now,
        };
        if !self.is_due(&said, failmode, now) {
            return;
        }
        let app = app.clone();
        tokio::spawn(async move {
            match app.engine().note_login_client(&said).await {
                Ok(true) => {}
                Ok(false) => {
                    tracing::warn!(integration.key = %said.integration, "so many hosts have this application's keys that no further one is noted")
                }
                Err(error) => {
                    tracing::warn!(
                        error = &error as &dyn std::error::Error,
                        "what a program does in an outage was not noted"
                    );
                    app.login_clients().try_again(&said);
                }
            }
        });
    }

    fn is_due(&self, said: &LoginClient, failmode: Failmode, now: Timestamp) -> bool {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let key = key(said);
        let is_due = all.get(&key).is_none_or(|noted| {
            let is_same = noted.program == said.program && noted.failmode == failmode;
            if is_same { now >= noted.again_at } else { now.duration_since(noted.at) >= CHANGE_AFTER }
        });
        if is_due {
            if all.len() >= MOST {
                all.clear();
            }
            let program = said.program.clone();
            all.insert(key, Noted { program, failmode, at: now, again_at: now + SAME_AGAIN_AFTER });
        }
        is_due
    }

    fn try_again(&self, said: &LoginClient) {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(noted) = all.get_mut(&key(said)) {
            noted.again_at = noted.at + FAILURE_PAUSE;
        }
    }
}

fn key(said: &LoginClient) -> Key {
    (said.account, said.integration, said.host.clone())
}

/// A name that a stranger chose, as one that can be kept.
fn plain(text: &str) -> String {
    text.chars().filter(|char| !char.is_control()).take(LONGEST).collect::<String>().trim().to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(host: &str, program: &str) -> LoginClient {
        LoginClient {
            account: "DAXXXXXXXXXXXXXXXXXX".parse().unwrap(),
            integration: "DIXXXXXXXXXXXXXXXXXX".parse().unwrap(),
            host: host.to_owned(),
            program: program.to_owned(),
            failmode: String::new(),
            first_seen_at: Timestamp::UNIX_EPOCH,
            last_seen_at: Timestamp::UNIX_EPOCH,
        }
    }

    #[test]
    fn what_stays_the_same_is_noted_once_a_day_and_a_change_soon() {
        let clients = LoginClients::default();
        let due = |host: &str, program: &str, failmode, second| {
            clients.is_due(&said(host, program), failmode, Timestamp::from_second(second).unwrap())
        };
        for (host, program, failmode, second, expected) in [
            ("web1", "pam_duo/1", Failmode::Open, 0, true),
            ("web1", "pam_duo/1", Failmode::Open, 86_399, false),
            ("web1", "pam_duo/1", Failmode::Open, 86_400, true),
            ("web2", "pam_duo/1", Failmode::Open, 86_400, true),
            // Not at once: the other host of this name says the old again.
            ("web1", "pam_duo/1", Failmode::Closed, 86_459, false),
            ("web1", "pam_duo/1", Failmode::Closed, 86_460, true),
            ("web1", "pam_duo/2", Failmode::Closed, 86_461, false),
            ("web1", "pam_duo/2", Failmode::Closed, 86_520, true),
        ] {
            assert_eq!(due(host, program, failmode, second), expected, "{host} {program} {failmode:?} {second}");
        }
        clients.try_again(&said("web1", "pam_duo/2"));
        assert!(!due("web1", "pam_duo/2", Failmode::Closed, 86_521));
        assert!(due("web1", "pam_duo/2", Failmode::Closed, 86_520 + 600));
    }

    #[test]
    fn hosts_without_end_are_no_memory_without_end() {
        let clients = LoginClients::default();
        for n in 0..2 * MOST {
            clients.is_due(&said(&n.to_string(), ""), Failmode::Open, Timestamp::UNIX_EPOCH);
        }
        assert!(clients.0.lock().unwrap().len() <= MOST);
        assert_eq!(plain(&"a\n".repeat(1000)), "a".repeat(LONGEST));
    }
}
