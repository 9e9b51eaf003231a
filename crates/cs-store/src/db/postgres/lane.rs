//! One writer lane: one connection, one batch at a time.

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::mpsc::Receiver;
use tokio::time::Instant;
use tokio_postgres::error::SqlState;
use tokio_postgres::types::ToSql;
use tokio_postgres::{Client, Statement};

use super::bulk::{self, Column};
use super::{Address, Prepared, is_defect, pipeline};
use crate::audit::{self, Chain};
use crate::db::dialect::plan;
use crate::db::store::{Pending, Signals};
use crate::db::{Cause, CommitError, Expect, Job, Receipt, Step, StoreError};

/// Most jobs in one transaction.
const BATCH: usize = 512;
/// How long a lane tries to get its connection back before it answers that the database is gone.
const RECONNECT: Duration = Duration::from_secs(5);
/// How often a shared batch is tried without the jobs that spoilt it, and a single job after a deadlock.
const TRIES: u32 = 4;

const BUMP: &str = "UPDATE log_chain SET batch = $2 WHERE chain = $1";
/// Waits for a transaction whose outcome is unknown: it holds this row.
const LAST_BATCH: &str = "SELECT batch FROM log_chain WHERE chain = $1 FOR UPDATE";

type Outcome = Result<Receipt, CommitError>;
/// Place of a guard: index of the job, index of its step.
type Place = (usize, usize);

/// Why a transaction did not end with outcomes. Nothing of it is written, save for `Unknown`.
enum Failed {
    /// These jobs hold no more, but have already written: the others must be tried without them.
    Spoilt(Vec<usize>),
    /// The database refused something, at this place if known.
    Sql(Place, tokio_postgres::Error),
    /// The connection was lost before COMMIT was sent.
    Lost,
    /// There is no connection and it could not be had back in time.
    Down(Cause),
    /// The connection was lost during COMMIT and what became of it could not be found out in time.
    Unknown,
}

pub(super) struct Lane {
    number: usize,
    address: Arc<Address>,
    connection: Option<(Client, Prepared)>,
    chain: Chain,
    /// Whether the chain's own row exists.
    chain_is_open: bool,
    /// Number of the last batch, kept in the chain's row: tells whether an unclear COMMIT happened.
    batch: i64,
    signals: Signals,
}

impl Lane {
    pub(super) fn new(number: usize, address: Arc<Address>, chain: Chain, signals: Signals) -> Self {
        Self { number, address, connection: None, chain, chain_is_open: false, batch: 0, signals }
    }

    /// Runs until the queue is closed and empty.
    pub(super) async fn run(mut self, waiting: Arc<tokio::sync::Mutex<Receiver<Pending>>>) {
        loop {
            let mut batch = Vec::new();
            if waiting.lock().await.recv_many(&mut batch, BATCH).await == 0 {
                return;
            }
            batch.iter_mut().for_each(Pending::leave_queue);
            self.carry_out(batch).await;
        }
    }

    async fn carry_out(&mut self, batch: Vec<Pending>) {
        let deadline = Instant::now() + RECONNECT;
        let (mut shared, mut alone): (Vec<_>, Vec<_>) = batch.into_iter().partition(|pending| may_share(&pending.job));
        for _ in 0..TRIES {
            if shared.is_empty() {
                break;
            }
            let jobs: Vec<&Job> = shared.iter().map(|pending| &pending.job).collect();
            match self.attempt(&jobs, &lock_order(&jobs), deadline).await {
                Ok(outcomes) => answer(std::mem::take(&mut shared), outcomes),
                Err(Failed::Spoilt(spoilt)) => {
                    for index in spoilt.into_iter().rev() {
                        alone.push(shared.remove(index));
                    }
                }
                Err(Failed::Sql(..) | Failed::Lost) => break,
                Err(Failed::Down(cause)) => {
                    return refuse(shared.into_iter().chain(alone), &CommitError::Unavailable(cause));
                }
                Err(Failed::Unknown) => refuse(std::mem::take(&mut shared), &CommitError::Unknown),
            }
        }
        for pending in shared.into_iter().chain(alone) {
            let outcome = self.alone(&pending.job, deadline).await;
            // A caller that went away does not want the answer.
            drop(pending.reply.send(outcome));
        }
    }

