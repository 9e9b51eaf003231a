//! Compact JWS (RFC 7515) with ES256, in the one shape the protocol allows.
//!
//! The header has exactly `alg`, `typ` and `kid`. What has been parsed but not verified gives out
//! nothing but its key id: the payload's type exists only behind a checked signature.

use std::marker::PhantomData;

use data_encoding::BASE64URL_NOPAD;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

use super::bytes::FixedBytes;
use super::key::{DeviceKey, DevicePublicKey, InvalidKey};

/// The longest key id: a device id has 20 characters, a thumbprint 43.
const MAX_KID_BYTES: usize = 64;

/// The `typ` of a JWS: what is being signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub enum Typ {
    /// An activation.
    #[serde(rename = "cs-activate+jwt")]
    Activate,
    /// One HTTP request.
    #[serde(rename = "cs-request+jwt")]
    Request,
    /// The answer to one login request.
    #[serde(rename = "cs-answer+jwt")]
    Answer,
    /// What a proxy may check codes with during an outage; signed by the server.
    #[serde(rename = "cs-outage+jwt")]
    Outage,
    /// An Owner's leave to do without the second factor; signed by the server.
    #[serde(rename = "cs-emergency+jwt")]
    Emergency,
}

/// What a device signs. The `typ` belongs to the type, so that one kind never passes for another.
pub trait Payload: Serialize + DeserializeOwned {
    /// The header's `typ`.
    const TYP: Typ;
    /// The longest whole JWS that is looked at, in bytes.
    const MAX_JWS_BYTES: usize;
}

/// Why a JWS is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum JwsError {
    /// Not three base64url parts of reasonable length, or a header other than the protocol's.
    #[error("not a JWS of this protocol")]
    Malformed,
    /// Signed for another purpose.
    #[error("signed for another purpose")]
    WrongTyp,
    /// The signature is not the key's.
    #[error("the signature does not match")]
    BadSignature,
    /// Correctly signed, but the payload is not what its `typ` says.
    #[error("the signed payload is not what its type says")]
    BadPayload,
}

/// A well-formed JWS whose signature nobody has checked yet.
#[derive(Debug, Clone)]
pub struct UnverifiedJws<'a, P> {
    signing_input: &'a str,
    payload: &'a str,
    kid: String,
    signature: FixedBytes<64>,
    is_for: PhantomData<P>,
}

/// A JWS whose signature was checked with `kid`'s key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedJws<P> {
    /// The header's key id. Whether it names the key that was used is the caller's to see to,
    /// as is all that the payload claims.
    pub kid: String,
    /// What was signed.
    pub payload: P,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    alg: Alg,
    typ: Typ,
    kid: String,
}

#[derive(Serialize, Deserialize)]
enum Alg {
    #[serde(rename = "ES256")]
    Es256,
}

/// Signs `payload` with `key`, giving the compact form. `kid` is the device id or, before there is
/// one, the key's thumbprint.
pub fn sign<P: Payload>(payload: &P, kid: &str, key: &DeviceKey) -> Result<String, InvalidKey> {
    let header = Header { alg: Alg::Es256, typ: P::TYP, kid: kid.to_owned() };
    // Both are plain data with string keys: serialisation has nothing to fail on.
    let header = serde_json::to_vec(&header).map_err(|_| InvalidKey)?;
    let payload = serde_json::to_vec(payload).map_err(|_| InvalidKey)?;
    let mut text = BASE64URL_NOPAD.encode(&header);
    text.push('.');
    BASE64URL_NOPAD.encode_append(&payload, &mut text);
    let signature = key.sign(text.as_bytes())?;
    text.push('.');
    BASE64URL_NOPAD.encode_append(&signature, &mut text);
    Ok(text)
}

