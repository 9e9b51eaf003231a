//! One-time passwords: HOTP (RFC 4226), TOTP (RFC 6238) and Yubico's AES scheme.
//!
//! [`OtpToken`] is what the engine handles: parameters, secret and state of any kind of token, loaded from a row.
//! Its [`verify`](OtpToken::verify) answers with the state to be stored by a write that is conditional on the old one;
//! two logins with one code then cannot both succeed.

mod hotp;
mod import;
mod outage;
mod passcode;
mod token;
mod totp;
mod yubico;

#[doc(hidden)]
pub mod fuzz;

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::hmac;
use subtle::ConstantTimeEq;
use thiserror::Error;
use zeroize::Zeroizing;

pub use hotp::{HotpOutcome, HotpState, LOOK_AHEAD, MAX_COUNTER, RESYNC_AHEAD, RESYNC_TTL, ResyncMemo, hotp};
pub use import::{
    ImportError, LineError, MAX_IMPORT_TOKENS, NewToken, OtpauthToken, SecretEncoding, TokenForm, TokenSerial,
    parse_csv, parse_otpauth,
};
pub use outage::{OUTAGE_STEP, OUTAGE_WINDOW, OutageCode, OutageSeed};
pub use passcode::{PasscodeShape, TypedPasscode, TypedPasscodeError};
pub use token::{OtpRecord, OtpRecordError, OtpSecret, OtpToken, OtpVerdict};
pub use totp::{DRIFT_UNIT, MAX_DRIFT, TotpOutcome, TotpState, totp};
pub use yubico::{YubicoOtp, YubicoOutcome, YubicoSecret, YubicoState};

/// How many decimal digits a code has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Digits {
    /// Six digits.
    Six,
    /// Eight digits.
    Eight,
}

impl Digits {
    /// The number itself: 6 or 8.
    pub fn count(self) -> usize {
        match self {
            Self::Six => 6,
            Self::Eight => 8,
        }
    }

    fn modulus(self) -> u32 {
        match self {
            Self::Six => 1_000_000,
            Self::Eight => 100_000_000,
        }
    }
}

/// The hash under the HMAC (RFC 6238, section 1.2). Hardware tokens and Duo's own use SHA-1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
pub enum OtpAlgorithm {
    /// HMAC-SHA-1, the one of RFC 4226.
    #[default]
    Sha1,
    /// HMAC-SHA-256.
    Sha256,
    /// HMAC-SHA-512.
    Sha512,
}

impl OtpAlgorithm {
    /// The name in `otpauth` URIs and columns.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Sha1 => "SHA1",
            Self::Sha256 => "SHA256",
            Self::Sha512 => "SHA512",
        }
    }

    fn hmac(self) -> hmac::Algorithm {
        match self {
            Self::Sha1 => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
            Self::Sha256 => hmac::HMAC_SHA256,
            Self::Sha512 => hmac::HMAC_SHA512,
        }
    }
}

impl FromStr for OtpAlgorithm {
    type Err = OtpParamError;

    fn from_str(name: &str) -> Result<Self, OtpParamError> {
        [Self::Sha1, Self::Sha256, Self::Sha512]
            .into_iter()
            .find(|algorithm| algorithm.as_str().eq_ignore_ascii_case(name))
            .ok_or(OtpParamError::Algorithm)
    }
}

/// What a token is: the Admin API's token types, and the passcode generator inside an activated phone.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum OtpKind {
    /// `h6`: HOTP token, six digits.
    H6,
    /// `h8`: HOTP token, eight digits.
    H8,
    /// `t6`: TOTP token, six digits.
    T6,
    /// `t8`: TOTP token, eight digits.
    T8,
    /// `yk`: YubiKey in Yubico's AES mode.
    Yk,
    /// `mh`: a phone's counter-based generator, six digits (the default of `duo_mobile_otp_type`).
    MobileHotp,
    /// `mt`: a phone's time-based generator, six digits.
    MobileTotp,
}

/// The three schemes behind the kinds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum OtpScheme {
    /// RFC 4226.
    Hotp(Digits),
    /// RFC 6238.
    Totp(Digits),
    /// Yubico's 16-byte AES block.
    Yubico,
}

impl OtpKind {
    /// Every kind.
    pub const ALL: [Self; 7] = [Self::H6, Self::H8, Self::T6, Self::T8, Self::Yk, Self::MobileHotp, Self::MobileTotp];

