//! The store: what the rest of the program sees of the database.

use std::borrow::Cow;
use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::{Duration, Instant};

use tokio::sync::{Notify, OwnedSemaphorePermit, Semaphore, broadcast, oneshot};

use super::checkpoints::{self, Checkpointing, Via};
use super::exports::Exports;
use super::opening::Opening;
use super::postgres::Postgres;
use super::sqlite::Sqlite;
use super::step::has_nul;
use super::{CommitError, Job, Receipt, Row, StoreError, Value, random_id};
use crate::args;
use crate::audit::{self, Chain, ChainHead, Checkpoints, Exporter};
use crate::facts;
use crate::highwater::HighWater;
use crate::lists::Lists;
use crate::vault::{INSERT_KEY, INSTALLATION, MasterKey, Purpose, SELECT_KEYS, UPDATE_KEY, Vault, WrappedKey};

const IS_RESTORING: &str = "SELECT 1 FROM meta WHERE name = 'restoring'";
const CHECKPOINT_HASH: &str = "SELECT hash FROM checkpoint WHERE node = $1 AND number = $2";

/// Where the database is.
#[derive(Clone)]
pub enum Database {
    /// A file.
    Sqlite(PathBuf),
    /// A `postgres://` address or a list of `key=value` pairs.
    Postgres(String),
}

/// Hides a PostgreSQL address, which may hold a password.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite(path) => write!(f, "Sqlite({})", path.display()),
            Self::Postgres(_) => f.write_str("Postgres(..)"),
        }
    }
}

impl Database {
    /// Reads `postgres://…`, `postgresql://…`, `sqlite:PATH` or a plain path.
    pub fn parse(address: &str) -> Self {
        if address.starts_with("postgres://") || address.starts_with("postgresql://") {
            return Self::Postgres(address.to_owned());
        }
        Self::Sqlite(PathBuf::from(address.strip_prefix("sqlite:").unwrap_or(address)))
    }
}

/// How to open a store.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// The database.
    pub database: Database,
    /// The key that wraps the keys in the database.
    pub master: Arc<MasterKey>,
    /// This node's name, unique among the nodes of one database.
    pub node: String,
    /// How many commits may wait; further ones are [`CommitError::Overloaded`].
    pub queue: usize,
    /// How long a list or report may take.
    pub report_timeout: Duration,
    /// How large a SQLite file may grow, in pages of 4 KiB; a quota, beyond which commits fail as on a full disk.
    pub max_pages: Option<u32>,
    /// How often a checkpoint of the audit log is written while it grows.
    pub checkpoint_interval: Duration,
    /// Where checkpoints of the audit log go outside the database.
    pub exporters: Vec<Exporter>,
    /// The file that remembers how far the database had come; without it an older copy is not noticed.
    pub high_water: Option<PathBuf>,
}

impl StoreConfig {
    /// The usual settings.
    pub fn new(database: Database, master: Arc<MasterKey>) -> Self {
        Self {
            database,
            master,
            node: "node".to_owned(),
            queue: 8192,
            report_timeout: Duration::from_secs(5),
            max_pages: None,
            checkpoint_interval: Duration::from_secs(1),
            exporters: Vec::new(),
            high_water: None,
        }
    }
}

/// How many lists and reports are read at a time.
const REPORTS: usize = 4;

/// One read: a statement and its arguments.
#[derive(Debug, Clone)]
pub struct Query {
    pub(super) sql: Cow<'static, str>,
    pub(super) args: Vec<Value>,
}

