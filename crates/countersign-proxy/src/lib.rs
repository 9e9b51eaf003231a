//! The authentication proxy: `authproxy.cfg`, RADIUS and LDAP in front, a directory or RADIUS server and the second factor behind.
#![forbid(unsafe_code)]
#![warn(missing_docs)]

pub mod agent;
pub mod cfg;
pub mod commands;
pub mod connect;
pub mod connectivity;
pub mod directory;
mod keyed;
pub mod ldap;
pub mod logging;
pub mod metrics;
pub mod outage;
pub mod protect;
pub mod radius;
pub mod serve;
pub mod sources;
pub mod support;

#[cfg(test)]
extern crate self as countersign_proxy;
/// Under both names of the crate: its own tests share it with those outside.
#[cfg(test)]
#[path = "../tests/support/mod.rs"]
pub mod test_support;
