//! A software authenticator with its browser: makes P-256 credentials and assertions, and whatever is wrong with them that a test asks for.
//!
//! It answers `navigator.credentials` options in JSON with what `Credential.toJSON()` would give.

use std::collections::BTreeMap;

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{ECDSA_P256_SHA256_ASN1_SIGNING, EcdsaKeyPair, KeyPair};
use data_encoding::BASE64URL_NOPAD;
use serde_json::{Value as Json, json};

/// What an answer is to be, right or wrong. The default is right: presence and verification of the person, a counter that rises.
#[derive(Debug, Clone)]
pub struct Forge {
    /// The origin in the client data, in place of the browser's.
    pub origin: Option<String>,
    /// The relying party id whose hash is signed, in place of the one that was asked for.
    pub rp_id: Option<String>,
    /// The challenge, in place of the one that was asked for.
    pub challenge: Option<String>,
    /// `type` of the client data, in place of `webauthn.create` or `webauthn.get`.
    pub ceremony: Option<&'static str>,
    /// The counter, in place of the next one.
    pub counter: Option<u32>,
    /// The flag UP.
    pub present: bool,
    /// The flag UV; `None`: as was asked for.
    pub verified: Option<bool>,
    /// The user handle, in place of the one of registration; `Some(None)`: none.
    pub handle: Option<Option<Vec<u8>>>,
    /// Whether the page is inside of another site's.
    pub cross_origin: bool,
    /// Whether a bit of the signature is turned over.
    pub spoil_signature: bool,
    /// The flags BE and BS.
    pub backed_up: bool,
    /// The attachment that the browser names, in place of the authenticator's.
    pub attachment: Option<&'static str>,
}

impl Default for Forge {
    fn default() -> Self {
        Self {
            origin: None,
            rp_id: None,
            challenge: None,
            ceremony: None,
            counter: None,
            present: true,
            verified: None,
            handle: None,
            cross_origin: false,
            spoil_signature: false,
            backed_up: false,
            attachment: None,
        }
    }
}

/// An authenticator in a test's hands.
pub struct VirtualKey {
    origin: String,
    /// `platform` or `cross-platform`.
    attachment: &'static str,
    transports: &'static [&'static str],
    aaguid: [u8; 16],
    /// Whether it can verify a person.
    verifies: bool,
    credentials: BTreeMap<Vec<u8>, Held>,
}

struct Held {
    pair: EcdsaKeyPair,
    handle: Vec<u8>,
    resident: bool,
    counter: u32,
}

impl VirtualKey {
    /// A security key with a PIN, at a browser that shows a page of `origin`.
    pub fn security_key(origin: &str) -> Self {
        Self::new(origin, "cross-platform", &["usb"], true)
    }

    /// A security key that knows a touch and nothing else.
    pub fn touch_only(origin: &str) -> Self {
        Self::new(origin, "cross-platform", &["usb"], false)
    }

    /// What is built into the device.
    pub fn platform(origin: &str) -> Self {
        Self::new(origin, "platform", &["internal"], true)
    }

    fn new(origin: &str, attachment: &'static str, transports: &'static [&'static str], verifies: bool) -> Self {
        let origin = origin.to_owned();
        Self { origin, attachment, transports, aaguid: [7; 16], verifies, credentials: BTreeMap::new() }
    }

    /// The same of another model.
    #[must_use]
    pub fn of_model(self, aaguid: [u8; 16]) -> Self {
        Self { aaguid, ..self }
    }

    /// The ids of what it holds.
    pub fn ids(&self) -> Vec<Vec<u8>> {
        self.credentials.keys().cloned().collect()
    }

    /// Sets the counter of every credential: as a copy of the key, made when it was there, would have it.
    pub fn set_counter(&mut self, counter: u32) {
        self.credentials.values_mut().for_each(|held| held.counter = counter);
    }

    /// `navigator.credentials.create(options)`, as it should be.
    pub fn create(&mut self, options: &Json) -> String {
        self.create_as(options, &Forge::default())
    }

    /// The same, as `forge` says.
    pub fn create_as(&mut self, options: &Json, forge: &Forge) -> String {
        let selection = &options["authenticatorSelection"];
        let resident = selection["residentKey"] == "required" || selection["residentKey"] == "preferred";
        let handle = bytes(&options["user"]["id"]);
        let pair = EcdsaKeyPair::generate(&ECDSA_P256_SHA256_ASN1_SIGNING).expect("a key");
        let mut raw_id = vec![0; 32];
        aws_lc_rs::rand::fill(&mut raw_id).expect("randomness");
        let asked = selection["userVerification"] != "discouraged";
        let counter = forge.counter.unwrap_or(1);
        let rp_id = forge.rp_id.as_deref().unwrap_or_else(|| text(&options["rp"]["id"]));
        let mut data = self.authenticator_data(rp_id, forge, asked, counter, true);
        data.extend(self.aaguid);
        data.extend(u16::try_from(raw_id.len()).expect("a short id").to_be_bytes());
        data.extend(&raw_id);
        data.extend(cose_key(pair.public_key().as_ref()));
        // {"fmt": "none", "attStmt": {}, "authData": data}, keys in canonical order.
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData");
        object.extend(cbor_head(2, data.len()));
        object.extend(&data);
        let client_data = self.client_data("webauthn.create", options, forge);
        let answer = json!({
            "id": BASE64URL_NOPAD.encode(&raw_id),
            "rawId": BASE64URL_NOPAD.encode(&raw_id),
            "type": "public-key",
            "authenticatorAttachment": forge.attachment.unwrap_or(self.attachment),
            "clientExtensionResults": {"credProps": {"rk": resident}},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "attestationObject": BASE64URL_NOPAD.encode(&object),
                "transports": self.transports,
                "publicKeyAlgorithm": -7,
            },
        });
        self.credentials.insert(raw_id, Held { pair, handle, resident, counter });
        answer.to_string()
    }

