//! Step 8: networks and countries that are refused.

use super::super::names::Section;
use super::super::sections::{AnonymousAccess, LocationAction, NetworkStanding};
use super::super::trace::{Fact, Outcome};
use super::Walk;
use crate::login::DenyReason;

/// Blocked networks, and all but the listed ones where others are denied.
pub(super) fn networks(walk: &mut Walk<'_, '_>) {
    let section = walk.effective.authorized_networks.value;
    let address = walk.facts.access.address;
    let standing = section.standing(address);
    let outcome = match standing {
        NetworkStanding::Blocked => Outcome::Denies(DenyReason::DeniedNetwork),
        NetworkStanding::Other if section.deny_other_access => Outcome::Denies(DenyReason::DeniedNetwork),
        NetworkStanding::MfaRequired => Outcome::Demands,
        NetworkStanding::No2faRequired | NetworkStanding::Other => Outcome::Passes,
    };
    walk.section(8, Section::AuthorizedNetworks, outcome, Fact::Address { address, standing });
}

/// Anonymous networks.
pub(super) fn anonymous(walk: &mut Walk<'_, '_>) {
    let behavior = walk.effective.anonymous_networks.anonymous_access_behavior;
    let (outcome, fact) = match (walk.facts.access.anonymous, behavior) {
        (false, _) => (Outcome::Passes, Fact::NotAnonymous),
        (true, AnonymousAccess::NoAction) => (Outcome::Passes, Fact::Anonymous),
        (true, AnonymousAccess::RequireMfa) => (Outcome::Demands, Fact::Anonymous),
        (true, AnonymousAccess::Deny) => (Outcome::Denies(DenyReason::AnonymousIp), Fact::Anonymous),
    };
    walk.section(8, Section::AnonymousNetworks, outcome, fact);
}

/// Countries of the access device. The phone's is looked at where it is chosen, and when it answers.
pub(super) fn country(walk: &mut Walk<'_, '_>) {
    let country = walk.facts.access.place.country;
    let action = walk.effective.user_location.action(country);
    let outcome = match action {
        LocationAction::Deny => Outcome::Denies(DenyReason::LocationRestricted),
        LocationAction::RequireMfa => Outcome::Demands,
        LocationAction::Ignore | LocationAction::AllowNo2fa => Outcome::Passes,
    };
    walk.section(8, Section::UserLocation, outcome, Fact::Country { country, action });
}
