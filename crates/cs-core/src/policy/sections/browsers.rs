//! `browsers`: which browsers, and how old.

use super::operating_systems::valid_grace;
use crate::policy::fault::{Fault, SectionError};
use crate::policy::names::{Browser, Section};
use crate::policy::word::{Set, words};

words! {
    /// `out_of_date_behavior`.
    OutOfDate {
        /// Nothing. The default.
        NoRemediation = "no-remediation",
        /// People are told to update, and may go on.
        WarnOnly = "warn-only",
        /// They are told, and refused once the days of grace are over.
        WarnAndBlock = "warn-and-block",
    }
}

/// The section. It is asked only where a surface sees a browser.
///
/// Unknown facts: a browser that does not say what it is is `other`, which may be blocked by that name. A version that is unknown, or of a product the
/// version table does not know, cannot be called out of date: it is warned about and never blocked, because what a browser says of itself is a courtesy and
/// no barrier.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Browsers {
    /// `blocked_browsers_list`; global default: none.
    pub blocked: Set<Browser>,
    /// `out_of_date_behavior`.
    pub out_of_date: OutOfDate,
    /// Ours, `out_of_date_grace_days`: days after the first newer release until the block: 0, or 3 to 365.
    pub grace_days: u16,
}

impl Default for Browsers {
    fn default() -> Self {
        Self { blocked: Set::EMPTY, out_of_date: OutOfDate::NoRemediation, grace_days: 0 }
    }
}

impl Browsers {
    /// Refuses blocking every browser, and grace out of its range.
    pub fn validate(&self) -> Result<(), SectionError> {
        if self.blocked == Set::all() {
            return Err(Fault::NobodyLeft.at(Section::Browsers, "blocked_browsers_list"));
        }
        valid_grace(self.grace_days).map_err(|fault| fault.at(Section::Browsers, "out_of_date_grace_days"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_browser_must_stay() {
        let all = Browsers { blocked: Set::all(), ..Browsers::default() };
        assert_eq!(all.validate().unwrap_err().why, Fault::NobodyLeft);
        assert_eq!(Browsers { blocked: Set::all().without(Browser::Firefox), ..all }.validate(), Ok(()));
        assert_eq!(
            Browsers { grace_days: 2, ..Browsers::default() }.validate().unwrap_err().key,
            "out_of_date_grace_days"
        );
    }
}
