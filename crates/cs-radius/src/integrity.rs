//! Whether a packet comes from somebody who knows the secret.
//!
//! Two things say so. The *authenticator* of everything but an Access-Request is an MD5 over packet and secret; in answers it can be forged by somebody on the
//! path who chooses a part of the request (CVE-2024-3596). The *Message-Authenticator* is an HMAC, and cannot.

use hmac::{Hmac, KeyInit as _, Mac as _};
use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq as _;

use crate::packet::{Authenticator, Packet};
use crate::secret::Secret;

const NOTHING: Authenticator = [0; 16];

/// What the Message-Authenticator of a packet says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Integrity {
    /// There is none.
    Absent,
    /// It was made with the secret, over this packet.
    Valid,
    /// It was not: altered, or the two ends have different secrets.
    Wrong,
}

/// Checks the Message-Authenticator of a request (RFC 3579 §3.2, RFC 5176 §2.3, RFC 5997 §3).
pub fn request_integrity(request: &Packet<'_>, secret: &Secret) -> Integrity {
    // Where the authenticator is itself a digest of the packet, it is taken as zero.
    let in_place = if request.code().is_digested_request() { &NOTHING } else { request.authenticator() };
    integrity(request, secret, in_place)
}

/// Checks the Message-Authenticator of an answer to the request with this authenticator.
pub fn reply_integrity(reply: &Packet<'_>, secret: &Secret, request: &Authenticator) -> Integrity {
    integrity(reply, secret, request)
}

/// Whether the authenticator of an accounting, CoA or disconnect request is the digest it should be (RFC 2866 §3). For other codes there is nothing to check,
/// and the answer is no.
pub fn request_is_authentic(request: &Packet<'_>, secret: &Secret) -> bool {
    request.code().is_digested_request() && authentic(request, secret, &NOTHING)
}

/// Whether the authenticator of an answer is the digest it should be (RFC 2865 §3), for the request with this authenticator.
pub fn reply_is_authentic(reply: &Packet<'_>, secret: &Secret, request: &Authenticator) -> bool {
    authentic(reply, secret, request)
}

fn integrity(packet: &Packet<'_>, secret: &Secret, in_place: &Authenticator) -> Integrity {
    let Some(at) = packet.signed_at() else { return Integrity::Absent };
    let bytes = packet.as_bytes();
    let found = bytes.get(at..at + 16).unwrap_or_default();
    let expected = message_authenticator(bytes, at, secret, in_place);
    if bool::from(expected.ct_eq(found)) { Integrity::Valid } else { Integrity::Wrong }
}

/// HMAC-MD5 over the packet, with `in_place` of its authenticator and zeros in place of the sixteen octets at `at`.
pub(crate) fn message_authenticator(
    bytes: &[u8],
    at: usize,
    secret: &Secret,
    in_place: &Authenticator,
) -> Authenticator {
    let Ok(mut mac) = Hmac::<Md5>::new_from_slice(secret.octets()) else {
        // HMAC takes keys of any length.
        return NOTHING;
    };
    mac.update(bytes.get(..4).unwrap_or_default());
    mac.update(in_place);
    mac.update(bytes.get(20..at).unwrap_or_default());
    mac.update(&NOTHING);
    mac.update(bytes.get(at + 16..).unwrap_or_default());
    mac.finalize().into_bytes().into()
}

fn authentic(packet: &Packet<'_>, secret: &Secret, in_place: &Authenticator) -> bool {
    authenticator(packet.as_bytes(), secret, in_place).ct_eq(packet.authenticator()).into()
}

/// `MD5(code ‖ identifier ‖ length ‖ in_place ‖ attributes ‖ secret)`.
pub(crate) fn authenticator(bytes: &[u8], secret: &Secret, in_place: &Authenticator) -> Authenticator {
    let mut digest = Md5::new();
    digest.update(bytes.get(..4).unwrap_or_default());
    digest.update(in_place);
    digest.update(bytes.get(20..).unwrap_or_default());
    digest.update(secret.octets());
    digest.finalize().into()
}
