//! Reads every table as it is at one moment, while the store goes on serving.

use std::sync::Arc;

use super::postgres::{self, reads};
use super::sqlite;
use super::store::{Db, Store};
use super::{Row, StoreError};

const VERSION: &str = "SELECT max(version) FROM refinery_schema_history";
const SQLITE_COLUMNS: &str = "SELECT name, pk FROM pragma_table_info($1) ORDER BY cid";
const POSTGRES_COLUMNS: &str = "SELECT CAST(c.column_name AS TEXT), COALESCE(CAST(k.ordinal_position AS BIGINT), 0) \
    FROM information_schema.columns c LEFT JOIN information_schema.key_column_usage k \
      ON k.table_schema = c.table_schema AND k.table_name = c.table_name AND k.column_name = c.column_name \
      AND k.constraint_name = c.table_name || '_pkey' \
    WHERE c.table_schema = current_schema() AND c.table_name = $1 ORDER BY c.ordinal_position";

/// A table and its columns.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    pub(crate) name: String,
    pub(crate) columns: Vec<String>,
    key: Vec<String>,
}

impl Table {
    /// From rows of a column's name and its place in the primary key, 0 for none.
    fn new(name: String, rows: &[Row]) -> Result<Self, StoreError> {
        let mut columns = Vec::new();
        let mut key = Vec::new();
        for row in rows {
            columns.push(row.text(0)?);
            if row.int(1)? > 0 {
                key.push((row.int(1)?, row.text(0)?));
            }
        }
        key.sort();
        Ok(Self { name, columns, key: key.into_iter().map(|(_, column)| column).collect() })
    }

    fn select(&self) -> String {
        let list = |columns: &[String]| columns.iter().map(|name| format!("\"{name}\"")).collect::<Vec<_>>().join(", ");
        let order = if self.key.is_empty() { String::new() } else { format!(" ORDER BY {}", list(&self.key)) };
        format!("SELECT {} FROM \"{}\"{order}", list(&self.columns), self.name)
    }
}

/// Receives the tables one after the other.
pub(crate) trait Dump: Send + 'static {
    /// First, the schema's version.
    fn begin(&mut self, schema: i64) -> Result<(), StoreError>;
    /// Then each table,
    fn table(&mut self, table: &Table) -> Result<(), StoreError>;
    /// with its rows.
    fn row(&mut self, row: Row) -> Result<(), StoreError>;
}

impl Store {
    /// Hands every table to `dump`, all as of one moment, and gives `dump` back.
    pub(crate) async fn dump<D: Dump>(&self, dump: D) -> Result<D, StoreError> {
        match &self.0.db {
            Db::Sqlite(db) => {
                let pool = db.reads.clone();
                let task = tokio::task::spawn_blocking(move || from_sqlite(&pool, dump));
                task.await.map_err(|error| StoreError::Unavailable(Arc::new(error)))?
            }
            Db::Postgres(db) => from_postgres(&db.reads, dump).await,
        }
    }
}

fn from_sqlite<D: Dump>(pool: &sqlite::Pool, mut dump: D) -> Result<D, StoreError> {
    // Not given back: a connection in the middle of a transaction after an error must not serve logins.
    let connection = pool.take()?;
    connection.execute_batch("BEGIN")?;
    let version = sqlite::query(&connection, VERSION, &[])?;
    dump.begin(version.first().map_or(Ok(0), |row| row.int(0))?)?;
    for row in sqlite::query(&connection, sqlite::TABLES, &[])? {
        let name = row.text(0)?;
        let columns = sqlite::query(&connection, &SQLITE_COLUMNS.replace('$', "?"), &crate::args![name.as_str()])?;
        let table = Table::new(name, &columns)?;
        dump.table(&table)?;
        sqlite::stream(&connection, &table.select(), &mut |row| dump.row(row))?;
    }
    Ok(dump)
}

async fn from_postgres<D: Dump>(reads: &reads::Reads, mut dump: D) -> Result<D, StoreError> {
    let client = reads.snapshot().await?;
    let version = reads::all(&client, VERSION, &[]).await?;
    dump.begin(version.first().map_or(Ok(0), |row| row.int(0))?)?;
    for row in reads::all(&client, postgres::TABLES, &[]).await? {
        let name = row.text(0)?;
        let columns = reads::all(&client, POSTGRES_COLUMNS, &crate::args![name.as_str()]).await?;
        let table = Table::new(name, &columns)?;
        dump.table(&table)?;
        reads::stream(&client, &table.select(), &mut |row| dump.row(row)).await?;
    }
    Ok(dump)
}
