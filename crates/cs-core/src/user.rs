//! Users as logins see them.

use jiff::Timestamp;

use crate::bypass;
use crate::device::{Phone, Token};
use crate::group::{GroupStatus, Membership};
use crate::id::UserId;
use crate::lockout::{LockedOut, LockoutState};
use crate::policy::risk::RiskRecord;
use crate::webauthn::Credential;

/// The status an administrator gave. Being locked out is not one of these: see [`LockoutState`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum UserStatus {
    /// The user authenticates.
    #[default]
    Active,
    /// The user skips the second factor.
    Bypass,
    /// The user is refused.
    Disabled,
    /// The user is in the trash: refused, and deleted for good later.
    PendingDeletion,
}

impl UserStatus {
    /// Duo's word.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "active",
            Self::Bypass => "bypass",
            Self::Disabled => "disabled",
            Self::PendingDeletion => "pending deletion",
        }
    }

    /// Reads Duo's word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "active" => Some(Self::Active),
            "bypass" => Some(Self::Bypass),
            "disabled" => Some(Self::Disabled),
            "pending deletion" => Some(Self::PendingDeletion),
            _ => None,
        }
    }
}

/// A user with everything a login decision reads, as of one moment.
#[derive(Debug, Clone)]
pub struct User {
    /// Who it is.
    pub id: UserId,
    /// The name as stored; what the log and the phone show.
    pub username: String,
    /// Full name, if known.
    pub realname: Option<String>,
    /// Address; may be empty.
    pub email: String,
    /// Set by administrators.
    pub status: UserStatus,
    /// When bypass status ends; `None` = never. Means nothing with another status.
    pub bypass_until: Option<Timestamp>,
    /// Failures so far and the lock they led to.
    pub lockout: LockoutState,
    /// Counts every attempt ever; the guard that makes attempts of one user happen one after another.
    pub attempts: i64,
    /// Changes with every administrative change of the user or of what belongs to it.
    pub version: i64,
    /// Raised to make every remembered device of the user worthless.
    pub trust_epoch: i64,
    /// The factor used when the client says `auto`, if the user or an administrator chose one.
    pub default_factor: Option<DefaultFactor>,
    /// In the order they were attached.
    pub phones: Vec<Phone>,
    /// In the order they were attached.
    pub tokens: Vec<Token>,
    /// Passkeys and security keys, oldest first.
    pub credentials: Vec<Credential>,
    /// The groups the user is in.
    pub groups: Vec<Membership>,
    /// When the user last got in.
    pub last_login: Option<Timestamp>,
    /// How many bypass codes could still be used.
    pub live_bypass_codes: i64,
    /// What happened before, for the signals of risk.
    pub risk: RiskRecord,
}

/// The factor that `auto` stands for, chosen per user.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DefaultFactor {
    /// A push, where one can be sent.
    Push,
    /// A passcode: `auto` then asks for one.
    Passcode,
}

impl DefaultFactor {
    /// The word kept in the database and shown in the Admin API.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Passcode => "passcode",
        }
    }

    /// Reads that word.
    pub fn parse(text: &str) -> Option<Self> {
        match text {
            "push" => Some(Self::Push),
            "passcode" => Some(Self::Passcode),
            _ => None,
        }
    }
}

/// A user's standing: status and lockout of the user and of its groups, resolved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Standing {
    /// Authenticates.
    Active,
    /// Skips the second factor; `by` names the group that says so, or is `None` for the user itself.
    Bypass {
        /// The group whose status it is.
        by: Option<String>,
    },
    /// Refused; `by` as above.
    Disabled {
        /// The group whose status it is.
        by: Option<String>,
    },
    /// Refused until the lock ends.
    LockedOut {
        /// When it ends; `None` if only an administrator ends it.
        until: Option<Timestamp>,
    },
    /// In the trash.
    PendingDeletion,
}

