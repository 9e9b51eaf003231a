//! SQLite: one writer thread with group commit, reads inline on the calling thread.

mod checkpointer;
mod planner;
mod pool;
mod writer;

use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;
use std::sync::mpsc::{SyncSender, TrySendError, sync_channel};
use std::sync::{Arc, Mutex, PoisonError};
use std::thread::JoinHandle;
use std::time::Duration;

use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{Connection, OpenFlags, Statement, ToSql};

use super::dialect::plan;
use super::migrations::Schema;
use super::store::{Pending, Signals};
use super::{CommitError, Job, Row, StoreError, Value, migrations};
use crate::audit::Chain;
pub(super) use pool::Pool;
use writer::Writer;

/// The tables of our schema.
pub(super) const TABLES: &str = "SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%' \
    AND name <> 'refinery_schema_history' ORDER BY name";
/// Most jobs in one transaction.
const BATCH: usize = 512;
/// How often starting processes try to migrate when others do the same.
const MIGRATION_TRIES: u32 = 10;
/// Statements kept prepared per connection.
const PREPARED: usize = 256;

/// Makes a new database file that only its owner can read. SQLite gives its companions (`-wal`, `-shm`) the mode of the file itself.
fn create_private(path: &Path) -> Result<(), StoreError> {
    use std::os::unix::fs::OpenOptionsExt;
    match std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path) {
        Ok(_) => Ok(()),
        Err(error) if error.kind() == std::io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(StoreError::File { path: path.display().to_string(), cause: Arc::new(error) }),
    }
}

/// A database that is open and migrated, but does not take jobs yet.
pub(super) struct Opening {
    path: PathBuf,
    writer: Connection,
}

/// Runs one query over a connection of its own, which cannot write.
pub(super) fn glance(path: &Path, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
    query(&connect(path, Access::Read)?, sql, args)
}

impl Opening {
    /// Opens or creates the file and brings it to this version's schema. While other processes that start do the same, some of its steps cannot wait for
    /// theirs (SQLite: the change to a write-ahead log); then all of it is tried again.
    pub(super) fn open(path: &Path, version: Option<i32>) -> Result<Self, StoreError> {
        create_private(path)?;
        let mut tries = 0;
        loop {
            match Self::try_open(path, version) {
                Err(StoreError::Unavailable(_)) if tries < MIGRATION_TRIES => tries += 1,
                outcome => return outcome,
            }
            std::thread::park_timeout(Duration::from_millis(100));
        }
    }

    fn try_open(path: &Path, version: Option<i32>) -> Result<Self, StoreError> {
        let mut writer = connect(path, Access::Write)?;
        let runner = migrations::runner(migrations::SQLITE, version)?;
        let migrated: i64 = writer.query_row(
            "SELECT count(*) FROM sqlite_master WHERE name = 'refinery_schema_history'",
            [],
            |row| row.get(0),
        )?;
        let mut schema = Schema::Migrate;
        if migrated > 0 {
            let found = migrations::version(runner.get_last_applied_migration(&mut writer).map_err(migration)?);
            let known = migrations::newest(&runner);
            let oldest = if found > known { query(&writer, migrations::SELECT_OLDEST, &[])? } else { Vec::new() };
            let oldest = oldest.first().map(|row| row.text(0)).transpose()?;
            schema = migrations::judge(found, known, oldest.as_deref())?;
        }
        let mut tries = 0;
        while schema == Schema::Migrate
            && let Err(error) = runner.run(&mut writer)
        {
            tries += 1;
            if tries > MIGRATION_TRIES {
                return Err(migration(error));
            }
            // Another process migrates at the same moment: its tables are there next time.
            std::thread::park_timeout(Duration::from_millis(100));
        }
        if schema == Schema::Migrate && version.is_none() {
            let sql = &plan(&std::borrow::Cow::Borrowed(migrations::SET_OLDEST)).sqlite;
            writer.execute(sql, (migrations::OLDEST_NAME, migrations::OLDEST_WORKING.to_string()))?;
        }
        planner::inform(&mut writer)?;
        Ok(Self { path: path.to_owned(), writer })
    }

    pub(super) fn query(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        query(&self.writer, sql, args)
    }

    pub(super) fn execute(&self, sql: &str, args: &[Value]) -> Result<usize, StoreError> {
        Ok(self.writer.prepare_cached(sql)?.execute(rusqlite::params_from_iter(args))?)
    }

    /// Starts the writer and the checkpointer.
    pub(super) fn start(
        self,
        chain: Chain,
        queue: usize,
        max_pages: Option<u32>,
        signals: Signals,
    ) -> Result<Sqlite, StoreError> {
        if let Some(pages) = max_pages {
            self.writer.pragma_update(None, "max_page_count", pages)?;
        }
        let (jobs, waiting) = sync_channel(queue);
        let (wrote, written) = sync_channel(1);
        let checkpoints = connect(&self.path, Access::Write)?;
        let is_large = Arc::new(AtomicBool::new(false));
        let writer = Writer::new(self.writer, chain, signals, wrote, is_large.clone());
        let threads = vec![
            spawn("cs-store-writer", move || writer.run(&waiting))?,
            spawn("cs-store-wal", move || checkpointer::run(&checkpoints, &written, &is_large))?,
        ];
        Ok(Sqlite {
            path: self.path.clone(),
            reads: Arc::new(Pool::new(self.path.clone(), Duration::from_secs(1))),
            jobs: Mutex::new(Some(jobs)),
            threads: Mutex::new(threads),
        })
    }
}