impl Query {
    /// A read of `sql` with `$1`, `$2`, …
    pub fn new(sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Self {
        Self { sql: sql.into(), args }
    }

    fn check(&self) -> Result<(), StoreError> {
        if self.args.iter().any(has_nul) { Err(StoreError::NulInText) } else { Ok(()) }
    }
}

/// A chain and its last row.
type NamedHead = (Arc<str>, ChainHead);

/// What writers tell the rest of the process.
#[derive(Clone, Default)]
pub(crate) struct Signals {
    /// Rises when somebody else wrote.
    pub(crate) epoch: Arc<AtomicU64>,
    /// Effects were committed.
    pub(crate) effects: Arc<Notify>,
    /// The last committed row of each lane.
    heads: Arc<Mutex<Vec<NamedHead>>>,
}

impl Signals {
    /// Makes `chain`'s head, which is committed, known as the head of `lane`.
    pub(crate) fn publish(&self, lane: usize, chain: &Chain) {
        let mut heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        while heads.len() <= lane {
            heads.push((chain.id.clone(), chain.head));
        }
        heads[lane] = (chain.id.clone(), chain.head);
    }

    /// The committed heads of all lanes that have written.
    pub(crate) fn heads(&self) -> Vec<NamedHead> {
        let heads = self.heads.lock().unwrap_or_else(PoisonError::into_inner);
        heads.iter().filter(|(_, head)| head.seq > 0).cloned().collect()
    }
}

/// A job and where its outcome goes.
pub(super) struct Pending {
    pub(super) job: Job,
    pub(super) reply: oneshot::Sender<Result<Receipt, CommitError>>,
    /// Its place in the queue.
    place: Option<OwnedSemaphorePermit>,
}

impl Pending {
    /// Makes room: a writer has taken it.
    pub(super) fn leave_queue(&mut self) {
        self.place = None;
    }
}

pub(super) enum Db {
    Sqlite(Sqlite),
    Postgres(Postgres),
}

impl Db {
    /// Runs the steps of `job` over a connection of its own; it has neither log nor effects. For after the writers have ended.
    pub(super) async fn write_alone(&self, job: &Job) -> Result<(), CommitError> {
        match self {
            Self::Sqlite(db) => db.write_alone(job),
            Self::Postgres(db) => db.write_alone(job).await,
        }
    }
}

pub(super) struct Inner {
    pub(super) db: Db,
    pub(super) vault: Vault,
    pub(super) master: RwLock<Arc<MasterKey>>,
    pub(super) signals: Signals,
    pub(super) database_id: String,
    pub(super) generation: i64,
    pub(super) checkpoints: tokio::sync::Mutex<Checkpointing>,
    pub(super) exports: Exports,
    report_timeout: Duration,
    reports: Semaphore,
    /// The places in the queue of commits. Whoever waits for one gets the next that is free.
    places: Arc<Semaphore>,
    lists: Lists,
    reads: AtomicU64,
}

/// The database. Cheap to clone; clones are the same store.
#[derive(Clone)]
pub struct Store(pub(super) Arc<Inner>);

impl fmt::Debug for Store {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Store({})", self.0.database_id)
    }
}

