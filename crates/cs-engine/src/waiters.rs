//! Who waits for which login, in memory: the row is the truth, this is how the news travels inside a node.

use std::collections::HashMap;
use std::hash::BuildHasher;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};

use cs_core::id::{AccountId, IntegrationKey, TxId};
use cs_core::login::Push;
use cs_store::logins::Login;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Notify;

use crate::Caller;
use crate::access::Liveness;

/// How long what was learnt about a login is kept after its push could last be answered: clients may ask again for its result.
const KEEP: SignedDuration = SignedDuration::from_mins(2);

/// How long a row that was read to be waiting need not be read again. News of other nodes comes once a second by one query for all; this bounds
/// what a piece of it that went missing can cost.
const TRUST: SignedDuration = SignedDuration::from_secs(30);

const SHARDS: usize = 64;
/// Forgetting looks at so many shards at a time: at all of them once in four rounds.
const SWEEP: usize = 16;

/// The logins that somebody on this node has asked about.
pub(crate) struct Waiters {
    shards: Vec<Mutex<HashMap<TxId, Entry>>>,
    hasher: std::hash::RandomState,
    parked: AtomicUsize,
    next_sweep: AtomicUsize,
}

/// What is known of one login. Owns nothing on the heap while nobody waits for it and its origin is gone: after a burst many of these outlive what lay
/// around them, and each piece of theirs would keep a page from being given back.
struct Entry {
    /// How it ended, once it has.
    end: Option<Push>,
    /// Present while somebody waits.
    news: Option<Arc<News>>,
    row: Option<OpenRow>,
    origin: Option<Origin>,
    polls: u32,
    expires_at: Timestamp,
}

/// The request that made a login on this node.
enum Origin {
    /// Its connection may be alive.
    Watched(Liveness),
    /// Its connection has ended; whether before its answer was given.
    Ended { died: bool },
}

/// A row that was seen to be waiting after its entry was made, so that whoever closes it since tells the entry.
struct OpenRow {
    account: AccountId,
    integration: IntegrationKey,
    expires_at: Timestamp,
    read_at: Timestamp,
}

#[derive(Default)]
struct News {
    end: OnceLock<Push>,
    came: Notify,
}

/// A place in the queue for news of one login. Counted while it exists.
pub(crate) struct Parked<'a> {
    waiters: &'a Waiters,
    txid: TxId,
    news: Arc<News>,
    /// When the login can no longer be answered, if the caller may ask about it and its row need not be read for that.
    pub(crate) open_until: Option<Timestamp>,
}

impl Parked<'_> {
    /// Returns the final state once this node knows it.
    pub(crate) async fn closed(&self) -> Push {
        let came = self.news.came.notified();
        tokio::pin!(came);
        // Enabled before the look, so that no news falls between.
        came.as_mut().enable();
        loop {
            if let Some(end) = self.news.end.get() {
                return *end;
            }
            came.as_mut().await;
            came.set(self.news.came.notified());
            came.as_mut().enable();
        }
    }
}

impl Drop for Parked<'_> {
    fn drop(&mut self) {
        self.waiters.parked.fetch_sub(1, Ordering::Relaxed);
        if let Some(entry) = self.waiters.shard(self.txid).get_mut(&self.txid)
            // Ours and the entry's: more are taken under the same lock only.
            && entry.news.as_ref().is_some_and(|news| Arc::ptr_eq(news, &self.news) && Arc::strong_count(news) == 2)
        {
            entry.news = None;
        }
    }
}

impl Default for Waiters {
    fn default() -> Self {
        Self {
            shards: (0..SHARDS).map(|_| Mutex::default()).collect(),
            hasher: std::hash::RandomState::new(),
            parked: AtomicUsize::new(0),
            next_sweep: AtomicUsize::new(0),
        }
    }
}

