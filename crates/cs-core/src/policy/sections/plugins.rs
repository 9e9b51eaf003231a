//! `plugins`: Flash and Java. The keys are kept so that documents keep them; no browser runs either any more, and nothing is decided by them.

use crate::policy::fault::SectionError;
use crate::policy::word::words;

words! {
    /// What to do about a plugin.
    PluginRule {
        /// Nothing.
        AllowAll = "allow-all",
        /// Tell people.
        WarnOnly = "warn-only",
        /// Refuse old ones.
        BlockOutOfDate = "block-out-of-date",
        /// Refuse it.
        BlockAll = "block-all",
    }
}

/// The section. It looks at no fact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Plugins {
    /// Global default: `block-all`.
    pub flash: PluginRule,
    /// Global default: `warn-only`.
    pub java: PluginRule,
}

impl Default for Plugins {
    fn default() -> Self {
        Self { flash: PluginRule::BlockAll, java: PluginRule::WarnOnly }
    }
}

impl Plugins {
    /// Nothing here can contradict itself.
    pub const fn validate(&self) -> Result<(), SectionError> {
        Ok(())
    }
}
