//! Enrollment in a browser, as one machine of states, and who may enroll.
//!
//! ```text
//! Choose ◄──► Phone, Key ──► Backup ◄──► Phone, Key ──► Done
//!                               └── recovery codes, later ──┘
//! ```
//!
//! A first factor is as good as a way in. CISA AA22-074A tells of a dormant user whose guessed password was enough to enroll a device, so whoever brings no more than
//! a link or a password enrolls nothing beside a factor that is there already, and a password alone is too little for somebody who was not seen for long.

use jiff::{SignedDuration, Timestamp};

use crate::id::{PhoneId, WebauthnKey};
use crate::policy::Method;
use crate::user::{Standing, User, WayIn};
use crate::webauthn::{Wanted, is_strong_enough};

/// How long an enrollment may take, from the link to its end. The link can begin another one.
pub const VISIT_TTL: SignedDuration = SignedDuration::from_hours(1);

pub use crate::webauthn::{FACTOR_TTL, INACTIVE_AFTER};

/// Why somebody is believed to be the user who enrolls.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Origin {
    /// A link that was sent to them.
    Invitation,
    /// An application's word that they know the password.
    Login,
    /// The self-service portal, entered with a factor of their own at this time.
    Portal {
        /// When the factor was done.
        factor_at: Timestamp,
        /// Which it was.
        method: Method,
    },
}

/// What was set up in this enrollment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Added {
    /// A phone with the authenticator.
    Phone(PhoneId),
    /// A passkey or security key.
    Key(WebauthnKey),
    /// Recovery codes.
    Codes,
}

/// Where an enrollment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum At {
    /// What shall it be?
    Choose,
    /// A phone is awaited, or waits to be compared.
    Phone(PhoneId),
    /// The browser is asked to make a passkey, or a security key to make itself known.
    Key(Wanted),
    /// Which number takes calls and messages?
    Number,
    /// A code went there, and is to be typed.
    NumberCode,
    /// What if it is lost?
    Backup,
    /// All is set up.
    Done,
}

/// What a page sends.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Post {
    /// Set this up, or back to the choice.
    Choose,
    /// Has the phone answered?
    Wait,
    /// Are the words the same?
    Confirm,
    /// What the browser made.
    Register,
    /// A number to send a code to.
    Number,
    /// The code that went there.
    Check,
    /// Set this up as well.
    Backup,
    /// The codes have been kept.
    Kept,
    /// Goes on without a backup.
    Skip,
    /// Go on to where it began.
    Finish,
}

impl Post {
    /// All of them.
    pub const ALL: [Self; 10] = [
        Self::Choose,
        Self::Wait,
        Self::Confirm,
        Self::Register,
        Self::Number,
        Self::Check,
        Self::Backup,
        Self::Kept,
        Self::Skip,
        Self::Finish,
    ];
}

impl At {
    /// Whether `post` makes sense here, where `added` is set up.
    pub fn takes(self, post: Post, added: &[Added]) -> bool {
        match (self, post) {
            (Self::Choose | Self::Phone(_) | Self::Key(_) | Self::Number | Self::NumberCode, Post::Choose)
            | (Self::Phone(_), Post::Wait | Post::Confirm)
            | (Self::Key(_), Post::Register)
            | (Self::Number, Post::Number)
            | (Self::NumberCode, Post::Check)
            | (Self::Backup, Post::Backup | Post::Skip)
            | (Self::Done, Post::Finish) => true,
            (Self::Backup, Post::Kept) => added.contains(&Added::Codes),
            (
                Self::Choose
                | Self::Phone(_)
                | Self::Key(_)
                | Self::Number
                | Self::NumberCode
                | Self::Backup
                | Self::Done,
                Post::Choose
                | Post::Wait
                | Post::Confirm
                | Post::Register
                | Post::Number
                | Post::Check
                | Post::Backup
                | Post::Kept
                | Post::Skip
                | Post::Finish,
            ) => false,
        }
    }

    /// Where it goes on when a device was set up: whoever has one thing only is asked for a second; in the portal it is for them to say.
    pub fn after_device(origin: Origin, added: &[Added]) -> Self {
        match origin {
            Origin::Portal { .. } => Self::Done,
            Origin::Invitation | Origin::Login if added.len() < 2 => Self::Backup,
            Origin::Invitation | Origin::Login => Self::Done,
        }
    }
}

/// Why nobody enrolls here and now.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EnrollRefusal {
    /// Disabled, locked out or in the trash.
    #[error("the user is not active")]
    NotActive,
    /// There is a factor, which must be used first.
    #[error("the user has a factor that must be used first")]
    HasFactor,
    /// Only the password was checked, and the user has not been seen for long.
    #[error("the user has been inactive: an invitation is needed")]
    Inactive,
    /// The factor was done too long ago.
    #[error("the factor is older than five minutes")]
    Stale,
    /// The user has a stronger factor than the one that was done.
    #[error("a factor as strong as the user's strongest is needed")]
    TooWeak,
}

