//! Moves the write-ahead log into the database file, away from the writer: inside the writer it would make single commits slow.

use std::path::Path;
use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

const INTERVAL: Duration = Duration::from_millis(200);
/// A log of this size is cut back to nothing.
const LARGE: u64 = 64 * 1024 * 1024;

/// Runs until the writer is gone; `written` tells that there is something to move.
pub(super) fn run(connection: &Connection, wal: &Path, written: &Receiver<()>) {
    while written.recv().is_ok() {
        let due = Instant::now() + INTERVAL;
        loop {
            match written.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => return checkpoint(connection, "TRUNCATE"),
            }
        }
        let large = std::fs::metadata(wal).is_ok_and(|file| file.len() > LARGE);
        checkpoint(connection, if large { "TRUNCATE" } else { "PASSIVE" });
    }
    checkpoint(connection, "TRUNCATE");
}

fn checkpoint(connection: &Connection, mode: &'static str) {
    let result = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |_| Ok(()));
    if let Err(error) = result {
        // Nothing is lost: the log only stays longer.
        tracing::warn!(%error, mode, "the write-ahead log could not be moved into the database");
    }
}
