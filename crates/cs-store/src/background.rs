//! Work that is not urgent gives way to logins.

use std::time::Duration;

use crate::db::{CommitError, Job, Receipt, Store};

/// A pause is so many times as long as the work before it.
const SHARE: u32 = 3;
/// The longest pause.
const LONGEST: Duration = Duration::from_secs(1);

/// Pauses after a piece of background work that took `took`: at most a quarter of the time goes to such work. A commit that has to wait behind
/// logins takes longer, so the busier the database, the longer the pause.
pub async fn rest(took: Duration) {
    tokio::time::sleep((took * SHARE).min(LONGEST)).await;
}

impl Store {
    /// Commits a chunk of background work and rests. While there are more logins than the database can take it waits for its turn, and is never starved.
    pub async fn commit_in_background(&self, job: Job) -> Result<Receipt, CommitError> {
        let started = std::time::Instant::now();
        let outcome = self.commit_in_turn(job).await;
        rest(started.elapsed()).await;
        outcome
    }
}
