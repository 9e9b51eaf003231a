//! Reading the log for lists and reports, newest or oldest first, page by page.
//!
//! Pages are cut at a place (time and id), not at a number: an entry that arrives meanwhile shifts nothing.

use cs_core::id::AccountId;
use jiff::{SignedDuration, Timestamp};

use crate::args;
use crate::audit::LogKind;
use crate::db::{Reader, Row, StoreError, Value};

const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// The most entries that are counted for a list's total; a longer list says this many.
pub const MOST_COUNTED: i64 = 100_000;

/// One entry, as it was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogEntry {
    /// When it happened.
    pub at: Timestamp,
    /// Its id.
    pub id: String,
    /// The log: `auth`, `admin`, `telephony`, `activity`.
    pub kind: String,
    /// The user concerned.
    pub user_id: Option<String>,
    /// The integration concerned.
    pub integration: Option<String>,
    /// What came of it, or the action.
    pub result: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The factor used.
    pub factor: Option<String>,
    /// Further fields, as JSON text.
    pub body: String,
    /// Personal fields as JSON text, unless they were erased.
    pub personal: Option<String>,
}

/// Which entries.
#[derive(Debug, Clone, Default)]
pub struct LogFilter {
    /// Only of these users.
    pub users: Vec<String>,
    /// Only of these integrations.
    pub integrations: Vec<String>,
    /// Only with these results.
    pub results: Vec<String>,
    /// Only with these reasons.
    pub reasons: Vec<String>,
    /// Only with these factors.
    pub factors: Vec<String>,
}

/// Which way through time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogOrder {
    /// Oldest first.
    Ascending,
    /// Newest first.
    Descending,
}

/// Which part of a log.
#[derive(Debug, Clone)]
pub struct LogPage {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub to: Timestamp,
    /// Which way.
    pub order: LogOrder,
    /// The place of the last entry of the page before: its time and id.
    pub after: Option<(Timestamp, String)>,
    /// At most this many.
    pub limit: u32,
}

macro_rules! matching {
    () => {
        "account = $1 AND kind = $2 AND at >= $3 AND at <= $4 \
         AND ($5 = '' OR $5 LIKE '%,' || user_id || ',%') AND ($6 = '' OR $6 LIKE '%,' || integration || ',%') \
         AND ($7 = '' OR $7 LIKE '%,' || result || ',%') AND ($8 = '' OR $8 LIKE '%,' || reason || ',%') \
         AND ($9 = '' OR $9 LIKE '%,' || factor || ',%')"
    };
}

macro_rules! page {
    ($($rest:literal),+) => {
        concat!(
            "SELECT at, id, kind, user_id, integration, result, reason, factor, body, personal FROM log WHERE ",
            matching!(),
            $($rest),+
        )
    };
}

const ASCENDING: &str = page!(" AND (at > $10 OR (at = $10 AND id > $11))", " ORDER BY at, id LIMIT $12");
const DESCENDING: &str = page!(" AND (at < $10 OR (at = $10 AND id < $11))", " ORDER BY at DESC, id DESC LIMIT $12");
const COUNT: &str = concat!("SELECT count(*) FROM (SELECT 1 FROM log WHERE ", matching!(), " LIMIT $10) counted");
const OUTCOMES: &str = "SELECT result, count(*), count(DISTINCT user_id) FROM log \
    WHERE account = $1 AND kind = 'auth' AND at >= $2 AND at < $3 GROUP BY result";

/// How many logins came to a result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    /// The result, such as `success`.
    pub result: String,
    /// How many logins.
    pub attempts: i64,
    /// Of how many users.
    pub users: i64,
}

impl Reader {
    /// A page of the log `kind`.
    pub async fn log_page(
        &self,
        account: AccountId,
        kind: LogKind,
        filter: &LogFilter,
        page: &LogPage,
    ) -> Result<Vec<LogEntry>, StoreError> {
        let mut args = filtered(account, kind, filter, page.from, page.to);
        let (sql, start) = match page.order {
            // The empty id stands before all others, whatever the database's collation.
            LogOrder::Ascending => (ASCENDING, (page.from, String::new())),
            LogOrder::Descending => {
                (DESCENDING, (page.to.saturating_add(MILLISECOND).unwrap_or(page.to), String::new()))
            }
        };
        let (at, id) = page.after.clone().unwrap_or(start);
        args.extend(args![at, id, page.limit]);
        self.query(sql, args).await?.iter().map(read).collect()
    }

    /// How many entries of `kind` there are from `from` to `to`, at most [`MOST_COUNTED`].
    pub async fn log_count(
        &self,
        account: AccountId,
        kind: LogKind,
        filter: &LogFilter,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<i64, StoreError> {
        let mut args = filtered(account, kind, filter, from, to);
        args.extend(args![MOST_COUNTED]);
        Ok(self.query_opt(COUNT, args).await?.map_or(Ok(0), |row| row.int(0))?)
    }

    /// What logins from `from` until before `to` came to.
    pub async fn outcomes(
        &self,
        account: AccountId,
        from: Timestamp,
        to: Timestamp,
    ) -> Result<Vec<Outcome>, StoreError> {
        let rows = self.query(OUTCOMES, args![account.as_str(), from, to]).await?;
        let outcome = |row: &Row| {
            let result = row.opt_str(0)?.unwrap_or_default().to_owned();
            Ok(Outcome { result, attempts: row.int(1)?, users: row.int(2)? })
        };
        rows.iter().map(outcome).collect()
    }

    /// How many users, users about to be removed, administrators and integrations an account has.
    pub async fn object_counts(&self, account: AccountId) -> Result<ObjectCounts, StoreError> {
        let row = self
            .query_opt(
                "SELECT (SELECT count(*) FROM users WHERE account = $1 AND deleted_at IS NULL), \
                 (SELECT count(*) FROM users WHERE account = $1 AND deleted_at IS NOT NULL), \
                 (SELECT count(*) FROM administrator WHERE account = $1), \
                 (SELECT count(*) FROM integration WHERE account = $1)",
                args![account.as_str()],
            )
            .await?;
        let Some(row) = row else { return Ok(ObjectCounts::default()) };
        Ok(ObjectCounts {
            users: row.int(0)?,
            users_in_trash: row.int(1)?,
            administrators: row.int(2)?,
            integrations: row.int(3)?,
        })
    }
}

/// How many objects an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Users outside the trash.
    pub users: i64,
    /// Users in the trash.
    pub users_in_trash: i64,
    /// Administrators.
    pub administrators: i64,
    /// Integrations.
    pub integrations: i64,
}

fn filtered(account: AccountId, kind: LogKind, filter: &LogFilter, from: Timestamp, to: Timestamp) -> Vec<Value> {
    args![
        account.as_str(),
        kind.as_str(),
        from,
        to,
        list(&filter.users),
        list(&filter.integrations),
        list(&filter.results),
        list(&filter.reasons),
        list(&filter.factors)
    ]
}

/// A list in one argument, so that one statement serves lists of every length: `,a,b,`; empty = everything.
fn list(items: &[String]) -> String {
    if items.is_empty() { String::new() } else { format!(",{},", items.join(",")) }
}

fn read(row: &Row) -> Result<LogEntry, StoreError> {
    Ok(LogEntry {
        at: row.time(0)?,
        id: row.text(1)?,
        kind: row.text(2)?,
        user_id: row.opt_text(3)?,
        integration: row.opt_text(4)?,
        result: row.opt_text(5)?,
        reason: row.opt_text(6)?,
        factor: row.opt_text(7)?,
        body: row.text(8)?,
        personal: row.opt_text(9)?,
    })
}
