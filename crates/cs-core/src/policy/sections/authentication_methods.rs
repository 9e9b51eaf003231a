//! `authentication_methods`: which factors may be used, and how a push is verified.

use crate::account::{NumberMatching, WithoutDisplay};
use crate::policy::fault::{Fault, SectionError, in_range};
use crate::policy::names::{Method, Section};
use crate::policy::word::{Set, Word as _, words};

words! {
    /// Ours, `verified_push_without_display`: what a push becomes where the client cannot show the number before the answer.
    PushWithoutDisplay {
        /// No factor but a bypass code: for applications that must only be used through clients that can show one.
        Deny = "deny",
        /// No push; other factors stay.
        PasscodeOnly = "passcode-only",
        /// A push approved without typing a number; rate-limited. The default.
        PlainPush = "plain-push",
    }
}

/// The section. A method that is in neither list is not allowed: what was not foreseen is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AuthenticationMethods {
    /// `allowed_auth_list`; global default: every second factor, as in older accounts of Duo's, and no passwordless method.
    pub allowed: Set<Method>,
    /// `blocked_auth_list`.
    pub blocked: Set<Method>,
    /// `require_verified_push`; global default: true (see [`AuthenticationMethods::from_number_matching`]).
    pub require_verified_push: bool,
    /// `verified_push_digits`, 2 to 8 (Duo's panel offers 3 to 6); global default: 6.
    pub verified_push_digits: u8,
    /// What happens where the client can show no number.
    pub without_display: PushWithoutDisplay,
}

/// Second factors. Bypass codes are listed for the sake of documents that name them; no policy restricts them.
const SECOND_FACTORS: [Method; 9] = [
    Method::DuoPush,
    Method::Sms,
    Method::Phonecall,
    Method::DuoPasscode,
    Method::HardwareToken,
    Method::Desktop,
    Method::Bypass,
    Method::WebauthnPlatform,
    Method::WebauthnRoaming,
];

impl Default for AuthenticationMethods {
    fn default() -> Self {
        Self::from_number_matching(NumberMatching::default())
    }
}

impl AuthenticationMethods {
    /// The section that does what the account's `number_matching` setting does.
    ///
    /// `enabled` is `require_verified_push`, `digits` is `verified_push_digits`, and `without_display` keeps its meaning. So the global policy of an
    /// existing account is made from its setting, and that of a new one from the setting's default: six digits, plain push where no number can be
    /// shown. Duo's own default is false; ours stays true, because a push that can be approved by reflex is what push harassment lives on.
    pub fn from_number_matching(setting: NumberMatching) -> Self {
        Self {
            allowed: Set::of(&SECOND_FACTORS),
            blocked: Set::EMPTY,
            require_verified_push: setting.enabled,
            verified_push_digits: setting.digits,
            without_display: match setting.without_display {
                WithoutDisplay::PlainPush => PushWithoutDisplay::PlainPush,
                WithoutDisplay::PasscodeOnly => PushWithoutDisplay::PasscodeOnly,
            },
        }
    }

    /// Whether `method` may be used, bypass codes aside.
    pub fn allows(&self, method: Method) -> bool {
        self.allowed.contains(method) && !self.blocked.contains(method)
    }

    /// Refuses a method in both lists, a list that leaves nothing, and digits outside of 2 to 8.
    pub fn validate(&self) -> Result<(), SectionError> {
        let at = |key| move |fault: Fault| fault.at(Section::AuthenticationMethods, key);
        if let Some(method) = self.allowed.intersection(self.blocked).iter().next() {
            let what = method.as_str().to_owned();
            return Err(at("blocked_auth_list")(Fault::AlsoIn { what, other: "allowed_auth_list" }));
        }
        let demand = Set::of(&[Method::WebauthnRequireUserVerification]);
        if self.allowed.minus(demand).is_empty() {
            return Err(at("allowed_auth_list")(Fault::NobodyLeft));
        }
        let (least, most) = (*NumberMatching::DIGITS.start(), *NumberMatching::DIGITS.end());
        in_range(self.verified_push_digits.into(), least.into(), most.into()).map_err(at("verified_push_digits"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_accounts_setting_is_kept() {
        let setting = NumberMatching { enabled: false, digits: 3, without_display: WithoutDisplay::PasscodeOnly };
        let section = AuthenticationMethods::from_number_matching(setting);
        assert_eq!((section.require_verified_push, section.verified_push_digits), (false, 3));
        assert_eq!(section.without_display, PushWithoutDisplay::PasscodeOnly);
        assert!(AuthenticationMethods::default().require_verified_push);
    }

    #[test]
    fn contradictions_are_refused() {
        let good = AuthenticationMethods::default();
        assert_eq!(good.validate(), Ok(()));
        let both = AuthenticationMethods { blocked: Set::of(&[Method::Sms]), ..good };
        assert_eq!(
            both.validate().unwrap_err().to_string(),
            "authentication_methods.blocked_auth_list: sms is also in allowed_auth_list"
        );
        let none = AuthenticationMethods { allowed: Set::EMPTY, ..good };
        assert_eq!(none.validate().unwrap_err().why, Fault::NobodyLeft);
        for digits in [0, 1, 9, 255] {
            let wrong = AuthenticationMethods { verified_push_digits: digits, ..good };
            assert_eq!(wrong.validate().unwrap_err().key, "verified_push_digits");
        }
    }

    #[test]
    fn what_is_not_listed_is_not_allowed() {
        let only = AuthenticationMethods { allowed: Set::of(&[Method::DuoPush]), ..AuthenticationMethods::default() };
        assert!(only.allows(Method::DuoPush) && !only.allows(Method::DuoPasscode));
    }
}
