//! The audit log: one table for all kinds of events, chained so that tampering is found and named.
//!
//! See `docs/audit.md` for what is guaranteed and what is not.

mod chain;
mod checkpoint;
mod export;
mod follow;
mod prune;
mod read;
mod record;
mod scan;
mod verify;

pub(crate) use chain::{Chain, INSERT_CHAIN, INSERT_LOG, chain_args, log_args};
pub use chain::{ChainHead, LogKey};
pub use checkpoint::{Checkpoint, CheckpointError, Head, Other};
pub(crate) use checkpoint::{Checkpoints, LAST_HASH, others};
pub use export::{Exporter, Outlet, Syslog};
pub use follow::Follower;
pub use prune::prune;
#[cfg(test)]
pub(crate) use read::OF_USER;
pub use read::{LogFilter, LogOrder, LogPage, MOST_COUNTED, Outcome};
pub use record::{LogKind, LogPosition, LogRecord};
pub use verify::{Finding, Report, verify};
