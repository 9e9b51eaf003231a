//! The audit log: one table for all kinds of events, chained so that tampering is found and named.
//!
//! See `docs/audit.md` for what is guaranteed and what is not.

mod chain;
mod record;

pub(crate) use chain::{Chain, INSERT_CHAIN, INSERT_LOG, chain_args, log_args};
pub use chain::{ChainHead, LogKey};
pub use record::{LogKind, LogPosition, LogRecord};
