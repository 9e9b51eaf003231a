//! Who waits for which login, in memory: the row is the truth, this is how the news travels inside a node.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use cs_core::id::TxId;
use cs_core::login::Push;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::access::Liveness;

/// How long what was learnt about a login is kept after its push could last be answered: clients may ask again for its result.
const KEEP: SignedDuration = SignedDuration::from_mins(2);

const SHARDS: usize = 64;

/// The logins that somebody on this node has asked about.
pub(crate) struct Waiters {
    shards: Vec<Mutex<HashMap<TxId, Entry>>>,
    hasher: std::hash::RandomState,
    parked: Arc<AtomicUsize>,
}

struct Entry {
    news: watch::Sender<Option<Push>>,
    /// The connection of the request that made it, if it was made on this node.
    origin: Option<Liveness>,
    polls: u32,
    expires_at: Timestamp,
}

/// A place in the queue for news of one login. Counted while it exists.
pub(crate) struct Parked {
    news: watch::Receiver<Option<Push>>,
    parked: Arc<AtomicUsize>,
}

impl Parked {
    /// Returns the final state once this node knows it.
    pub(crate) async fn closed(&mut self) -> Push {
        loop {
            if let Some(push) = *self.news.borrow_and_update() {
                return push;
            }
            if self.news.changed().await.is_err() {
                return std::future::pending().await;
            }
        }
    }
}

impl Drop for Parked {
    fn drop(&mut self) {
        self.parked.fetch_sub(1, Ordering::Relaxed);
    }
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: std::hash::RandomState::new(),
            parked: Arc::default(),
        }
    }
}

impl Waiters {
    /// Remembers a login made on this node by the request on `origin`.
    pub(crate) fn opened(&self, txid: TxId, origin: Liveness, expires_at: Timestamp) {
        let mut shard = self.shard(txid);
        let entry = shard.entry(txid).or_insert_with(|| Entry::new(expires_at));
        entry.origin = Some(origin);
    }

    /// Takes a place for news of `txid`. Take it before reading the row, so that no news falls between.
    pub(crate) fn park(&self, txid: TxId, expires_at: Timestamp) -> Parked {
        let mut shard = self.shard(txid);
        let entry = shard.entry(txid).or_insert_with(|| Entry::new(expires_at));
        self.parked.fetch_add(1, Ordering::Relaxed);
        Parked { news: entry.news.subscribe(), parked: Arc::clone(&self.parked) }
    }

    /// Counts a question about `txid`; the number so far, this one included.
    pub(crate) fn count_poll(&self, txid: TxId, expires_at: Timestamp) -> u32 {
        let mut shard = self.shard(txid);
        let entry = shard.entry(txid).or_insert_with(|| Entry::new(expires_at));
        entry.polls = entry.polls.saturating_add(1);
        entry.polls
    }

    /// Whether the request that made `txid` on this node has lost its connection before it was answered; `None` if this node does not know the login.
    pub(crate) fn origin_is_dead(&self, txid: TxId) -> Option<bool> {
        let shard = self.shard(txid);
        let origin = shard.get(&txid)?.origin.as_ref()?;
        Some(origin.died())
    }

    /// Makes the request on `origin` the one that `txid` belongs to, after the first one's connection has died.
    pub(crate) fn adopt(&self, txid: TxId, origin: Liveness) {
        if let Some(entry) = self.shard(txid).get_mut(&txid) {
            entry.origin = Some(origin);
        }
    }

    /// Tells everyone who waits for `txid` that it is closed.
    pub(crate) fn closed(&self, txid: TxId, push: Push) {
        if let Some(entry) = self.shard(txid).get(&txid) {
            entry.news.send_replace(Some(push));
        }
    }

    /// How many places are taken.
    pub(crate) fn parked(&self) -> usize {
        self.parked.load(Ordering::Relaxed)
    }

    /// Whether anybody waits for `txid` here.
    pub(crate) fn knows(&self, txid: TxId) -> bool {
        self.shard(txid).contains_key(&txid)
    }

    /// Forgets logins that nobody can ask about any more.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        for shard in &self.shards {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, entry| entry.news.receiver_count() > 0 || now < entry.expires_at + KEEP);
            if shard.capacity() > 1024 && shard.len() * 4 < shard.capacity() {
                shard.shrink_to_fit();
            }
        }
    }

    fn shard(&self, txid: TxId) -> MutexGuard<'_, HashMap<TxId, Entry>> {
        let at = self.hasher.hash_one(txid) as usize % SHARDS;
        self.shards[at].lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Entry {
    fn new(expires_at: Timestamp) -> Self {
        Self { news: watch::channel(None).0, origin: None, polls: 0, expires_at }
    }
}
