//! People of a directory become users: what is to happen for it, decided as a whole before anything is done.
//!
//! The way is one: a directory is read, never written. A user belongs to one directory at most, and is known there by a key that stays when people are
//! renamed (`objectGUID`, `entryUUID`); names are looked at only to take over users who were here before. [`plan`] compares and changes nothing.

mod brake;
mod plan;
mod wish;

use std::collections::{BTreeMap, BTreeSet};

use crate::id::UserId;
use crate::user::UserStatus;

pub use brake::{ALWAYS_ALLOWED, BRAKE_PERCENT, Halt};
pub use plan::{Act, Change, Kind, Plan, Scope, Wanted, plan};

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

/// A user of the account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Known {
    /// The id.
    pub id: UserId,
    /// As which they were read.
    pub version: i64,
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
    /// Whose they are.
    pub owner: Owner,
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

/// Something about somebody that needs an eye: they were left out, or a part of them was.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Remark {
    /// The name that the directory tells.
    pub username: String,
    /// What.
    pub what: What,
}

/// What was left out, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// All: the name is empty, too long, or holds what cannot be seen.
    UnusableName,
    /// All: several people of the directory have this name.
    SameName,
    /// All: the user of this name belongs to another directory.
    OtherDirectory,
    /// All: the user of this name was another person of this directory.
    OtherPerson,
    /// All: the name is an alias of this user.
    AliasOf(String),
    /// All: the user of this name is in the trash, where an administrator put them.
    InTrash,
    /// The new name: another user has it.
    NameTaken,
    /// An alias: it cannot be one, or somebody else has it.
    Alias(String),
    /// The full name cannot be one.
    RealName,
    /// The address cannot be one.
    Email,
    /// The remarks are too long or hold what cannot be seen.
    Notes,
    /// A number: it cannot be one, or does not say its country.
    Number(String),
    /// Memberships: there are too many.
    TooManyGroups,
}

impl What {
    /// Whether the whole person was left out.
    pub const fn is_all(&self) -> bool {
        match self {
            Self::UnusableName
            | Self::SameName
            | Self::OtherDirectory
            | Self::OtherPerson
            | Self::AliasOf(_)
            | Self::InTrash => true,
            Self::NameTaken
            | Self::Alias(_)
            | Self::RealName
            | Self::Email
            | Self::Notes
            | Self::Number(_)
            | Self::TooManyGroups => false,
        }
    }

    /// For administrators: what is the matter and what helps.
    pub fn words(&self) -> String {
        match self {
            Self::UnusableName => "left out: the name is empty, too long or holds characters that cannot be seen".to_owned(),
            Self::SameName => "left out: several people of the directory have this name".to_owned(),
            Self::OtherDirectory => "left out: the user of this name belongs to another directory".to_owned(),
            Self::OtherPerson => "left out: the user of this name was another person of this directory; delete that user for good to let this \
                                  one have the name"
                .to_owned(),
            Self::AliasOf(user) => format!("left out: the name is an alias of the user {user}"),
            Self::InTrash => "left out: an administrator has put the user of this name into the trash".to_owned(),
            Self::NameTaken => "keeps the old name: another user has the new one".to_owned(),
            Self::Alias(alias) => format!("without the alias {alias}: it cannot be one, or somebody else has it"),
            Self::RealName => "the full name stays as it is: the directory's is too long or holds characters that cannot be seen".to_owned(),
            Self::Email => "the address stays as it is: the directory's cannot be one".to_owned(),
            Self::Notes => "the notes stay as they are: the directory's are too long or hold characters that cannot be seen".to_owned(),
            Self::Number(number) => format!("without the number {number}: it cannot be one, or does not say its country"),
            Self::TooManyGroups => "not in all groups: a user can be in 100".to_owned(),
        }
    }
}

#[cfg(test)]
mod tests;
