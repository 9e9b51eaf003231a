//! Passcodes by SMS, and how often people, numbers and accounts have had messages and calls.

use cs_core::id::{AccountId, PhoneId, TxId, UserId};
use cs_core::telephony::COUNTED_OVER;
use jiff::{SignedDuration, Timestamp};

use crate::args;
use crate::db::Step;

/// A passcode that goes out by SMS.
#[derive(Debug, Clone)]
pub struct NewSmsCode<'a> {
    /// Whose it is.
    pub user: UserId,
    /// Where it goes.
    pub phone: PhoneId,
    /// The phone's number.
    pub number: &'a str,
    /// Its keyed hash.
    pub digest: [u8; 32],
    /// Its first digit.
    pub digit: char,
    /// Its place in the message, from 0 on.
    pub place: usize,
    /// When it stops working; `None` = never.
    pub expires_at: Option<Timestamp>,
}

impl NewSmsCode<'_> {
    /// Keeps it. Does not hold if the user has a code of the same digits, which may be another phone's: then others are drawn.
    pub fn insert(&self, account: AccountId, now: Timestamp) -> Step {
        Step::one(
            "INSERT INTO sms_code (account, user_id, digest, phone_id, number, digit, place, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            args![
                account.as_str(),
                self.user.as_str(),
                &self.digest,
                self.phone.as_str(),
                self.number,
                self.digit.to_string(),
                i64::try_from(self.place).unwrap_or(i64::MAX),
                now,
                self.expires_at
            ],
        )
    }
}

/// Removes the codes that were sent to `phone` for `user` before: a new message voids them.
pub fn void_sms_codes(account: AccountId, user: UserId, phone: PhoneId) -> Step {
    Step::any(
        "DELETE FROM sms_code WHERE account = $1 AND user_id = $2 AND phone_id = $3",
        args![account.as_str(), user.as_str(), phone.as_str()],
    )
}

/// Uses a code once. Holds only while it is there, at its time, for the phone's number as it is.
pub fn use_sms_code(account: AccountId, user: UserId, digest: &[u8; 32], now: Timestamp) -> Step {
    Step::one(
        "DELETE FROM sms_code WHERE account = $1 AND user_id = $2 AND digest = $3 AND (expires_at IS NULL OR expires_at > $4) \
         AND number = (SELECT p.number FROM phone p WHERE p.account = $1 AND p.phone_id = sms_code.phone_id)",
        args![account.as_str(), user.as_str(), digest, now],
    )
}

/// Counts one message or call more for `subject`.
///
/// The second step holds only if there were fewer than `most` since the first one that is counted, within [`COUNTED_OVER`], and none within `pause`: one conditional
/// write, so that no two at a time go past the limit.
pub fn count_use(account: AccountId, subject: &str, most: i64, pause: SignedDuration, now: Timestamp) -> [Step; 2] {
    [
        Step::any(
            "INSERT INTO telephony_use (account, subject, since, sent, last_at) VALUES ($1, $2, $3, 0, 0) ON CONFLICT DO NOTHING",
            args![account.as_str(), subject, now],
        ),
        Step::one(
            "UPDATE telephony_use SET sent = CASE WHEN since <= $3 THEN 1 ELSE sent + 1 END, \
             since = CASE WHEN since <= $3 OR sent = 0 THEN $4 ELSE since END, last_at = $4 \
             WHERE account = $1 AND subject = $2 AND last_at <= $5 AND (sent < $6 OR since <= $3)",
            args![account.as_str(), subject, now - COUNTED_OVER, now, now - pause, most],
        ),
    ]
}

/// Removes codes that nobody can use any more, and counts that are over.
pub fn forget_telephony(now: Timestamp) -> [Step; 2] {
    [
        Step::any("DELETE FROM sms_code WHERE expires_at <= $1", args![now]),
        Step::any("DELETE FROM telephony_use WHERE last_at <= $1", args![now - COUNTED_OVER]),
    ]
}

/// Notes that somebody has picked up. Changes nothing once the call is over.
pub fn call_answered(account: AccountId, txid: TxId, now: Timestamp) -> Step {
    Step::any(
        "UPDATE login SET progress = 'answered' WHERE account = $1 AND txid = $2 AND factor = 'call' AND state = 'waiting' AND expires_at > $3",
        args![account.as_str(), txid.to_string(), now],
    )
}
