//! The outbox: what is to happen outside the database, committed with the state that calls for it.

use std::borrow::Cow;
use std::sync::Arc;

use cs_core::id::AccountId;
use jiff::{SignedDuration, Timestamp};

use crate::args;
use crate::db::{CommitError, Job, Reader, Row, Step, Store, StoreError, Value, random_id};

/// Adds an effect.
pub(crate) const INSERT_EFFECT: &str = "INSERT INTO effect \
    (id, kind, account, payload, created_at, not_before, attempts) VALUES ($1, $2, $3, $4, $5, $6, 0)";

/// Something to do outside the database: send a push, a mail, a webhook. Done at least once.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Effect {
    /// Its id, for the receiver to recognise a repetition.
    pub id: String,
    /// Which worker does it, such as `push`.
    pub kind: Cow<'static, str>,
    /// The account.
    pub account: String,
    /// What to do, as JSON text.
    pub payload: String,
    /// When it was called for.
    pub created_at: Timestamp,
    /// Not to be done before.
    pub not_before: Timestamp,
}

impl Effect {
    /// An effect to be done at once, with a new random id.
    pub fn new(
        kind: impl Into<Cow<'static, str>>,
        account: impl Into<String>,
        payload: impl Into<String>,
        now: Timestamp,
    ) -> Self {
        Self {
            // Begins with the time, so that new effects lie together in the table's index.
            id: format!("{:012x}{}", now.as_millisecond(), &random_id()[..20]),
            kind: kind.into(),
            account: account.into(),
            payload: payload.into(),
            created_at: now,
            not_before: now,
        }
    }

    /// The same, not before `time`.
    #[must_use]
    pub fn not_before(mut self, time: Timestamp) -> Self {
        self.not_before = time;
        self
    }

    pub(crate) fn has_nul(&self) -> bool {
        [self.id.as_str(), &self.kind, &self.account, &self.payload].iter().any(|text| text.as_bytes().contains(&0))
    }

    pub(crate) fn args(&self) -> Vec<Value> {
        args![
            self.id.as_str(),
            &*self.kind,
            self.account.as_str(),
            self.payload.as_str(),
            self.created_at,
            self.not_before
        ]
    }
}

/// A lease ends by itself: a worker that died loses it.
const LEASE: &str = "UPDATE effect SET lease_until = $3, leased_by = $4, attempts = attempts + 1 WHERE id IN \
    (SELECT id FROM effect WHERE kind = $1 AND not_before <= $2 AND done_at IS NULL AND dead_at IS NULL \
     AND (lease_until IS NULL OR lease_until <= $2) ORDER BY not_before, id LIMIT $5) \
    AND done_at IS NULL AND dead_at IS NULL AND (lease_until IS NULL OR lease_until <= $2)";
const LEASED: &str = "SELECT id, kind, account, payload, created_at, attempts FROM effect WHERE leased_by = $1 \
    AND done_at IS NULL AND dead_at IS NULL ORDER BY not_before, id";
const NEXT_DUE: &str = "SELECT min(CASE WHEN lease_until > not_before THEN lease_until ELSE not_before END) FROM effect \
    WHERE kind = $1 AND done_at IS NULL AND dead_at IS NULL";
const ACK: &str =
    "UPDATE effect SET done_at = $3, lease_until = NULL WHERE id = $1 AND leased_by = $2 AND done_at IS NULL";
const ACK_KEEPING: &str = "UPDATE effect SET done_at = $3, lease_until = NULL, payload = $4 WHERE id = $1 AND leased_by = $2 AND done_at IS NULL";
const RETRY: &str = "UPDATE effect SET not_before = $3, lease_until = NULL, leased_by = NULL, last_error = $4 \
    WHERE id = $1 AND leased_by = $2 AND done_at IS NULL";
const PUT_OFF: &str = "UPDATE effect SET not_before = $3, lease_until = NULL, leased_by = NULL, last_error = $4, attempts = attempts - 1 \
    WHERE id = $1 AND leased_by = $2 AND done_at IS NULL";
