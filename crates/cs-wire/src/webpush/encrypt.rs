//! `aes128gcm` as Web Push uses it (RFC 8291 on RFC 8188): one record, a key agreed on with the browser's.

use std::fmt;

use aws_lc_rs::aead::{AES_128_GCM, Aad, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{self, ECDH_P256, PrivateKey, UnparsedPublicKey};
use aws_lc_rs::hmac::{self, HMAC_SHA256};
use data_encoding::BASE64URL_NOPAD;
use zeroize::Zeroizing;

use super::WebPushError;
use crate::device::PushSubscription;

/// The record size that goes into the header. Push services take at least this much (RFC 8030, section 7.2).
const RECORD_BYTES: usize = 4096;
/// Salt, record size, length of the key id and the key id, which is the sender's point.
const HEADER_BYTES: usize = 16 + 4 + 1 + POINT_BYTES;
const POINT_BYTES: usize = 65;
const TAG_BYTES: usize = 16;

/// The longest message: what a record leaves beside header, tag and the byte that ends it.
pub const MAX_PLAIN_BYTES: usize = RECORD_BYTES - HEADER_BYTES - TAG_BYTES - 1;

/// Whom a message is for: the keys of a subscription.
#[derive(Clone)]
pub struct Recipient {
    point: [u8; POINT_BYTES],
    auth: [u8; 16],
}

impl Recipient {
    /// Reads the keys as browsers write them: base64url, padded or not.
    pub fn of(subscription: &PushSubscription) -> Result<Self, WebPushError> {
        Ok(Self { point: decoded(&subscription.p256dh)?, auth: decoded(&subscription.auth)? })
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Recipient(..)")
    }
}

fn decoded<const N: usize>(text: &str) -> Result<[u8; N], WebPushError> {
    let bytes = BASE64URL_NOPAD.decode(text.trim_end_matches('=').as_bytes());
    bytes.ok().and_then(|bytes| bytes.try_into().ok()).ok_or(WebPushError::InvalidSubscription)
}

/// The sender's key of one message. Used for one message only.
pub struct SenderKey {
    private: PrivateKey,
    point: [u8; POINT_BYTES],
}

impl SenderKey {
    /// A new one, from the cryptographic library's own generator.
    pub fn generate() -> Result<Self, WebPushError> {
        Self::from_private(PrivateKey::generate(&ECDH_P256).map_err(|_| WebPushError::Crypto)?)
    }

    /// The key whose private scalar has these 32 bytes.
    pub fn from_scalar(scalar: &[u8]) -> Result<Self, WebPushError> {
        Self::from_private(PrivateKey::from_private_key(&ECDH_P256, scalar).map_err(|_| WebPushError::InvalidKey)?)
    }

    fn from_private(private: PrivateKey) -> Result<Self, WebPushError> {
        let public = private.compute_public_key().map_err(|_| WebPushError::InvalidKey)?;
        let point = public.as_ref().try_into().map_err(|_| WebPushError::InvalidKey)?;
        Ok(Self { private, point })
    }
}

impl fmt::Debug for SenderKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SenderKey(..)")
    }
}

/// The body of a push message that holds `plain`, filled up to `length` bytes before encryption, so that its length does not tell its content.
///
/// `key` and `salt` must be fresh for every message. Fails if `plain` is longer than [`MAX_PLAIN_BYTES`] or the recipient's key is no point of the curve.
pub fn encrypt(
    plain: &[u8],
    length: usize,
    recipient: &Recipient,
    key: &SenderKey,
    salt: &[u8; 16],
) -> Result<Vec<u8>, WebPushError> {
    let length = length.max(plain.len());
    if length > MAX_PLAIN_BYTES {
        return Err(WebPushError::TooLong);
    }
    let (content_key, nonce) = content_key(recipient, key, salt)?;
    let mut record = Vec::with_capacity(HEADER_BYTES + length + 1 + TAG_BYTES);
    record.extend_from_slice(plain);
    record.push(2); // ends the last record (RFC 8188, section 2); what follows is filling
    record.resize(length + 1, 0);
    let sealing = UnboundKey::new(&AES_128_GCM, &*content_key).map_err(|_| WebPushError::Crypto)?;
    LessSafeKey::new(sealing)
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record)
        .map_err(|_| WebPushError::Crypto)?;

    let mut message = Vec::with_capacity(HEADER_BYTES + record.len());
    message.extend_from_slice(salt);
    message.extend_from_slice(&(RECORD_BYTES as u32).to_be_bytes());
    message.push(POINT_BYTES as u8);
    message.extend_from_slice(&key.point);
    message.extend_from_slice(&record);
    Ok(message)
}

