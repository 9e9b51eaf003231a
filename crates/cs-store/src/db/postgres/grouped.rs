//! One row by its key, for many callers at once: what is asked while a statement is under way goes together into the next one.
//!
//! A login asks for the version of its user. That is one small row, and a round trip for each costs the database and us more than the row.

use std::sync::Arc;

use tokio::sync::{mpsc, oneshot};

use super::Reads;
use crate::db::store::Query;
use crate::db::{Row, StoreError, Value};

/// Keys in one statement.
pub(in crate::db) const KEYS: usize = 16;
/// Callers that may wait; further ones wait for their turn to ask.
const WAITING: usize = 1024;

struct Ask {
    account: String,
    key: String,
    reply: oneshot::Sender<Result<Option<Row>, StoreError>>,
}

/// Asks with one statement.
pub(in crate::db) struct Grouped {
    asks: mpsc::Sender<Ask>,
}

impl Grouped {
    /// `sql` takes an account and [`KEYS`] keys, and gives at most one row for each, which begins with the key.
    pub(super) fn start(reads: Arc<Reads>, sql: &'static str) -> Self {
        let (asks, mut waiting) = mpsc::channel(WAITING);
        tokio::spawn(async move {
            let mut group = Vec::with_capacity(KEYS);
            while waiting.recv_many(&mut group, KEYS).await > 0 {
                answer(&reads, sql, &mut group).await;
            }
        });
        Self { asks }
    }

    /// The row of `key` in `account`, as it is after this was called.
    pub(in crate::db) async fn ask(&self, account: &str, key: &str) -> Result<Option<Row>, StoreError> {
        let (reply, answer) = oneshot::channel();
        let ask = Ask { account: account.to_owned(), key: key.to_owned(), reply };
        self.asks.send(ask).await.map_err(|_| StoreError::Closed)?;
        answer.await.unwrap_or(Err(StoreError::Closed))
    }
}

/// Answers all of `group`: one statement for each account in it.
async fn answer(reads: &Reads, sql: &'static str, group: &mut Vec<Ask>) {
    while let Some(last) = group.last() {
        let account = last.account.clone();
        let (same, others): (Vec<_>, Vec<_>) = group.drain(..).partition(|ask| ask.account == account);
        *group = others;
        let mut args = Vec::with_capacity(KEYS + 1);
        args.push(Value::Text(account));
        args.extend(same.iter().map(|ask| Value::Text(ask.key.clone())));
        // Every statement has as many places; a key asked for twice gives one row.
        let filler = args[1].clone();
        args.resize(KEYS + 1, filler);
        let rows = reads.query(&Query::new(sql, args)).await;
        for ask in same {
            let found = match &rows {
                Ok(rows) => Ok(rows.iter().find(|row| row.str(0).is_ok_and(|key| key == ask.key)).cloned()),
                Err(error) => Err(error.clone()),
            };
            // A caller that went away does not want the answer.
            drop(ask.reply.send(found));
        }
    }
}
