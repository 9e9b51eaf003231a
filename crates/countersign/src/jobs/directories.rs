//! Directories: runs that are due, and what commands and other nodes ask of the proxies that are connected here.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cs_core::id::{AccountId, DirectoryKey};
use cs_core::secret::PlainCode;
use cs_engine::Engine;
use cs_engine::directories::{DirectoryError, Outcome, Trigger};
use tokio::time::MissedTickBehavior;

use crate::net::Shutdown;

/// Between two looks for requests.
const LOOK: Duration = Duration::from_millis(500);
/// Looks between two for directories that are due.
const DUE_EVERY: u64 = 4;
/// Looks between two sweeps.
const SWEEP_EVERY: u64 = 120;
/// Requests under way at a time.
const AT_A_TIME: usize = 32;

/// What the work needs beside the engine.
#[derive(Clone)]
struct Work {
    engine: Engine,
    /// The API host as people's browsers reach it, for links in letters.
    api_authority: Arc<str>,
    running: Arc<Mutex<HashSet<(AccountId, DirectoryKey)>>>,
    room: Arc<tokio::sync::Semaphore>,
}

/// Looks after directories until the server closes.
pub async fn run(engine: Engine, api_authority: String, shutdown: Shutdown) {
    let work = Work {
        engine,
        api_authority: api_authority.into(),
        running: Arc::default(),
        room: Arc::new(tokio::sync::Semaphore::new(AT_A_TIME)),
    };
    let mut looks = tokio::time::interval(LOOK);
    looks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    for round in 0_u64.. {
        tokio::select! {
            () = shutdown.draining() => return,
            _ = looks.tick() => {}
        }
        let outcome = work.look(round).await;
        if let Err(error) = outcome {
            tracing::error!(error = &error as &dyn std::error::Error, "directories could not be looked after");
        }
    }
}

impl Work {
    async fn look(&self, round: u64) -> Result<(), cs_engine::EngineError> {
        if !self.engine.agents().counts().is_empty() && self.room.available_permits() > 0 {
            for taken in self.engine.take_directory_requests().await? {
                let work = self.clone();
                tokio::spawn(async move {
                    let Ok(_place) = work.room.acquire().await else { return };
                    let link_of = |code: &PlainCode| Some(work.link(code));
                    if let Err(error) = work.engine.fulfil(taken, Some(&link_of)).await {
                        tracing::error!(
                            error = &error as &dyn std::error::Error,
                            "a question to a directory was not answered"
                        );
                    }
                });
            }
        }
        if round.is_multiple_of(DUE_EVERY) {
            for place in self.engine.due_directories().await? {
                self.begin(place);
            }
        }
        if round.is_multiple_of(SWEEP_EVERY) {
            self.engine.sweep_directories().await?;
        }
        Ok(())
    }

    fn begin(&self, place: (AccountId, DirectoryKey)) {
        if !self.running.lock().unwrap_or_else(PoisonError::into_inner).insert(place) {
            return;
        }
        let work = self.clone();
        tokio::spawn(async move {
            let link_of = |code: &PlainCode| Some(work.link(code));
            let (account, id) = place;
            let run = work.engine.sync_directory(account, id, Trigger::Schedule, Some(&link_of), &|_| {});
            match run.await {
                Ok(outcome) => log(id, &outcome),
                // Another node was quicker, or the proxy has just gone.
                Err(DirectoryError::Running | DirectoryError::NoAgent) => {}
                Err(error) => tracing::error!(directory.id = %id, error = %error, "a directory was not synced"),
            }
            work.running.lock().unwrap_or_else(PoisonError::into_inner).remove(&place);
        });
    }

    fn link(&self, code: &PlainCode) -> String {
        format!("https://{}/enroll/{}", self.api_authority, code.expose())
    }
}

fn log(id: DirectoryKey, outcome: &Outcome) {
    let changed: usize = outcome.counts.values().sum();
    tracing::info!(
        directory.id = %id, people = outcome.people, changed, remarks = outcome.remarks_total, seconds = outcome.seconds,
        "a directory was synced"
    );
}