/// Something that a user could log in with.
#[derive(Debug, Clone, Copy)]
pub enum WayIn<'a> {
    /// A phone with the authenticator.
    Phone(&'a Phone),
    /// A passkey or security key.
    Key(&'a Credential),
    /// A token.
    Token(&'a Token),
}

impl User {
    /// Status and lockout at `now`: user pending deletion, locked out or disabled > group disabled > user or group bypass > active
    /// (`product.md` section 0). A bypass past its end counts as active, whether or not anybody has set the status back.
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.status {
            UserStatus::PendingDeletion => return Standing::PendingDeletion,
            UserStatus::Disabled => return Standing::Disabled { by: None },
            UserStatus::Active | UserStatus::Bypass => {}
        }
        if let Err(LockedOut { until }) = self.lockout.check(now) {
            return Standing::LockedOut { until };
        }
        if let Some(group) = self.groups.iter().find(|group| group.status == GroupStatus::Disabled) {
            return Standing::Disabled { by: Some(group.name.clone()) };
        }
        if self.status == UserStatus::Bypass && bypass::is_on(self.bypass_until, now) {
            return Standing::Bypass { by: None };
        }
        match self.groups.iter().find(|group| group.is_in_bypass(now)) {
            Some(group) => Standing::Bypass { by: Some(group.name.clone()) },
            None => Standing::Active,
        }
    }

    /// Whether any factor could be used: the opposite of Duo's "partially enrolled".
    pub fn is_enrolled(&self) -> bool {
        self.ways_in().next().is_some()
    }

    /// Everything that the user could log in with, whatever the policies say of it. A phone without an authenticator is no way in, nor is a key of which there is a copy.
    pub fn ways_in(&self) -> impl Iterator<Item = WayIn<'_>> {
        let phones = self.phones.iter().filter(|phone| phone.is_usable()).map(WayIn::Phone);
        let keys = self.credentials.iter().filter(|key| key.is_usable()).map(WayIn::Key);
        phones.chain(keys).chain(self.tokens.iter().map(WayIn::Token))
    }
}

#[cfg(test)]
mod tests {
    use jiff::SignedDuration;

    use super::*;
    use crate::lockout::Lock;

    const HOUR: SignedDuration = SignedDuration::from_hours(1);

    fn user(status: UserStatus, until: Option<Timestamp>) -> User {
        User {
            id: "DUAAAAAAAAAAAAAAAAAA".parse().unwrap(),
            username: "alice".to_owned(),
            realname: None,
            email: String::new(),
            status,
            bypass_until: until,
            lockout: LockoutState::default(),
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
            risk: RiskRecord::default(),
        }
    }

    fn group(name: &str, status: GroupStatus, until: Option<Timestamp>) -> Membership {
        let group = "DGAAAAAAAAAAAAAAAAAA".parse().unwrap();
        Membership { group, name: name.to_owned(), status, bypass_until: until }
    }

    #[test]
    fn a_bypass_counts_until_its_end_and_not_at_it() {
        let end: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let user = user(UserStatus::Bypass, Some(end));
        assert_eq!(user.standing(end - SignedDuration::from_millis(1)), Standing::Bypass { by: None });
        assert_eq!(user.standing(end), Standing::Active);
        assert_eq!(user.standing(end + HOUR), Standing::Active);
        assert_eq!(self::user(UserStatus::Bypass, None).standing(Timestamp::MAX), Standing::Bypass { by: None });
        // An end that was left behind gives nobody a bypass.
        assert_eq!(self::user(UserStatus::Active, Some(end)).standing(end - HOUR), Standing::Active);
    }

    #[test]
    fn of_several_groups_one_whose_bypass_is_on_is_enough() {
        let now: Timestamp = "2026-06-01T12:00:00Z".parse().unwrap();
        let mut user = user(UserStatus::Bypass, Some(now - HOUR));
        user.groups =
            vec![group("over", GroupStatus::Bypass, Some(now)), group("on", GroupStatus::Bypass, Some(now + HOUR))];
        assert_eq!(user.standing(now), Standing::Bypass { by: Some("on".to_owned()) });
        assert_eq!(user.standing(now + HOUR), Standing::Active);
        user.groups.push(group("out", GroupStatus::Disabled, Some(now + HOUR)));
        assert_eq!(user.standing(now), Standing::Disabled { by: Some("out".to_owned()) });
        user.lockout.lock = Lock::Indefinite { at: now };
        assert_eq!(user.standing(now), Standing::LockedOut { until: None });
    }
}
