//! PostgreSQL: a few writer lanes, each one connection and one batch at a time; reads over shared, pipelined connections.

mod bell;
mod bulk;
mod connect;
mod grouped;
mod lane;
pub(in crate::db) mod reads;
mod types;

use std::borrow::Cow;
use std::collections::HashMap;
use std::future::Future;
use std::pin::Pin;
use std::sync::{Arc, PoisonError};
use std::task::Poll;
use std::time::Duration;

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_postgres::error::SqlState;
use tokio_postgres::{Client, Statement};

use super::migrations::Schema;
use super::store::{Pending, Signals};
use super::{CommitError, Job, Row, StoreError, Value, migrations};
use crate::audit::Chain;
use crate::facts;
use bell::Bell;
pub(in crate::db) use connect::Address;
use grouped::Grouped;
use lane::Lane;
pub(in crate::db) use reads::Reads;

/// The tables of our schema.
pub(in crate::db) const TABLES: &str = "SELECT CAST(table_name AS TEXT) FROM information_schema.tables \
    WHERE table_schema = current_schema() AND table_type = 'BASE TABLE' AND table_name <> 'refinery_schema_history' \
    ORDER BY 1";
/// Connections that write.
pub(in crate::db) const LANES: usize = 2;
/// How often starting nodes try to migrate when others do the same.
const MIGRATION_TRIES: u32 = 10;

/// A database that is reachable and migrated, but does not take jobs yet.
pub(in crate::db) struct Opening {
    address: Arc<Address>,
    client: Client,
}

/// Runs one query over a connection of its own; nothing is migrated.
pub(in crate::db) async fn glance(address: &str, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
    let address = Arc::new(Address::parse(address)?);
    let client = address.connect("").await?;
    Opening { address, client }.query(sql, args).await
}

impl Opening {
    /// Connects and brings the database to this version's schema.
    pub(in crate::db) async fn open(address: &str, version: Option<i32>) -> Result<Self, StoreError> {
        let address = Arc::new(Address::parse(address)?);
        let mut client = address.connect("").await?;
        let runner = migrations::runner(migrations::POSTGRES, version)?;
        let mut tries = 0;
        loop {
            let mut schema = Schema::Migrate;
            let migrated = client.query_one("SELECT to_regclass('refinery_schema_history') IS NOT NULL", &[]).await?;
            if migrated.try_get(0)? {
                let found = runner.get_last_applied_migration_async(&mut client).await.map_err(migration)?;
                let (found, known) = (migrations::version(found), migrations::newest(&runner));
                let oldest: Option<String> = match found > known {
                    true => {
                        client.query_opt(migrations::SELECT_OLDEST, &[]).await?.map(|row| row.try_get(0)).transpose()?
                    }
                    false => None,
                };
                schema = migrations::judge(found, known, oldest.as_deref())?;
            }
            if schema == Schema::WorkOn {
                return Ok(Self { address, client });
            }
            match runner.run_async(&mut client).await {
                Ok(_) => {
                    let oldest = migrations::OLDEST_WORKING.to_string();
                    if version.is_none() {
                        client.execute(migrations::SET_OLDEST, &[&migrations::OLDEST_NAME, &oldest]).await?;
                    }
                    return Ok(Self { address, client });
                }
                // Another node migrates at the same moment: its tables are there next time.
                Err(_) if tries < MIGRATION_TRIES => {
                    tries += 1;
                    tokio::time::sleep(Duration::from_millis(200)).await;
                }
                Err(error) => return Err(migration(error)),
            }
        }
    }

    pub(in crate::db) async fn query(&self, sql: &str, args: &[Value]) -> Result<Vec<Row>, StoreError> {
        let statement = self.client.prepare(sql).await?;
        types::rows(self.client.query_raw(&statement, args).await?).await
    }

    pub(in crate::db) async fn execute(&self, sql: &str, args: &[Value]) -> Result<u64, StoreError> {
        let statement = self.client.prepare(sql).await?;
        Ok(self.client.execute_raw(&statement, args).await?)
    }

    pub(in crate::db) async fn execute_many(&self, sql: &str, rows: Vec<Vec<Value>>) -> Result<(), StoreError> {
        let statement = self.client.prepare(sql).await?;
        let writes = rows.iter().map(|row| self.client.execute_raw(&statement, row)).collect();
        for outcome in pipeline(writes).await {
            outcome?;
        }
        Ok(())
    }

