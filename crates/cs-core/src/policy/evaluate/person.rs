//! Steps 3 to 7 and 9: who it is.

use super::super::facts::{Facts, PermittedGroups};
use super::super::group_filter::GroupFilter;
use super::super::names::{Method, Section};
use super::super::sections::{NetworkStanding, UserAuthBehavior};
use super::super::trace::{Fact, Outcome, Rule};
use super::Walk;
use crate::account::NewUserPolicy;
use crate::bypass::is_on;
use crate::group::GroupStatus;
use crate::integration::UserAccess;
use crate::login::{AllowReason, DenyReason};
use crate::user::{Standing, User, UserStatus};

/// Steps 3 and 4: the user is there, not in the trash, not locked out, not disabled.
pub(super) fn status(walk: &mut Walk<'_, '_>) {
    let Some(user) = walk.facts.user else {
        return walk.note(3, Rule::Status, Outcome::Passes, Fact::NoSuchUser);
    };
    let (step, outcome, fact) = match user.standing(walk.facts.now) {
        Standing::PendingDeletion => (3, Outcome::Denies(DenyReason::UserPendingDeletion), Fact::InTrash),
        Standing::LockedOut { until } => (4, Outcome::Denies(DenyReason::LockedOut), Fact::LockedUntil(until)),
        Standing::Disabled { by: None } => {
            (4, Outcome::Denies(DenyReason::UserDisabled), Fact::Disabled { group: None })
        }
        Standing::Disabled { by: Some(_) } => {
            let group = user.groups.iter().find(|group| group.status == GroupStatus::Disabled);
            let group = group.map(|group| group.name.as_str());
            (4, Outcome::Denies(DenyReason::UserDisabled), Fact::Disabled { group })
        }
        Standing::Active | Standing::Bypass { .. } => (4, Outcome::Passes, Fact::Active),
    };
    walk.note(step, Rule::Status, outcome, fact);
}

/// Bypass in force: the user's own or a group's, before its end.
enum Bypass<'a> {
    InForce(Fact<'a>),
    Ended(Fact<'a>),
    None,
}

fn bypass_of<'a>(facts: &Facts<'a>) -> Bypass<'a> {
    let Some(user) = facts.user else { return Bypass::None };
    let own = user.status == UserStatus::Bypass;
    let until = user.bypass_until.filter(|_| own);
    if own && is_on(until, facts.now) {
        return Bypass::InForce(Fact::InBypass { group: None, until });
    }
    match (user.groups.iter().find(|group| group.is_in_bypass(facts.now)), until) {
        (Some(group), _) => Bypass::InForce(Fact::InBypass { group: Some(&group.name), until: group.bypass_until }),
        (None, Some(ended)) => Bypass::Ended(Fact::BypassEnded(ended)),
        (None, None) => Bypass::None,
    }
}

/// Step 5: the application is for everyone, or for a group of the user's.
pub(super) fn permitted(walk: &mut Walk<'_, '_>) {
    let application = walk.facts.application;
    let groups = walk.facts.user.map_or(&[][..], |user| &user.groups);
    let refused = Fact::InNoPermittedGroup { application: application.name };
    let fact = match application.access {
        UserAccess::All => Some(Fact::OpenToAll),
        UserAccess::Nobody => None,
        UserAccess::Groups(permitted) => {
            let filter = GroupFilter::of(permitted);
            let member =
                groups.iter().find(|member| filter.may_hold(&member.group) && permitted.contains(&member.group));
            member.map(|member| Fact::InGroup(&member.name))
        }
    };
    let excused = match walk.facts.permitted_groups {
        PermittedGroups::Everyone => false,
        PermittedGroups::ActiveOnly => matches!(bypass_of(walk.facts), Bypass::InForce(_)),
    };
    let (outcome, fact) = match fact {
        Some(fact) => (Outcome::Passes, fact),
        None if excused => (Outcome::Passes, refused),
        None => (Outcome::Denies(DenyReason::UserNotInPermittedGroup), refused),
    };
    walk.note(5, Rule::PermittedGroups, outcome, fact);
}

/// Step 6: bypass ends everything.
pub(super) fn bypass(walk: &mut Walk<'_, '_>) {
    match bypass_of(walk.facts) {
        Bypass::InForce(fact) => walk.note(6, Rule::BypassStatus, Outcome::Allows(AllowReason::BypassUser), fact),
        Bypass::Ended(fact) => walk.note(6, Rule::BypassStatus, Outcome::Passes, fact),
        Bypass::None => {}
    }
}

/// Step 7: whether a second factor is asked for at all.
pub(super) fn requirement(walk: &mut Walk<'_, '_>) {
    let behavior = walk.effective.authentication_policy.user_auth_behavior;
    let outcome = match behavior {
        UserAuthBehavior::Enforce => Outcome::Passes,
        UserAuthBehavior::Bypass => Outcome::Allows(AllowReason::AllowedByPolicy),
        UserAuthBehavior::Deny => Outcome::Denies(DenyReason::DeniedByPolicy),
    };
    walk.section(7, Section::AuthenticationPolicy, outcome, Fact::Behavior(behavior));
}

/// Step 9: people without a factor.
pub(super) fn enrollment(walk: &mut Walk<'_, '_>) {
    let facts = walk.facts;
    let methods = walk.effective.authentication_methods.value;
    let by_telephone = |user: &User| {
        let may = |method| facts.offered.contains(method) && methods.allows(method);
        user.phones
            .iter()
            .any(|phone| (may(Method::Sms) && phone.can_text()) || (may(Method::Phonecall) && phone.can_call()))
    };
    let has_factor = |user: &User| {
        user.is_enrolled() || user.live_bypass_codes > 0 || !facts.also_has.is_empty() || by_telephone(user)
    };
    if facts.user.is_some_and(has_factor) {
        return walk.section(9, Section::NewUser, Outcome::Passes, Fact::Enrolled);
    }
    let networks = walk.effective.authorized_networks.value;
    let address = facts.access.address;
    let standing = networks.standing(address);
    if standing == NetworkStanding::No2faRequired && !networks.require_enrollment && !walk.demand.any() {
        let why = AllowReason::AllowUnenrolledUserOnTrustedNetwork;
        let fact = Fact::Address { address, standing };
        walk.section(9, Section::AuthorizedNetworks, Outcome::Allows(why), fact);
    }
    let behavior = walk.effective.new_user.for_user(facts.user);
    let outcome = match behavior {
        NewUserPolicy::Enroll => Outcome::Enrolls,
        NewUserPolicy::Allow => Outcome::Allows(AllowReason::AllowUnenrolledUser),
        NewUserPolicy::Deny => Outcome::Denies(DenyReason::DenyUnenrolledUser),
    };
    walk.section(9, Section::NewUser, outcome, Fact::Unenrolled { known: facts.user.is_some(), behavior });
}
