//! Moves the write-ahead log into the database file, away from the writer: inside the writer it would make single commits slow.

use std::sync::mpsc::{Receiver, RecvTimeoutError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

const INTERVAL: Duration = Duration::from_millis(200);
/// Pages in a log that is then begun again from its start, in the same file: 64 MiB. Under steady load the log never runs empty by itself.
const LARGE: i64 = 16 * 1024;

/// Runs until the writer is gone; `written` tells that there is something to move.
pub(super) fn run(connection: &Connection, written: &Receiver<()>) {
    'open: while written.recv().is_ok() {
        let due = Instant::now() + INTERVAL;
        loop {
            match written.recv_timeout(due.saturating_duration_since(Instant::now())) {
                Ok(()) => {}
                Err(RecvTimeoutError::Timeout) => break,
                Err(RecvTimeoutError::Disconnected) => break 'open,
            }
        }
        // Nearly all of it is moved while the writer goes on; only what came meanwhile makes it wait.
        if checkpoint(connection, "PASSIVE") > LARGE {
            checkpoint(connection, "RESTART");
        }
    }
    checkpoint(connection, "TRUNCATE");
}

/// Moves what can be moved; how many pages the log holds, moved or not.
fn checkpoint(connection: &Connection, mode: &'static str) -> i64 {
    let result = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(1));
    result.unwrap_or_else(|error| {
        // Nothing is lost: the log only stays longer.
        tracing::warn!(%error, mode, "the write-ahead log could not be moved into the database");
        0
    })
}