impl Waiters {
    /// Remembers a login made on this node by the request on `origin`.
    pub(crate) fn opened(&self, txid: TxId, origin: Liveness, expires_at: Timestamp) {
        let mut shard = self.shard(txid);
        let entry = shard.entry(txid).or_insert_with(|| Entry::new(expires_at));
        entry.origin = Some(Origin::Watched(origin));
    }

    /// Takes a place for news of `txid`. Take it before reading the row, so that no news falls between.
    pub(crate) fn park(&self, txid: TxId, caller: &Caller, now: Timestamp) -> Parked<'_> {
        self.parked.fetch_add(1, Ordering::Relaxed);
        let mut shard = self.shard(txid);
        let entry = shard.entry(txid).or_insert_with(|| Entry::new(now));
        let open = entry.row.as_ref().filter(|row| row.is_for(caller) && row.is_fresh(now));
        let open_until = open.map(|row| row.expires_at);
        Parked { waiters: self, txid, news: entry.news(), open_until }
    }

    /// Remembers that `login`, for which a place was taken before its row was read, waits.
    pub(crate) fn is_open(&self, login: &Login, now: Timestamp) {
        let (account, integration, expires_at) = (login.account, login.integration, login.expires_at);
        if let Some(entry) = self.shard(login.txid).get_mut(&login.txid) {
            entry.expires_at = expires_at;
            entry.row = Some(OpenRow { account, integration, expires_at, read_at: now });
        }
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
        shard.get(&txid)?.origin.as_ref().map(Origin::died)
    }

    /// Makes the request on `origin` the one that `txid` belongs to, after the first one's connection has died.
    pub(crate) fn adopt(&self, txid: TxId, origin: Liveness) {
        if let Some(entry) = self.shard(txid).get_mut(&txid) {
            entry.origin = Some(Origin::Watched(origin));
        }
    }

    /// Tells everyone who waits for `txid` that it is closed.
    pub(crate) fn closed(&self, txid: TxId, push: Push) {
        if let Some(entry) = self.shard(txid).get_mut(&txid) {
            // It is closed only once; a second piece of the same news changes nothing.
            let end = *entry.end.get_or_insert(push);
            if let Some(news) = &entry.news {
                let _ = news.end.set(end);
                news.came.notify_waiters();
            }
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

    /// Forgets logins that nobody can ask about any more, a part of them at a time.
    pub(crate) fn forget_old(&self, now: Timestamp) {
        let first = self.next_sweep.fetch_add(SWEEP, Ordering::Relaxed) % SHARDS;
        for shard in &self.shards[first..first + SWEEP] {
            let mut shard = shard.lock().unwrap_or_else(PoisonError::into_inner);
            shard.retain(|_, entry| {
                entry.origin = entry.origin.take().map(Origin::at_last);
                // Left behind where two went at the same moment.
                entry.news.take_if(|news| Arc::strong_count(news) == 1);
                entry.news.is_some() || now < entry.expires_at + KEEP
            });
            if shard.capacity() > 16 && shard.len() * 4 < shard.capacity() {
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
        Self { end: None, news: None, row: None, origin: None, polls: 0, expires_at }
    }

    fn news(&mut self) -> Arc<News> {
        let news = self.news.get_or_insert_with(|| {
            Arc::new(News { end: self.end.map(OnceLock::from).unwrap_or_default(), came: Notify::new() })
        });
        Arc::clone(news)
    }
}

impl Origin {
    fn died(&self) -> bool {
        match self {
            Self::Watched(request) => request.died(),
            Self::Ended { died } => *died,
        }
    }

    /// Lets go of a request that can no longer change.
    fn at_last(self) -> Self {
        match self {
            Self::Watched(request) if !request.is_connected() => Self::Ended { died: request.died() },
            Self::Watched(_) | Self::Ended { .. } => self,
        }
    }
}

impl OpenRow {
    fn is_for(&self, caller: &Caller) -> bool {
        self.account == caller.account.id && self.integration == caller.integration.key
    }

    fn is_fresh(&self, now: Timestamp) -> bool {
        // A clock set back makes it old as well.
        now.duration_since(self.read_at).abs() < TRUST
    }
}
