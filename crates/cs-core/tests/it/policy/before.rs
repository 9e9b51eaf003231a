//! The questions before any factor as the server asked them before there were policies, kept to compare with: installations from then must see no difference.

use jiff::Timestamp;

use cs_core::account::{LoginSettings, NewUserPolicy};
use cs_core::integration::{Integration, UserAccess};
use cs_core::login::{AllowReason, Denial, DenyReason};
use cs_core::user::{Standing, User};

/// Everything the gate looks at.
#[derive(Debug, Clone, Copy)]
pub(super) struct Situation<'a> {
    /// The application that asks.
    pub(super) integration: &'a Integration,
    /// The account's settings.
    pub(super) settings: &'a LoginSettings,
    /// The user, if there is one of that name.
    pub(super) user: Option<&'a User>,
    /// Whether a valid remembered-device token came with the request.
    pub(super) remembered: bool,
    /// Now.
    pub(super) now: Timestamp,
}

/// What the gate says.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub(super) enum Gate {
    /// In, without a second factor.
    Allow {
        /// Why.
        why: AllowReason,
        /// The deciding fact.
        fact: String,
    },
    /// Out.
    Deny(Denial),
    /// The user must enroll first.
    Enroll,
    /// A second factor is needed, and the user has one.
    Authenticate,
}

impl Gate {
    fn deny(reason: DenyReason, fact: impl Into<String>) -> Self {
        Self::Deny(Denial::new(reason, fact))
    }
}

/// Decides, first rule first.
pub(super) fn gate(situation: &Situation<'_>) -> Gate {
    let Situation { integration, user, now, .. } = *situation;
    let Some(user) = user else {
        return match integration.user_access {
            UserAccess::All => unenrolled(situation, "no user of that name"),
            UserAccess::Nobody | UserAccess::Groups(_) => not_permitted(integration),
        };
    };
    let standing = user.standing(now);
    match &standing {
        Standing::PendingDeletion => return Gate::deny(DenyReason::UserPendingDeletion, "the user is in the trash"),
        Standing::LockedOut { until } => return Gate::deny(DenyReason::LockedOut, locked_until(*until)),
        Standing::Disabled { by } => {
            return Gate::deny(DenyReason::UserDisabled, status_fact("disabled", by.as_deref()));
        }
        Standing::Active | Standing::Bypass { .. } => {}
    }
    if !is_permitted(&integration.user_access, user) {
        return not_permitted(integration);
    }
    if let Standing::Bypass { by } = &standing {
        return Gate::Allow { why: AllowReason::BypassUser, fact: status_fact("in bypass", by.as_deref()) };
    }
    if !user.is_enrolled() && user.live_bypass_codes == 0 {
        return unenrolled(situation, "the user has no usable device");
    }
    if situation.remembered {
        return Gate::Allow { why: AllowReason::RememberedDevice, fact: "a remembered device".to_owned() };
    }
    Gate::Authenticate
}

fn is_permitted(access: &UserAccess, user: &User) -> bool {
    match access {
        UserAccess::All => true,
        UserAccess::Nobody => false,
        UserAccess::Groups(groups) => user.groups.iter().any(|m| groups.contains(&m.group)),
    }
}

fn not_permitted(integration: &Integration) -> Gate {
    Gate::deny(DenyReason::UserNotInPermittedGroup, format!("not in a permitted group of {}", integration.name))
}

fn unenrolled(situation: &Situation<'_>, fact: &str) -> Gate {
    match situation.integration.new_user.unwrap_or(situation.settings.new_user) {
        NewUserPolicy::Enroll => Gate::Enroll,
        NewUserPolicy::Allow => {
            Gate::Allow { why: AllowReason::AllowUnenrolledUser, fact: format!("{fact}; the new-user policy is allow") }
        }
        NewUserPolicy::Deny => {
            Gate::deny(DenyReason::DenyUnenrolledUser, format!("{fact}; the new-user policy is deny"))
        }
    }
}

fn status_fact(what: &str, by: Option<&str>) -> String {
    by.map_or_else(|| format!("the user is {what}"), |group| format!("group {group} is {what}"))
}

fn locked_until(until: Option<Timestamp>) -> String {
    until.map_or_else(|| "locked until an administrator unlocks".to_owned(), |until| format!("locked until {until}"))
}
