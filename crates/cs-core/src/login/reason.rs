//! Why someone got in or did not: the log's words, and what people are told.

use std::fmt;

/// Why a login was allowed, in the authentication log's words (`duo-admin-api.md` section 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowReason {
    /// The new-user policy lets people without a factor through.
    AllowUnenrolledUser,
    /// Bypass status of the user or a group, or a bypass code.
    BypassUser,
    /// A device that was remembered at an earlier login.
    RememberedDevice,
    /// The push was approved.
    UserApproved,
    /// The passcode was right.
    ValidPasscode,
}

impl AllowReason {
    /// Every reason there is.
    pub const ALL: [Self; 5] =
        [Self::AllowUnenrolledUser, Self::BypassUser, Self::RememberedDevice, Self::UserApproved, Self::ValidPasscode];

    /// The log's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUnenrolledUser => "allow_unenrolled_user",
            Self::BypassUser => "bypass_user",
            Self::RememberedDevice => "remembered_device",
            Self::UserApproved => "user_approved",
            Self::ValidPasscode => "valid_passcode",
        }
    }

    /// Reads the log's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }
}

/// Why a login was refused, in the authentication log's words where Duo has one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum DenyReason {
    /// Too many unanswered pushes in a short time; a cool-down is on.
    AnomalousPush,
    /// The new-user policy refuses people without a factor.
    DenyUnenrolledUser,
    /// Something on our side failed after the decision had begun.
    Error,
    /// The factor asked for is not one this user can use here.
    FactorRestricted,
    /// A device that does not exist or is not this user's.
    InvalidDevice,
    /// Wrong, used, expired or out-of-step passcode.
    InvalidPasscode,
    /// Too many failures.
    LockedOut,
    /// The menu or page that the login began with is too old, or not this login's.
    LoginExpired,
    /// Nobody answered the push in time.
    NoResponse,
    /// A push was asked for by name where the menu offers one with a number to type.
    NumberNotShown,
    /// Another push for this user, application and source is still open.
    PushInProgress,
    /// The application withdrew the request.
    UserCancelled,
    /// Status of the user or a group.
    UserDisabled,
    /// The person denied and called it fraud.
    UserMarkedFraud,
    /// The person denied and called it a mistake.
    UserMistake,
    /// The integration is for certain groups.
    UserNotInPermittedGroup,
    /// The user is in the trash.
    UserPendingDeletion,
}

impl DenyReason {
    /// Every reason there is.
    pub const ALL: [Self; 17] = [
        Self::AnomalousPush,
        Self::DenyUnenrolledUser,
        Self::Error,
        Self::FactorRestricted,
        Self::InvalidDevice,
        Self::InvalidPasscode,
        Self::LockedOut,
        Self::LoginExpired,
        Self::NoResponse,
        Self::NumberNotShown,
        Self::PushInProgress,
        Self::UserCancelled,
        Self::UserDisabled,
        Self::UserMarkedFraud,
        Self::UserMistake,
        Self::UserNotInPermittedGroup,
        Self::UserPendingDeletion,
    ];

