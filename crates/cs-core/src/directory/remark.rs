//! What of people was left out, in words.

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
