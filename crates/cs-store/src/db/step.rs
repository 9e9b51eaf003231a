//! Commit jobs: what a use case wants written, as data that can be run again.

use std::borrow::Cow;

use super::Value;
use super::dialect::plan;
use crate::audit::{LogPosition, LogRecord};
use crate::outbox::Effect;

/// What one step of a job must do to hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Expect {
    /// The statement affects exactly one row.
    One,
    /// Any number of rows, none included.
    Any,
    /// The statement is a `SELECT` and returns a row.
    Exists,
    /// The statement is a `SELECT` and returns no row.
    Absent,
}

/// One statement of a job, with the condition under which the job may go on.
///
/// Statements have no `RETURNING`. A violated unique or foreign key is a condition that does not hold, not an error.
#[derive(Debug, Clone)]
pub struct Step {
    /// SQL with `$1`, `$2`, …
    pub sql: Cow<'static, str>,
    /// Its arguments.
    pub args: Vec<Value>,
    /// Its condition.
    pub expect: Expect,
    /// See [`Step::guarding_a_cache`].
    pub guards_a_cache: bool,
}

impl Step {
    /// A write that must change exactly one row.
    pub fn one(sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Self {
        Self { sql: sql.into(), args, expect: Expect::One, guards_a_cache: false }
    }

    /// A write that holds whatever it changes.
    pub fn any(sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Self {
        Self { sql: sql.into(), args, expect: Expect::Any, guards_a_cache: false }
    }

    /// A `SELECT` that must find a row.
    ///
    /// Under PostgreSQL this reads the newest committed row but locks nothing: to hold it until the commit, write it as a
    /// conditional update (`UPDATE t SET version = version WHERE …`) or add `FOR SHARE` in PostgreSQL's dialect.
    pub fn exists(sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Self {
        Self { sql: sql.into(), args, expect: Expect::Exists, guards_a_cache: false }
    }

    /// Marks a condition about something that is kept in memory: when it does not hold, what is kept is out of date.
    #[must_use]
    pub fn guarding_a_cache(mut self) -> Self {
        self.guards_a_cache = true;
        self
    }

    /// A `SELECT` that must find nothing. It locks nothing; a unique index is what makes absence certain.
    pub fn absent(sql: impl Into<Cow<'static, str>>, args: Vec<Value>) -> Self {
        Self { sql: sql.into(), args, expect: Expect::Absent, guards_a_cache: false }
    }
}

/// One commit: all of it happens, or none.
///
/// Data and not a closure, so that the store can run it again after a deadlock or a lost connection.
#[derive(Debug, Clone, Default)]
pub struct Job {
    /// Conditions and writes, in order. All come before log and effects.
    ///
    /// On PostgreSQL, jobs whose steps are ordered by table name and then by account and id share one transaction; other
    /// jobs are correct too, but each costs a transaction of its own. So order the steps of frequent jobs by table name.
    pub guards: Vec<Step>,
    /// Log entries, chained in this order.
    pub log: Vec<LogRecord>,
    /// What is to happen outside the database once this is committed.
    pub effects: Vec<Effect>,
    /// See [`Job::alone`].
    pub(crate) is_alone: bool,
}

impl Job {
    /// An empty job.
    pub fn new() -> Self {
        Self::default()
    }

    /// Adds a step.
    #[must_use]
    pub fn step(mut self, step: Step) -> Self {
        self.guards.push(step);
        self
    }

    /// Adds a log entry.
    #[must_use]
    pub fn log(mut self, record: LogRecord) -> Self {
        self.log.push(record);
        self
    }

    /// Gives the job a transaction of its own: for a condition about a set of rows (is there another owner?), which the writes of another job in the
    /// same transaction could make untrue after it was checked.
    #[must_use]
    pub fn alone(mut self) -> Self {
        self.is_alone = true;
        self
    }

    /// Adds an effect.
    #[must_use]
    pub fn effect(mut self, effect: Effect) -> Self {
        self.effects.push(effect);
        self
    }

    /// Puts all of `other` after this job's own parts.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.guards.extend(other.guards);
        self.log.extend(other.log);
        self.effects.extend(other.effects);
        self.is_alone |= other.is_alone;
        self
    }

    /// Puts the steps in the order of their tables' names, those of one table as they were: see [`Job::guards`].
    #[must_use]
    pub fn by_table(mut self) -> Self {
        self.guards.sort_by(|one, other| plan(&one.sql).table.cmp(&plan(&other.sql).table));
        self
    }

    /// Whether a text argument contains U+0000, which PostgreSQL cannot store.
    pub(crate) fn has_nul(&self) -> bool {
        self.guards.iter().flat_map(|step| &step.args).any(has_nul)
            || self.log.iter().any(LogRecord::has_nul)
            || self.effects.iter().any(Effect::has_nul)
    }
}

/// Whether `value` is text with U+0000 in it.
pub(crate) fn has_nul(value: &Value) -> bool {
    matches!(value, Value::Text(text) if text.as_bytes().contains(&0))
}

/// What a commit left behind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Receipt {
    /// Where each log entry of the job stands in the audit log, in the job's order.
    pub log: Vec<LogPosition>,
}
