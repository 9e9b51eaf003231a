//! Changes of data that are too large for a migration: done in chunks while serving, after a start and by whichever node comes first.
//!
//! A migration only adds; what it adds is filled in here, and a later release may rely on it once [`is_done`]. How far one has come lies in `meta` and
//! moves in the commit of its chunk, so a chunk is done exactly once, through restarts and however many nodes work on it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::args;
use crate::db::{CommitError, Job, Step, Store, StoreError};

const BEGIN: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
const PLACE: &str = "SELECT value FROM meta WHERE name = $1";
const MOVE_ON: &str = "UPDATE meta SET value = $3 WHERE name = $1 AND value = $2";

const DONE: &str = "done";
/// Before a place; the first is empty.
const AT: &str = "at:";
/// Rows of the first chunk, and the fewest and most of later ones.
const FIRST: i64 = 500;
const FEWEST: i64 = 50;
const MOST: i64 = 10_000;
/// A chunk that takes longer is too large: logins wait behind it.
const TOO_LONG: Duration = Duration::from_millis(40);

/// A change of every row of a table, in the order of a text key.
#[derive(Debug, Clone, Copy)]
pub struct Backfill {
    /// Its name, for ever.
    pub name: &'static str,
    /// The key of the last row of the next chunk, or null: `$1` the key before, `$2` how many rows.
    pub next: &'static str,
    /// Changes the rows after key `$1` up to key `$2`.
    pub apply: &'static str,
}

/// The changes of this version, oldest first. One stays until no supported version can come with it undone.
pub const BACKFILLS: &[Backfill] = &[];

/// What a run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Filled {
    /// Chunks committed by this run.
    pub chunks: u64,
    /// Chunks that another node did first.
    pub met: u64,
}

/// Whether `backfill` has come to its end.
pub async fn is_done(store: &Store, backfill: &Backfill) -> Result<bool, StoreError> {
    let row = store.query_opt(PLACE, args![name(backfill)]).await?;
    Ok(row.map(|row| row.text(0)).transpose()?.as_deref() == Some(DONE))
}

/// Carries `backfill` on from where it stands to its end, with pauses that leave the database to logins.
pub async fn run(store: &Store, backfill: &Backfill) -> Result<Filled, StoreError> {
    let name = name(backfill);
    let mut filled = Filled::default();
    let mut rows = FIRST;
    let unavailable = |error: CommitError| StoreError::Unavailable(Arc::new(error));
    store.commit(Job::new().step(Step::any(BEGIN, args![name.as_str(), AT]))).await.map_err(unavailable)?;
    loop {
        let place = store.query_opt(PLACE, args![name.as_str()]).await?.map(|row| row.text(0)).transpose()?;
        let Some(place) = place else { return Err(StoreError::corrupt("meta", name)) };
        let Some(after) = place.strip_prefix(AT) else { return Ok(filled) };
        let last = store.query_opt(backfill.next, args![after, rows]).await?;
        let last = last.map(|row| row.opt_text(0)).transpose()?.flatten();
        let moved = last.as_ref().map_or_else(|| DONE.to_owned(), |last| format!("{AT}{last}"));
        let mut job = Job::new().step(Step::one(MOVE_ON, args![name.as_str(), place.as_str(), moved]));
        if let Some(last) = &last {
            job = job.step(Step::any(backfill.apply, args![after, last.as_str()]));
        }
        let started = Instant::now();
        match store.commit_in_turn(job.alone()).await {
            Ok(_) => filled.chunks += 1,
            Err(CommitError::Conflict { .. }) => filled.met += 1,
            Err(error) => return Err(unavailable(error)),
        }
        let took = started.elapsed();
        rows = if took > TOO_LONG { (rows / 2).max(FEWEST) } else { (rows + rows / 4).min(MOST) };
        crate::background::rest(took).await;
    }
}

fn name(backfill: &Backfill) -> String {
    format!("backfill:{}", backfill.name)
}
