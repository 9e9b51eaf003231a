//! CSV files of tokens: no header, one token a line, one type for the whole file.

use std::collections::HashMap;

use super::{ImportError, NewToken, SecretEncoding, TokenSerial, given, new_hotp, new_totp, new_yubico, seed};
use crate::otp::{OtpKind, OtpScheme};

/// How many tokens one file may hold.
pub const MAX_IMPORT_TOKENS: usize = 10_000;
const MAX_BYTES: usize = 8 << 20;
/// After so many the person has got the point.
const MAX_ERRORS: usize = 100;

/// What is wrong with one line of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LineError {
    /// From 1; 0 for the file as a whole.
    pub line: usize,
    /// What is wrong.
    pub error: ImportError,
}

/// Reads a file of tokens of one kind: HOTP `serial,secret[,counter]`, TOTP `serial,secret[,interval]`, YubiKey
/// `serial,private identity,AES key` (or the last two exchanged: they differ in length).
///
/// All lines or none: with any error nothing is returned but the errors, the first hundred of them. Fields may be
/// quoted, blank lines are skipped.
pub fn parse_csv(kind: OtpKind, encoding: SecretEncoding, text: &str) -> Result<Vec<NewToken>, Vec<LineError>> {
    if text.len() > MAX_BYTES {
        return Err(vec![LineError { line: 0, error: ImportError::TooLarge }]);
    }
    let mut tokens = Vec::new();
    let mut errors = Vec::new();
    let mut lines_by_serial: HashMap<TokenSerial, usize> = HashMap::new();
    let text = text.strip_prefix('\u{feff}').unwrap_or(text);
    for (line, fields) in (1..).zip(text.lines()) {
        if fields.trim().is_empty() {
            continue;
        }
        let error = match parse_line(kind, encoding, fields) {
            Err(error) => error,
            Ok(_) if tokens.len() == MAX_IMPORT_TOKENS => ImportError::TooLarge,
            Ok(token) => match lines_by_serial.insert(token.serial.clone(), line) {
                Some(earlier) => ImportError::Duplicate(earlier),
                None => {
                    tokens.push(token);
                    continue;
                }
            },
        };
        errors.push(LineError { line, error });
        if errors.len() == MAX_ERRORS {
            break;
        }
    }
    if errors.is_empty() { Ok(tokens) } else { Err(errors) }
}

fn parse_line(kind: OtpKind, encoding: SecretEncoding, line: &str) -> Result<NewToken, ImportError> {
    // One more than any line may have, so that the rest is not split for nothing.
    let fields: Vec<&str> = line.splitn(4, ',').map(unquoted).collect();
    let (serial, secret, rest) = match fields.as_slice() {
        [serial, secret] => (*serial, *secret, None),
        [serial, secret, rest] => (*serial, *secret, given(Some(rest))),
        _ => return Err(ImportError::Fields),
    };
    let serial = TokenSerial::parse(serial)?;
    match kind.scheme() {
        OtpScheme::Hotp(_) => new_hotp(kind, serial, seed(secret, encoding)?, rest),
        OtpScheme::Totp(_) => new_totp(kind, serial, seed(secret, encoding)?, rest),
        OtpScheme::Yubico => {
            let rest = rest.ok_or(ImportError::Fields)?;
            let (private_id, aes_key) = if secret.len() > rest.len() { (rest, secret) } else { (secret, rest) };
            new_yubico(serial, private_id, aes_key)
        }
    }
}

fn unquoted(field: &str) -> &str {
    let field = field.trim();
    field.strip_prefix('"').and_then(|field| field.strip_suffix('"')).unwrap_or(field).trim()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const HEX: &str = "3132333435363738393031323334353637383930";

    #[test]
    fn reads_each_kind() {
        let text = format!("\u{feff}1,{HEX}\r\n\r\n\"2\", \"{HEX}\" ,40\n3,{HEX},\n");
        let tokens = parse_csv(OtpKind::H6, SecretEncoding::Hex, &text).unwrap();
        let read: Vec<_> = tokens.iter().map(|token| (token.serial.as_str(), token.record.counter)).collect();
        assert_eq!(read, [("1", 0), ("2", 40), ("3", 0)]);

        let tokens = parse_csv(OtpKind::T8, SecretEncoding::Base32, "7,gezdgnbv gy3tqojq,60").unwrap();
        assert_eq!(tokens[0].params.step.as_secs(), 60);
        assert_eq!(*tokens[0].secret.to_bytes(), b"1234567890");

        let key = "ecde18dbe76fbd0c33330f1c354871db";
        let text = format!("1,8792ebfe26cc,{key}\n2,{key},8792ebfe26cc\n");
        let tokens = parse_csv(OtpKind::Yk, SecretEncoding::Hex, &text).unwrap();
        assert_eq!(tokens[0].secret.to_bytes(), tokens[1].secret.to_bytes());
    }

    #[test]
    fn one_bad_line_and_nothing_is_imported() {
        let text = format!("1,{HEX}\n2,xyz\n\n3\n1,{HEX}\n4,{HEX},x\n5,{HEX},1,2");
        let errors = parse_csv(OtpKind::H6, SecretEncoding::Hex, &text).unwrap_err();
        let errors: Vec<_> = errors.into_iter().map(|error| (error.line, error.error)).collect();
        assert_eq!(
            errors,
            [
                (2, ImportError::SecretEncoding("hexadecimal")),
                (4, ImportError::Fields),
                (5, ImportError::Duplicate(1)),
                (6, ImportError::Number("the counter")),
                (7, ImportError::Fields),
            ]
        );
    }

    #[test]
    fn files_are_bounded() {
        let errors = parse_csv(OtpKind::H6, SecretEncoding::Hex, &"x\n".repeat(5000)).unwrap_err();
        assert_eq!(errors.len(), MAX_ERRORS);
        let huge = "x".repeat(MAX_BYTES + 1);
        let errors = parse_csv(OtpKind::H6, SecretEncoding::Hex, &huge).unwrap_err();
        assert_eq!(errors, [LineError { line: 0, error: ImportError::TooLarge }]);
        let many: String = (0..=MAX_IMPORT_TOKENS).map(|serial| format!("{serial},{HEX}\n")).collect();
        let errors = parse_csv(OtpKind::H6, SecretEncoding::Hex, &many).unwrap_err();
        assert_eq!(errors, [LineError { line: MAX_IMPORT_TOKENS + 1, error: ImportError::TooLarge }]);
    }

    proptest! {
        #[test]
        fn any_file(kind in 0usize..7, text in "([0-9a-f\",]{0,60}\r?\n|.{0,20}){0,8}") {
            let _ = parse_csv(OtpKind::ALL[kind], SecretEncoding::Hex, &text);
            let _ = parse_csv(OtpKind::ALL[kind], SecretEncoding::Base32, &text);
        }
    }
}
