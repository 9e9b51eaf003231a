//! The secret that two ends share.

use md5::{Digest as _, Md5};
use zeroize::Zeroizing;

/// A shared secret (RFC 2865 §3). Wiped when dropped and never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(Zeroizing<Vec<u8>>);

impl Secret {
    /// Of any octets; an empty one is the caller's mistake to find, since every digest under it can be made by anyone.
    pub fn new(octets: impl Into<Vec<u8>>) -> Self {
        Self(Zeroizing::new(octets.into()))
    }

    pub(crate) fn octets(&self) -> &[u8] {
        &self.0
    }

    /// `MD5(secret ‖ parts)`, of which the pads of hidden values are made.
    pub(crate) fn pad(&self, parts: &[&[u8]]) -> Zeroizing<[u8; 16]> {
        let mut digest = Md5::new_with_prefix(self.octets());
        parts.iter().for_each(|part| digest.update(part));
        Zeroizing::new(digest.finalize().into())
    }
}

impl std::fmt::Debug for Secret {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secret(…)")
    }
}
