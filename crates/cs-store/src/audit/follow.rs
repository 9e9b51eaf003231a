//! Follows the log as it grows.
//!
//! An entry's time is when it was decided, not when it was committed: whoever asks for entries later than the last one seen misses those that were
//! overtaken. Places in a chain are dense and committed in order, so the position in every chain is remembered instead.

use std::collections::BTreeMap;

use super::LogRecord;
use super::read::{OF_CHAIN, record};
use crate::args;
use crate::db::{Reader, StoreError};

/// Every chain with its last place: one look into an index for each.
const HEADS: &str =
    "SELECT chain, (SELECT max(seq) FROM log WHERE log.chain = log_chain.chain) FROM log_chain ORDER BY chain";

/// How far the log has been read.
#[derive(Debug, Clone)]
pub struct Follower {
    reader: Reader,
    seen: BTreeMap<String, i64>,
}

impl Follower {
    /// Begins after everything that is committed now.
    pub async fn from_now(reader: Reader) -> Result<Self, StoreError> {
        let seen = heads(&reader).await?;
        Ok(Self { reader, seen })
    }

    /// What was committed since, of all accounts and logs, each entry exactly once: in the order of each chain, and by time among chains.
    ///
    /// After an error nothing of this call counts as read.
    pub async fn next(&mut self) -> Result<Vec<LogRecord>, StoreError> {
        let heads = heads(&self.reader).await?;
        let mut entries = Vec::new();
        for (chain, head) in &heads {
            let mut seen = self.seen.get(chain).copied().unwrap_or(0);
            while seen < *head {
                let rows = self.reader.query(OF_CHAIN, args![chain.as_str(), seen, *head]).await?;
                // Pruned meanwhile.
                let Some(last) = rows.last() else { break };
                seen = last.int(0)?;
                for row in &rows {
                    entries.push(record(row)?);
                }
            }
        }
        self.seen = heads;
        // Stable: what one chain says at one moment stays in its order.
        entries.sort_by_key(|entry| entry.at);
        Ok(entries)
    }
}

async fn heads(reader: &Reader) -> Result<BTreeMap<String, i64>, StoreError> {
    let rows = reader.query(HEADS, args![]).await?;
    rows.iter().map(|row| Ok((row.text(0)?, row.opt_int(1)?.unwrap_or(0)))).collect()
}