impl Store {
    /// Opens the database, creates or migrates its schema, and takes in its keys.
    ///
    /// Fails with [`StoreError::Newer`] for a schema of a newer program and with a [`StoreError::Vault`] for the wrong master key.
    pub async fn open(config: StoreConfig) -> Result<Self, StoreError> {
        let db = Opening::open(config.database.clone(), None).await?;
        if !db.query(IS_RESTORING, &[]).await?.is_empty() {
            return Err(StoreError::HalfRestored);
        }
        let now = super::now();
        let database_id = db.fact("database_id", random_id()).await?;
        let generation = db.fact("generation", "1".to_owned()).await?;
        let generation = generation.parse().map_err(|_| StoreError::corrupt("meta", "generation"))?;
        for purpose in Purpose::INSTALLATION {
            let key = WrappedKey::generate(&config.master, INSTALLATION, purpose, 1)?;
            db.execute(INSERT_KEY, &key.insert_args(now)).await?;
        }
        let vault = Vault::default();
        for row in db.query(SELECT_KEYS, &[]).await? {
            vault.admit(&config.master, &WrappedKey::from_row(&row)?)?;
        }
        if let Some(path) = &config.high_water
            && let Some(mark) = HighWater::read(path)?
        {
            let rows = db.query(CHECKPOINT_HASH, &args![mark.node.as_str(), mark.number]).await?;
            let hash = rows.first().map(|row| row.blob(0)).transpose()?;
            mark.check(&database_id, generation, hash)?;
        }
        let last = db.query(Checkpoints::LAST_OF_NODE, &args![config.node.as_str()]).await?;
        let (number, hash) = match last.first() {
            Some(row) => (row.int(0)?, row.bytes(1)?),
            None => (0, [0; 32]),
        };
        let checkpoints = Checkpointing {
            series: Checkpoints::new(&database_id, generation, &config.node, number, hash),
            high_water: config.high_water.clone(),
        };
        let link = match db.query(audit::LAST_HASH, &[]).await?.first() {
            Some(row) => row.bytes(0)?,
            None => [0; 32],
        };
        let signals = Signals::default();
        let log_key = vault.log_key()?;
        let chains = (0i64..)
            .take(db.lanes())
            .map(|lane| Chain::start(log_key.clone(), &random_id(), &config.node, lane, now, link))
            .collect();
        let db = db.start(chains, &config, &signals)?;
        let store = Self(Arc::new(Inner {
            db,
            vault,
            master: RwLock::new(config.master.clone()),
            signals,
            database_id,
            generation,
            checkpoints: tokio::sync::Mutex::new(checkpoints),
            exports: Exports::start(&config.exporters),
            report_timeout: config.report_timeout,
            reports: Semaphore::new(REPORTS),
            places: Arc::new(Semaphore::new(config.queue)),
            lists: Lists::default(),
            reads: AtomicU64::new(0),
        }));
        tokio::spawn(checkpoints::run(Arc::downgrade(&store.0), config.checkpoint_interval));
        Ok(store)
    }

    /// Reads rows. For logins and other point reads; lists and reports use [`Store::reader`].
    pub async fn query(&self, sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let query = Query::new(sql, args);
        query.check()?;
        self.0.reads.fetch_add(1, Ordering::Relaxed);
        match &self.0.db {
            Db::Sqlite(db) => db.reads.query(&query),
            Db::Postgres(db) => db.reads.query(&query).await,
        }
    }

    /// How many statements were read with so far, lists and reports aside: what a login costs the database is a promise, and tests hold it.
    pub fn reads(&self) -> u64 {
        self.0.reads.load(Ordering::Relaxed)
    }

    /// Reads the first row.
    pub async fn query_opt(
        &self,
        sql: impl Into<Cow<'static, str>>,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, args).await?.into_iter().next())
    }

    /// The row of [`facts::VERSION`]: on SQLite read in place, on PostgreSQL together with those that others ask for.
    pub(crate) async fn user_version_row(&self, account: &str, user: &str) -> Result<Option<Row>, StoreError> {
        match &self.0.db {
            Db::Sqlite(_) => self.query_opt(facts::VERSION, args![account, user]).await,
            Db::Postgres(db) => {
                self.0.reads.fetch_add(1, Ordering::Relaxed);
                db.user_versions.ask(account, user).await
            }
        }
    }

    /// Several reads at once. On SQLite they see one state of the database; on PostgreSQL each sees its own, and guards settle the difference.
    pub async fn query_many(&self, queries: Vec<Query>) -> Result<Vec<Vec<Row>>, StoreError> {
        queries.iter().try_for_each(Query::check)?;
        self.0.reads.fetch_add(queries.len() as u64, Ordering::Relaxed);
        match &self.0.db {
            Db::Sqlite(db) => db.reads.query_many(&queries),
            Db::Postgres(db) => db.reads.query_many(&queries).await,
        }
    }

    /// Checks that the database understands `sql`, without running it.
    pub async fn prepare(&self, sql: impl Into<Cow<'static, str>>) -> Result<(), StoreError> {
        let query = Query::new(sql, Vec::new());
        match &self.0.db {
            Db::Sqlite(db) => db.reads.prepare(&query),
            Db::Postgres(db) => db.reads.prepare(&query).await,
        }
    }

