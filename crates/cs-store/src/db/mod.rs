//! The database behind one interface: SQLite for one node, PostgreSQL for several.

mod checkpoints;
mod dialect;
mod dump;
mod error;
mod exports;
mod migrations;
mod opening;
mod postgres;
mod sqlite;
mod step;
mod store;
mod value;

pub(crate) use dump::{Dump, Table};
pub use error::{Cause, CommitError, StoreError};
pub(crate) use opening::{Opening, glance};
pub use step::{Expect, Job, Receipt, Step};
pub use store::{Database, Query, Reader, Store, StoreConfig};
pub use value::{ColumnError, Row, Value};

/// 128 random bits in hexadecimal.
///
/// A failing source of randomness ends the process: nothing may be decided without it.
pub(crate) fn random_id() -> String {
    let mut bytes = [0; 16];
    if aws_lc_rs::rand::fill(&mut bytes).is_err() {
        std::process::abort();
    }
    data_encoding::HEXLOWER.encode(&bytes)
}

/// The time that bookkeeping rows carry: chains, keys, checkpoints. No decision depends on it.
#[expect(
    clippy::disallowed_methods,
    reason = "checkpoints are made by the store itself, whatever the clock of the rules says"
)]
pub(crate) fn now() -> jiff::Timestamp {
    jiff::Timestamp::now()
}
