//! What is relayed beside logins, and the table of sessions that it shares with them.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::{mpsc, watch};
use tokio::task::JoinSet;

use super::accounting::Accounting;
use super::{coa, now};
use crate::cfg::Config;
use crate::radius::output::Admitted;
use crate::radius::sessions::Sessions;

/// So many sessions wait to be ended.
const ENDS: usize = 1024;

/// The table of sessions. It is held for a look or a change, and never while something is waited for.
#[derive(Clone, Default)]
pub(super) struct Shared(Arc<Mutex<Sessions>>);

impl Shared {
    pub(super) fn lock(&self) -> MutexGuard<'_, Sessions> {
        // Each change leaves the table whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Tasks beside logins.
pub(super) struct Relays {
    sessions: Shared,
    /// Name and client of each server section.
    sections: Vec<(String, Option<String>)>,
    is_needed: bool,
    stop: watch::Sender<bool>,
    tasks: JoinSet<()>,
}

impl Relays {
    /// Opens what the configuration asks for, and begins to serve it.
    ///
    /// Fails if something cannot be opened.
    pub(super) fn open(config: &Config) -> anyhow::Result<Self> {
        let sessions = Shared::default();
        let (stop, stopped) = watch::channel(false);
        let mut tasks = JoinSet::new();
        if let Some(section) = &config.accounting {
            tasks.spawn(Accounting::open(config, section, sessions.clone())?.run(stopped.clone()));
        }
        if let Some(section) = &config.coa {
            let (_end, ends) = mpsc::channel(ENDS);
            tasks.spawn(coa::Relay::open(config, section, sessions.clone(), ends)?.run(stopped));
        }
        let sections = config.radius.iter().map(|server| (server.name.clone(), server.client.clone())).collect();
        Ok(Self { sessions, sections, is_needed: config.coa.is_some(), stop, tasks })
    }

    /// Somebody was let in.
    pub(super) fn admitted(&self, admitted: &Admitted) {
        if let Some((section, client)) = self.sections.get(admitted.section).filter(|_| self.is_needed) {
            self.sessions.lock().admitted(admitted, section, client.as_deref(), now());
        }
    }

    /// Ends everything, once it has written down what it knows.
    pub(super) async fn close(mut self) {
        // Whoever has ended already needs no word.
        _ = self.stop.send(true);
        while self.tasks.join_next().await.is_some() {}
    }
}