    /// The stable name: the Admin API's `type` for hardware tokens, `mh` and `mt` for phones.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::H6 => "h6",
            Self::H8 => "h8",
            Self::T6 => "t6",
            Self::T8 => "t8",
            Self::Yk => "yk",
            Self::MobileHotp => "mh",
            Self::MobileTotp => "mt",
        }
    }

    /// Which scheme the kind's codes follow.
    pub fn scheme(self) -> OtpScheme {
        match self {
            Self::H6 | Self::MobileHotp => OtpScheme::Hotp(Digits::Six),
            Self::H8 => OtpScheme::Hotp(Digits::Eight),
            Self::T6 | Self::MobileTotp => OtpScheme::Totp(Digits::Six),
            Self::T8 => OtpScheme::Totp(Digits::Eight),
            Self::Yk => OtpScheme::Yubico,
        }
    }
}

impl FromStr for OtpKind {
    type Err = OtpParamError;

    fn from_str(name: &str) -> Result<Self, OtpParamError> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name).ok_or(OtpParamError::Kind)
    }
}

/// Length of a TOTP time step in seconds, 10 to 300 (RFC 6238 calls it X and recommends 30).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TimeStep(u16);

impl TimeStep {
    /// Checks the range; fails with [`OtpParamError::TimeStep`] outside of it.
    pub fn from_secs(secs: u32) -> Result<Self, OtpParamError> {
        match u16::try_from(secs) {
            Ok(secs @ 10..=300) => Ok(Self(secs)),
            Ok(_) | Err(_) => Err(OtpParamError::TimeStep),
        }
    }

    /// Seconds.
    pub fn as_secs(self) -> u32 {
        u32::from(self.0)
    }
}

impl Default for TimeStep {
    fn default() -> Self {
        Self(30)
    }
}

/// How many steps before and after the expected one a TOTP code may come from: 0 to 2, normally 1.
///
/// Every step more is one more code that a guess may hit (AuthQuake lived on a window of minutes).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct TotpWindow(u8);

impl TotpWindow {
    /// Checks the range; fails with [`OtpParamError::Window`] above 2.
    pub fn steps(steps: u8) -> Result<Self, OtpParamError> {
        if steps <= 2 { Ok(Self(steps)) } else { Err(OtpParamError::Window) }
    }
}

impl Default for TotpWindow {
    fn default() -> Self {
        Self(1)
    }
}

/// What does not change while a token is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OtpParams {
    /// What the token is.
    pub kind: OtpKind,
    /// Hash of HOTP and TOTP; without meaning for a YubiKey.
    pub algorithm: OtpAlgorithm,
    /// Time step of TOTP; without meaning otherwise.
    pub step: TimeStep,
    /// Window of TOTP (a setting of the account, not of the token); without meaning otherwise.
    pub window: TotpWindow,
}

impl OtpParams {
    /// SHA-1, 30 seconds, a window of one step.
    pub fn new(kind: OtpKind) -> Self {
        Self { kind, algorithm: OtpAlgorithm::default(), step: TimeStep::default(), window: TotpWindow::default() }
    }
}

/// A parameter that no token has.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum OtpParamError {
    /// Not one of [`OtpKind`]'s names.
    #[error("the token type is none of h6, h8, t6, t8, yk")]
    Kind,
    /// Not one of [`OtpAlgorithm`]'s names.
    #[error("the algorithm is none of SHA1, SHA256, SHA512")]
    Algorithm,
    /// Outside of 10 to 300 seconds.
    #[error("the time step is not between 10 and 300 seconds")]
    TimeStep,
    /// More than two steps.
    #[error("the window is wider than two steps")]
    Window,
}

/// The shared secret of a HOTP or TOTP token: 10 to 128 raw bytes.
pub struct OtpKey(Zeroizing<Vec<u8>>);

impl OtpKey {
    /// Takes raw bytes; `None` unless there are 10 to 128. (RFC 4226 asks for 16; ten-byte seeds are in circulation.)
    pub fn new(bytes: Zeroizing<Vec<u8>>) -> Option<Self> {
        (10..=128).contains(&bytes.len()).then_some(Self(bytes))
    }

    /// The raw bytes, for encryption at rest and for showing the token its seed.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for OtpKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpKey(..)")
    }
}

/// A generated code. `Display` writes it with leading zeros; `Debug` does not show it.
#[derive(Clone, Copy)]
pub struct Otp {
    value: u32,
    digits: Digits,
}

impl fmt::Display for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:0width$}", self.value, width = self.digits.count())
    }
}

impl fmt::Debug for Otp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Otp(..)")
    }
}

