//! Ends what people have begun who were disabled since: the server is asked about everybody who is connected, and the devices of those it names are told.

use std::collections::{BTreeSet, HashMap, HashSet};
use std::time::Duration;

use tokio::sync::{mpsc, watch};

use super::api::{Api, Ask};
use super::relays::Shared;
use crate::radius::sessions::SessionId;

/// So many names are asked about at a time.
const NAMES: usize = 100;
/// A device is told so often to end a session; then it is left to people.
const TRIES: u32 = 5;

/// A server section: its name, its application, and who needs no second factor there, so that the server has no say.
pub(super) struct Asked {
    pub(super) section: String,
    pub(super) api: Api,
    pub(super) exempt: HashSet<String>,
}

/// Asks from time to time.
pub(super) struct Ender {
    sections: Vec<Asked>,
    sessions: Shared,
    ends: mpsc::Sender<SessionId>,
    every: Duration,
    /// How often the end of a session was asked for.
    tries: HashMap<SessionId, u32>,
    /// Sections whose server knows no such question.
    mute: HashSet<String>,
}

impl Ender {
    pub(super) fn new(sections: Vec<Asked>, sessions: Shared, ends: mpsc::Sender<SessionId>, every: Duration) -> Self {
        Self { sections, sessions, ends, every, tries: HashMap::new(), mute: HashSet::new() }
    }

    /// Asks until `stop` is set.
    pub(super) async fn run(mut self, mut stop: watch::Receiver<bool>) {
        loop {
            tokio::select! {
                () = tokio::time::sleep(self.every) => {}
                _ = stop.changed() => return,
            }
            tokio::select! {
                () = self.look() => {}
                _ = stop.changed() => return,
            }
        }
    }

    async fn look(&mut self) {
        let known: HashSet<SessionId> = self.sessions.lock().iter().map(|(id, _)| id).collect();
        self.tries.retain(|id, _| known.contains(id));
        for at in 0..self.sections.len() {
            let Some(asked) = self.sections.get(at) else { continue };
            if self.mute.contains(&asked.section) {
                continue;
            }
            let connected = self.connected(asked);
            let names: Vec<String> =
                connected.iter().map(|(_, user)| user.clone()).collect::<BTreeSet<_>>().into_iter().collect();
            let mut disabled = HashSet::new();
            for names in names.chunks(NAMES) {
                match asked.api.disabled(names).await {
                    Ok(named) => disabled.extend(named),
                    Err(Ask::NotKnown) => {
                        tracing::warn!(
                            section = asked.section,
                            "the server does not tell who is disabled: sessions of disabled people last until they end by themselves"
                        );
                        self.mute.insert(asked.section.clone());
                        break;
                    }
                    // It is asked again soon.
                    Err(Ask::Failed) => break,
                }
            }
            let ended: Vec<(SessionId, String)> =
                connected.into_iter().filter(|(_, user)| disabled.contains(user)).collect();
            for (id, user) in ended {
                self.end(id, &user).await;
            }
        }
    }

    fn connected(&self, asked: &Asked) -> Vec<(SessionId, String)> {
        let sessions = self.sessions.lock();
        let theirs = sessions.iter().filter(|(_, session)| session.section == asked.section);
        let theirs = theirs.filter(|(_, session)| !asked.exempt.contains(&session.user));
        theirs.map(|(id, session)| (id, session.user.clone())).collect()
    }

    async fn end(&mut self, id: SessionId, user: &str) {
        let tries = self.tries.entry(id).or_default();
        *tries += 1;
        match *tries {
            1 => tracing::warn!(user, "is disabled and connected: the device is told to end the session"),
            tries if tries == TRIES + 1 => {
                tracing::error!(user, "is disabled and STILL CONNECTED: the device does not end the session");
            }
            tries if tries > TRIES => return,
            _ => {}
        }
        // Nobody takes it while the proxy ends.
        _ = self.ends.send(id).await;
    }
}