    /// Starts one lane per chain.
    pub(in crate::db) fn start(
        self,
        chains: Vec<Chain>,
        queue: usize,
        report_timeout: Duration,
        signals: &Signals,
    ) -> Postgres {
        let (jobs, waiting) = mpsc::channel(queue);
        let waiting = Arc::new(tokio::sync::Mutex::new(waiting));
        let lanes = chains
            .into_iter()
            .enumerate()
            .map(|(number, chain)| {
                let lane = Lane::new(number, self.address.clone(), chain, signals.clone());
                tokio::spawn(lane.run(waiting.clone()))
            })
            .collect();
        let reads = Arc::new(Reads::new(self.address.clone(), 2, String::new()));
        Postgres {
            bell: Bell::start(self.address.clone()),
            address: self.address.clone(),
            user_versions: Grouped::start(reads.clone(), facts::VERSIONS),
            reads,
            // 0 would be no limit.
            reports: Reads::new(
                self.address,
                2,
                format!("SET statement_timeout = {}", report_timeout.as_millis().max(1)),
            ),
            jobs: std::sync::Mutex::new(Some(jobs)),
            lanes: tokio::sync::Mutex::new(lanes),
        }
    }
}

fn migration(error: refinery::Error) -> StoreError {
    StoreError::Migration(Arc::new(error))
}

/// An open PostgreSQL database.
pub(in crate::db) struct Postgres {
    address: Arc<Address>,
    pub(in crate::db) bell: Bell,
    pub(in crate::db) reads: Arc<Reads>,
    /// The versions of users: see [`facts::VERSIONS`].
    pub(in crate::db) user_versions: Grouped,
    pub(in crate::db) reports: Reads,
    jobs: std::sync::Mutex<Option<mpsc::Sender<Pending>>>,
    lanes: tokio::sync::Mutex<Vec<JoinHandle<()>>>,
}

impl Postgres {
    /// Queues `pending`, or refuses it at once when the queue is full.
    pub(in crate::db) fn submit(&self, pending: Pending) -> Result<(), CommitError> {
        match self.jobs.lock().unwrap_or_else(PoisonError::into_inner).as_ref() {
            None => Err(CommitError::Closed),
            Some(jobs) => jobs.try_send(pending).map_err(|error| match error {
                mpsc::error::TrySendError::Full(_) => CommitError::Overloaded,
                mpsc::error::TrySendError::Closed(_) => CommitError::Closed,
            }),
        }
    }

    /// Runs the steps of `job` over a connection of its own.
    pub(in crate::db) async fn write_alone(&self, job: &Job) -> Result<(), CommitError> {
        let failed = |error: StoreError| CommitError::Unavailable(Arc::new(error));
        let mut client = self.address.connect("").await.map_err(failed)?;
        let write = async {
            let transaction = client.transaction().await?;
            for step in &job.guards {
                let statement = transaction.prepare(&step.sql).await?;
                transaction.execute_raw(&statement, &step.args).await?;
            }
            transaction.commit().await
        };
        write.await.map_err(|error| failed(error.into()))
    }

    /// Takes no more jobs and waits until those that wait are committed.
    pub(in crate::db) async fn shutdown(&self) {
        drop(self.jobs.lock().unwrap_or_else(PoisonError::into_inner).take());
        for lane in self.lanes.lock().await.drain(..) {
            if let Err(error) = lane.await {
                tracing::error!(%error, "a writer lane did not end cleanly");
            }
        }
    }
}

/// Prepared statements of one connection, by text.
#[derive(Default)]
struct Prepared(HashMap<Cow<'static, str>, Statement>);

/// Most statements kept per connection; beyond it (texts made at run time) all are forgotten.
const PREPARED: usize = 512;

impl Prepared {
    fn find(&self, sql: &str) -> Option<&Statement> {
        self.0.get(sql)
    }

    fn keep(&mut self, sql: Cow<'static, str>, statement: Statement) {
        if self.0.len() >= PREPARED {
            self.0.clear();
        }
        self.0.insert(sql, statement);
    }
}

/// Starts all futures in order, so that their requests leave in one go, then waits for the answers in order.
async fn pipeline<F: Future>(futures: Vec<F>) -> Vec<F::Output> {
    let mut futures: Vec<Pin<Box<F>>> = futures.into_iter().map(Box::pin).collect();
    let mut early: Vec<Option<F::Output>> = Vec::with_capacity(futures.len());
    std::future::poll_fn(|context| {
        for future in &mut futures {
            early.push(match future.as_mut().poll(context) {
                Poll::Ready(output) => Some(output),
                Poll::Pending => None,
            });
        }
        Poll::Ready(())
    })
    .await;
    let mut outputs = Vec::with_capacity(futures.len());
    for (future, early) in futures.into_iter().zip(early) {
        outputs.push(match early {
            Some(output) => output,
            None => future.await,
        });
    }
    outputs
}

impl From<tokio_postgres::Error> for StoreError {
    fn from(error: tokio_postgres::Error) -> Self {
        match error.code() {
            Some(code) if *code == SqlState::QUERY_CANCELED => Self::Timeout,
            Some(code) if is_defect(code) => Self::Statement(Arc::new(error)),
            _ => Self::Unavailable(Arc::new(error)),
        }
    }
}

/// Whether the database says that the statement or its data is wrong (classes 22, 23 and 42).
fn is_defect(code: &SqlState) -> bool {
    ["22", "23", "42"].iter().any(|class| code.code().starts_with(class))
}
