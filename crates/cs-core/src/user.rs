//! Users as logins see them.

use jiff::Timestamp;

use crate::device::{Phone, Token};
use crate::group::{GroupStatus, Membership};
use crate::id::UserId;
use crate::lockout::{LockedOut, LockoutState};

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
#[derive(Debug)]
pub struct User {
    /// Who it is.
    pub id: UserId,
    /// The name as stored; what the log and the phone show.
    pub username: String,
    /// Full name, if known.
    pub realname: Option<String>,
    /// Set by administrators.
    pub status: UserStatus,
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
    /// The groups the user is in.
    pub groups: Vec<Membership>,
    /// When the user last got in.
    pub last_login: Option<Timestamp>,
    /// How many bypass codes could still be used.
    pub live_bypass_codes: i64,
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

impl User {
    /// Status and lockout at `now`: user pending deletion, locked out or disabled > group disabled > user or group bypass > active
    /// (`product.md` section 0).
    pub fn standing(&self, now: Timestamp) -> Standing {
        match self.status {
            UserStatus::PendingDeletion => return Standing::PendingDeletion,
            UserStatus::Disabled => return Standing::Disabled { by: None },
            UserStatus::Active | UserStatus::Bypass => {}
        }
        if let Err(LockedOut { until }) = self.lockout.check(now) {
            return Standing::LockedOut { until };
        }
        if let Some(group) = self.group_with(GroupStatus::Disabled) {
            return Standing::Disabled { by: Some(group) };
        }
        match (self.status, self.group_with(GroupStatus::Bypass)) {
            (UserStatus::Bypass, _) => Standing::Bypass { by: None },
            (_, Some(group)) => Standing::Bypass { by: Some(group) },
            (_, None) => Standing::Active,
        }
    }

    /// Whether any factor could be used: the opposite of Duo's "partially enrolled".
    pub fn is_enrolled(&self) -> bool {
        !self.tokens.is_empty() || self.phones.iter().any(Phone::is_usable)
    }

    fn group_with(&self, status: GroupStatus) -> Option<String> {
        self.groups.iter().find(|g| g.status == status).map(|g| g.name.clone())
    }
}
