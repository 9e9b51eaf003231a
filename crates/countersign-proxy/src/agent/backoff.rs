//! How long to wait before a channel is tried again.

use std::time::Duration;

const FIRST: Duration = Duration::from_secs(1);
const LONGEST: Duration = Duration::from_secs(60);
/// A channel that was open for so long was a good one.
const GOOD: Duration = Duration::from_secs(30);

/// Twice as long each time, up to a minute; of that, at least the half, and what chance adds: a server that comes back is not met by all proxies at once.
#[derive(Debug, Default)]
pub(super) struct Backoff {
    failures: u32,
}

impl Backoff {
    /// The wait after a try that failed, or a channel that was open for so long. `chance` is any number.
    pub(super) fn after(&mut self, open_for: Option<Duration>, chance: u32) -> Duration {
        if open_for.is_some_and(|time| time >= GOOD) {
            self.failures = 0;
        }
        let whole = FIRST.saturating_mul(1 << self.failures.min(6)).min(LONGEST);
        self.failures = self.failures.saturating_add(1);
        whole / 2 + (whole / 2).mul_f64(f64::from(chance) / f64::from(u32::MAX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_grow_to_a_minute_and_begin_anew_after_a_good_channel() {
        let mut backoff = Backoff::default();
        let seconds: Vec<u64> = (0..8).map(|_| backoff.after(None, u32::MAX).as_secs()).collect();
        assert_eq!(seconds, [1, 2, 4, 8, 16, 32, 60, 60]);
        assert_eq!(backoff.after(None, 0).as_secs(), 30);
        assert_eq!(backoff.after(Some(Duration::from_secs(1)), 0).as_secs(), 30);
        assert_eq!(backoff.after(Some(GOOD), 0), Duration::from_millis(500));
        assert_eq!(backoff.after(None, 0).as_secs(), 1);
    }
}
