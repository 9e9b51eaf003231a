//! VAPID: the sender names itself to the push service by a signed token (RFC 8292).

use std::fmt;

use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde::Serialize;
use zeroize::Zeroizing;

use super::WebPushError;

/// The sender's key. Browsers tie a subscription to its public half. Not `Clone`, never printed; it leaves only through [`Self::expose_pkcs8`].
pub struct VapidKey(EcdsaKeyPair);

#[derive(Serialize)]
struct Header {
    typ: &'static str,
    alg: &'static str,
}

#[derive(Serialize)]
struct Claims<'a> {
    aud: &'a str,
    exp: i64,
    sub: &'a str,
}

impl VapidKey {
    /// A new key, from the cryptographic library's own generator.
    pub fn generate() -> Result<Self, WebPushError> {
        EcdsaKeyPair::generate(&ECDSA_P256_SHA256_FIXED_SIGNING).map(Self).map_err(|_| WebPushError::Crypto)
    }

    /// Reads an unencrypted PKCS#8 document in DER.
    pub fn from_pkcs8(der: &[u8]) -> Result<Self, WebPushError> {
        let pair = EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, der);
        pair.map(Self).map_err(|_| WebPushError::InvalidKey)
    }

    /// The private key as unencrypted PKCS#8 in DER, to be sealed and stored.
    pub fn expose_pkcs8(&self) -> Result<Zeroizing<Vec<u8>>, WebPushError> {
        let document = self.0.to_pkcs8v1().map_err(|_| WebPushError::Crypto)?;
        Ok(Zeroizing::new(document.as_ref().to_vec()))
    }

    /// The public half as browsers take it (`applicationServerKey`): the point in base64url.
    pub fn public(&self) -> String {
        BASE64URL_NOPAD.encode(self.0.public_key().as_ref())
    }

    /// The `Authorization` header of a message to the push service at `audience`, its origin.
    ///
    /// `expires` is in unix seconds, at most a day ahead; `contact` a `mailto:` or `https:` address for the operators of the push service.
    pub fn authorization(&self, audience: &str, contact: &str, expires: i64) -> Result<String, WebPushError> {
        let header = encoded(&Header { typ: "JWT", alg: "ES256" })?;
        let claims = encoded(&Claims { aud: audience, exp: expires, sub: contact })?;
        let signed = format!("{header}.{claims}");
        let signature = self.0.sign(&SystemRandom::new(), signed.as_bytes()).map_err(|_| WebPushError::Crypto)?;
        let signature = BASE64URL_NOPAD.encode(signature.as_ref());
        Ok(format!("vapid t={signed}.{signature}, k={}", self.public()))
    }
}

fn encoded(part: &impl Serialize) -> Result<String, WebPushError> {
    let json = serde_json::to_vec(part).map_err(|_| WebPushError::Crypto)?;
    Ok(BASE64URL_NOPAD.encode(&json))
}

impl fmt::Debug for VapidKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "VapidKey({}, ..)", self.public())
    }
}

#[cfg(test)]
mod tests {
    use aws_lc_rs::signature::{ECDSA_P256_SHA256_FIXED, UnparsedPublicKey};

    use super::*;

    /// Whether an `Authorization` header is signed by the key that it names; its claims.
    fn verified(authorization: &str) -> Option<String> {
        let (token, key) = authorization.strip_prefix("vapid t=")?.split_once(", k=")?;
        let (signed, signature) = token.rsplit_once('.')?;
        let bytes = |text: &str| BASE64URL_NOPAD.decode(text.as_bytes()).ok();
        let key = UnparsedPublicKey::new(&ECDSA_P256_SHA256_FIXED, bytes(key)?);
        key.verify(signed.as_bytes(), &bytes(signature)?).ok()?;
        assert_eq!(bytes(signed.split_once('.')?.0)?, br#"{"typ":"JWT","alg":"ES256"}"#);
        String::from_utf8(bytes(signed.split_once('.')?.1)?).ok()
    }

    const CLAIMS: &str = r#"{"aud":"https://push.example.net","exp":1453523768,"sub":"mailto:push@example.com"}"#;

    /// RFC 8292, section 2.4: what it shows verifies here, and ours is the same up to the signature.
    #[test]
    fn the_example_of_the_rfc() {
        let example = "vapid t=eyJ0eXAiOiJKV1QiLCJhbGciOiJFUzI1NiJ9.eyJhdWQiOiJodHRwczovL3B1c2guZXhhbXBsZS5uZXQiLCJleHAiOjE0NTM1MjM3Njgs\
            InN1YiI6Im1haWx0bzpwdXNoQGV4YW1wbGUuY29tIn0.i3CYb7t4xfxCDquptFOepC9GAu_HLGkMlMuCGSK2rpiUfnK9ojFwDXb1JrErtmysazNjjvW2L9OkSSHzvoD1oA, \
            k=BA1Hxzyi1RUM1b5wjxsn7nGxAszw2u61m164i3MrAIxHF6YK5h4SDYic-dRuU_RCPCfA5aq9ojSwk5Y2EmClBPs";
        assert_eq!(verified(example).as_deref(), Some(CLAIMS));
        let key = VapidKey::generate().unwrap();
        let ours = key.authorization("https://push.example.net", "mailto:push@example.com", 1_453_523_768).unwrap();
        assert_eq!(verified(&ours).as_deref(), Some(CLAIMS));
        let signed = |text: &str| text.rsplit_once('.').unwrap().0.to_owned();
        assert_eq!(signed(&ours), signed(example));
        assert_eq!(verified(&ours.replace("vapid t=eyJ0", "vapid t=eyJ1")), None);
    }

    #[test]
    fn a_key_survives_its_storage_and_is_not_shown() {
        let key = VapidKey::generate().unwrap();
        let again = VapidKey::from_pkcs8(&key.expose_pkcs8().unwrap()).unwrap();
        assert_eq!(again.public(), key.public());
        assert_eq!(key.public().len(), 87);
        assert_eq!(format!("{key:?}"), format!("VapidKey({}, ..)", key.public()));
        assert_eq!(VapidKey::from_pkcs8(&[1, 2, 3]).unwrap_err(), WebPushError::InvalidKey);
    }
}
