//! What a login came to, in the words that clients are told.

use cs_core::login::{AllowReason, DenyReason};
use cs_core::policy::Method;

use super::Refused;

/// The word of the Auth API for how a login stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Status {
    /// In.
    Allow,
    /// In, by bypass.
    Bypass,
    /// Out.
    Deny,
    /// Out, and the person said it was not them.
    Fraud,
    /// Out, too many failures.
    LockedOut,
    /// A push waits.
    Pushed,
    /// Codes are on their way.
    Sent,
    /// Nobody answered.
    Timeout,
}

impl Status {
    /// The word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Allow => "allow",
            Self::Bypass => "bypass",
            Self::Deny => "deny",
            Self::Fraud => "fraud",
            Self::LockedOut => "locked_out",
            Self::Pushed => "pushed",
            Self::Sent => "sent",
            Self::Timeout => "timeout",
        }
    }
}

/// A decision.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Decided {
    /// In or out.
    pub allow: bool,
    /// The word.
    pub status: Status,
    /// What to tell the person.
    pub message: String,
    /// For the next login, where devices are remembered.
    pub trusted_device_token: Option<String>,
    /// For refusals: what to look for in the log.
    pub reference: Option<String>,
    /// The rule behind it.
    pub why: Why,
    /// What a code turned out to be, where one let the person in: whoever gives something for a factor must know which it was.
    pub by: Option<Method>,
}

/// The rule behind a decision, in the log's words.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// In.
    Allowed(AllowReason),
    /// Out.
    Denied(DenyReason),
    /// Neither: codes were sent.
    Sent,
}

impl Decided {
    pub(super) fn let_in(why: AllowReason) -> Self {
        let (status, message) = match why {
            AllowReason::AllowUnenrolledUser | AllowReason::AllowUnenrolledUserOnTrustedNetwork => {
                (Status::Allow, "Allowing unknown user")
            }
            AllowReason::BypassUser => (Status::Bypass, "Success. Logging you in..."),
            AllowReason::AllowedByPolicy
            | AllowReason::RememberedDevice
            | AllowReason::TrustedLocation
            | AllowReason::TrustedNetwork
            | AllowReason::UserApproved
            | AllowReason::ValidPasscode => (Status::Allow, "Success. Logging you in..."),
        };
        Self {
            allow: true,
            status,
            message: message.to_owned(),
            trusted_device_token: None,
            reference: None,
            why: Why::Allowed(why),
            by: None,
        }
    }

    /// Codes are on their way: not in, and nothing went wrong.
    pub(super) fn sent() -> Self {
        Self {
            allow: false,
            status: Status::Sent,
            message: "New SMS passcodes sent.".to_owned(),
            trusted_device_token: None,
            reference: None,
            why: Why::Sent,
            by: None,
        }
    }

    pub(super) fn refused(refused: &Refused) -> Self {
        let reason = refused.denial.reason;
        let status = match reason {
            DenyReason::LockedOut => Status::LockedOut,
            DenyReason::NoResponse => Status::Timeout,
            DenyReason::UserMarkedFraud => Status::Fraud,
            DenyReason::AgentReportUnverified
            | DenyReason::AnomalousPush
            | DenyReason::AnonymousIp
            | DenyReason::ClonedCredential
            | DenyReason::CouldNotDetermineIfEndpointWasTrusted
            | DenyReason::DeniedByPolicy
            | DenyReason::DeniedNetwork
            | DenyReason::DenyUnenrolledUser
            | DenyReason::DesktopAgentRequired
            | DenyReason::EndpointIsNotInManagementSystem
            | DenyReason::EndpointIsNotTrusted
            | DenyReason::Error
            | DenyReason::FactorRestricted
            | DenyReason::FirewallOff
            | DenyReason::InvalidCredential
            | DenyReason::InvalidDevice
            | DenyReason::InvalidPasscode
            | DenyReason::LocationRestricted
            | DenyReason::LoginExpired
            | DenyReason::NoActivatedDuoMobileAccount
            | DenyReason::NoDiskEncryption
            | DenyReason::NoScreenLock
            | DenyReason::NoSecurityAgent
            | DenyReason::NoSystemPassword
            | DenyReason::NumberNotShown
            | DenyReason::OutOfDate
            | DenyReason::PlatformRestricted
            | DenyReason::PushInProgress
            | DenyReason::RootedDevice
            | DenyReason::SoftwareRestricted
            | DenyReason::TelephonyLimit
            | DenyReason::TouchIdDisabled
            | DenyReason::UserCancelled
            | DenyReason::UserDisabled
            | DenyReason::UserMistake
            | DenyReason::UserNotInPermittedGroup
            | DenyReason::UserNotVerified
            | DenyReason::UserPendingDeletion
            | DenyReason::VersionRestricted => Status::Deny,
        };
        Self {
            allow: false,
            status,
            message: reason.user_text().to_owned(),
            trusted_device_token: None,
            reference: Some(refused.reference.clone()),
            why: Why::Denied(reason),
            by: None,
        }
    }

    /// Whether the user is in.
    pub fn is_allow(&self) -> bool {
        self.allow
    }
}
