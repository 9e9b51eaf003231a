//! What was approved a moment ago: applications that bind twice for one login ask their person once.
//!
//! An approval is worth something to the same credentials, from the same address, for the same section alone, for `bind_reuse` seconds. LDAP does not say from which station a
//! person comes; so somebody else who knows the password could log in through the same application. Two binds at the same time therefore never share an approval, neither while
//! it is waited for nor afterwards: whoever keeps trying, to be there when the person approves, gets nothing but requests that the person has not made.

use std::collections::HashMap;
use std::net::IpAddr;
use std::time::{Duration, Instant};

use aws_lc_rs::hmac;
use zeroize::Zeroizing;

use crate::keyed;

/// Equal for the same name and credentials, through the same section from the same address. Made under a key of this process, so that it tells nothing about the password.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Fingerprint([u8; 32]);

/// Never compared by eye.
impl std::fmt::Debug for Fingerprint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Fingerprint(…)")
    }
}

/// More are forgotten, the expired ones first.
const MOST: usize = 10_000;

#[derive(Default)]
struct Known {
    /// Logins with it that wait.
    waiting: u32,
    /// Two of them waited at the same time.
    is_shared: bool,
    /// An approval is good until then.
    until: Option<Instant>,
}

/// All approvals of a section.
pub struct Approvals {
    key: hmac::Key,
    reuse: Duration,
    known: HashMap<Fingerprint, Known>,
}

impl Approvals {
    /// Of a section, with its `bind_reuse` and a random key.
    pub fn new(key: &Zeroizing<[u8; 32]>, reuse: Duration) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, &**key), reuse, known: HashMap::new() }
    }

    /// Of what somebody sends.
    pub fn fingerprint(&self, from: IpAddr, name: &str, proof: &[u8]) -> Fingerprint {
        let (from, name) = (from.to_string(), name.trim().to_lowercase());
        Fingerprint(keyed::digest(&self.key, &[from.as_bytes(), name.as_bytes(), proof]))
    }

    /// Whether it was approved a moment ago. If not, a login with it waits from now on, until [`Approvals::ended`].
    pub fn begin(&mut self, fingerprint: Fingerprint, now: Instant) -> bool {
        if self.known.len() >= MOST {
            self.known.retain(|_, known| known.waiting > 0 || known.until.is_some_and(|until| now < until));
        }
        if self.is_approved(fingerprint, now) {
            return true;
        }
        let known = self.known.entry(fingerprint).or_default();
        known.until = None;
        known.is_shared |= known.waiting > 0;
        known.waiting += 1;
        false
    }

    /// Whether it was approved a moment ago.
    pub fn is_approved(&self, fingerprint: Fingerprint, now: Instant) -> bool {
        self.known.get(&fingerprint).and_then(|known| known.until).is_some_and(|until| now < until)
    }

    /// A login that waited is over.
    pub fn ended(&mut self, fingerprint: Fingerprint, is_approved: bool, now: Instant) {
        let Some(known) = self.known.get_mut(&fingerprint) else { return };
        known.waiting = known.waiting.saturating_sub(1);
        if is_approved && !known.is_shared && !self.reuse.is_zero() {
            known.until = Some(now + self.reuse);
        }
        if known.waiting == 0 {
            known.is_shared = false;
            if known.until.is_none() {
                self.known.remove(&fingerprint);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOMENT: Duration = Duration::from_secs(10);

    fn approvals() -> (Approvals, Fingerprint) {
        let approvals = Approvals::new(&Zeroizing::new([7; 32]), MOMENT);
        let alice = approvals.fingerprint([192, 0, 2, 1].into(), "uid=alice,dc=lab", b"S3cret");
        (approvals, alice)
    }

    #[test]
    fn the_same_credentials_from_the_same_place_are_the_same() {
        let (approvals, alice) = approvals();
        let of = |address: [u8; 4], name: &str, proof: &[u8]| approvals.fingerprint(address.into(), name, proof);
        assert_eq!(of([192, 0, 2, 1], " UID=Alice,dc=lab", b"S3cret"), alice);
        assert_ne!(of([192, 0, 2, 2], "uid=alice,dc=lab", b"S3cret"), alice);
        assert_ne!(of([192, 0, 2, 1], "uid=alice,dc=lab", b"S3creT"), alice);
        assert_ne!(of([192, 0, 2, 1], "uid=alice,dc=labS", b"3cret"), alice);
        assert_eq!(format!("{alice:?}"), "Fingerprint(…)");
    }

    #[test]
    fn an_approval_is_good_for_a_moment() {
        let ((mut approvals, alice), now) = (approvals(), Instant::now());
        assert!(!approvals.begin(alice, now));
        approvals.ended(alice, true, now);
        assert!(approvals.begin(alice, now + MOMENT / 2));
        assert!(!approvals.begin(alice, now + MOMENT), "the use of it does not prolong it");
        approvals.ended(alice, false, now + MOMENT);
        assert!(!approvals.begin(alice, now + MOMENT));
    }

    #[test]
    fn two_at_the_same_time_share_nothing() {
        let ((mut approvals, alice), now) = (approvals(), Instant::now());
        assert!(!approvals.begin(alice, now));
        assert!(!approvals.begin(alice, now), "it waits for an approval of its own");
        approvals.ended(alice, true, now);
        assert!(!approvals.begin(alice, now), "whoever was there before cannot use it");
        approvals.ended(alice, false, now);
        approvals.ended(alice, false, now);
        assert!(!approvals.begin(alice, now));
        approvals.ended(alice, true, now);
        assert!(approvals.begin(alice, now), "alone again");
    }

    #[test]
    fn zero_seconds_are_never() {
        let mut approvals = Approvals::new(&Zeroizing::new([7; 32]), Duration::ZERO);
        let (alice, now) = (approvals.fingerprint([192, 0, 2, 1].into(), "a", b"b"), Instant::now());
        assert!(!approvals.begin(alice, now));
        approvals.ended(alice, true, now);
        assert!(!approvals.begin(alice, now));
    }

    #[test]
    fn what_is_over_is_forgotten() {
        let (mut approvals, _) = approvals();
        let now = Instant::now();
        for number in 0..MOST {
            let one = approvals.fingerprint([192, 0, 2, 1].into(), &number.to_string(), b"x");
            assert!(!approvals.begin(one, now));
            approvals.ended(one, true, now);
        }
        let one = approvals.fingerprint([192, 0, 2, 1].into(), "another", b"x");
        assert!(!approvals.begin(one, now + MOMENT));
        assert_eq!(approvals.known.len(), 1);
    }
}
