//! Groups of users.

use jiff::Timestamp;

use crate::bypass;
use crate::id::GroupId;

/// A group's status applies to every member.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum GroupStatus {
    /// Members authenticate.
    #[default]
    Active,
    /// Members skip the second factor.
    Bypass,
    /// Members are refused.
    Disabled,
}

impl GroupStatus {
    /// Duo's spelling in answers.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Bypass => "Bypass",
            Self::Disabled => "Disabled",
        }
    }

    /// Reads Duo's word in any case.
    pub fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "active" => Some(Self::Active),
            "bypass" => Some(Self::Bypass),
            "disabled" => Some(Self::Disabled),
            _ => None,
        }
    }
}

/// What a login needs to know of a group its user is in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The group.
    pub group: GroupId,
    /// Its name, for the log.
    pub name: String,
    /// Its status.
    pub status: GroupStatus,
    /// When bypass status ends; `None` = never. Means nothing with another status.
    pub bypass_until: Option<Timestamp>,
}

impl Membership {
    /// Whether the group lets its members skip the second factor at `now`.
    pub fn is_in_bypass(&self, now: Timestamp) -> bool {
        self.status == GroupStatus::Bypass && bypass::is_on(self.bypass_until, now)
    }
}
