//! Names of attributes: for options of the configuration, rules for answers, and what a log shows. No packet needs them to travel.

mod standard;
mod vendors;

use std::net::{Ipv4Addr, Ipv6Addr};

use crate::attribute::kind;
use crate::vendor;

/// What a value looks like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// UTF-8
    Text,
    /// Anything
    Octets,
    /// Four octets, most significant first
    Number,
    /// Seconds since 1970 in four octets
    Time,
    /// Four octets
    Ipv4,
    /// Sixteen octets
    Ipv6,
    /// One octet of tag, then text (RFC 2868 §3)
    TaggedText,
    /// One octet of tag, then a number in three (RFC 2868 §3)
    TaggedNumber,
    /// A secret, hidden under the shared one: never shown
    Hidden,
}

/// An attribute that has a name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Entry {
    /// As in the RFC or the vendor's dictionary.
    pub name: &'static str,
    /// `None` for the RFCs' own.
    pub vendor: Option<u32>,
    /// Its number.
    pub kind: u8,
    /// What its value looks like.
    pub form: Form,
}

/// A value cannot be written in the form of its attribute.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum BadValue {
    /// Too long, or empty.
    #[error("{name} takes 1 to {max} octets")]
    Length {
        /// The attribute.
        name: &'static str,
        /// The most that fit.
        max: usize,
    },
    /// Not a number or an address.
    #[error("{name} takes {wanted}")]
    Form {
        /// The attribute.
        name: &'static str,
        /// In words.
        wanted: &'static str,
    },
    /// Secrets of a login are not set by rules.
    #[error("{name} is secret and not set by hand")]
    Hidden {
        /// The attribute.
        name: &'static str,
    },
}

/// The attribute of this name, in capitals or not.
pub fn by_name(name: &str) -> Option<&'static Entry> {
    entries().find(|entry| entry.name.eq_ignore_ascii_case(name))
}

/// The attribute of this number.
pub fn by_number(vendor: Option<u32>, kind: u8) -> Option<&'static Entry> {
    entries().find(|entry| entry.vendor == vendor && entry.kind == kind)
}

/// The name that is written most like this one, for a message about a mistake.
pub fn nearest(name: &str) -> Option<&'static str> {
    let wanted = name.to_ascii_lowercase();
    let (distance, entry) = entries()
        .map(|entry| (distance(&wanted, &entry.name.to_ascii_lowercase()), entry))
        .min_by_key(|(far, _)| *far)?;
    (distance <= 2.max(name.len() / 5)).then_some(entry.name)
}

/// All of them.
pub fn entries() -> impl Iterator<Item = &'static Entry> {
    standard::ENTRIES.iter().chain(vendors::ENTRIES)
}

impl Entry {
    /// The value for text that somebody wrote.
    ///
    /// Fails with [`BadValue`], which says what the attribute takes.
    pub fn encode(&self, text: &str) -> Result<Vec<u8>, BadValue> {
        let max = if self.vendor.is_some() { 247 } else { 253 };
        let bad = |wanted| BadValue::Form { name: self.name, wanted };
        let number = || text.parse::<u32>().map_err(|_| bad("a number from 0 to 4294967295"));
        let value = match self.form {
            Form::Text => text.as_bytes().to_vec(),
            Form::Octets => octets(text),
            Form::Number | Form::Time => number()?.to_be_bytes().to_vec(),
            Form::Ipv4 => text.parse::<Ipv4Addr>().map_err(|_| bad("an IPv4 address"))?.octets().to_vec(),
            Form::Ipv6 => text.parse::<Ipv6Addr>().map_err(|_| bad("an IPv6 address"))?.octets().to_vec(),
            Form::TaggedText => [&[0], text.as_bytes()].concat(),
            Form::TaggedNumber => match number()?.to_be_bytes() {
                [0, high, mid, low] => vec![0, high, mid, low],
                _ => return Err(bad("a number from 0 to 16777215")),
            },
            Form::Hidden => return Err(BadValue::Hidden { name: self.name }),
        };
        if (1..=max).contains(&value.len()) { Ok(value) } else { Err(BadValue::Length { name: self.name, max }) }
    }

    /// A value in words; secrets as dots.
    pub fn show(&self, value: &[u8]) -> String {
        let number = |octets: &[u8]| octets.iter().fold(0_u32, |sum, &octet| sum << 8 | u32::from(octet));
        match (self.form, value) {
            (Form::Hidden, _) => "…".to_owned(),
            (Form::Number | Form::Time, [_, _, _, _]) => number(value).to_string(),
            (Form::Ipv4, &[a, b, c, d]) => Ipv4Addr::new(a, b, c, d).to_string(),
            (Form::Ipv6, value) => match <[u8; 16]>::try_from(value) {
                Ok(octets) => Ipv6Addr::from(octets).to_string(),
                Err(_) => hex(value),
            },
            (Form::TaggedText, [0..=0x1f, text @ ..]) => quoted(text),
            (Form::TaggedNumber, [_, rest @ ..]) if rest.len() == 3 => number(rest).to_string(),
            (Form::Text | Form::TaggedText, text) => quoted(text),
            (Form::Octets | Form::Number | Form::Time | Form::Ipv4 | Form::TaggedNumber, value) => hex(value),
        }
    }
}

