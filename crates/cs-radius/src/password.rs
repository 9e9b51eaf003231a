//! User-Password: hidden under the secret and the request's authenticator, in blocks of 16 octets (RFC 2865 §5.2).

use zeroize::Zeroizing;

use crate::packet::Authenticator;
use crate::secret::Secret;

/// The longest password.
pub const MAX_PASSWORD: usize = 128;

/// A password cannot be hidden or is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a password of {0} octets: 16 to 128 in blocks of 16 travel")]
pub struct PasswordLength(pub usize);

/// The value of a User-Password attribute.
///
/// Fails if the password is longer than 128 octets.
pub fn hide(password: &[u8], secret: &Secret, request: &Authenticator) -> Result<Vec<u8>, PasswordLength> {
    if password.len() > MAX_PASSWORD {
        return Err(PasswordLength(password.len()));
    }
    let mut plain = Zeroizing::new(password.to_vec());
    plain.resize(password.len().next_multiple_of(16).max(16), 0);
    Ok(cover(&plain, secret, &[request]))
}

/// The password in a User-Password attribute, without the zeros that fill its last block.
///
/// Whether the secret was right cannot be told from it: with a wrong one, random octets come out. Fails if the value has not 16 to 128 octets in whole blocks.
pub fn reveal(value: &[u8], secret: &Secret, request: &Authenticator) -> Result<Zeroizing<Vec<u8>>, PasswordLength> {
    if value.is_empty() || value.len() > MAX_PASSWORD || !value.len().is_multiple_of(16) {
        return Err(PasswordLength(value.len()));
    }
    let mut plain = uncover(value, secret, &[request]);
    let len = plain.iter().rposition(|&octet| octet != 0).map_or(0, |last| last + 1);
    plain.truncate(len);
    Ok(plain)
}

/// Each block is combined with a digest of the secret and the hidden block before it; the first with one of `start`.
pub(crate) fn cover(plain: &[u8], secret: &Secret, start: &[&[u8]]) -> Vec<u8> {
    let mut hidden = Vec::with_capacity(plain.len());
    let mut pad = secret.pad(start);
    for block in plain.chunks(16) {
        let at = hidden.len();
        hidden.extend(block.iter().zip(pad.iter()).map(|(plain, pad)| plain ^ pad));
        pad = secret.pad(&[hidden.get(at..).unwrap_or_default()]);
    }
    hidden
}

/// The reverse of [`cover`].
pub(crate) fn uncover(hidden: &[u8], secret: &Secret, start: &[&[u8]]) -> Zeroizing<Vec<u8>> {
    let mut plain = Zeroizing::new(Vec::with_capacity(hidden.len()));
    let mut pad = secret.pad(start);
    for block in hidden.chunks(16) {
        plain.extend(block.iter().zip(pad.iter()).map(|(hidden, pad)| hidden ^ pad));
        pad = secret.pad(&[block]);
    }
    plain
}
