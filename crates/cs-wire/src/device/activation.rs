//! Activation codes, and the text and link they travel in.

use std::fmt;
use std::str::FromStr;

use data_encoding::{BASE64, BASE64_NOPAD};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// Characters of a code.
const CODE_CHARS: usize = 20;
/// The longest host with port: a DNS name of 253 characters, a colon and five digits.
const MAX_HOST_CHARS: usize = 259;
/// The path of the link form.
const LINK_PATH: &str = "/authenticator/activate";

/// A one-time code that binds one device: 20 of `A-Z a-z 0-9`. Whoever has it can use it, so it is
/// not printed by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct ActivationCode(Zeroizing<String>);

/// An activation code and the host it is for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ActivationLink {
    code: ActivationCode,
    host: String,
}

/// The text is not an activation code, or not one with its host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not an activation code")]
pub struct InvalidActivation;

impl ActivationCode {
    /// The alphabet, in the order [`Self::from_random`] uses.
    const ALPHABET: &[u8; 62] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789";

    /// A code from random bytes, without bias: each 6-bit value below 62 is one character (119 bits
    /// in all). `None` when the 32 bytes held too few of those (once in some 10^7); draw again.
    pub fn from_random(random: &[u8; 32]) -> Option<Self> {
        let code: String = random
            .iter()
            .filter_map(|byte| Self::ALPHABET.get(usize::from(byte & 63)))
            .take(CODE_CHARS)
            .map(|&byte| char::from(byte))
            .collect();
        code.parse().ok()
    }

    /// The code itself.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl FromStr for ActivationCode {
    type Err = InvalidActivation;

    fn from_str(text: &str) -> Result<Self, InvalidActivation> {
        if text.len() != CODE_CHARS || !text.bytes().all(|b| b.is_ascii_alphanumeric()) {
            return Err(InvalidActivation);
        }
        Ok(Self(Zeroizing::new(text.to_owned())))
    }
}

impl fmt::Debug for ActivationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ActivationCode(..)")
    }
}

impl Serialize for ActivationCode {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for ActivationCode {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        text.parse().map_err(de::Error::custom)
    }
}

impl ActivationLink {
    /// Pairs a code with the authenticator's host (`name` or `name:port`).
    pub fn new(code: ActivationCode, host: &str) -> Result<Self, InvalidActivation> {
        if !is_host(host) {
            return Err(InvalidActivation);
        }
        Ok(Self { code, host: host.to_owned() })
    }

    /// Reads any of the forms a person may paste or scan: `duo://CODE-BASE64(host)`, the same
    /// without scheme, and `https://HOST/authenticator/activate#CODE`.
    pub fn parse(text: &str) -> Result<Self, InvalidActivation> {
        let text = text.trim();
        if text.len() > 2 * MAX_HOST_CHARS {
            return Err(InvalidActivation);
        }
        if let Some(link) = text.strip_prefix("https://") {
            let (address, code) = link.split_once('#').ok_or(InvalidActivation)?;
            let host = address.strip_suffix(LINK_PATH).ok_or(InvalidActivation)?;
            return Self::new(code.parse()?, host);
        }
        let text = text.strip_prefix("duo://").unwrap_or(text);
        let (code, host) = text.split_once('-').ok_or(InvalidActivation)?;
        // With and without padding are both seen in the field.
        let encoding = if host.ends_with('=') { BASE64 } else { BASE64_NOPAD };
        let host = encoding.decode(host.as_bytes()).map_err(|_| InvalidActivation)?;
        let host = String::from_utf8(host).map_err(|_| InvalidActivation)?;
        Self::new(code.parse()?, &host)
    }

    /// The code.
    pub const fn code(&self) -> &ActivationCode {
        &self.code
    }

    /// The host, with its port unless that is 443.
    pub fn host(&self) -> &str {
        &self.host
    }

    /// The origin requests go to.
    pub fn origin(&self) -> String {
        format!("https://{}", self.host)
    }

    /// The text of the QR code, `duo://CODE-BASE64(host)`: also Duo's `activation_code`.
    pub fn to_code(&self) -> String {
        format!("duo://{}-{}", self.code.expose(), BASE64_NOPAD.encode(self.host.as_bytes()))
    }

    /// The link: the code is in the fragment, which no server and no `Referer` sees.
    pub fn to_link(&self) -> String {
        format!("https://{}{LINK_PATH}#{}", self.host, self.code.expose())
    }
}

