//! `authentication_policy`: whether a second factor is asked for at all.

use crate::policy::fault::SectionError;
use crate::policy::word::words;

words! {
    /// `user_auth_behavior`.
    UserAuthBehavior {
        /// A second factor is asked for, as the other sections say. The default.
        Enforce = "enforce",
        /// Nothing is asked, and no later rule is looked at: not networks, not devices, not enrollment.
        Bypass = "bypass",
        /// Everyone is refused.
        Deny = "deny",
    }
}

/// The section. It looks at no fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticationPolicy {
    /// `user_auth_behavior`; global default: `enforce`.
    pub user_auth_behavior: UserAuthBehavior,
}

impl Default for AuthenticationPolicy {
    fn default() -> Self {
        Self { user_auth_behavior: UserAuthBehavior::Enforce }
    }
}

impl AuthenticationPolicy {
    /// Nothing here can contradict itself. Whether a policy refuses every administrator's way in is for the engine, which knows them.
    pub const fn validate(&self) -> Result<(), SectionError> {
        Ok(())
    }
}
