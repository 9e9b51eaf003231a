//! Records in their order: what is sent next, and what is over.

use std::collections::{BTreeMap, HashSet};
use std::time::{Duration, Instant};

use super::Sequence;

/// So many records are on their way at a time, of different sessions.
const WINDOW: usize = 32;
/// How far behind the first record that waits another one is looked for.
const LOOK: usize = 256;
/// A server that was silent is tried again after so long, then after twice that, and so on.
const FIRST_PAUSE: Duration = Duration::from_secs(1);
/// The longest pause.
const LONGEST_PAUSE: Duration = Duration::from_secs(30);
/// After so many failures of one record another one is tried in between: it may be this one that the server does not like.
const DOUBTFUL: u32 = 3;
/// After so many failures a record is given up, if the server took others meanwhile.
const HOPELESS: u32 = 8;

struct Waiting {
    session: u64,
    failures: u32,
    /// How many records the server had taken when this one was sent, and when it failed first.
    taken_when_sent: u64,
    taken_when_failed: Option<u64>,
    not_before: Option<Instant>,
}

/// What became of a failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Failed {
    /// It is tried again.
    Again,
    /// The server takes others and not this one: it is given up.
    GivenUp,
}

/// Records that wait for the server, in their order.
#[derive(Default)]
pub struct Feed {
    waiting: BTreeMap<Sequence, Waiting>,
    in_flight: BTreeMap<Sequence, u64>,
    /// How many the server has taken.
    taken: u64,
    /// Since when the server is silent: how often it was tried, and when it is tried next.
    silent: Option<(u32, Instant)>,
    /// The record that it is tried with.
    trial: Option<Sequence>,
    /// It has answered lately: until then records leave one at a time, so that their order holds.
    is_there: bool,
}

impl Feed {
    /// Adds a record at the end.
    pub fn push(&mut self, sequence: Sequence, session: u64) {
        let waiting = Waiting { session, failures: 0, taken_when_sent: 0, taken_when_failed: None, not_before: None };
        self.waiting.insert(sequence, waiting);
    }

    /// How many wait.
    pub fn len(&self) -> usize {
        self.waiting.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.waiting.is_empty()
    }

    /// The first that waits: everything before it is over.
    pub fn first(&self) -> Option<Sequence> {
        self.waiting.keys().next().copied()
    }

    /// Whether the server is silent.
    pub fn is_silent(&self) -> bool {
        self.silent.is_some()
    }

    /// When [`next`](Self::next) may have something again.
    pub fn poll_timeout(&self) -> Option<Instant> {
        match self.silent {
            Some((_, again)) if self.in_flight.is_empty() && !self.waiting.is_empty() => Some(again),
            Some(_) => None,
            None => self.waiting.values().take(LOOK).filter_map(|waiting| waiting.not_before).min(),
        }
    }

    /// The record to send next. While the server is silent it is one at a time.
    pub fn next(&mut self, now: Instant) -> Option<Sequence> {
        let sequence = match self.silent {
            Some((_, again)) if again > now || !self.in_flight.is_empty() => None,
            Some((tries, _)) => {
                let doubtful = self.waiting.values().next().is_some_and(|first| first.failures >= DOUBTFUL);
                let other = if doubtful && tries % 2 == 1 { self.eligible(now, 1) } else { None };
                other.or_else(|| self.first())
            }
            None if self.in_flight.len() >= if self.is_there { WINDOW } else { 1 } => None,
            None => self.eligible(now, 0),
        }?;
        let taken = self.taken;
        let waiting = self.waiting.get_mut(&sequence)?;
        waiting.taken_when_sent = taken;
        self.trial = self.silent.map(|_| sequence);
        self.in_flight.insert(sequence, waiting.session);
        Some(sequence)
    }

    /// The first record that is not on its way, behind none of its own session, when so many are left out.
    fn eligible(&self, now: Instant, leave: usize) -> Option<Sequence> {
        let mut busy: HashSet<u64> = self.in_flight.values().copied().collect();
        for (place, (sequence, waiting)) in self.waiting.iter().take(LOOK).enumerate() {
            let is_free = !busy.contains(&waiting.session) && waiting.not_before.is_none_or(|at| at <= now);
            if place >= leave && is_free {
                return Some(*sequence);
            }
            busy.insert(waiting.session);
        }
        None
    }

    /// The server has taken a record.
    pub fn done(&mut self, sequence: Sequence) {
        self.in_flight.remove(&sequence);
        self.waiting.remove(&sequence);
        self.taken += 1;
        self.silent = None;
        self.is_there = true;
    }

