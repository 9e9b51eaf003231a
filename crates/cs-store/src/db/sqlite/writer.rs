//! The one writer: takes what waits, commits it in one transaction, answers after COMMIT.

use std::borrow::Cow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, SyncSender};

use rusqlite::{Connection, ErrorCode};

use super::super::dialect::plan;
use super::super::store::{Pending, Signals};
use super::super::{Cause, CommitError, Expect, Job, Receipt, Step, Value};
use super::{BATCH, checkpointer};
use crate::audit::{self, Chain, LogPosition};
use crate::outbox;

pub(super) struct Writer {
    connection: Connection,
    chain: Chain,
    signals: Signals,
    wrote: SyncSender<()>,
    /// See [`checkpointer::run`].
    log_is_large: Arc<AtomicBool>,
    data_version: i64,
}

/// The last conditions that held in this transaction. Logins through one integration all ask whether it and the policies are unchanged, which one look at each
/// per batch answers.
#[derive(Default)]
struct Held<'a>([Option<&'a Step>; 2]);

impl<'a> Held<'a> {
    fn has(&self, step: &Step) -> bool {
        self.0.iter().flatten().any(|held| held.sql == step.sql && held.args == step.args)
    }

    /// Takes note of what `step` found or did.
    fn note(&mut self, step: &'a Step) {
        match step.expect {
            Expect::Exists if plan(&step.sql).reads_one_table => self.0 = [Some(step), self.0[0]],
            Expect::Exists => {}
            Expect::Absent => {}
            Expect::One | Expect::Any => {
                self.0 = self.0.map(|held| held.filter(|held| plan(&held.sql).table != plan(&step.sql).table));
            }
        }
    }
}

/// Why a job ended, and whether the whole transaction ended with it.
enum Failure {
    Job(CommitError),
    Batch(Cause),
}

impl Writer {
    pub(super) fn new(
        connection: Connection,
        chain: Chain,
        signals: Signals,
        wrote: SyncSender<()>,
        log_is_large: Arc<AtomicBool>,
    ) -> Self {
        Self { connection, chain, signals, wrote, log_is_large, data_version: 0 }
    }

    /// Runs until the queue is closed and empty.
    pub(super) fn run(mut self, waiting: &Receiver<Pending>) {
        while let Ok(first) = waiting.recv() {
            let mut batch = vec![first];
            batch.extend(waiting.try_iter().take(BATCH - 1));
            batch.iter_mut().for_each(Pending::leave_queue);
            self.commit(batch);
            if self.log_is_large.swap(false, Ordering::Acquire) {
                // With nothing left to move, the next batch begins the log again, unless somebody reads from it at that moment.
                checkpointer::checkpoint(&self.connection, "PASSIVE");
            }
        }
    }

    fn commit(&mut self, batch: Vec<Pending>) {
        let before = self.chain.head;
        let outcomes = self.transaction(&batch);
        match outcomes {
            Ok(outcomes) => {
                if self.chain.head != before {
                    self.signals.publish(0, &self.chain);
                }
                if batch
                    .iter()
                    .zip(&outcomes)
                    .any(|(pending, outcome)| outcome.is_ok() && !pending.job.effects.is_empty())
                {
                    self.signals.effects.notify_waiters();
                }
                for (pending, outcome) in batch.into_iter().zip(outcomes) {
                    // A caller that went away does not want the answer.
                    drop(pending.reply.send(outcome));
                }
                // Full means that the checkpointer already knows.
                let _ = self.wrote.try_send(());
            }
            Err(cause) => {
                self.chain.head = before;
                if !self.connection.is_autocommit()
                    && let Err(error) = self.run_sql("ROLLBACK")
                {
                    tracing::error!(%error, "a failed transaction could not be rolled back");
                }
                tracing::error!(error = %cause, jobs = batch.len(), "a batch of commits failed");
                for pending in batch {
                    drop(pending.reply.send(Err(CommitError::Unavailable(cause.clone()))));
                }
            }
        }
    }

    /// One transaction. An error is the whole batch's: nothing of it is written.
    fn transaction(&mut self, batch: &[Pending]) -> Result<Vec<Result<Receipt, CommitError>>, Cause> {
        match self.together(batch)? {
            Some(outcomes) => Ok(outcomes),
            None => self.one_by_one(batch),
        }
    }

    /// Runs the jobs without a savepoint for each, which keeps a copy of every page that a job changes. `None` if one that has written
    /// something does not hold: then nothing is written, and they must be run one by one.
    fn together(&mut self, batch: &[Pending]) -> Result<Option<Vec<Result<Receipt, CommitError>>>, Cause> {
        let before = self.chain.head;
        self.begin()?;
        let mut outcomes = Vec::with_capacity(batch.len());
        let mut held = Held::default();
        for pending in batch {
            let (head, changes) = (self.chain.head, self.connection.total_changes());
            match self.job(&pending.job, &mut held) {
                Ok(receipt) => outcomes.push(Ok(receipt)),
                Err(Failure::Job(error)) if self.connection.total_changes() == changes => {
                    self.chain.head = head;
                    outcomes.push(Err(error));
                }
                Err(Failure::Job(_)) => {
                    self.chain.head = before;
                    self.run_sql("ROLLBACK").map_err(cause)?;
                    return Ok(None);
                }
                Err(Failure::Batch(cause)) => return Err(cause),
            }
        }
        self.run_sql("COMMIT").map_err(cause)?;
        Ok(Some(outcomes))
    }

