//! Passcodes of the account's generator (RFC 4226, RFC 6238), usable without a network.

use std::fmt;

use cs_core::otp::{Digits, OUTAGE_STEP, OtpAlgorithm, OutageSeed, hotp};
use cs_wire::device::{OtpParameters, OtpSeed, OtpState};
use jiff::Timestamp;
use zeroize::Zeroizing;

/// A code to type, once.
#[derive(Clone, PartialEq, Eq)]
pub struct Passcode {
    code: Zeroizing<String>,
    /// Until when it is good, unix seconds of the server's clock; `None` for a counter-based code, which is good
    /// until it or a later one is used.
    pub valid_until: Option<i64>,
}

impl Passcode {
    /// The digits, with leading zeros.
    #[must_use]
    pub fn expose(&self) -> &str {
        &self.code
    }
}

impl fmt::Debug for Passcode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Passcode(.., valid_until: {:?})", self.valid_until)
    }
}

/// Takes the generator's present state and moves it on, so that the state returned is used by one caller only.
pub(crate) fn advance(otp: &mut OtpParameters) -> OtpState {
    let used = otp.state;
    if let OtpState::Hotp { counter, .. } = &mut otp.state {
        // At the end of its range the counter stays, and `compute` gives no code.
        *counter = counter.saturating_add(1);
    }
    used
}

/// The code of `state` at `now` (unix seconds). `None` for digits, period or counter that no code can be made from.
pub(crate) fn compute(seed: &OtpSeed, state: OtpState, now: i64) -> Option<Passcode> {
    let (digits, factor, valid_until) = match state {
        OtpState::Hotp { counter: u64::MAX, .. } => return None,
        OtpState::Hotp { digits, counter } => (digits, counter, None),
        OtpState::Totp { digits, period } => {
            let period = i64::from(period);
            let step = now.checked_div(period)?;
            (digits, u64::try_from(step).ok()?, Some(step.checked_add(1)?.checked_mul(period)?))
        }
    };
    let digits = match digits {
        6 => Digits::Six,
        8 => Digits::Eight,
        _ => return None,
    };
    let code = Zeroizing::new(hotp(seed.expose(), factor, digits, OtpAlgorithm::Sha1).to_string());
    Some(Passcode { code, valid_until })
}

/// The code for outages of `group` at `now` (unix seconds). `None` before 1970.
pub(crate) fn for_outages(seed: &OtpSeed, account: &str, group: &str, now: i64) -> Option<Passcode> {
    let at = Timestamp::from_second(now).ok()?;
    let code = OutageSeed::derive(seed.expose(), account, group).code(at)?;
    let valid_until = now.checked_div(OUTAGE_STEP)?.checked_add(1)?.checked_mul(OUTAGE_STEP);
    Some(Passcode { code: Zeroizing::new(code.to_string()), valid_until })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn seed() -> OtpSeed {
        OtpSeed::new(b"12345678901234567890".to_vec()).unwrap()
    }

    #[test]
    fn counter_codes_are_those_of_rfc_4226_and_never_repeat() {
        let mut otp = OtpParameters { seed: seed(), state: OtpState::Hotp { digits: 6, counter: 0 } };
        let codes: Vec<_> = (0..4)
            .map(|_| {
                let used = advance(&mut otp);
                compute(&otp.seed, used, 0).unwrap().expose().to_owned()
            })
            .collect();
        assert_eq!(codes, ["755224", "287082", "359152", "969429"]); // appendix D
        assert_eq!(otp.state, OtpState::Hotp { digits: 6, counter: 4 });
    }

    #[test]
    fn time_codes_are_those_of_rfc_6238() {
        let state = OtpState::Totp { digits: 8, period: 30 };
        for (now, code) in [(59, "94287082"), (1_111_111_109, "07081804"), (20_000_000_000, "65353130")] {
            let passcode = compute(&seed(), state, now).unwrap(); // appendix B
            assert_eq!(passcode.expose(), code);
            let left = passcode.valid_until.unwrap() - now;
            assert!((1..=30).contains(&left), "{left}");
        }
    }

    #[test]
    fn parameters_without_a_code_give_none() {
        for state in [
            OtpState::Hotp { digits: 7, counter: 0 },
            OtpState::Hotp { digits: 6, counter: u64::MAX },
            OtpState::Totp { digits: 6, period: 0 },
        ] {
            assert_eq!(compute(&seed(), state, 1), None);
        }
        assert_eq!(compute(&seed(), OtpState::Totp { digits: 6, period: 30 }, -31), None);
        assert_eq!(compute(&seed(), OtpState::Totp { digits: 6, period: 1 }, i64::MAX), None);
    }

    #[test]
    fn debug_output_holds_no_code() {
        let passcode = compute(&seed(), OtpState::Hotp { digits: 6, counter: 0 }, 0).unwrap();
        assert!(!format!("{passcode:?}").contains("755224"));
    }
}
