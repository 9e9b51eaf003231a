//! Yubico's AES one-time passwords: a 16-byte block, encrypted with AES-128, typed as 32 characters of modhex after a
//! public id of up to 12 (Yubico, "OTPs Explained" and the YubiKey manual, section 6).

use std::fmt;

use aws_lc_rs::cipher::{AES_128, DecryptingKey, DecryptionContext, UnboundCipherKey};
use jiff::Timestamp;
use subtle::ConstantTimeEq;
use zeroize::{Zeroize, Zeroizing};

use super::{Acceptance, Outcome, RESYNC_TTL, Rejection, TypedPasscode};

/// What the CRC-16 of a whole block leaves, its own checksum included.
const CRC_RESIDUAL: u16 = 0xf0b8;

/// What a YubiKey's slot holds: the AES key and the private id; wiped on drop.
pub struct YubicoSecret {
    private_id: Zeroizing<[u8; 6]>,
    aes_key: Zeroizing<[u8; 16]>,
}

impl YubicoSecret {
    /// From raw bytes.
    pub fn new(private_id: [u8; 6], aes_key: [u8; 16]) -> Self {
        Self { private_id: Zeroizing::new(private_id), aes_key: Zeroizing::new(aes_key) }
    }

    pub(crate) fn private_id(&self) -> &[u8; 6] {
        &self.private_id
    }

    pub(crate) fn aes_key(&self) -> &[u8; 16] {
        &self.aes_key
    }
}

impl fmt::Debug for YubicoSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("YubicoSecret(..)")
    }
}

/// The counters of a decrypted block. The timestamp in it is not used: it restarts whenever the key gets power.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct YubicoOtp {
    /// Times the key was plugged in, 15 bits.
    pub usage: u16,
    /// Codes since it was plugged in.
    pub session: u8,
}

impl YubicoOtp {
    /// Decrypts and checks a typed code; `None` if it is not from this key.
    pub fn decrypt(typed: &TypedPasscode, secret: &YubicoSecret) -> Option<Self> {
        let mut block = Zeroizing::new(typed.yubico_block()?);
        let key = UnboundCipherKey::new(&AES_128, &secret.aes_key[..]).ok()?;
        let plain = DecryptingKey::ecb(key).ok()?.decrypt(&mut block[..], DecryptionContext::None).ok()?;
        let [p0, p1, p2, p3, p4, p5, usage_low, usage_high, _, _, _, session, ..] = *plain else {
            return None;
        };
        let mut private_id = [p0, p1, p2, p3, p4, p5];
        let ours = private_id.ct_eq(secret.private_id()) & crc16(plain).ct_eq(&CRC_RESIDUAL);
        private_id.zeroize();
        // The top bit of the usage counter is reserved (old keys told there that caps lock triggered them).
        let usage = u16::from_le_bytes([usage_low, usage_high]) & 0x7fff;
        bool::from(ours).then_some(Self { usage, session })
    }

    /// Both counters as one that grows with every code.
    fn position(self) -> u32 {
        u32::from(self.usage) << 8 | u32::from(self.session)
    }
}

/// Where a YubiKey stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct YubicoState {
    /// The lowest `usage * 256 + session` that may still be accepted; 0 for a key never used.
    pub counter: u32,
    /// While `held`: when the first of two codes was typed; precise to the second.
    pub held_code_at: Option<Timestamp>,
    /// Set by a restore: the counter may be older than what was used, so one code alone is not enough.
    pub held: bool,
}

/// What [`YubicoState::verify`] says.
pub type YubicoOutcome = Outcome<YubicoState>;