    /// Runs the jobs so that each can be undone alone.
    fn one_by_one(&mut self, batch: &[Pending]) -> Result<Vec<Result<Receipt, CommitError>>, Cause> {
        self.begin()?;
        let mut outcomes = Vec::with_capacity(batch.len());
        for pending in batch {
            let head = self.chain.head;
            self.run_sql("SAVEPOINT job").map_err(cause)?;
            match self.job(&pending.job, &mut Held::default()) {
                Ok(receipt) => outcomes.push(Ok(receipt)),
                Err(Failure::Job(error)) => {
                    self.chain.head = head;
                    self.run_sql("ROLLBACK TO job").map_err(cause)?;
                    outcomes.push(Err(error));
                }
                Err(Failure::Batch(cause)) => return Err(cause),
            }
            self.run_sql("RELEASE job").map_err(cause)?;
        }
        self.run_sql("COMMIT").map_err(cause)?;
        Ok(outcomes)
    }

    fn begin(&mut self) -> Result<(), Cause> {
        self.run_sql("BEGIN IMMEDIATE").map_err(cause)?;
        self.notice_other_writers().map_err(cause)
    }

    fn job<'a>(&mut self, job: &'a Job, held: &mut Held<'a>) -> Result<Receipt, Failure> {
        for (index, step) in job.guards.iter().enumerate() {
            if held.has(step) {
                continue;
            }
            if !self.step(step).map_err(|error| self.failure(error, index))? {
                return Err(Failure::Job(CommitError::Conflict { step: index }));
            }
            held.note(step);
        }
        let after = job.guards.len();
        let mut log = Vec::with_capacity(job.log.len());
        for record in &job.log {
            if self.chain.head.seq == 0 {
                let args = audit::chain_args(&self.chain);
                self.execute(&Cow::Borrowed(audit::INSERT_CHAIN), &args).map_err(|error| self.failure(error, after))?;
            }
            let place = self.chain.append(record);
            let args = audit::log_args(&self.chain.id, record, &place);
            self.execute(&Cow::Borrowed(audit::INSERT_LOG), &args).map_err(|error| self.failure(error, after))?;
            log.push(LogPosition { chain: self.chain.id.clone(), seq: place.seq });
        }
        for effect in &job.effects {
            self.execute(&Cow::Borrowed(outbox::INSERT_EFFECT), &effect.args())
                .map_err(|error| self.failure(error, after))?;
        }
        Ok(Receipt { log })
    }

    /// Runs one step and tells whether it holds.
    fn step(&self, step: &Step) -> rusqlite::Result<bool> {
        match step.expect {
            Expect::One => Ok(self.execute(&step.sql, &step.args)? == 1),
            Expect::Any => self.execute(&step.sql, &step.args).map(|_| true),
            Expect::Exists => self.exists(step),
            Expect::Absent => self.exists(step).map(|found| !found),
        }
    }

    #[expect(clippy::ptr_arg, reason = "whether the text lives as long as the program matters")]
    fn execute(&self, sql: &Cow<'static, str>, args: &[Value]) -> rusqlite::Result<usize> {
        self.connection.prepare_cached(&plan(sql).sqlite)?.execute(rusqlite::params_from_iter(args))
    }

    fn exists(&self, step: &Step) -> rusqlite::Result<bool> {
        self.connection.prepare_cached(&plan(&step.sql).sqlite)?.exists(rusqlite::params_from_iter(&step.args))
    }

    fn run_sql(&self, sql: &'static str) -> rusqlite::Result<()> {
        self.connection.prepare_cached(sql)?.execute([]).map(|_| ())
    }

    fn failure(&self, error: rusqlite::Error, step: usize) -> Failure {
        // A full disk or a broken file may have ended the transaction and with it the jobs before this one.
        if self.connection.is_autocommit() {
            return Failure::Batch(cause(error));
        }
        Failure::Job(match error.sqlite_error_code() {
            Some(ErrorCode::ConstraintViolation) if is_conflict(&error) => CommitError::Conflict { step },
            None | Some(ErrorCode::ConstraintViolation | ErrorCode::TypeMismatch | ErrorCode::Unknown) => {
                CommitError::Refused { step, cause: cause(error) }
            }
            Some(_) => return Failure::Batch(cause(error)),
        })
    }

    /// Tells the caches when another process wrote to the file.
    fn notice_other_writers(&mut self) -> rusqlite::Result<()> {
        let version: i64 = self.connection.prepare_cached("PRAGMA data_version")?.query_row([], |row| row.get(0))?;
        if self.data_version != 0 && self.data_version != version {
            self.signals.epoch.fetch_add(1, Ordering::Release);
        }
        self.data_version = version;
        Ok(())
    }
}

/// Whether a constraint says that the state is not what the job was decided on.
fn is_conflict(error: &rusqlite::Error) -> bool {
    use rusqlite::ffi::{SQLITE_CONSTRAINT_FOREIGNKEY, SQLITE_CONSTRAINT_PRIMARYKEY, SQLITE_CONSTRAINT_UNIQUE};
    error.sqlite_error().is_some_and(|error| {
        matches!(
            error.extended_code,
            SQLITE_CONSTRAINT_FOREIGNKEY | SQLITE_CONSTRAINT_PRIMARYKEY | SQLITE_CONSTRAINT_UNIQUE
        )
    })
}

fn cause(error: rusqlite::Error) -> Cause {
    Arc::new(error)
}
