//! The command-line authenticator, and the same as a library.
//!
//! [`Authenticator`] is one activated device: it lists the logins that wait, signs answers, computes passcodes and
//! follows events. Its keys live in a [`Storage`]. [`cli`] is the program around it. The protocol is written down in
//! `docs/device-protocol.md`.
#![warn(missing_docs)]

use std::fmt;
use std::sync::Arc;

mod activation;
mod authenticator;
mod clean;
pub mod cli;
mod directory;
mod enrol;
mod error;
mod link;
mod passcode;
mod record;
mod sse;
mod storage;
mod watch;

pub use activation::{Activation, ActivationError};
pub use authenticator::{Authenticator, DenyReason};
pub use clean::{clean, escape_json};
pub use directory::Directory;
pub use enrol::{Activated, Introduction};
pub use error::{Error, Refusal, StoreError};
pub use link::{Clock, RawAnswer};
pub use passcode::Passcode;
pub use record::Record;
pub use storage::{Memory, Storage};
pub use watch::{Watch, WatchEvent, WatchTimings};

/// What an authenticator takes from its surroundings.
#[derive(Clone)]
pub struct Environment {
    /// The HTTP client to use for every account; where absent, one is made that trusts the account's authorities.
    pub client: Option<reqwest::Client>,
    /// Tells the time.
    pub clock: Clock,
    /// How patient watches are.
    pub watch: WatchTimings,
}

impl Default for Environment {
    #[expect(
        clippy::disallowed_methods,
        reason = "the surroundings of a program: callers with a clock of their own give it"
    )]
    fn default() -> Self {
        Self { client: None, clock: Arc::new(jiff::Timestamp::now), watch: WatchTimings::default() }
    }
}

impl fmt::Debug for Environment {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Environment").field("client", &self.client).field("watch", &self.watch).finish_non_exhaustive()
    }
}

/// Installs the process's TLS crypto provider unless there is one.
pub fn install_crypto_provider() {
    // An error means that another part of the process has been here first, which serves as well.
    let _ = rustls::crypto::aws_lc_rs::default_provider().install_default();
}
