//! Distinguished names (RFC 4514), to be compared.

/// A name in the form in which equal ones are equal: types and values without regard to case and blanks, values of one step in one order.
///
/// Only what RFC 4514 allows is read, and blanks around `,`, `+` and `=`; names of LDAPv2 with quotes or semicolons are not. Numbers of attribute types are not turned into
/// words: `2.5.4.11=x` and `ou=x` differ.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Dn(Vec<Vec<(String, String)>>);

/// A text that is no name.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("no distinguished name")]
pub struct NotADn;

impl Dn {
    /// Reads a name. The empty text is the root.
    ///
    /// Fails on whatever RFC 4514 does not allow.
    pub fn parse(text: &str) -> Result<Self, NotADn> {
        if text.trim_matches(' ').is_empty() {
            return Ok(Self(Vec::new()));
        }
        let mut steps = vec![Vec::new()];
        let mut rest = text;
        loop {
            let (kind, after) = rest.split_once('=').ok_or(NotADn)?;
            let kind = attribute_type(kind.trim_matches(' '))?;
            let (value, end, after) = value(after)?;
            if let Some(step) = steps.last_mut() {
                step.push((kind, value));
            }
            match end {
                None => break,
                Some(',') => steps.push(Vec::new()),
                Some(_) => {}
            }
            rest = after;
        }
        steps.iter_mut().for_each(|step| step.sort());
        Ok(Self(steps))
    }

    /// A text that two names have in common if and only if they are equal: to be looked up by, not to be sent.
    pub fn to_key(&self) -> String {
        // No step is without a type, and neither mark is in a type; in values both are escaped.
        let value = |value: &str| value.replace('\\', "\\\\").replace('\n', "\\n").replace('\r', "\\r");
        let step = |step: &Vec<(String, String)>| {
            let pairs = step.iter().map(|(kind, text)| format!("{kind}={}", value(text)));
            pairs.collect::<Vec<_>>().join("\r")
        };
        self.0.iter().map(step).collect::<Vec<_>>().join("\n")
    }

    /// Whether it is the root, as of whoever is anonymous.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether it is `base` or lies below it. Nothing is below the root: that would be everything.
    pub fn is_at_or_under(&self, base: &Self) -> bool {
        !base.is_root() && self.0.ends_with(&base.0)
    }
}

/// A word or the number of one.
fn attribute_type(text: &str) -> Result<String, NotADn> {
    let mut octets = text.bytes();
    let is_word = octets.next().is_some_and(|first| first.is_ascii_alphabetic())
        && octets.all(|octet| octet.is_ascii_alphanumeric() || octet == b'-');
    let is_number = text.split('.').all(|part| !part.is_empty() && part.bytes().all(|octet| octet.is_ascii_digit()));
    if is_word || is_number { Ok(text.to_ascii_lowercase()) } else { Err(NotADn) }
}

/// The value that `text` begins with, in the form to be compared, what ends it, and what follows.
fn value(text: &str) -> Result<(String, Option<char>, &str), NotADn> {
    let mut octets: Vec<u8> = Vec::new();
    let mut chars = text.char_indices();
    let mut end = (None, "");
    // A `#` not escaped begins octets in hexadecimal digits, which are not what the same text is.
    let is_hex = text.trim_start_matches(' ').starts_with('#');
    while let Some((at, c)) = chars.next() {
        match c {
            ',' | '+' => {
                end = (Some(c), text.get(at + 1..).unwrap_or_default());
                break;
            }
            '"' | ';' | '<' | '>' | '\0' => return Err(NotADn),
            '\\' => {
                let escaped = chars.next().ok_or(NotADn)?.1;
                match escaped {
                    ' ' | '"' | '#' | '+' | ',' | ';' | '<' | '=' | '>' | '\\' => octets.push(escaped as u8),
                    first if first.is_ascii_hexdigit() => {
                        let second = chars.next().ok_or(NotADn)?.1;
                        let (first, second) = (first.to_digit(16), second.to_digit(16));
                        let (first, second) = first.zip(second).ok_or(NotADn)?;
                        octets.push(u8::try_from(first * 16 + second).map_err(|_| NotADn)?);
                    }
                    _ => return Err(NotADn),
                }
            }
            c => octets.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
        }
    }
    let value = String::from_utf8(octets).map_err(|_| NotADn)?;
    if is_hex && !value.trim_matches(' ').bytes().skip(1).all(|octet| octet.is_ascii_hexdigit()) {
        return Err(NotADn);
    }
    let mut words: Vec<String> = value.split(' ').filter(|word| !word.is_empty()).map(str::to_lowercase).collect();
    if !is_hex && words.first().is_some_and(|word| word.starts_with('#')) {
        // An escaped `#` is a character.
        words.insert(0, String::new());
    }
    if words.is_empty() {
        return Err(NotADn);
    }
    Ok((words.join(" "), end.0, end.1))
}

