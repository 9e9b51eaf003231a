//! How a directory is set.

use std::collections::HashSet;

use cs_core::directory::{BRAKE_PERCENT, Fields, MAX_ALIASES, Numbers};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::EngineError;

/// The most groups of one directory (Duo's limit).
pub const MOST_GROUPS: usize = 400;
/// Between two runs, in minutes.
const MINUTES: std::ops::RangeInclusive<u32> = 5..=10_080;
/// The most attributes for numbers.
const MOST_NUMBERS: usize = 4;

/// How a directory is set.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct DirectorySettings {
    /// Distinguished names of the groups whose members become users.
    pub groups: Vec<String>,
    /// Which attribute holds what.
    pub attributes: AttributeNames,
    /// Minutes between two runs.
    pub minutes: u32,
    /// How many of a hundred users may go in one run.
    pub brake_percent: u8,
    /// Whether numbers become phones.
    pub import_phones: bool,
    /// The country, in digits, of numbers that do not say theirs.
    pub country: Option<String>,
    /// Whether new people with an address and without a phone are mailed a link to enroll.
    pub invite: bool,
}

/// Which attribute of an entry holds what. What is not given is not synced.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AttributeNames {
    /// The name.
    pub username: String,
    /// Further names.
    pub aliases: Vec<String>,
    /// Full name.
    pub full_name: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Numbers.
    pub phones: Vec<String>,
    /// Remarks.
    pub notes: Option<String>,
}

impl AttributeNames {
    /// As Active Directory has them.
    pub fn active_directory() -> Self {
        Self {
            username: "sAMAccountName".to_owned(),
            full_name: Some("displayName".to_owned()),
            email: Some("mail".to_owned()),
            ..Self::default()
        }
    }

    /// As OpenLDAP's usual schema has them.
    pub fn openldap() -> Self {
        Self {
            username: "uid".to_owned(),
            full_name: Some("cn".to_owned()),
            email: Some("mail".to_owned()),
            ..Self::default()
        }
    }

    fn all(&self) -> impl Iterator<Item = &String> {
        let single = [&self.full_name, &self.email, &self.notes].into_iter().flatten();
        std::iter::once(&self.username).chain(&self.aliases).chain(&self.phones).chain(single)
    }
}

impl Default for DirectorySettings {
    fn default() -> Self {
        Self {
            groups: Vec::new(),
            attributes: AttributeNames::active_directory(),
            minutes: 30,
            brake_percent: BRAKE_PERCENT,
            import_phones: false,
            country: None,
            invite: false,
        }
    }
}

impl DirectorySettings {
    /// From the store.
    pub fn read(text: &str) -> Result<Self, EngineError> {
        let corrupt = |_| cs_store::StoreError::Corrupt { table: "directory", id: "settings".to_owned() };
        Ok(serde_json::from_str(text).map_err(corrupt)?)
    }

    /// For the store.
    pub(super) fn text(&self) -> String {
        // Strings and numbers cannot fail.
        serde_json::to_string(self).unwrap_or_default()
    }

    /// Says which value cannot be.
    pub(super) fn check(&self) -> Result<(), EngineError> {
        let is_dn =
            |dn: &String| (3..=1024).contains(&dn.len()) && dn.contains('=') && !dn.chars().any(char::is_control);
        let mut seen = HashSet::new();
        let are_groups = (1..=MOST_GROUPS).contains(&self.groups.len())
            && self.groups.iter().all(|dn| is_dn(dn) && seen.insert(dn.to_lowercase()));
        let is_attribute = |name: &String| {
            (1..=64).contains(&name.len())
                && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b';' || b == b'.')
        };
        let are_attributes = self.attributes.all().all(is_attribute)
            && self.attributes.aliases.len() <= MAX_ALIASES
            && self.attributes.phones.len() <= MOST_NUMBERS;
        let is_country = self
            .country
            .as_ref()
            .is_none_or(|digits| (1..=3).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit()));
        let checks = [
            ("groups", are_groups),
            ("attributes", are_attributes),
            ("minutes", MINUTES.contains(&self.minutes)),
            ("brake", (1..=100).contains(&self.brake_percent)),
            ("country", is_country),
            ("import_phones", !self.import_phones || !self.attributes.phones.is_empty()),
        ];
        match checks.into_iter().find(|(_, holds)| !holds) {
            Some((what, _)) => Err(EngineError::Invalid(what)),
            None => Ok(()),
        }
    }

    /// What of people is synced.
    pub(super) fn fields(&self) -> Fields {
        Fields {
            aliases: !self.attributes.aliases.is_empty(),
            realname: self.attributes.full_name.is_some(),
            email: self.attributes.email.is_some(),
            notes: self.attributes.notes.is_some(),
            phones: match self.import_phones {
                true => Numbers::Imported { country: self.country.clone() },
                false => Numbers::Ignored,
            },
        }
    }

    /// How long after a run the next is due, `chance` being anywhere in 0..=255: a tenth more or less, so that several directories do not meet.
    pub(super) fn pause(&self, chance: u8) -> SignedDuration {
        let seconds = i64::from(self.minutes) * 60;
        SignedDuration::from_secs(seconds - seconds / 10 + seconds / 5 * i64::from(chance) / 255)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_that_cannot_be_are_named() {
        let good =
            || DirectorySettings { groups: vec!["cn=staff,dc=example".to_owned()], ..DirectorySettings::default() };
        good().check().unwrap();
        assert_eq!(DirectorySettings::read(&good().text()).unwrap(), good());
        let wrong = |change: fn(&mut DirectorySettings)| {
            let mut settings = good();
            change(&mut settings);
            match settings.check() {
                Err(EngineError::Invalid(what)) => what,
                other => panic!("{other:?}"),
            }
        };
        assert_eq!(wrong(|s| s.groups.clear()), "groups");
        assert_eq!(wrong(|s| s.groups.push("CN=Staff,dc=example".to_owned())), "groups");
        assert_eq!(wrong(|s| s.attributes.username = "uid)(x=*".to_owned()), "attributes");
        assert_eq!(wrong(|s| s.minutes = 1), "minutes");
        assert_eq!(wrong(|s| s.brake_percent = 0), "brake");
        assert_eq!(wrong(|s| s.country = Some("+49".to_owned())), "country");
        assert_eq!(wrong(|s| s.import_phones = true), "import_phones");
    }

    #[test]
    fn runs_are_spread_by_a_tenth() {
        let settings = DirectorySettings::default();
        assert_eq!([0, 255].map(|chance| settings.pause(chance).as_secs()), [1620, 1980]);
    }
}