const BURY: &str = "UPDATE effect SET dead_at = $3, lease_until = NULL, last_error = $4 \
    WHERE id = $1 AND leased_by = $2 AND done_at IS NULL";
const OF_KIND: &str = "SELECT id, payload, created_at, not_before, attempts, last_error, done_at, dead_at FROM effect \
    WHERE account = $1 AND kind = $2 ORDER BY id DESC LIMIT $3";
const REVIVE: &str = "UPDATE effect SET dead_at = NULL, attempts = 0, not_before = $4, last_error = NULL \
    WHERE account = $1 AND kind = $2 AND id = $3 AND dead_at IS NOT NULL AND done_at IS NULL";
const IS_OLD: &str =
    "SELECT 1 FROM effect WHERE done_at < $1 UNION ALL SELECT 1 FROM effect WHERE dead_at < $1 LIMIT 1";
const SWEEP_DEAD: &str =
    "DELETE FROM effect WHERE id IN (SELECT id FROM effect WHERE dead_at < $1 ORDER BY dead_at LIMIT 1000)";
const SWEEP: &str =
    "DELETE FROM effect WHERE id IN (SELECT id FROM effect WHERE done_at < $1 ORDER BY done_at LIMIT 1000)";

/// The first wait after a failure; it doubles with each further one.
const FIRST_WAIT: SignedDuration = SignedDuration::from_secs(1);
/// The longest wait.
const LONGEST_WAIT: SignedDuration = SignedDuration::from_mins(15);

/// An effect that this worker may carry out until its lease ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Leased {
    /// Its id: the same at every attempt.
    pub id: String,
    /// Which worker does it.
    pub kind: String,
    /// The account.
    pub account: String,
    /// What to do, as JSON text.
    pub payload: String,
    /// When it was called for.
    pub created_at: Timestamp,
    /// Which attempt this is, from 1.
    pub attempt: i64,
    lease: String,
}

impl Leased {
    /// It is done. Fails to hold when the lease has ended and another worker has it.
    pub fn done(&self, now: Timestamp) -> Step {
        Step::one(ACK, args![self.id.as_str(), self.lease.as_str(), now])
    }

    /// As [`done`](Self::done), and only `kept` stays of the payload: for those that hold a secret.
    pub fn done_keeping(&self, kept: &str, now: Timestamp) -> Step {
        Step::one(ACK_KEEPING, args![self.id.as_str(), self.lease.as_str(), now, kept])
    }

    /// It failed and is to be tried again, after 1 s, 2 s, 4 s … up to 15 minutes.
    pub fn retry(&self, error: &str, now: Timestamp) -> Step {
        let doublings = u32::try_from(self.attempt.clamp(1, 16) - 1).unwrap_or(0);
        let wait = FIRST_WAIT.checked_mul(1 << doublings).map_or(LONGEST_WAIT, |wait| wait.min(LONGEST_WAIT));
        Step::one(RETRY, args![self.id.as_str(), self.lease.as_str(), now.saturating_add(wait).unwrap_or(now), error])
    }

    /// It failed and is to be tried again not before `time`.
    pub fn retry_at(&self, error: &str, time: Timestamp) -> Step {
        Step::one(RETRY, args![self.id.as_str(), self.lease.as_str(), time, error])
    }

    /// It was not tried, and is to be not before `time`: that counts as no attempt.
    pub fn put_off(&self, why: &str, time: Timestamp) -> Step {
        Step::one(PUT_OFF, args![self.id.as_str(), self.lease.as_str(), time, why])
    }

    /// It cannot be done, ever.
    pub fn bury(&self, error: &str, now: Timestamp) -> Step {
        Step::one(BURY, args![self.id.as_str(), self.lease.as_str(), now, error])
    }
}

