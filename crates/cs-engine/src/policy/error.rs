//! Why a change of policies is refused. Nothing was changed then.

use cs_store::StoreError;

use super::json::BadSetting;
use super::lockout::Danger;
use crate::EngineError;

/// A change of policies that was not made.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A setting cannot be: section, key and reason.
    #[error(transparent)]
    Setting(#[from] BadSetting),
    /// The document is not one of a policy; names the member and says what it must be.
    #[error("{member}: {why}")]
    Document {
        /// Which member.
        member: String,
        /// What it must be.
        why: &'static str,
    },
    /// There is no such policy, application or group.
    #[error("there is no {what} {given}")]
    NoSuch {
        /// What kind of thing.
        what: &'static str,
        /// How it was named.
        given: String,
    },
    /// Another policy has the name.
    #[error("another policy is called {0:?}")]
    NameTaken(String),
    /// The global policy is always there and applies to everything.
    #[error("the global policy {0}")]
    Global(&'static str),
    /// More than there may be.
    #[error("more than {most} {what}")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// The most that is allowed.
        most: usize,
    },
    /// The change could lock everybody out, and was not confirmed.
    #[error("{}", Danger::sentence(.0))]
    Dangerous(Vec<Danger>),
    /// Another change waits for its confirmation.
    #[error("a change made before waits to be confirmed until {0}; confirm it or take it back first")]
    Waiting(jiff::Timestamp),
    /// There is no change to confirm or to take back.
    #[error("no change waits to be confirmed")]
    NothingWaits,
    /// What any use case may run into.
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl PolicyError {
    /// A member of a document that is not what it must be.
    pub(crate) fn document(member: impl Into<String>, why: &'static str) -> Self {
        Self::Document { member: member.into(), why }
    }
}

impl From<StoreError> for PolicyError {
    fn from(error: StoreError) -> Self {
        Self::Engine(error.into())
    }
}
