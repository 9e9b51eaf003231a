//! Bypass status: why, and until when.
//!
//! Letting somebody in without a second factor is the exception that is forgotten most easily, so it has a reason and an end. The end counts by itself:
//! nothing has to run for a bypass to be over.

use jiff::{SignedDuration, Timestamp};

/// The longest a bypass may be given for at once, where one without an end is not allowed.
pub const LONGEST: SignedDuration = SignedDuration::from_hours(24 * 366);
/// How long before its end people are reminded.
pub const REMIND_BEFORE: SignedDuration = SignedDuration::from_hours(24);

/// Whether a bypass that ends at `until` is still on at `now`; `None` = it does not end.
pub fn is_on(until: Option<Timestamp>, now: Timestamp) -> bool {
    until.is_none_or(|until| now < until)
}

/// When an administrator wants a bypass to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BypassEnd {
    /// Then.
    At(Timestamp),
    /// Not at all.
    Never,
}

/// What an account allows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BypassRules {
    /// How long a bypass lasts that was given without an end.
    pub usual: SignedDuration,
    /// Whether one may be without an end.
    pub endless: bool,
}

impl Default for BypassRules {
    fn default() -> Self {
        Self { usual: SignedDuration::from_hours(24), endless: false }
    }
}

/// Why a bypass cannot end as asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum BypassRefused {
    /// That time is over.
    #[error("the end of the bypass is not in the future")]
    Past,
    /// Longer than [`LONGEST`].
    #[error("a bypass lasts at most 366 days")]
    TooLong,
    /// The account does not allow it.
    #[error("a bypass needs an end: the setting `bypass_without_end` is off")]
    Endless,
}

/// A bypass as it is kept: why, and until when.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Bypass {
    /// What the administrator gave as the reason.
    pub reason: String,
    /// How long.
    pub term: BypassTerm,
}

/// How long a bypass lasts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct BypassTerm {
    /// When it ends; `None` = never.
    pub until: Option<Timestamp>,
    /// When people are to be reminded that it ends; `None` = it is over too soon for that, or never.
    pub remind_at: Option<Timestamp>,
}

impl BypassTerm {
    /// The term of a bypass given at `now`; without a wish it lasts as long as usual.
    pub fn new(wish: Option<BypassEnd>, rules: BypassRules, now: Timestamp) -> Result<Self, BypassRefused> {
        let until = match wish {
            None => now.saturating_add(rules.usual.min(LONGEST)).unwrap_or(Timestamp::MAX),
            Some(BypassEnd::Never) if rules.endless => return Ok(Self { until: None, remind_at: None }),
            Some(BypassEnd::Never) => return Err(BypassRefused::Endless),
            Some(BypassEnd::At(until)) if until <= now => return Err(BypassRefused::Past),
            Some(BypassEnd::At(until)) if until.duration_since(now) > LONGEST && !rules.endless => {
                return Err(BypassRefused::TooLong);
            }
            Some(BypassEnd::At(until)) => until,
        };
        let remind_at = until.checked_sub(REMIND_BEFORE).ok().filter(|remind_at| now < *remind_at);
        Ok(Self { until: Some(until), remind_at })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    #[test]
    fn a_term_has_an_end_unless_the_account_allows_none() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let strict = BypassRules::default();
        let lax = BypassRules { endless: true, ..strict };
        let end = |wish, rules| BypassTerm::new(wish, rules, now).map(|term| term.until);
        assert_eq!(end(None, strict), Ok(Some(now + 24 * HOUR)));
        assert_eq!(end(None, lax), Ok(Some(now + 24 * HOUR)));
        assert_eq!(end(Some(BypassEnd::Never), strict), Err(BypassRefused::Endless));
        assert_eq!(end(Some(BypassEnd::Never), lax), Ok(None));
        assert_eq!(end(Some(BypassEnd::At(now)), lax), Err(BypassRefused::Past));
        assert_eq!(end(Some(BypassEnd::At(now + HOUR)), strict), Ok(Some(now + HOUR)));
        // An end nobody lives to see is none.
        assert_eq!(end(Some(BypassEnd::At(now + LONGEST + HOUR)), strict), Err(BypassRefused::TooLong));
        assert_eq!(end(Some(BypassEnd::At(now + LONGEST)), strict), Ok(Some(now + LONGEST)));
    }

    #[test]
    fn there_is_a_reminder_only_where_there_is_time_for_one() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let remind = |hours: i32| {
            let wish = Some(BypassEnd::At(now + hours * HOUR));
            BypassTerm::new(wish, BypassRules::default(), now).unwrap().remind_at
        };
        assert_eq!(remind(8), None);
        assert_eq!(remind(24), None);
        assert_eq!(remind(25), Some(now + HOUR));
    }
}