    /// One job in a transaction of its own, its steps in its own order.
    async fn alone(&mut self, job: &Job, deadline: Instant) -> Outcome {
        let order: Vec<Place> = (0..job.guards.len()).map(|step| (0, step)).collect();
        let mut tries = 0;
        loop {
            tries += 1;
            let failed = match self.attempt(&[job], &order, deadline).await {
                Ok(mut outcomes) => return outcomes.pop().unwrap_or(Err(CommitError::Closed)),
                Err(failed) => failed,
            };
            match failed {
                Failed::Sql((_, step), error) => match refusal(step, error) {
                    Some(refusal) => return Err(refusal),
                    None if tries < TRIES => tokio::time::sleep(Duration::from_millis(5 * u64::from(tries))).await,
                    None => return Err(CommitError::Unavailable(Arc::new(StoreError::Timeout))),
                },
                Failed::Lost | Failed::Spoilt(_) if tries < TRIES => {}
                Failed::Lost | Failed::Spoilt(_) => {
                    return Err(CommitError::Unavailable(Arc::new(StoreError::Timeout)));
                }
                Failed::Down(cause) => return Err(CommitError::Unavailable(cause)),
                Failed::Unknown => return Err(CommitError::Unknown),
            }
        }
    }

    /// One transaction over `jobs` with their guards in `order`.
    async fn attempt(&mut self, jobs: &[&Job], order: &[Place], deadline: Instant) -> Result<Vec<Outcome>, Failed> {
        self.connect(deadline).await?;
        let before = self.chain.head;
        match self.transaction(jobs, order, deadline).await {
            Ok(outcomes) => {
                if self.chain.head != before {
                    self.signals.publish(self.number, &self.chain);
                }
                if jobs.iter().zip(&outcomes).any(|(job, outcome)| outcome.is_ok() && !job.effects.is_empty()) {
                    self.signals.effects.notify_waiters();
                }
                Ok(outcomes)
            }
            Err(failed) => {
                match failed {
                    Failed::Unknown => self.new_chain(),
                    Failed::Spoilt(_) | Failed::Sql(..) | Failed::Lost | Failed::Down(_) => self.chain.head = before,
                }
                self.roll_back().await;
                Err(failed)
            }
        }
    }

    async fn transaction(&mut self, jobs: &[&Job], order: &[Place], deadline: Instant) -> Result<Vec<Outcome>, Failed> {
        let counts = self.guards(jobs, order).await?;
        let mut outcomes: Vec<Option<CommitError>> = Vec::with_capacity(jobs.len());
        let mut spoilt = Vec::new();
        for (index, (job, counts)) in jobs.iter().zip(&counts).enumerate() {
            let broken = job.guards.iter().zip(counts).position(|(step, count)| !holds(step.expect, *count));
            if broken.is_some() && jobs.len() > 1 && has_written(job, counts) {
                spoilt.push(index);
            }
            outcomes.push(broken.map(|step| CommitError::Conflict { step }));
        }
        if !spoilt.is_empty() {
            return Err(Failed::Spoilt(spoilt));
        }
        let holding = || jobs.iter().zip(&outcomes).filter(|(_, broken)| broken.is_none()).map(|(job, _)| *job);
        let mut receipts = if holding().next().is_some() {
            let (receipts, log) = bulk::log(&mut self.chain, holding());
            let effects = bulk::effects(holding());
            self.commit(log, effects, deadline).await?;
            receipts
        } else {
            self.roll_back().await;
            Vec::new()
        }
        .into_iter();
        Ok(outcomes
            .into_iter()
            .map(|broken| broken.map_or_else(|| Ok(receipts.next().unwrap_or_default()), Err))
            .collect())
    }

    /// BEGIN and all guards in one go; the affected rows of each job's steps.
    async fn guards(&mut self, jobs: &[&Job], order: &[Place]) -> Result<Vec<Vec<u64>>, Failed> {
        let statements = self.prepare(jobs, order).await?;
        let (client, _) = self.connection.as_ref().ok_or(Failed::Lost)?;
        let guard = |(job, step): Place| &jobs[job].guards[step];
        let mut requests: Vec<BoxFuture<'_, Result<u64, tokio_postgres::Error>>> = Vec::with_capacity(order.len() + 1);
        requests.push(Box::pin(async { client.batch_execute("BEGIN").await.map(|()| 0) }));
        let mut asked = Vec::with_capacity(order.len());
        for (&place, statement) in order.iter().zip(&statements) {
            if asked.last().is_none_or(|(before, _)| !is_same_look(guard(*before), guard(place))) {
                requests.push(Box::pin(client.execute_raw(statement, &guard(place).args)));
            }
            asked.push((place, requests.len() - 1));
        }
        let answers = pipeline(requests).await;
        let mut counts: Vec<Vec<u64>> = jobs.iter().map(|job| vec![0; job.guards.len()]).collect();
        let mut results = Vec::with_capacity(answers.len());
        for (request, answer) in answers.into_iter().enumerate() {
            // The first error ends the transaction; the others only repeat that it has ended. BEGIN, the first request, has no place.
            let place = || asked.iter().find(|(_, at)| *at == request).map_or((0, 0), |(place, _)| *place);
            results.push(answer.map_err(|error| failed(place(), error))?);
        }
        for ((job, step), request) in asked {
            counts[job][step] = results[request];
        }
        Ok(counts)
    }

