//! All SQL: SQLite and PostgreSQL, migrations, commit jobs, encryption at rest, the audit chain.

pub mod accounts;
pub mod administrators;
pub mod attempts;
pub mod audit;
pub mod authenticators;
mod convert;
pub mod db;
pub mod facts;
pub mod highwater;
pub mod integrations;
pub mod logins;
pub mod outbox;
#[cfg(feature = "testing")]
pub mod testing;
pub mod vault;

pub use db::{
    CommitError, Database, Expect, Job, Query, Reader, Receipt, Row, Step, Store, StoreConfig, StoreError, Value,
};
