//! The trace: every section speaks, the first decisive rule decides, and all others are noted.

use cs_core::login::DenyReason;
use cs_core::network::NetworkList;
use cs_core::policy::trace::{Outcome, Rule};
use cs_core::policy::{Countries, Effective, Level, Section, Word as _, evaluate};
use cs_core::user::UserStatus;

use crate::policy::case::{Case, PAGE, TERMINAL, VPN, country, fraud, user};

#[test]
fn every_section_speaks_and_says_where_it_comes_from() {
    let holder = user();
    for surface in [TERMINAL, VPN, PAGE] {
        for known in [Some(&holder), None] {
            let case = Case { surface, risk: fraud(), ..Case::new() };
            let global = case.global();
            let decision = evaluate(&Effective::global(&global), &case.facts(known));
            for section in Section::ALL {
                let spoke = decision
                    .trace
                    .findings()
                    .iter()
                    .any(|finding| finding.rule == Rule::Section(*section) && finding.level == Some(Level::Global));
                assert!(spoke, "{section:?} is silent at {}", surface.name);
            }
            let steps: Vec<u8> = decision.trace.findings().iter().map(|finding| finding.step).collect();
            assert!(steps.is_sorted(), "{steps:?}");
        }
    }
}

#[test]
fn the_first_rule_decides_and_the_others_are_noted() {
    let mut case = Case { anonymous: true, ..Case::new() };
    case.policy.authorized_networks.blocked = NetworkList::parse("192.0.2.0/24").unwrap();
    case.policy.user_location.deny = Countries::NONE.with(country("CH"));
    let mut holder = user();
    holder.status = UserStatus::Disabled;
    let global = case.global();
    let decision = evaluate(&Effective::global(&global), &case.facts(Some(&holder)));
    let first = decision.trace.decisive().unwrap();
    assert_eq!((first.rule, first.outcome), (Rule::Status, Outcome::Denies(DenyReason::UserDisabled)));
    let also: Vec<_> = decision.trace.also().map(|finding| (finding.step, finding.rule.as_str())).collect();
    assert_eq!(also, [(8, "authorized_networks"), (8, "user_location")]);
    let lines: Vec<_> = decision.trace.lines().collect();
    assert!(lines.contains(&"4 status: denies user_disabled: the user is disabled".to_owned()), "{lines:#?}");
    assert!(
        lines.contains(
            &"8 authorized_networks (global: Global): denies denied_network: 192.0.2.7 is in a blocked network"
                .to_owned()
        ),
        "{lines:#?}"
    );
    assert!(
        lines.contains(&"8 user_location (global: Global): denies location_restricted: CH: deny-access".to_owned())
    );
}