impl YubicoState {
    /// Checks a code: right key, right private id, counters ahead of all accepted ones.
    ///
    /// While `held` the first code is used up and rejected; a later one within [`RESYNC_TTL`] is accepted.
    pub(crate) fn verify(&self, typed: &TypedPasscode, secret: &YubicoSecret, now: Timestamp) -> YubicoOutcome {
        if typed.yubico_block().is_none() {
            return Outcome::rejected(Rejection::WrongShape);
        }
        let Some(otp) = YubicoOtp::decrypt(typed, secret) else {
            return Outcome::rejected(Rejection::Mismatch);
        };
        if otp.position() < self.counter {
            return Outcome::rejected(Rejection::Replayed);
        }
        let next = Self { counter: otp.position() + 1, held_code_at: None, held: false };
        if !self.held {
            return Outcome::Accepted { next, how: Acceptance::InWindow };
        }
        let second = self.held_code_at.is_some_and(|at| at <= now && now.duration_since(at) <= RESYNC_TTL);
        if second {
            return Outcome::Accepted { next, how: Acceptance::Resynchronised };
        }
        Outcome::Rejected { why: Rejection::Held, next: Some(Self { held_code_at: Some(now), held: true, ..next }) }
    }

    /// The state after a restore from backup: held until two codes in a row have come.
    pub(crate) fn after_restore(self) -> Self {
        Self { counter: self.counter, held_code_at: None, held: true }
    }
}

