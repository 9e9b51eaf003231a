//! `risk_based_factor_selection`: whether risk leaves only the stronger factors.

use crate::account::NumberMatching;
use crate::policy::fault::{SectionError, in_range};
use crate::policy::names::Section;

/// The section. Which signals count is said by [`super::RiskSignals`]. Unknown facts: a signal that lacks its facts does not fire.
///
/// What remains is the strongest that the user can use there: a push with a number, a hardware token or a security key; without any of them, or where no number
/// can be shown, codes of the authenticator; and where the policy permits not even those, what it permits anyway. Bypass codes always do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RiskBasedFactorSelection {
    /// `limit_to_risk_based_auth_methods`; global default: true.
    pub limit_to_risk_based_auth_methods: bool,
    /// `risk_based_verified_push_digits`, 2 to 8; global default: 6.
    pub risk_based_verified_push_digits: u8,
}

impl Default for RiskBasedFactorSelection {
    fn default() -> Self {
        Self { limit_to_risk_based_auth_methods: true, risk_based_verified_push_digits: 6 }
    }
}

impl RiskBasedFactorSelection {
    /// Refuses digits outside of 2 to 8.
    pub fn validate(&self) -> Result<(), SectionError> {
        let (least, most) = (*NumberMatching::DIGITS.start(), *NumberMatching::DIGITS.end());
        in_range(self.risk_based_verified_push_digits.into(), least.into(), most.into())
            .map_err(|fault| fault.at(Section::RiskBasedFactorSelection, "risk_based_verified_push_digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn digits_have_a_range() {
        let default = RiskBasedFactorSelection::default();
        assert_eq!(default.validate(), Ok(()));
        assert!(RiskBasedFactorSelection { risk_based_verified_push_digits: 1, ..default }.validate().is_err());
    }
}
