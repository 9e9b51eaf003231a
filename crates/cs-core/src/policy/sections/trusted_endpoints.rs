//! `trusted_endpoints`: whether the access device is a managed one.

use crate::policy::fault::SectionError;
use crate::policy::word::words;

words! {
    /// `trusted_endpoint_checking`.
    EndpointChecking {
        /// Nobody looks.
        NotConfigured = "not-configured",
        /// Looked at and reported. The default.
        AllowAll = "allow-all",
        /// Only trusted devices get in.
        RequireTrusted = "require-trusted",
    }
}

/// The section. Unknown facts: a device whose trust could not be determined is not trusted. It is asked only where a surface has a browser or an agent;
/// terminals and VPN clients have none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TrustedEndpoints {
    /// `trusted_endpoint_checking`, for computers; global default: `allow-all`.
    pub checking: EndpointChecking,
    /// `trusted_endpoint_checking_mobile`, for access from phones and tablets; global default: `allow-all`.
    pub checking_mobile: EndpointChecking,
}

impl Default for TrustedEndpoints {
    fn default() -> Self {
        Self { checking: EndpointChecking::AllowAll, checking_mobile: EndpointChecking::AllowAll }
    }
}

impl TrustedEndpoints {
    /// Nothing here can contradict itself. That `require-trusted` needs a source of trust is for the engine, which knows them.
    pub const fn validate(&self) -> Result<(), SectionError> {
        Ok(())
    }
}
