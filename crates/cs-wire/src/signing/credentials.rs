//! `Authorization: Basic base64(ikey:signature)`.

use std::fmt;

use data_encoding::{BASE64, HEXLOWER_PERMISSIVE};

use super::canonical::HashAlgorithm;
use super::received::ReceivedRequest;

/// A key name of Duo's has 20 characters; a signature 128. Twice that in base64 is plenty.
const MAX_HEADER_BYTES: usize = 512;
/// The longest key name looked up.
const MAX_IKEY_BYTES: usize = 64;

/// Why a request is not accepted as its integration's. The variants are Duo's codes 40101 to 40106.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, thiserror::Error)]
pub enum AuthError {
    /// 40101: no readable `Authorization`.
    #[error("missing request credentials")]
    MissingCredentials,
    /// 40102: no such key. Said by the caller, who looks keys up.
    #[error("unknown integration key")]
    UnknownKey,
    /// 40103: no version of the signature matches.
    #[error("the signature does not match")]
    BadSignature,
    /// 40104: there is no date, and a signature without one is not accepted.
    #[error("missing request timestamp")]
    MissingDate,
    /// 40105: the signed date is unreadable or too far from the server's clock.
    #[error("the signed date is unreadable or outside the window")]
    BadDate,
    /// 40106: there is a body, and it is neither a form nor JSON.
    #[error("invalid content type")]
    BadContentType,
}

/// Who a request says it is from, and its signature. Nothing is verified yet.
pub struct Credentials {
    /// The integration key: what to look the secret up by.
    pub ikey: String,
    /// Which hash the signature's length tells.
    pub hash: HashAlgorithm,
    pub(super) tag: Vec<u8>,
}

impl fmt::Debug for Credentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A date-less signature can be replayed, so it is not printed.
        f.debug_struct("Credentials").field("ikey", &self.ikey).field("hash", &self.hash).finish_non_exhaustive()
    }
}

/// Reads the request's `Authorization` header. More than one is as good as none.
pub fn credentials<'a, H>(request: &ReceivedRequest<'a, H>) -> Result<Credentials, AuthError>
where
    H: Iterator<Item = (&'a str, &'a [u8])> + Clone,
{
    let header = request.only_header("authorization").ok_or(AuthError::MissingCredentials)?;
    parse_basic(header)
}

fn parse_basic(header: &[u8]) -> Result<Credentials, AuthError> {
    let unreadable = AuthError::MissingCredentials;
    if header.len() > MAX_HEADER_BYTES {
        return Err(unreadable);
    }
    let (scheme, rest) = header.split_at_checked(6).ok_or(unreadable)?;
    if !scheme.eq_ignore_ascii_case(b"Basic ") {
        return Err(unreadable);
    }
    let decoded = BASE64.decode(rest.trim_ascii()).map_err(|_| unreadable)?;
    let text = String::from_utf8(decoded).map_err(|_| unreadable)?;
    let (ikey, signature) = text.split_once(':').ok_or(unreadable)?;
    let is_ikey = (1..=MAX_IKEY_BYTES).contains(&ikey.len()) && ikey.bytes().all(|b| b.is_ascii_alphanumeric());
    if !is_ikey {
        return Err(unreadable);
    }
    let hash = match signature.len() {
        40 => HashAlgorithm::Sha1,
        128 => HashAlgorithm::Sha512,
        _ => return Err(AuthError::BadSignature),
    };
    let tag = HEXLOWER_PERMISSIVE.decode(signature.as_bytes()).map_err(|_| AuthError::BadSignature)?;
    Ok(Credentials { ikey: ikey.to_owned(), hash, tag })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn basic(text: &str) -> Result<Credentials, AuthError> {
        parse_basic(format!("Basic {}", BASE64.encode(text.as_bytes())).as_bytes())
    }

    #[test]
    fn the_length_tells_the_hash() {
        let sha1 = basic(&format!("DIKEY:{}", "0a".repeat(20))).unwrap();
        assert_eq!((sha1.ikey.as_str(), sha1.hash), ("DIKEY", HashAlgorithm::Sha1));
        let sha512 = basic(&format!("DIKEY:{}", "0a".repeat(64))).unwrap();
        assert_eq!(sha512.hash, HashAlgorithm::Sha512);
        assert_eq!(sha512.tag, [10; 64]);
        let sha256 = basic(&format!("DIKEY:{}", "0a".repeat(32)));
        assert_eq!(sha256.unwrap_err(), AuthError::BadSignature);
        let not_hex = basic(&format!("DIKEY:{}", "zz".repeat(20)));
        assert_eq!(not_hex.unwrap_err(), AuthError::BadSignature);
    }

    #[test]
    fn what_cannot_be_read_is_missing() {
        let unicode = format!("D\u{130}:{}", "0a".repeat(20));
        for bad in ["", ":", "DIKEY", &unicode, "DI KEY:00", "DI\nKEY:00", ":0000"] {
            assert_eq!(basic(bad).unwrap_err(), AuthError::MissingCredentials, "{bad}");
        }
        for bad in ["", "Basic", "Basic ", "Basic !!!!", "Bearer QTpi", "Device a.b.c", "Basic QTpi="] {
            assert!(parse_basic(bad.as_bytes()).is_err(), "{bad}");
        }
        let long = format!("Basic {}", "QUFB".repeat(200));
        assert_eq!(parse_basic(long.as_bytes()).unwrap_err(), AuthError::MissingCredentials);
    }

    #[test]
    fn debug_hides_the_signature() {
        let text = format!("{:?}", basic(&format!("DIKEY:{}", "0a".repeat(20))).unwrap());
        assert_eq!(text, "Credentials { ikey: \"DIKEY\", hash: Sha1, .. }");
    }
}
