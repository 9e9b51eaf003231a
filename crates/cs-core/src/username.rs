//! Usernames: as they arrive, and as they are compared.
//!
//! Two names are the same user when their [`UsernameKey`]s are equal. Keys fold case and Unicode's compatibility forms
//! (NFKC: full-width letters, ligatures, decomposed accents), so that what looks like one name to Unicode is one name.
//! Letters of different scripts that merely look alike (Latin and Cyrillic `a`) stay different names: folding them would
//! let one person answer for another. What cannot be seen is refused: control, bidirectional and invisible characters.
//! Everything else is allowed and inert, `|` and other separators included (DUO-PSA-2015-001).

use std::fmt;
use std::str::FromStr;

use thiserror::Error;
use unicode_normalization::UnicodeNormalization;

/// Longest username, in characters.
pub const MAX_USERNAME_CHARS: usize = 256;

/// A username as it was given, without white space around it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Username(String);

/// What usernames are compared and indexed by.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct UsernameKey(String);

/// An integration's `username_normalization_policy`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum UsernameNormalization {
    /// `DOMAIN\user`, `user@domain` and `user` are one name.
    Simple,
    /// The whole name counts.
    None,
}

/// Why a text is no username.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum UsernameError {
    /// Nothing, or only white space.
    #[error("the username is empty")]
    Empty,
    /// More than [`MAX_USERNAME_CHARS`].
    #[error("the username is longer than 256 characters")]
    TooLong,
    /// A control, bidirectional or invisible character, or a code point that is no character.
    #[error("the username holds a character that cannot be seen")]
    Invisible,
}

impl Username {
    /// Trims and checks.
    pub fn parse(given: &str) -> Result<Self, UsernameError> {
        let name = given.trim();
        if name.is_empty() {
            return Err(UsernameError::Empty);
        }
        if name.chars().take(MAX_USERNAME_CHARS + 1).count() > MAX_USERNAME_CHARS {
            return Err(UsernameError::TooLong);
        }
        if name.chars().any(is_invisible) {
            return Err(UsernameError::Invisible);
        }
        Ok(Self(name.to_owned()))
    }

    /// As given.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// What the name is compared by.
    pub fn key(&self, policy: UsernameNormalization) -> UsernameKey {
        let folded = fold(&self.0);
        // Folding comes first: it can make an `@` of a full-width one.
        UsernameKey(match policy {
            UsernameNormalization::Simple => bare(&folded).to_owned(),
            UsernameNormalization::None => folded,
        })
    }
}

impl UsernameKey {
    /// The folded text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl UsernameNormalization {
    /// As the Admin API takes it.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Simple => "simple",
            Self::None => "none",
        }
    }
}

impl FromStr for UsernameNormalization {
    type Err = UnknownNormalization;

    /// Takes the Admin API's input (`simple`) and its output (`Simple`).
    fn from_str(name: &str) -> Result<Self, UnknownNormalization> {
        [Self::Simple, Self::None]
            .into_iter()
            .find(|policy| policy.as_str().eq_ignore_ascii_case(name))
            .ok_or(UnknownNormalization)
    }
}

/// Not a normalisation policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the username normalization policy is neither simple nor none")]
pub struct UnknownNormalization;

impl fmt::Display for Username {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Display for UsernameKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// NFKC and lower case until neither changes anything (one can undo the other's work for a few characters).
fn fold(name: &str) -> String {
    // Most names, and the same for them.
    if name.is_ascii() {
        return name.to_ascii_lowercase().trim().to_owned();
    }
    let mut folded = fold_once(name);
    // Three rounds are enough for every code point; the bound is for the reader.
    for _ in 0..8 {
        let again = fold_once(&folded);
        if again == folded {
            break;
        }
        folded = again;
    }
    folded
}

fn fold_once(name: &str) -> String {
    let lower: String = name.nfkc().flat_map(char::to_lowercase).map(|c| if c == 'ς' { 'σ' } else { c }).collect();
    lower.nfkc().collect::<String>().trim().to_owned()
}

/// Without `DOMAIN\` and `@domain`, where something remains; again until nothing more comes off.
fn bare(name: &str) -> &str {
    let kept = |part: &'_ str| !part.trim().is_empty();
    let mut name = name.trim();
    loop {
        let user = name.rsplit_once('\\').map(|(_, user)| user).filter(|user| kept(user)).unwrap_or(name);
        let user = user.split_once('@').map(|(user, _)| user).filter(|user| kept(user)).unwrap_or(user).trim();
        if user.len() == name.len() {
            return user;
        }
        name = user;
    }
}

/// Control characters, format characters (Unicode category Cf, among them the bidirectional controls), the letters and
/// marks that have no glyph, and code points that are no characters.
fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{600}'..='\u{605}' | '\u{61c}' | '\u{6dd}' | '\u{70f}' | '\u{890}' | '\u{891}'
            | '\u{8e2}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{2800}' | '\u{3164}'
            | '\u{fdd0}'..='\u{fdef}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{ffff}'
            | '\u{110bd}' | '\u{110cd}' | '\u{13430}'..='\u{1343f}' | '\u{1bca0}'..='\u{1bca3}'
            | '\u{1d159}' | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
        || u32::from(c) & 0xfffe == 0xfffe
}

