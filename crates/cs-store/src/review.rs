//! Events of the review queue.

use std::str::FromStr;

use cs_core::id::{AccountId, IntegrationKey, ReviewEventId, TxId, UserId};
use cs_core::policy::Word as _;
use cs_core::policy::risk::{ReviewKind, ReviewState};
use cs_core::policy::sections::Signal;
use jiff::Timestamp;

use crate::args;
use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};

const TABLE: &str = "review_event";

/// An event.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReviewEvent {
    /// Its id.
    pub id: ReviewEventId,
    /// What it is about.
    pub kind: ReviewKind,
    /// The signal that fired; without one, an administrator did something.
    pub signal: Option<Signal>,
    /// Whether the policy makes the signal count.
    pub is_priority: bool,
    /// Whose login, or who was put into bypass, if that was one user.
    pub user: Option<UserId>,
    /// Where the login was.
    pub integration: Option<IntegrationKey>,
    /// Its entry in the log.
    pub txid: Option<TxId>,
    /// Who did it, if it is no login.
    pub made_by: Option<String>,
    /// Why, for people.
    pub summary: String,
    /// When it happened.
    pub surfaced_at: Timestamp,
    /// How far it has come.
    pub state: ReviewState,
    /// Since when.
    pub state_at: Timestamp,
    /// Who brought it there.
    pub state_by: Option<String>,
}

/// Which part of the queue.
#[derive(Debug, Clone)]
pub struct ReviewPage {
    /// Not before.
    pub from: Timestamp,
    /// Not after.
    pub to: Timestamp,
    /// Only of this kind.
    pub kind: Option<ReviewKind>,
    /// Only in this state.
    pub state: Option<ReviewState>,
    /// The place of the last event of the page before.
    pub after: Option<(Timestamp, ReviewEventId)>,
    /// At most this many.
    pub limit: u32,
}

impl ReviewEvent {
    /// Adds it, unless the same signal of the same user was added within the hour.
    pub fn insert(&self, account: AccountId) -> Step {
        let hour = self.surfaced_at.as_second().div_euclid(3600);
        let once = match (self.user, self.signal) {
            (Some(user), Some(signal)) => format!("{user}/{}/{hour}", signal.as_str()),
            (None, _) | (_, None) => self.id.to_string(),
        };
        Step::any(
            "INSERT INTO review_event (account, event_id, kind, signal, is_priority, user_id, ikey, txid, summary, once, surfaced_at, \
             state, state_at, state_by, made_by) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15) \
             ON CONFLICT (account, once) DO NOTHING",
            args![
                account.as_str(),
                self.id.as_str(),
                self.kind.as_str(),
                self.signal.map(Signal::as_str),
                i64::from(self.is_priority),
                self.user.as_ref().map(UserId::as_str),
                self.integration.as_ref().map(IntegrationKey::as_str),
                self.txid.map(|txid| txid.to_string()),
                self.summary.as_str(),
                once,
                self.surfaced_at,
                self.state.as_str(),
                self.state_at,
                self.state_by.as_deref(),
                self.made_by.as_deref()
            ],
        )
    }

    /// Brings it to `state`. Holds while it is as it was read.
    pub fn change(&self, account: AccountId, state: ReviewState, by: &str, now: Timestamp) -> Step {
        Step::one(
            "UPDATE review_event SET state = $1, state_at = $2, state_by = $3 WHERE account = $4 AND event_id = $5 AND state = $6",
            args![state.as_str(), now, by, account.as_str(), self.id.as_str(), self.state.as_str()],
        )
    }
}

/// Removes the events that surfaced before.
pub fn forget_reviews(account: AccountId, before: Timestamp) -> Step {
    Step::any("DELETE FROM review_event WHERE account = $1 AND surfaced_at < $2", args![account.as_str(), before])
}

macro_rules! select_events {
    ($rest:literal) => {
        concat!(
            "SELECT account, event_id, kind, signal, is_priority, user_id, ikey, txid, summary, surfaced_at, state, state_at, state_by, ",
            "made_by FROM review_event WHERE account = $1 AND ",
            $rest
        )
    };
}

fn read(row: &Row) -> Result<ReviewEvent, StoreError> {
    let wrong = || corrupt(TABLE, row);
    Ok(ReviewEvent {
        id: parsed(TABLE, row, 1)?,
        kind: ReviewKind::parse(row.str(2)?).ok_or_else(wrong)?,
        signal: match row.opt_str(3)? {
            None => None,
            Some(word) => Some(Signal::parse(word).ok_or_else(wrong)?),
        },
        is_priority: row.int(4)? != 0,
        user: opt_parsed(row, 5)?,
        integration: opt_parsed(row, 6)?,
        txid: opt_parsed(row, 7)?,
        made_by: row.opt_text(13)?,
        summary: row.text(8)?,
        surfaced_at: row.time(9)?,
        state: ReviewState::parse(row.str(10)?).ok_or_else(wrong)?,
        state_at: row.time(11)?,
        state_by: row.opt_text(12)?,
    })
}

fn opt_parsed<T: FromStr>(row: &Row, column: usize) -> Result<Option<T>, StoreError> {
    row.opt_str(column)?.map(|text| text.parse().map_err(|_| corrupt(TABLE, row))).transpose()
}

impl Reader {
    /// One event.
    pub async fn review_event(&self, account: AccountId, id: ReviewEventId) -> Result<Option<ReviewEvent>, StoreError> {
        let sql = select_events!("event_id = $2");
        self.query_opt(sql, args![account.as_str(), id.as_str()]).await?.as_ref().map(read).transpose()
    }

    /// A page of the queue, oldest first.
    pub async fn review_events(&self, account: AccountId, page: &ReviewPage) -> Result<Vec<ReviewEvent>, StoreError> {
        let sql = select_events!(
            "surfaced_at >= $2 AND surfaced_at <= $3 AND ($4 = '' OR kind = $4) AND ($5 = '' OR state = $5) \
             AND (surfaced_at > $6 OR (surfaced_at = $6 AND event_id > $7)) ORDER BY surfaced_at, event_id LIMIT $8"
        );
        let kind = page.kind.map_or("", ReviewKind::as_str);
        let state = page.state.map_or("", ReviewState::as_str);
        // The empty id stands before all others.
        let (at, id) = match &page.after {
            Some((at, id)) => (*at, id.as_str()),
            None => (page.from, ""),
        };
        let rows =
            self.query(sql, args![account.as_str(), page.from, page.to, kind, state, at, id, page.limit]).await?;
        rows.iter().map(read).collect()
    }
}