impl<'a, P: Payload> UnverifiedJws<'a, P> {
    /// Splits and checks the form, the header and the `typ`; not the signature.
    pub fn parse(text: &'a str) -> Result<Self, JwsError> {
        if text.len() > P::MAX_JWS_BYTES {
            return Err(JwsError::Malformed);
        }
        let (signing_input, signature) = text.rsplit_once('.').ok_or(JwsError::Malformed)?;
        let (header, payload) = signing_input.split_once('.').ok_or(JwsError::Malformed)?;
        if payload.contains('.') {
            return Err(JwsError::Malformed);
        }
        let signature = signature.parse().map_err(|_| JwsError::Malformed)?;
        let header: Header = from_base64url(header).ok_or(JwsError::Malformed)?;
        if header.kid.is_empty()
            || header.kid.len() > MAX_KID_BYTES
            || !header.kid.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-' || b == b'_')
        {
            return Err(JwsError::Malformed);
        }
        if header.typ != P::TYP {
            return Err(JwsError::WrongTyp);
        }
        Ok(Self { signing_input, payload, kid: header.kid, signature, is_for: PhantomData })
    }

    /// The key id the sender claims: good for looking up a key, proof of nothing.
    pub fn claimed_kid(&self) -> &str {
        &self.kid
    }

    /// Checks the signature with `key` and only then reads the payload.
    pub fn verify(self, key: &DevicePublicKey) -> Result<VerifiedJws<P>, JwsError> {
        if !key.is_signed(self.signing_input.as_bytes(), self.signature.as_bytes()) {
            return Err(JwsError::BadSignature);
        }
        let payload = from_base64url(self.payload).ok_or(JwsError::BadPayload)?;
        Ok(VerifiedJws { kid: self.kid, payload })
    }
}

fn from_base64url<T: DeserializeOwned>(text: &str) -> Option<T> {
    let json = BASE64URL_NOPAD.decode(text.as_bytes()).ok()?;
    if json.first() != Some(&b'{') {
        return None; // serde would also read a struct from an array
    }
    serde_json::from_slice(&json).ok()
}

#[cfg(test)]
mod tests {
    use super::super::messages::{ProtocolVersion, RequestPayload};
    use super::*;
    use crate::device::{ActivatePayload, Digest};

    fn payload() -> RequestPayload {
        RequestPayload {
            v: ProtocolVersion::V1,
            aud: "https://auth.example.org".into(),
            htm: "GET".into(),
            htu: "/authenticator/v1/requests".into(),
            iat: 1_790_000_000,
            jti: FixedBytes([1; 16]),
            bsha: Digest::of(b""),
        }
    }

