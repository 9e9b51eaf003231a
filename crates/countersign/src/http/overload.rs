//! Room for work, by kind: logins before lists, and a fast 429 when there is none.
//!
//! Never 503 here: clients told to fail safe open the door on 5xx, and an attacker could cause that by sending much.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use axum::extract::{FromRef, FromRequestParts};
use http::request::Parts;
use metrics::counter;
use serde::Serialize;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::Failure;
use crate::config::Limits;

/// How long a list waits for its turn.
const LIST_PATIENCE: Duration = Duration::from_secs(2);
/// Lists that may wait for each one that may run.
const LISTS_WAITING_PER_SLOT: usize = 8;
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// Counts what is being worked on. A handler of requests without a body takes part by naming [`LoginSlot`] or [`ListSlot`] among its arguments; one that has
/// a body to read, or a signature to check, asks for its room after that: otherwise bodies that never come would keep everybody else out.
#[derive(Debug)]
pub struct Gate {
    logins: Slots,
    waiting: Slots,
    lists_limit: usize,
    lists: Arc<Semaphore>,
    lists_queued: Slots,
    list_patience: Duration,
}

/// Figures for `/status` and `/metrics`.
#[derive(Debug, Clone, Copy, Serialize, PartialEq, Eq)]
pub struct GateLoad {
    pub logins: usize,
    pub waiting: usize,
    pub lists: usize,
}

#[derive(Debug, Clone)]
struct Slots {
    used: Arc<AtomicUsize>,
    limit: usize,
}

/// Room for one piece of work, given back on drop.
#[derive(Debug)]
pub struct Permit(Arc<AtomicUsize>);

impl Drop for Permit {
    fn drop(&mut self) {
        self.0.fetch_sub(1, Ordering::AcqRel);
    }
}

impl Slots {
    fn new(limit: usize) -> Self {
        Self { used: Arc::new(AtomicUsize::new(0)), limit }
    }

    fn take(&self) -> Option<Permit> {
        let claim = |used: usize| (used < self.limit).then_some(used + 1);
        let taken = self.used.fetch_update(Ordering::AcqRel, Ordering::Acquire, claim);
        taken.is_ok().then(|| Permit(self.used.clone()))
    }

    fn used(&self) -> usize {
        self.used.load(Ordering::Acquire)
    }
}

impl Gate {
    #[must_use]
    pub fn new(limits: &Limits) -> Arc<Self> {
        Arc::new(Self::with_patience(limits, LIST_PATIENCE))
    }

    fn with_patience(limits: &Limits, list_patience: Duration) -> Self {
        Self {
            list_patience,
            logins: Slots::new(limits.logins_in_flight),
            waiting: Slots::new(limits.waiting),
            lists_limit: limits.lists_in_flight,
            lists: Arc::new(Semaphore::new(limits.lists_in_flight)),
            lists_queued: Slots::new(limits.lists_in_flight * LISTS_WAITING_PER_SLOT),
        }
    }

    /// Room for a login call while it is worked on. Give it back before waiting for a person.
    pub fn login(&self) -> Result<LoginSlot, Failure> {
        self.logins.take().map(LoginSlot).ok_or_else(|| shed("login"))
    }

    /// Room to wait for a person: a long poll or a synchronous push.
    pub fn wait(&self) -> Result<Permit, Failure> {
        self.waiting.take().ok_or_else(|| shed("wait"))
    }

    /// Room for a list or report. Waits at most two seconds, and not at all while logins use half their room.
    pub async fn list(&self) -> Result<ListSlot, Failure> {
        if self.logins.used() * 2 > self.logins.limit {
            return Err(shed("list"));
        }
        let _queued = self.lists_queued.take().ok_or_else(|| shed("list"))?;
        match tokio::time::timeout(self.list_patience, self.lists.clone().acquire_owned()).await {
            Ok(Ok(permit)) => Ok(ListSlot { _permit: permit }),
            // The semaphore is never closed, so the inner error cannot be; refusing is right either way.
            Ok(Err(_)) | Err(_) => Err(shed("list")),
        }
    }

    #[must_use]
    pub fn load(&self) -> GateLoad {
        GateLoad {
            logins: self.logins.used(),
            waiting: self.waiting.used(),
            lists: self.lists_limit.saturating_sub(self.lists.available_permits()),
        }
    }
}

fn shed(kind: &'static str) -> Failure {
    counter!("countersign_shed_total", "kind" => kind).increment(1);
    Failure::too_many_requests("This server is busy; try again.", RETRY_AFTER)
}

/// Held by a handler that decides a login.
#[derive(Debug)]
pub struct LoginSlot(#[expect(dead_code, reason = "held for its drop")] Permit);

/// Held by a handler that makes a list or report.
#[derive(Debug)]
pub struct ListSlot {
    _permit: OwnedSemaphorePermit,
}

impl<S: Sync> FromRequestParts<S> for LoginSlot
where
    Arc<Gate>: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Failure> {
        Arc::<Gate>::from_ref(state).login()
    }
}

impl<S: Sync> FromRequestParts<S> for ListSlot
where
    Arc<Gate>: FromRef<S>,
{
    type Rejection = Failure;

    async fn from_request_parts(_: &mut Parts, state: &S) -> Result<Self, Failure> {
        Arc::<Gate>::from_ref(state).list().await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn gate(logins: usize, lists: usize) -> Arc<Gate> {
        Gate::new(&Limits { logins_in_flight: logins, lists_in_flight: lists, waiting: 1, ..Limits::default() })
    }

    #[test]
    fn a_login_beyond_the_limit_is_told_to_come_back() {
        let gate = gate(2, 1);
        let first = gate.login().unwrap();
        let _second = gate.login().unwrap();
        assert_eq!(gate.login().unwrap_err().code(), 42901);
        drop(first);
        assert!(gate.login().is_ok());
    }

    #[tokio::test]
    async fn lists_yield_to_logins() {
        let gate = gate(2, 4);
        assert!(gate.list().await.is_ok());
        let _logins = (gate.login().unwrap(), gate.login().unwrap());
        assert_eq!(gate.list().await.unwrap_err().code(), 42901);
    }

    #[tokio::test]
    async fn a_list_waits_its_turn() {
        let gate = gate(2, 1);
        let running = gate.list().await.unwrap();
        let (next, ()) = tokio::join!(gate.list(), async { drop(running) });
        assert!(next.is_ok());
        drop(next);
        assert_eq!(gate.load(), GateLoad { logins: 0, waiting: 0, lists: 0 });
    }

    #[tokio::test]
    async fn a_list_does_not_wait_for_ever() {
        let limits = Limits { lists_in_flight: 1, ..Limits::default() };
        let gate = Gate::with_patience(&limits, Duration::from_millis(1));
        let _running = gate.list().await.unwrap();
        assert_eq!(gate.list().await.unwrap_err().code(), 42901);
    }
}
