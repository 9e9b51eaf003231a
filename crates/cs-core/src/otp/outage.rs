//! Codes for outages: checked by a proxy or host while the server cannot be asked.
//!
//! Whoever can check a code by itself can also make it, so no proxy ever holds the seed that logins go by. Each group of proxies has a seed of its own for each
//! authenticator, made from that one's seed and the group's name, from which there is no way back and no way to another group. The authenticator makes the same one.

use aws_lc_rs::hmac;
use jiff::Timestamp;
use zeroize::Zeroizing;

use super::{Digits, Generator, Otp, OtpAlgorithm, TypedPasscode};

/// Seconds that a code stands for (RFC 6238, section 5.2).
pub const OUTAGE_STEP: i64 = 30;
/// Codes of so many steps before and after now are right: clocks differ, and people type slowly.
pub const OUTAGE_WINDOW: i64 = 1;
/// What the seed is made for. Longer than the eight octets of which codes are made, so that no code tells of it.
const PURPOSE: &str = "countersign code for outages, 1";

/// The seed of one authenticator for one group.
#[derive(Clone, PartialEq, Eq)]
pub struct OutageSeed(Zeroizing<[u8; 20]>);

/// What a typed code is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OutageCode {
    /// Right; it is used up once this step is written down.
    Right {
        /// No code of it or of an earlier one is right any more.
        step: i64,
    },
    /// It was used, or an older one than one that was.
    Used,
    /// No code of this time.
    Wrong,
}

impl OutageSeed {
    /// Makes it: HMAC-SHA-1 of the seed over purpose, account and group, each behind a line end. Neither id nor name may hold one.
    pub fn derive(seed: &[u8], account: &str, group: &str) -> Self {
        let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, seed);
        let tag = hmac::sign(&key, format!("{PURPOSE}\n{account}\n{group}").as_bytes());
        let mut made = Zeroizing::new([0; 20]);
        // SHA-1 has twenty octets.
        made.iter_mut().zip(tag.as_ref()).for_each(|(octet, from)| *octet = *from);
        Self(made)
    }

    /// As it was handed over.
    pub fn from_bytes(bytes: [u8; 20]) -> Self {
        Self(Zeroizing::new(bytes))
    }

    /// To be handed over.
    pub fn expose(&self) -> &[u8; 20] {
        &self.0
    }

    /// The code at `now`; `None` before 1970.
    pub fn code(&self, now: Timestamp) -> Option<Otp> {
        let step = u64::try_from(step_at(now)).ok()?;
        Some(Generator::new(&*self.0, Digits::Six, OtpAlgorithm::Sha1).at(step))
    }

    /// What a typed code is; `last_step` was used before, -1 is none.
    pub fn check(&self, typed: &TypedPasscode, now: Timestamp, last_step: i64) -> OutageCode {
        let codes = Generator::new(&*self.0, Digits::Six, OtpAlgorithm::Sha1);
        let Some(value) = codes.value(typed) else { return OutageCode::Wrong };
        let now = step_at(now);
        let mut said = OutageCode::Wrong;
        // Newest first: when two steps happen to have one code, both are used up together.
        for step in (now - OUTAGE_WINDOW..=now + OUTAGE_WINDOW).rev() {
            if !u64::try_from(step).is_ok_and(|step| codes.matches(step, value)) {
                continue;
            }
            if step > last_step {
                return OutageCode::Right { step };
            }
            said = OutageCode::Used;
        }
        said
    }
}

impl std::fmt::Debug for OutageSeed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("OutageSeed(..)")
    }
}

fn step_at(now: Timestamp) -> i64 {
    now.as_second().div_euclid(OUTAGE_STEP)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn typed(seed: &OutageSeed, second: i64) -> TypedPasscode {
        TypedPasscode::parse(&seed.code(at(second)).unwrap().to_string()).unwrap()
    }

    #[test]
    fn groups_accounts_and_the_seed_of_logins_have_nothing_to_do_with_each_other() {
        let seed = OutageSeed::derive(SEED, "DAXXXXXXXXXXXXXXXXXX", "hq");
        assert_eq!(seed, OutageSeed::derive(SEED, "DAXXXXXXXXXXXXXXXXXX", "hq"));
        for other in [
            OutageSeed::derive(SEED, "DAXXXXXXXXXXXXXXXXXX", "branch"),
            OutageSeed::derive(SEED, "DAYYYYYYYYYYYYYYYYYY", "hq"),
            OutageSeed::derive(b"12345678901234567891", "DAXXXXXXXXXXXXXXXXXX", "hq"),
            OutageSeed::from_bytes(*b"12345678901234567890"),
        ] {
            assert_ne!(seed, other);
            assert_eq!(seed.check(&typed(&other, 60_000_000), at(60_000_000), -1), OutageCode::Wrong);
        }
        // Authenticators in other languages make the same (HMAC-SHA-1, checked with openssl).
        let hex: String = seed.expose().iter().map(|octet| format!("{octet:02x}")).collect();
        assert_eq!(hex, "8ed777a4046e6fb3f906fe9ca77af89e009e5fe8");
        assert_eq!(format!("{seed:?}"), "OutageSeed(..)");
    }

    #[test]
    fn a_code_is_right_in_its_time_and_once() {
        let seed = OutageSeed::derive(SEED, "DA", "hq");
        let (now, step) = (60_000_015, 2_000_000);
        assert_eq!(seed.check(&typed(&seed, now), at(now), -1), OutageCode::Right { step });
        assert_eq!(seed.check(&typed(&seed, now), at(now), step), OutageCode::Used);
        assert_eq!(seed.check(&typed(&seed, now), at(now), step + 1), OutageCode::Used);
        for (off, expected) in [
            (-60, OutageCode::Wrong),
            (-30, OutageCode::Right { step: step - 1 }),
            (30, OutageCode::Right { step: step + 1 }),
            (60, OutageCode::Wrong),
        ] {
            assert_eq!(seed.check(&typed(&seed, now + off), at(now), -1), expected, "{off}");
        }
        let word = TypedPasscode::parse("push").unwrap();
        assert_eq!(seed.check(&word, at(now), -1), OutageCode::Wrong);
    }
}