/// Whether `user`, made at `created_at`, may set up a factor at `now`. `added` is what this very enrollment has set up before.
pub fn may_enroll(
    origin: Origin,
    user: &User,
    created_at: Timestamp,
    inactive_after: SignedDuration,
    added: &[Added],
    now: Timestamp,
) -> Result<(), EnrollRefusal> {
    match user.standing(now) {
        Standing::Active | Standing::Bypass { .. } => {}
        Standing::Disabled { .. } | Standing::LockedOut { .. } | Standing::PendingDeletion => {
            return Err(EnrollRefusal::NotActive);
        }
    }
    let is_own = |way: &WayIn<'_>| match way {
        WayIn::Phone(phone) => added.contains(&Added::Phone(phone.id)),
        WayIn::Key(key) => added.contains(&Added::Key(key.key)),
        WayIn::Token(_) => false,
    };
    let has_other = user.ways_in().any(|way| !is_own(&way));
    let mut other_keys = user.credentials.iter().filter(|one| !added.contains(&Added::Key(one.key)));
    match origin {
        Origin::Portal { factor_at, .. } if factor_at > now || now.duration_since(factor_at) > FACTOR_TTL => {
            Err(EnrollRefusal::Stale)
        }
        Origin::Portal { method, .. } if !is_strong_enough(method, user) => Err(EnrollRefusal::TooWeak),
        Origin::Portal { .. } => Ok(()),
        Origin::Invitation | Origin::Login if has_other => Err(EnrollRefusal::HasFactor),
        Origin::Invitation => Ok(()),
        // Whoever has copied a key must not gain by its being refused.
        Origin::Login if other_keys.next().is_some() => Err(EnrollRefusal::HasFactor),
        // A code of the help desk is a way to log in, and so to the portal.
        Origin::Login if added.is_empty() && user.live_bypass_codes > 0 => Err(EnrollRefusal::HasFactor),
        Origin::Login => {
            let seen = user.last_login.map_or(created_at, |login| login.max(created_at));
            if now.duration_since(seen) <= inactive_after { Ok(()) } else { Err(EnrollRefusal::Inactive) }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::device::{Authenticator, AuthenticatorClass, Phone};
    use crate::lockout::{Lock, LockoutState};
    use crate::otp::{OtpKind, OtpParams, OtpRecord};
    use crate::policy::risk::RiskRecord;
    use crate::user::UserStatus;
    use crate::webauthn::tests::credential;
    use crate::webauthn::{Class, Credential};

    fn now() -> Timestamp {
        "2026-06-01T12:00:00Z".parse().unwrap()
    }

    fn days(days: i64) -> SignedDuration {
        SignedDuration::from_hours(24 * days)
    }

    fn phone(letter: &str, confirmed: bool) -> Phone {
        Phone {
            id: format!("DP{}", letter.repeat(18)).parse().unwrap(),
            name: String::new(),
            number: String::new(),
            landline: false,
            sms: None,
            owner: String::new(),
            platform: "Unknown".to_owned(),
            authenticator: Some(Authenticator {
                class: AuthenticatorClass::Pwa,
                activated_at: now(),
                confirmed,
                params: OtpParams::new(OtpKind::MobileTotp),
                otp: OtpRecord::fresh(OtpKind::MobileTotp, 0).unwrap(),
                sealed_seed: Vec::new(),
                auto_approve_until: None,
                facts: None,
                can_be_woken: false,
            }),
        }
    }

    fn user(phones: Vec<Phone>) -> User {
        User {
            id: "DUAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            username: "alice".to_owned(),
            realname: None,
            email: String::new(),
            status: UserStatus::Active,
            bypass_until: None,
            lockout: LockoutState::default(),
            attempts: 0,
            version: 1,
            trust_epoch: 0,
            default_factor: None,
            phones,
            tokens: Vec::new(),
            credentials: Vec::new(),
            groups: Vec::new(),
            last_login: None,
            live_bypass_codes: 0,
            risk: RiskRecord::default(),
        }
    }

    fn enrolls(origin: Origin, user: &User, added: &[Added]) -> Result<(), EnrollRefusal> {
        may_enroll(origin, user, now(), INACTIVE_AFTER, added, now())
    }

    fn portal(factor_at: Timestamp) -> Origin {
        Origin::Portal { factor_at, method: Method::DuoPush }
    }

    const FRESH: SignedDuration = SignedDuration::from_mins(5);

    #[test]
    fn aa22_074a_neither_link_nor_password_adds_a_factor_beside_one_that_is_there() {
        let (mine, other) = (phone("A", true), phone("B", true));
        let added = [Added::Phone(mine.id)];
        let in_portal = portal(now() - FRESH);
        for origin in [Origin::Invitation, Origin::Login] {
            assert_eq!(enrolls(origin, &user(vec![]), &[]), Ok(()));
            assert_eq!(enrolls(origin, &user(vec![phone("A", false)]), &[]), Ok(()), "nobody has confirmed it");
            assert_eq!(enrolls(origin, &user(vec![mine.clone()]), &[]), Err(EnrollRefusal::HasFactor));
            assert_eq!(enrolls(origin, &user(vec![mine.clone()]), &added), Ok(()), "as its own backup");
            let both = user(vec![mine.clone(), other.clone()]);
            assert_eq!(enrolls(origin, &both, &added), Err(EnrollRefusal::HasFactor));
        }
        assert_eq!(enrolls(in_portal, &user(vec![mine, other]), &[]), Ok(()));
        let helped = User { live_bypass_codes: 1, ..user(vec![]) };
        assert_eq!(enrolls(Origin::Login, &helped, &[]), Err(EnrollRefusal::HasFactor));
        assert_eq!(enrolls(Origin::Invitation, &helped, &[]), Ok(()));
    }

    #[test]
    fn aa22_074a_whoever_is_disabled_locked_out_or_in_the_trash_enrolls_by_nothing() {
        let lockout = LockoutState { lock: Lock::Indefinite { at: now() }, ..LockoutState::default() };
        let out = [
            User { status: UserStatus::Disabled, ..user(vec![]) },
            User { status: UserStatus::PendingDeletion, ..user(vec![]) },
            User { lockout, ..user(vec![]) },
        ];
        for user in out {
            for origin in [Origin::Invitation, Origin::Login, portal(now())] {
                assert_eq!(enrolls(origin, &user, &[]), Err(EnrollRefusal::NotActive));
            }
        }
    }

    #[test]
    fn aa22_074a_a_password_alone_is_too_little_for_somebody_long_away() {
        let made = now() - days(91);
        let may = |origin, last_login| {
            let user = User { last_login, ..user(vec![]) };
            may_enroll(origin, &user, made, INACTIVE_AFTER, &[], now())
        };
        assert_eq!(may(Origin::Login, None), Err(EnrollRefusal::Inactive));
        assert_eq!(may(Origin::Login, Some(now() - days(90))), Ok(()));
        assert_eq!(may(Origin::Invitation, None), Ok(()));
    }

    #[test]
    fn aa22_074a_a_key_is_a_factor_like_any_other_and_a_copied_one_opens_no_way_in() {
        let key = credential(Class::Roaming);
        let cloned = Credential { cloned_at: Some(now()), ..key.clone() };
        let with = |credential: &Credential| User { credentials: vec![credential.clone()], ..user(vec![]) };
        let added = [Added::Key(key.key)];
        for (origin, credential, added, expected) in [
            (Origin::Invitation, &key, &[][..], Err(EnrollRefusal::HasFactor)),
            (Origin::Login, &key, &[], Err(EnrollRefusal::HasFactor)),
            (Origin::Invitation, &key, &added, Ok(())),
            (Origin::Login, &key, &added, Ok(())),
            (Origin::Invitation, &cloned, &[], Ok(())),
            (Origin::Login, &cloned, &[], Err(EnrollRefusal::HasFactor)),
        ] {
            assert_eq!(enrolls(origin, &with(credential), added), expected, "{origin:?} {added:?}");
        }
    }

    #[test]
    fn in_the_portal_whoever_has_a_key_adds_nothing_by_less() {
        let keyed = User { credentials: vec![credential(Class::Roaming)], ..user(vec![phone("A", true)]) };
        for (method, expected) in [
            (Method::DuoPush, Err(EnrollRefusal::TooWeak)),
            (Method::DuoPasscode, Err(EnrollRefusal::TooWeak)),
            (Method::WebauthnPlatform, Ok(())),
            (Method::WebauthnRoamingPwl, Ok(())),
            (Method::Bypass, Ok(())),
        ] {
            assert_eq!(enrolls(Origin::Portal { factor_at: now(), method }, &keyed, &[]), expected, "{method:?}");
        }
        let phoned = user(vec![phone("A", true)]);
        let by_text = Origin::Portal { factor_at: now(), method: Method::Sms };
        assert_eq!(enrolls(by_text, &phoned, &[]), Err(EnrollRefusal::TooWeak));
    }

    #[test]
    fn a_factor_in_the_portal_counts_for_five_minutes() {
        for (age, expected) in [(300, Ok(())), (301, Err(EnrollRefusal::Stale)), (-1, Err(EnrollRefusal::Stale))] {
            let factor_at = now() - SignedDuration::from_secs(age);
            assert_eq!(enrolls(portal(factor_at), &user(vec![]), &[]), expected, "{age}");
        }
    }

    #[test]
    fn keycloak_cve_2026_94218_every_post_of_an_enrollment_belongs_to_its_page() {
        let id = phone("A", true).id;
        for (at, expected) in [
            (At::Choose, &[Post::Choose][..]),
            (At::Phone(id), &[Post::Choose, Post::Wait, Post::Confirm]),
            (At::Key(Wanted::Platform), &[Post::Choose, Post::Register]),
            (At::Backup, &[Post::Backup, Post::Skip]),
            (At::Done, &[Post::Finish]),
        ] {
            let taken: Vec<Post> = Post::ALL.into_iter().filter(|post| at.takes(*post, &[])).collect();
            assert_eq!(taken, expected, "{at:?}");
        }
        assert!(At::Backup.takes(Post::Kept, &[Added::Phone(id), Added::Codes]));
    }
}
