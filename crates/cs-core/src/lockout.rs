//! Lockout: how many wrong answers a user has before logins stop being evaluated at all.
//!
//! The counter belongs to the user, not to a session or a surface. An attempt is counted *before* it is evaluated and
//! the count is stored by a conditional write, so that parallel guesses cannot share one count (AuthQuake; authentik
//! 2025). A success takes it back.

use jiff::{SignedDuration, Timestamp};
use thiserror::Error;

/// Automatic unlocking backs off up to this, unless the policy's own time is longer already.
pub const MAX_BACK_OFF: SignedDuration = SignedDuration::from_hours(24);

/// When a user is locked out, and for how long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutPolicy {
    threshold: u16,
    expire_minutes: Option<u16>,
}

/// A setting outside of its range.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LockoutPolicyError {
    /// The threshold is not within 1 to 9999.
    #[error("the lockout threshold must be between 1 and 9999")]
    Threshold,
    /// The time is not within 5 to 30000 minutes.
    #[error("the time until automatic unlock must be between 5 and 30000 minutes")]
    Expire,
}

impl LockoutPolicy {
    /// `threshold` consecutive failures lock (1 to 9999); `expire_minutes` later (5 to 30000) the lock ends by itself,
    /// and never with `None`.
    ///
    /// Each further lock without a success between lasts twice as long, up to [`MAX_BACK_OFF`]: with the defaults 15,
    /// 30, 60, 120, 240, 480, 960 and then 1440 minutes, so that guessing gets ten tries a day.
    pub fn new(threshold: u16, expire_minutes: Option<u16>) -> Result<Self, LockoutPolicyError> {
        if !(1..=9999).contains(&threshold) {
            return Err(LockoutPolicyError::Threshold);
        }
        if expire_minutes.is_some_and(|minutes| !(5..=30_000).contains(&minutes)) {
            return Err(LockoutPolicyError::Expire);
        }
        Ok(Self { threshold, expire_minutes })
    }

    /// Consecutive failures that lock.
    pub fn threshold(self) -> u16 {
        self.threshold
    }

    /// Minutes until the first lock ends by itself.
    pub fn expire_minutes(self) -> Option<u16> {
        self.expire_minutes
    }

    /// How long the lock lasts that comes after `rounds` others; `None` is for ever.
    fn lasts(self, rounds: u32) -> Option<SignedDuration> {
        let minutes = i64::from(self.expire_minutes?);
        let cap = MAX_BACK_OFF.as_mins().max(minutes);
        // 5 minutes doubled 9 times are past any cap.
        let minutes = (minutes << rounds.min(9)).min(cap);
        Some(SignedDuration::from_mins(minutes))
    }
}

impl Default for LockoutPolicy {
    /// Ten failures, fifteen minutes.
    fn default() -> Self {
        Self { threshold: 10, expire_minutes: Some(15) }
    }
}

/// Whether a user is locked out. A lock keeps the time it was given: changing the policy does not change it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Lock {
    /// Not locked.
    Open,
    /// By too many failures, until a time.
    Until {
        /// When it began.
        at: Timestamp,
        /// From this moment on the user may try again.
        until: Timestamp,
    },
    /// By too many failures, until an administrator unlocks.
    Indefinite {
        /// When it began.
        at: Timestamp,
    },
    /// By an administrator, until an administrator unlocks; no success of a login under way undoes it.
    ByAdministrator {
        /// When it began.
        at: Timestamp,
    },
}

/// A user's failures.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LockoutState {
    /// Consecutive failures since the last success or lock.
    pub failures: u32,
    /// Whether the user is locked out.
    pub lock: Lock,
    /// Locks by failure since the last success.
    pub rounds: u32,
}

/// What can happen in a login, as far as lockout is concerned.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutEvent {
    /// A passcode of any kind was wrong, or a used one.
    WrongPasscode,
    /// The person said no on the phone, or in a call.
    Denied,
    /// The person reported fraud.
    Fraud,
    /// A push or call ended without an answer.
    Unanswered,
    /// A retransmission that joined a login under way.
    Duplicate,
    /// The login was given up.
    Cancelled,
    /// Policy refused before any factor was tried.
    RefusedByPolicy,
    /// The second factor was good.
    Success,
}

/// What an event does to the count.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Counting {
    /// One failure more.
    Counts,
    /// Nothing.
    Ignored,
    /// Back to zero.
    Resets,
}

impl LockoutEvent {
    /// Wrong codes and explicit denials count. What a mail client causes by reconnecting (unanswered, duplicate and
    /// cancelled pushes) never does: it is the main way in which users lock themselves out.
    pub fn counting(self) -> Counting {
        match self {
            Self::WrongPasscode | Self::Denied | Self::Fraud => Counting::Counts,
            Self::Unanswered | Self::Duplicate | Self::Cancelled | Self::RefusedByPolicy => Counting::Ignored,
            Self::Success => Counting::Resets,
        }
    }
}

