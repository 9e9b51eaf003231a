//! `operating_systems`: which systems, and which versions of them.

use std::collections::BTreeMap;

use crate::policy::fault::{Fault, SectionError};
use crate::policy::names::{Os, Section};
use crate::policy::version::Version;
use crate::policy::word::{Set, Word as _};

/// Which versions are meant (`block_policy`, `warn_policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum VersionRule {
    /// `no-remediation`: none. The default.
    #[default]
    NoRemediation,
    /// `end-of-life`: those nobody maintains any more.
    EndOfLife,
    /// `not-up-to-date`: those with a newer patch in their own line, or whose line is at its end.
    NotUpToDate,
    /// `less-than-latest` (documents also say `less-than-latest-version`): all but the newest.
    LessThanLatest,
    /// `less-than-version`: those below this one (`block_version`, `warn_version`).
    LessThan(Version),
}

/// `os_restrictions.<os>`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct OsRestriction {
    /// People are told to update, and may go on.
    pub warn: VersionRule,
    /// Refused.
    pub block: VersionRule,
    /// Ours, `block_grace_days`: how many days after a version became outdated or unmaintained it is refused: 0, or 3 to 365. Has no meaning for
    /// [`VersionRule::LessThan`], which refuses at once.
    pub grace_days: u16,
}

/// The section. It is asked of access devices that a browser or agent describes, and, for Android and iOS, of the phone that answers.
///
/// Unknown facts: a system that does not say what it is is `other`, which may be blocked by that name. A version that is unknown is refused where a rule
/// refuses versions (`allow_unknown_version` lifts that): the same goes for a product the version table does not know. A phone whose system is unknown, or is
/// that of a computer, is not asked.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct OperatingSystems {
    /// `allow_unrestricted_os_list`. A system in no list is allowed too, under its restriction if it has one.
    pub allow_unrestricted: Set<Os>,
    /// `block_os_list`; global default: none.
    pub block: Set<Os>,
    /// `os_restrictions`; global default: none.
    pub restrictions: BTreeMap<Os, OsRestriction>,
    /// Ours, `allow_unknown_version`; default false.
    pub allow_unknown_version: bool,
}

/// Days of grace that may be set.
pub(super) fn valid_grace(days: u16) -> Result<(), Fault> {
    if days == 0 || (3..=365).contains(&days) { Ok(()) } else { Err(Fault::OutOfRange { least: 3, most: 365 }) }
}

impl OperatingSystems {
    /// Refuses a system in lists that contradict each other, all systems blocked, grace out of its range, and a warning that comes after the block.
    pub fn validate(&self) -> Result<(), SectionError> {
        let at = |fault: Fault, key| Err(fault.at(Section::OperatingSystems, key));
        let twice = |os: Os, other| Fault::AlsoIn { what: os.as_str().to_owned(), other };
        if let Some(os) = self.block.intersection(self.allow_unrestricted).iter().next() {
            return at(twice(os, "allow_unrestricted_os_list"), "block_os_list");
        }
        if self.block == Set::all() {
            return at(Fault::NobodyLeft, "block_os_list");
        }
        for (os, rule) in &self.restrictions {
            let restricts = *rule != OsRestriction::default();
            if restricts && self.block.contains(*os) {
                return at(twice(*os, "block_os_list"), "os_restrictions");
            }
            if restricts && self.allow_unrestricted.contains(*os) {
                return at(twice(*os, "allow_unrestricted_os_list"), "os_restrictions");
            }
            valid_grace(rule.grace_days)
                .map_err(|fault| fault.at(Section::OperatingSystems, "os_restrictions.block_grace_days"))?;
            if let (VersionRule::LessThan(warn), VersionRule::LessThan(block)) = (rule.warn, rule.block)
                && warn < block
            {
                return at(Fault::WarnsAfterBlocking { version: block }, "os_restrictions.warn_version");
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn with(os: Os, rule: OsRestriction) -> OperatingSystems {
        OperatingSystems { restrictions: BTreeMap::from([(os, rule)]), ..OperatingSystems::default() }
    }

    #[test]
    fn contradictions_are_refused() {
        assert_eq!(OperatingSystems::default().validate(), Ok(()));
        let eol = OsRestriction { block: VersionRule::EndOfLife, ..OsRestriction::default() };
        let mut section = with(Os::Windows, eol);
        assert_eq!(section.validate(), Ok(()));
        section.block = Set::of(&[Os::Windows]);
        assert_eq!(section.validate().unwrap_err().key, "os_restrictions");
        section.block = Set::EMPTY;
        section.allow_unrestricted = Set::of(&[Os::Windows]);
        assert_eq!(section.validate().unwrap_err().key, "os_restrictions");
        section.restrictions.clear();
        section.block = Set::of(&[Os::Windows]);
        assert_eq!(section.validate().unwrap_err().key, "block_os_list");
        let all = OperatingSystems { block: Set::all(), ..OperatingSystems::default() };
        assert_eq!(all.validate().unwrap_err().why, Fault::NobodyLeft);
    }

    #[test]
    fn grace_is_none_or_three_days_to_a_year() {
        for (grace_days, good) in [(0, true), (1, false), (2, false), (3, true), (365, true), (366, false)] {
            let rule = OsRestriction { block: VersionRule::EndOfLife, grace_days, ..OsRestriction::default() };
            assert_eq!(with(Os::Macos, rule).validate().is_ok(), good, "{grace_days}");
        }
    }

    #[test]
    fn a_warning_does_not_come_after_the_block() {
        let rule = |warn, block| OsRestriction {
            warn: VersionRule::LessThan(Version::parse(warn).unwrap()),
            block: VersionRule::LessThan(Version::parse(block).unwrap()),
            grace_days: 0,
        };
        assert_eq!(with(Os::Ios, rule("18", "17")).validate(), Ok(()));
        assert_eq!(with(Os::Ios, rule("16", "17")).validate().unwrap_err().key, "os_restrictions.warn_version");
    }
}
