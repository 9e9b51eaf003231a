//! Why someone got in or did not: the log's words, and what people are told.

mod deny;

use std::fmt;

pub use deny::DenyReason;

/// Why a login was allowed, in the authentication log's words (`duo-admin-api.md` section 10).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AllowReason {
    /// The new-user policy lets people without a factor through.
    AllowUnenrolledUser,
    /// A network that spares the second factor, and enrollment with it.
    AllowUnenrolledUserOnTrustedNetwork,
    /// A policy asks for no second factor: of anyone, on this device, or of this exempted user.
    AllowedByPolicy,
    /// Bypass status of the user or a group, or a bypass code.
    BypassUser,
    /// A device that was remembered at an earlier login.
    RememberedDevice,
    /// A country that spares the second factor.
    TrustedLocation,
    /// A network that spares the second factor.
    TrustedNetwork,
    /// The push was approved, or the key touched.
    UserApproved,
    /// The passcode was right.
    ValidPasscode,
}

impl AllowReason {
    /// Every reason there is.
    pub const ALL: [Self; 9] = [
        Self::AllowUnenrolledUser,
        Self::AllowUnenrolledUserOnTrustedNetwork,
        Self::AllowedByPolicy,
        Self::BypassUser,
        Self::RememberedDevice,
        Self::TrustedLocation,
        Self::TrustedNetwork,
        Self::UserApproved,
        Self::ValidPasscode,
    ];

    /// The log's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::AllowUnenrolledUser => "allow_unenrolled_user",
            Self::AllowUnenrolledUserOnTrustedNetwork => "allow_unenrolled_user_on_trusted_network",
            Self::AllowedByPolicy => "allowed_by_policy",
            Self::BypassUser => "bypass_user",
            Self::RememberedDevice => "remembered_device",
            Self::TrustedLocation => "trusted_location",
            Self::TrustedNetwork => "trusted_network",
            Self::UserApproved => "user_approved",
            Self::ValidPasscode => "valid_passcode",
        }
    }

    /// Reads the log's word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.as_str() == text)
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
    /// A call.
    PhoneCall,
    /// A remembered device.
    RememberedDevice,
    /// A passcode that was sent by SMS.
    SmsPasscode,
    /// A push with a number to type.
    VerifiedDuoPush,
    /// The Touch ID of a Mac, as Duo calls it.
    WebauthnChromeTouchId,
    /// Another key that is built into the access device.
    WebauthnCredential,
    /// A security key.
    WebauthnSecurityKey,
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
            Self::PhoneCall => "phone_call",
            Self::RememberedDevice => "remembered_device",
            Self::SmsPasscode => "sms_passcode",
            Self::VerifiedDuoPush => "verified_duo_push",
            Self::WebauthnChromeTouchId => "WebAuthn Chrome Touch ID",
            Self::WebauthnCredential => "WebAuthn Credential",
            Self::WebauthnSecurityKey => "WebAuthn Security Key",
            Self::YubikeyCode => "yubikey_code",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_reason_has_a_word_of_its_own() {
        let mut words = std::collections::BTreeSet::new();
        for reason in AllowReason::ALL {
            assert!(words.insert(reason.as_str()), "{reason:?}");
            assert_eq!(AllowReason::parse(reason.as_str()), Some(reason));
        }
        for reason in DenyReason::ALL {
            assert!(words.insert(reason.as_str()), "{reason:?}");
            assert_eq!(DenyReason::parse(reason.as_str()), Some(*reason));
        }
    }
}
