//! Reads entries of the log for people and reports: pages through time, a user's, the one with a reference, counts.
//!
//! Pages are cut at a place (time and id), not at a number: an entry that arrives meanwhile shifts nothing. Whoever must not miss an entry that was
//! committed later than its time says uses [`super::Follower`].

use cs_core::id::AccountId;
use jiff::{SignedDuration, Timestamp};

use super::scan::Stored;
use super::{LogKind, LogRecord};
use crate::args;
use crate::db::{Reader, Row, Store, StoreError, Value};

const MILLISECOND: SignedDuration = SignedDuration::from_millis(1);

/// The most entries that are counted for a list's total; a longer list says this many.
pub const MOST_COUNTED: i64 = 20_000;

/// The columns of [`Stored::content`].
macro_rules! select_log {
    ($rest:expr) => {
        concat!(
            "SELECT seq, account, kind, at, id, user_id, integration, result, reason, factor, body, personal, personal_digest, evidence, ",
            "evidence_digest FROM log WHERE ",
            $rest
        )
    };
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

impl LogPage {
    /// The newest `limit` entries from `from` until an hour after `now`: another node's clock may be ahead.
    pub fn newest(limit: u32, from: Timestamp, now: Timestamp) -> Self {
        let to = now.saturating_add(SignedDuration::from_hours(1)).unwrap_or(now);
        Self { from, to, order: LogOrder::Descending, after: None, limit }
    }
}

macro_rules! matching {
    () => {
        "account = $1 AND kind = $2 AND at >= $3 AND at <= $4 \
         AND ($5 = '' OR $5 LIKE '%,' || user_id || ',%') AND ($6 = '' OR $6 LIKE '%,' || integration || ',%') \
         AND ($7 = '' OR $7 LIKE '%,' || result || ',%') AND ($8 = '' OR $8 LIKE '%,' || reason || ',%') \
         AND ($9 = '' OR $9 LIKE '%,' || factor || ',%')"
    };
}

/// The same of one user. The index is by the last letter of users' ids and then by time, so that logins of many users change few of its pages;
/// the user is in it too.
macro_rules! matching_user {
    () => {
        "account = $1 AND kind = $2 AND at >= $3 AND at <= $4 AND substr(user_id, 20) = substr(CAST($5 AS TEXT), 20) AND user_id = $5 \
         AND ($6 = '' OR $6 LIKE '%,' || integration || ',%') \
         AND ($7 = '' OR $7 LIKE '%,' || result || ',%') AND ($8 = '' OR $8 LIKE '%,' || reason || ',%') \
         AND ($9 = '' OR $9 LIKE '%,' || factor || ',%')"
    };
}

macro_rules! forwards {
    () => {
        " AND (at > $10 OR (at = $10 AND id > $11)) ORDER BY at, id LIMIT $12"
    };
}

macro_rules! backwards {
    () => {
        " AND (at < $10 OR (at = $10 AND id < $11)) ORDER BY at DESC, id DESC LIMIT $12"
    };
}

const ASCENDING: &str = select_log!(concat!(matching!(), forwards!()));
const DESCENDING: &str = select_log!(concat!(matching!(), backwards!()));
const ASCENDING_OF_USER: &str = select_log!(concat!(matching_user!(), forwards!()));
const DESCENDING_OF_USER: &str = select_log!(concat!(matching_user!(), backwards!()));
/// The log of one user, both ways.
#[cfg(test)]
pub(crate) const OF_USER: [&str; 2] = [ASCENDING_OF_USER, DESCENDING_OF_USER];
/// Of one chain, in its order.
pub(super) const OF_CHAIN: &str = select_log!("chain = $1 AND seq > $2 AND seq <= $3 ORDER BY seq LIMIT 1000");
const BY_REFERENCE: &str = select_log!("account = $1 AND id >= $2 AND id < $3 ORDER BY at, seq LIMIT 20");
const BY_ID: &str = select_log!("account = $1 AND id = $2 ORDER BY at, seq LIMIT 20");
const COUNT: &str = concat!("SELECT count(*) FROM (SELECT 1 FROM log WHERE ", matching!(), " LIMIT $10) counted");
const COUNT_OF_USER: &str =
    concat!("SELECT count(*) FROM (SELECT 1 FROM log WHERE ", matching_user!(), " LIMIT $10) counted");
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
    ) -> Result<Vec<LogRecord>, StoreError> {
        let (mut args, of_user) = filtered(account, kind, filter, page.from, page.to);
        // The empty id stands before all others, whatever the database's collation.
        let start = match page.order {
            LogOrder::Ascending => (page.from, String::new()),
            LogOrder::Descending => (page.to.saturating_add(MILLISECOND).unwrap_or(page.to), String::new()),
        };
        let sql = match (page.order, of_user) {
            (LogOrder::Ascending, false) => ASCENDING,
            (LogOrder::Ascending, true) => ASCENDING_OF_USER,
            (LogOrder::Descending, false) => DESCENDING,
            (LogOrder::Descending, true) => DESCENDING_OF_USER,
        };
        let (at, id) = page.after.clone().unwrap_or(start);
        args.extend(args![at, id, page.limit]);
        self.query(sql, args).await?.iter().map(record).collect()
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
        let (mut args, of_user) = filtered(account, kind, filter, from, to);
        args.extend(args![MOST_COUNTED]);
        let sql = if of_user { COUNT_OF_USER } else { COUNT };
        Ok(self.query_opt(sql, args).await?.map_or(Ok(0), |row| row.int(0))?)
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
        self.query(BY_REFERENCE, args![account.as_str(), reference, end]).await?.iter().map(record).collect()
    }
}

impl Store {
    /// Entries with this very id, oldest first, at most twenty: a login under way looks for its own, and waits for no report.
    pub async fn log_by_id(&self, account: AccountId, id: &str) -> Result<Vec<LogRecord>, StoreError> {
        self.query(BY_ID, args![account.as_str(), id]).await?.iter().map(record).collect()
    }
}

/// The arguments of the conditions, and whether they are those of one user.
fn filtered(
    account: AccountId,
    kind: LogKind,
    filter: &LogFilter,
    from: Timestamp,
    to: Timestamp,
) -> (Vec<Value>, bool) {
    let (users, of_user) = match filter.users.as_slice() {
        [user] => (user.clone(), true),
        users => (list(users), false),
    };
    let args = args![
        account.as_str(),
        kind.as_str(),
        from,
        to,
        users,
        list(&filter.integrations),
        list(&filter.results),
        list(&filter.reasons),
        list(&filter.factors)
    ];
    (args, of_user)
}

/// A list in one argument, so that one statement serves lists of every length: `,a,b,`; empty = everything.
fn list(items: &[String]) -> String {
    if items.is_empty() { String::new() } else { format!(",{},", items.join(",")) }
}

pub(super) fn record(row: &Row) -> Result<LogRecord, StoreError> {
    Stored::content(row).map(|(record, _, _)| record)
}
