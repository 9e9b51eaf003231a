//! Compact JWTs (RFC 7519) signed with HMAC-SHA512 under the client secret. Nothing else is ever accepted: no other algorithm, no `none`, no critical header.

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Map, Value};

use super::claims::Claims;
use crate::json::parse_strict;

/// The longest JWT that is looked at, in bytes. A request object is the longest: redirect URI, state and user name.
pub const MAX_JWT_BYTES: usize = 16 * 1024;

const ALGORITHM: &str = "HS512";
const HEADER: &[u8] = br#"{"alg":"HS512","typ":"JWT"}"#;

/// Why a JWT is not one of the client's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwtError {
    /// Not three base64url parts with JSON objects in the first two, or too long.
    #[error("not a JWT")]
    Malformed,
    /// Another algorithm than HS512, or a header that demands what we do not know.
    #[error("not signed with HS512")]
    WrongAlgorithm,
    /// Somebody else's, or altered.
    #[error("the signature does not match")]
    BadSignature,
}

/// A JWT whose signature nobody has checked yet.
#[derive(Debug, Clone)]
pub(super) struct UnverifiedJwt {
    signing_input: String,
    signature: Vec<u8>,
    claims: Map<String, Value>,
}

impl UnverifiedJwt {
    /// Splits it and checks its form and header, not its signature.
    pub(super) fn parse(text: &str) -> Result<Self, JwtError> {
        if text.len() > MAX_JWT_BYTES {
            return Err(JwtError::Malformed);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(JwtError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwtError::Malformed)?;
        if payload.contains('.') {
            return Err(JwtError::Malformed);
        }
        let header = object(header)?;
        if header.get("alg").and_then(Value::as_str) != Some(ALGORITHM) || header.contains_key("crit") {
            return Err(JwtError::WrongAlgorithm);
        }
        let signature = BASE64URL_NOPAD.decode(signature.as_bytes()).map_err(|_| JwtError::Malformed)?;
        Ok(Self { signing_input: signing_input.to_owned(), signature, claims: object(payload)? })
    }

    /// A claim that nobody vouches for: good for looking up a key, proof of nothing.
    pub(super) fn claimed(&self, name: &str) -> Option<&str> {
        self.claims.get(name).and_then(Value::as_str)
    }

    /// Whether `secret` has signed it, in constant time.
    pub(super) fn is_signed_with(&self, secret: &[u8]) -> bool {
        let key = hmac::Key::new(hmac::HMAC_SHA512, secret);
        // An empty secret is no secret.
        !secret.is_empty() && hmac::verify(&key, self.signing_input.as_bytes(), &self.signature).is_ok()
    }

    /// Checks the signature and only then gives out what was signed.
    pub(super) fn verify(self, secret: &[u8]) -> Result<Claims, JwtError> {
        if self.is_signed_with(secret) { Ok(Claims(self.claims)) } else { Err(JwtError::BadSignature) }
    }
}

/// Signs `claims`, which is a JSON object's text.
pub(super) fn sign(claims: &[u8], secret: &[u8]) -> String {
    let mut text = BASE64URL_NOPAD.encode(HEADER);
    text.push('.');
    BASE64URL_NOPAD.encode_append(claims, &mut text);
    let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA512, secret), text.as_bytes());
    text.push('.');
    BASE64URL_NOPAD.encode_append(tag.as_ref(), &mut text);
    text
}

fn object(part: &str) -> Result<Map<String, Value>, JwtError> {
    let bytes = BASE64URL_NOPAD.decode(part.as_bytes()).map_err(|_| JwtError::Malformed)?;
    match parse_strict(&bytes) {
        Ok(Value::Object(members)) => Ok(members),
        Ok(_) | Err(_) => Err(JwtError::Malformed),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECRET: &[u8] = b"a client secret of forty characters long";

    #[test]
    fn what_is_signed_verifies_under_its_secret_alone() {
        let text = sign(br#"{"iss":"x"}"#, SECRET);
        assert_eq!(UnverifiedJwt::parse(&text).unwrap().claimed("iss"), Some("x"));
        assert!(UnverifiedJwt::parse(&text).unwrap().verify(SECRET).is_ok());
        for wrong in [&SECRET[..39], b"another secret that has forty characters", b""] {
            let error = UnverifiedJwt::parse(&text).unwrap().verify(wrong).unwrap_err();
            assert_eq!(error, JwtError::BadSignature);
        }
    }

    /// RFC 7515, appendix A.1 is for HS256; this one was made with Python's `hmac`: `{"a":1}` under 40 times `k`.
    #[test]
    fn another_librarys_jwt_verifies() {
        let text = concat!(
            "eyJhbGciOiJIUzUxMiIsInR5cCI6IkpXVCJ9.eyJhIjoxfQ.",
            "u1wPIq1YtGouZNEu4qvjn9rbgztm2Qf_S-lAWY2yRLGKk7O6AFRdS0yH1DbOTxnVXUM6PnEpCAYYSCtxMBlpTQ"
        );
        assert!(UnverifiedJwt::parse(text).unwrap().verify("k".repeat(40).as_bytes()).is_ok());
    }

    #[test]
    fn every_other_algorithm_and_critical_header_is_refused() {
        let tag = |algorithm, text: &str| hmac::sign(&hmac::Key::new(algorithm, SECRET), text.as_bytes());
        for (header, error) in [
            (r#"{"alg":"none"}"#, JwtError::WrongAlgorithm),
            (r#"{"alg":"None","typ":"JWT"}"#, JwtError::WrongAlgorithm),
            (r#"{"alg":"HS256","typ":"JWT"}"#, JwtError::WrongAlgorithm),
            (r#"{"alg":"hs512"}"#, JwtError::WrongAlgorithm),
            (r#"{"alg":"RS512"}"#, JwtError::WrongAlgorithm),
            (r#"{"alg":["HS512"]}"#, JwtError::WrongAlgorithm),
            (r#"{"typ":"JWT"}"#, JwtError::WrongAlgorithm),
            (r#"{"alg":"HS512","crit":["b64"],"b64":false}"#, JwtError::WrongAlgorithm),
            (r#"{"alg":"none","alg":"HS512"}"#, JwtError::Malformed),
            (r#"["HS512"]"#, JwtError::Malformed),
        ] {
            let input = format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(b"{}"));
            for algorithm in [hmac::HMAC_SHA256, hmac::HMAC_SHA512] {
                let text = format!("{input}.{}", BASE64URL_NOPAD.encode(tag(algorithm, &input).as_ref()));
                assert_eq!(UnverifiedJwt::parse(&text).unwrap_err(), error, "{header}");
            }
        }
        let unsigned = format!("{}.{}.", BASE64URL_NOPAD.encode(HEADER), BASE64URL_NOPAD.encode(b"{}"));
        assert_eq!(UnverifiedJwt::parse(&unsigned).unwrap().verify(SECRET).unwrap_err(), JwtError::BadSignature);
    }

    #[test]
    fn what_is_no_jwt_is_malformed() {
        let good = sign(b"{}", SECRET);
        for text in ["", ".", "..", "a.b", "a.b.c", &format!("{good}.x"), &format!("{good}="), &"a".repeat(20_000)] {
            assert_eq!(UnverifiedJwt::parse(text).unwrap_err(), JwtError::Malformed, "{text}");
        }
        for payload in [&b"[]"[..], b"1", b"", br#"{"a":1,"a":2}"#, b"\xff"] {
            assert_eq!(UnverifiedJwt::parse(&sign(payload, SECRET)).unwrap_err(), JwtError::Malformed);
        }
    }
}
