//! Digests that tell equal things by, and tell nothing about them without the key.

use aws_lc_rs::hmac;

/// HMAC-SHA-256 of these parts in this order. Each goes in with its length, so that the end of one never passes for the beginning of the next.
pub(crate) fn digest(key: &hmac::Key, parts: &[&[u8]]) -> [u8; 32] {
    let mut context = hmac::Context::with_key(key);
    for part in parts {
        context.update(&part.len().to_be_bytes());
        context.update(part);
    }
    let mut digest = [0; 32];
    digest.copy_from_slice(context.sign().as_ref());
    digest
}
