//! `duo_mobile_app`: how old the authenticator on the phone may be.

use crate::policy::fault::SectionError;
use crate::policy::version::Version;

/// `block_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum AppRule {
    /// `no-remediation`: any version. Our default.
    #[default]
    NoRemediation,
    /// `less-than-version`: refuse those below this one (`block_version`).
    LessThan(Version),
    /// `less-than-latest`: refuse all but the newest the server knows.
    LessThanLatest,
}

/// The section. It gates pushes to, and passcodes of, the phone in question; its other methods stay.
///
/// Duo's global default refuses versions of its application below 3.8.0. Ours has other numbers (the build of the authenticator), so the default refuses none.
/// Unknown facts: where a version is asked for, an authenticator that does not tell its own is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct DuoMobileApp {
    /// `block_policy` and `block_version`.
    pub block: AppRule,
}

impl DuoMobileApp {
    /// Nothing here can contradict itself.
    pub const fn validate(&self) -> Result<(), SectionError> {
        Ok(())
    }
}
