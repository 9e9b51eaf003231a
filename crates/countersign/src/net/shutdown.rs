//! Stopping: one handle that everything which waits can watch.

use tokio::sync::watch;

/// How far the server has stopped.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Phase {
    Running,
    /// No new connections; waiting logins get their answer.
    Draining,
    /// Time is up: connections are closed as they are.
    Closing,
}

/// Watches and sets the phase; clones share it.
#[derive(Debug, Clone)]
pub struct Shutdown(watch::Sender<Phase>);

impl Shutdown {
    #[must_use]
    pub fn new() -> Self {
        Self(watch::Sender::new(Phase::Running))
    }

    #[must_use]
    pub fn phase(&self) -> Phase {
        *self.0.borrow()
    }

    #[must_use]
    pub fn is_draining(&self) -> bool {
        self.phase() >= Phase::Draining
    }

    /// Begins to drain. A call that waits for a person may go on until [`Self::closing`].
    pub fn drain(&self) {
        self.advance(Phase::Draining);
    }

    /// Ends everything now.
    pub fn close(&self) {
        self.advance(Phase::Closing);
    }

    /// Resolves once draining has begun.
    pub async fn draining(&self) {
        self.reached(Phase::Draining).await;
    }

    /// Resolves when the drain time is over: answer what waits, or be cut off.
    pub async fn closing(&self) {
        self.reached(Phase::Closing).await;
    }

    fn advance(&self, to: Phase) {
        self.0.send_if_modified(|phase| {
            let is_later = to > *phase;
            *phase = to.max(*phase);
            is_later
        });
    }

    async fn reached(&self, phase: Phase) {
        let mut receiver = self.0.subscribe();
        // The sender lives in `self`, so the only way out is the phase.
        let _ = receiver.wait_for(|now| *now >= phase).await;
    }
}

impl Default for Shutdown {
    fn default() -> Self {
        Self::new()
    }
}
