//! The outbox: what is to happen outside the database, committed with the state that calls for it.

use std::borrow::Cow;

use jiff::Timestamp;

use crate::args;
use crate::db::Value;

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
            id: crate::db::random_id(),
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
        [self.id.as_str(), &self.kind, &self.account, &self.payload]
            .iter()
            .any(|text| text.as_bytes().contains(&0))
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
