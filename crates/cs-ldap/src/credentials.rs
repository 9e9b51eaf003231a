//! Passwords and what mechanisms take in their place.

use subtle::ConstantTimeEq as _;
use zeroize::Zeroizing;

/// What proves who somebody is: a password (RFC 4513 §5.1), or what a SASL mechanism sends. Any octets. Wiped when dropped, compared in constant time and never shown.
pub struct Credentials(Zeroizing<Vec<u8>>);

impl Credentials {
    /// Of any octets; none at all make a bind unauthenticated (RFC 4513 §5.1.2).
    pub fn new(octets: &[u8]) -> Self {
        Self(Zeroizing::new(octets.to_vec()))
    }

    /// The octets themselves.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }

    /// Whether there is nothing.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The octets as text, where they are some.
    pub fn expose_text(&self) -> Option<&str> {
        std::str::from_utf8(&self.0).ok()
    }
}

impl PartialEq for Credentials {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Credentials {}

impl std::fmt::Debug for Credentials {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Credentials(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn they_are_compared_and_never_shown() {
        let password = Credentials::new(b"S3cret");
        assert_eq!(password, Credentials::new(b"S3cret"));
        assert_ne!(password, Credentials::new(b"S3creT"));
        assert_eq!(format!("{password:?}"), "Credentials(…)");
        assert_eq!((password.expose_text(), Credentials::new(&[0xFF]).expose_text()), (Some("S3cret"), None));
    }
}
