//! Hardware tokens as administrators see them, and whose they are.

use std::collections::HashMap;

use cs_core::device::Token;
use cs_core::id::{AccountId, TokenId, UserId};
use cs_core::otp::{NewToken, OtpKind};
use jiff::Timestamp;

use crate::convert::{corrupt, otp_columns, parsed};
use crate::db::{Reader, Row, Step, StoreError};
use crate::lists::LongList;
use crate::many::grouped;
use crate::users::{Page, Slice};
use crate::vault::{Vault, VaultError};
use crate::{Store, args};

/// The most tokens of one user.
pub const MAX_TOKENS_PER_USER: i64 = 100;

/// A token without its secret.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TokenRecord {
    /// Its id.
    pub id: TokenId,
    /// What it is.
    pub kind: OtpKind,
    /// As printed on it; unique in the account among tokens of its kind.
    pub serial: String,
    /// Whose it is, where several people share one user; may be empty.
    pub owner: String,
    /// Seconds of a time step; without meaning unless it goes by time.
    pub step_secs: u32,
    /// When it was made.
    pub created_at: Timestamp,
}

/// Seals the secret of `token` for its row.
pub fn seal_token(vault: &Vault, account: AccountId, id: TokenId, token: &NewToken) -> Result<Vec<u8>, VaultError> {
    vault.seal(account.as_str(), "token", "secret", id.as_str(), &token.secret.to_bytes())
}

/// Creates a token. Does not hold if the account has one of its kind and serial.
pub fn insert_token(account: AccountId, id: TokenId, token: &NewToken, sealed: &[u8], now: Timestamp) -> Step {
    Step::one(
        "INSERT INTO token (account, token_id, type, serial, secret, otp_algorithm, otp_period, otp_counter, otp_last_step, otp_drift, otp_memo, \
         otp_held, version, created_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, 1, $13)",
        args![
            account.as_str(),
            id.as_str(),
            token.params.kind.as_str(),
            token.serial.as_str(),
            sealed,
            token.params.algorithm.as_str(),
            token.params.step.as_secs(),
            token.record.counter,
            token.record.last_step,
            token.record.drift,
            token.record.memo.as_deref(),
            token.record.held,
            now
        ],
    )
}

/// Sets the time step. Its last step and drift begin anew, for both count in steps. Holds only if the token exists.
pub fn set_token_step(account: AccountId, id: TokenId, step_secs: u32, last_step: i64) -> Step {
    Step::one(
        "UPDATE token SET otp_period = $1, otp_last_step = $2, otp_drift = 0, otp_memo = NULL, version = version + 1 \
         WHERE account = $3 AND token_id = $4",
        args![step_secs, last_step, account.as_str(), id.as_str()],
    )
}

/// Says whose the token is; empty = nobody's in particular. Holds only if the token exists.
pub fn set_token_owner(account: AccountId, id: TokenId, owner: &str) -> Step {
    Step::one(
        "UPDATE token SET owner = $1, version = version + 1 WHERE account = $2 AND token_id = $3",
        args![owner, account.as_str(), id.as_str()],
    )
}

/// Marks every user of a token as changed.
pub fn touch_users_of_token(account: AccountId, token: TokenId) -> Step {
    Step::any(
        "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id IN \
         (SELECT user_id FROM user_token WHERE account = $1 AND token_id = $2)",
        args![account.as_str(), token.as_str()],
    )
}

/// Gives a token to a user: the token exists, then the attachment, which does not hold if there is one or the user has
/// [`MAX_TOKENS_PER_USER`]. To follow a step that holds the user's row, so that the count is right.
pub fn attach_token(account: AccountId, user: UserId, token: TokenId) -> [Step; 2] {
    [
        Step::one(
            "UPDATE token SET version = version WHERE account = $1 AND token_id = $2",
            args![account.as_str(), token.as_str()],
        ),
        Step::one(
            "INSERT INTO user_token (account, user_id, token_id, position) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), \
             (SELECT COALESCE(MAX(position), 0) + 1 FROM user_token WHERE account = $1 AND user_id = $2) \
             WHERE (SELECT COUNT(*) FROM user_token WHERE account = $1 AND user_id = $2) < $4",
            args![account.as_str(), user.as_str(), token.as_str(), MAX_TOKENS_PER_USER],
        ),
    ]
}

/// Takes a token from a user. Holds only if it is the user's.
pub fn detach_token(account: AccountId, user: UserId, token: TokenId) -> Step {
    Step::one(
        "DELETE FROM user_token WHERE account = $1 AND user_id = $2 AND token_id = $3",
        args![account.as_str(), user.as_str(), token.as_str()],
    )
}

/// Removes a token. The first step holds only if it exists.
pub fn remove_token(account: AccountId, token: TokenId) -> Vec<Step> {
    let key = || args![account.as_str(), token.as_str()];
    vec![
        Step::one("DELETE FROM token WHERE account = $1 AND token_id = $2", key()),
        touch_users_of_token(account, token),
        Step::any("DELETE FROM user_token WHERE account = $1 AND token_id = $2", key()),
    ]
}

