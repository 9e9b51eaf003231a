//! Directories that users are synced from.
//!
//! A proxy beside a directory keeps a channel to one node ([`Agents`]); that node can ask it. Whoever is at another node, or at a terminal, leaves a
//! [request](Wish) in the database for the node that has the channel. A run reads everybody, lets `cs_core::directory` decide, and carries the plan out in small
//! commits that give way to logins; it may stop anywhere, and the next one goes on.

mod admin;
mod agents;
mod apply;
mod compare;
mod invite;
mod outcome;
mod read;
mod requests;
mod run;
mod settings;
mod synced;

pub use admin::{DirectoryChange, NewDirectory};
pub use agents::{AgentInfo, Agents, Connected, Order, Question, Report, Seat, Trouble, Verdict};
pub use outcome::{Compared, ComparedAct, Outcome, Told};
pub use read::{MOST_PEOPLE, READ_PATIENCE};
pub use requests::{Password, Reply, Taken, Wish, WishError};
pub use run::Trigger;
pub use settings::{AttributeNames, DirectorySettings, MOST_GROUPS};

use cs_core::directory::Halt;

use crate::EngineError;

/// Why nothing came of asking a directory.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Nobody can be asked.
    #[error("no proxy of this directory is connected")]
    NoAgent,
    /// No proxy that is connected checks passwords.
    #[error("no proxy of this directory that is connected checks passwords: one needs an [sso] section")]
    NoFirstFactor,
    /// A proxy could not read the directory, and said why.
    #[error("{words}")]
    Trouble {
        /// The kind.
        trouble: Trouble,
        /// For administrators, by the proxy.
        words: String,
    },
    /// Nothing was heard of the proxy for so long that it was given up.
    #[error("the proxy said nothing for a minute")]
    Silent,
    /// It went on and on.
    #[error("the directory was not read within half an hour")]
    Slow,
    /// The channel ended before all was told.
    #[error("the proxy went away before it had told everything")]
    Gone,
    /// What the proxy told cannot be.
    #[error("the proxy told what cannot be: {0}")]
    Nonsense(&'static str),
    /// Too many would go.
    #[error(transparent)]
    Halt(#[from] Halt),
    /// A run is under way.
    #[error("the directory is being read at this moment")]
    Running,
    /// The directory knows of nobody of that name in its groups.
    #[error("the directory has nobody of that name in the groups that are synced")]
    Nobody,
    /// The one person who was asked for cannot be a user, and why.
    #[error("{0}")]
    LeftOut(String),
    /// Another node says so.
    #[error("{}", .0.words)]
    Elsewhere(WishError),
    /// Our own side.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<cs_store::StoreError> for DirectoryError {
    fn from(error: cs_store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

impl DirectoryError {
    /// Whether another proxy of the same directory may do better.
    const fn is_of_the_proxy(&self) -> bool {
        match self {
            Self::Trouble { .. } | Self::Silent | Self::Gone | Self::Nonsense(_) => true,
            Self::NoAgent
            | Self::NoFirstFactor
            | Self::Halt(_)
            | Self::Running
            | Self::Nobody
            | Self::LeftOut(_)
            | Self::Elsewhere(_)
            | Self::Slow
            | Self::Engine(_) => false,
        }
    }
}
