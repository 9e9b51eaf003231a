//! RADIUS logins, without sockets: see [`engine`].

pub mod accounting;
mod across;
pub mod coa;
pub mod dacl;
pub mod devices;
pub mod eap;
pub mod engine;
pub mod exchange;
pub mod login;
pub mod output;
pub mod proof;
pub mod request;
pub mod same;
pub mod section;
pub mod sections;
pub mod seen;
pub mod sessions;
pub mod split;
pub mod timers;
pub mod upstream;
pub mod verdict;

/// Fills octets that nobody can guess.
pub type Random = Box<dyn FnMut(&mut [u8]) + Send>;
