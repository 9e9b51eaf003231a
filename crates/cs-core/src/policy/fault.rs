//! What is wrong with a setting.

use super::names::Section;
use super::version::Version;
use super::word::Word as _;

/// A setting that is refused: where, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}.{key}: {why}", .section.as_str())]
pub struct SectionError {
    /// The section.
    pub section: Section,
    /// The key within, with dots where it is nested.
    pub key: &'static str,
    /// The reason.
    pub why: Fault,
}

/// Why a setting is refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Fault {
    /// Nothing is listed, and nobody could get in.
    #[error("the list is empty, so that nobody could log in")]
    NobodyLeft,
    /// Nothing is listed where something must be.
    #[error("the list is empty")]
    Empty,
    /// A number out of its range.
    #[error("must be from {least} to {most}")]
    OutOfRange {
        /// The least that is allowed.
        least: u32,
        /// The most that is allowed.
        most: u32,
    },
    /// Listed here and in another list that says the opposite.
    #[error("{what} is also in {other}")]
    AlsoIn {
        /// What is listed twice.
        what: String,
        /// The other key.
        other: &'static str,
    },
    /// Has no effect, or the opposite one, because of another key.
    #[error("{what} needs {other}")]
    Needs {
        /// What is set.
        what: String,
        /// The key that it cannot do without.
        other: &'static str,
    },
    /// A version at or below the one that must be above it.
    #[error("{version} is higher than the version that is blocked")]
    WarnsAfterBlocking {
        /// The version warned about.
        version: Version,
    },
    /// Too long or too many.
    #[error("more than {most}")]
    TooMany {
        /// The most that is allowed.
        most: usize,
    },
}

impl Fault {
    /// This fault, at `key` of `section`.
    pub(super) const fn at(self, section: Section, key: &'static str) -> SectionError {
        SectionError { section, key, why: self }
    }
}

/// Refuses a number outside of `least..=most`.
pub(super) fn in_range(n: u32, least: u32, most: u32) -> Result<(), Fault> {
    if (least..=most).contains(&n) { Ok(()) } else { Err(Fault::OutOfRange { least, most }) }
}
