//! Octets on their way: what came and is not a whole message yet, and what waits to be sent.

use std::time::Instant;

use cs_ldap::{Malformed, frame_len};
use zeroize::{Zeroize as _, Zeroizing};

/// Cuts what comes into messages. Passwords are among it: it is wiped.
#[derive(Default)]
pub(super) struct Incoming {
    octets: Zeroizing<Vec<u8>>,
    /// Messages up to here were taken.
    taken: usize,
}

impl Incoming {
    pub(super) fn push(&mut self, octets: &[u8]) {
        if self.taken == self.octets.len() {
            self.octets.zeroize();
            self.taken = 0;
        } else if self.taken > 0 {
            let rest = self.octets.len() - self.taken;
            self.octets.copy_within(self.taken.., 0);
            if let Some(spare) = self.octets.get_mut(rest..) {
                spare.zeroize();
            }
            self.octets.truncate(rest);
            self.taken = 0;
        }
        self.octets.extend_from_slice(octets);
    }

    /// How many octets wait.
    pub(super) fn len(&self) -> usize {
        self.octets.len() - self.taken
    }

    /// The next message, if it is whole.
    ///
    /// Fails as soon as it can become none of at most `limit` octets.
    pub(super) fn next(&mut self, limit: usize) -> Result<Option<Zeroizing<Vec<u8>>>, Malformed> {
        let waiting = self.octets.get(self.taken..).unwrap_or_default();
        let Some(len) = frame_len(waiting, limit)? else { return Ok(None) };
        let Some(message) = waiting.get(..len) else { return Ok(None) };
        self.taken += len;
        Ok(Some(Zeroizing::new(message.to_vec())))
    }

    /// Every whole message that waits, not taken.
    pub(super) fn waiting(&self, limit: usize) -> impl Iterator<Item = &[u8]> {
        let mut rest = self.octets.get(self.taken..).unwrap_or_default();
        std::iter::from_fn(move || {
            let len = frame_len(rest, limit).ok().flatten()?;
            let (message, after) = rest.split_at_checked(len)?;
            rest = after;
            Some(message)
        })
    }

    pub(super) fn forget(&mut self) {
        self.octets.zeroize();
        self.taken = 0;
    }
}

/// What waits to be sent, and since when nothing of it went away.
#[derive(Default)]
pub(super) struct Outgoing {
    octets: Zeroizing<Vec<u8>>,
    sent: usize,
    since: Option<Instant>,
}

impl Outgoing {
    pub(super) fn push(&mut self, octets: &[u8], now: Instant) {
        self.octets.extend_from_slice(octets);
        self.since.get_or_insert(now);
    }

    pub(super) fn waiting(&self) -> &[u8] {
        self.octets.get(self.sent..).unwrap_or_default()
    }

    pub(super) fn sent(&mut self, octets: usize, now: Instant) {
        self.sent = (self.sent + octets).min(self.octets.len());
        self.since = Some(now);
        if self.sent == self.octets.len() {
            self.forget();
        }
    }

    /// Since when nothing went away, while something should.
    pub(super) fn since(&self) -> Option<Instant> {
        self.since
    }

    pub(super) fn forget(&mut self) {
        self.octets.zeroize();
        (self.sent, self.since) = (0, None);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const UNBIND: &[u8] = b"\x30\x05\x02\x01\x02\x42\x00";

    #[test]
    fn messages_come_out_whole_however_they_came() {
        let mut incoming = Incoming::default();
        let stream = UNBIND.repeat(3);
        for octets in stream.chunks(4) {
            incoming.push(octets);
            if incoming.len() >= UNBIND.len() {
                assert_eq!(incoming.waiting(100).next(), Some(UNBIND));
                assert_eq!(incoming.next(100).unwrap().as_deref().map(Vec::as_slice), Some(UNBIND));
            }
        }
        assert_eq!((incoming.len(), incoming.next(100)), (0, Ok(None)));
        incoming.push(b"\x16\x03");
        assert_eq!(incoming.next(100), Err(Malformed::NotLdap(0x16)));
    }

    #[test]
    fn what_was_sent_is_gone() {
        let now = Instant::now();
        let mut outgoing = Outgoing::default();
        outgoing.push(b"abc", now);
        outgoing.sent(2, now);
        outgoing.push(b"d", now);
        assert_eq!((outgoing.waiting(), outgoing.since()), (&b"cd"[..], Some(now)));
        outgoing.sent(2, now);
        assert_eq!((outgoing.waiting(), outgoing.since()), (&b""[..], None));
    }
}
