//! What a request may know of the connection it came in on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering};

use tokio::sync::Notify;

/// One connection, shared by its requests. It turns dead when the connection's task ends.
///
/// A retransmitted login may join the first only once the connection of the first has died.
#[derive(Debug)]
pub struct ConnectionAlive {
    peer: SocketAddr,
    is_alive: Arc<AtomicBool>,
    died: Notify,
    in_flight: AtomicU32,
    started: AtomicU64,
}

impl ConnectionAlive {
    #[must_use]
    pub fn new(peer: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            peer,
            is_alive: Arc::new(AtomicBool::new(true)),
            died: Notify::new(),
            in_flight: AtomicU32::new(0),
            started: AtomicU64::new(0),
        })
    }

    /// The other end of the TCP connection, which may be a proxy.
    #[must_use]
    pub fn peer(&self) -> SocketAddr {
        self.peer
    }

    #[must_use]
    pub fn is_alive(&self) -> bool {
        self.is_alive.load(Ordering::Acquire)
    }

    /// The flag behind [`Self::is_alive`], for whoever outlives the request: false once the connection has died.
    #[must_use]
    pub fn flag(&self) -> Arc<AtomicBool> {
        Arc::clone(&self.is_alive)
    }

    /// Resolves when the connection has died.
    pub async fn died(&self) {
        let died = self.died.notified();
        tokio::pin!(died);
        // Enabled before the check, so that a death in between is not missed.
        died.as_mut().enable();
        if self.is_alive() {
            died.await;
        }
    }

    /// Counts a request until the guard is dropped.
    pub(crate) fn begin_request(self: &Arc<Self>) -> InFlight {
        self.started.fetch_add(1, Ordering::Relaxed);
        self.in_flight.fetch_add(1, Ordering::Relaxed);
        InFlight(self.clone())
    }

    pub(super) fn is_idle(&self) -> bool {
        self.in_flight.load(Ordering::Relaxed) == 0
    }

    pub(super) fn started(&self) -> u64 {
        self.started.load(Ordering::Relaxed)
    }

    fn end(&self) {
        self.is_alive.store(false, Ordering::Release);
        self.died.notify_waiters();
    }
}

/// A request in progress on a connection.
#[derive(Debug)]
pub struct InFlight(Arc<ConnectionAlive>);

impl Drop for InFlight {
    fn drop(&mut self) {
        self.0.in_flight.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Held by the connection's task: however that ends, the connection is dead.
pub(super) struct Lifetime(pub(super) Arc<ConnectionAlive>);

impl Drop for Lifetime {
    fn drop(&mut self) {
        self.0.end();
    }
}
