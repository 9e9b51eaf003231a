//! Read connections, taken and returned without waiting.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use rusqlite::Connection;

use super::super::dialect::plan;
use super::super::store::Query;
use super::{Access, connect, query};
use crate::db::{Row, StoreError};

/// How many idle connections are kept.
const IDLE: usize = 32;
/// Virtual machine steps between two looks at the clock.
const STEPS_PER_LOOK: i32 = 4_000;

/// A pool of read connections to one file.
///
/// A point read takes about 10 µs, so it runs on the calling thread: handing it to another thread would cost more than the read.
pub(in crate::db) struct Pool {
    path: PathBuf,
    busy_timeout: Duration,
    idle: Mutex<Option<Vec<Connection>>>,
}

impl Pool {
    pub(super) fn new(path: PathBuf, busy_timeout: Duration) -> Self {
        Self { path, busy_timeout, idle: Mutex::new(Some(Vec::new())) }
    }

    /// Reads on the calling thread.
    pub(in crate::db) fn query(&self, query_: &Query) -> Result<Vec<Row>, StoreError> {
        let connection = self.take()?;
        let rows = query(&connection, &plan(&query_.sql).sqlite, &query_.args);
        self.give_back(connection);
        rows
    }

    /// Compiles a statement.
    pub(in crate::db) fn prepare(&self, query: &Query) -> Result<(), StoreError> {
        let connection = self.take()?;
        let outcome = connection.prepare(&plan(&query.sql).sqlite).map(|_| ());
        self.give_back(connection);
        Ok(outcome?)
    }

    /// Several reads of one state of the database.
    pub(in crate::db) fn query_many(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>, StoreError> {
        let connection = self.take()?;
        connection.prepare_cached("BEGIN")?.execute([])?;
        let rows = queries.iter().map(|one| query(&connection, &plan(&one.sql).sqlite, &one.args)).collect();
        connection.prepare_cached("COMMIT")?.execute([])?;
        self.give_back(connection);
        rows
    }

    /// Reads for a list or report: ends with [`StoreError::Timeout`] at `deadline`.
    pub(in crate::db) fn query_until(&self, query_: &Query, deadline: Instant) -> Result<Vec<Row>, StoreError> {
        let mut connection = self.take()?;
        connection.progress_handler(STEPS_PER_LOOK, Some(move || Instant::now() > deadline))?;
        let rows = query(&connection, &plan(&query_.sql).sqlite, &query_.args);
        connection.progress_handler(0, None::<fn() -> bool>)?;
        self.give_back(connection);
        rows
    }

    /// Closes idle connections and opens no more.
    pub(super) fn close(&self) {
        drop(self.idle.lock().unwrap_or_else(PoisonError::into_inner).take());
    }

    /// A connection of the pool, or a new one: readers never wait for one another.
    pub(in crate::db) fn take(&self) -> Result<Connection, StoreError> {
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut().map(Vec::pop);
        match idle {
            None => Err(StoreError::Closed),
            Some(Some(connection)) => Ok(connection),
            Some(None) => {
                let connection = connect(&self.path, Access::Read)?;
                connection.busy_timeout(self.busy_timeout)?;
                Ok(connection)
            }
        }
    }

    pub(in crate::db) fn give_back(&self, connection: Connection) {
        if let Some(idle) = self.idle.lock().unwrap_or_else(PoisonError::into_inner).as_mut()
            && idle.len() < IDLE
        {
            idle.push(connection);
        }
    }
}