    /// The log's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AnomalousPush => "anomalous_push",
            Self::DenyUnenrolledUser => "deny_unenrolled_user",
            Self::Error => "error",
            Self::FactorRestricted => "factor_restricted",
            Self::InvalidDevice => "invalid_device",
            Self::InvalidPasscode => "invalid_passcode",
            Self::LockedOut => "locked_out",
            Self::LoginExpired => "login_expired",
            Self::NoResponse => "no_response",
            Self::NumberNotShown => "number_not_shown",
            Self::PushInProgress => "push_in_progress",
            Self::UserCancelled => "user_cancelled",
            Self::UserDisabled => "user_disabled",
            Self::UserMarkedFraud => "user_marked_fraud",
            Self::UserMistake => "user_mistake",
            Self::UserNotInPermittedGroup => "user_not_in_permitted_group",
            Self::UserPendingDeletion => "user_pending_deletion",
        }
    }

    /// Reads the log's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
    }

    /// What the person at the login is told: what happened and what to do. One line, because terminals show it.
    pub const fn user_text(self) -> &'static str {
        match self {
            Self::AnomalousPush => {
                "Too many login requests went unanswered. Use a passcode, or wait ten minutes and try again."
            }
            Self::DenyUnenrolledUser => "You are not enrolled. Ask your help desk to enroll you.",
            Self::Error => "Something went wrong on our side. Please try again.",
            Self::FactorRestricted => "That way of authenticating is not available to you here. Choose another one.",
            Self::InvalidDevice => "That device is not one of yours. Choose another one.",
            Self::InvalidPasscode => "Invalid passcode, please try again.",
            Self::LockedOut => {
                "Your account is locked after too many failed attempts. Wait a while, or contact your help desk."
            }
            Self::LoginExpired => "This login began too long ago. Start it again.",
            Self::NoResponse => "Authentication timed out.",
            Self::NumberNotShown => {
                "Choose the push by its number in the menu: your phone asks for the digits shown there."
            }
            Self::PushInProgress => {
                "Another login request is still waiting on your phone. Answer it there first, or use a passcode."
            }
            Self::UserCancelled => "The login was cancelled.",
            Self::UserDisabled => "Your account is disabled and cannot use this application. Contact your help desk.",
            Self::UserMarkedFraud => "Login request reported as fraudulent.",
            Self::UserMistake => "Login request denied.",
            Self::UserNotInPermittedGroup => {
                "You are not permitted to use this application. Contact its owner or your help desk."
            }
            Self::UserPendingDeletion => {
                "Your account is disabled and cannot use this application. Contact your help desk."
            }
        }
    }

    /// What an administrator can do about it.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::AnomalousPush => {
                "Ask the user whether the requests were theirs. If not, someone knows the password: change it."
            }
            Self::DenyUnenrolledUser => {
                "Enroll the user (`countersign admin user enroll`), or change the new-user policy of the application."
            }
            Self::Error => "See the server's log for the reference id.",
            Self::FactorRestricted => {
                "Give the user a device that can do it: `countersign admin user show` lists what there is."
            }
            Self::InvalidDevice => "The client asked for a device id that is not attached to this user.",
            Self::InvalidPasscode => {
                "If codes of a token keep failing, enter three in a row to resynchronise it, or resynchronise it as administrator."
            }
            Self::LockedOut => {
                "Unlock with `countersign admin user unlock`, after making sure that the failures were the user's own."
            }
            Self::LoginExpired => {
                "A menu can be answered for five minutes. If it was younger, the clocks of the servers differ."
            }
            Self::NumberNotShown => {
                "The user typed a word, or the client sends one: the menu's option carries the number that the phone asks for."
            }
            Self::NoResponse => {
                "If the phone never showed the request, open the authenticator there: it fetches what waits."
            }
            Self::PushInProgress => {
                "Two logins at the same moment from the same place: one answer admits only the login it was shown for."
            }
            Self::UserCancelled => "Nothing to do.",
            Self::UserDisabled => "Set the status of the user or group to active if that is no longer wanted.",
            Self::UserMarkedFraud => "Someone else may know the password: change it and look at the access address.",
            Self::UserMistake => "Nothing to do, unless it happens again.",
            Self::UserNotInPermittedGroup => "Add the user to a permitted group of the application.",
            Self::UserPendingDeletion => "Restore the user from the trash if the deletion was not meant.",
        }
    }

    /// Whether the refusal counts towards lockout: wrong codes and explicit denials do, everything that a person did not do wrong does not (DESIGN section 4).
    pub const fn counts_towards_lockout(self) -> bool {
        match self {
            Self::InvalidPasscode | Self::UserMarkedFraud | Self::UserMistake => true,
            Self::AnomalousPush
            | Self::DenyUnenrolledUser
            | Self::Error
            | Self::FactorRestricted
            | Self::InvalidDevice
            | Self::LockedOut
            | Self::LoginExpired
            | Self::NoResponse
            | Self::NumberNotShown
            | Self::PushInProgress
            | Self::UserCancelled
            | Self::UserDisabled
            | Self::UserNotInPermittedGroup
            | Self::UserPendingDeletion => false,
        }
    }
}

/// A refusal: the rule that decided, and the fact it decided on.
#[derive(Debug, Clone, PartialEq, Eq)]
#[must_use]
pub struct Denial {
    /// The rule.
    pub reason: DenyReason,
    /// The deciding fact, for administrators: "group Contractors is disabled".
    pub fact: String,
}

impl Denial {
    /// Refuses by `reason` because of `fact`.
    pub fn new(reason: DenyReason, fact: impl Into<String>) -> Self {
        Self { reason, fact: fact.into() }
    }
}

impl fmt::Display for Denial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.reason.as_str(), self.fact)
    }
}

/// The factor that was used, in the authentication log's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorUsed {
    /// A bypass code.
    BypassCode,
    /// A passcode made by an authenticator.
    DuoMobilePasscode,
    /// A push.
    DuoPush,
    /// A code of a hardware token.
    HardwareToken,
    /// None.
    NotAvailable,
    /// A passcode of unknown origin: none matched.
    Passcode,
    /// A remembered device.
    RememberedDevice,
    /// A push with a number to type.
    VerifiedDuoPush,
    /// A Yubico one-time password.
    YubikeyCode,
}

impl FactorUsed {
    /// The log's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::BypassCode => "bypass_code",
            Self::DuoMobilePasscode => "duo_mobile_passcode",
            Self::DuoPush => "duo_push",
            Self::HardwareToken => "hardware_token",
            Self::NotAvailable => "not_available",
            Self::Passcode => "passcode",
            Self::RememberedDevice => "remembered_device",
            Self::VerifiedDuoPush => "verified_duo_push",
            Self::YubikeyCode => "yubikey_code",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own_and_tells_people_what_to_do() {
        let mut words = std::collections::BTreeSet::new();
        for reason in AllowReason::ALL {
            assert!(words.insert(reason.as_str()), "{reason:?}");
            assert_eq!(AllowReason::parse(reason.as_str()), Some(reason));
        }
        for reason in DenyReason::ALL {
            assert!(words.insert(reason.as_str()), "{reason:?}");
            assert_eq!(DenyReason::parse(reason.as_str()), Some(reason));
            assert!(reason.user_text().ends_with('.') && !reason.user_text().contains('\n'), "{reason:?}");
            assert!(reason.remedy().len() > 10, "{reason:?}");
        }
    }
}
