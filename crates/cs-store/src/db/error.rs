//! What can go wrong below the use cases.

use std::sync::Arc;

use super::ColumnError;

/// The cause of a failure in a driver, shared because one failure may end many jobs.
pub type Cause = Arc<dyn std::error::Error + Send + Sync>;

/// A read, an opening or a maintenance operation that failed.
#[derive(Debug, Clone, thiserror::Error)]
pub enum StoreError {
    /// The database cannot be reached or answered with an error.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// A list or report took longer than its time-out.
    #[error("the query took too long")]
    Timeout,
    /// A statement is wrong: a defect of this program.
    #[error("the database refused a statement")]
    Statement(#[source] Cause),
    /// A row cannot be what this program wrote.
    #[error("row {id:?} of table {table} is corrupt")]
    Corrupt {
        /// The table.
        table: &'static str,
        /// The row's key, as far as it could be read.
        id: String,
    },
    /// A column is not of the expected type.
    #[error("a row is corrupt")]
    Column(#[from] ColumnError),
    /// An argument contains U+0000.
    #[error("text with a NUL character cannot be stored")]
    NulInText,
    /// The database was migrated by a newer version of this program.
    #[error(
        "the database has schema version {found}, this program knows versions up to {known}: \
         run the newer countersign, or restore a backup made before the upgrade with `countersign restore`"
    )]
    Newer {
        /// The schema's version.
        found: i64,
        /// The newest version this program knows.
        known: i64,
    },
    /// A restore was interrupted.
    #[error("a restore into this database did not finish: run `countersign restore` again into an empty one")]
    HalfRestored,
    /// A migration failed.
    #[error("the database could not be brought to this version's schema")]
    Migration(#[source] Cause),
    /// The store was shut down.
    #[error("the store is shut down")]
    Closed,
    /// The database's address cannot be understood.
    #[error("the database address is not usable: {0}")]
    Address(&'static str),
    /// A file next to the database cannot be read or written.
    #[error("cannot use the file {path}")]
    File {
        /// Which file.
        path: String,
        /// Why.
        #[source]
        cause: Cause,
    },
    /// The database is older than it was.
    #[error(transparent)]
    HighWater(#[from] crate::highwater::HighWaterError),
    /// Keys could not be unwrapped or values not opened.
    #[error(transparent)]
    Vault(#[from] crate::vault::VaultError),
}

impl StoreError {
    /// A row of `table` that cannot be read back into its type.
    pub fn corrupt(table: &'static str, id: impl Into<String>) -> Self {
        Self::Corrupt { table, id: id.into() }
    }
}

impl From<rusqlite::Error> for StoreError {
    fn from(error: rusqlite::Error) -> Self {
        use rusqlite::ErrorCode;
        match error.sqlite_error_code() {
            Some(ErrorCode::OperationInterrupted) => Self::Timeout,
            Some(ErrorCode::Unknown) => Self::Statement(Arc::new(error)),
            Some(_) => Self::Unavailable(Arc::new(error)),
            None => Self::Statement(Arc::new(error)),
        }
    }
}

/// A commit that did not happen.
#[derive(Debug, Clone, thiserror::Error)]
pub enum CommitError {
    /// A condition did not hold: load again and decide again.
    #[error("step {step} of the commit does not hold any more")]
    Conflict {
        /// Index into [`super::Job::guards`].
        step: usize,
    },
    /// Too many commits are waiting: refuse the caller quickly.
    #[error("too many commits are waiting")]
    Overloaded,
    /// The database failed; nothing of the job was written.
    #[error("the database is not available")]
    Unavailable(#[source] Cause),
    /// The connection was lost during COMMIT and could not be restored in time: the job may or may not be written.
    #[error("the connection to the database was lost and the outcome of the commit is unknown")]
    Unknown,
    /// The database refused the job for itself (a check, a type, a statement): a defect of this program.
    #[error("step {step} of the commit was refused")]
    Refused {
        /// Index into [`super::Job::guards`], or their number for log and effects.
        step: usize,
        /// What the database said.
        #[source]
        cause: Cause,
    },
    /// A text contains U+0000.
    #[error("text with a NUL character cannot be stored")]
    NulInText,
    /// The store was shut down.
    #[error("the store is shut down")]
    Closed,
}