fn spawn(name: &str, run: impl FnOnce() + Send + 'static) -> Result<JoinHandle<()>, StoreError> {
    std::thread::Builder::new()
        .name(name.to_owned())
        .spawn(run)
        .map_err(|error| StoreError::Unavailable(Arc::new(error)))
}

fn migration(error: refinery::Error) -> StoreError {
    StoreError::Migration(Arc::new(error))
}

/// An open SQLite database.
pub(super) struct Sqlite {
    path: PathBuf,
    pub(super) reads: Arc<Pool>,
    jobs: Mutex<Option<SyncSender<Pending>>>,
    threads: Mutex<Vec<JoinHandle<()>>>,
}

impl Sqlite {
    /// Queues `pending`, or refuses it at once when the queue is full.
    pub(super) fn submit(&self, pending: Pending) -> Result<(), CommitError> {
        match self.jobs.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            None => Err(CommitError::Closed),
            Some(jobs) => jobs.try_send(pending).map_err(|error| match error {
                TrySendError::Full(_) => CommitError::Overloaded,
                TrySendError::Disconnected(_) => CommitError::Closed,
            }),
        }
    }

    /// Runs the steps of `job` over a connection of its own.
    pub(super) fn write_alone(&self, job: &Job) -> Result<(), CommitError> {
        let failed = |error: rusqlite::Error| CommitError::Unavailable(Arc::new(error));
        let mut connection =
            connect(&self.path, Access::Write).map_err(|error| CommitError::Unavailable(Arc::new(error)))?;
        let transaction = connection.transaction().map_err(failed)?;
        for step in &job.guards {
            let sql = &plan(&step.sql).sqlite;
            transaction.execute(sql, rusqlite::params_from_iter(&step.args)).map_err(failed)?;
        }
        transaction.commit().map_err(failed)
    }

    /// Takes no more jobs, waits until those that wait are committed, and empties the WAL.
    pub(super) fn shutdown(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        let threads = std::mem::take(&mut *self.threads.lock().unwrap_or_else(PoisonError::into_inner));
        for thread in threads {
            // A thread that panicked has already reported it.
            drop(thread.join());
        }
        self.reads.close();
    }
}

/// What a connection may do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Access {
    Read,
    Write,
}

/// A connection with our settings.
pub(super) fn connect(path: &Path, access: Access) -> Result<Connection, StoreError> {
    let flags = match access {
        Access::Read => OpenFlags::SQLITE_OPEN_READ_ONLY,
        Access::Write => OpenFlags::SQLITE_OPEN_READ_WRITE | OpenFlags::SQLITE_OPEN_CREATE,
    };
    let connection = Connection::open_with_flags(path, flags | OpenFlags::SQLITE_OPEN_NO_MUTEX)?;
    connection.busy_timeout(Duration::from_secs(5))?;
    connection.set_prepared_statement_cache_capacity(PREPARED);
    // Without it SQLite compiles a statement again whenever a value is bound that might suit another index (partial ones here):
    // that was more than a third of a login.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    if access == Access::Write {
        connection.pragma_update(None, "journal_mode", "wal")?;
        connection.pragma_update(None, "synchronous", "full")?;
        connection.pragma_update(None, "wal_autocheckpoint", 0)?;
        // A batch changes some megabytes of pages: with the default cache they are written out and read again in the middle of it,
        // and savepoints would keep their old pages in a temporary file. More would not be better: a commit in which a page was split walks
        // through the whole table of cached pages, which took 8 % of a login with 32 MB.
        connection.pragma_update(None, "cache_size", -8 * 1024)?;
        connection.pragma_update(None, "temp_store", "memory")?;
    }
    connection.pragma_update(None, "foreign_keys", "on")?;
    Ok(connection)
}

/// Runs a statement that returns rows. `sql` has `?N`.
pub(super) fn query(connection: &Connection, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
    let mut out = Vec::new();
    let mut statement = connection.prepare_cached(sql)?;
    each(&mut statement, args, &mut |row| {
        out.push(row);
        Ok(())
    })?;
    Ok(out)
}

/// Runs a statement without arguments and hands over each row as it comes.
pub(super) fn stream(
    connection: &Connection,
    sql: &str,
    row: &mut dyn FnMut(Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    each(&mut connection.prepare(sql)?, &[], row)
}

fn each(
    statement: &mut Statement<'_>,
    args: &[Value],
    each: &mut dyn FnMut(Row) -> Result<(), StoreError>,
) -> Result<(), StoreError> {
    let columns = statement.column_count();
    let mut rows = statement.query(rusqlite::params_from_iter(args))?;
    while let Some(row) = rows.next()? {
        let values = (0..columns).map(|index| value(row.get_ref(index)?, index)).collect::<Result<_, _>>()?;
        each(Row::new(values))?;
    }
    Ok(())
}

fn value(value: ValueRef<'_>, column: usize) -> Result<Value, StoreError> {
    let wrong = |expected| StoreError::Column(super::ColumnError { column, expected });
    Ok(match value {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(n) => Value::Int(n),
        ValueRef::Text(bytes) => Value::Text(String::from_utf8(bytes.to_vec()).map_err(|_| wrong("UTF-8"))?),
        ValueRef::Blob(bytes) => Value::Blob(bytes.to_vec()),
        ValueRef::Real(_) => return Err(wrong("of a type this program uses")),
    })
}

impl ToSql for Value {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Int(n) => ValueRef::Integer(*n),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
            Self::Blob(bytes) => ValueRef::Blob(bytes),
        }))
    }
}
