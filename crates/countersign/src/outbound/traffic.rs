//! What is on its way to push services, and which of them, or of their subscriptions, asked to be left alone for a while.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use aws_lc_rs::digest::{SHA256, digest};
use jiff::{SignedDuration, Timestamp};
use url::Url;

/// Messages on their way to one push service at a time: one that hangs must not take the room of others.
const PER_SERVICE: usize = 32;
/// Push services known at a time, and subscriptions of each that asked for a pause.
const MOST_KNOWN: usize = 1_024;
/// So many subscriptions that ask for a pause at the same time mean that the whole service does. One phone that is woken too often must not keep messages
/// from all others.
const SEVERAL: usize = 5;
/// How long a message waits for which there is no room.
const FOR_ROOM: SignedDuration = SignedDuration::from_secs(1);

/// Whom a push service wants to be spared.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Whom {
    Subscription,
    Service,
}

#[derive(Debug, Default)]
pub(super) struct Traffic(Mutex<HashMap<String, Service>>);

#[derive(Debug, Default)]
struct Service {
    in_flight: usize,
    paused_until: Option<Timestamp>,
    /// By the digest of the address: who has it can send to the phone.
    subscriptions: HashMap<[u8; 32], Timestamp>,
}

impl Service {
    fn is_idle(&self, now: Timestamp) -> bool {
        let is_over = |until: &Timestamp| *until <= now;
        self.in_flight == 0
            && self.paused_until.as_ref().is_none_or(is_over)
            && self.subscriptions.values().all(is_over)
    }
}

/// One message on its way.
#[derive(Debug)]
pub(super) struct Place<'a> {
    traffic: &'a Traffic,
    service: String,
}

impl Drop for Place<'_> {
    fn drop(&mut self) {
        let mut services = self.traffic.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(service) = services.get_mut(&self.service) {
            service.in_flight -= 1;
        }
    }
}

impl Traffic {
    /// A place among the messages to the service of `endpoint`, or when to ask again.
    pub(super) fn enter(&self, endpoint: &Url, now: Timestamp) -> Result<Place<'_>, Timestamp> {
        let name = endpoint.origin().ascii_serialization();
        let mut services = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if services.len() >= MOST_KNOWN {
            services.retain(|_, service| !service.is_idle(now));
        }
        let service = services.entry(name.clone()).or_default();
        let paused = [service.paused_until, service.subscriptions.get(&key(endpoint)).copied()];
        if let Some(until) = paused.into_iter().flatten().filter(|until| *until > now).max() {
            return Err(until);
        }
        if service.in_flight >= PER_SERVICE {
            return Err(now + FOR_ROOM);
        }
        service.in_flight += 1;
        Ok(Place { traffic: self, service: name })
    }

    /// The service of `endpoint` asked for a pause.
    pub(super) fn pause(&self, endpoint: &Url, whom: Whom, until: Timestamp, now: Timestamp) {
        let mut services = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let service = services.entry(endpoint.origin().ascii_serialization()).or_default();
        let everyone = match whom {
            Whom::Service => true,
            Whom::Subscription => {
                service.subscriptions.retain(|_, until| *until > now);
                if service.subscriptions.len() < MOST_KNOWN {
                    service.subscriptions.insert(key(endpoint), until);
                }
                service.subscriptions.len() >= SEVERAL
            }
        };
        if everyone {
            service.paused_until = Some(until);
        }
    }
}

fn key(endpoint: &Url) -> [u8; 32] {
    let mut key = [0; 32];
    key.copy_from_slice(digest(&SHA256, endpoint.as_str().as_bytes()).as_ref());
    key
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::UNIX_EPOCH;

    fn phone(n: usize) -> Url {
        Url::parse(&format!("https://push.example/{n}")).unwrap()
    }

    fn after(seconds: i64) -> Timestamp {
        NOW + SignedDuration::from_secs(seconds)
    }

    #[test]
    fn one_phone_that_is_woken_too_often_keeps_nobody_elses_messages() {
        let traffic = Traffic::default();
        traffic.pause(&phone(1), Whom::Subscription, after(60), NOW);
        assert_eq!(traffic.enter(&phone(1), after(59)).unwrap_err(), after(60));
        assert!(traffic.enter(&phone(2), NOW).is_ok());
        assert!(traffic.enter(&phone(1), after(60)).is_ok());
    }

    #[test]
    fn several_phones_at_once_are_the_service() {
        let traffic = Traffic::default();
        for n in 1..SEVERAL {
            traffic.pause(&phone(n), Whom::Subscription, after(60), NOW);
            assert!(traffic.enter(&phone(0), NOW).is_ok(), "{n} are not several");
        }
        // The pauses of the others are over by then.
        traffic.pause(&phone(SEVERAL), Whom::Subscription, after(90), after(60));
        assert!(traffic.enter(&phone(0), after(60)).is_ok());
        for n in 1..SEVERAL {
            traffic.pause(&phone(n), Whom::Subscription, after(90), after(60));
        }
        assert_eq!(traffic.enter(&phone(0), after(60)).unwrap_err(), after(90));
        let other = Url::parse("https://other.example/1").unwrap();
        assert!(traffic.enter(&other, after(60)).is_ok());
    }

    #[test]
    fn a_service_that_is_away_is_left_alone() {
        let traffic = Traffic::default();
        traffic.pause(&phone(1), Whom::Service, after(5), NOW);
        assert_eq!(traffic.enter(&phone(2), NOW).unwrap_err(), after(5));
    }

    #[test]
    fn messages_on_their_way_are_few_and_what_is_known_is_bounded() {
        let traffic = Traffic::default();
        let places: Vec<_> = (0..PER_SERVICE).map(|n| traffic.enter(&phone(n), NOW).unwrap()).collect();
        assert_eq!(traffic.enter(&phone(0), NOW).unwrap_err(), NOW + FOR_ROOM);
        drop(places);
        for n in 0..MOST_KNOWN * 2 {
            traffic.enter(&Url::parse(&format!("https://push{n}.example/")).unwrap(), NOW).unwrap();
            traffic.pause(&phone(n), Whom::Subscription, after(60), NOW);
        }
        let services = traffic.0.lock().unwrap();
        assert!(services.len() <= MOST_KNOWN + 1);
        assert_eq!(services["https://push.example"].subscriptions.len(), MOST_KNOWN);
    }
}