/// Content encryption key and nonce (RFC 8291, section 3.4).
fn content_key(
    recipient: &Recipient,
    key: &SenderKey,
    salt: &[u8; 16],
) -> Result<(Zeroizing<[u8; 16]>, [u8; 12]), WebPushError> {
    let peer = UnparsedPublicKey::new(&ECDH_P256, &recipient.point);
    let input = agreement::agree(&key.private, peer, WebPushError::InvalidSubscription, |secret| {
        let combined = hmac_of(&recipient.auth, &[secret]);
        Ok(hmac_of(&*combined, &[b"WebPush: info\0", &recipient.point, &key.point, &[1]]))
    })?;
    let pseudorandom = hmac_of(salt, &[&*input]);
    let mut content_key = Zeroizing::new([0; 16]);
    content_key.copy_from_slice(&hmac_of(&*pseudorandom, &[b"Content-Encoding: aes128gcm\0", &[1]])[..16]);
    let mut nonce = [0; 12];
    nonce.copy_from_slice(&hmac_of(&*pseudorandom, &[b"Content-Encoding: nonce\0", &[1]])[..12]);
    Ok((content_key, nonce))
}

/// HMAC-SHA-256: both steps of HKDF, whose outputs here are never longer than one block.
fn hmac_of(key: &[u8], parts: &[&[u8]]) -> Zeroizing<[u8; 32]> {
    let mut context = hmac::Context::with_key(&hmac::Key::new(HMAC_SHA256, key));
    for part in parts {
        context.update(part);
    }
    let mut tag = Zeroizing::new([0; 32]);
    tag.copy_from_slice(context.sign().as_ref());
    tag
}

#[cfg(test)]
mod tests {
    use super::*;

    fn bytes(text: &str) -> Vec<u8> {
        BASE64URL_NOPAD.decode(text.as_bytes()).unwrap()
    }

    fn subscription(p256dh: &str, auth: &str) -> PushSubscription {
        PushSubscription { endpoint: "https://push.example/".into(), p256dh: p256dh.into(), auth: auth.into() }
    }

    const POINT: &str = "BCVxsr7N_eNgVRqvHtD0zTZsEc6-VV-JvLexhqUzORcxaOzi6-AYWXvTBHm4bjyPjs7Vd8pZGH6SRpkNtoIAiw4";
    const AUTH: &str = "BTBZMqHH6r4Tts7J_aSIgg";

    /// RFC 8291, appendix A.
    #[test]
    fn the_example_of_the_rfc() {
        let recipient = Recipient::of(&subscription(POINT, AUTH)).unwrap();
        let key = SenderKey::from_scalar(&bytes("yfWPiYE-n46HLnH0KqZOF1fJJU3MYrct3AELtAQ-oRw")).unwrap();
        let salt: [u8; 16] = bytes("DGv6ra1nlYgDCS1FRnbzlw").try_into().unwrap();
        let message = encrypt(b"When I grow up, I want to be a watermelon", 0, &recipient, &key, &salt).unwrap();
        assert_eq!(
            BASE64URL_NOPAD.encode(&message),
            "DGv6ra1nlYgDCS1FRnbzlwAAEABBBP4z9KsN6nGRTbVYI_c7VJSPQTBtkgcy27mlmlMoZIIgDll6e3vCYLocInmYWAmS6TlzAC8wEqKK6PBru3jl7A_yl95bQpu6cVPT\
             pK4Mqgkf1CXztLVBSt2Ks3oZwbuwXPXLWyouBWLVWGNWQexSgSxsj_Qulcy4a-fN"
        );
    }