/// How an effect stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EffectState {
    /// Its id.
    pub id: String,
    /// What to do, or what was kept of it.
    pub payload: String,
    /// When it was called for.
    pub created_at: Timestamp,
    /// When it is tried next, while it waits.
    pub not_before: Timestamp,
    /// How often it was tried.
    pub attempts: i64,
    /// What went wrong last.
    pub last_error: Option<String>,
    /// When it was done.
    pub done_at: Option<Timestamp>,
    /// When it was given up.
    pub dead_at: Option<Timestamp>,
}

/// Puts an effect that was given up back into the queue. Holds only if there is such a one.
pub fn revive_effect(account: AccountId, kind: &str, id: &str, now: Timestamp) -> Step {
    Step::one(REVIVE, args![account.as_str(), kind, id, now])
}

impl Reader {
    /// The newest `limit` effects of `kind`, done ones included until they are swept.
    pub async fn effects(&self, account: AccountId, kind: &str, limit: u32) -> Result<Vec<EffectState>, StoreError> {
        let rows = self.query(OF_KIND, args![account.as_str(), kind, limit]).await?;
        let state = |row: &Row| {
            Ok(EffectState {
                id: row.text(0)?,
                payload: row.text(1)?,
                created_at: row.time(2)?,
                not_before: row.time(3)?,
                attempts: row.int(4)?,
                last_error: row.opt_text(5)?,
                done_at: row.opt_time(6)?,
                dead_at: row.opt_time(7)?,
            })
        };
        rows.iter().map(state).collect()
    }
}

impl Store {
    /// Takes up to `limit` effects of `kind` that are due, for `lease` from `now`.
    ///
    /// Several workers and nodes may ask; each effect goes to one of them until its lease ends.
    pub async fn lease_effects(
        &self,
        kind: &str,
        limit: u32,
        lease: SignedDuration,
        now: Timestamp,
    ) -> Result<Vec<Leased>, StoreError> {
        // Most of the time there is nothing: that must not cost a commit.
        if self.next_effect(kind).await?.is_none_or(|due| due > now) {
            return Ok(Vec::new());
        }
        let name = random_id();
        let until = now.saturating_add(lease).unwrap_or(now);
        let job = Job::new().step(Step::any(LEASE, args![kind, now, until, name.as_str(), limit]));
        self.commit(job).await.map_err(|error| StoreError::Unavailable(Arc::new(error)))?;
        let rows = self.query(LEASED, args![name.as_str()]).await?;
        let leased = |row: &Row| {
            Ok(Leased {
                id: row.text(0)?,
                kind: row.text(1)?,
                account: row.text(2)?,
                payload: row.text(3)?,
                created_at: row.time(4)?,
                attempt: row.int(5)?,
                lease: name.clone(),
            })
        };
        rows.iter().map(leased).collect()
    }

    /// When the next effect of `kind` is due, if there is one.
    pub async fn next_effect(&self, kind: &str) -> Result<Option<Timestamp>, StoreError> {
        let row = self.query_opt(NEXT_DUE, args![kind]).await?;
        Ok(row.map(|row| row.opt_time(0)).transpose()?.flatten())
    }

    /// Returns when this process has committed effects after the call. Other nodes' effects are found by asking every second.
    pub fn effects_committed(&self) -> impl Future<Output = ()> + Send + 'static {
        let signal = self.effects_signal();
        let mut waiting = Box::pin(signal.notified_owned());
        // From now on, not from the first poll.
        waiting.as_mut().enable();
        waiting
    }

    /// Removes up to 1,000 effects each that were done, and that were given up, before `before`.
    pub async fn sweep_effects(&self, before: Timestamp) -> Result<(), CommitError> {
        let job = Job::new().step(Step::any(SWEEP, args![before])).step(Step::any(SWEEP_DEAD, args![before]));
        self.commit_in_background(job).await.map(|_| ())
    }

    /// Whether [`sweep_effects`](Self::sweep_effects) has something to remove.
    pub async fn has_old_effects(&self, before: Timestamp) -> Result<bool, StoreError> {
        Ok(self.query_opt(IS_OLD, args![before]).await?.is_some())
    }
}
