//! Exceptions on request: a person asks, an administrator approves or refuses, once.

use jiff::{SignedDuration, Timestamp};

/// The shortest exception that can be asked for.
pub const SHORTEST: SignedDuration = SignedDuration::from_mins(5);
/// How many requests one user may make within [`PER`].
pub const MOST_REQUESTS: i64 = 5;
/// See [`MOST_REQUESTS`].
pub const PER: SignedDuration = SignedDuration::from_hours(24);

/// What is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionKind {
    /// Bypass status for a time.
    Bypass,
    /// A bypass code that is good once, for a time.
    Code,
}

impl ExceptionKind {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bypass => "bypass",
            Self::Code => "code",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bypass, Self::Code].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// What became of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExceptionState {
    /// Nobody has decided.
    Waiting,
    /// An administrator approved it, perhaps for a shorter time.
    Approved,
    /// An administrator refused it.
    Refused,
    /// Nobody decided in time.
    Expired,
}

impl ExceptionState {
    /// The word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Approved => "approved",
            Self::Refused => "refused",
            Self::Expired => "expired",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Waiting, Self::Approved, Self::Refused, Self::Expired].into_iter().find(|state| state.as_str() == text)
    }

    /// The state that counts at `now`: one that waits past `expires_at` has expired, whether or not anybody wrote that down.
    #[must_use]
    pub fn at(self, expires_at: Timestamp, now: Timestamp) -> Self {
        if self == Self::Waiting && expires_at <= now { Self::Expired } else { self }
    }
}

/// What an account allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ExceptionRules {
    /// Whether people may ask at all.
    pub allowed: bool,
    /// The longest exception that can be asked for.
    pub longest: SignedDuration,
    /// How long a request waits for an administrator.
    pub waits: SignedDuration,
}

impl Default for ExceptionRules {
    fn default() -> Self {
        Self { allowed: true, longest: SignedDuration::from_hours(24), waits: SignedDuration::from_hours(24) }
    }
}

/// Why an exception is not for as long as wanted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an exception lasts at least five minutes, and no longer than was asked for or the account allows")]
pub struct WrongLength;

impl ExceptionRules {
    /// Whether somebody may ask for `wanted`.
    pub fn may_ask_for(self, wanted: SignedDuration) -> Result<(), WrongLength> {
        if (SHORTEST..=self.longest).contains(&wanted) { Ok(()) } else { Err(WrongLength) }
    }
}

/// How long an administrator grants of `asked`: all of it, or less.
pub fn granted(asked: SignedDuration, wish: Option<SignedDuration>) -> Result<SignedDuration, WrongLength> {
    match wish {
        None => Ok(asked),
        Some(shorter) if (SHORTEST..=asked).contains(&shorter) => Ok(shorter),
        Some(_) => Err(WrongLength),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[test]
    fn an_administrator_shortens_and_never_lengthens() {
        assert_eq!(granted(8 * HOUR, None), Ok(8 * HOUR));
        assert_eq!(granted(8 * HOUR, Some(HOUR)), Ok(HOUR));
        for wrong in [9 * HOUR, SignedDuration::ZERO, -HOUR, SignedDuration::from_mins(4)] {
            assert_eq!(granted(8 * HOUR, Some(wrong)), Err(WrongLength));
        }
        let rules = ExceptionRules::default();
        assert_eq!(rules.may_ask_for(24 * HOUR), Ok(()));
        assert_eq!(rules.may_ask_for(25 * HOUR), Err(WrongLength));
    }

    #[test]
    fn a_request_that_nobody_decided_expires_by_itself() {
        let end: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        assert_eq!(ExceptionState::Waiting.at(end, end - HOUR), ExceptionState::Waiting);
        assert_eq!(ExceptionState::Waiting.at(end, end), ExceptionState::Expired);
        for decided in [ExceptionState::Approved, ExceptionState::Refused] {
            assert_eq!(decided.at(end, end + HOUR), decided);
        }
        for kind in [ExceptionKind::Bypass, ExceptionKind::Code] {
            assert_eq!(ExceptionKind::parse(kind.as_str()), Some(kind));
        }
    }
}
