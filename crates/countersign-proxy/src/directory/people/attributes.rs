//! Which attributes are read, and what of a person comes of them.

use cs_client::agent::{Person, Query};

use crate::directory::entry::{Entry, KEYS};

/// Names that are longer are nobody's, octets.
pub(super) const LONGEST_NAME: usize = 512;
/// Notes are cut there, octets.
const LONGEST_NOTES: usize = 2048;
/// A distinguished name is cut there, octets.
const LONGEST_DN: usize = 2048;
const MOST_ALIASES: usize = 8;
const MOST_PHONES: usize = 16;
const MOST_GROUPS: usize = 1000;
/// Attributes that say whether an account is disabled.
const STANDING: [&str; 4] = ["userAccountControl", "msDS-UserAccountDisabled", "nsAccountLock", "pwdAccountLockedTime"];
/// ACCOUNTDISABLE of `userAccountControl` (MS-ADTS 2.2.16).
const DISABLED: i64 = 2;
/// Locked for good, by an administrator (draft-behera-ldap-password-policy, 5.3.3).
const LOCKED_FOR_GOOD: &str = "000001010000Z";
/// Attributes that prove who somebody is: whoever has the server must not read them through a proxy whose account may.
const SECRETS: [&str; 16] = [
    "userpassword",
    "unicodepwd",
    "dbcspwd",
    "ntpwdhistory",
    "lmpwdhistory",
    "supplementalcredentials",
    "sambantpassword",
    "sambalmpassword",
    "sambapasswordhistory",
    "ms-mcs-admpwd",
    "msds-managedpassword",
    "msds-groupmsamembership",
    "krbprincipalkey",
    "pwdhistory",
    "authpassword",
    "ipanthash",
];
/// And those that begin so: LAPS, TOTP seeds of OpenLDAP, tokens of FreeIPA.
const SECRET_STEMS: [&str; 4] = ["mslaps-", "oath", "ipatoken", "msfve-"];

/// Whom to read, checked.
pub(super) struct Wanted {
    pub(super) groups: Vec<String>,
    pub(super) only: Option<String>,
    pub(super) username: String,
    aliases: Vec<String>,
    full_name: Option<String>,
    email: Option<String>,
    phones: Vec<String>,
    notes: Option<String>,
}

impl Wanted {
    /// Fails with words if something of it cannot be meant.
    pub(super) fn read(query: &Query) -> Result<Self, String> {
        if query.groups.is_empty() || query.groups.len() > MOST_GROUPS {
            return Err(format!("from one to {MOST_GROUPS} groups can be asked for, not {}", query.groups.len()));
        }
        if query.groups.iter().any(|group| group.trim().is_empty() || group.len() > LONGEST_DN) {
            return Err("a group is named by its distinguished name".to_owned());
        }
        if query.only.as_ref().is_some_and(|name| name.is_empty() || name.len() > LONGEST_NAME) {
            return Err("a person is named by what they log in by".to_owned());
        }
        let of = &query.attributes;
        if of.aliases.len() > MOST_ALIASES || of.phones.len() > MOST_ALIASES {
            return Err(format!("at most {MOST_ALIASES} attributes hold aliases, and as many hold phones"));
        }
        let single = [Some(&of.username), of.full_name.as_ref(), of.email.as_ref(), of.notes.as_ref()];
        for name in single.into_iter().flatten().chain(&of.aliases).chain(&of.phones) {
            check(name)?;
        }
        Ok(Self {
            groups: query.groups.clone(),
            only: query.only.clone(),
            username: of.username.clone(),
            aliases: of.aliases.clone(),
            full_name: of.full_name.clone(),
            email: of.email.clone(),
            phones: of.phones.clone(),
            notes: of.notes.clone(),
        })
    }

    /// Everything that is read of a person, and `more`.
    pub(super) fn attributes(&self, more: &[&str]) -> Vec<String> {
        let single = [Some(&self.username), self.full_name.as_ref(), self.email.as_ref(), self.notes.as_ref()];
        let own = single.into_iter().flatten().chain(&self.aliases).chain(&self.phones).map(String::as_str);
        let mut all: Vec<String> = Vec::new();
        for name in own.chain(KEYS).chain(STANDING).chain(more.iter().copied()) {
            // Some directories refuse a list that says something twice.
            if !all.iter().any(|known| known.eq_ignore_ascii_case(name)) {
                all.push(name.to_owned());
            }
        }
        all
    }

