//! `otpauth` URIs, as QR codes of other systems hold them (Google Authenticator, "Key Uri Format").

use zeroize::Zeroizing;

use super::{ImportError, NewToken, SecretEncoding, TokenSerial, new_hotp, new_totp, required, seed};
use crate::otp::{OtpAlgorithm, OtpKind, OtpParams};

const MAX_URI_BYTES: usize = 2048;

/// A token as an `otpauth` URI describes it; it has a label in place of a serial.
#[derive(Debug)]
pub struct OtpauthToken {
    /// The account name, without the issuer before it. May be empty.
    pub label: String,
    /// Who issued it.
    pub issuer: Option<String>,
    /// The token, with a serial that is only a stand-in.
    token: NewToken,
}

impl OtpauthToken {
    /// The token under the serial it shall have here.
    pub fn with_serial(self, serial: TokenSerial) -> NewToken {
        NewToken { serial, ..self.token }
    }
}

/// Reads `otpauth://hotp/…` and `otpauth://totp/…`.
///
/// Known parameters may stand once, unknown ones are ignored. Texts with control characters are refused.
pub fn parse_otpauth(uri: &str) -> Result<OtpauthToken, ImportError> {
    if uri.len() > MAX_URI_BYTES {
        return Err(ImportError::TooLarge);
    }
    let (scheme, rest) = uri.trim().split_once("://").ok_or(ImportError::Uri)?;
    let (kind, rest) = rest.split_once('/').ok_or(ImportError::Uri)?;
    let (label, query) = rest.split_once('?').ok_or(ImportError::Uri)?;
    if !scheme.eq_ignore_ascii_case("otpauth") {
        return Err(ImportError::Uri);
    }
    let query = Query::parse(query.split('#').next().unwrap_or(query))?;
    let seed = seed(required(query.secret.as_ref().map(|s| s.as_str()), "secret")?, SecretEncoding::Base32)?;
    let eight = match query.digits.as_deref() {
        None | Some("6") => false,
        Some("8") => true,
        Some(_) => return Err(ImportError::Number("digits")),
    };
    let stand_in = TokenSerial("otpauth".to_owned());
    let mut token = if kind.eq_ignore_ascii_case("hotp") {
        let kind = if eight { OtpKind::H8 } else { OtpKind::H6 };
        new_hotp(kind, stand_in, seed, Some(query.counter.as_deref().ok_or(ImportError::Missing("counter"))?))?
    } else if kind.eq_ignore_ascii_case("totp") {
        new_totp(if eight { OtpKind::T8 } else { OtpKind::T6 }, stand_in, seed, query.period.as_deref())?
    } else {
        return Err(ImportError::Uri);
    };
    let algorithm: OtpAlgorithm = query.algorithm.as_deref().map_or(Ok(OtpAlgorithm::default()), str::parse)?;
    token.params = OtpParams { algorithm, ..token.params };
    let label = decoded(label)?;
    let (prefix, label) = match label.split_once(':') {
        Some((issuer, label)) => (Some(issuer.trim().to_owned()), label.trim().to_owned()),
        None => (None, label.trim().to_owned()),
    };
    Ok(OtpauthToken { label, issuer: query.issuer.or(prefix).filter(|issuer| !issuer.is_empty()), token })
}

#[derive(Default)]
struct Query {
    secret: Option<Zeroizing<String>>,
    issuer: Option<String>,
    algorithm: Option<String>,
    digits: Option<String>,
    counter: Option<String>,
    period: Option<String>,
}

impl Query {
    fn parse(query: &str) -> Result<Self, ImportError> {
        let mut parsed = Self::default();
        for pair in query.split('&') {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let (name, slot) = match name {
                "secret" => {
                    if parsed.secret.replace(Zeroizing::new(decoded(value)?)).is_some() {
                        return Err(ImportError::Repeated("secret"));
                    }
                    continue;
                }
                "issuer" => ("issuer", &mut parsed.issuer),
                "algorithm" => ("algorithm", &mut parsed.algorithm),
                "digits" => ("digits", &mut parsed.digits),
                "counter" => ("counter", &mut parsed.counter),
                "period" => ("period", &mut parsed.period),
                _ => continue,
            };
            if slot.replace(decoded(value)?).is_some() {
                return Err(ImportError::Repeated(name));
            }
        }
        Ok(parsed)
    }
}

