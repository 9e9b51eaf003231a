//! Who may add a credential to a user.
//!
//! Whoever adds a credential can log in from then on, so this is as good a way in as any: CISA AA22-074A tells of a dormant user whose guessed password was enough
//! to enroll a device. Here a password alone never is, unless nobody has enrolled for a user who is new or has been there lately.

use jiff::{SignedDuration, Timestamp};

use crate::id::UserId;
use crate::policy::Method;
use crate::user::{Standing, User};

/// How old a factor may be that proves who adds a credential.
pub const FACTOR_TTL: SignedDuration = SignedDuration::from_mins(5);

/// A user who was neither made nor let in for so long enrolls by an invitation only, where the account sets no time of its own.
pub const INACTIVE_AFTER: SignedDuration = SignedDuration::from_hours(90 * 24);

/// What is to be added.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Wanted {
    /// What is built into this device: Touch ID, Windows Hello, a phone's screen lock. A passkey, if the device can.
    Platform,
    /// A security key, as second factor.
    SecurityKey,
    /// A passkey wherever the person keeps them, to be used without a password where policies allow it.
    Passkey,
}

impl Wanted {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Platform, Self::SecurityKey, Self::Passkey];

    /// The word in forms and in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Platform => "platform",
            Self::SecurityKey => "security-key",
            Self::Passkey => "passkey",
        }
    }

    /// Reads the word.
    pub fn parse(text: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|wanted| wanted.as_str() == text)
    }

    /// What it could be used as: one of these must be allowed.
    pub const fn methods(self) -> &'static [Method] {
        match self {
            Self::Platform => &[Method::WebauthnPlatform, Method::WebauthnPlatformPwl],
            Self::SecurityKey => &[Method::WebauthnRoaming],
            Self::Passkey => &[
                Method::WebauthnPlatform,
                Method::WebauthnRoaming,
                Method::WebauthnPlatformPwl,
                Method::WebauthnRoamingPwl,
            ],
        }
    }

    /// Whether people are offered it where these methods are allowed. A passkey of any kind only where one that is carried may take the place of the password: all
    /// else the other two are good for.
    pub fn is_offered(self, allows: impl Fn(Method) -> bool) -> bool {
        match self {
            Self::Platform | Self::SecurityKey => self.methods().iter().any(|method| allows(*method)),
            Self::Passkey => allows(Method::WebauthnRoamingPwl),
        }
    }
}

/// Why somebody is believed to be the user to whom a credential is added. Whoever makes one vouches for it; see each constructor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Proof {
    user: UserId,
    how: How,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum How {
    Factor { method: Method, at: Timestamp },
    Invitation,
    Password,
}

impl Proof {
    /// `user` did this second factor at `at`, in this very session. Never for a remembered device, a network that spares the factor, or a user in bypass.
    pub const fn factor(user: UserId, method: Method, at: Timestamp) -> Self {
        Self { user, how: How::Factor { method, at } }
    }

    /// This session began with a link that was sent to `user`, good once, and used up by it.
    pub const fn invitation(user: UserId) -> Self {
        Self { user, how: How::Invitation }
    }

    /// Nothing but the application's word that `user` knows the password: enrollment in the middle of a login.
    pub const fn password(user: UserId) -> Self {
        Self { user, how: How::Password }
    }

    /// Whose it is.
    pub const fn user(&self) -> UserId {
        self.user
    }
}

/// Why nobody may add a credential here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum RegistrationRefusal {
    /// The proof is another user's.
    #[error("the proof is of another user")]
    WrongUser,
    /// The user is disabled, locked out or in the trash.
    #[error("the user is not active")]
    NotActive,
    /// The factor was done too long ago.
    #[error("the factor is older than five minutes")]
    Stale,
    /// The user has a stronger factor than the one that was done.
    #[error("a factor as strong as the user's strongest is needed")]
    TooWeak,
    /// Only the password was checked, and the user has a factor.
    #[error("the user has a factor that must be used first")]
    HasFactor,
    /// Only the password was checked, and the user has not been seen for long.
    #[error("the user has been inactive: an invitation is needed")]
    Inactive,
    /// The user has as many credentials as there may be.
    #[error("the user has as many credentials as there may be")]
    TooMany,
}

/// When the user was last known to be there.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Standings {
    /// When the user was made.
    pub created_at: Timestamp,
    /// After how long without a login a user counts as inactive.
    pub inactive_after: SignedDuration,
}

