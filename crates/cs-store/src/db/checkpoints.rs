//! Writes checkpoints: every second with activity, and a last one at shutdown.

use std::path::PathBuf;
use std::sync::{Arc, Weak};
use std::time::Duration;

use tokio::time::{Instant, MissedTickBehavior};

use super::exports::ExportState;
use super::store::{Inner, Store};
use super::{CommitError, StoreError};
use crate::args;
use crate::audit::{self, Checkpoints};
use crate::highwater::HighWater;

/// The node's checkpoints.
pub(super) struct Checkpointing {
    pub(super) series: Checkpoints,
    pub(super) high_water: Option<PathBuf>,
}

/// How a checkpoint is stored.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Via {
    /// Through the writer.
    Writer,
    /// Over a connection of its own, after the writers have ended.
    OwnConnection,
}

/// Writes checkpoints for as long as the store lives.
pub(super) async fn run(store: Weak<Inner>, interval: Duration) {
    let mut ticks = tokio::time::interval_at(Instant::now() + interval, interval);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let Some(inner) = store.upgrade() else { return };
        match Store(inner).write_checkpoint(Via::Writer).await {
            Ok(_) => {}
            Err(StoreError::Closed) => return,
            Err(error) => {
                tracing::error!(error = &error as &dyn std::error::Error, "no checkpoint of the audit log");
            }
        }
    }
}

impl Store {
    /// Writes a checkpoint now, if the log has grown since the last, and waits until it was exported or that failed. Gives its number.
    ///
    /// Happens by itself every second; for tests and before a backup.
    pub async fn checkpoint(&self) -> Result<Option<i64>, StoreError> {
        let number = self.write_checkpoint(Via::Writer).await;
        self.0.exports.flush().await;
        number
    }

    /// How the export of checkpoints to each place stands.
    pub fn exports(&self) -> Vec<ExportState> {
        self.0.exports.states()
    }

    pub(super) async fn write_checkpoint(&self, via: Via) -> Result<Option<i64>, StoreError> {
        let mut state = self.0.checkpoints.lock().await;
        let heads = self.0.signals.heads();
        if !state.series.is_due(&heads) {
            return Ok(None);
        }
        let node = state.series.node().to_owned();
        let rows = match via {
            Via::Writer => self.query(Checkpoints::LAST_OF_OTHERS, args![node.as_str()]).await?,
            Via::OwnConnection => Vec::new(),
        };
        let signer = self.0.vault.signer()?;
        let next = state.series.next(&heads, audit::others(&rows)?, &signer, super::now())?;
        let job = state.series.job(&next)?;
        let stored = match via {
            Via::Writer => self.commit(job).await.map(|_| ()),
            Via::OwnConnection => self.0.db.write_alone(&job).await,
        };
        match stored {
            Ok(()) => {}
            Err(CommitError::Conflict { .. }) => {
                // Another process with this node's name wrote it: follow on from that one.
                let last = self.query_opt(Checkpoints::LAST_OF_NODE, args![node.as_str()]).await?;
                if let Some(row) = last {
                    let (database, generation) = (self.0.database_id.as_str(), self.0.generation);
                    state.series = Checkpoints::new(database, generation, &node, row.int(0)?, row.bytes(1)?);
                }
                tracing::warn!(node, "another process uses this node's name");
                return Ok(None);
            }
            Err(CommitError::Closed) => return Err(StoreError::Closed),
            Err(error) => return Err(StoreError::Unavailable(Arc::new(error))),
        }
        state.series.stored(&next);
        let line = next.signed.line().map_err(|_| StoreError::corrupt("checkpoint", node.as_str()))?;
        self.0.exports.push(&line);
        if let Some(path) = &state.high_water {
            let (number, hash) = state.series.last();
            HighWater::new(&self.0.database_id, self.0.generation, &node, number, &hash).write(path)?;
        }
        Ok(Some(next.number))
    }
}