/// An attribute of a packet in words, for a log: `User-Name = "alice"`. Secrets are dots.
pub fn describe(kind: u8, value: &[u8]) -> String {
    if kind == kind::VENDOR_SPECIFIC {
        let inside: Vec<String> = vendor::unwrap(value)
            .map(|found| match by_number(Some(found.vendor), found.kind) {
                Some(entry) => format!("{} = {}", entry.name, entry.show(found.value)),
                // What we do not know may be a secret.
                None => format!("Vendor-{}-Attr-{} = {} octets", found.vendor, found.kind, found.value.len()),
            })
            .collect();
        return if inside.is_empty() { format!("Vendor-Specific = {} octets", value.len()) } else { inside.join(", ") };
    }
    match by_number(None, kind) {
        Some(entry) => format!("{} = {}", entry.name, entry.show(value)),
        None => format!("Attr-{kind} = {} octets", value.len()),
    }
}

/// Octets as they are, or after `0x` in hexadecimal.
fn octets(text: &str) -> Vec<u8> {
    let digits = text.strip_prefix("0x").filter(|digits| digits.len().is_multiple_of(2));
    let pairs = digits.map(|digits| digits.as_bytes().chunks(2));
    let octet = |pair: &[u8]| std::str::from_utf8(pair).ok().and_then(|pair| u8::from_str_radix(pair, 16).ok());
    pairs.and_then(|pairs| pairs.map(octet).collect()).unwrap_or_else(|| text.as_bytes().to_vec())
}

fn hex(value: &[u8]) -> String {
    use std::fmt::Write as _;
    value.iter().fold("0x".to_owned(), |mut text, octet| {
        // Writing to a string does not fail.
        _ = write!(text, "{octet:02x}");
        text
    })
}

/// Text in quotes, with everything escaped that could mislead in a log.
fn quoted(text: &[u8]) -> String {
    format!("\"{}\"", text.escape_ascii())
}

/// How many letters must change to make one word of the other (Levenshtein).
pub fn distance(one: &str, other: &str) -> usize {
    let other: Vec<char> = other.chars().collect();
    let mut row: Vec<usize> = (0..=other.len()).collect();
    for (i, a) in one.chars().enumerate() {
        let mut before = i;
        for (j, &b) in other.iter().enumerate() {
            let (left, above) = (row.get(j).copied().unwrap_or(i), row.get(j + 1).copied().unwrap_or(i));
            let cost = (before + usize::from(a != b)).min(if j == 0 { i + 1 } else { left } + 1).min(above + 1);
            before = above;
            if let Some(place) = row.get_mut(j + 1) {
                *place = cost;
            }
        }
        if let Some(first) = row.first_mut() {
            *first = i + 1;
        }
    }
    row.last().copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn names_and_numbers_are_there_once() {
        let mut names = BTreeSet::new();
        let mut numbers = BTreeSet::new();
        for entry in entries() {
            assert!(names.insert(entry.name.to_ascii_lowercase()), "{}", entry.name);
            assert!(numbers.insert((entry.vendor, entry.kind)), "{}", entry.name);
            assert_eq!(by_name(&entry.name.to_ascii_uppercase()), Some(entry));
            assert_eq!(by_number(entry.vendor, entry.kind), Some(entry));
        }
    }

    #[test]
    fn values_are_written_as_they_are_shown() {
        for (name, text, shown) in [
            ("Filter-Id", "vpn-admins", "\"vpn-admins\""),
            ("Session-Timeout", "3600", "3600"),
            ("Framed-IP-Address", "10.1.2.3", "10.1.2.3"),
            ("NAS-IPv6-Address", "2001:db8::1", "2001:db8::1"),
            ("Class", "0x6f75", "0x6f75"),
            ("Tunnel-Type", "13", "13"),
            ("Tunnel-Private-Group-Id", "42", "\"42\""),
            ("Cisco-AVPair", "ip:inacl#1=permit ip any any", "\"ip:inacl#1=permit ip any any\""),
        ] {
            let entry = by_name(name).unwrap();
            assert_eq!(entry.show(&entry.encode(text).unwrap()), shown, "{name}");
        }
    }

    #[test]
    fn what_does_not_fit_is_said() {
        for (name, text) in [
            ("Session-Timeout", "an hour"),
            ("Framed-IP-Address", "10.1.2"),
            ("Tunnel-Type", "16777216"),
            ("Filter-Id", ""),
            ("User-Password", "secret"),
        ] {
            assert!(by_name(name).unwrap().encode(text).is_err(), "{name}");
        }
        assert!(by_name("Filter-Id").unwrap().encode(&"x".repeat(254)).is_err());
        assert!(by_name("Cisco-AVPair").unwrap().encode(&"x".repeat(248)).is_err());
    }

    #[test]
    fn secrets_and_strangers_are_not_shown() {
        assert_eq!(describe(kind::USER_PASSWORD, b"0123456789abcdef"), "User-Password = …");
        assert_eq!(describe(250, b"secret"), "Attr-250 = 6 octets");
        let unknown = vendor::wrap(99_999, 1, b"secret").unwrap();
        assert_eq!(describe(kind::VENDOR_SPECIFIC, &unknown), "Vendor-99999-Attr-1 = 6 octets");
        let text = "a\"\n\u{1b}[31m";
        assert_eq!(describe(kind::USER_NAME, text.as_bytes()), r#"User-Name = "a\"\n\x1b[31m""#);
    }

    #[test]
    fn a_mistake_is_told_from_a_stranger() {
        assert_eq!(nearest("Calling-Station-ld"), Some("Calling-Station-Id"));
        assert_eq!(nearest("something else"), None);
    }
}
