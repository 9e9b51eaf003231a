//! What can go wrong in a use case, each thing a surface treats differently.

use cs_store::vault::VaultError;
use cs_store::{CommitError, StoreError};

/// A use case that came to no decision. None of these ever lets anyone in.
#[derive(Debug, thiserror::Error)]
pub enum EngineError {
    /// A parameter's value cannot be; names the parameter.
    #[error("parameter {0} is not valid")]
    Invalid(&'static str),
    /// There is no such object, or the caller may not know of it.
    #[error("not found")]
    NotFound,
    /// The caller may do such things, but not this one; names the permission it lacks, or says why.
    #[error("forbidden: {0}")]
    Forbidden(&'static str),
    /// The field comes from this directory, and is changed there.
    #[error("{field} comes from the directory {directory}: change it there")]
    Synced {
        /// Which.
        field: &'static str,
        /// The directory's name.
        directory: String,
    },
    /// An object with that name or number exists.
    #[error("{0} exists already")]
    Exists(&'static str),
    /// The same idempotency key came with other parameters.
    #[error("the idempotency key was used with other parameters")]
    IdempotencyMismatch,
    /// A limit was reached: come back later. Answered fast.
    #[error("too much at once")]
    Busy,
    /// The database cannot be used, so nothing can be decided.
    #[error("the database is not available")]
    Unavailable(#[source] StoreError),
    /// What is stored cannot be read, or a defect of this program.
    #[error("internal error")]
    Internal(#[source] StoreError),
    /// Others kept changing the same things.
    #[error("the objects kept changing")]
    Contention,
}

impl EngineError {
    /// Whether the database refuses or cannot be reached: then nothing else can be done either, and the rest of a round may wait for the next one.
    pub(crate) const fn is_of_the_database(&self) -> bool {
        match self {
            Self::Unavailable(_) | Self::Busy => true,
            Self::Invalid(_)
            | Self::NotFound
            | Self::Forbidden(_)
            | Self::Exists(_)
            | Self::Synced { .. }
            | Self::IdempotencyMismatch
            | Self::Internal(_)
            | Self::Contention => false,
        }
    }

    /// From the vault: nothing a caller can do anything about.
    pub fn vault(error: VaultError) -> Self {
        Self::Internal(StoreError::Vault(error))
    }
}

impl From<StoreError> for EngineError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::Unavailable(_) | StoreError::Closed => Self::Unavailable(error),
            // Only lists and reports have a time-out: a slow one says nothing about logins.
            StoreError::Timeout => Self::Busy,
            StoreError::NulInText => Self::Invalid("text"),
            _ => Self::Internal(error),
        }
    }
}

/// What a use case does about a commit that did not happen.
pub(crate) enum Retry {
    /// Load and decide again; the guard that did not hold.
    Conflict(usize),
    /// Give up with this.
    Fail(EngineError),
}

impl From<CommitError> for Retry {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict { step } => Self::Conflict(step),
            CommitError::Overloaded => Self::Fail(EngineError::Busy),
            CommitError::NulInText => Self::Fail(EngineError::Invalid("text")),
            CommitError::Unavailable(cause) => Self::Fail(EngineError::Unavailable(StoreError::Unavailable(cause))),
            CommitError::Refused { cause, .. } => Self::Fail(EngineError::Internal(StoreError::Statement(cause))),
            CommitError::Unknown | CommitError::Closed => Self::Fail(EngineError::Unavailable(StoreError::Closed)),
        }
    }
}