/// A DNS name or an IPv4 address, or an IPv6 literal in brackets; a port may follow.
fn is_host(text: &str) -> bool {
    if text.len() > MAX_HOST_CHARS {
        return false;
    }
    let (name, port) = if let Some(literal) = text.strip_prefix('[') {
        let Some((address, rest)) = literal.split_once(']') else {
            return false;
        };
        if address.parse::<std::net::Ipv6Addr>().is_err() {
            return false;
        }
        match rest.strip_prefix(':') {
            Some(port) => ("v6", Some(port)),
            None if rest.is_empty() => ("v6", None),
            None => return false,
        }
    } else {
        match text.split_once(':') {
            Some((name, port)) => (name, Some(port)),
            None => (text, None),
        }
    };
    let is_name = name
        .split('.')
        .all(|label| (1..=63).contains(&label.len()) && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-'));
    is_name && port.is_none_or(is_port)
}

fn is_port(text: &str) -> bool {
    text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok_and(|port| port != 0)
}

#[cfg(test)]
mod tests {
    use super::*;

    const CODE: &str = "Abcdefghij0123456789";

    fn link(host: &str) -> Result<ActivationLink, InvalidActivation> {
        ActivationLink::new(CODE.parse().unwrap(), host)
    }

    #[test]
    fn every_form_is_read() {
        let expected = link("auth.example.org:8443").unwrap();
        for text in [
            "duo://Abcdefghij0123456789-YXV0aC5leGFtcGxlLm9yZzo4NDQz",
            "Abcdefghij0123456789-YXV0aC5leGFtcGxlLm9yZzo4NDQz",
            " Abcdefghij0123456789-YXV0aC5leGFtcGxlLm9yZzo4NDQz\n",
            "https://auth.example.org:8443/authenticator/activate#Abcdefghij0123456789",
            &expected.to_code(),
            &expected.to_link(),
        ] {
            assert_eq!(ActivationLink::parse(text), Ok(expected.clone()), "{text}");
        }
        assert_eq!(expected.origin(), "https://auth.example.org:8443");
    }

    #[test]
    fn padding_may_be_there_or_not() {
        for text in ["Abcdefghij0123456789-YS5iYw", "Abcdefghij0123456789-YS5iYw=="] {
            assert_eq!(ActivationLink::parse(text).unwrap().host(), "a.bc", "{text}");
        }
    }

    #[test]
    fn hosts_are_only_hosts() {
        for good in ["localhost", "localhost:8443", "203.0.113.7", "[::1]:8443", "[2001:db8::1]"] {
            assert_eq!(link(good).unwrap().host(), good);
        }
        for bad in [
            "",
            ".",
            "a..b",
            "a/b",
            "user@host",
            "a:",
            "a:0",
            "a:65536",
            "a:+1",
            "a:1:2",
            "::1",
            "[::1",
            "[x]",
            "[::1]x",
            "ä.example",
            "a b",
            "a#b",
            "a?b",
            "a\nb",
        ] {
            assert_eq!(link(bad), Err(InvalidActivation), "{bad}");
        }
    }

    #[test]
    fn what_is_not_an_activation_is_refused() {
        for bad in [
            "",
            "-",
            "duo://",
            CODE,
            "duo://Abcdefghij012345678-YS5iYw",
            "duo://Abcdefghij01234567890-YS5iYw",
            "duo://Abcdefghij012345678_-YS5iYw",
            "duo://Abcdefghij0123456789-YS5iYw=",
            "duo://Abcdefghij0123456789-!!!!",
            "duo://Abcdefghij0123456789-",
            "http://a.bc/authenticator/activate#Abcdefghij0123456789",
            "https://a.bc/other#Abcdefghij0123456789",
            "https://a.bc/x/authenticator/activate#Abcdefghij0123456789",
            "https://a.bc@evil.example/authenticator/activate#Abcdefghij0123456789",
            "https://a.bc/authenticator/activate#",
        ] {
            assert_eq!(ActivationLink::parse(bad), Err(InvalidActivation), "{bad}");
        }
    }

    #[test]
    fn a_code_is_drawn_without_bias_and_not_shown() {
        let mut random = [0; 32];
        assert_eq!(ActivationCode::from_random(&random).unwrap().expose(), "A".repeat(20));
        random.fill(63); // no character: every byte is passed over
        assert!(ActivationCode::from_random(&random).is_none());
        random[..20].fill(61);
        let code = ActivationCode::from_random(&random).unwrap();
        assert_eq!(code.expose(), "9".repeat(20));
        assert_eq!(format!("{code:?}"), "ActivationCode(..)");
    }
}