    /// Log, effects and COMMIT in one go.
    async fn commit(&mut self, log: Vec<Column>, effects: Vec<Column>, deadline: Instant) -> Result<(), Failed> {
        let number = self.batch + 1;
        let last = (0, usize::MAX);
        let mut writes: Vec<(Statement, Vec<&(dyn ToSql + Sync)>)> = Vec::with_capacity(3);
        let chain = &*self.chain.id;
        let (client, prepared) = self.connection.as_mut().ok_or(Failed::Lost)?;
        for (sql, columns) in [(bulk::LOG, &log), (bulk::EFFECTS, &effects)] {
            if !columns.is_empty() {
                let statement = statement(client, prepared, sql).await.map_err(|error| failed(last, error))?;
                writes.push((statement, columns.iter().map(Column::as_sql).collect()));
            }
        }
        let bump = statement(client, prepared, BUMP).await.map_err(|error| failed(last, error))?;
        writes.push((bump, vec![&chain, &number]));
        let client = &*client;
        let mut requests: Vec<BoxFuture<'_, Result<(), tokio_postgres::Error>>> = Vec::with_capacity(4);
        for (statement, arguments) in &writes {
            requests.push(Box::pin(async move { client.execute(statement, arguments).await.map(|_| ()) }));
        }
        requests.push(Box::pin(client.batch_execute("COMMIT")));
        let outcome: Result<Vec<()>, _> = pipeline(requests).await.into_iter().collect();
        match outcome {
            Ok(_) => {
                self.batch = number;
                Ok(())
            }
            Err(error) if !is_lost(&error) => Err(Failed::Sql(last, error)),
            Err(error) => {
                tracing::warn!(%error, "the connection was lost during COMMIT");
                self.find_out(number, deadline.max(Instant::now() + RECONNECT)).await
            }
        }
    }

    /// Whether batch `number`, whose COMMIT was not answered, happened.
    async fn find_out(&mut self, number: i64, deadline: Instant) -> Result<(), Failed> {
        self.connection = None;
        loop {
            self.connect(deadline).await.map_err(|_| Failed::Unknown)?;
            let (client, _) = self.connection.as_ref().ok_or(Failed::Unknown)?;
            let wait = async {
                client.batch_execute("SET lock_timeout = '5s'").await?;
                let row = client.query_one(LAST_BATCH, &[&&*self.chain.id]).await?;
                client.batch_execute("SET lock_timeout = '100ms'").await?;
                row.try_get::<_, i64>(0)
            };
            match wait.await {
                Ok(last) if last == number => {
                    self.batch = number;
                    return Ok(());
                }
                Ok(_) => return Err(Failed::Lost),
                Err(error) if Instant::now() < deadline => {
                    tracing::warn!(%error, "cannot yet tell whether a batch was committed");
                    self.connection = None;
                }
                Err(_) => return Err(Failed::Unknown),
            }
        }
    }

