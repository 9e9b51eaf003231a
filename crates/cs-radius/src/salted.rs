//! Values that are hidden with a salt (RFC 2868 §3.5, RFC 2548 §2.4): tunnel passwords and the keys of MPPE. They are hidden for one hop, under its secret and
//! the authenticator of its request, so a proxy opens and hides them anew; copied as they are they would be noise.

use zeroize::Zeroizing;

use crate::attribute::{Attribute, kind};
use crate::packet::Authenticator;
use crate::password::{cover, uncover};
use crate::secret::Secret;
use crate::vendor::{self, id};

/// MS-CHAP-MPPE-Keys (RFC 2548 §2.4.1): hidden like a User-Password, without salt.
const MS_CHAP_MPPE_KEYS: u8 = 12;
/// MS-MPPE-Send-Key (RFC 2548 §2.4.2).
pub const MS_MPPE_SEND_KEY: u8 = 16;
/// MS-MPPE-Recv-Key (RFC 2548 §2.4.3).
pub const MS_MPPE_RECV_KEY: u8 = 17;

/// A value is not one that was hidden with a salt under this secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a value that is not hidden as it should be, or under another secret")]
pub struct NotSalted;

/// One stretch of the way of a packet: what its values are hidden under.
#[derive(Debug, Clone, Copy)]
pub struct Hop<'a> {
    /// Shared by its two ends.
    pub secret: &'a Secret,
    /// The authenticator of the request that went over it.
    pub request: &'a Authenticator,
}

/// Hides `plain`. `salt` must differ for every value of a packet; its first bit is set here.
///
/// Fails if `plain` is longer than 239 octets, which no attribute holds.
pub fn hide(plain: &[u8], hop: Hop<'_>, salt: [u8; 2]) -> Result<Vec<u8>, NotSalted> {
    let len = u8::try_from(plain.len()).map_err(|_| NotSalted)?;
    if plain.len() > 239 {
        return Err(NotSalted);
    }
    let salt = [salt[0] | 0x80, salt[1]];
    let whole = (plain.len() + 1).next_multiple_of(16);
    let mut blocks = Zeroizing::new(Vec::with_capacity(whole));
    blocks.push(len);
    blocks.extend(plain);
    blocks.resize(whole, 0);
    let mut value = salt.to_vec();
    value.extend(cover(&blocks, hop.secret, &[hop.request, &salt]));
    Ok(value)
}

/// Opens a hidden value.
///
/// Fails if its lengths are impossible, which is what another secret makes of it most of the time.
pub fn open(value: &[u8], hop: Hop<'_>) -> Result<Zeroizing<Vec<u8>>, NotSalted> {
    let (salt, hidden) = value.split_first_chunk::<2>().ok_or(NotSalted)?;
    if hidden.is_empty() || !hidden.len().is_multiple_of(16) {
        return Err(NotSalted);
    }
    let mut plain = uncover(hidden, hop.secret, &[hop.request, salt]);
    let len = usize::from(plain.first().copied().ok_or(NotSalted)?);
    if len >= plain.len() {
        return Err(NotSalted);
    }
    plain.drain(..1);
    plain.truncate(len);
    Ok(plain)
}

/// The value of an attribute of an answer for the next hop: `None` for one that is not hidden, and travels as it came. `salt` is for this attribute alone.
///
/// Fails if the value cannot be opened: it must not travel on.
pub fn rehide(
    attribute: Attribute<'_>,
    from: Hop<'_>,
    to: Hop<'_>,
    salt: [u8; 2],
) -> Result<Option<Vec<u8>>, NotSalted> {
    match attribute.kind {
        kind::TUNNEL_PASSWORD => {
            let (tag, value) = attribute.value.split_first().ok_or(NotSalted)?;
            let mut tagged = vec![*tag];
            tagged.extend(hide(&open(value, from)?, to, salt)?);
            Ok(Some(tagged))
        }
        kind::VENDOR_SPECIFIC => rehide_vendor(attribute.value, from, to, salt),
        _ => Ok(None),
    }
}

fn rehide_vendor(value: &[u8], from: Hop<'_>, to: Hop<'_>, salt: [u8; 2]) -> Result<Option<Vec<u8>>, NotSalted> {
    let is_hidden = |found: &vendor::VendorAttribute<'_>| {
        found.vendor == id::MICROSOFT && [MS_CHAP_MPPE_KEYS, MS_MPPE_SEND_KEY, MS_MPPE_RECV_KEY].contains(&found.kind)
    };
    let inside = || vendor::unwrap(value);
    if !inside().any(|found| is_hidden(&found)) {
        return Ok(None);
    }
    let mut whole = id::MICROSOFT.to_be_bytes().to_vec();
    for (nth, found) in inside().enumerate() {
        let hidden = match found.kind {
            MS_MPPE_SEND_KEY | MS_MPPE_RECV_KEY => {
                // Two keys in one attribute have a salt each.
                let nth = u8::try_from(nth).unwrap_or(u8::MAX);
                hide(&open(found.value, from)?, to, [salt[0], salt[1].wrapping_add(nth)])?
            }
            MS_CHAP_MPPE_KEYS if found.value.len().is_multiple_of(16) => {
                let plain = uncover(found.value, from.secret, &[from.request]);
                cover(&plain, to.secret, &[to.request])
            }
            MS_CHAP_MPPE_KEYS => return Err(NotSalted),
            _ => found.value.to_vec(),
        };
        let len = u8::try_from(hidden.len() + 2).map_err(|_| NotSalted)?;
        whole.extend([found.kind, len]);
        whole.extend(hidden);
    }
    Ok(Some(whole))
}