    /// Commits `job`: all of it or nothing. Returns after it is on disk.
    ///
    /// Fails with [`CommitError::Conflict`] when a guard does not hold, and at once with [`CommitError::Overloaded`] when the queue is full.
    /// Once queued, the job is carried out even if the caller stops waiting.
    pub async fn commit(&self, job: Job) -> Result<Receipt, CommitError> {
        let place = self.0.places.clone().try_acquire_owned().map_err(|_| CommitError::Overloaded)?;
        self.commit_from(place, job).await
    }

    /// [`commit`](Self::commit) that waits for its turn when the queue is full, for as long as it takes.
    pub(crate) async fn commit_in_turn(&self, job: Job) -> Result<Receipt, CommitError> {
        let place = self.0.places.clone().acquire_owned().await.map_err(|_| CommitError::Closed)?;
        self.commit_from(place, job).await
    }

    async fn commit_from(&self, place: OwnedSemaphorePermit, job: Job) -> Result<Receipt, CommitError> {
        if job.has_nul() {
            return Err(CommitError::NulInText);
        }
        let (reply, outcome) = oneshot::channel();
        let pending = Pending { job, reply, place: Some(place) };
        match &self.0.db {
            Db::Sqlite(db) => db.submit(pending)?,
            Db::Postgres(db) => db.submit(pending)?,
        }
        // The writer drops a reply only when it ends.
        outcome.await.unwrap_or(Err(CommitError::Closed))
    }

    /// For lists and reports: other connections, few at a time, with a time-out, so that no report slows a login.
    pub fn reader(&self) -> Reader {
        Reader(self.clone())
    }

