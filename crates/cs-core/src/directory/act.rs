//! One change of one user.

use std::collections::{BTreeMap, BTreeSet};

use super::wish::comparable;
use super::{Known, Link, Profile};
use crate::id::UserId;
use crate::user::UserStatus;

/// One change of one user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Act {
    /// What it comes to.
    pub kind: Kind,
    /// Whom it is about; with [`Kind::Create`] an id that nobody has.
    pub user: UserId,
    /// As which they were read: the act is void for somebody who has changed since. Nothing for [`Kind::Create`].
    pub version: i64,
    /// The name before; with [`Kind::Create`] the new one.
    pub username: String,
    /// What changes, for people.
    pub changes: Vec<Change>,
    /// What the user is to be. Of somebody who goes to the trash only link and status count.
    pub wanted: Wanted,
}

/// What an act comes to, for people.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Kind {
    /// A new user.
    Create,
    /// A user of the same name, who belonged to no directory, belongs to this one.
    TakeOver,
    /// Somebody is back from the trash.
    Restore,
    /// The directory has disabled somebody.
    Disable,
    /// Something else about somebody has changed.
    Update,
    /// Somebody is gone from all groups.
    Trash,
}

impl Kind {
    /// All.
    pub const ALL: [Self; 6] = [Self::Create, Self::TakeOver, Self::Restore, Self::Disable, Self::Update, Self::Trash];

    /// A word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Create => "create",
            Self::TakeOver => "take_over",
            Self::Restore => "restore",
            Self::Disable => "disable",
            Self::Update => "update",
            Self::Trash => "trash",
        }
    }
}

/// One field, before and after.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Change {
    /// Which.
    pub field: &'static str,
    /// What it was.
    pub from: String,
    /// What it becomes.
    pub to: String,
}

/// What a user is to be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Wanted {
    /// How they hang together with the directory.
    pub link: Link,
    /// What is said of them.
    pub profile: Profile,
    /// Groups to come into.
    pub join: BTreeSet<usize>,
    /// Groups to leave.
    pub leave: BTreeSet<usize>,
    /// Numbers of new phones.
    pub new_numbers: BTreeSet<String>,
    /// Numbers that came from the directory and are no longer there.
    pub old_numbers: BTreeSet<String>,
}

impl Act {
    /// Whether somebody who could log in by a name no longer can: the brake counts these.
    pub fn takes_away(&self) -> bool {
        match self.kind {
            Kind::Trash | Kind::Disable => true,
            Kind::Create | Kind::Restore => false,
            Kind::TakeOver | Kind::Update => self.disables() || self.loses_name(),
        }
    }

    /// Whether somebody who was disabled, or in the trash, can log in again.
    pub fn gives_back(&self) -> bool {
        let was_out = |change: &Change| change.field == "status" && (change.from == DISABLED || change.from == PENDING);
        matches!(self.wanted.profile.status, UserStatus::Active | UserStatus::Bypass)
            && self.changes.iter().any(was_out)
    }

    fn disables(&self) -> bool {
        let is_disabled = self.wanted.profile.status == UserStatus::Disabled;
        is_disabled && self.changes.iter().any(|change| change.field == "status" && change.from != PENDING)
    }

    fn loses_name(&self) -> bool {
        comparable(&self.username).is_some_and(|(name, _)| !self.wanted.profile.names().any(|(kept, _)| kept == name))
    }

    /// What makes `before` what is wanted, if anything is to be done.
    pub(super) fn of(before: &Known, link: Option<&Link>, wanted: Wanted) -> Option<Self> {
        let changes = changes(&before.profile, &wanted);
        let is_same = before.profile.aliases == wanted.profile.aliases && link == Some(&wanted.link);
        let (was, is) = (before.profile.status, wanted.profile.status);
        let kind = if link.is_none() {
            Kind::TakeOver
        } else if was == UserStatus::PendingDeletion {
            Kind::Restore
        } else if was != is && is == UserStatus::Disabled {
            Kind::Disable
        } else {
            Kind::Update
        };
        let username = before.profile.username.clone();
        let act = Self { kind, user: before.id, version: before.version, username, changes, wanted };
        (!act.changes.is_empty() || !is_same).then_some(act)
    }

    /// A new user, whose id nobody has.
    pub(super) fn create(user: UserId, wanted: Wanted) -> Self {
        let username = wanted.profile.username.clone();
        Self { kind: Kind::Create, user, version: 0, username, changes: Vec::new(), wanted }
    }

    /// Somebody's way to the trash.
    pub(super) fn trash(user: &Known, link: Link) -> Self {
        let status = UserStatus::PendingDeletion;
        let (from, to) = (user.profile.status.as_str().to_owned(), status.as_str().to_owned());
        Self {
            kind: Kind::Trash,
            user: user.id,
            version: user.version,
            username: user.profile.username.clone(),
            changes: vec![Change { field: "status", from, to }],
            wanted: Wanted {
                link,
                profile: Profile { status, ..user.profile.clone() },
                join: BTreeSet::new(),
                leave: BTreeSet::new(),
                new_numbers: BTreeSet::new(),
                old_numbers: BTreeSet::new(),
            },
        }
    }
}

const PENDING: &str = UserStatus::PendingDeletion.as_str();
const DISABLED: &str = UserStatus::Disabled.as_str();

fn changes(before: &Profile, wanted: &Wanted) -> Vec<Change> {
    let mut changes = Vec::new();
    let mut note = |field, from: &str, to: &str| {
        if from != to {
            changes.push(Change { field, from: from.to_owned(), to: to.to_owned() });
        }
    };
    let after = &wanted.profile;
    let list = |aliases: &BTreeMap<u8, String>| aliases.values().cloned().collect::<Vec<_>>().join(", ");
    note("username", &before.username, &after.username);
    note("aliases", &list(&before.aliases), &list(&after.aliases));
    note("realname", before.realname.as_deref().unwrap_or_default(), after.realname.as_deref().unwrap_or_default());
    note("email", &before.email, &after.email);
    note("notes", &before.notes, &after.notes);
    note("status", before.status.as_str(), after.status.as_str());
    let numbers = |numbers: &BTreeSet<String>| numbers.iter().cloned().collect::<Vec<_>>().join(", ");
    note("phones", &numbers(&wanted.old_numbers), &numbers(&wanted.new_numbers));
    if !(wanted.join.is_empty() && wanted.leave.is_empty()) {
        let (left, joined) = (wanted.leave.len(), wanted.join.len());
        changes.push(Change { field: "groups", from: format!("-{left}"), to: format!("+{joined}") });
    }
    changes
}