    /// `navigator.credentials.get(options)`, as it should be, with the first credential that fits; panics if none does.
    pub fn get(&mut self, options: &Json) -> String {
        self.get_as(options, &Forge::default())
    }

    /// The same, as `forge` says.
    pub fn get_as(&mut self, options: &Json, forge: &Forge) -> String {
        let allowed: Vec<Vec<u8>> =
            options["allowCredentials"].as_array().into_iter().flatten().map(|one| bytes(&one["id"])).collect();
        let fits = |id: &Vec<u8>, held: &Held| if allowed.is_empty() { held.resident } else { allowed.contains(id) };
        let found = self.credentials.iter().find(|(id, held)| fits(id, held)).map(|(id, _)| id.clone());
        self.sign(&found.expect("a credential that fits"), options, forge)
    }

    /// An assertion by the credential `raw_id`, whatever was asked for.
    pub fn sign(&mut self, raw_id: &[u8], options: &Json, forge: &Forge) -> String {
        let held = self.credentials.get_mut(raw_id).expect("a credential of this key");
        held.counter = forge.counter.unwrap_or(held.counter.saturating_add(1));
        let counter = held.counter;
        let asked = options["userVerification"] != "discouraged";
        let rp_id = forge.rp_id.as_deref().unwrap_or_else(|| text(&options["rpId"]));
        let data = self.authenticator_data(rp_id, forge, asked, counter, false);
        let client_data = self.client_data("webauthn.get", options, forge);
        let held = &self.credentials[raw_id];
        let signed = [data.as_slice(), digest(&SHA256, &client_data).as_ref()].concat();
        let mut signature = held.pair.sign(&SystemRandom::new(), &signed).expect("a signature").as_ref().to_vec();
        if forge.spoil_signature
            && let Some(last) = signature.last_mut()
        {
            *last ^= 1;
        }
        let own = held.resident.then(|| held.handle.clone());
        let handle = forge.handle.clone().unwrap_or(own).map(|handle| BASE64URL_NOPAD.encode(&handle));
        json!({
            "id": BASE64URL_NOPAD.encode(raw_id),
            "rawId": BASE64URL_NOPAD.encode(raw_id),
            "type": "public-key",
            "authenticatorAttachment": forge.attachment.unwrap_or(self.attachment),
            "clientExtensionResults": {},
            "response": {
                "clientDataJSON": BASE64URL_NOPAD.encode(&client_data),
                "authenticatorData": BASE64URL_NOPAD.encode(&data),
                "signature": BASE64URL_NOPAD.encode(&signature),
                "userHandle": handle,
            },
        })
        .to_string()
    }

    fn client_data(&self, ceremony: &str, options: &Json, forge: &Forge) -> Vec<u8> {
        let challenge = forge.challenge.as_deref().unwrap_or_else(|| text(&options["challenge"]));
        json!({
            "type": forge.ceremony.unwrap_or(ceremony),
            "challenge": challenge,
            "origin": forge.origin.as_deref().unwrap_or(&self.origin),
            "crossOrigin": forge.cross_origin,
        })
        .to_string()
        .into_bytes()
    }

    fn authenticator_data(&self, rp_id: &str, forge: &Forge, asked: bool, counter: u32, attested: bool) -> Vec<u8> {
        let verified = forge.verified.unwrap_or(asked && self.verifies);
        let flag = |set: bool, bit: u8| if set { 1 << bit } else { 0 };
        let backed_up = flag(forge.backed_up, 3) | flag(forge.backed_up, 4);
        let flags = flag(forge.present, 0) | flag(verified, 2) | backed_up | flag(attested, 6);
        let mut data = digest(&SHA256, rp_id.as_bytes()).as_ref().to_vec();
        data.push(flags);
        data.extend(counter.to_be_bytes());
        data
    }
}

/// A COSE key (RFC 9053, section 7.1.1): EC2, ES256, P-256, from an uncompressed point.
fn cose_key(point: &[u8]) -> Vec<u8> {
    let (x, y) = (&point[1..33], &point[33..65]);
    let mut key = vec![0xa5, 0x01, 0x02, 0x03, 0x26, 0x20, 0x01, 0x21, 0x58, 0x20];
    key.extend(x);
    key.extend([0x22, 0x58, 0x20]);
    key.extend(y);
    key
}

/// Major type and length of a CBOR item under 64 KiB.
fn cbor_head(major: u8, length: usize) -> Vec<u8> {
    let major = major << 5;
    match u16::try_from(length).expect("a short item") {
        length @ 0..24 => vec![major | length as u8],
        length @ 24..256 => vec![major | 24, length as u8],
        length => [&[major | 25][..], &length.to_be_bytes()].concat(),
    }
}

fn text(json: &Json) -> &str {
    json.as_str().expect("a text in the options")
}

fn bytes(json: &Json) -> Vec<u8> {
    BASE64URL_NOPAD.decode(text(json).as_bytes()).expect("base64url in the options")
}
