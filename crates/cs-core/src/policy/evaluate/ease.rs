//! Steps 11 and 12: what spares the second factor.

use super::super::exemption::{Exemption, ExemptionKind};
use super::super::facts::{Endpoint, Facts};
use super::super::names::Section;
use super::super::sections::{LocationAction, Lowered, NetworkStanding, RememberMethod, RememberScope, StepDownRule};
use super::super::stack::Effective;
use super::super::trace::{Fact, GrantKind, Outcome, Rule};
use super::Walk;
use crate::login::AllowReason;

/// Step 11: networks and countries that spare it, rules that lower the demand, exemptions. Nothing is spared where something demands it.
pub(super) fn spared(walk: &mut Walk<'_, '_>) {
    let access = walk.facts.access;
    let spares = !walk.demand.any();
    let standing = walk.effective.authorized_networks.standing(access.address);
    if standing == NetworkStanding::No2faRequired {
        let outcome = if spares { Outcome::Allows(AllowReason::TrustedNetwork) } else { Outcome::Passes };
        let fact = Fact::Address { address: access.address, standing };
        walk.section(11, Section::AuthorizedNetworks, outcome, fact);
    }
    let country = access.place.country;
    let action = walk.effective.user_location.action(country);
    if action == LocationAction::AllowNo2fa {
        let outcome = if spares { Outcome::Allows(AllowReason::TrustedLocation) } else { Outcome::Passes };
        walk.section(11, Section::UserLocation, outcome, Fact::Country { country, action });
    }
    let (outcome, fact) = match lowering_rule(walk.effective, walk.facts) {
        None => (Outcome::Passes, Fact::NoLoweringRule),
        Some((at, _)) if !spares => (Outcome::Passes, Fact::LoweringRule(at)),
        Some((at, Lowered::PlainPush)) => (Outcome::Lowers, Fact::LoweringRule(at)),
        Some((at, Lowered::NoSecondFactor)) => (Outcome::Allows(AllowReason::AllowedByPolicy), Fact::LoweringRule(at)),
    };
    walk.section(11, Section::StepDown, outcome, fact);
    if let Some(exemption) = exemption(walk.facts, ExemptionKind::AutomaticApproval) {
        let (outcome, fact) = if walk.demand.unusual() {
            (Outcome::Passes, Fact::ExemptionRests(&exemption.reason))
        } else {
            (Outcome::Allows(AllowReason::AllowedByPolicy), Fact::Exempted(&exemption.reason))
        };
        walk.note(11, Rule::Exemption, outcome, fact);
    }
}

/// The first rule of `step_down` that holds, counted from 1, and what it lowers.
pub(super) fn lowering_rule(effective: &Effective<'_>, facts: &Facts<'_>) -> Option<(u8, Lowered)> {
    let holds = |rule: &&StepDownRule| {
        let networked =
            rule.networks.is_empty() || facts.access.address.is_some_and(|address| rule.networks.contains(address));
        let managed = !rule.managed_device || facts.access.endpoint == Endpoint::Trusted;
        networked && managed && (!rule.low_risk || facts.risk.is_low())
    };
    (1..).zip(&effective.step_down.rules).find(|(_, rule)| holds(rule)).map(|(at, rule)| (at, rule.lower_to))
}

/// The first exemption of this kind that covers the login.
pub(super) fn exemption<'a>(facts: &Facts<'a>, kind: ExemptionKind) -> Option<&'a Exemption> {
    let (application, address, now) = (facts.application.key, facts.access.address, facts.now);
    facts.exemptions.iter().find(|exemption| exemption.kind == kind && exemption.covers(application, address, now))
}

/// Step 12: what is remembered from an earlier login.
pub(super) fn remembered(walk: &mut Walk<'_, '_>) {
    let section = walk.effective.remembered_devices.value;
    let (facts, now) = (walk.facts, walk.facts.now);
    let here = facts.application.key;
    let browser = facts.remembered.browser.filter(|grant| match section.browser_apps.scope {
        RememberScope::AllApplications => true,
        RememberScope::PerApplication => grant.application == here,
    });
    // An address grant is for one application by definition, and without an address there is nothing it could be for.
    let address = facts.remembered.address.filter(|grant| grant.application == here && facts.access.address.is_some());
    let console = facts.remembered.windows_logon.filter(|grant| grant.application == here);
    let grants = [
        (GrantKind::Browser, browser, section.browser_apps.lasts()),
        (GrantKind::Address, address, section.address.lasts()),
        (GrantKind::WindowsLogon, console, section.windows_logon.lasts()),
    ];
    let mut found = (Outcome::Passes, Fact::NoGrant);
    for (kind, grant, lasts) in grants {
        let holds = grant.zip(lasts).is_some_and(|(grant, lasts)| grant.holds(lasts, now));
        if !holds {
            continue;
        }
        // Remembered by itself, it also ends by itself at any sign of risk that is watched.
        let by_itself = kind == GrantKind::Browser && section.browser_apps.remember_method == RememberMethod::RiskBased;
        if walk.demand.unusual() || (by_itself && !facts.risk.is_low()) {
            found = (Outcome::Passes, Fact::GrantRests(kind));
        } else {
            found = (Outcome::Allows(AllowReason::RememberedDevice), Fact::Granted(kind));
            break;
        }
    }
    walk.section(12, Section::RememberedDevices, found.0, found.1);
}
