//! The hosts of an API: which is asked first, and which are left alone because they are away (a circuit breaker for each).
//!
//! ```text
//! closed ── FAILURES in a row ──► open ── a probe is answered ──► half open ── a login is answered ──► closed
//!                                  ▲  └── a probe fails: the next one later ──┐      │
//!                                  └──────────────────────────────────────────┴──────┘ one failure
//! ```
//!
//! While every host is open, nobody waits for them: logins take the fail mode at once, and probes in the background find out when that is over.

use std::time::{Duration, Instant};

/// So many calls in a row without an answer, and a host is left alone.
pub const FAILURES: u32 = 2;
/// The first probe comes so long after that.
const FIRST_PROBE: Duration = Duration::from_secs(1);
/// Each further one after twice the time, up to this: people wait for the end of an outage.
const RAREST_PROBE: Duration = Duration::from_secs(8);
/// A probe that nobody reports the end of counts as failed after so long.
const PROBE_LIFE: Duration = Duration::from_secs(10);

/// How a host stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Circuit {
    /// It is asked; so often it has not answered since it last did.
    Closed {
        /// Unanswered calls in a row.
        failures: u32,
    },
    /// It is left alone until a probe is answered.
    Open {
        /// When the next probe is due, or the one under way counts as failed.
        probe_at: Instant,
        /// How long after the last one.
        wait: Duration,
    },
    /// A probe was answered, no login yet.
    HalfOpen {
        /// How long the next probe waits if that fails.
        wait: Duration,
    },
}

impl Circuit {
    /// The word in logs and metrics.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Closed { .. } => "closed",
            Self::Open { .. } => "open",
            Self::HalfOpen { .. } => "half_open",
        }
    }

    const fn is_open(self) -> bool {
        matches!(self, Self::Open { .. })
    }
}

/// What a report changed, where it is worth a line in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Change {
    /// From now on it is left alone.
    Opened,
    /// It is asked again.
    Closed,
}

/// All hosts of an application.
#[derive(Debug)]
pub struct Hosts {
    circuits: Vec<Circuit>,
    /// The one that answered last, or that is asked next because the one before does not.
    preferred: usize,
}

impl Hosts {
    /// So many hosts, all of them thought well.
    pub fn new(count: usize) -> Self {
        Self { circuits: vec![Circuit::Closed { failures: 0 }; count], preferred: 0 }
    }

    /// The hosts to be asked, in this order; none while all are left alone.
    pub fn plan(&self) -> Vec<usize> {
        let count = self.circuits.len();
        let all = (0..count).map(|step| (self.preferred + step) % count.max(1));
        all.filter(|at| self.circuits.get(*at).is_some_and(|circuit| !circuit.is_open())).collect()
    }

    /// How each stands.
    pub fn circuits(&self) -> &[Circuit] {
        &self.circuits
    }

    /// A host answered a call of a login.
    pub fn answered(&mut self, host: usize) -> Option<Change> {
        let circuit = self.circuits.get_mut(host)?;
        let before = std::mem::replace(circuit, Circuit::Closed { failures: 0 });
        self.preferred = host;
        (!matches!(before, Circuit::Closed { .. })).then_some(Change::Closed)
    }

    /// A host did not answer a call of a login. Another one is asked first from now on.
    pub fn failed(&mut self, host: usize, now: Instant) -> Option<Change> {
        let circuit = self.circuits.get_mut(host)?;
        let (after, change) = match *circuit {
            Circuit::Closed { failures } if failures + 1 < FAILURES => {
                (Circuit::Closed { failures: failures + 1 }, None)
            }
            Circuit::Closed { .. } => (open(now, FIRST_PROBE), Some(Change::Opened)),
            Circuit::HalfOpen { wait } => (open(now, wait), Some(Change::Opened)),
            // Calls that were under way when it was opened say nothing new.
            as_it_was @ Circuit::Open { .. } => (as_it_was, None),
        };
        *circuit = after;
        self.avoid(host);
        change
    }

    /// Another host than this one is asked first from now on. For one that answers at once, but nothing of use: nobody waits for it, so it need not be left
    /// alone, and what makes it stumble over one login must not take the second factor from all others.
    pub fn avoid(&mut self, host: usize) {
        let count = self.circuits.len();
        if self.preferred == host && count > 1 {
            let mut others = (1..count).map(|step| (host + step) % count);
            let well = |at: &usize| self.circuits.get(*at).is_some_and(|circuit| !circuit.is_open());
            self.preferred = others.find(well).unwrap_or((host + 1) % count);
        }
    }

    /// When the next probe is due; `None` while no host is left alone.
    pub fn next_probe(&self) -> Option<Instant> {
        let due = |circuit: &Circuit| match circuit {
            Circuit::Open { probe_at, .. } => Some(*probe_at),
            Circuit::Closed { .. } | Circuit::HalfOpen { .. } => None,
        };
        self.circuits.iter().filter_map(due).min()
    }

    /// The hosts to be probed now. Each is given out once, and again when nothing is heard of it.
    pub fn probes(&mut self, now: Instant) -> Vec<usize> {
        let mut due = Vec::new();
        for (at, circuit) in self.circuits.iter_mut().enumerate() {
            if let Circuit::Open { probe_at, .. } = circuit
                && *probe_at <= now
            {
                *probe_at = now + PROBE_LIFE;
                due.push(at);
            }
        }
        due
    }

    /// A probe was answered: the next login may try.
    pub fn probe_answered(&mut self, host: usize) -> Option<Change> {
        let circuit = self.circuits.get_mut(host)?;
        let Circuit::Open { wait, .. } = *circuit else { return None };
        *circuit = Circuit::HalfOpen { wait: rarer(wait) };
        Some(Change::Closed)
    }