impl std::fmt::Display for Dn {
    /// As it is compared, for logs.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let step = |step: &Vec<(String, String)>| {
            step.iter().map(|(kind, value)| format!("{kind}={value}")).collect::<Vec<_>>().join("+")
        };
        f.write_str(&self.0.iter().map(step).collect::<Vec<_>>().join(","))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn dn(text: &str) -> Dn {
        Dn::parse(text).unwrap_or_else(|_| panic!("{text}"))
    }

    #[test]
    fn equal_names_are_equal() {
        for (one, two) in [
            ("UID=Alice,OU=People,DC=lab", "uid=alice, ou=people , dc=lab"),
            ("cn=Before\\0dAfter,dc=x", "cn=Before\\0DAfter,dc=x"),
            ("cn=Lu\\C4\\8Di\\C4\\87", "cn=Lučić"),
            ("cn=James \\\"Jim\\\" Smith\\, III,dc=x", "CN=james  \\22jim\\22 smith\\2c iii,dc=x"),
            ("ou=Sales+cn=J.  Smith,dc=x", "cn=j. smith+ou=sales,dc=x"),
            ("1.3.6.1.4.1.1466.0=#04024869", "1.3.6.1.4.1.1466.0= #04024869"),
            ("cn=a\\ ,dc=x", "cn=a,dc=x"),
            ("", "  "),
        ] {
            assert_eq!(dn(one), dn(two), "{one}");
        }
        for (one, two) in [
            ("uid=alice,dc=lab", "uid=alice,dc=lab,dc=test"),
            ("cn=a\\,ou=b,dc=x", "cn=a,ou=b,dc=x"),
            ("cn=\\#0402,dc=x", "cn=#0402,dc=x"),
            ("2.5.4.11=b", "ou=b"),
        ] {
            assert_ne!(dn(one), dn(two), "{one}");
        }
    }

    #[test]
    fn names_have_a_key_in_common_if_they_are_equal() {
        assert_eq!(dn("UID=Alice,OU=People").to_key(), dn("uid=alice, ou=people").to_key());
        let different =
            ["cn=a,cn=b", "cn=a+cn=b", "cn=a\\0acn\\=b", "cn=a\\0dcn\\=b", "cn=a\\\\ncn\\=b", "cn=b,cn=a", ""];
        let keys: std::collections::HashSet<String> = different.iter().map(|text| dn(text).to_key()).collect();
        assert_eq!(keys.len(), different.len(), "{keys:?}");
    }

    #[test]
    fn below_is_by_whole_steps() {
        let base = dn("ou=services,dc=lab");
        for (name, is_under) in [
            ("ou=services,dc=lab", true),
            ("cn=svc,OU=Services, DC=Lab", true),
            ("cn=svc,ou=a,ou=services,dc=lab", true),
            ("cn=svc,ou=otherservices,dc=lab", false),
            ("cn=svc\\,ou=services,dc=lab", false),
            ("cn=svc,ou=services,dc=lab,dc=evil", false),
            ("dc=lab", false),
            ("", false),
        ] {
            assert_eq!(dn(name).is_at_or_under(&base), is_under, "{name}");
        }
        assert!(!dn("cn=svc,dc=lab").is_at_or_under(&dn("")), "the root would exempt everybody");
    }

    #[test]
    fn what_is_no_name() {
        for text in [
            "alice",
            "alice@lab.test",
            "LAB\\alice",
            "=x",
            "cn=",
            "cn=a,",
            "cn=a,,dc=b",
            "cn=\"a\",dc=b",
            "cn=a;dc=b",
            "cn=a\\",
            "cn=a\\0",
            "cn=\\ff",
            "cn=#zz",
            "c n=a",
            "<GUID=0123>",
            "cn=a\0b",
            "1.2.=a",
        ] {
            assert_eq!(Dn::parse(text), Err(NotADn), "{text}");
        }
    }
}