    /// An entry as a person; `None` if they have no name to log in by.
    pub(super) fn person(&self, entry: &Entry, key: String, groups: Vec<usize>) -> Option<Person> {
        let text = |name: &String| entry.texts(name).find(|text| is_name(text)).map(str::to_owned);
        let username = text(&self.username)?;
        let phones = self.phones.iter().flat_map(|name| entry.texts(name)).filter(|text| is_name(text));
        Some(Person {
            key,
            dn: cut(&entry.dn, LONGEST_DN),
            username,
            aliases: self.aliases.iter().filter_map(text).collect(),
            full_name: self.full_name.as_ref().and_then(text),
            email: self.email.as_ref().and_then(text),
            phones: phones.take(MOST_PHONES).map(str::to_owned).collect(),
            notes: self.notes.as_ref().and_then(|name| entry.text(name)).map(|notes| cut(notes, LONGEST_NOTES)),
            disabled: is_disabled(entry),
            groups,
        })
    }
}

/// An attribute's name (RFC 4512 §2.5), and none whose values are secrets.
fn check(name: &str) -> Result<(), String> {
    let shown = name.escape_debug();
    let is_name = name.bytes().next().is_some_and(|first| first.is_ascii_alphanumeric())
        && name.len() <= 128
        && name.bytes().all(|octet| octet.is_ascii_alphanumeric() || octet == b'-' || octet == b'.');
    if !is_name {
        return Err(format!("{shown} is no name of an attribute"));
    }
    let name = name.to_ascii_lowercase();
    // Numbers mean the same attributes as names do.
    let is_number = name.bytes().all(|octet| octet.is_ascii_digit() || octet == b'.');
    if is_number || SECRETS.contains(&name.as_str()) || SECRET_STEMS.iter().any(|stem| name.starts_with(stem)) {
        return Err(format!("{shown} is not read for the server: it may hold secrets"));
    }
    Ok(())
}

/// A value that can be a name, an address or a number.
fn is_name(text: &str) -> bool {
    !text.trim().is_empty() && text.len() <= LONGEST_NAME && !text.contains(char::is_control)
}

fn cut(text: &str, longest: usize) -> String {
    let mut end = text.len().min(longest);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}

fn is_disabled(entry: &Entry) -> bool {
    let is_true = |name| entry.text(name).is_some_and(|text| text.eq_ignore_ascii_case("true"));
    let control = entry.text("userAccountControl").and_then(|bits| bits.parse::<i64>().ok());
    control.is_some_and(|bits| bits & DISABLED != 0)
        || is_true("msDS-UserAccountDisabled")
        || is_true("nsAccountLock")
        || entry.text("pwdAccountLockedTime") == Some(LOCKED_FOR_GOOD)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn secrets_are_not_read_for_a_server() {
        for name in ["uid", "sAMAccountName", "msDS-PrincipalName", "mail", "description"] {
            assert_eq!(check(name), Ok(()), "{name}");
        }
        for name in ["userPassword", "unicodePwd", "ms-Mcs-AdmPwd", "msLAPS-Password", "2.5.4.35", "oathSecret"] {
            assert!(check(name).unwrap_err().contains("secrets"), "{name}");
        }
        for name in ["", "userPassword;x", "cn)(a=*", "-cn", "*", &"a".repeat(129)] {
            assert!(check(name).is_err(), "{name}");
        }
    }

    #[test]
    fn texts_are_cut_between_characters() {
        assert_eq!((cut("aéb", 2), cut("aéb", 3), cut("aéb", 9)), ("a".to_owned(), "aé".to_owned(), "aéb".to_owned()));
        assert!(is_name("Jo") && !is_name(" ") && !is_name("a\nb") && !is_name(&"a".repeat(513)));
    }
}
