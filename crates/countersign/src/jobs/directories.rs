//! Directories: runs that are due, and what commands and other nodes ask of the proxies that are connected here.

use std::collections::{HashMap, HashSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cs_core::directory::Kind;
use cs_core::id::{AccountId, DirectoryKey};
use cs_core::secret::PlainCode;
use cs_engine::Engine;
use cs_engine::directories::{DirectoryError, Outcome, Trigger};
use metrics::gauge;
use tokio::time::MissedTickBehavior;

use crate::net::Shutdown;

/// Between two looks for requests.
const LOOK: Duration = Duration::from_millis(500);
/// Looks between two for directories that are due.
const DUE_EVERY: u64 = 4;
/// Looks between two settings of the metrics.
const SHOW_EVERY: u64 = 20;
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
    if let Err(error) = work.engine.forget_runs_of_before().await {
        tracing::warn!(
            error = &error as &dyn std::error::Error,
            "a run that was broken off is taken up some minutes later"
        );
    }
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
        if round.is_multiple_of(SHOW_EVERY) {
            self.show().await?;
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

    /// Sets the metrics. All but the proxies are of the database, so that they outlive a restart and are the same at every node.
    async fn show(&self) -> Result<(), cs_engine::EngineError> {
        let agents: HashMap<_, _> = self.engine.agents().counts().into_iter().collect();
        for record in self.engine.store().all_directories().await? {
            let name = || record.name.clone();
            let connected = agents.get(&(record.account, record.id)).copied().unwrap_or_default();
            gauge!("countersign_directory_agents", "directory" => name()).set(as_metric(connected));
            let success = record.last_success_at.map_or(0, jiff::Timestamp::as_second);
            gauge!("countersign_directory_sync_last_success_timestamp_seconds", "directory" => name())
                .set(success as f64);
            let Some(outcome) = Outcome::read(&record.outcome) else { continue };
            let is_ok = if outcome.result == "ok" { 1.0 } else { 0.0 };
            gauge!("countersign_directory_sync_ok", "directory" => name()).set(is_ok);
            let users = |outcome: &'static str, count: usize| {
                gauge!("countersign_directory_sync_users", "directory" => name(), "outcome" => outcome)
                    .set(as_metric(count));
            };
            for kind in Kind::ALL {
                users(kind.as_str(), outcome.counts.get(kind.as_str()).copied().unwrap_or_default());
            }
            users("unchanged", outcome.unchanged);
            users("remarks", outcome.remarks_total);
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

fn as_metric(count: usize) -> f64 {
    u32::try_from(count).map_or(f64::MAX, f64::from)
}

fn log(id: DirectoryKey, outcome: &Outcome) {
    let changed: usize = outcome.counts.values().sum();
    tracing::info!(
        directory.id = %id, people = outcome.people, changed, remarks = outcome.remarks_total, seconds = outcome.seconds,
        "a directory was synced"
    );
}
