//! The guards of an attempt: every attempt is counted, every one-time thing is consumed, each by one conditional write.
//!
//! A use case puts them into its job in the order of the tables' names, which is the order PostgreSQL locks them in.

use cs_core::device::{Phone, Token};
use cs_core::id::{AccountId, BypassCodeId, IntegrationKey, UserId};
use cs_core::lockout::{Lock, LockoutState};
use cs_core::otp::OtpRecord;
use cs_core::policy::risk::RiskRecord;
use cs_core::user::User;
use jiff::Timestamp;

use crate::args;
use crate::db::{Step, Value};

/// Holds while the integration is as it was when the decision was made.
pub fn integration_unchanged(account: AccountId, integration: IntegrationKey, version: i64) -> Step {
    Step::exists(
        "SELECT 1 FROM integration WHERE account = $1 AND ikey = $2 AND version = $3",
        args![account.as_str(), integration.as_str(), version],
    )
    .guarding_a_cache()
}

/// Holds while the user is as it was when the decision was made; counts nothing.
pub fn user_unchanged(account: AccountId, user: &User) -> Step {
    Step::exists(
        "SELECT 1 FROM users WHERE account = $1 AND user_id = $2 AND version = $3 AND attempts = $4",
        args![account.as_str(), user.id.as_str(), user.version, user.attempts],
    )
}

/// Counts an attempt of `user` and writes the lockout state that follows. Holds only if no other attempt or change came between: so attempts of one
/// user happen one after another, however many arrive at once.
pub fn count_attempt(account: AccountId, user: &User, after: &LockoutState) -> Step {
    Step::one(
        "UPDATE users SET attempts = attempts + 1, failures = $1, lock_rounds = $2, lock_kind = $3, locked_at = $4, locked_until = $5 \
         WHERE account = $6 AND user_id = $7 AND version = $8 AND attempts = $9",
        lockout_args(account, user, after),
    )
}

/// As [`count_attempt`], for one that let the user in at `now`; `risk` is what is remembered from then on.
pub fn count_success(account: AccountId, user: &User, after: &LockoutState, risk: &RiskRecord, now: Timestamp) -> Step {
    let mut args = lockout_args(account, user, after);
    args.push(now.into());
    args.push(risk.to_text().into());
    Step::one(
        "UPDATE users SET attempts = attempts + 1, failures = $1, lock_rounds = $2, lock_kind = $3, locked_at = $4, locked_until = $5, \
         last_login = $10, risk = $11 WHERE account = $6 AND user_id = $7 AND version = $8 AND attempts = $9",
        args,
    )
}

/// As [`count_attempt`], for a push that was denied or not answered; `after` is the lockout state as it was where that does not count.
pub fn count_failed_push(account: AccountId, user: &User, after: &LockoutState, risk: &RiskRecord) -> Step {
    let mut args = lockout_args(account, user, after);
    args.push(risk.to_text().into());
    Step::one(
        "UPDATE users SET attempts = attempts + 1, failures = $1, lock_rounds = $2, lock_kind = $3, locked_at = $4, locked_until = $5, \
         risk = $10 WHERE account = $6 AND user_id = $7 AND version = $8 AND attempts = $9",
        args,
    )
}

/// Writes what is remembered for the signals of risk, and counts as a change of the user. Holds while the user is as it was.
pub fn change_risk(account: AccountId, user: &User, risk: &RiskRecord) -> Step {
    Step::one(
        "UPDATE users SET version = version + 1, risk = $1 WHERE account = $2 AND user_id = $3 AND version = $4 AND attempts = $5",
        args![risk.to_text(), account.as_str(), user.id.as_str(), user.version, user.attempts],
    )
}

fn lockout_args(account: AccountId, user: &User, after: &LockoutState) -> Vec<Value> {
    let (kind, at, until) = lock_columns(&after.lock);
    args![
        after.failures,
        after.rounds,
        kind,
        at,
        until,
        account.as_str(),
        user.id.as_str(),
        user.version,
        user.attempts
    ]
}

/// A lock as its columns: kind, since when, until when.
pub fn lock_columns(lock: &Lock) -> (Option<&'static str>, Option<Timestamp>, Option<Timestamp>) {
    match *lock {
        Lock::Open => (None, None, None),
        Lock::Until { at, until } => (Some("failures"), Some(at), Some(until)),
        Lock::Indefinite { at } => (Some("failures"), Some(at), None),
        Lock::ByAdministrator { at } => (Some("administrator"), Some(at), None),
    }
}

/// Notes at `now` that the user got in without an attempt being evaluated. Holds while the user is as it was when the decision was made.
pub fn touch_last_login(account: AccountId, user: &User, now: Timestamp) -> Step {
    Step::one(
        "UPDATE users SET last_login = $1 WHERE account = $2 AND user_id = $3 AND version = $4",
        args![now, account.as_str(), user.id.as_str(), user.version],
    )
}

/// Uses a bypass code once. Holds only while it has uses left and has not expired.
pub fn use_bypass_code(account: AccountId, user: UserId, code: BypassCodeId, now: Timestamp) -> Step {
    Step::one(
        "UPDATE bypass_code SET uses_left = uses_left - 1 WHERE account = $1 AND user_id = $2 AND code_id = $3 \
         AND (uses_left IS NULL OR uses_left > 0) AND (expires_at IS NULL OR expires_at > $4)",
        args![account.as_str(), user.as_str(), code.as_str(), now],
    )
}

/// Moves a hardware token's moving factor from `token.otp` to `next`. Holds only if it is still where it was.
pub fn move_token(account: AccountId, token: &Token, next: &OtpRecord) -> Step {
    let before = &token.otp;
    Step::one(
        "UPDATE token SET otp_counter = $1, otp_last_step = $2, otp_drift = $3, otp_memo = $4, otp_held = $5 \
         WHERE account = $6 AND token_id = $7 AND otp_counter = $8 AND otp_last_step = $9 \
         AND otp_memo IS NOT DISTINCT FROM $10",
        args![
            next.counter,
            next.last_step,
            next.drift,
            next.memo.as_deref(),
            next.held,
            account.as_str(),
            token.id.as_str(),
            before.counter,
            before.last_step,
            before.memo.as_deref()
        ],
    )
}

/// The same for the passcodes of an authenticator, whose moving factor was `before`.
pub fn move_authenticator(account: AccountId, phone: &Phone, before: &OtpRecord, next: &OtpRecord) -> Step {
    Step::one(
        "UPDATE authenticator SET otp_counter = $1, otp_last_step = $2, otp_drift = $3, otp_memo = $4, otp_held = $5 \
         WHERE account = $6 AND phone_id = $7 AND otp_counter = $8 AND otp_last_step = $9 \
         AND otp_memo IS NOT DISTINCT FROM $10",
        args![
            next.counter,
            next.last_step,
            next.drift,
            next.memo.as_deref(),
            next.held,
            account.as_str(),
            phone.id.as_str(),
            before.counter,
            before.last_step,
            before.memo.as_deref()
        ],
    )
}