/// Whether whoever brings `proof` may add a credential to `user` at `now`.
pub fn may_register(proof: &Proof, user: &User, known: Standings, now: Timestamp) -> Result<(), RegistrationRefusal> {
    if proof.user != user.id {
        return Err(RegistrationRefusal::WrongUser);
    }
    match user.standing(now) {
        Standing::Active | Standing::Bypass { .. } => {}
        Standing::Disabled { .. } | Standing::LockedOut { .. } | Standing::PendingDeletion => {
            return Err(RegistrationRefusal::NotActive);
        }
    }
    if user.credentials.len() >= super::MAX_CREDENTIALS_PER_USER {
        return Err(RegistrationRefusal::TooMany);
    }
    match proof.how {
        How::Factor { method, at } => {
            if at > now || now.duration_since(at) > FACTOR_TTL {
                return Err(RegistrationRefusal::Stale);
            }
            if is_strong_enough(method, user) { Ok(()) } else { Err(RegistrationRefusal::TooWeak) }
        }
        How::Invitation => Ok(()),
        How::Password if user.is_enrolled() || user.live_bypass_codes > 0 || !user.credentials.is_empty() => {
            Err(RegistrationRefusal::HasFactor)
        }
        How::Password => {
            let seen = user.last_login.map_or(known.created_at, |login| login.max(known.created_at));
            let is_lately = now.duration_since(seen) <= known.inactive_after;
            if is_lately { Ok(()) } else { Err(RegistrationRefusal::Inactive) }
        }
    }
}

/// Whether `method` is as strong as the strongest that `user` has, so that whoever did it may add a device or credential. A code of the help desk always is.
pub fn is_strong_enough(method: Method, user: &User) -> bool {
    strength(method) >= strongest(user)
}

/// How hard a factor is to come by, in the steps that matter here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Strength {
    /// Nothing.
    None,
    /// By telephone.
    Interceptable,
    /// Bound to a device; a person can be talked into giving it away.
    Phishable,
    /// Bound to a device and to the page.
    PhishingResistant,
    /// A code that an administrator gave: the way back in for whoever has lost everything.
    HelpDesk,
}

fn strength(method: Method) -> Strength {
    match method {
        Method::WebauthnPlatform
        | Method::WebauthnRoaming
        | Method::WebauthnPlatformPwl
        | Method::WebauthnRoamingPwl
        | Method::SmartCard => Strength::PhishingResistant,
        Method::DuoPush | Method::DuoPushPwl | Method::DuoPasscode | Method::HardwareToken | Method::Desktop => {
            Strength::Phishable
        }
        Method::Sms | Method::Phonecall => Strength::Interceptable,
        Method::Bypass | Method::BypassPwl => Strength::HelpDesk,
        // A demand, not a method.
        Method::WebauthnRequireUserVerification => Strength::None,
    }
}

/// The strongest that the user has: what is added must not be easier to come by.
fn strongest(user: &User) -> Strength {
    if user.credentials.iter().any(super::Credential::is_usable) {
        Strength::PhishingResistant
    } else if user.is_enrolled() {
        Strength::Phishable
    } else {
        Strength::Interceptable
    }
}

#[cfg(test)]
mod tests {
    use super::super::credential::tests::credential;
    use super::super::{Class, Credential};
    use super::*;
    use crate::otp::{OtpKind, OtpParams, OtpRecord};
    use crate::user::UserStatus;

    const MINUTE: SignedDuration = SignedDuration::from_mins(1);
    const DAY: SignedDuration = SignedDuration::from_hours(24);

    fn now() -> Timestamp {
        "2026-06-01T12:00:00Z".parse().unwrap()
    }

    fn alice() -> User {
        User {
            id: "DUAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            username: "alice".to_owned(),
            realname: None,
            email: String::new(),
            status: UserStatus::Active,
            bypass_until: None,
            lockout: crate::lockout::LockoutState::default(),
            attempts: 0,
            version: 1,
            trust_epoch: 0,
            default_factor: None,
            phones: Vec::new(),
            tokens: Vec::new(),
            credentials: Vec::new(),
            groups: Vec::new(),
            last_login: None,
            live_bypass_codes: 0,
            risk: crate::policy::risk::RiskRecord::default(),
        }
    }

    fn with_token() -> User {
        let token = crate::device::Token {
            id: "DHAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            serial: "1".to_owned(),
            owner: String::new(),
            params: OtpParams::new(OtpKind::H6),
            otp: OtpRecord::fresh(OtpKind::H6, 0).unwrap(),
            sealed_secret: Vec::new(),
        };
        User { tokens: vec![token], ..alice() }
    }

    fn with_key() -> User {
        User { credentials: vec![credential(Class::Roaming)], ..with_token() }
    }

    fn factor(method: Method, ago: SignedDuration) -> Proof {
        Proof::factor(alice().id, method, now() - ago)
    }

