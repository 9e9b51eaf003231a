//! Tokens from outside: the Admin API's form, CSV files, `otpauth` URIs.

mod csv;
mod otpauth;

use std::fmt;

use data_encoding::{BASE32_NOPAD, HEXLOWER_PERMISSIVE};
use thiserror::Error;
use zeroize::Zeroizing;

use super::{OtpKey, OtpKind, OtpParamError, OtpParams, OtpRecord, OtpScheme, OtpSecret, TimeStep, YubicoSecret};

pub use csv::{LineError, MAX_IMPORT_TOKENS, parse_csv};
pub use otpauth::{OtpauthToken, parse_otpauth};

const MAX_SERIAL_CHARS: usize = 128;

/// The serial of a token: 1 to 128 characters, none of them a control character, no white space at the ends.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct TokenSerial(String);

impl TokenSerial {
    /// Trims and checks.
    pub fn parse(serial: &str) -> Result<Self, ImportError> {
        let serial = serial.trim();
        let chars = serial.chars().take(MAX_SERIAL_CHARS + 1).count();
        if chars == 0 || chars > MAX_SERIAL_CHARS || serial.chars().any(char::is_control) {
            return Err(ImportError::Serial);
        }
        Ok(Self(serial.to_owned()))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for TokenSerial {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// A token that is about to be created.
#[derive(Debug)]
pub struct NewToken {
    /// Its serial.
    pub serial: TokenSerial,
    /// What it is.
    pub params: OtpParams,
    /// Its secret.
    pub secret: OtpSecret,
    /// Where it starts.
    pub record: OtpRecord,
}

/// How a file writes seeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SecretEncoding {
    /// Hexadecimal, what Duo and most vendors use.
    Hex,
    /// Base32 (RFC 4648), with or without padding and spaces.
    Base32,
}

/// Why a token cannot be imported. Never contains the secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ImportError {
    /// Not 1 to 128 printable characters.
    #[error("the serial must have 1 to 128 characters and no control characters")]
    Serial,
    /// Wrong type, algorithm or time step.
    #[error(transparent)]
    Param(#[from] OtpParamError),
    /// A field the type of token needs is not there.
    #[error("{0} is missing")]
    Missing(&'static str),
    /// The seed is not in the expected encoding.
    #[error("the secret is not {0}")]
    SecretEncoding(&'static str),
    /// The seed has fewer than 10 or more than 128 bytes.
    #[error("the secret must have 10 to 128 bytes")]
    SecretLength,
    /// Not 12 hexadecimal digits.
    #[error("the private identity must be 12 hexadecimal digits")]
    PrivateId,
    /// Not 32 hexadecimal digits.
    #[error("the AES key must be 32 hexadecimal digits")]
    AesKey,
    /// Not a decimal number in range.
    #[error("{0} is not a number in range")]
    Number(&'static str),
    /// A CSV line with a wrong number of fields.
    #[error("the line does not have the fields of this type of token")]
    Fields,
    /// A serial that stands in the file twice.
    #[error("the serial stands on line {0} already")]
    Duplicate(usize),
    /// Too long, or too many tokens at once.
    #[error("there is more than can be imported at once")]
    TooLarge,
    /// Not an `otpauth` URI.
    #[error("this is not an otpauth URI")]
    Uri,
    /// The URI has one parameter twice.
    #[error("{0} is given twice")]
    Repeated(&'static str),
}

/// The parameters of `POST /admin/v1/tokens`, as sent. Empty counts as absent.
#[derive(Clone, Copy, Default)]
pub struct TokenForm<'a> {
    /// `type`: h6, h8, t6, t8 or yk.
    pub kind: &'a str,
    /// `serial`.
    pub serial: &'a str,
    /// `secret`: hexadecimal; HOTP and TOTP.
    pub secret: Option<&'a str>,
    /// `counter`: HOTP; 0 if absent.
    pub counter: Option<&'a str>,
    /// `totp_step` in seconds: TOTP; 30 if absent.
    pub totp_step: Option<&'a str>,
    /// `private_id`: 12 hexadecimal digits; YubiKey.
    pub private_id: Option<&'a str>,
    /// `aes_key`: 32 hexadecimal digits; YubiKey.
    pub aes_key: Option<&'a str>,
}

impl TokenForm<'_> {
    /// Checks all of it. What does not belong to the type is ignored, as Duo's clients send defaults along.
    pub fn parse(&self) -> Result<NewToken, ImportError> {
        let kind: OtpKind = self.kind.parse()?;
        match kind {
            OtpKind::H6 | OtpKind::H8 | OtpKind::T6 | OtpKind::T8 | OtpKind::Yk => {}
            OtpKind::MobileHotp | OtpKind::MobileTotp => return Err(OtpParamError::Kind.into()),
        }
        let serial = TokenSerial::parse(self.serial)?;
        match kind.scheme() {
            OtpScheme::Hotp(_) => {
                let secret = seed(required(self.secret, "secret")?, SecretEncoding::Hex)?;
                new_hotp(kind, serial, secret, given(self.counter))
            }
            OtpScheme::Totp(_) => {
                let secret = seed(required(self.secret, "secret")?, SecretEncoding::Hex)?;
                new_totp(kind, serial, secret, given(self.totp_step))
            }
            OtpScheme::Yubico => {
                let private_id = required(self.private_id, "private_id")?;
                new_yubico(serial, private_id, required(self.aes_key, "aes_key")?)
            }
        }
    }
}

fn given(field: Option<&str>) -> Option<&str> {
    field.map(str::trim).filter(|field| !field.is_empty())
}

fn required<'a>(field: Option<&'a str>, name: &'static str) -> Result<&'a str, ImportError> {
    given(field).ok_or(ImportError::Missing(name))
}

fn new_hotp(kind: OtpKind, serial: TokenSerial, key: OtpKey, counter: Option<&str>) -> Result<NewToken, ImportError> {
    let counter = counter.map_or(Ok(0), |counter| number(counter, "the counter"))?;
    let record = OtpRecord::fresh(kind, counter).map_err(|_| ImportError::Number("the counter"))?;
    Ok(NewToken { serial, params: OtpParams::new(kind), secret: OtpSecret::Seed(key), record })
}

fn new_totp(kind: OtpKind, serial: TokenSerial, key: OtpKey, step: Option<&str>) -> Result<NewToken, ImportError> {
    let step = step.map_or(Ok(TimeStep::default()), time_step)?;
    let params = OtpParams { step, ..OtpParams::new(kind) };
    let record = fresh(kind)?;
    Ok(NewToken { serial, params, secret: OtpSecret::Seed(key), record })
}

fn new_yubico(serial: TokenSerial, private_id: &str, aes_key: &str) -> Result<NewToken, ImportError> {
    let private_id = hex_array(private_id).ok_or(ImportError::PrivateId)?;
    let aes_key = hex_array(aes_key).ok_or(ImportError::AesKey)?;
    let secret = OtpSecret::Yubico(YubicoSecret::new(private_id, aes_key));
    let record = fresh(OtpKind::Yk)?;
    Ok(NewToken { serial, params: OtpParams::new(OtpKind::Yk), secret, record })
}

fn fresh(kind: OtpKind) -> Result<OtpRecord, ImportError> {
    OtpRecord::fresh(kind, 0).map_err(|_| ImportError::Number("the counter"))
}

/// Digits only: `u64`'s own parser takes a plus sign.
fn number(text: &str, name: &'static str) -> Result<u64, ImportError> {
    let digits = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| digits).ok_or(ImportError::Number(name))
}

fn time_step(text: &str) -> Result<TimeStep, ImportError> {
    let secs = u32::try_from(number(text, "the time step")?).map_err(|_| OtpParamError::TimeStep)?;
    Ok(TimeStep::from_secs(secs)?)
}

fn hex_array<const N: usize>(text: &str) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    let bytes = Zeroizing::new(HEXLOWER_PERMISSIVE.decode(text.as_bytes()).ok()?);
    bytes.as_slice().try_into().ok()
}

fn seed(text: &str, encoding: SecretEncoding) -> Result<OtpKey, ImportError> {
    // Longer than any 128 bytes can be in base32 with a space after every four characters.
    if text.len() > 512 {
        return Err(ImportError::SecretLength);
    }
    let mut compact = Zeroizing::new(String::with_capacity(text.len()));
    compact.extend(text.chars().filter(|c| !c.is_ascii_whitespace() && *c != '-'));
    let bytes = match encoding {
        SecretEncoding::Hex => {
            HEXLOWER_PERMISSIVE.decode(compact.as_bytes()).map_err(|_| ImportError::SecretEncoding("hexadecimal"))?
        }
        SecretEncoding::Base32 => {
            compact.make_ascii_uppercase();
            BASE32_NOPAD
                .decode(compact.trim_end_matches('=').as_bytes())
                .map_err(|_| ImportError::SecretEncoding("base32"))?
        }
    };
    OtpKey::new(Zeroizing::new(bytes)).ok_or(ImportError::SecretLength)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "3132333435363738393031323334353637383930";

    #[test]
    fn the_admin_api_form_of_each_type() {
        for (kind, counter) in [("h6", 7), ("h8", 7), ("t6", 0), ("t8", 0)] {
            let form = TokenForm {
                kind,
                serial: " 42 ",
                secret: Some(HEX),
                counter: Some("7"),
                totp_step: Some("60"),
                ..TokenForm::default()
            };
            let token = form.parse().unwrap();
            assert_eq!(token.serial.as_str(), "42");
            assert_eq!(*token.secret.to_bytes(), b"12345678901234567890");
            assert_eq!(token.record.counter, counter);
            assert_eq!(token.params.step.as_secs(), if kind.starts_with('t') { 60 } else { 30 });
        }
        let yubikey = TokenForm {
            kind: "yk",
            serial: "1",
            private_id: Some("8792EBfe26cc"),
            aes_key: Some("ecde18dbe76fbd0c33330f1c354871db"),
            ..TokenForm::default()
        };
        assert_eq!(yubikey.parse().unwrap().secret.to_bytes().len(), 22);
    }

    #[test]
    fn the_form_says_what_is_wrong() {
        let good = TokenForm { kind: "h6", serial: "1", secret: Some(HEX), ..TokenForm::default() };
        let yubikey = TokenForm { kind: "yk", serial: "1", private_id: Some("8792ebfe26cc"), ..TokenForm::default() };
        let long = "x".repeat(129);
        for (form, expected) in [
            (TokenForm { kind: "d1", ..good }, ImportError::Param(OtpParamError::Kind)),
            (TokenForm { kind: "mh", ..good }, ImportError::Param(OtpParamError::Kind)),
            (TokenForm { serial: " ", ..good }, ImportError::Serial),
            (TokenForm { serial: "a\nb", ..good }, ImportError::Serial),
            (TokenForm { serial: &long, ..good }, ImportError::Serial),
            (TokenForm { secret: None, ..good }, ImportError::Missing("secret")),
            (TokenForm { secret: Some("xyz"), ..good }, ImportError::SecretEncoding("hexadecimal")),
            (TokenForm { secret: Some("00ff"), ..good }, ImportError::SecretLength),
            (TokenForm { counter: Some("-1"), ..good }, ImportError::Number("the counter")),
            (TokenForm { counter: Some("+1"), ..good }, ImportError::Number("the counter")),
            (TokenForm { counter: Some("18446744073709551615"), ..good }, ImportError::Number("the counter")),
            (TokenForm { kind: "t6", totp_step: Some("5"), ..good }, ImportError::Param(OtpParamError::TimeStep)),
            (yubikey, ImportError::Missing("aes_key")),
            (TokenForm { aes_key: Some("00"), ..yubikey }, ImportError::AesKey),
            (TokenForm { private_id: Some("8792ebfe26c"), aes_key: Some("00"), ..yubikey }, ImportError::PrivateId),
        ] {
            assert_eq!(form.parse().unwrap_err(), expected);
        }
    }

    proptest! {
        #[test]
        fn any_form(kind in "h6|t8|yk|.{0,3}", serial in ".{0,140}", field in prop::option::of("[0-9a-f]{0,40}|.{0,20}")) {
            let field = field.as_deref();
            let form = TokenForm {
                kind: &kind, serial: &serial, secret: field, counter: field, totp_step: field, private_id: field,
                aes_key: field,
            };
            let _ = form.parse();
        }
    }
}
