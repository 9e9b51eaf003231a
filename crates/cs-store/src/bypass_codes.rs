//! Bypass codes as administrators see them: never the code itself.

use cs_core::id::{AccountId, BypassCodeId, UserId};
use jiff::Timestamp;

use crate::args;
use crate::convert::parsed;
use crate::db::{Reader, Row, Step, StoreError};
use crate::users::{Page, Slice};

/// The most bypass codes of one user.
pub const MAX_BYPASS_CODES_PER_USER: i64 = 100;

/// The kind of the codes that users print for themselves.
pub const RECOVERY: &str = "recovery";

/// A bypass code without its digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BypassCodeRecord {
    /// Its id.
    pub id: BypassCodeId,
    /// Whose it is.
    pub user: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who made it, as lists show it; may be empty.
    pub created_by: String,
    /// Why it was made, if whoever made it said.
    pub reason: Option<String>,
    /// When it stops working; `None` = never.
    pub expires_at: Option<Timestamp>,
    /// How often it can still be used; `None` = without limit.
    pub uses_left: Option<i64>,
}

impl BypassCodeRecord {
    /// Creates it; `digest` is the keyed hash of the code. Does not hold if the user has that code, or as many as there may be.
    /// To follow a step that holds the user's row, so that the count is right.
    pub fn insert(&self, account: AccountId, digest: &[u8; 32]) -> Step {
        Step::one(
            "INSERT INTO bypass_code (account, user_id, digest, code_id, created_at, created_by, expires_at, uses_left, reason) \
             SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), $3, CAST($4 AS TEXT), CAST($5 AS BIGINT), CAST($6 AS TEXT), CAST($7 AS BIGINT), \
             CAST($8 AS BIGINT), CAST($9 AS TEXT) WHERE (SELECT COUNT(*) FROM bypass_code WHERE account = $1 AND user_id = $2) < $10",
            args![
                account.as_str(),
                self.user.as_str(),
                digest,
                self.id.as_str(),
                self.created_at,
                self.created_by.as_str(),
                self.expires_at,
                self.uses_left,
                self.reason.as_deref(),
                MAX_BYPASS_CODES_PER_USER
            ],
        )
    }
}

/// Removes every code that the help desk gave the user. Those that the user has printed stay.
pub fn remove_bypass_codes(account: AccountId, user: UserId) -> Step {
    Step::any(
        "DELETE FROM bypass_code WHERE account = $1 AND user_id = $2 AND kind = ''",
        args![account.as_str(), user.as_str()],
    )
}

/// Removes the recovery codes of the user.
pub fn remove_recovery_codes(account: AccountId, user: UserId) -> Step {
    Step::any(
        "DELETE FROM bypass_code WHERE account = $1 AND user_id = $2 AND kind = $3",
        args![account.as_str(), user.as_str(), RECOVERY],
    )
}

/// Makes the code `id`, which the same job has inserted, a recovery code.
pub fn mark_recovery(account: AccountId, user: UserId, id: BypassCodeId) -> Step {
    Step::one(
        "UPDATE bypass_code SET kind = $1 WHERE account = $2 AND user_id = $3 AND code_id = $4",
        args![RECOVERY, account.as_str(), user.as_str(), id.as_str()],
    )
}

/// Removes the codes of the user that nobody can use any more.
pub fn remove_dead_bypass_codes(account: AccountId, user: UserId, now: Timestamp) -> Step {
    Step::any(
        "DELETE FROM bypass_code WHERE account = $1 AND user_id = $2 AND (uses_left <= 0 OR expires_at <= $3)",
        args![account.as_str(), user.as_str(), now],
    )
}

/// Removes one code. Holds only if it is there.
pub fn remove_bypass_code(account: AccountId, user: UserId, code: BypassCodeId) -> Step {
    Step::one(
        "DELETE FROM bypass_code WHERE account = $1 AND user_id = $2 AND code_id = $3",
        args![account.as_str(), user.as_str(), code.as_str()],
    )
}

fn read_code(row: &Row) -> Result<BypassCodeRecord, StoreError> {
    Ok(BypassCodeRecord {
        id: parsed("bypass_code", row, 1)?,
        user: parsed("bypass_code", row, 2)?,
        created_at: row.time(3)?,
        created_by: row.text(4)?,
        expires_at: row.opt_time(5)?,
        uses_left: row.opt_int(6)?,
        reason: row.opt_text(7)?,
    })
}

macro_rules! select_codes {
    ($rest:literal) => {
        concat!(
            "SELECT account, code_id, user_id, created_at, created_by, expires_at, uses_left, reason FROM bypass_code ",
            $rest
        )
    };
}

macro_rules! alive {
    () => {
        "(uses_left IS NULL OR uses_left > 0) AND (expires_at IS NULL OR expires_at > $2) "
    };
}

impl Reader {
    /// How many recovery codes of the user can still be used.
    pub async fn recovery_codes_left(&self, account: AccountId, user: UserId) -> Result<u64, StoreError> {
        let sql =
            "SELECT COUNT(*) FROM bypass_code WHERE account = $1 AND user_id = $2 AND kind = $3 AND uses_left > 0";
        self.count(sql, args![account.as_str(), user.as_str(), RECOVERY]).await
    }

    /// One code that can be used at `now`.
    pub async fn bypass_code(
        &self,
        account: AccountId,
        id: BypassCodeId,
        now: Timestamp,
    ) -> Result<Option<BypassCodeRecord>, StoreError> {
        let row = self
            .query_opt(
                concat!(select_codes!("WHERE account = $1 AND "), alive!(), "AND code_id = $3"),
                args![account.as_str(), now, id.as_str()],
            )
            .await?;
        row.as_ref().map(read_code).transpose()
    }

    /// The codes that can be used at `now`, by id: of everyone, or of one user.
    pub async fn bypass_codes(
        &self,
        account: AccountId,
        user: Option<UserId>,
        now: Timestamp,
        slice: Slice,
    ) -> Result<Page<BypassCodeRecord>, StoreError> {
        if let Some(user) = user {
            let rows = self
                .query(
                    concat!(select_codes!("WHERE account = $1 AND "), alive!(), "AND user_id = $3 ORDER BY code_id"),
                    args![account.as_str(), now, user.as_str()],
                )
                .await?;
            return Ok(slice.cut(rows.iter().map(read_code).collect::<Result<_, _>>()?));
        }
        let [limit, offset] = slice.args();
        let rows = self
            .query(
                concat!(
                    select_codes!("WHERE account = $1 AND "),
                    alive!(),
                    "ORDER BY account, code_id LIMIT $3 OFFSET $4"
                ),
                args![account.as_str(), now, &limit, &offset],
            )
            .await?;
        let total = self
            .count(
                concat!("SELECT COUNT(*) FROM bypass_code WHERE account = $1 AND ", alive!()),
                args![account.as_str(), now],
            )
            .await?;
        Ok(Page { items: rows.iter().map(read_code).collect::<Result<_, _>>()?, total })
    }
}