    fn parse(text: &str) -> Result<UnverifiedJws<'_, RequestPayload>, JwsError> {
        UnverifiedJws::parse(text)
    }

    /// Signs any header and payload text: what an attacker with a key can do.
    fn forge(key: &DeviceKey, header: &str, payload: &str) -> String {
        let input =
            format!("{}.{}", BASE64URL_NOPAD.encode(header.as_bytes()), BASE64URL_NOPAD.encode(payload.as_bytes()));
        let signature = key.sign(input.as_bytes()).unwrap();
        format!("{input}.{}", BASE64URL_NOPAD.encode(&signature))
    }

    #[test]
    fn signed_is_verified_and_names_its_key() {
        let key = DeviceKey::generate().unwrap();
        let text = sign(&payload(), "DPAAAAAAAAAAAAAAAAAA", &key).unwrap();
        let jws = parse(&text).unwrap();
        assert_eq!(jws.claimed_kid(), "DPAAAAAAAAAAAAAAAAAA");
        let verified = jws.verify(key.public()).unwrap();
        assert_eq!(verified.payload, payload());
    }

    #[test]
    fn another_key_or_any_changed_character_is_refused() {
        let key = DeviceKey::generate().unwrap();
        let text = sign(&payload(), "DP1", &key).unwrap();
        let other = DeviceKey::generate().unwrap();
        let refused = parse(&text).unwrap().verify(other.public());
        assert_eq!(refused.unwrap_err(), JwsError::BadSignature);
        for i in 0..text.len() {
            let mut changed = text.clone().into_bytes();
            changed[i] = if changed[i] == b'A' { b'B' } else { b'A' };
            let changed = String::from_utf8(changed).unwrap();
            assert!(parse(&changed).and_then(|jws| jws.verify(key.public())).is_err(), "character {i} does not matter");
        }
    }

    #[test]
    fn one_kind_does_not_pass_for_another() {
        let key = DeviceKey::generate().unwrap();
        let text = sign(&payload(), "DP1", &key).unwrap();
        let as_activation = UnverifiedJws::<ActivatePayload>::parse(&text);
        assert_eq!(as_activation.unwrap_err(), JwsError::WrongTyp);
    }

    #[test]
    fn the_header_is_exactly_alg_typ_kid() {
        let key = DeviceKey::generate().unwrap();
        let body = serde_json::to_string(&payload()).unwrap();
        let good = r#"{"kid":"DP1","typ":"cs-request+jwt","alg":"ES256"}"#;
        assert!(parse(&forge(&key, good, &body)).is_ok(), "order is free");
        let long = "A".repeat(65);
        for bad in [
            r#"{"alg":"none","typ":"cs-request+jwt","kid":"DP1"}"#,
            r#"{"alg":"HS256","typ":"cs-request+jwt","kid":"DP1"}"#,
            r#"{"alg":"ES256","typ":"cs-request+jwt"}"#,
            r#"{"alg":"ES256","kid":"DP1"}"#,
            r#"{"alg":"ES256","typ":"JWT","kid":"DP1"}"#,
            r#"{"alg":"ES256","typ":"cs-request+jwt","kid":""}"#,
            r#"{"alg":"ES256","typ":"cs-request+jwt","kid":"../x"}"#,
            r#"{"alg":"ES256","typ":"cs-request+jwt","kid":"DP1","crit":[]}"#,
            r#"{"alg":"ES256","typ":"cs-request+jwt","kid":"DP1","jwk":{}}"#,
            r#"{"alg":"ES256","alg":"ES256","typ":"cs-request+jwt","kid":"DP1"}"#,
            r#"{"alg":"ES256","typ":"cs-request+jwt","kid":"DP1"} x"#,
            r#"["ES256","cs-request+jwt","DP1"]"#,
            "",
            &format!(r#"{{"alg":"ES256","typ":"cs-request+jwt","kid":"{long}"}}"#),
        ] {
            let text = forge(&key, bad, &body);
            let refused = parse(&text);
            assert_eq!(refused.unwrap_err(), JwsError::Malformed, "{bad}");
        }
    }

    #[test]
    fn a_signed_payload_of_another_shape_is_refused() {
        let key = DeviceKey::generate().unwrap();
        let header = r#"{"alg":"ES256","typ":"cs-request+jwt","kid":"DP1"}"#;
        let body = serde_json::to_string(&payload()).unwrap();
        for bad in [
            "{}".to_owned(),
            body.replace("\"v\":1", "\"v\":2"),
            body.replace("\"v\":1", "\"v\":1,\"v\":1"),
            body.replace("\"v\":1", "\"v\":1,\"exp\":1"),
            body.replace("1790000000", "\"1790000000\""),
            format!("{body} {{}}"),
        ] {
            let text = forge(&key, header, &bad);
            let refused = parse(&text).unwrap().verify(key.public());
            assert_eq!(refused.unwrap_err(), JwsError::BadPayload, "{bad}");
        }
    }

    #[test]
    fn shape_errors_are_malformed() {
        let long = "A".repeat(RequestPayload::MAX_JWS_BYTES + 1);
        for bad in ["", ".", "..", "...", "a.b", "a.b.c", "a.b.c.d", "e30.e30.", &long] {
            assert_eq!(parse(bad).unwrap_err(), JwsError::Malformed, "{bad}");
        }
    }
}