macro_rules! token_columns {
    () => {
        "t.account, t.token_id, t.type, t.serial, t.otp_period, t.created_at, t.owner "
    };
}

/// `CROSS JOIN`: see the page of users.
macro_rules! tokens_of_page {
    ($page:literal) => {
        concat!(
            "SELECT ",
            token_columns!(),
            "FROM (SELECT token_id AS id, type AS kind, serial AS number FROM token WHERE account = $1 ",
            $page,
            ") l CROSS JOIN token t WHERE t.account = $1 AND t.token_id = l.id ORDER BY l.kind, l.number"
        )
    };
}

pub(crate) const TOKENS: LongList = LongList {
    name: "tokens",
    from_offset: tokens_of_page!("ORDER BY account, type, serial LIMIT $2 OFFSET $3"),
    after_row: tokens_of_page!("AND (type, serial) > ($2, $3) ORDER BY account, type, serial LIMIT $4"),
    count: "SELECT COUNT(*) FROM token WHERE account = $1",
    key: [2, 3],
};

fn read_token(row: &Row) -> Result<TokenRecord, StoreError> {
    Ok(TokenRecord {
        id: parsed("token", row, 1)?,
        kind: row.str(2)?.parse().map_err(|_| corrupt("token", row))?,
        serial: row.text(3)?,
        step_secs: row.number(4)?,
        created_at: row.time(5)?,
        owner: row.opt_text(6)?.unwrap_or_default(),
    })
}

fn read_tokens(rows: &[Row]) -> Result<Vec<TokenRecord>, StoreError> {
    rows.iter().map(read_token).collect()
}

impl Store {
    /// The token `id` with its sealed secret and moving factor.
    pub async fn token_with_secret(&self, account: AccountId, id: TokenId) -> Result<Option<Token>, StoreError> {
        let row = self
            .query_opt(
                "SELECT account, token_id, type, serial, otp_algorithm, otp_memo, otp_period, otp_counter, otp_last_step, otp_drift, otp_held, \
                 secret, owner FROM token WHERE account = $1 AND token_id = $2",
                args![account.as_str(), id.as_str()],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let (params, otp) = otp_columns("token", &row, row.str(2)?, 4, 6)?;
        Ok(Some(Token {
            id,
            serial: row.text(3)?,
            owner: row.opt_text(12)?.unwrap_or_default(),
            params,
            otp,
            sealed_secret: row.blob(11)?.to_vec(),
        }))
    }
}

impl Reader {
    /// One token.
    pub async fn token(&self, account: AccountId, id: TokenId) -> Result<Option<TokenRecord>, StoreError> {
        let row = self
            .query_opt(
                concat!("SELECT ", token_columns!(), "FROM token t WHERE t.account = $1 AND t.token_id = $2"),
                args![account.as_str(), id.as_str()],
            )
            .await?;
        row.as_ref().map(read_token).transpose()
    }

    /// Tokens by kind and serial; with `wanted`, only the one of that kind and serial.
    pub async fn tokens(
        &self,
        account: AccountId,
        wanted: Option<(&str, &str)>,
        slice: Slice,
    ) -> Result<Page<TokenRecord>, StoreError> {
        if let Some((kind, serial)) = wanted {
            let rows = self
                .query(
                    concat!(
                        "SELECT ",
                        token_columns!(),
                        "FROM token t WHERE t.account = $1 AND t.type = $2 AND t.serial = $3"
                    ),
                    args![account.as_str(), kind, serial],
                )
                .await?;
            return Ok(slice.cut(read_tokens(&rows)?));
        }
        let (rows, total) = self.long_list(account, &TOKENS, slice).await?;
        Ok(Page { items: read_tokens(&rows)?, total })
    }

    /// The tokens of each of these users, in the order they were attached.
    pub async fn tokens_of(
        &self,
        account: AccountId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<TokenRecord>>, StoreError> {
        let sql = concat!(
            "SELECT ",
            token_columns!(),
            ", o.user_id FROM user_token o JOIN token t ON t.account = o.account AND t.token_id = o.token_id ",
            "WHERE o.account = $1 AND o.user_id IN ({}) ORDER BY o.position, o.token_id"
        );
        let rows = self.rows_of_many(account, users.iter().map(UserId::as_str), sql).await?;
        grouped(&rows, |row| Ok((parsed("user_token", row, 7)?, read_token(row)?)))
    }

    /// The users of each of these tokens.
    pub async fn users_of_tokens(
        &self,
        account: AccountId,
        tokens: &[TokenId],
    ) -> Result<HashMap<TokenId, Vec<UserId>>, StoreError> {
        let sql = "SELECT account, token_id, user_id FROM user_token WHERE account = $1 AND token_id IN ({}) ORDER BY user_id";
        let rows = self.rows_of_many(account, tokens.iter().map(TokenId::as_str), sql).await?;
        grouped(&rows, |row| Ok((parsed("user_token", row, 1)?, parsed("user_token", row, 2)?)))
    }
}
