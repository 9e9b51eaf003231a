//! People of a directory become users: what is to happen for it, decided as a whole before anything is done.
//!
//! The way is one: a directory is read, never written. A user belongs to one directory at most, and is known there by a key that stays when people are
//! renamed (`objectGUID`, `entryUUID`); names are looked at only to take over users who were here before. [`plan`] compares and changes nothing.

mod act;
mod brake;
mod plan;
mod remark;
mod state;
mod wanted;
mod wish;

use std::collections::{BTreeMap, BTreeSet};

use crate::id::UserId;
use crate::user::UserStatus;
use wish::comparable;

pub use act::{Act, Change, Kind, Wanted};
pub use brake::{ALWAYS_ALLOWED, BRAKE_PERCENT, BRAKE_WINDOW, Halt};
pub use plan::{Lately, Plan, Scope, plan};
pub use remark::{Remark, What};

/// The most aliases of one user.
pub const MAX_ALIASES: usize = 8;

/// What a directory told: everybody who was asked for, and the groups asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Snapshot {
    /// The people, in any order.
    pub people: Vec<Told>,
    /// The groups in the order of the question.
    pub groups: Vec<ToldGroup>,
}

/// Somebody, as a directory tells of them.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Told {
    /// What stays when they are renamed.
    pub key: String,
    /// The name.
    pub username: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// Full name.
    pub full_name: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Telephone numbers as the directory writes them.
    pub phones: Vec<String>,
    /// Remarks.
    pub notes: Option<String>,
    /// Whether the directory has disabled them.
    pub disabled: bool,
    /// Which of [`Snapshot::groups`] they are in.
    pub groups: BTreeSet<usize>,
}

/// A group that was asked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ToldGroup {
    /// Where in the directory.
    pub dn: String,
    /// Its name; `None` if the directory has no such group.
    pub name: Option<String>,
}

/// What of people is synced; what is not stays with administrators.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fields {
    /// Aliases.
    pub aliases: bool,
    /// Full names.
    pub realname: bool,
    /// Addresses.
    pub email: bool,
    /// Remarks.
    pub notes: bool,
    /// Telephone numbers.
    pub phones: Numbers,
}

/// What becomes of telephone numbers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Numbers {
    /// Nothing.
    Ignored,
    /// They become phones of the user.
    Imported {
        /// The digits of the country that numbers without one belong to. Without it they are left out: a code must never go to a stranger.
        country: Option<String>,
    },
}

/// What a directory and administrators can say of a user.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Profile {
    /// The name.
    pub username: String,
    /// By slot.
    pub aliases: BTreeMap<u8, String>,
    /// Full name.
    pub realname: Option<String>,
    /// May be empty.
    pub email: String,
    /// May be empty.
    pub notes: String,
    /// As set; a bypass that is over counts as one.
    pub status: UserStatus,
}

/// A user of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The id.
    pub id: UserId,
    /// As which they were read.
    pub version: i64,
    /// What is said of them.
    pub profile: Profile,
    /// Whose they are.
    pub owner: Owner,
    /// Whether a run within [`BRAKE_WINDOW`] has taken login or name from them, without an administrator's word.
    pub lately: bool,
    /// Which of [`Snapshot::groups`] they are in.
    pub groups: BTreeSet<usize>,
    /// In how many other groups they are.
    pub other_groups: usize,
    /// The numbers of all their phones.
    pub numbers: BTreeSet<String>,
    /// Those of them that came from this directory.
    pub synced_numbers: BTreeSet<String>,
}

/// Which directory a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Owner {
    /// None: administrators look after them.
    Nobody,
    /// The one in question.
    This(Link),
    /// Another one.
    Other,
}

impl Profile {
    /// Their names as they are compared, each with its slot.
    fn names(&self) -> impl Iterator<Item = (String, u8)> + '_ {
        let all = std::iter::once((0, &self.username)).chain(self.aliases.iter().map(|(slot, alias)| (*slot, alias)));
        all.filter_map(|(slot, name)| comparable(name).map(|(name, _)| (name, slot)))
    }

    fn has_name(&self, name: &str) -> bool {
        self.names().any(|(has, _)| has == name)
    }
}

impl Known {
    /// Whether they belong to the directory and are not in the trash.
    fn is_standing(&self) -> bool {
        matches!(self.owner, Owner::This(_)) && self.profile.status != UserStatus::PendingDeletion
    }
}

/// How a user hangs together with somebody of the directory.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Link {
    /// [`Told::key`]
    pub key: String,
    /// Whether it was a sync that disabled them: only then does a sync enable them.
    pub disabled: bool,
    /// If it was a sync that sent them to the trash, whether they were disabled before: only such users come back.
    pub trashed: Option<BeforeTrash>,
}

/// What somebody was before a sync sent them to the trash.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum BeforeTrash {
    /// Neither disabled nor in the trash.
    Enabled,
    /// Disabled.
    Disabled,
}

#[cfg(test)]
mod tests;
