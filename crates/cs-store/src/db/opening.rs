//! A database before it takes jobs: while it is opened or restored.

use std::borrow::Cow;
use std::sync::Arc;

use super::dialect::plan;
use super::postgres;
use super::sqlite;
use super::store::{Db, Signals};
use super::{Database, Row, StoreConfig, StoreError, Value};
use crate::args;
use crate::audit::Chain;

const SELECT_META: &str = "SELECT value FROM meta WHERE name = $1";
const INSERT_META: &str = "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";

/// Runs one query on a database that may be of another version, and changes nothing in it.
pub(crate) async fn glance(database: Database, sql: &'static str, args: Vec<Value>) -> Result<Vec<Row>, StoreError> {
    match database {
        Database::Sqlite(path) => {
            let look = move || sqlite::glance(&path, &plan(&Cow::Borrowed(sql)).sqlite, &args);
            tokio::task::spawn_blocking(look).await.map_err(|error| StoreError::Unavailable(Arc::new(error)))?
        }
        Database::Postgres(address) => postgres::glance(&address, sql, &args).await,
    }
}

/// A database that is open and migrated, but does not take jobs yet.
pub(crate) struct Opening(Engine);

enum Engine {
    Sqlite(sqlite::Opening),
    Postgres(postgres::Opening),
}

impl Opening {
    /// Opens `database` and migrates it to schema `version`, or to the newest.
    pub(crate) async fn open(database: Database, version: Option<i32>) -> Result<Self, StoreError> {
        match database {
            Database::Sqlite(path) => {
                let opening = tokio::task::spawn_blocking(move || sqlite::Opening::open(&path, version));
                opening
                    .await
                    .map_err(|error| StoreError::Unavailable(Arc::new(error)))?
                    .map(|db| Self(Engine::Sqlite(db)))
            }
            Database::Postgres(address) => {
                postgres::Opening::open(&address, version).await.map(|db| Self(Engine::Postgres(db)))
            }
        }
    }

    pub(crate) async fn query(&self, sql: &'static str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        match &self.0 {
            Engine::Sqlite(db) => db.query(&plan(&Cow::Borrowed(sql)).sqlite, args),
            Engine::Postgres(db) => db.query(sql, args).await,
        }
    }

    pub(crate) async fn execute(&self, sql: impl Into<Cow<'static, str>>, args: &[Value]) -> Result<(), StoreError> {
        let sql = sql.into();
        match &self.0 {
            Engine::Sqlite(db) => db.execute(&plan(&sql).sqlite, args).map(|_| ()),
            Engine::Postgres(db) => db.execute(&sql, args).await.map(|_| ()),
        }
    }

    /// Runs `sql` once per row, in one go.
    pub(crate) async fn execute_many(&self, sql: &str, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        match &self.0 {
            Engine::Sqlite(db) => {
                let sql = plan(&Cow::Owned(sql.to_owned())).sqlite.clone();
                rows.iter().try_for_each(|row| db.execute(&sql, row).map(|_| ()))
            }
            Engine::Postgres(db) => db.execute_many(sql, rows).await,
        }
    }

    /// The tables of our schema, by name.
    pub(crate) async fn tables(&self) -> Result<Vec<String>, StoreError> {
        let rows = match &self.0 {
            Engine::Sqlite(db) => db.query(sqlite::TABLES, &[])?,
            Engine::Postgres(db) => db.query(postgres::TABLES, &[]).await?,
        };
        rows.iter().map(|row| Ok(row.text(0)?)).collect()
    }

    /// A fact about the database; `value` if it has none yet.
    pub(super) async fn fact(&self, name: &'static str, value: String) -> Result<String, StoreError> {
        self.execute(INSERT_META, &args![name, value]).await?;
        let rows = self.query(SELECT_META, &args![name]).await?;
        Ok(rows.first().ok_or_else(|| StoreError::corrupt("meta", name))?.text(0)?)
    }

    pub(super) fn lanes(&self) -> usize {
        match &self.0 {
            Engine::Sqlite(_) => 1,
            Engine::Postgres(_) => postgres::LANES,
        }
    }

    pub(super) fn start(
        self,
        mut chains: Vec<Chain>,
        config: &StoreConfig,
        signals: &Signals,
    ) -> Result<Db, StoreError> {
        match self.0 {
            Engine::Sqlite(db) => {
                let chain = chains.pop().ok_or(StoreError::Closed)?;
                db.start(chain, config.queue, config.max_pages, signals.clone()).map(Db::Sqlite)
            }
            Engine::Postgres(db) => Ok(Db::Postgres(db.start(chains, config.queue, config.report_timeout, signals))),
        }
    }
}