    /// The server did not answer to a record.
    pub fn failed(&mut self, sequence: Sequence, now: Instant) -> Failed {
        self.in_flight.remove(&sequence);
        let taken = self.taken;
        let Some(waiting) = self.waiting.get_mut(&sequence) else { return Failed::Again };
        waiting.failures += 1;
        let first = *waiting.taken_when_failed.get_or_insert(taken);
        if waiting.failures >= HOPELESS && taken > first {
            self.waiting.remove(&sequence);
            return Failed::GivenUp;
        }
        if taken > waiting.taken_when_sent {
            // It took others meanwhile: this one waits alone.
            waiting.not_before = Some(now + pause(waiting.failures));
        } else if self.trial == Some(sequence) || self.silent.is_none() {
            self.is_there = false;
            let tries = self.silent.map_or(0, |(tries, _)| tries) + 1;
            self.silent = Some((tries, now + pause(tries)));
        }
        Failed::Again
    }

    /// Forgets a record that is too old or cannot be read.
    pub fn forget(&mut self, sequence: Sequence) {
        self.in_flight.remove(&sequence);
        self.waiting.remove(&sequence);
    }
}

fn pause(tries: u32) -> Duration {
    FIRST_PAUSE.saturating_mul(1 << tries.saturating_sub(1).min(8)).min(LONGEST_PAUSE)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn drain(feed: &mut Feed, now: Instant) -> Vec<Sequence> {
        std::iter::from_fn(|| feed.next(now)).collect()
    }

    /// A feed whose server has answered.
    fn answered(now: Instant) -> Feed {
        let mut feed = Feed::default();
        feed.push(0, 0);
        feed.push(1, 1);
        assert_eq!(drain(&mut feed, now), [0], "the first goes alone");
        feed.done(0);
        assert_eq!(drain(&mut feed, now), [1]);
        feed.done(1);
        feed
    }

    #[test]
    fn records_leave_in_order_and_those_of_one_session_one_after_another() {
        let now = Instant::now();
        let mut feed = answered(now);
        for (sequence, session) in [(1, 10), (2, 20), (3, 10), (4, 30)] {
            feed.push(sequence, session);
        }
        assert_eq!(drain(&mut feed, now), [1, 2, 4]);
        feed.done(2);
        assert!(drain(&mut feed, now).is_empty(), "the third is of the first's session");
        feed.done(1);
        assert_eq!((drain(&mut feed, now), feed.first()), (vec![3], Some(3)));
        feed.done(3);
        feed.done(4);
        assert!(feed.is_empty() && feed.poll_timeout().is_none());
    }

    #[test]
    fn a_silent_server_is_tried_with_the_first_record_ever_more_rarely_and_then_gets_all() {
        let mut now = Instant::now();
        let mut feed = answered(now);
        for sequence in 0..100 {
            feed.push(sequence, sequence);
        }
        let sent = drain(&mut feed, now);
        assert_eq!(sent.len(), WINDOW);
        sent.into_iter().for_each(|sequence| _ = feed.failed(sequence, now));
        assert!(feed.is_silent());
        let mut pauses = Vec::new();
        for _ in 0..2 {
            let again = feed.poll_timeout().unwrap();
            pauses.push(again - now);
            assert!(drain(&mut feed, now).is_empty());
            now = again;
            assert_eq!(drain(&mut feed, now), [0]);
            assert_eq!(feed.failed(0, now), Failed::Again);
        }
        assert!(pauses[1] > pauses[0] && pauses[1] <= LONGEST_PAUSE, "{pauses:?}");
        now = feed.poll_timeout().unwrap();
        let probe = drain(&mut feed, now);
        assert_eq!(probe.len(), 1);
        feed.done(probe[0]);
        let mut order = Vec::new();
        while !feed.is_empty() {
            let sent = drain(&mut feed, now);
            sent.iter().for_each(|sequence| feed.done(*sequence));
            order.extend(sent);
        }
        assert!(order.is_sorted() && order.len() == 99);
    }

    #[test]
    fn a_record_that_the_server_does_not_like_holds_up_nobody_for_ever() {
        let (mut feed, mut now) = (Feed::default(), Instant::now());
        for sequence in 0..50 {
            feed.push(sequence, sequence);
        }
        let mut given_up = false;
        for _ in 0..200 {
            for sequence in drain(&mut feed, now) {
                if sequence != 0 {
                    feed.done(sequence);
                } else if feed.failed(0, now) == Failed::GivenUp {
                    given_up = true;
                }
            }
            now += LONGEST_PAUSE;
        }
        assert!(given_up && feed.is_empty(), "{} wait", feed.len());
    }
}
