//! What is wrong with a policy in JSON: where, and why.

use cs_core::policy::SectionError;

/// A setting that is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{at}: {why}")]
pub struct BadSetting {
    /// The section and the key within, with dots between: `authorized_networks.blocked.ip_list`.
    pub at: String,
    /// The reason.
    pub why: Why,
}

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Why {
    /// There is no section of that name.
    #[error("there is no such section")]
    UnknownSection,
    /// The section has no such key.
    #[error("there is no such key; there are {known}")]
    UnknownKey {
        /// The keys there are.
        known: String,
    },
    /// Two names of one thing, both given.
    #[error("it is given twice, under two names")]
    Twice,
    /// Another kind of value.
    #[error("must be {0}")]
    NotA(&'static str),
    /// None of the words that can stand there.
    #[error("{given:?} is not one of {words}")]
    NotOneOf {
        /// What was given.
        given: String,
        /// What could have been.
        words: String,
    },
    /// No address, range or block.
    #[error("{0:?} is no address, range or CIDR block")]
    NotANetwork(String),
    /// No code of a country.
    #[error("{0:?} is no code of a country (ISO 3166-1, two letters)")]
    NotACountry(String),
    /// No version.
    #[error("{0:?} is no version (one to four numbers with dots)")]
    NotAVersion(String),
    /// Another key needs this one.
    #[error("is needed where {0} says less-than-version")]
    NeedsVersion(&'static str),
    /// Means something only with another key.
    #[error("says nothing unless {0} is less-than-version")]
    IdleVersion(&'static str),
    /// The section has no key at all.
    #[error("the section is empty; `sections_to_delete` removes one")]
    EmptySection,
    /// Refused by the rules of the section.
    #[error("{0}")]
    Rule(cs_core::policy::Fault),
}

impl From<SectionError> for BadSetting {
    fn from(error: SectionError) -> Self {
        use cs_core::policy::Word as _;
        Self { at: format!("{}.{}", error.section.as_str(), error.key), why: Why::Rule(error.why) }
    }
}
