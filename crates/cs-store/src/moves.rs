//! Phones whose authenticator was replaced by another device's: what the one before is told, and can say against it.

use cs_core::id::{AccountId, PhoneId, UserId};
use jiff::Timestamp;

use crate::authenticators::ActivationSource;
use crate::convert::{corrupt, parsed};
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// A phone whose authenticator was replaced.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Moved {
    /// The phone.
    pub phone: PhoneId,
    /// Whose it is.
    pub user: UserId,
    /// The key that was bound before, a JWK as JSON text; `None` where nothing was.
    pub public_key: Option<String>,
    /// The subscription of the device before, sealed.
    pub push: Option<Vec<u8>>,
    /// What called for it.
    pub source: ActivationSource,
    /// What the new device calls itself.
    pub name: String,
    /// When.
    pub moved_at: Timestamp,
    /// When somebody said that it was not them.
    pub contested_at: Option<Timestamp>,
}

/// Keeps what is bound to `phone` now, in the job that binds another device called `name` in its place: to come before the step that does. Also where nothing is bound, for
/// the person's other devices to hear of; not if the person stands at a page of ours, and knows that it was them.
pub fn keep_moved(
    account: AccountId,
    (phone, user): (PhoneId, UserId),
    source: ActivationSource,
    name: &str,
    now: Timestamp,
) -> Step {
    Step::any(
        "INSERT INTO moved_authenticator (account, phone_id, user_id, public_key, push, source, name, moved_at, contested_at) \
         SELECT p.account, p.phone_id, CAST($3 AS TEXT), COALESCE(a.public_key, ''), a.push, CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), \
         CAST(NULL AS BIGINT) FROM phone p LEFT JOIN authenticator a ON a.account = p.account AND a.phone_id = p.phone_id AND a.confirmed_at IS NOT NULL \
         WHERE p.account = $1 AND p.phone_id = $2 AND (a.public_key IS NOT NULL OR $4 <> 'page') \
         ON CONFLICT (account, phone_id) DO UPDATE SET user_id = excluded.user_id, public_key = excluded.public_key, push = excluded.push, \
         source = excluded.source, name = excluded.name, moved_at = excluded.moved_at, contested_at = NULL \
         WHERE excluded.public_key <> '' OR excluded.source = 'move' OR moved_authenticator.public_key = ''",
        args![account.as_str(), phone.as_str(), user.as_str(), source.as_str(), name, now],
    )
}

/// Says that a person's own move, after `since`, was not theirs. Holds once.
pub fn contest(account: AccountId, phone: PhoneId, since: Timestamp, now: Timestamp) -> Step {
    Step::one(
        "UPDATE moved_authenticator SET contested_at = $1 WHERE account = $2 AND phone_id = $3 AND source = 'move' AND moved_at > $4 \
         AND contested_at IS NULL",
        args![now, account.as_str(), phone.as_str(), since],
    )
}

/// Takes away the subscription of a device that was replaced: its push service no longer knows it.
pub fn forget_moved_subscription(account: AccountId, phone: PhoneId) -> Step {
    Step::any(
        "UPDATE moved_authenticator SET push = NULL WHERE account = $1 AND phone_id = $2",
        args![account.as_str(), phone.as_str()],
    )
}

/// Removes what was moved before `before`.
pub fn forget_moves(before: Timestamp) -> Step {
    Step::any("DELETE FROM moved_authenticator WHERE moved_at < $1", args![before])
}

macro_rules! select_moves {
    ($rest:literal) => {
        concat!(
            "SELECT account, phone_id, user_id, public_key, push, source, name, moved_at, contested_at FROM moved_authenticator ",
            $rest
        )
    };
}

impl Store {
    /// What was bound to `phone` before what is bound to it now.
    pub async fn moved(&self, account: AccountId, phone: PhoneId) -> Result<Option<Moved>, StoreError> {
        let sql = select_moves!("WHERE account = $1 AND phone_id = $2");
        let row = self.query_opt(sql, args![account.as_str(), phone.as_str()]).await?;
        row.as_ref().map(read_moved).transpose()
    }

    /// What `user` has moved by themselves after `since`, and what somebody's link has bound for them, the newest first.
    pub async fn own_moves(
        &self,
        account: AccountId,
        user: UserId,
        since: Timestamp,
    ) -> Result<Vec<Moved>, StoreError> {
        let sql = select_moves!(
            "WHERE account = $1 AND user_id = $2 AND source <> 'page' AND moved_at > $3 ORDER BY moved_at DESC, phone_id LIMIT 10"
        );
        let rows = self.query(sql, args![account.as_str(), user.as_str(), since]).await?;
        rows.iter().map(read_moved).collect()
    }

    /// The account of a phone whose authenticator was replaced, as [`Store::account_of_authenticator`] finds that of one that was not.
    pub async fn account_of_moved(&self, phone: PhoneId) -> Result<Option<AccountId>, StoreError> {
        let sql = "SELECT account FROM moved_authenticator WHERE phone_id = $1 LIMIT 2";
        match self.query(sql, args![phone.as_str()]).await?.as_slice() {
            [row] => parsed("moved_authenticator", row, 0).map(Some),
            _ => Ok(None),
        }
    }
}

fn read_moved(row: &Row) -> Result<Moved, StoreError> {
    Ok(Moved {
        phone: parsed("moved_authenticator", row, 1)?,
        user: parsed("moved_authenticator", row, 2)?,
        public_key: Some(row.text(3)?).filter(|key| !key.is_empty()),
        push: row.opt_blob(4)?.map(<[u8]>::to_vec),
        source: ActivationSource::parse(row.str(5)?).ok_or_else(|| corrupt("moved_authenticator", row))?,
        name: row.text(6)?,
        moved_at: row.time(7)?,
        contested_at: row.opt_time(8)?,
    })
}
