//! All SQL: SQLite and PostgreSQL, migrations, commit jobs, encryption at rest, the audit chain.

pub mod accounts;
pub mod administrators;
pub mod answers;
pub mod attempts;
pub mod audit;
pub mod authenticators;
pub mod authorization_codes;
pub mod backfill;
mod background;
pub mod backup;
pub mod bypass_codes;
pub mod client_assertions;
pub mod clients;
mod convert;
pub mod db;
pub mod directories;
pub mod enrollment_links;
pub mod exceptions;
pub mod exemptions;
pub mod facts;
pub mod glance;
pub mod groups;
pub mod highwater;
pub mod integrations;
mod lists;
pub mod logins;
mod many;
pub mod moves;
pub mod outbox;
pub mod phones;
pub mod policies;
pub mod prompts;
pub mod proxies;
pub mod remembered;
pub mod remembered_browsers;
pub mod restore_steps;
pub mod review;
pub mod same_logins;
pub mod telephony;
#[cfg(feature = "testing")]
pub mod testing;
pub mod tokens;
pub mod trials;
pub mod units;
pub mod users;
pub mod vapid;
pub mod vault;
pub mod visits;
pub mod webauthn;

pub use background::rest;
pub use db::{
    CommitError, Database, Expect, Job, Query, Reader, Receipt, Row, Step, Store, StoreConfig, StoreError, Value,
};