/// Codes of one secret: the HMAC key is set up once for a whole window.
pub(crate) struct Generator {
    key: hmac::Key,
    digits: Digits,
}

impl Generator {
    pub(crate) fn new(secret: &[u8], digits: Digits, algorithm: OtpAlgorithm) -> Self {
        Self { key: hmac::Key::new(algorithm.hmac(), secret), digits }
    }

    /// Dynamic truncation (RFC 4226, section 5.3).
    pub(crate) fn at(&self, counter: u64) -> Otp {
        let tag = hmac::sign(&self.key, &counter.to_be_bytes());
        let tag = tag.as_ref();
        let offset = usize::from(tag[tag.len() - 1] & 0x0f);
        // The offset is at most 15 and the shortest tag (SHA-1) has 20 bytes.
        let word = [tag[offset] & 0x7f, tag[offset + 1], tag[offset + 2], tag[offset + 3]];
        Otp { value: u32::from_be_bytes(word) % self.digits.modulus(), digits: self.digits }
    }

    /// Whether the code at `counter` is `value`, in time that does not depend on either.
    pub(crate) fn matches(&self, counter: u64, value: u32) -> bool {
        self.at(counter).value.ct_eq(&value).into()
    }

    /// What was typed as a number, if it has the shape of this token's codes.
    pub(crate) fn value(&self, typed: &TypedPasscode) -> Option<u32> {
        typed.number(self.digits)
    }
}

/// What a check of a typed code says, with the state to store.
#[must_use]
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome<S> {
    /// The code is right and has never been used. It is used up only once `next` is stored, on the condition that the
    /// state is still the one that was checked; if that write fails, load and check again.
    Accepted {
        /// The state from now on.
        next: S,
        /// By which rule.
        how: Acceptance,
    },
    /// The code lets nobody in.
    Rejected {
        /// Why.
        why: Rejection,
        /// The state from now on, where the attempt changed it (a step of a resynchronisation).
        next: Option<S>,
    },
}

impl<S> Outcome<S> {
    fn map<T>(self, f: impl FnOnce(S) -> T) -> Outcome<T> {
        match self {
            Self::Accepted { next, how } => Outcome::Accepted { next: f(next), how },
            Self::Rejected { why, next } => Outcome::Rejected { why, next: next.map(f) },
        }
    }

    fn rejected(why: Rejection) -> Self {
        Self::Rejected { why, next: None }
    }
}

/// By which rule a code was accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Acceptance {
    /// Within the window.
    InWindow,
    /// As the last of the consecutive codes that resynchronised the token.
    Resynchronised,
}

/// Why a code was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Rejection {
    /// Nothing that this kind of token could show (length, characters).
    WrongShape,
    /// Not a code of this token, now.
    Mismatch,
    /// A code of this token that has been used, or is older than one that has.
    Replayed,
    /// A code of this token, too far ahead; it is remembered, and consecutive ones will resynchronise it.
    OutOfWindow,
    /// The token is held after a restore; the code is remembered and the next one resynchronises it.
    Held,
    /// This kind of token cannot be resynchronised.
    NoResync,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_round_trip() {
        for kind in OtpKind::ALL {
            assert_eq!(kind.as_str().parse(), Ok(kind));
        }
        assert_eq!("d1".parse::<OtpKind>(), Err(OtpParamError::Kind));
        assert_eq!("sha256".parse(), Ok(OtpAlgorithm::Sha256));
        assert_eq!("MD5".parse::<OtpAlgorithm>(), Err(OtpParamError::Algorithm));
    }

    #[test]
    fn parameters_are_bounded() {
        for (secs, ok) in [(9, false), (10, true), (300, true), (301, false), (65_536 + 30, false)] {
            assert_eq!(TimeStep::from_secs(secs).is_ok(), ok, "{secs}");
        }
        assert!(TotpWindow::steps(2).is_ok());
        assert_eq!(TotpWindow::steps(3), Err(OtpParamError::Window));
        for (len, ok) in [(0, false), (9, false), (10, true), (128, true), (129, false)] {
            assert_eq!(OtpKey::new(Zeroizing::new(vec![7; len])).is_some(), ok, "{len}");
        }
    }

    #[test]
    fn secrets_do_not_show() {
        let key = OtpKey::new(Zeroizing::new(b"12345678901234567890".to_vec())).unwrap();
        assert_eq!(format!("{key:?}"), "OtpKey(..)");
        let otp = hotp(key.expose(), 0, Digits::Six, OtpAlgorithm::Sha1);
        assert_eq!(format!("{otp:?}"), "Otp(..)");
    }
}
