//! Byte strings as the protocol writes them: base64url without padding (RFC 4648, section 5).

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::digest;
use data_encoding::BASE64URL_NOPAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use zeroize::Zeroizing;

/// Exactly `N` bytes, written as base64url without padding.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FixedBytes<const N: usize>(pub [u8; N]);

/// A SHA-256 digest.
pub type Digest = FixedBytes<32>;
/// The random part of a request proof: it makes every proof one of its kind.
pub type Nonce = FixedBytes<16>;

/// The text is not base64url without padding of the right number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not base64url without padding of the expected length")]
pub struct InvalidBytes;

impl Digest {
    /// The SHA-256 of `data`.
    pub fn of(data: &[u8]) -> Self {
        let mut bytes = [0; 32];
        bytes.copy_from_slice(digest::digest(&digest::SHA256, data).as_ref());
        Self(bytes)
    }
}

impl<const N: usize> FixedBytes<N> {
    /// The bytes themselves.
    pub const fn as_bytes(&self) -> &[u8; N] {
        &self.0
    }
}

impl<const N: usize> FromStr for FixedBytes<N> {
    type Err = InvalidBytes;

    fn from_str(text: &str) -> Result<Self, InvalidBytes> {
        if text.len() != BASE64URL_NOPAD.encode_len(N) {
            return Err(InvalidBytes);
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| InvalidBytes)?;
        bytes.try_into().map(Self).map_err(|_| InvalidBytes)
    }
}

impl<const N: usize> fmt::Display for FixedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&BASE64URL_NOPAD.encode(&self.0))
    }
}

impl<const N: usize> fmt::Debug for FixedBytes<N> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{self}")
    }
}

impl<const N: usize> Serialize for FixedBytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

impl<'de, const N: usize> Deserialize<'de> for FixedBytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(de::Error::custom)
    }
}

/// The shared secret of a one-time-password generator: raw bytes, at most [`OtpSeed::MAX_BYTES`].
pub struct OtpSeed(Zeroizing<Vec<u8>>);

impl OtpSeed {
    /// The longest seed accepted, in bytes (the block size of SHA-512).
    pub const MAX_BYTES: usize = 128;

    /// Wraps raw seed bytes; fails when there are none or more than [`Self::MAX_BYTES`].
    pub fn new(bytes: Vec<u8>) -> Result<Self, InvalidBytes> {
        let bytes = Zeroizing::new(bytes);
        if bytes.is_empty() || bytes.len() > Self::MAX_BYTES {
            return Err(InvalidBytes);
        }
        Ok(Self(bytes))
    }

    /// The raw bytes, for the generator.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl fmt::Debug for OtpSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("OtpSeed(..)")
    }
}

impl Serialize for OtpSeed {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let text = Zeroizing::new(BASE64URL_NOPAD.encode(&self.0));
        serializer.serialize_str(&text)
    }
}

impl<'de> Deserialize<'de> for OtpSeed {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(deserializer)?);
        if text.len() > BASE64URL_NOPAD.encode_len(Self::MAX_BYTES) {
            return Err(de::Error::custom(InvalidBytes));
        }
        let bytes = BASE64URL_NOPAD.decode(text.as_bytes()).map_err(|_| de::Error::custom(InvalidBytes))?;
        Self::new(bytes).map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_is_43_characters_and_nothing_else() {
        let digest = Digest::of(b"");
        assert_eq!(digest.to_string(), "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU");
        assert_eq!(digest.to_string().parse(), Ok(digest));
        for bad in [
            "",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFU=",
            "47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU",
            "47DEQpj8HBSa-_TImW-5JCeuQeRkm5NMpJWZG3hSuFV", // the two spare bits are not zero
        ] {
            assert_eq!(bad.parse::<Digest>(), Err(InvalidBytes), "{bad}");
        }
    }

    #[test]
    fn a_seed_is_not_shown() {
        let seed = OtpSeed::new(vec![7; 20]).unwrap();
        assert_eq!(format!("{seed:?}"), "OtpSeed(..)");
        let json = serde_json::to_string(&seed).unwrap();
        assert_eq!(serde_json::from_str::<OtpSeed>(&json).unwrap().expose(), [7; 20]);
        assert!(OtpSeed::new(vec![]).is_err());
        assert!(OtpSeed::new(vec![0; 129]).is_err());
    }
}