    /// RFC 8291, section 3.4, from the browser's side: the secret is the same, so what was sealed opens.
    #[test]
    fn the_browser_reads_it_and_the_length_tells_nothing() {
        let browser = SenderKey::from_scalar(&bytes("q1dXpw3UpT5VOmu_cf_v6ih07Aems3njxI-JWgLcM94")).unwrap();
        assert_eq!(browser.point[..], bytes(POINT));
        let recipient = Recipient::of(&subscription(POINT, AUTH)).unwrap();
        for plain in [&b""[..], b"x", &[7; 200]] {
            let (key, salt) = (SenderKey::generate().unwrap(), [3; 16]);
            let message = encrypt(plain, 256, &recipient, &key, &salt).unwrap();
            assert_eq!(message.len(), HEADER_BYTES + 256 + 1 + TAG_BYTES);
            assert_eq!(open(&message, &browser, &recipient.auth), plain);
        }
    }

    /// What a browser does with a message, written down a second time.
    fn open(message: &[u8], browser: &SenderKey, auth: &[u8; 16]) -> Vec<u8> {
        use aws_lc_rs::hkdf::{HKDF_SHA256, KeyType, Salt};
        struct Length(usize);
        impl KeyType for Length {
            fn len(&self) -> usize {
                self.0
            }
        }
        let expand = |salt: &[u8], secret: &[u8], info: &[u8], length: usize| {
            let mut out = vec![0; length];
            let prk = Salt::new(HKDF_SHA256, salt).extract(secret);
            prk.expand(&[info], Length(length)).unwrap().fill(&mut out).unwrap();
            out
        };
        let (salt, sender, record) = (&message[..16], &message[21..86], &message[86..]);
        let peer = UnparsedPublicKey::new(&ECDH_P256, sender);
        let input = agreement::agree(&browser.private, peer, WebPushError::Crypto, |secret| {
            let info = [&b"WebPush: info\0"[..], &browser.point, sender].concat();
            Ok(expand(auth, secret, &info, 32))
        })
        .unwrap();
        let key = expand(salt, &input, b"Content-Encoding: aes128gcm\0", 16);
        let nonce: [u8; 12] = expand(salt, &input, b"Content-Encoding: nonce\0", 12).try_into().unwrap();
        let opening = LessSafeKey::new(UnboundKey::new(&AES_128_GCM, &key).unwrap());
        let mut record = record.to_vec();
        let plain =
            opening.open_in_place(Nonce::assume_unique_for_key(nonce), Aad::empty(), &mut record).unwrap().to_vec();
        let end = plain.iter().rposition(|byte| *byte != 0).unwrap();
        assert_eq!(plain[end], 2);
        plain[..end].to_vec()
    }

    #[test]
    fn keys_that_are_none_and_messages_too_long_are_refused() {
        let ok = Recipient::of(&subscription(POINT, AUTH)).unwrap();
        let key = || SenderKey::generate().unwrap();
        assert!(Recipient::of(&subscription(&POINT[1..], AUTH)).is_err());
        assert!(Recipient::of(&subscription(POINT, "AAAA")).is_err());
        Recipient::of(&subscription(&format!("{POINT}="), &format!("{AUTH}=="))).unwrap();
        let off_curve = Recipient { point: [4; POINT_BYTES], auth: [0; 16] };
        assert_eq!(encrypt(b"x", 0, &off_curve, &key(), &[0; 16]), Err(WebPushError::InvalidSubscription));
        assert_eq!(encrypt(&[0; MAX_PLAIN_BYTES + 1], 0, &ok, &key(), &[0; 16]), Err(WebPushError::TooLong));
        assert_eq!(encrypt(&[0; MAX_PLAIN_BYTES], 0, &ok, &key(), &[0; 16]).unwrap().len(), RECORD_BYTES);
        assert_eq!(SenderKey::from_scalar(&[0; 32]).unwrap_err(), WebPushError::InvalidKey);
    }
}
