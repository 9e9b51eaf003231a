//! Which of many things is due next: an ordered set, so that neither the next one nor a change costs a look at all of them.

use std::collections::{BTreeSet, HashMap};
use std::hash::Hash;
use std::time::Instant;

/// At most one time for each key.
#[derive(Debug)]
pub struct Timers<K> {
    times: HashMap<K, Instant>,
    order: BTreeSet<(Instant, K)>,
}

impl<K> Default for Timers<K> {
    fn default() -> Self {
        Self { times: HashMap::new(), order: BTreeSet::new() }
    }
}

impl<K: Copy + Ord + Hash> Timers<K> {
    /// Sets the time of a key in place of the one it had; `None` takes it away.
    pub fn set(&mut self, key: K, at: Option<Instant>) {
        let before = match at {
            Some(at) => self.times.insert(key, at),
            None => self.times.remove(&key),
        };
        if before == at {
            return;
        }
        if let Some(before) = before {
            self.order.remove(&(before, key));
        }
        if let Some(at) = at {
            self.order.insert((at, key));
        }
    }

    /// The earliest time.
    pub fn first(&self) -> Option<Instant> {
        self.order.first().map(|(at, _)| *at)
    }

    /// Every key whose time has come, the earliest first. Their times stay until they are set anew.
    pub fn due(&self, now: Instant) -> Vec<K> {
        self.order.iter().take_while(|(at, _)| *at <= now).map(|(_, key)| *key).collect()
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn whatever_is_set_changed_and_taken_away_the_order_is_that_of_a_look_at_all() {
        let start = Instant::now();
        let mut chance = 1_u64;
        let mut draw = |most: u64| {
            chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
            (chance >> 33) % most
        };
        let (mut timers, mut truth) = (Timers::default(), HashMap::new());
        for _ in 0..20_000 {
            let key = draw(50);
            let at = (draw(3) > 0).then(|| start + Duration::from_millis(draw(40)));
            timers.set(key, at);
            match at {
                Some(at) => drop(truth.insert(key, at)),
                None => drop(truth.remove(&key)),
            }
            assert_eq!(timers.first(), truth.values().min().copied());
            let now = start + Duration::from_millis(draw(40));
            let mut due: Vec<(Instant, u64)> =
                truth.iter().filter(|(_, at)| **at <= now).map(|(key, at)| (*at, *key)).collect();
            due.sort_unstable();
            assert_eq!(timers.due(now), due.into_iter().map(|(_, key)| key).collect::<Vec<_>>());
        }
    }
}