    #[test]
    fn a_fresh_factor_as_strong_as_the_strongest_may_add() {
        use RegistrationRefusal::{Stale, TooWeak};
        let cloned = || User {
            credentials: vec![Credential { cloned_at: Some(now()), ..credential(Class::Roaming) }],
            ..with_token()
        };
        for (what, user, proof, expected) in [
            ("a passcode beside a token", with_token(), factor(Method::HardwareToken, MINUTE), Ok(())),
            ("at the last moment", with_token(), factor(Method::DuoPush, FACTOR_TTL), Ok(())),
            ("too late", with_token(), factor(Method::DuoPush, FACTOR_TTL + MINUTE), Err(Stale)),
            ("from the future", with_token(), factor(Method::DuoPush, -MINUTE), Err(Stale)),
            ("a push beside a key", with_key(), factor(Method::DuoPush, MINUTE), Err(TooWeak)),
            ("the key itself", with_key(), factor(Method::WebauthnRoaming, MINUTE), Ok(())),
            ("a push beside a key that was copied", cloned(), factor(Method::DuoPush, MINUTE), Ok(())),
            ("a call beside a token", with_token(), factor(Method::Phonecall, MINUTE), Err(TooWeak)),
            ("a call where there is nothing else", alice(), factor(Method::Phonecall, MINUTE), Ok(())),
            ("a code of the help desk", with_key(), factor(Method::Bypass, MINUTE), Ok(())),
            ("no method at all", alice(), factor(Method::WebauthnRequireUserVerification, MINUTE), Err(TooWeak)),
        ] {
            let known = Standings { created_at: now() - DAY, inactive_after: INACTIVE_AFTER };
            assert_eq!(may_register(&proof, &user, known, now()), expected, "{what}");
        }
    }

    #[test]
    fn what_is_offered_is_what_the_policy_has_a_use_for() {
        use Method::{WebauthnPlatform, WebauthnPlatformPwl, WebauthnRoaming, WebauthnRoamingPwl};
        for (allowed, offered) in [
            (&[][..], &[][..]),
            (&[WebauthnPlatform], &[Wanted::Platform]),
            (&[WebauthnPlatformPwl], &[Wanted::Platform]),
            (&[WebauthnRoaming], &[Wanted::SecurityKey]),
            (&[WebauthnRoamingPwl], &[Wanted::Passkey]),
            (&[WebauthnPlatform, WebauthnRoaming, WebauthnRoamingPwl], &Wanted::ALL),
        ] {
            let found: Vec<Wanted> =
                Wanted::ALL.into_iter().filter(|one| one.is_offered(|method| allowed.contains(&method))).collect();
            assert_eq!(found, offered, "{allowed:?}");
        }
        for wanted in Wanted::ALL {
            assert_eq!(Wanted::parse(wanted.as_str()), Some(wanted));
        }
    }

    #[test]
    fn aa22_074a_a_password_alone_adds_nothing_to_a_dormant_or_enrolled_user() {
        use RegistrationRefusal::{HasFactor, Inactive};
        let old = now() - INACTIVE_AFTER - DAY;
        let back_lately = || User { last_login: Some(now() - DAY), ..alice() };
        let gone = || User { last_login: Some(old), ..alice() };
        let help_desk = || User { live_bypass_codes: 1, ..alice() };
        let cloned = || User {
            credentials: vec![Credential { cloned_at: Some(now()), ..credential(Class::Roaming) }],
            ..alice()
        };
        for (what, user, created_at, expected) in [
            ("new", alice(), now() - DAY, Ok(())),
            ("made long ago and never there", alice(), old, Err(Inactive)),
            ("made long ago and there lately", back_lately(), old, Ok(())),
            ("there long ago", gone(), old, Err(Inactive)),
            ("has a token", with_token(), now() - DAY, Err(HasFactor)),
            ("has a key that was copied", cloned(), now() - DAY, Err(HasFactor)),
            ("has a code of the help desk", help_desk(), now() - DAY, Err(HasFactor)),
        ] {
            let known = Standings { created_at, inactive_after: INACTIVE_AFTER };
            let proof = Proof::password(user.id);
            assert_eq!(may_register(&proof, &user, known, now()), expected, "{what}");
            // An invitation is an administrator's word.
            assert_eq!(may_register(&Proof::invitation(user.id), &user, known, now()), Ok(()), "{what}");
        }
    }

    #[test]
    fn nobody_adds_to_a_disabled_user_or_to_another_one() {
        let known = Standings { created_at: now() - DAY, inactive_after: INACTIVE_AFTER };
        for status in [UserStatus::Disabled, UserStatus::PendingDeletion] {
            let user = User { status, ..with_token() };
            for proof in [factor(Method::Bypass, MINUTE), Proof::invitation(user.id), Proof::password(user.id)] {
                assert_eq!(may_register(&proof, &user, known, now()), Err(RegistrationRefusal::NotActive));
            }
        }
        let bob: UserId = "DUBBBBBBBBBBBBBBBBBB".parse().unwrap();
        let wrong = may_register(&Proof::invitation(bob), &alice(), known, now());
        assert_eq!(wrong, Err(RegistrationRefusal::WrongUser));
        let credentials = vec![credential(Class::Roaming); super::super::MAX_CREDENTIALS_PER_USER];
        let full = User { credentials, ..alice() };
        let refused = may_register(&Proof::invitation(full.id), &full, known, now());
        assert_eq!(refused, Err(RegistrationRefusal::TooMany));
    }
}