    pub(crate) fn master(&self) -> Arc<MasterKey> {
        self.0.master.read().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Wraps all keys under a new master key, which replaces the one in `key_file`; the old one is kept beside it as `KEY_FILE.old`,
    /// because backups made before need it.
    ///
    /// May be interrupted at any point and run again: until all keys are rewrapped the file holds both master keys. Other nodes of the same database
    /// must be given the new file and be restarted.
    pub async fn rotate_master(&self, key_file: &Path) -> Result<(), StoreError> {
        let new = Arc::new(MasterKey::from_file(key_file)?.begin_rotation(key_file)?);
        *self.0.master.write().unwrap_or_else(PoisonError::into_inner) = new.clone();
        loop {
            let keys = self.query(SELECT_KEYS, vec![]).await?;
            let keys = keys.iter().map(WrappedKey::from_row).collect::<Result<Vec<_>, _>>()?;
            let mut job = Job::new();
            for old in keys.iter().filter(|key| !new.wraps(&key.wrapped)) {
                job = job.step(super::Step::one(UPDATE_KEY, old.replace_args(&new.rewrap(old)?)));
            }
            if job.guards.is_empty() {
                return Ok(new.finish_rotation(key_file)?);
            }
            match self.commit(job).await {
                // Somebody else has replaced or added keys meanwhile: look again.
                Ok(_) | Err(CommitError::Conflict { .. }) => {}
                Err(error) => return Err(StoreError::Unavailable(Arc::new(error))),
            }
        }
    }

    pub(crate) fn effects_signal(&self) -> Arc<Notify> {
        self.0.signals.effects.clone()
    }

    /// The keys.
    pub fn vault(&self) -> &Vault {
        &self.0.vault
    }

    /// Creates the keys of `account` unless it has them. To be called before the first secret of a new account is sealed.
    pub async fn ensure_keys(&self, account: &str) -> Result<(), StoreError> {
        if self.0.vault.has_keys(account) {
            return Ok(());
        }
        let mut job = Job::new();
        for purpose in Purpose::ACCOUNT {
            let key = WrappedKey::generate(&self.master(), account, purpose, 1)?;
            job = job.step(super::Step::any(INSERT_KEY, key.insert_args(super::now())));
        }
        self.commit(job).await.map_err(|error| StoreError::Unavailable(Arc::new(error)))?;
        self.load_keys().await
    }

    /// Takes in keys that other nodes have created.
    pub async fn load_keys(&self) -> Result<(), StoreError> {
        for row in self.query(SELECT_KEYS, vec![]).await? {
            self.0.vault.admit(&self.master(), &WrappedKey::from_row(&row)?)?;
        }
        Ok(())
    }

    /// Gives the other nodes of the database a hint, one line of text. It may be lost; whoever hears it looks at the row. On SQLite there are no others.
    pub fn tell_others(&self, hint: String) {
        match &self.0.db {
            Db::Postgres(db) => db.bell.tell(hint),
            Db::Sqlite(_) => {}
        }
    }

    /// The hints of other nodes from now on; `None` where there are no others.
    pub fn hints(&self) -> Option<broadcast::Receiver<Arc<str>>> {
        match &self.0.db {
            Db::Postgres(db) => Some(db.bell.listen()),
            Db::Sqlite(_) => None,
        }
    }

    /// Rises when another process wrote to the database: whatever was cached before is to be dropped.
    ///
    /// SQLite notices with the next batch of commits. On PostgreSQL other nodes write all the time; there a cache lives only by its guards.
    pub fn epoch(&self) -> u64 {
        self.0.signals.epoch.load(Ordering::Acquire)
    }

    /// The database's own name, made when it was created.
    pub fn database_id(&self) -> &str {
        &self.0.database_id
    }

    /// How often the database was restored, plus one. Codes, sessions and pushes of an earlier generation are void.
    pub fn generation(&self) -> i64 {
        self.0.generation
    }

    /// Takes no more jobs, waits until all that were taken are committed and answered, and closes the database.
    pub async fn shutdown(&self) {
        match &self.0.db {
            Db::Postgres(db) => db.shutdown().await,
            Db::Sqlite(_) => {
                let store = self.clone();
                let done = tokio::task::spawn_blocking(move || {
                    if let Db::Sqlite(db) = &store.0.db {
                        db.shutdown();
                    }
                });
                if let Err(error) = done.await {
                    tracing::error!(%error, "the store did not shut down cleanly");
                }
            }
        }
        if let Err(error) = self.write_checkpoint(Via::OwnConnection).await {
            tracing::error!(error = &error as &dyn std::error::Error, "no last checkpoint of the audit log");
        }
        self.0.exports.flush().await;
    }
}

#[cfg(feature = "testing")]
impl Store {
    /// Takes every place that lists and reports have, as so many slow ones would, until what it gives is dropped.
    pub async fn occupy_reports(&self) -> Vec<impl Sized + '_> {
        let mut taken = Vec::with_capacity(REPORTS);
        for _ in 0..REPORTS {
            taken.push(self.0.reports.acquire().await);
        }
        taken
    }
}

/// Reads for lists and reports.
#[derive(Debug, Clone)]
pub struct Reader(Store);

impl Reader {
    /// What is remembered of long lists.
    pub(crate) fn lists(&self) -> &Lists {
        &self.0.0.lists
    }

    /// Reads rows; fails with [`StoreError::Timeout`] after the configured time.
    pub async fn query(&self, sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
        let query = Query::new(sql, args);
        query.check()?;
        let inner = &self.0.0;
        let deadline = Instant::now() + inner.report_timeout;
        let permit = tokio::time::timeout(inner.report_timeout, inner.reports.acquire()).await;
        let _permit = permit.map_err(|_| StoreError::Timeout)?.map_err(|_| StoreError::Closed)?;
        match &inner.db {
            Db::Sqlite(db) => {
                let pool = db.reads.clone();
                let read = tokio::task::spawn_blocking(move || pool.query_until(&query, deadline));
                read.await.map_err(|error| StoreError::Unavailable(Arc::new(error)))?
            }
            Db::Postgres(db) => db.reports.query(&query).await,
        }
    }

    /// Reads the first row.
    pub async fn query_opt(
        &self,
        sql: impl Into<Cow<'static, str>>,
        args: Vec<Value>,
    ) -> Result<Option<Row>, StoreError> {
        Ok(self.query(sql, args).await?.into_iter().next())
    }
}
