//! `step_down`, ours: what lowers the demand, the mirror image of risk.

use crate::network::NetworkList;
use crate::policy::fault::{Fault, SectionError};
use crate::policy::names::Section;
use crate::policy::word::words;

words! {
    /// What is lowered.
    Lowered {
        /// A push needs no number. Everything else stays.
        PlainPush = "plain-push",
        /// No second factor is asked of enrolled users.
        NoSecondFactor = "no-second-factor",
    }
}

/// One rule: every condition it names must hold.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StepDownRule {
    /// `ip_list`: the access device is in one of these networks; empty = not asked.
    pub networks: NetworkList,
    /// `managed_device`: the access device is a trusted endpoint.
    pub managed_device: bool,
    /// `low_risk`: no watched signal fired, those that are only reported included.
    pub low_risk: bool,
    /// `lower_to`.
    pub lower_to: Lowered,
}

/// The section; the first rule that holds applies. Global default: no rule.
///
/// Unknown facts: an absent address is in no network, a device of unknown trust is not managed. No rule applies while risk steps up, or where a network,
/// a country or an anonymous address demands a second factor.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct StepDown {
    /// In order.
    pub rules: Vec<StepDownRule>,
}

impl StepDown {
    /// The most rules.
    pub const MOST_RULES: usize = 20;

    /// Refuses a rule without a condition, and a second factor spared on low risk alone: that would be a policy without a second factor.
    pub fn validate(&self) -> Result<(), SectionError> {
        if self.rules.len() > Self::MOST_RULES {
            return Err(Fault::TooMany { most: Self::MOST_RULES }.at(Section::StepDown, "rules"));
        }
        for rule in &self.rules {
            let somewhere = !rule.networks.is_empty() || rule.managed_device;
            if !somewhere && !rule.low_risk {
                return Err(Fault::Empty.at(Section::StepDown, "rules"));
            }
            if rule.lower_to == Lowered::NoSecondFactor && !somewhere {
                let what = "no-second-factor".to_owned();
                return Err(Fault::Needs { what, other: "ip_list or managed_device" }.at(Section::StepDown, "rules"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rule_needs_a_condition_and_sparing_the_factor_a_strong_one() {
        let rule = StepDownRule {
            networks: NetworkList::default(),
            managed_device: false,
            low_risk: false,
            lower_to: Lowered::PlainPush,
        };
        let valid = |rule: StepDownRule| StepDown { rules: vec![rule] }.validate();
        assert_eq!(valid(rule.clone()).unwrap_err().why, Fault::Empty);
        assert_eq!(valid(StepDownRule { low_risk: true, ..rule.clone() }), Ok(()));
        let spared = StepDownRule { low_risk: true, lower_to: Lowered::NoSecondFactor, ..rule };
        assert!(matches!(valid(spared.clone()).unwrap_err().why, Fault::Needs { .. }));
        assert_eq!(valid(StepDownRule { managed_device: true, ..spared }), Ok(()));
    }
}