/// Undoes percent-encoding; `+` stays a plus sign, as the format's own examples use `%20`.
fn decoded(text: &str) -> Result<String, ImportError> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'%', [high, low, tail @ ..]) => {
                bytes.push(hex(*high)? << 4 | hex(*low)?);
                tail
            }
            (b'%', _) => return Err(ImportError::Uri),
            (byte, tail) => {
                bytes.push(*byte);
                tail
            }
        };
    }
    let text = String::from_utf8(bytes).map_err(|_| ImportError::Uri)?;
    if text.chars().any(char::is_control) { Err(ImportError::Uri) } else { Ok(text) }
}

fn hex(digit: u8) -> Result<u8, ImportError> {
    match digit {
        b'0'..=b'9' => Ok(digit - b'0'),
        b'a'..=b'f' => Ok(digit - b'a' + 10),
        b'A'..=b'F' => Ok(digit - b'A' + 10),
        _ => Err(ImportError::Uri),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn reads_what_the_key_uri_format_allows() {
        let uri = "otpauth://totp/ACME%20Co:john@example.com?secret=HXDMVJECJJWSRB3HWIZR4IFUGFTMXBOZ&issuer=ACME%20Co\
                   &algorithm=SHA256&digits=8&period=60&image=x";
        let read = parse_otpauth(uri).unwrap();
        assert_eq!((read.label.as_str(), read.issuer.as_deref()), ("john@example.com", Some("ACME Co")));
        let token = read.with_serial(TokenSerial::parse("9").unwrap());
        assert_eq!((token.serial.as_str(), token.params.kind), ("9", OtpKind::T8));
        assert_eq!(token.params.algorithm, OtpAlgorithm::Sha256);
        assert_eq!(token.params.step.as_secs(), 60);

        let read = parse_otpauth("otpauth://HOTP/x?secret=gezdgnbvgy3tqojq&counter=5").unwrap();
        assert_eq!((read.label.as_str(), read.issuer, read.token.record.counter), ("x", None, 5));
        assert_eq!(*read.token.secret.to_bytes(), b"1234567890");
    }

    #[test]
    fn refuses_the_rest() {
        let secret = "secret=GEZDGNBVGY3TQOJQ";
        for (uri, expected) in [
            ("https://totp/x?secret=A".to_owned(), ImportError::Uri),
            (format!("otpauth://steam/x?{secret}"), ImportError::Uri),
            ("otpauth://totp/x".to_owned(), ImportError::Uri),
            ("otpauth://totp/x?issuer=y".to_owned(), ImportError::Missing("secret")),
            ("otpauth://totp/x?secret=1".to_owned(), ImportError::SecretEncoding("base32")),
            (format!("otpauth://hotp/x?{secret}"), ImportError::Missing("counter")),
            (format!("otpauth://totp/x?{secret}&{secret}"), ImportError::Repeated("secret")),
            (format!("otpauth://totp/x?{secret}&digits=7"), ImportError::Number("digits")),
            (format!("otpauth://totp/x?{secret}&digits=6&digits=8"), ImportError::Repeated("digits")),
            (format!("otpauth://totp/%0a?{secret}"), ImportError::Uri),
            (format!("otpauth://totp/%f?{secret}"), ImportError::Uri),
            (format!("otpauth://totp/x?{secret}&x={}", "y".repeat(2048)), ImportError::TooLarge),
        ] {
            assert_eq!(parse_otpauth(&uri).unwrap_err(), expected, "{uri}");
        }
    }

    proptest! {
        #[test]
        fn any_uri(tail in ".{0,80}", label in "[%0-9a-zA-F:é]{0,12}", secret in "[A-Z2-7=%]{0,40}") {
            let _ = parse_otpauth(&tail);
            let _ = parse_otpauth(&format!("otpauth://totp/{label}?secret={secret}&{tail}"));
        }
    }
}
