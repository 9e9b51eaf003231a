//! What an assertion is worth: which method it counts as, what it must have verified, and whether its counter is believable.

use super::credential::{AaguidList, Class, Credential};
use crate::login::{Denial, DenyReason};
use crate::policy::{Challenge, Method, Set};

/// What an assertion is asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ask {
    /// Beside a first factor that somebody else checked.
    SecondFactor,
    /// In place of name and password.
    Passwordless,
}

/// What a ceremony is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Purpose {
    /// To add a credential.
    Registration,
    /// To use one.
    Assertion(Ask),
}

impl Purpose {
    /// The word it is kept under.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Registration => "registration",
            Self::Assertion(Ask::SecondFactor) => "second-factor",
            Self::Assertion(Ask::Passwordless) => "passwordless",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        let all = [Self::Registration, Self::Assertion(Ask::SecondFactor), Self::Assertion(Ask::Passwordless)];
        all.into_iter().find(|purpose| purpose.as_str() == text)
    }
}

/// Whether the authenticator must verify the person (PIN, finger, face), not only its presence.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UserVerification {
    /// It must.
    Required,
    /// A touch will do. Browsers are told `discouraged`: as a second factor the key need not ask for its PIN.
    NotNeeded,
}

/// What an assertion must have verified: always the person where there was no password, else where the policy says so.
pub fn user_verification(ask: Ask, allowed: &Challenge) -> UserVerification {
    match ask {
        Ask::Passwordless => UserVerification::Required,
        Ask::SecondFactor if allowed.user_verification => UserVerification::Required,
        Ask::SecondFactor => UserVerification::NotNeeded,
    }
}

impl Credential {
    /// The policies' word for an assertion with it.
    pub const fn method(&self, ask: Ask) -> Method {
        match (ask, self.class) {
            (Ask::SecondFactor, Class::Platform) => Method::WebauthnPlatform,
            (Ask::SecondFactor, Class::Roaming) => Method::WebauthnRoaming,
            (Ask::Passwordless, Class::Platform) => Method::WebauthnPlatformPwl,
            (Ask::Passwordless, Class::Roaming) => Method::WebauthnRoamingPwl,
        }
    }
}

/// The methods that a user with these credentials has, where `models` are let in.
pub fn methods(credentials: &[Credential], models: &AaguidList) -> Set<Method> {
    let able = || credentials.iter().filter(|credential| models.allows(credential.aaguid));
    let second = able().filter(|credential| credential.is_usable()).map(|one| one.method(Ask::SecondFactor));
    let first = able().filter(|credential| credential.is_passwordless()).map(|one| one.method(Ask::Passwordless));
    second.chain(first).collect()
}

/// What a verified assertion says. Its signature, challenge, origin and relying party were checked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// The signature counter.
    pub counter: u32,
    /// Whether the person was verified.
    pub user_verified: bool,
    /// Whether the key is backed up now.
    pub backed_up: bool,
}

/// What a credential is after an assertion that lets its user in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[must_use]
pub struct Used {
    /// The signature counter from now on.
    pub counter: u32,
    /// See [`Credential::backed_up`].
    pub backed_up: bool,
    /// See [`Credential::verifies`].
    pub verifies: bool,
}

/// Whether a signature counter that was `stored` may be followed by `sent` (WebAuthn, section 6.1.1): it rises, or the authenticator keeps none and both
/// are 0. Anything else is explained by a copy of the key that is in use elsewhere.
pub const fn check_counter(stored: u32, sent: u32) -> Result<u32, DenyReason> {
    if sent > stored || (sent == 0 && stored == 0) { Ok(sent) } else { Err(DenyReason::ClonedCredential) }
}