/// The attempt may be evaluated once `state` is stored, on the condition that the old one still stood.
#[must_use]
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Attempt {
    /// With this attempt counted as a failure.
    pub state: LockoutState,
    /// Whether `state` is locked: if this attempt fails, the user has just been locked out (say so, send the mail).
    pub locks: bool,
}

/// The user is locked out; nothing is evaluated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the user is locked out")]
pub struct LockedOut {
    /// When the lock ends; `None` if only an administrator ends it.
    pub until: Option<Timestamp>,
}

impl Default for LockoutState {
    fn default() -> Self {
        Self { failures: 0, lock: Lock::Open, rounds: 0 }
    }
}

impl LockoutState {
    /// Says whether logins are refused at `now`.
    pub fn check(self, now: Timestamp) -> Result<(), LockedOut> {
        match self.lock {
            Lock::Open => Ok(()),
            Lock::Until { until, .. } if now >= until => Ok(()),
            Lock::Until { until, .. } => Err(LockedOut { until: Some(until) }),
            Lock::Indefinite { .. } | Lock::ByAdministrator { .. } => Err(LockedOut { until: None }),
        }
    }

    /// Counts an attempt with a passcode before it is evaluated.
    ///
    /// Fails with [`LockedOut`] while the user is locked out. At the threshold the returned state is locked already;
    /// [`succeed`](Self::succeed) opens it if this last attempt was right.
    pub fn begin_attempt(self, policy: LockoutPolicy, now: Timestamp) -> Result<Attempt, LockedOut> {
        self.check(now)?;
        let failures = match self.lock {
            Lock::Open => self.failures.saturating_add(1),
            // A lock that has ended: a new round.
            Lock::Until { .. } | Lock::Indefinite { .. } | Lock::ByAdministrator { .. } => 1,
        };
        if failures < u32::from(policy.threshold) {
            let state = Self { failures, lock: Lock::Open, rounds: self.rounds };
            return Ok(Attempt { state, locks: false });
        }
        let until = policy.lasts(self.rounds).map(|lasts| now.checked_add(lasts).unwrap_or(Timestamp::MAX));
        let lock = match until {
            Some(until) => Lock::Until { at: now, until },
            None => Lock::Indefinite { at: now },
        };
        Ok(Attempt { state: Self { failures, lock, rounds: self.rounds.saturating_add(1) }, locks: true })
    }

    /// Counts what has already happened (a denial on the phone); as [`begin_attempt`](Self::begin_attempt), except that
    /// a user who is locked out stays as locked as before.
    pub fn record(self, event: LockoutEvent, policy: LockoutPolicy, now: Timestamp) -> Self {
        match event.counting() {
            Counting::Counts => self.begin_attempt(policy, now).map_or(self, |attempt| attempt.state),
            Counting::Ignored => self,
            // A push approved while the user was being locked out by guesses elsewhere does not open the lock.
            Counting::Resets => self.check(now).and_then(|()| self.succeed()).unwrap_or(self),
        }
    }

    /// The attempt counted before by [`begin_attempt`](Self::begin_attempt) was right: failures, lock and rounds are gone.
    ///
    /// Only for such attempts. A push was not counted when it began: [`check`](Self::check) again before its approval
    /// lets anyone in, then [`record`](Self::record) the success.
    ///
    /// Fails when an administrator has locked the user in the meantime: the login must not succeed.
    pub fn succeed(self) -> Result<Self, LockedOut> {
        match self.lock {
            Lock::ByAdministrator { .. } => Err(LockedOut { until: None }),
            Lock::Open | Lock::Until { .. } | Lock::Indefinite { .. } => Ok(Self::default()),
        }
    }

    /// An administrator locks the user.
    pub fn lock(self, now: Timestamp) -> Self {
        Self { lock: Lock::ByAdministrator { at: now }, ..self }
    }

    /// An administrator unlocks the user.
    pub fn unlock(self) -> Self {
        Self::default()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(minute: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + minute * 60).unwrap()
    }

    /// Fails until the user is locked; says how often that was possible.
    fn fail_until_locked(state: &mut LockoutState, policy: LockoutPolicy, now: Timestamp) -> u32 {
        let mut evaluated = 0;
        while let Ok(attempt) = state.begin_attempt(policy, now) {
            evaluated += 1;
            assert_eq!(attempt.locks, attempt.state.check(now).is_err());
            *state = attempt.state;
        }
        evaluated
    }

    #[test]
    fn ten_guesses_are_evaluated_and_no_more() {
        let mut state = LockoutState::default();
        assert_eq!(fail_until_locked(&mut state, LockoutPolicy::default(), at(0)), 10);
        assert_eq!(state.check(at(14)), Err(LockedOut { until: Some(at(15)) }));
        assert_eq!(state.check(at(15)), Ok(()));
    }

    #[test]
    fn a_right_code_at_the_last_try_opens() {
        let mut state = LockoutState::default();
        for _ in 0..10 {
            state = state.begin_attempt(LockoutPolicy::default(), at(0)).unwrap().state;
        }
        assert!(state.check(at(0)).is_err());
        assert_eq!(state.succeed(), Ok(LockoutState::default()));
    }

