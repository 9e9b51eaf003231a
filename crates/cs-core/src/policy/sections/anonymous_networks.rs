//! `anonymous_networks`: Tor exits, open proxies, anonymous VPNs.

use crate::policy::fault::SectionError;
use crate::policy::word::words;

words! {
    /// `anonymous_access_behavior`.
    AnonymousAccess {
        /// Nothing. The default.
        NoAction = "no-action",
        /// A second factor is asked for, also where a network or a remembered device would spare it.
        RequireMfa = "require-mfa",
        /// Refused.
        Deny = "deny",
    }
}

/// The section. Unknown facts: an address that the operator's lists do not name, and an absent one, is not anonymous; those lists can never be whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AnonymousNetworks {
    /// `anonymous_access_behavior`; global default: `no-action`.
    pub anonymous_access_behavior: AnonymousAccess,
}

impl Default for AnonymousNetworks {
    fn default() -> Self {
        Self { anonymous_access_behavior: AnonymousAccess::NoAction }
    }
}

impl AnonymousNetworks {
    /// Nothing here can contradict itself.
    pub const fn validate(&self) -> Result<(), SectionError> {
        Ok(())
    }
}