    /// A probe was not answered: the next one comes later.
    pub fn probe_failed(&mut self, host: usize, now: Instant) {
        if let Some(circuit) = self.circuits.get_mut(host)
            && let Circuit::Open { wait, .. } = *circuit
        {
            *circuit = open(now, rarer(wait));
        }
    }
}

fn open(now: Instant, wait: Duration) -> Circuit {
    Circuit::Open { probe_at: now + wait, wait }
}

fn rarer(wait: Duration) -> Duration {
    wait.saturating_mul(2).min(RAREST_PROBE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(start: Instant, seconds: u64) -> Instant {
        start + Duration::from_secs(seconds)
    }

    #[test]
    fn the_one_that_worked_last_is_asked_first() {
        let (mut hosts, now) = (Hosts::new(3), Instant::now());
        assert_eq!(hosts.plan(), [0, 1, 2]);
        assert_eq!(hosts.answered(2), None);
        assert_eq!(hosts.plan(), [2, 0, 1]);
        // One failure moves on; the other is still asked when it comes to that.
        assert_eq!(hosts.failed(2, now), None);
        assert_eq!(hosts.plan(), [0, 1, 2]);
        // The failure of one that is not preferred changes nothing for the others.
        assert_eq!(hosts.failed(1, now), None);
        assert_eq!(hosts.plan(), [0, 1, 2]);
    }

    #[test]
    fn one_that_answers_nonsense_is_never_left_alone() {
        let mut hosts = Hosts::new(2);
        (0..10).for_each(|_| hosts.avoid(0));
        assert_eq!(hosts.plan(), [1, 0]);
        let mut alone = Hosts::new(1);
        (0..10).for_each(|_| alone.avoid(0));
        assert_eq!(alone.plan(), [0]);
    }

    #[test]
    fn a_host_that_is_away_is_left_alone_and_the_others_are_asked() {
        let (mut hosts, now) = (Hosts::new(2), Instant::now());
        assert_eq!(hosts.failed(0, now), None);
        assert_eq!(hosts.failed(0, now), Some(Change::Opened));
        assert_eq!(hosts.failed(0, now), None);
        assert_eq!(hosts.plan(), [1]);
        hosts.answered(1);
        assert_eq!(hosts.plan(), [1]);
    }

    #[test]
    fn an_answer_in_between_is_a_new_beginning() {
        let (mut hosts, now) = (Hosts::new(1), Instant::now());
        for _ in 0..10 {
            assert_eq!(hosts.failed(0, now), None);
            assert_eq!(hosts.answered(0), None);
        }
        assert_eq!(hosts.plan(), [0]);
    }

    #[test]
    fn while_all_are_away_nobody_is_asked_and_probes_become_rarer() {
        let (mut hosts, start) = (Hosts::new(1), Instant::now());
        hosts.failed(0, start);
        hosts.failed(0, start);
        assert!(hosts.plan().is_empty());
        let mut now = start;
        let mut waits = Vec::new();
        for _ in 0..6 {
            let next = hosts.next_probe().unwrap();
            assert!(hosts.probes(next - Duration::from_millis(1)).is_empty());
            assert_eq!(hosts.probes(next), [0]);
            // It is under way, and not begun again.
            assert!(hosts.probes(next).is_empty());
            waits.push((next - now).as_secs());
            now = next;
            hosts.probe_failed(0, now);
            assert!(hosts.plan().is_empty());
        }
        assert_eq!(waits, [1, 2, 4, 8, 8, 8]);
    }

    #[test]
    fn after_a_probe_one_login_tries_and_its_failure_is_enough() {
        let (mut hosts, start) = (Hosts::new(1), Instant::now());
        hosts.failed(0, start);
        hosts.failed(0, start);
        assert_eq!(hosts.probes(at(start, 1)), [0]);
        assert_eq!(hosts.probe_answered(0), Some(Change::Closed));
        assert_eq!((hosts.plan(), hosts.circuits()[0].as_str()), (vec![0], "half_open"));
        assert_eq!(hosts.next_probe(), None);
        assert_eq!(hosts.failed(0, at(start, 2)), Some(Change::Opened));
        assert_eq!(hosts.next_probe(), Some(at(start, 4)));
        assert_eq!(hosts.probes(at(start, 4)), [0]);
        hosts.probe_answered(0);
        assert_eq!(hosts.answered(0), Some(Change::Closed));
        assert_eq!(hosts.failed(0, at(start, 5)), None);
    }

    #[test]
    fn a_probe_that_is_never_heard_of_again_is_made_again() {
        let (mut hosts, start) = (Hosts::new(1), Instant::now());
        hosts.failed(0, start);
        hosts.failed(0, start);
        assert_eq!(hosts.probes(at(start, 1)), [0]);
        assert!(hosts.probes(at(start, 10)).is_empty());
        assert_eq!(hosts.probes(at(start, 11)), [0]);
    }

    #[test]
    fn an_answer_that_was_under_way_closes_at_once() {
        let (mut hosts, start) = (Hosts::new(1), Instant::now());
        hosts.failed(0, start);
        hosts.failed(0, start);
        assert_eq!(hosts.answered(0), Some(Change::Closed));
        assert_eq!(hosts.plan(), [0]);
        // Its probe has nothing to say any more.
        assert_eq!(hosts.probe_answered(0), None);
        hosts.probe_failed(0, start);
        assert_eq!(hosts.plan(), [0]);
    }
}