    #[test]
    fn locks_back_off_up_to_a_day_and_a_success_forgets_them() {
        let policy = LockoutPolicy::default();
        let mut state = LockoutState::default();
        let mut minute = 0;
        for expected in [15, 30, 60, 120, 240, 480, 960, 1440, 1440, 1440] {
            assert_eq!(fail_until_locked(&mut state, policy, at(minute)), 10);
            let locked = state.check(at(minute)).unwrap_err();
            assert_eq!(locked.until, Some(at(minute + expected)));
            minute += expected;
        }
        state = state.begin_attempt(policy, at(minute)).unwrap().state.succeed().unwrap();
        fail_until_locked(&mut state, policy, at(minute));
        assert_eq!(state.check(at(minute)).unwrap_err().until, Some(at(minute + 15)));
        // a policy longer than the cap is kept, not shortened
        let long = LockoutPolicy::new(1, Some(30_000)).unwrap();
        let once = LockoutState::default().begin_attempt(long, at(0)).unwrap().state;
        assert_eq!(once.check(at(0)).unwrap_err().until, Some(at(30_000)));
    }

    #[test]
    fn without_expiry_only_an_administrator_unlocks() {
        let policy = LockoutPolicy::new(3, None).unwrap();
        let mut state = LockoutState::default();
        assert_eq!(fail_until_locked(&mut state, policy, at(0)), 3);
        assert_eq!(state.check(at(1_000_000)), Err(LockedOut { until: None }));
        // a later policy with expiry does not free whoever is locked
        assert!(state.begin_attempt(LockoutPolicy::default(), at(1_000_000)).is_err());
        assert_eq!(state.unlock(), LockoutState::default());
    }

    #[test]
    fn an_administrators_lock_is_not_undone_by_a_login_under_way() {
        let attempt = LockoutState::default().begin_attempt(LockoutPolicy::default(), at(0)).unwrap();
        let locked = attempt.state.lock(at(0));
        assert_eq!(locked.succeed(), Err(LockedOut { until: None }));
        assert_eq!(locked.record(LockoutEvent::Success, LockoutPolicy::default(), at(1)), locked);
        assert!(locked.check(at(1_000_000)).is_err());
    }

    #[test]
    fn an_approval_does_not_open_a_lock() {
        let policy = LockoutPolicy::default();
        let mut state = LockoutState::default();
        fail_until_locked(&mut state, policy, at(0));
        assert_eq!(state.record(LockoutEvent::Success, policy, at(14)), state);
        assert_eq!(state.record(LockoutEvent::Denied, policy, at(14)), state);
        assert_eq!(state.record(LockoutEvent::Success, policy, at(15)), LockoutState::default());
    }

    #[test]
    fn only_wrong_codes_and_explicit_denials_count() {
        let policy = LockoutPolicy::default();
        let once = LockoutState { failures: 1, ..LockoutState::default() };
        for (event, failures) in [
            (LockoutEvent::WrongPasscode, 2),
            (LockoutEvent::Denied, 2),
            (LockoutEvent::Fraud, 2),
            (LockoutEvent::Unanswered, 1),
            (LockoutEvent::Duplicate, 1),
            (LockoutEvent::Cancelled, 1),
            (LockoutEvent::RefusedByPolicy, 1),
            (LockoutEvent::Success, 0),
        ] {
            assert_eq!(once.record(event, policy, at(0)).failures, failures, "{event:?}");
        }
    }

    #[test]
    fn policies_are_bounded() {
        for (threshold, expire, ok) in [
            (0, None, false),
            (1, None, true),
            (9999, Some(5), true),
            (10_000, None, false),
            (10, Some(4), false),
            (10, Some(30_000), true),
            (10, Some(30_001), false),
        ] {
            assert_eq!(LockoutPolicy::new(threshold, expire).is_ok(), ok, "{threshold} {expire:?}");
        }
    }

    proptest! {
        /// However time runs, between two successes no lock is shorter than the policy's and none lets through more
        /// than `threshold` attempts.
        #[test]
        fn never_more_than_the_threshold_per_lock(threshold in 1u16..20, steps in prop::collection::vec(0i64..40, 1..200)) {
            let policy = LockoutPolicy::new(threshold, Some(15)).unwrap();
            let mut state = LockoutState::default();
            let (mut minute, mut evaluated, mut locked_at) = (0, 0, None);
            for step in steps {
                minute += step;
                match state.begin_attempt(policy, at(minute)) {
                    Ok(attempt) => {
                        if let Some(since) = locked_at.take() {
                            prop_assert!(minute - since >= 15);
                            evaluated = 0;
                        }
                        evaluated += 1;
                        prop_assert!(evaluated <= threshold);
                        prop_assert_eq!(attempt.locks, evaluated == threshold);
                        if attempt.locks { locked_at = Some(minute); }
                        state = attempt.state;
                    }
                    Err(_) => prop_assert!(locked_at.is_some()),
                }
            }
        }
    }
}