    /// Sees to it that there is a connection and that the chain's row exists.
    async fn connect(&mut self, deadline: Instant) -> Result<(), Failed> {
        loop {
            let result = self.try_connect().await;
            match result {
                Ok(()) => return Ok(()),
                Err(error) if Instant::now() < deadline => {
                    tracing::warn!(%error, lane = self.number, "cannot reach PostgreSQL yet");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
                Err(error) => return Err(Failed::Down(Arc::new(error))),
            }
        }
    }

    async fn try_connect(&mut self) -> Result<(), StoreError> {
        if self.connection.as_ref().is_none_or(|(client, _)| client.is_closed()) {
            let client = self.address.connect("").await?;
            self.connection = Some((client, Prepared::default()));
        }
        if let Some((client, _)) = &self.connection
            && !self.chain_is_open
        {
            let statement = client.prepare(audit::INSERT_CHAIN).await?;
            match client.execute_raw(&statement, audit::chain_args(&self.chain)).await {
                Ok(_) => {}
                // An earlier try arrived although its answer was lost.
                Err(error) if error.code() == Some(&SqlState::UNIQUE_VIOLATION) => {}
                Err(error) => return Err(error.into()),
            }
            self.chain_is_open = true;
        }
        Ok(())
    }

    /// Leaves a chain of which it is not known where it ends.
    fn new_chain(&mut self) {
        self.chain = self.chain.successor(&crate::db::random_id(), crate::db::now());
        self.chain_is_open = false;
        self.batch = 0;
        self.connection = None;
    }

    async fn roll_back(&mut self) {
        if let Some((client, _)) = &self.connection
            && client.batch_execute("ROLLBACK").await.is_err()
        {
            self.connection = None;
        }
    }

    /// The prepared statements of the guards, in `order`.
    async fn prepare(&mut self, jobs: &[&Job], order: &[Place]) -> Result<Vec<Statement>, Failed> {
        let (client, prepared) = self.connection.as_mut().ok_or(Failed::Lost)?;
        let mut statements = Vec::with_capacity(order.len());
        for &(job, step) in order {
            let sql = &jobs[job].guards[step].sql;
            let statement = match prepared.find(sql) {
                Some(statement) => statement.clone(),
                None => {
                    let statement = client.prepare(sql).await.map_err(|error| failed((job, step), error))?;
                    prepared.keep(sql.clone(), statement.clone());
                    statement
                }
            };
            statements.push(statement);
        }
        Ok(statements)
    }
}

async fn statement(
    client: &Client,
    prepared: &mut Prepared,
    sql: &'static str,
) -> Result<Statement, tokio_postgres::Error> {
    if let Some(statement) = prepared.find(sql) {
        return Ok(statement.clone());
    }
    let statement = client.prepare(sql).await?;
    prepared.keep(sql.into(), statement.clone());
    Ok(statement)
}

/// Whether the second guard, which comes right after the first, looks for the same rows and writes nothing: then the first one's answer is its own.
/// Logins through one integration all ask whether it is unchanged.
fn is_same_look(first: &Step, second: &Step) -> bool {
    let looks = |step: &Step| matches!(step.expect, Expect::Exists | Expect::Absent);
    looks(first) && looks(second) && first.sql == second.sql && first.args == second.args
}

fn holds(expect: Expect, count: u64) -> bool {
    match expect {
        Expect::One => count == 1,
        Expect::Any => true,
        Expect::Exists => count > 0,
        Expect::Absent => count == 0,
    }
}

fn has_written(job: &Job, counts: &[u64]) -> bool {
    job.guards.iter().zip(counts).any(|(step, count)| match step.expect {
        Expect::One | Expect::Any => *count > 0,
        Expect::Exists | Expect::Absent => false,
    })
}

/// Whether the job may share a transaction: its own order is the order in which batches take their locks, and it did not ask to be alone.
fn may_share(job: &Job) -> bool {
    !job.is_alone && job.guards.is_sorted_by_key(|step| plan(&step.sql).lock_key(&step.args))
}

/// The guards of all jobs by table, account and id: batches that lock in one order do not deadlock.
fn lock_order(jobs: &[&Job]) -> Vec<Place> {
    let mut order = Vec::new();
    for (job, content) in jobs.iter().enumerate() {
        for (step, guard) in content.guards.iter().enumerate() {
            order.push((plan(&guard.sql).lock_key(&guard.args), (job, step)));
        }
    }
    order.sort();
    order.into_iter().map(|(_, place)| place).collect()
}

fn failed(place: Place, error: tokio_postgres::Error) -> Failed {
    if is_lost(&error) { Failed::Lost } else { Failed::Sql(place, error) }
}

/// Whether the connection ended: no answer, or the server says that it closes (classes 08 and 57P).
fn is_lost(error: &tokio_postgres::Error) -> bool {
    error.code().is_none_or(|code| code.code().starts_with("08") || code.code().starts_with("57P")) && !is_ours(error)
}

/// Whether our own side refused: an argument that does not fit its parameter.
fn is_ours(error: &tokio_postgres::Error) -> bool {
    error.code().is_none() && !error.is_closed() && error.to_string().starts_with("error serializing parameter")
}

/// What a single job is told, or `None` if it should be tried again.
fn refusal(step: usize, error: tokio_postgres::Error) -> Option<CommitError> {
    let Some(code) = error.code() else {
        return Some(CommitError::Refused { step, cause: Arc::new(error) });
    };
    if [SqlState::UNIQUE_VIOLATION, SqlState::FOREIGN_KEY_VIOLATION].contains(code) {
        return Some(CommitError::Conflict { step });
    }
    if [SqlState::T_R_SERIALIZATION_FAILURE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::LOCK_NOT_AVAILABLE]
        .contains(code)
    {
        return None;
    }
    Some(if is_defect(code) {
        CommitError::Refused { step, cause: Arc::new(error) }
    } else {
        CommitError::Unavailable(Arc::new(error))
    })
}

fn answer(batch: Vec<Pending>, outcomes: Vec<Outcome>) {
    for (pending, outcome) in batch.into_iter().zip(outcomes) {
        drop(pending.reply.send(outcome));
    }
}

fn refuse(batch: impl IntoIterator<Item = Pending>, error: &CommitError) {
    for pending in batch {
        drop(pending.reply.send(Err(error.clone())));
    }
}
