//! Accounts and the settings that login rules read.

use crate::lockout::LockoutPolicy;
use crate::webauthn::AaguidList;

/// What happens to someone who has no usable factor (Duo's new-user policy; `new_user_behavior`, or an integration's `enroll_policy`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum NewUserPolicy {
    /// They must enroll before they get in. The default.
    #[default]
    Enroll,
    /// They get in without a second factor. Marked as unprotected in the log.
    Allow,
    /// They are refused.
    Deny,
}

impl NewUserPolicy {
    /// Duo's word for it.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Enroll => "enroll",
            Self::Allow => "allow",
            Self::Deny => "deny",
        }
    }

    /// Reads Duo's word (`no-mfa` is the policy section's spelling of `allow`).
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "enroll" => Some(Self::Enroll),
            "allow" | "no-mfa" => Some(Self::Allow),
            "deny" => Some(Self::Deny),
            _ => None,
        }
    }
}

/// What a push becomes where the client cannot show a number before the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum WithoutDisplay {
    /// A push that is approved without typing a number; rate-limited. The default.
    #[default]
    PlainPush,
    /// No push at all: a passcode is asked for.
    PasscodeOnly,
}

/// Number matching: the person types on the phone what the screen of the login shows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NumberMatching {
    /// Whether it is used wherever the client can show a number.
    pub enabled: bool,
    /// How many digits, 2 to 8.
    pub digits: u8,
    /// What happens where it cannot.
    pub without_display: WithoutDisplay,
}

impl NumberMatching {
    /// The lengths an administrator may choose.
    pub const DIGITS: std::ops::RangeInclusive<u8> = 2..=8;
}

impl Default for NumberMatching {
    fn default() -> Self {
        Self { enabled: true, digits: 6, without_display: WithoutDisplay::PlainPush }
    }
}

/// Which one-time passwords a newly activated authenticator makes (`duo_mobile_otp_type`).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum SoftOtp {
    /// By counter (RFC 4226). The default, as Duo's.
    #[default]
    Hotp,
    /// By time (RFC 6238).
    Totp,
}

/// The settings of an account that decide logins.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LoginSettings {
    /// When failures lock a user out, and for how long.
    pub lockout: LockoutPolicy,
    /// Used unless the integration says otherwise.
    pub new_user: NewUserPolicy,
    /// The rules of push.
    pub number_matching: NumberMatching,
    /// Given to authenticators at activation.
    pub soft_otp: SoftOtp,
    /// Whether an activation link sent by an administrator must be confirmed on a second screen.
    pub confirm_activation: bool,
    /// Which models of WebAuthn authenticators are let in.
    pub webauthn_models: AaguidList,
}
