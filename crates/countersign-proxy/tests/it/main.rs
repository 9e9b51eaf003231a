//! The proxy, tested from outside.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

mod agent;
mod cfg;
mod directory;
mod engine;
mod ldap;
#[path = "../support/mod.rs"]
pub mod support;
