//! What a restore from a backup must void, so that nothing which was used or withdrawn after the backup works again.
//!
//! The statements are run in the transaction that makes the restored database usable. What they cannot know is named in `docs/operate.md`: what was
//! changed after the backup (a secret rotated, a user disabled, a phone removed) is as it was before.

use cs_core::otp::DRIFT_UNIT;
use jiff::Timestamp;

use crate::args;
use crate::db::Step;

/// TOTP: every step that can have been accepted by `$1` (seconds) counts as used, `$2` steps of window included.
macro_rules! raise_time_steps {
    ($table:literal, $kind:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET otp_last_step = CASE WHEN otp_last_step > $1 / otp_period + CASE WHEN otp_drift > 0 THEN (otp_drift + $3) / (2 * $3) ELSE 0 END + $2 \
             THEN otp_last_step ELSE $1 / otp_period + CASE WHEN otp_drift > 0 THEN (otp_drift + $3) / (2 * $3) ELSE 0 END + $2 END, \
             version = version + 1 WHERE ",
            $kind,
            " IN ('t6', 't8', 'mt')"
        )
    };
}

/// HOTP and YubiKeys: held until two codes in a row show where the token is.
macro_rules! hold_counters {
    ($table:literal, $kind:literal) => {
        concat!(
            "UPDATE ",
            $table,
            " SET otp_held = 1, otp_memo = NULL, version = version + 1 WHERE ",
            $kind,
            " NOT IN ('t6', 't8', 'mt')"
        )
    };
}

/// The widest window in which a time-based code is accepted, in steps; no token has a wider one.
const WIDEST_WINDOW: i64 = 2;

/// The statements, for a restore at `now`.
pub fn restore_steps(now: Timestamp) -> Vec<Step> {
    let floor = || args![now.as_second(), WIDEST_WINDOW, DRIFT_UNIT / 2];
    vec![
        Step::any("UPDATE activation SET voided_at = $1 WHERE used_at IS NULL AND voided_at IS NULL", args![now]),
        Step::any(
            "UPDATE administrator SET setup_digest = NULL, setup_expires = NULL, version = version + 1 WHERE setup_digest IS NOT NULL",
            args![],
        ),
        // Decided after the backup, perhaps; the person asks again.
        Step::any(
            "UPDATE exception_request SET state = 'expired', decided_at = $1, sealed_code = NULL WHERE state = 'waiting' OR sealed_code IS NOT NULL",
            args![now],
        ),
        Step::any(raise_time_steps!("authenticator", "otp_kind"), floor()),
        Step::any(hold_counters!("authenticator", "otp_kind"), args![]),
        Step::any("DELETE FROM bypass_code", args![]),
        Step::any("UPDATE enrollment_link SET ended = 'replaced' WHERE ended = ''", args![]),
        // What waits is of another time; what was already done must not be done again.
        Step::any(
            "UPDATE effect SET dead_at = $1, last_error = 'restored from a backup' WHERE done_at IS NULL AND dead_at IS NULL",
            args![now],
        ),
        // Pushes, and the idempotency keys that would answer a new login with an old decision.
        Step::any("DELETE FROM answer", args![]),
        // So are the logins that are under way in browsers.
        Step::any("DELETE FROM authorization_code", args![]),
        Step::any("DELETE FROM login", args![]),
        Step::any("DELETE FROM prompt", args![]),
        Step::any("DELETE FROM remembered_browser", args![]),
        Step::any("DELETE FROM same_login", args![]),
        // Used after the backup, perhaps. Counts of messages stay: they only make for fewer.
        Step::any("DELETE FROM sms_code", args![]),
        Step::any(raise_time_steps!("token", "type"), floor()),
        Step::any(hold_counters!("token", "type"), args![]),
        Step::any("DELETE FROM visit", args![]),
        // Remembered devices of every user.
        Step::any("UPDATE users SET trust_epoch = trust_epoch + 1, version = version + 1", args![]),
        // Some of them were finished after the backup.
        Step::any("DELETE FROM webauthn_ceremony", args![]),
    ]
}