/// CRC-16 as of ISO 13239 (reflected polynomial 0x8408, start 0xffff).
fn crc16(bytes: &[u8]) -> u16 {
    bytes.iter().fold(0xffff, |crc, byte| {
        (0..8).fold(crc ^ u16::from(*byte), |crc, _| if crc & 1 == 1 { crc >> 1 ^ 0x8408 } else { crc >> 1 })
    })
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use aws_lc_rs::cipher::EncryptingKey;
    use proptest::prelude::*;

    pub(crate) const KEY: [u8; 16] =
        [0xec, 0xde, 0x18, 0xdb, 0xe7, 0x6f, 0xbd, 0x0c, 0x33, 0x33, 0x0f, 0x1c, 0x35, 0x48, 0x71, 0xdb];
    pub(crate) const PRIVATE_ID: [u8; 6] = [0x87, 0x92, 0xeb, 0xfe, 0x26, 0xcc];

    fn secret() -> YubicoSecret {
        YubicoSecret::new(PRIVATE_ID, KEY)
    }

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + second).unwrap()
    }

    /// A YubiKey's side of the scheme.
    pub(crate) fn press(usage: u16, session: u8) -> TypedPasscode {
        let [low, high] = usage.to_le_bytes();
        let mut block = [0; 16];
        block[..6].copy_from_slice(&PRIVATE_ID);
        block[6..14].copy_from_slice(&[low, high, 0x11, 0x22, 0x33, session, 0x44, 0x55]);
        let crc = !crc16(&block[..14]);
        block[14..].copy_from_slice(&crc.to_le_bytes());
        encrypt(block)
    }

    fn encrypt(mut block: [u8; 16]) -> TypedPasscode {
        let key = EncryptingKey::ecb(UnboundCipherKey::new(&AES_128, &KEY).unwrap()).unwrap();
        let _ = key.encrypt(&mut block).unwrap();
        let modhex: Vec<char> = "cbdefghijklnrtuv".chars().collect();
        let mut text = "vvccccbdefgh".to_owned();
        for byte in block {
            text.extend([modhex[usize::from(byte >> 4)], modhex[usize::from(byte & 15)]]);
        }
        TypedPasscode::parse(&text).unwrap()
    }

    /// The example of Yubico's `ykparse` (yubico-c, README): counter 19, session use 17.
    #[test]
    fn yubico_c_example() {
        let typed = TypedPasscode::parse("dteffujehknhfjbrjnlnldnhcujvddbikngjrtgh").unwrap();
        assert_eq!(YubicoOtp::decrypt(&typed, &secret()), Some(YubicoOtp { usage: 19, session: 17 }));
    }

    #[test]
    fn counters_must_advance() {
        let state = YubicoState::default();
        let Outcome::Accepted { next, .. } = state.verify(&press(3, 9), &secret(), at(0)) else { panic!() };
        assert_eq!(next.counter, 3 * 256 + 10);
        for (usage, session, expected) in [(3, 9, false), (3, 8, false), (2, 255, false), (3, 10, true), (4, 0, true)] {
            match next.verify(&press(usage, session), &secret(), at(1)) {
                Outcome::Accepted { .. } => assert!(expected, "{usage} {session}"),
                other => assert!(!expected && other == Outcome::rejected(Rejection::Replayed), "{usage} {session}"),
            }
        }
    }

    #[test]
    fn the_last_code_of_all_is_accepted_once() {
        let state = YubicoState { counter: 0x7f_ffff, ..YubicoState::default() };
        let Outcome::Accepted { next, .. } = state.verify(&press(0x7fff, 0xff), &secret(), at(0)) else { panic!() };
        assert_eq!(next.verify(&press(0x7fff, 0xff), &secret(), at(0)), Outcome::rejected(Rejection::Replayed));
    }

    #[test]
    fn another_key_id_or_checksum_is_a_mismatch() {
        let typed = press(3, 9);
        let state = YubicoState::default();
        let mut other_id = PRIVATE_ID;
        other_id[5] ^= 1;
        for secret in [YubicoSecret::new(other_id, KEY), YubicoSecret::new(PRIVATE_ID, [7; 16])] {
            assert_eq!(state.verify(&typed, &secret, at(0)), Outcome::rejected(Rejection::Mismatch));
        }
        let mut no_crc = [0; 16];
        no_crc[..6].copy_from_slice(&PRIVATE_ID);
        assert_eq!(state.verify(&encrypt(no_crc), &secret(), at(0)), Outcome::rejected(Rejection::Mismatch));
        let six = TypedPasscode::parse("123456").unwrap();
        assert_eq!(state.verify(&six, &secret(), at(0)), Outcome::rejected(Rejection::WrongShape));
    }

    #[test]
    fn a_held_key_needs_two_codes_and_uses_up_both() {
        let held = YubicoState { counter: 10, ..YubicoState::default() }.after_restore();
        let Outcome::Rejected { why: Rejection::Held, next: Some(one) } = held.verify(&press(1, 1), &secret(), at(0))
        else {
            panic!()
        };
        assert_eq!(one.verify(&press(1, 1), &secret(), at(1)), Outcome::rejected(Rejection::Replayed));
        for second in [-1, 301] {
            let outcome = one.verify(&press(1, 2), &secret(), at(second));
            assert!(matches!(outcome, Outcome::Rejected { why: Rejection::Held, .. }), "{second}");
        }
        let Outcome::Accepted { next, how } = one.verify(&press(1, 2), &secret(), at(300)) else { panic!() };
        assert_eq!(how, Acceptance::Resynchronised);
        assert_eq!(next, YubicoState { counter: 256 + 3, held_code_at: None, held: false });
    }

    proptest! {
        #[test]
        fn never_twice(ops in prop::collection::vec((0u16..4, 0u8..4, 0u8..8, 0i64..200), 1..60)) {
            let secret = secret();
            let mut state = YubicoState::default();
            let mut seen = std::collections::HashSet::new();
            let mut second = 0;
            for (usage, session, restore, wait) in ops {
                second += wait;
                if restore == 0 { state = state.after_restore(); }
                match state.verify(&press(usage, session), &secret, at(second)) {
                    Outcome::Accepted { next, .. } => {
                        prop_assert!(seen.insert((usage, session)));
                        prop_assert!(next.counter > state.counter);
                        state = next;
                    }
                    Outcome::Rejected { next: Some(next), .. } => {
                        prop_assert!(next.counter > state.counter && next.held);
                        state = next;
                    }
                    Outcome::Rejected { next: None, .. } => {}
                }
            }
        }
    }
}
