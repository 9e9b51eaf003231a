//! What the log says of clients whose requests are not signed as they should be: whoever has mistyped a key looks there.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use cs_core::id::IntegrationKey;
use jiff::{SignedDuration, Timestamp};

/// How often one client is told of.
const EVERY: SignedDuration = SignedDuration::from_mins(1);
/// Of more clients than these within that time nothing is said: strangers must not fill the log.
const MOST: usize = 100;

/// A refusal, as administrators are told of it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Refused<'a> {
    /// The key that was claimed, where it could be one.
    pub key: Option<IntegrationKey>,
    /// What the integration of that key is called, if there is one.
    pub name: Option<&'a str>,
    /// Where the request came from.
    pub client: IpAddr,
    /// What was wrong.
    pub why: &'a str,
}

/// When each client was last told of: by its address, and by its key where that is an integration's.
#[derive(Debug, Default)]
pub(crate) struct RefusedClients(Mutex<HashMap<(Option<IntegrationKey>, IpAddr), Timestamp>>);

impl RefusedClients {
    /// Writes a line, if the last one about this client is a minute old.
    pub(super) fn tell(&self, refused: Refused<'_>, now: Timestamp) {
        let Refused { key, name, client, why } = refused;
        // Keys that are none are what strangers can make up without end.
        if self.is_due((name.and(key), client), now) {
            tracing::warn!(
                %client,
                integration.key = key.map(tracing::field::display),
                integration.name = name,
                why,
                "a request was refused; compare the client's keys, host and clock with `countersign admin integration show`"
            );
        }
    }

    fn is_due(&self, who: (Option<IntegrationKey>, IpAddr), now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_fresh = |told: &Timestamp| now.duration_since(*told) < EVERY;
        if last.get(&who).is_some_and(is_fresh) {
            return false;
        }
        if last.len() >= MOST {
            last.retain(|_, told| is_fresh(told));
        }
        let has_room = last.len() < MOST;
        if has_room {
            last.insert(who, now);
        }
        has_room
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_client_is_told_of_once_a_minute_and_strangers_without_end_are_not() {
        let (clients, start) = (RefusedClients::default(), Timestamp::UNIX_EPOCH);
        let from = |number: u32| (None, IpAddr::from(number.to_be_bytes()));
        let after = |seconds| start + SignedDuration::from_secs(seconds);
        assert!(clients.is_due(from(0), start));
        assert!(!clients.is_due(from(0), after(59)));
        assert!(clients.is_due(from(0), after(60)));
        let told = (1..1_000).filter(|number| clients.is_due(from(*number), after(61))).count();
        assert_eq!((told, clients.0.lock().unwrap().len()), (MOST - 1, MOST));
        assert!(clients.is_due(from(9_000), after(121)));
    }
}
