//! The same mistake of the same address is told once a minute, with how often it was.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

const QUIET: Duration = Duration::from_secs(60);
/// Addresses and mistakes that are remembered for that.
const MOST: usize = 10_000;

/// What was told lately.
#[derive(Default)]
pub(super) struct Quiet(HashMap<(IpAddr, &'static str), (Instant, u64)>);

impl Quiet {
    /// Whether to tell now, and how often it was since it was told last.
    pub(super) fn tells(&mut self, from: IpAddr, what: &'static str, now: Instant) -> Option<u64> {
        if self.0.len() >= MOST {
            self.0.retain(|_, (since, _)| now < *since + QUIET);
        }
        let is_full = self.0.len() >= MOST;
        match self.0.get_mut(&(from, what)) {
            Some((since, count)) if now < *since + QUIET => {
                *count += 1;
                None
            }
            Some((since, count)) => {
                *since = now;
                Some(std::mem::take(count))
            }
            None if is_full => None,
            None => {
                self.0.insert((from, what), (now, 0));
                Some(0)
            }
        }
    }

    /// Tells it in the log.
    pub(super) fn warn(&mut self, from: IpAddr, what: &'static str, now: Instant) {
        if let Some(more) = self.tells(from, what, now) {
            tracing::warn!(%from, more, "{what}");
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mistake_is_told_once_a_minute_and_counted() {
        let (mut quiet, now) = (Quiet::default(), Instant::now());
        let from = "192.0.2.1".parse().unwrap();
        assert_eq!(quiet.tells(from, "a", now), Some(0));
        assert_eq!((quiet.tells(from, "a", now), quiet.tells(from, "b", now)), (None, Some(0)));
        assert_eq!(quiet.tells(from, "a", now + QUIET), Some(1));
        assert_eq!(quiet.tells(from, "a", now + QUIET + QUIET), Some(0));
    }
}
