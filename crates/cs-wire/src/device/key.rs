//! An authenticator's P-256 key pair: private half, public half, JWK and thumbprint.

use std::fmt;
use std::sync::Arc;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{
    ECDSA_P256_SHA256_FIXED, ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair, ParsedPublicKey,
};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::bytes::{Digest, FixedBytes};

/// The key is not a usable P-256 key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a usable P-256 key")]
pub struct InvalidKey;

/// A P-256 public key as a JSON Web Key (RFC 7517), with exactly these four members.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Jwk {
    kty: Kty,
    crv: Crv,
    x: FixedBytes<32>,
    y: FixedBytes<32>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Kty {
    #[serde(rename = "EC")]
    Ec,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
enum Crv {
    #[serde(rename = "P-256")]
    P256,
}

impl Jwk {
    /// The RFC 7638 thumbprint: SHA-256 over the members in lexical order.
    pub fn thumbprint(&self) -> Digest {
        let canonical = format!(r#"{{"crv":"P-256","kty":"EC","x":"{}","y":"{}"}}"#, self.x, self.y);
        Digest::of(canonical.as_bytes())
    }
}

/// The public half of a device's key: a point on P-256, checked to be one.
#[derive(Clone)]
pub struct DevicePublicKey {
    parsed: Arc<ParsedPublicKey>,
    jwk: Jwk,
}

impl DevicePublicKey {
    /// Checks that the JWK's coordinates are a point of the curve.
    pub fn from_jwk(jwk: &Jwk) -> Result<Self, InvalidKey> {
        let mut point = [4; 65]; // SEC 1, section 2.3.3: 04 ‖ x ‖ y
        point[1..33].copy_from_slice(jwk.x.as_bytes());
        point[33..].copy_from_slice(jwk.y.as_bytes());
        let parsed = ParsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, point).map_err(|_| InvalidKey)?;
        Ok(Self { parsed: Arc::new(parsed), jwk: jwk.clone() })
    }

    /// The key as the protocol writes it; also the form to store.
    pub const fn jwk(&self) -> &Jwk {
        &self.jwk
    }

    /// The RFC 7638 thumbprint.
    pub fn thumbprint(&self) -> Digest {
        self.jwk.thumbprint()
    }

    /// Whether `signature` (r ‖ s, RFC 7518 section 3.4) is this key's signature of `message`.
    #[must_use]
    pub fn is_signed(&self, message: &[u8], signature: &[u8; 64]) -> bool {
        self.parsed.verify_sig(message, signature).is_ok()
    }
}

impl fmt::Debug for DevicePublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DevicePublicKey({})", self.thumbprint())
    }
}

impl PartialEq for DevicePublicKey {
    fn eq(&self, other: &Self) -> bool {
        self.jwk == other.jwk
    }
}

impl Eq for DevicePublicKey {}

/// A device's private key. Not `Clone`, never printed; it leaves only through [`Self::expose_pkcs8`].
pub struct DeviceKey {
    pair: EcdsaKeyPair,
    public: DevicePublicKey,
}

impl DeviceKey {
    /// A new key, from the cryptographic library's own generator.
    ///
    /// ECDSA signatures need that generator too, so passing randomness in here would not make
    /// anything reproducible.
    pub fn generate() -> Result<Self, InvalidKey> {
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map_err(|_| InvalidKey)?;
        Self::from_pair(pair)
    }

    /// Reads an unencrypted PKCS#8 document in DER (RFC 5208).
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, InvalidKey> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der).map_err(|_| InvalidKey)?;
        Self::from_pair(pair)
    }

    fn from_pair(pair: EcdsaKeyPair) -> Result<Self, InvalidKey> {
        let point: &[u8; 65] = pair.public_key().as_ref().try_into().map_err(|_| InvalidKey)?;
        let mut jwk = Jwk { kty: Kty::Ec, crv: Crv::P256, x: FixedBytes([0; 32]), y: FixedBytes([0; 32]) };
        jwk.x.0.copy_from_slice(&point[1..33]);
        jwk.y.0.copy_from_slice(&point[33..]);
        let public = DevicePublicKey::from_jwk(&jwk)?;
        Ok(Self { pair, public })
    }

    /// The private key as unencrypted PKCS#8 in DER, for the file it is kept in.
    pub fn expose_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, InvalidKey> {
        let document = self.pair.to_pkcs8v1().map_err(|_| InvalidKey)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The public half.
    pub const fn public(&self) -> &DevicePublicKey {
        &self.public
    }

    /// The ES256 signature of `message`: r ‖ s, 64 bytes.
    pub fn sign(&self, message: &[u8]) -> Result<[u8; 64], InvalidKey> {
        let signature = self.pair.sign(&SystemRandom::new(), message).map_err(|_| InvalidKey)?;
        signature.as_ref().try_into().map_err(|_| InvalidKey)
    }
}

impl fmt::Debug for DeviceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DeviceKey({}, ..)", self.public.thumbprint())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// RFC 7517, appendix A.1, first key.
    const RFC_JWK: &str = r#"{"kty":"EC","crv":"P-256",
        "x":"MKBCTNIcKUSDii11ySs3526iDZ8AiTo7Tu6KPAqv7D4",
        "y":"4Etl6SRW2YiLUrN5vfvVHuhp7x8PxltmWWlbbM4IFyM"}"#;

    #[test]
    fn a_key_survives_its_file_and_signs() {
        let key = DeviceKey::generate().unwrap();
        let again = DeviceKey::from_pkcs8(&key.expose_pkcs8().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        let signature = again.sign(b"message").unwrap();
        assert!(key.public().is_signed(b"message", &signature));
        assert!(!key.public().is_signed(b"massage", &signature));
        assert!(!DeviceKey::generate().unwrap().public().is_signed(b"message", &signature));
    }

    #[test]
    fn thumbprint_is_over_the_lexically_ordered_members() {
        let jwk: Jwk = serde_json::from_str(RFC_JWK).unwrap();
        // Computed with `printf '{"crv":…}' | openssl dgst -sha256 -binary | basenc --base64url`.
        assert_eq!(jwk.thumbprint().to_string(), "cn-I_WNMClehiVp51i_0VpOENW1upEerA8sEam5hn-s");
        DevicePublicKey::from_jwk(&jwk).unwrap();
    }

    #[test]
    fn a_jwk_has_four_members_and_a_point_of_the_curve() {
        for bad in [
            RFC_JWK.replace("EC", "RSA"),
            RFC_JWK.replace("P-256", "P-384"),
            RFC_JWK.replace("\"kty\"", "\"d\":\"AA\",\"kty\""),
            RFC_JWK.replace("MKBC", "MKB"),
            RFC_JWK.replace("\"kty\":\"EC\",", ""),
        ] {
            assert!(serde_json::from_str::<Jwk>(&bad).is_err(), "{bad}");
        }
        let off_curve: Jwk = serde_json::from_str(&RFC_JWK.replace("MKBC", "MKBD")).unwrap();
        assert_eq!(DevicePublicKey::from_jwk(&off_curve).unwrap_err(), InvalidKey);
    }

    #[test]
    fn debug_shows_no_private_bytes() {
        let key = DeviceKey::generate().unwrap();
        assert_eq!(format!("{key:?}"), format!("DeviceKey({}, ..)", key.public().thumbprint()));
    }
}