/// Judges an assertion with `credential`, of which `seen` was verified. `allowed` is what the policies leave; without a password only its passwordless
/// methods count.
///
/// Fails with the denial to give. [`DenyReason::ClonedCredential`] for a credential that is not marked yet says: mark it.
pub fn judge(
    credential: &Credential,
    ask: Ask,
    allowed: &Challenge,
    models: &AaguidList,
    seen: Seen,
) -> Result<Used, Denial> {
    let deny = |reason, fact: String| Err(Denial::new(reason, fact));
    let name = credential.key;
    if let Some(when) = credential.cloned_at {
        return deny(DenyReason::ClonedCredential, format!("{name} is refused since its counter went back at {when}"));
    }
    let Ok(counter) = check_counter(credential.counter, seen.counter) else {
        let (stored, sent) = (credential.counter, seen.counter);
        return deny(DenyReason::ClonedCredential, format!("the counter of {name} went from {stored} to {sent}"));
    };
    let method = credential.method(ask);
    let is_allowed = match ask {
        Ask::SecondFactor => allowed.methods.contains(method),
        Ask::Passwordless => allowed.passwordless.contains(method),
    };
    if !is_allowed {
        return deny(DenyReason::FactorRestricted, format!("{name}: the policy does not allow its kind here"));
    }
    if !models.allows(credential.aaguid) {
        return deny(DenyReason::FactorRestricted, format!("{name}: its model {} is not allowed", credential.aaguid));
    }
    if user_verification(ask, allowed) == UserVerification::Required && !seen.user_verified {
        return deny(DenyReason::UserNotVerified, format!("{name} did not verify the person"));
    }
    if ask == Ask::Passwordless && !credential.resident {
        return deny(DenyReason::FactorRestricted, format!("{name} was not made to be used without a password"));
    }
    Ok(Used { counter, backed_up: seen.backed_up, verifies: credential.verifies || seen.user_verified })
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::super::credential::tests::credential;
    use super::super::{Aaguid, AaguidList};
    use super::*;
    use crate::policy::PushRule;

    /// What it is, then the arguments of [`judge`], and what comes of it.
    type Case = (&'static str, Credential, Ask, Challenge, AaguidList, Seen, Result<(), DenyReason>);

    const SEEN: Seen = Seen { counter: 1, user_verified: true, backed_up: false };

    fn allowed(methods: &[Method], passwordless: &[Method], user_verification: bool) -> Challenge {
        Challenge {
            methods: Set::of(methods),
            push: PushRule::Plain,
            phones: Vec::new(),
            user_verification,
            passwordless: Set::of(passwordless),
            step_up: None,
        }
    }

    #[test]
    fn a_counter_rises_or_is_not_kept() {
        for (stored, sent, fine) in [
            (0, 0, true),
            (0, 1, true),
            (5, 6, true),
            (5, 900, true),
            (u32::MAX - 1, u32::MAX, true),
            (5, 5, false),
            (5, 4, false),
            (5, 0, false),
            (u32::MAX, 0, false),
            (u32::MAX, u32::MAX, false),
        ] {
            assert_eq!(check_counter(stored, sent).is_ok(), fine, "{stored} {sent}");
        }
    }

    #[test]
    fn verification_is_demanded_without_a_password_and_where_the_policy_says_so() {
        use UserVerification::{NotNeeded, Required};
        for (ask, policy, demanded) in [
            (Ask::SecondFactor, false, NotNeeded),
            (Ask::SecondFactor, true, Required),
            (Ask::Passwordless, false, Required),
            (Ask::Passwordless, true, Required),
        ] {
            assert_eq!(user_verification(ask, &allowed(&[], &[], policy)), demanded, "{ask:?} {policy}");
        }
    }

    #[test]
    fn what_a_user_has_goes_by_what_the_credentials_can() {
        let every = AaguidList::default();
        let roaming = credential(Class::Roaming);
        let resident = Credential { resident: true, ..roaming.clone() };
        let passkey = Credential { resident: true, verifies: true, ..credential(Class::Platform) };
        let cloned = Credential { cloned_at: Some(Timestamp::UNIX_EPOCH), ..passkey.clone() };
        for (has, expected) in [
            (vec![], vec![]),
            (vec![roaming.clone()], vec![Method::WebauthnRoaming]),
            (vec![resident], vec![Method::WebauthnRoaming]),
            (vec![passkey.clone()], vec![Method::WebauthnPlatform, Method::WebauthnPlatformPwl]),
            (vec![cloned], vec![]),
            (
                vec![roaming, passkey.clone()],
                vec![Method::WebauthnRoaming, Method::WebauthnPlatform, Method::WebauthnPlatformPwl],
            ),
        ] {
            assert_eq!(methods(&has, &every), Set::of(&expected), "{has:?}");
        }
        let other = AaguidList::new(vec![Aaguid::from_bytes([9; 16])]);
        assert_eq!(methods(&[passkey], &other), Set::EMPTY);
    }

    #[test]
    fn an_assertion_is_worth_what_credential_policy_and_flags_make_of_it() {
        use DenyReason::{ClonedCredential, FactorRestricted, UserNotVerified};
        let key = || Credential { resident: true, aaguid: Aaguid::from_bytes([1; 16]), ..credential(Class::Roaming) };
        let second = || allowed(&[Method::WebauthnRoaming], &[], false);
        let first = || allowed(&[], &[Method::WebauthnRoamingPwl], false);
        let every = AaguidList::default;
        let unverified = Seen { user_verified: false, ..SEEN };
        let cases: Vec<Case> = vec![
            ("a touch", key(), Ask::SecondFactor, second(), every(), unverified, Ok(())),
            ("a touch and a PIN", key(), Ask::SecondFactor, second(), every(), SEEN, Ok(())),
            (
                "a touch where the policy wants more",
                key(),
                Ask::SecondFactor,
                allowed(&[Method::WebauthnRoaming], &[], true),
                every(),
                unverified,
                Err(UserNotVerified),
            ),
            (
                "another kind",
                key(),
                Ask::SecondFactor,
                allowed(&[Method::WebauthnPlatform], &[], false),
                every(),
                SEEN,
                Err(FactorRestricted),
            ),
            ("a second factor only", key(), Ask::Passwordless, second(), every(), SEEN, Err(FactorRestricted)),
            ("a first factor only", key(), Ask::SecondFactor, first(), every(), SEEN, Err(FactorRestricted)),
            ("without a password", key(), Ask::Passwordless, first(), every(), SEEN, Ok(())),
            (
                "without a password, by touch",
                key(),
                Ask::Passwordless,
                first(),
                every(),
                unverified,
                Err(UserNotVerified),
            ),
            (
                "without a password, not made for it",
                Credential { resident: false, ..key() },
                Ask::Passwordless,
                first(),
                every(),
                SEEN,
                Err(FactorRestricted),
            ),
            (
                "another model",
                key(),
                Ask::SecondFactor,
                second(),
                AaguidList::new(vec![Aaguid::from_bytes([2; 16])]),
                SEEN,
                Err(FactorRestricted),
            ),
            (
                "a counter that stands still",
                Credential { counter: 1, ..key() },
                Ask::SecondFactor,
                second(),
                every(),
                SEEN,
                Err(ClonedCredential),
            ),
            (
                "marked before",
                Credential { cloned_at: Some(Timestamp::UNIX_EPOCH), ..key() },
                Ask::SecondFactor,
                second(),
                every(),
                Seen { counter: 900, ..SEEN },
                Err(ClonedCredential),
            ),
        ];
        for (what, credential, ask, allowed, models, seen, expected) in cases {
            let judged = judge(&credential, ask, &allowed, &models, seen);
            assert_eq!(judged.as_ref().map(|_| ()).map_err(|denial| denial.reason), expected, "{what}");
            if let Ok(used) = judged {
                assert_eq!(used, Used { counter: 1, backed_up: false, verifies: seen.user_verified }, "{what}");
            }
        }
    }
}
