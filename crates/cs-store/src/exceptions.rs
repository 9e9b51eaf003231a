//! Requests for exceptions: made once, decided once.

use cs_core::exception::{ExceptionKind, ExceptionState, MOST_REQUESTS, PER};
use cs_core::id::{AccountId, BypassCodeId, ExceptionId, PhoneId, UserId};
use jiff::{SignedDuration, Timestamp};

use crate::args;
use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExceptionRecord {
    /// Its id.
    pub id: ExceptionId,
    /// Who asks.
    pub user: UserId,
    /// For what.
    pub kind: ExceptionKind,
    /// Why.
    pub reason: String,
    /// For how long.
    pub wanted: SignedDuration,
    /// Where it was asked: `authenticator`, `portal`, …
    pub source: String,
    /// The device that asked, if it was one.
    pub phone: Option<PhoneId>,
    /// What was written down of its fate: see [`ExceptionState::at`].
    pub state: ExceptionState,
    /// When it was asked.
    pub created_at: Timestamp,
    /// Until when it can be decided.
    pub expires_at: Timestamp,
    /// When it was decided.
    pub decided_at: Option<Timestamp>,
    /// By whom.
    pub decided_by: Option<String>,
    /// What the administrator wrote.
    pub note: Option<String>,
    /// Until when it was granted.
    pub until: Option<Timestamp>,
    /// The bypass code that was made for it.
    pub code: Option<BypassCodeId>,
    /// That code, sealed for the device that asked, where it was to be delivered there.
    pub sealed_code: Option<Vec<u8>>,
}

/// How a request is decided.
#[derive(Debug, Clone, Copy)]
pub struct ExceptionDecision<'a> {
    /// Approved or refused.
    pub state: ExceptionState,
    /// By whom.
    pub by: &'a str,
    /// A remark, may be empty.
    pub note: &'a str,
    /// Until when it is granted.
    pub until: Option<Timestamp>,
    /// The code that was made for it.
    pub code: Option<BypassCodeId>,
    /// That code, sealed for the device.
    pub sealed_code: Option<&'a [u8]>,
}

impl ExceptionRecord {
    /// Creates it. Does not hold while another of the user waits, or when they made [`MOST_REQUESTS`] within [`PER`].
    pub fn insert(&self, account: AccountId) -> Step {
        Step::one(
            "INSERT INTO exception_request (account, request_id, user_id, kind, reason, wanted_secs, source, phone_id, state, created_at, \
             expires_at) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS BIGINT), \
             CAST($7 AS TEXT), CAST($8 AS TEXT), 'waiting', CAST($9 AS BIGINT), CAST($10 AS BIGINT) \
             WHERE (SELECT COUNT(*) FROM exception_request WHERE account = $1 AND user_id = $3 AND created_at > $11) < $12",
            args![
                account.as_str(),
                self.id.as_str(),
                self.user.as_str(),
                self.kind.as_str(),
                self.reason.as_str(),
                self.wanted.as_secs(),
                self.source.as_str(),
                self.phone.as_ref().map(PhoneId::as_str),
                self.created_at,
                self.expires_at,
                self.created_at - PER,
                MOST_REQUESTS
            ],
        )
    }

    /// Decides it. Holds once, while it waits and its time is not over.
    pub fn decide(&self, account: AccountId, decision: &ExceptionDecision<'_>, now: Timestamp) -> Step {
        Step::one(
            "UPDATE exception_request SET state = $1, decided_at = $2, decided_by = $3, note = $4, until = $5, code_id = $6, sealed_code = $7 \
             WHERE account = $8 AND request_id = $9 AND state = 'waiting' AND expires_at > $2",
            args![
                decision.state.as_str(),
                now,
                decision.by,
                decision.note,
                decision.until,
                decision.code.as_ref().map(BypassCodeId::as_str),
                decision.sealed_code,
                account.as_str(),
                self.id.as_str()
            ],
        )
    }

    /// Writes down that nobody decided it in time. Holds once.
    pub fn expire(&self, account: AccountId, now: Timestamp) -> Step {
        Step::one(
            "UPDATE exception_request SET state = 'expired', decided_at = $1 \
             WHERE account = $2 AND request_id = $3 AND state = 'waiting' AND expires_at <= $1",
            args![now, account.as_str(), self.id.as_str()],
        )
    }
}

/// Forgets the codes that were kept for devices and work no more.
pub fn forget_sealed_codes(account: AccountId, now: Timestamp) -> Step {
    Step::any(
        "UPDATE exception_request SET sealed_code = NULL WHERE account = $1 AND sealed_code IS NOT NULL AND until <= $2",
        args![account.as_str(), now],
    )
}

macro_rules! select_exceptions {
    ($rest:literal) => {
        concat!(
            "SELECT account, request_id, user_id, kind, reason, wanted_secs, source, phone_id, state, created_at, expires_at, decided_at, ",
            "decided_by, note, until, code_id, sealed_code FROM exception_request ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<ExceptionRecord, StoreError> {
    const TABLE: &str = "exception_request";
    let phone = row.opt_str(7)?.map(|id| id.parse().map_err(|_| corrupt(TABLE, row))).transpose()?;
    let code = row.opt_str(15)?.map(|id| id.parse().map_err(|_| corrupt(TABLE, row))).transpose()?;
    Ok(ExceptionRecord {
        id: parsed(TABLE, row, 1)?,
        user: parsed(TABLE, row, 2)?,
        kind: ExceptionKind::parse(row.str(3)?).ok_or_else(|| corrupt(TABLE, row))?,
        reason: row.text(4)?,
        wanted: SignedDuration::from_secs(row.int(5)?),
        source: row.text(6)?,
        phone,
        state: ExceptionState::parse(row.str(8)?).ok_or_else(|| corrupt(TABLE, row))?,
        created_at: row.time(9)?,
        expires_at: row.time(10)?,
        decided_at: row.opt_time(11)?,
        decided_by: row.opt_text(12)?,
        note: row.opt_text(13)?,
        until: row.opt_time(14)?,
        code,
        sealed_code: row.opt_blob(16)?.map(<[u8]>::to_vec),
    })
}

impl Reader {
    /// One request.
    pub async fn exception(&self, account: AccountId, id: ExceptionId) -> Result<Option<ExceptionRecord>, StoreError> {
        let sql = select_exceptions!("WHERE account = $1 AND request_id = $2");
        self.query_opt(sql, args![account.as_str(), id.as_str()]).await?.as_ref().map(read).transpose()
    }

    /// The newest requests, at most `limit`: of everyone or of one user.
    pub async fn exceptions(
        &self,
        account: AccountId,
        user: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<ExceptionRecord>, StoreError> {
        let rows = match user {
            Some(user) => {
                let sql = select_exceptions!(
                    "WHERE account = $1 AND user_id = $2 ORDER BY created_at DESC, request_id LIMIT $3"
                );
                self.query(sql, args![account.as_str(), user.as_str(), limit]).await?
            }
            None => {
                let sql = select_exceptions!("WHERE account = $1 ORDER BY created_at DESC, request_id LIMIT $2");
                self.query(sql, args![account.as_str(), limit]).await?
            }
        };
        rows.iter().map(read).collect()
    }

    /// The requests that wait, oldest first; those whose time is over are among them until that is written down.
    pub async fn waiting_exceptions(&self, account: AccountId) -> Result<Vec<ExceptionRecord>, StoreError> {
        let sql =
            select_exceptions!("WHERE account = $1 AND state = 'waiting' ORDER BY created_at, request_id LIMIT 1000");
        self.query(sql, args![account.as_str()]).await?.iter().map(read).collect()
    }
}
