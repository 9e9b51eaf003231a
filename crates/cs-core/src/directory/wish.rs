//! What the directory tells of somebody, made fit for users.

use std::collections::{BTreeSet, HashSet};

use super::{Fields, MAX_ALIASES, Numbers, Told, What};
use crate::username::{Username, UsernameNormalization};

/// The most numbers of one person that are imported.
const MAX_NUMBERS: usize = 8;

/// What somebody is to be. `None` is not synced, or was no use: it stays as it is.
#[derive(Debug, Clone)]
pub(super) struct Wish {
    pub(super) key: String,
    pub(super) username: String,
    /// What the name is compared by.
    pub(super) name: String,
    /// What each is compared by, and the alias.
    pub(super) aliases: Option<Vec<(String, String)>>,
    pub(super) realname: Option<Option<String>>,
    pub(super) email: Option<String>,
    pub(super) notes: Option<String>,
    pub(super) numbers: Option<BTreeSet<String>>,
    pub(super) disabled: bool,
    pub(super) groups: BTreeSet<usize>,
    /// What was no use.
    pub(super) remarks: Vec<What>,
}

/// The form in which names are compared.
pub(super) fn comparable(name: &str) -> Option<(String, String)> {
    let name = Username::parse(name).ok()?;
    Some((name.key(UsernameNormalization::None).as_str().to_owned(), name.as_str().to_owned()))
}

impl Wish {
    pub(super) fn of(told: &Told, groups: BTreeSet<usize>, fields: &Fields) -> Result<Self, What> {
        let (name, username) = comparable(&told.username).ok_or(What::UnusableName)?;
        let mut remarks = Vec::new();
        let realname = match fields.realname {
            true => checked(told.full_name.as_deref(), 256, What::RealName, &mut remarks)
                .map(|text| Some(text).filter(|text| !text.is_empty())),
            false => None,
        };
        let email = match fields.email {
            true => checked(told.email.as_deref(), 254, What::Email, &mut remarks)
                .and_then(|text| address(text, &mut remarks)),
            false => None,
        };
        let notes = match fields.notes {
            true => checked(told.notes.as_deref(), 4096, What::Notes, &mut remarks),
            false => None,
        };
        let aliases = fields.aliases.then(|| aliases(&told.aliases, &name, &mut remarks));
        let numbers = match &fields.phones {
            Numbers::Ignored => None,
            Numbers::Imported { country } => Some(numbers(&told.phones, country.as_deref(), &mut remarks)),
        };
        Ok(Self {
            key: told.key.clone(),
            username,
            name,
            aliases,
            realname,
            email,
            notes,
            numbers,
            disabled: told.disabled,
            groups,
            remarks,
        })
    }
}

/// A text that is not too long and can be shown; one that is not there is empty.
fn checked(text: Option<&str>, most: usize, what: What, remarks: &mut Vec<What>) -> Option<String> {
    let text = text.unwrap_or_default().trim();
    let unprintable = |c: char| c.is_control() && !matches!(c, '\n' | '\r' | '\t');
    if text.chars().take(most + 1).count() > most || text.chars().any(unprintable) {
        remarks.push(what);
        return None;
    }
    Some(text.to_owned())
}

fn address(text: String, remarks: &mut Vec<What>) -> Option<String> {
    if text.is_empty() || (text.contains('@') && !text.contains(char::is_whitespace)) {
        return Some(text);
    }
    remarks.push(What::Email);
    None
}

fn aliases(told: &[String], username: &str, remarks: &mut Vec<What>) -> Vec<(String, String)> {
    let mut seen = HashSet::from([username.to_owned()]);
    let mut found = Vec::new();
    for alias in told {
        match comparable(alias) {
            Some((key, alias)) => {
                if seen.insert(key.clone()) && found.len() < MAX_ALIASES {
                    found.push((key, alias));
                }
            }
            None if alias.trim().is_empty() => {}
            None => remarks.push(What::Alias(shown(alias, 64))),
        }
    }
    found
}

fn numbers(told: &[String], country: Option<&str>, remarks: &mut Vec<What>) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    for number in told.iter().filter(|number| !number.trim().is_empty()) {
        match international(number, country) {
            Some(number) => {
                if found.len() < MAX_NUMBERS {
                    found.insert(number);
                }
            }
            None => remarks.push(What::Number(shown(number, 64))),
        }
    }
    found
}

/// `+` and 4 to 15 digits. A number without its country gets `country`, and loses the zero that people dial before it.
fn international(number: &str, country: Option<&str>) -> Option<String> {
    // "+49 (0)30 …": the zero in parentheses is for callers from within.
    let plain: String = number
        .replace("(0)", "")
        .chars()
        .filter(|c| !matches!(c, ' ' | '-' | '.' | '(' | ')' | '/' | '\u{a0}'))
        .collect();
    let digits = match (plain.strip_prefix('+'), plain.strip_prefix("00"), country) {
        (Some(digits), ..) | (None, Some(digits), _) => digits.to_owned(),
        (None, None, Some(country)) => format!("{country}{}", plain.strip_prefix('0').unwrap_or(&plain)),
        (None, None, None) => return None,
    };
    ((4..=15).contains(&digits.len()) && digits.bytes().all(|b| b.is_ascii_digit())).then(|| format!("+{digits}"))
}

/// So much of a text as a remark may hold, without what would steer a terminal.
pub(super) fn shown(text: &str, most: usize) -> String {
    text.chars().filter(|c| !c.is_control()).take(most).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_say_their_country_or_are_left_out() {
        for (given, country, is) in [
            ("+49 (0)30 123-456", None, Some("+4930123456")),
            ("0049 30 123456", Some("43"), Some("+4930123456")),
            ("030/123456", Some("49"), Some("+4930123456")),
            ("(202) 555-0100", Some("1"), Some("+12025550100")),
            ("030 123456", None, None),
            ("12", Some("49"), Some("+4912")),
            ("+12", None, None),
            ("+49 30 CALL ME", None, None),
            ("+1234567890123456", None, None),
        ] {
            assert_eq!(international(given, country).as_deref(), is, "{given}");
        }
    }
}
