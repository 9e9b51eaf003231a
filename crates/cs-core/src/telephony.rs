//! Passcodes by SMS and phone calls: which numbers are called at all, how codes are made, which key means what, and how often.
//!
//! Messages and calls cost money, and whoever is paid by their number invents reasons to have them sent (SMS pumping). So each is counted before it goes out:
//! for the person, for the number and for the account.

use jiff::SignedDuration;
use rand_core::CryptoRng;

use crate::login::Decision;
use crate::secret::PlainCode;

/// Digits of a passcode that is sent by SMS (`product.md` 3.5).
pub const SMS_DIGITS: usize = 7;
/// The most passcodes of one message.
pub const MOST_SMS_CODES: usize = 10;
/// How long a call waits for its key, dialling included.
pub const CALL_TTL: SignedDuration = SignedDuration::from_secs(60);
/// How long a code is good that proves whose number it is.
pub const NUMBER_CODE_TTL: SignedDuration = SignedDuration::from_mins(10);
/// How many wrong codes such a proof survives; the next one voids the code.
pub const NUMBER_CODE_TRIES: u32 = 5;

/// After a message or call to a person there is none for so long.
pub const USER_PAUSE: SignedDuration = SignedDuration::from_secs(30);
/// The time over which messages and calls are counted, from the first of them on.
pub const COUNTED_OVER: SignedDuration = SignedDuration::from_hours(24);
/// The most messages and calls to one person within [`COUNTED_OVER`].
pub const MOST_FOR_USER: i64 = 20;
/// The most to one number, whoever it belongs to.
pub const MOST_FOR_NUMBER: i64 = 30;

/// Whether `number` can be dialled: `+` and 7 to 15 digits (E.164), and nothing else, since it goes into a gateway's request.
pub fn is_dialable(number: &str) -> bool {
    let digits = number.strip_prefix('+').unwrap_or_default();
    (7..=15).contains(&digits.len()) && digits.bytes().all(|byte| byte.is_ascii_digit()) && !digits.starts_with('0')
}

/// `count` new passcodes. No two begin with the same digit, so that the next one can be named by it.
pub fn sms_codes(count: usize, rng: &mut impl CryptoRng) -> Vec<PlainCode> {
    let count = count.clamp(1, MOST_SMS_CODES);
    let drawn: Vec<PlainCode> = (0..count).map(|_| PlainCode::decimal(SMS_DIGITS, rng)).collect();
    let first = drawn.first().and_then(|code| code.expose().bytes().next()).map_or(0, |byte| byte - b'0');
    let with_own_digit = |(at, code): (u8, &PlainCode)| {
        let digit = char::from(b'0' + (first + at) % 10);
        let mut text = zeroize::Zeroizing::new(String::with_capacity(SMS_DIGITS));
        text.push(digit);
        text.push_str(code.expose().get(1..).unwrap_or_default());
        PlainCode::from_text(&text)
    };
    (0..).zip(&drawn).map(with_own_digit).collect()
}

/// Which keys a call understands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CallKeys {
    /// Lets the person in.
    pub approve: char,
    /// Says that it was somebody else.
    pub fraud: char,
}

/// Every key of a telephone.
pub const KEYS: &str = "0123456789*#";

impl CallKeys {
    /// The account's keys, if it has set both. Otherwise a key drawn for this call, so that an answering machine or a habit approves nothing, and `*` for fraud.
    pub fn of(approve: &str, fraud: &str, rng: &mut impl CryptoRng) -> Self {
        let key = |text: &str| {
            let mut keys = text.chars();
            keys.next().filter(|key| KEYS.contains(*key) && keys.next().is_none())
        };
        match (key(approve), key(fraud)) {
            (Some(approve), Some(fraud)) if approve != fraud => Self { approve, fraud },
            _ => {
                let drawn = PlainCode::decimal(1, rng);
                Self { approve: drawn.expose().chars().next().unwrap_or('1'), fraud: '*' }
            }
        }
    }

    /// What somebody says who pressed `key`. Any key but the right one denies.
    pub fn decision(self, key: char) -> Decision {
        if key == self.approve {
            Decision::Approve
        } else if key == self.fraud {
            Decision::Fraud
        } else {
            Decision::Deny
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Different numbers, the same ones in every run.
    struct Sequence(u64);

    impl rand_core::RngCore for Sequence {
        fn next_u32(&mut self) -> u32 {
            self.next_u64() as u32
        }

        fn next_u64(&mut self) -> u64 {
            // SplitMix64.
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn fill_bytes(&mut self, bytes: &mut [u8]) {
            bytes.iter_mut().for_each(|byte| *byte = self.next_u64() as u8);
        }
    }

    impl CryptoRng for Sequence {}

    #[test]
    fn only_plain_international_numbers_are_dialled() {
        for good in ["+14155550100", "+4915112345678", "+8613800138000", "+1234567"] {
            assert!(is_dialable(good), "{good}");
        }
        for bad in [
            "",
            "+",
            "911",
            "+911",
            "14155550100",
            "+04155550100",
            "+1415555010a",
            "+1415 5550100",
            "+14155550100;ext=1",
            "+14155550100\r\nX: y",
            "+1234567890123456",
            "+１４１５５５５０１００",
            "+1415555,,,9",
        ] {
            assert!(!is_dialable(bad), "{bad:?}");
        }
    }

    #[test]
    fn codes_of_a_message_begin_differently_and_have_seven_digits() {
        let mut rng = Sequence(3);
        for count in [1, 2, 9, 10, 99] {
            let codes = sms_codes(count, &mut rng);
            assert_eq!(codes.len(), count.min(MOST_SMS_CODES));
            let mut firsts: Vec<u8> = codes.iter().map(|code| code.expose().as_bytes()[0]).collect();
            firsts.sort_unstable();
            firsts.dedup();
            assert_eq!(firsts.len(), codes.len());
            assert!(codes.iter().all(|code| code.expose().len() == SMS_DIGITS));
            assert!(codes.iter().all(|code| code.expose().bytes().all(|byte| byte.is_ascii_digit())));
        }
    }

    #[test]
    fn a_key_is_taken_from_both_settings_or_drawn() {
        let mut rng = Sequence(3);
        assert_eq!(CallKeys::of("#", "9", &mut rng), CallKeys { approve: '#', fraud: '9' });
        for (approve, fraud) in [("", ""), ("1", ""), ("", "9"), ("1", "1"), ("12", "9"), ("x", "9")] {
            let drawn = CallKeys::of(approve, fraud, &mut rng);
            assert!(drawn.approve.is_ascii_digit() && drawn.fraud == '*', "{approve:?} {fraud:?}");
        }
        let different: std::collections::BTreeSet<char> =
            (0..64).map(|_| CallKeys::of("", "", &mut rng).approve).collect();
        assert!(different.len() > 5, "{different:?}");
    }

    #[test]
    fn any_key_but_the_right_one_denies() {
        let keys = CallKeys { approve: '7', fraud: '*' };
        for key in KEYS.chars() {
            let expected = match key {
                '7' => Decision::Approve,
                '*' => Decision::Fraud,
                _ => Decision::Deny,
            };
            assert_eq!(keys.decision(key), expected, "{key}");
        }
        assert_eq!(keys.decision('x'), Decision::Deny);
    }
}
