//! Which host is asked first, and connections of the service account that are kept.

use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use super::AT_A_TIME;
use super::service::Service;

/// A host that was in trouble is asked last for so long.
const DEAD_FOR: Duration = Duration::from_secs(30);
/// A connection is kept for so long, however busy: what is known of the directory is of its beginning.
const KEPT_FOR: Duration = Duration::from_secs(600);
/// A service account that was refused is not tried again for so long: it would be locked by as many logins as there are.
const BARRED_FOR: Duration = Duration::from_secs(60);

/// What is remembered of a section's hosts.
#[derive(Default)]
pub(super) struct Hosts(Mutex<Memory>);

#[derive(Default)]
struct Memory {
    /// By place: until when it counts as dead.
    dead: Vec<Option<Instant>>,
    kept: Vec<Service>,
    barred: Option<(Instant, String)>,
}

impl Hosts {
    pub(super) fn new(count: usize) -> Self {
        Self(Mutex::new(Memory { dead: vec![None; count], ..Memory::default() }))
    }

    fn memory(&self) -> std::sync::MutexGuard<'_, Memory> {
        // Nothing in here stops halfway.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// All places: those that are well in their order, then the others.
    pub(super) fn in_order(&self, now: Instant) -> Vec<usize> {
        let memory = self.memory();
        let mut places: Vec<usize> = (0..memory.dead.len()).collect();
        // Sorting keeps the order of equals.
        places.sort_by_key(|place| memory.dead.get(*place).copied().flatten().is_some_and(|until| now < until));
        places
    }

    pub(super) fn is_well(&self, place: usize) {
        if let Some(dead) = self.memory().dead.get_mut(place) {
            *dead = None;
        }
    }

    /// By place: whether it does not count as dead.
    pub(super) fn are_well(&self, now: Instant) -> Vec<bool> {
        self.memory().dead.iter().map(|dead| dead.is_none_or(|until| until <= now)).collect()
    }

    /// It was in trouble; what is kept of it is let go.
    pub(super) fn fell(&self, place: usize, now: Instant) {
        let mut memory = self.memory();
        if let Some(dead) = memory.dead.get_mut(place) {
            *dead = Some(now + DEAD_FOR);
        }
        memory.kept.retain(|service| service.host != place);
    }

    /// A connection to a host that was kept, the youngest first.
    pub(super) fn take(&self, place: usize, now: Instant) -> Option<Service> {
        let mut memory = self.memory();
        memory.kept.retain(|service| now < service.opened + KEPT_FOR);
        let at = memory.kept.iter().rposition(|service| service.host == place)?;
        Some(memory.kept.remove(at))
    }

    pub(super) fn keep(&self, service: Service) {
        let mut memory = self.memory();
        if memory.kept.len() >= AT_A_TIME {
            memory.kept.remove(0);
        }
        memory.kept.push(service);
    }

    /// The service account was refused.
    pub(super) fn bar(&self, why: String, now: Instant) {
        self.memory().barred = Some((now + BARRED_FOR, why));
    }

    /// Why the service account is not tried now.
    pub(super) fn barred(&self, now: Instant) -> Option<String> {
        let memory = self.memory();
        memory.barred.as_ref().filter(|(until, _)| now < *until).map(|(_, why)| why.clone())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_dead_host_is_asked_last_until_it_was_quiet_for_a_while() {
        let hosts = Hosts::new(3);
        let now = Instant::now();
        assert_eq!(hosts.in_order(now), [0, 1, 2]);
        hosts.fell(0, now);
        assert_eq!(hosts.in_order(now), [1, 2, 0]);
        assert_eq!(hosts.are_well(now), [false, true, true]);
        hosts.fell(1, now + Duration::from_secs(10));
        assert_eq!(hosts.in_order(now + Duration::from_secs(10)), [2, 0, 1]);
        assert_eq!(hosts.in_order(now + DEAD_FOR), [0, 2, 1]);
        hosts.is_well(1);
        assert_eq!(hosts.in_order(now + DEAD_FOR), [0, 1, 2]);
    }

    #[test]
    fn a_refused_service_account_is_left_alone_for_a_minute() {
        let hosts = Hosts::new(1);
        let now = Instant::now();
        assert_eq!(hosts.barred(now), None);
        hosts.bar("why".to_owned(), now);
        assert_eq!(hosts.barred(now).as_deref(), Some("why"));
        assert_eq!(hosts.barred(now + BARRED_FOR), None);
    }
}
