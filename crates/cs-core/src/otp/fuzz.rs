//! Entry points for fuzzers: everything here takes arbitrary bytes and must neither panic nor take long.

use super::{OtpKind, SecretEncoding, TypedPasscode, parse_csv, parse_otpauth};

/// A typed passcode.
pub fn typed_passcode(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let _ = TypedPasscode::parse(text).map(|typed| typed.yubico_block());
    }
}

/// A CSV import of every kind of token.
pub fn csv_import(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        for kind in OtpKind::ALL {
            let _ = parse_csv(kind, SecretEncoding::Hex, text);
            let _ = parse_csv(kind, SecretEncoding::Base32, text);
        }
    }
}

/// An `otpauth` URI.
pub fn otpauth_import(data: &[u8]) {
    if let Ok(text) = str::from_utf8(data) {
        let _ = parse_otpauth(text);
    }
}
