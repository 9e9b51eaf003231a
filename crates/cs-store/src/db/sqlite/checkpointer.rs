//! Moves the write-ahead log into the database file, away from the writer: inside the writer it would make single commits slow.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::Receiver;
use std::time::Duration;

use rusqlite::Connection;

const INTERVAL: Duration = Duration::from_millis(200);
/// Pages in a log that is then to be begun again from its start, in the same file: 64 MiB. Under steady load the log never runs empty by itself.
const LARGE: i64 = 16 * 1024;

/// Runs until the writer is gone; `written` tells that there is something to move.
///
/// `is_large` asks the writer to move the last few pages itself, between two batches: then the log begins again. Doing that from here (RESTART) means
/// to hold the writer's lock and wait for readers, while the writer sleeps up to 25 ms at a time for its turn.
pub(super) fn run(connection: &Connection, written: &Receiver<()>, is_large: &AtomicBool) {
    while written.recv().is_ok() {
        // Not by waiting for more news: every commit would wake this thread.
        std::thread::park_timeout(INTERVAL);
        if checkpoint(connection, "PASSIVE") > LARGE {
            // Again, at once: what came during the first is little, and leaves next to nothing for the writer.
            checkpoint(connection, "PASSIVE");
            is_large.store(true, Ordering::Release);
        }
    }
    checkpoint(connection, "TRUNCATE");
}

/// Moves what can be moved; how many pages the log holds, moved or not.
pub(super) fn checkpoint(connection: &Connection, mode: &'static str) -> i64 {
    let result = connection.query_row(&format!("PRAGMA wal_checkpoint({mode})"), [], |row| row.get(1));
    result.unwrap_or_else(|error| {
        // Nothing is lost: the log only stays longer.
        tracing::warn!(%error, mode, "the write-ahead log could not be moved into the database");
        0
    })
}
