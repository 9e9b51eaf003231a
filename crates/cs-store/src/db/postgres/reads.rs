//! Reads over a few connections that many callers share: requests are pipelined, nobody waits for a connection.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::TryStreamExt;
use tokio_postgres::Client;

use super::{Address, Prepared, types};
use crate::db::store::Query;
use crate::db::{Row, StoreError};

/// A set of read connections.
pub(in crate::db) struct Reads {
    address: Arc<Address>,
    /// What each connection runs first.
    setup: String,
    connections: Vec<tokio::sync::Mutex<Option<Arc<Connection>>>>,
    next: AtomicUsize,
}

struct Connection {
    client: Client,
    prepared: Mutex<Prepared>,
}

impl Reads {
    pub(super) fn new(address: Arc<Address>, connections: usize, setup: String) -> Self {
        let connections = (0..connections).map(|_| tokio::sync::Mutex::default()).collect();
        Self { address, setup, connections, next: AtomicUsize::new(0) }
    }

    /// Reads rows. A connection found dead is replaced and the read done again, once.
    pub(in crate::db) async fn query(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let connection = self.connection().await?;
        match connection.query(query).await {
            Err(StoreError::Unavailable(_)) if connection.client.is_closed() => {
                self.connection().await?.query(query).await
            }
            outcome => outcome,
        }
    }

    /// Compiles a statement.
    pub(in crate::db) async fn prepare(&self, query: &Query) -> Result<(), StoreError> {
        self.connection().await?.client.prepare(&query.sql).await?;
        Ok(())
    }

    /// Several reads, sent together.
    pub(in crate::db) async fn query_many(&self, queries: &[Query]) -> Result<Vec<Vec<Row>>, StoreError> {
        super::pipeline(queries.iter().map(|query| self.query(query)).collect()).await.into_iter().collect()
    }

    /// A connection of its own, in a read-only transaction that sees one state of the database throughout.
    pub(in crate::db) async fn snapshot(&self) -> Result<Client, StoreError> {
        let client = self.address.connect("SET statement_timeout = 0").await?;
        client.batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY").await?;
        Ok(client)
    }

    async fn connection(&self) -> Result<Arc<Connection>, StoreError> {
        let index = self.next.fetch_add(1, Ordering::Relaxed) % self.connections.len();
        let mut slot = self.connections[index].lock().await;
        if let Some(connection) = slot.as_ref()
            && !connection.client.is_closed()
        {
            return Ok(connection.clone());
        }
        let client = self.address.connect(&self.setup).await?;
        let connection = Arc::new(Connection { client, prepared: Mutex::default() });
        *slot = Some(connection.clone());
        Ok(connection)
    }
}

impl Connection {
    async fn query(&self, query: &Query) -> Result<Vec<Row>, StoreError> {
        let known = self.prepared.lock().unwrap_or_else(PoisonError::into_inner).find(&query.sql).cloned();
        let statement = match known {
            Some(statement) => statement,
            None => {
                let statement = self.client.prepare(&query.sql).await?;
                let mut prepared = self.prepared.lock().unwrap_or_else(PoisonError::into_inner);
                prepared.keep(query.sql.clone(), statement.clone());
                statement
            }
        };
        types::rows(self.client.query_raw(&statement, &query.args).await?).await
    }
}

/// Reads rows in a transaction of the caller, handing over each as it comes.
pub(in crate::db) async fn stream(
    client: &Client,
    sql: &str,
    each: &mut (dyn FnMut(Row) -> Result<(), StoreError> + Send),
) -> Result<(), StoreError> {
    let statement = client.prepare(sql).await?;
    let mut rows = std::pin::pin!(client.query_raw(&statement, Vec::<crate::db::Value>::new()).await?);
    while let Some(row) = rows.try_next().await? {
        each(types::row(&row)?)?;
    }
    Ok(())
}

/// All rows, in a transaction of the caller.
pub(in crate::db) async fn all(client: &Client, sql: &str, args: &[crate::db::Value]) -> Result<Vec<Row>, StoreError> {
    let statement = client.prepare(sql).await?;
    types::rows(client.query_raw(&statement, args).await?).await
}
