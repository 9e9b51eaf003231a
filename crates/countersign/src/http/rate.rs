//! A rate limiter per key: so many a second, with a burst.

use std::collections::HashMap;
use std::hash::{BuildHasher, Hash, RandomState};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

const SHARDS: usize = 16;
/// Keys remembered per shard; a key costs about 50 bytes.
const KEYS_PER_SHARD: usize = 8192;
/// Keys looked at to find one to forget.
const EVICTION_SAMPLE: usize = 8;

/// Limits events per key by the generic cell rate algorithm: one number per key, exact, and no timer.
#[derive(Debug)]
pub struct RateLimiter<K> {
    shards: Vec<Mutex<HashMap<K, Duration>>>,
    hasher: RandomState,
    start: Instant,
    interval: Duration,
    burst: Duration,
}

/// The key has used up its rate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limited {
    pub retry_after: Duration,
}

impl<K: Hash + Eq + Clone> RateLimiter<K> {
    /// `per_second` events on average, `burst` at once; both at least one. `start` is any moment before the first event.
    #[must_use]
    pub fn new(per_second: u32, burst: u32, start: Instant) -> Self {
        let interval = Duration::from_secs(1) / per_second.max(1);
        Self {
            shards: (0..SHARDS).map(|_| Mutex::new(HashMap::new())).collect(),
            hasher: RandomState::new(),
            start,
            interval,
            burst: interval * burst.max(1),
        }
    }

    /// Counts one event of `key`, unless it is limited.
    pub fn check(&self, key: &K, now: Instant) -> Result<(), Limited> {
        let now = now.saturating_duration_since(self.start);
        let mut shard = self.shard(key);
        let paid_until = shard.get(key).copied().unwrap_or_default().max(now);
        let next = paid_until + self.interval;
        if next > now + self.burst {
            return Err(Limited { retry_after: next - now - self.burst });
        }
        if shard.len() >= KEYS_PER_SHARD && !shard.contains_key(key) {
            make_room(&mut shard);
        }
        shard.insert(key.clone(), next);
        Ok(())
    }

    /// Whether the next event of `key` would be limited; counts nothing.
    pub fn peek(&self, key: &K, now: Instant) -> Result<(), Limited> {
        let now = now.saturating_duration_since(self.start);
        let paid_until = self.shard(key).get(key).copied().unwrap_or_default().max(now);
        let next = paid_until + self.interval;
        if next > now + self.burst { Err(Limited { retry_after: next - now - self.burst }) } else { Ok(()) }
    }

    fn shard(&self, key: &K) -> MutexGuard<'_, HashMap<K, Duration>> {
        let index = self.hasher.hash_one(key) as usize % SHARDS;
        self.shards[index].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Forgets the one of a few keys that owes least: cheap however full the map is.
fn make_room<K: Hash + Eq + Clone>(shard: &mut HashMap<K, Duration>) {
    let few = shard.iter().take(EVICTION_SAMPLE);
    if let Some(key) = few.min_by_key(|(_, paid_until)| **paid_until).map(|(key, _)| key.clone()) {
        shard.remove(&key);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_burst_passes_and_then_the_rate_holds() {
        let start = Instant::now();
        let limiter = RateLimiter::new(10, 5, start);
        for _ in 0..5 {
            limiter.check(&"a", start).unwrap();
        }
        assert_eq!(limiter.check(&"a", start), Err(Limited { retry_after: Duration::from_millis(100) }));
        assert_eq!(limiter.peek(&"a", start), Err(Limited { retry_after: Duration::from_millis(100) }));
        assert!(limiter.check(&"b", start).is_ok(), "another key has its own rate");
        let later = start + Duration::from_millis(100);
        assert!(limiter.check(&"a", later).is_ok());
        assert!(limiter.check(&"a", later).is_err());
    }

    #[test]
    fn memory_is_bounded_whatever_the_keys() {
        let start = Instant::now();
        let limiter = RateLimiter::new(1, 1, start);
        for key in 0..(SHARDS * KEYS_PER_SHARD * 2) {
            let _ = limiter.check(&key, start);
        }
        let kept: usize = limiter.shards.iter().map(|shard| shard.lock().unwrap().len()).sum();
        assert!(kept <= SHARDS * KEYS_PER_SHARD);
    }
}
