//! Short ids by which a request is found in the log.

use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};

use http::HeaderValue;

/// Sixteen hexadecimal digits, unique within a server's life and not guessable from one another.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct RequestId(u64);

impl RequestId {
    /// The id as a header value.
    #[must_use]
    pub fn header(self) -> HeaderValue {
        const DIGITS: &[u8; 16] = b"0123456789abcdef";
        let mut text = [0; 16];
        for (index, digit) in text.iter_mut().enumerate() {
            *digit = DIGITS[(self.0 >> (60 - 4 * index)) as usize & 15];
        }
        HeaderValue::from_bytes(&text).unwrap_or_else(|_| HeaderValue::from_static("0"))
    }
}

impl fmt::Display for RequestId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

/// Makes ids from a counter, without a lock or a system call.
#[derive(Debug)]
pub struct RequestIds {
    next: AtomicU64,
    key: u64,
}

impl RequestIds {
    /// `seed` should be random, so that ids of two runs do not collide.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        Self { next: AtomicU64::new(seed), key: seed.rotate_left(32) }
    }

    #[must_use]
    pub fn next(&self) -> RequestId {
        // SplitMix64's finaliser is a bijection: distinct counters give distinct ids.
        let mut x = self.next.fetch_add(0x9e37_79b9_7f4a_7c15, Ordering::Relaxed);
        x = (x ^ (x >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        x = (x ^ (x >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        RequestId((x ^ (x >> 31)) ^ self.key)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_distinct_and_print_like_their_header() {
        let ids = RequestIds::new(7);
        let made: std::collections::HashSet<_> = (0..10_000).map(|_| ids.next()).collect();
        assert_eq!(made.len(), 10_000);
        let id = ids.next();
        assert_eq!(id.to_string(), id.header().to_str().unwrap());
        assert_eq!(id.to_string().len(), 16);
    }
}
