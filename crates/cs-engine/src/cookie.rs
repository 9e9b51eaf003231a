//! What a browser's cookie holds: 256 bits that make what was begun in it its own.

use std::fmt;
use std::marker::PhantomData;

use aws_lc_rs::hmac;
use data_encoding::BASE64URL_NOPAD;
use rand_core::RngCore as _;
use zeroize::Zeroizing;

use crate::SystemRng;

/// The secret of what has an id of this kind. One of another kind is another type: a login's opens no portal.
pub struct CookieSecret<Id>(Zeroizing<[u8; 32]>, PhantomData<fn() -> Id>);

impl<Id> CookieSecret<Id> {
    pub(crate) fn generate() -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        SystemRng.fill_bytes(&mut secret[..]);
        Self(secret, PhantomData)
    }

    /// Reads a cookie's value.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = Zeroizing::new(BASE64URL_NOPAD.decode(text.as_bytes()).ok()?);
        <[u8; 32]>::try_from(bytes.as_slice()).ok().map(|secret| Self(Zeroizing::new(secret), PhantomData))
    }

    /// The cookie's value.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(BASE64URL_NOPAD.encode(&self.0[..]))
    }

    /// The secret itself, for its keyed hash and for what is bound to it.
    pub(crate) fn bytes(&self) -> &[u8] {
        &self.0[..]
    }

    /// 32 bytes that only who holds the secret can make, for each purpose others.
    pub(crate) fn derive(&self, purpose: &str) -> Zeroizing<[u8; 32]> {
        let tag = hmac::sign(&hmac::Key::new(hmac::HMAC_SHA256, &self.0[..]), purpose.as_bytes());
        let mut bytes = Zeroizing::new([0; 32]);
        bytes.copy_from_slice(tag.as_ref());
        bytes
    }

    /// The same as text: for `purpose`, which has no `:` in it, at step `version`.
    pub(crate) fn proof(&self, purpose: &str, version: i64) -> String {
        BASE64URL_NOPAD.encode(&self.derive(&format!("{purpose}:{version}"))[..])
    }
}

impl<Id> fmt::Debug for CookieSecret<Id> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("CookieSecret(..)")
    }
}

#[cfg(test)]
mod tests {
    use cs_core::id::VisitId;

    use super::*;

    #[test]
    fn a_secret_is_read_as_it_was_written_and_is_not_printed() {
        let secret = CookieSecret::<VisitId>::generate();
        let text = secret.expose();
        assert_eq!(CookieSecret::<VisitId>::parse(&text).unwrap().bytes(), secret.bytes());
        assert!(!format!("{secret:?}").contains(text.as_str()));
        for wrong in ["", "AAAA", &text[1..], &format!("{}A", *text)] {
            assert!(CookieSecret::<VisitId>::parse(wrong).is_none());
        }
        assert_ne!(secret.derive("step:1"), secret.derive("step:2"));
        assert_ne!(secret.proof("step", 1), secret.proof("form", 1));
    }
}
