//! Reads entries of the log for people: the newest, a user's, the one with a reference.

use cs_core::id::{AccountId, UserId};
use jiff::Timestamp;

use super::scan::Stored;
use super::{LogKind, LogRecord};
use crate::args;
use crate::db::{Reader, Row, StoreError};

/// Entries of a log, the columns of [`Stored::content`].
macro_rules! select_log {
    ($rest:literal) => {
        concat!(
            "SELECT seq, account, kind, at, id, user_id, integration, result, reason, factor, body, personal, personal_digest, evidence, ",
            "evidence_digest FROM log WHERE account = $1 AND ",
            $rest
        )
    };
}

/// Which entries.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LogQuery {
    /// Of which log.
    pub kind: LogKind,
    /// Only of this user.
    pub user: Option<UserId>,
    /// From then on.
    pub since: Timestamp,
    /// Until then.
    pub until: Timestamp,
    /// At most so many, the newest.
    pub limit: u32,
}

impl Reader {
    /// Entries of the log, newest first.
    pub async fn log_entries(&self, account: AccountId, query: &LogQuery) -> Result<Vec<LogRecord>, StoreError> {
        let LogQuery { kind, user, since, until, limit } = *query;
        let (account, kind) = (account.as_str(), kind.as_str());
        let rows = match user {
            None => {
                let sql = select_log!("kind = $2 AND at BETWEEN $3 AND $4 ORDER BY at DESC, seq DESC LIMIT $5");
                self.query(sql, args![account, kind, since, until, limit]).await?
            }
            Some(user) => {
                let sql = select_log!(
                    "user_id = $2 AND at BETWEEN $3 AND $4 AND kind = $5 ORDER BY at DESC, seq DESC LIMIT $6"
                );
                self.query(sql, args![account, user.as_str(), since, until, kind, limit]).await?
            }
        };
        rows.iter().map(record).collect()
    }

    /// Entries whose id begins with `reference`, as people are shown it: hexadecimal digits in any case. Oldest first, at most twenty.
    ///
    /// What is none finds nothing.
    pub async fn log_by_reference(&self, account: AccountId, reference: &str) -> Result<Vec<LogRecord>, StoreError> {
        let reference = reference.trim().to_ascii_lowercase();
        let is_one = (4..=36).contains(&reference.len())
            && reference.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
        if !is_one {
            return Ok(Vec::new());
        }
        // Ids are hexadecimal digits, so in every collation a `g` comes after all that begin so.
        let end = format!("{reference}g");
        let sql = select_log!("id >= $2 AND id < $3 ORDER BY at, seq LIMIT 20");
        self.query(sql, args![account.as_str(), reference, end]).await?.iter().map(record).collect()
    }
}

fn record(row: &Row) -> Result<LogRecord, StoreError> {
    Stored::content(row).map(|(record, _, _)| record)
}