#[cfg(test)]
mod tests {
    use super::*;
    use UsernameNormalization::{None as Whole, Simple};
    use proptest::prelude::*;

    fn key(name: &str, policy: UsernameNormalization) -> String {
        Username::parse(name).unwrap().key(policy).as_str().to_owned()
    }

    #[test]
    fn simple_takes_domains_off() {
        for name in ["alice", "ALICE", " Alice ", "ACME\\alice", "Alice@acme.example", "ACME\\alice@x", "a@b\\alice"] {
            assert_eq!(key(name, Simple), "alice", "{name}");
        }
        // nothing would remain
        assert_eq!(key("@acme", Simple), "@acme");
        assert_eq!(key("ACME\\", Simple), "acme\\");
    }

    #[test]
    fn none_keeps_domains_and_still_folds_case() {
        assert_eq!(key("ACME\\Alice", Whole), "acme\\alice");
        assert_ne!(key("alice@a", Whole), key("alice@b", Whole));
    }

    #[test]
    fn one_name_to_unicode_is_one_name() {
        for (left, right) in [
            ("Jos\u{e9}", "jose\u{301}"),
            ("ａｌｉｃｅ", "alice"),
            ("alice＠acme", "alice"),
            ("ﬁona", "FIONA"),
            ("ΟΔΥΣΣΕΥΣ", "οδυσσευς"),
            ("\u{212a}im", "kim"),
        ] {
            assert_eq!(key(left, Simple), key(right, Simple), "{left}");
        }
        assert_ne!(key("аlice", Simple), key("alice", Simple), "Cyrillic");
    }

    #[test]
    fn separators_are_inert() {
        for name in ["a|b", "a,b", "a;b", "a'b", "a\"b", "a&b=c", "a%00b", "a b", "a:b"] {
            assert_eq!(key(name, Simple), name);
        }
    }

    #[test]
    fn what_cannot_be_seen_is_refused() {
        for name in [
            "a\0b",
            "a\nb",
            "a\u{202e}b",
            "a\u{200b}b",
            "a\u{200d}b",
            "a\u{ad}b",
            "a\u{e0061}b",
            "a\u{2066}b",
            "\u{feff}a",
            "a\u{7f}",
            "a\u{1fffe}",
        ] {
            assert_eq!(Username::parse(name), Err(UsernameError::Invisible), "{}", name.escape_unicode());
        }
        assert_eq!(Username::parse("  "), Err(UsernameError::Empty));
        assert!(Username::parse(&"é".repeat(256)).is_ok());
        assert_eq!(Username::parse(&"e".repeat(257)), Err(UsernameError::TooLong));
    }

    #[test]
    fn every_single_character_folds_to_a_fixed_point() {
        for c in ('\0'..=char::MAX).filter(|c| !is_invisible(*c)) {
            let folded = fold(c.encode_utf8(&mut [0; 4]));
            assert_eq!(fold_once(&folded), folded, "{}", c.escape_unicode());
        }
    }

    #[test]
    fn policies_parse_as_sent_and_as_shown() {
        for name in ["simple", "Simple"] {
            assert_eq!(name.parse(), Ok(Simple));
        }
        assert_eq!("None".parse(), Ok(Whole));
        assert!("".parse::<UsernameNormalization>().is_err());
    }

    proptest! {
        #[test]
        fn normalisation_is_idempotent(name in "[a-zA-Z@\\\\|. \u{c0}-\u{24f}\u{300}-\u{36f}ΣςﬁＡ＠＼İẞ]{1,40}|.{1,40}") {
            for policy in [Simple, Whole] {
                if let Ok(name) = Username::parse(&name) {
                    let once = name.key(policy);
                    let again = Username(once.as_str().to_owned()).key(policy);
                    prop_assert_eq!(&again, &once);
                    prop_assert!(!once.as_str().is_empty());
                }
            }
        }
    }
}
