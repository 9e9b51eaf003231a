//! A security key in software: makes a credential and answers with it.

use anyhow::{Context as _, anyhow};
use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair as _};
use data_encoding::{BASE64URL_NOPAD, HEXLOWER};
use serde::{Deserialize, Serialize};
use serde_json::json;

/// User present; and, of a new credential, attested data follow.
const PRESENT: u8 = 1;
const ATTESTED: u8 = 1 << 6;

/// One credential.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct SoftKey {
    /// Base64url.
    id: String,
    /// PKCS#8, hexadecimal.
    pkcs8: String,
    origin: String,
    rp_id: String,
}

impl SoftKey {
    /// A new one for pages of `origin`.
    pub(crate) fn new(origin: &str, rp_id: &str) -> anyhow::Result<Self> {
        let mut id = [0; 32];
        aws_lc_rs::rand::fill(&mut id)?;
        let pkcs8 = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &SystemRandom::new())?;
        let (id, pkcs8) = (BASE64URL_NOPAD.encode(&id), HEXLOWER.encode(pkcs8.as_ref()));
        Ok(Self { id, pkcs8, origin: origin.to_owned(), rp_id: rp_id.to_owned() })
    }

    /// What a browser gives for `navigator.credentials.create`, as JSON. Attestation `none`.
    pub(crate) fn create(&self, challenge: &str) -> anyhow::Result<String> {
        let pair = self.pair()?;
        let point = pair.public_key().as_ref();
        let id = BASE64URL_NOPAD.decode(self.id.as_bytes())?;
        let mut data = self.authenticator_data(PRESENT | ATTESTED, 0);
        data.extend([7; 16]);
        data.extend([0, u8::try_from(id.len())?]);
        data.extend(&id);
        // EC2, ES256, P-256 (RFC 9053, section 7.1.1).
        data.extend([0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20]);
        data.extend(&point[1..33]);
        data.extend([0x22, 0x58, 0x20]);
        data.extend(&point[33..65]);
        // {"fmt": "none", "attStmt": {}, "authData": data}
        let mut object = b"\xa3\x63fmt\x64none\x67attStmt\xa0\x68authData\x58".to_vec();
        object.push(u8::try_from(data.len())?);
        object.extend(&data);
        Ok(json!({
            "id": self.id, "rawId": self.id, "type": "public-key",
            "authenticatorAttachment": "cross-platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(self.client_data("webauthn.create", challenge).as_bytes()),
                "attestationObject": BASE64URL_NOPAD.encode(&object),
                "transports": ["usb"],
            },
        })
        .to_string())
    }

    /// What a browser gives for `navigator.credentials.get`, as JSON. `pair` is [`Self::pair`].
    pub(crate) fn get(&self, pair: &EcdsaKeyPair, challenge: &str, counter: u32) -> anyhow::Result<String> {
        let data = self.authenticator_data(PRESENT, counter);
        let client_data = self.client_data("webauthn.get", challenge);
        let signed = [data.as_slice(), digest(&SHA256, client_data.as_bytes()).as_ref()].concat();
        let signature = pair.sign(&SystemRandom::new(), &signed).map_err(|_| anyhow!("cannot sign"))?;
        Ok(json!({
            "id": self.id, "rawId": self.id, "type": "public-key",
            "authenticatorAttachment": "cross-platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(client_data.as_bytes()),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(signature.as_ref()),
                "userHandle": null,
            },
        })
        .to_string())
    }

    /// Its key, read once: that takes longer than signing.
    pub(crate) fn pair(&self) -> anyhow::Result<EcdsaKeyPair> {
        let pkcs8 = HEXLOWER.decode(self.pkcs8.as_bytes())?;
        EcdsaKeyPair::from_pkcs8(&ECDSA_P256_SHA256_ASN1_SIGNING, &pkcs8).context("a key that cannot be read")
    }

    fn client_data(&self, kind: &str, challenge: &str) -> String {
        json!({"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": false}).to_string()
    }

    fn authenticator_data(&self, flags: u8, counter: u32) -> Vec<u8> {
        let mut data = digest(&SHA256, self.rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        data
    }
}
