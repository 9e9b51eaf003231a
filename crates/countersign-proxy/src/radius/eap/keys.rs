//! The keys that a login by EAP ends with: both ends of the tunnel have them, and the device gets them beside its yes (RFC 3748 §7.10).

use cs_radius::salted::{self, Hop, MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY};
use cs_radius::{kind, vendor};
use zeroize::Zeroizing;

/// A master session key (MSK).
#[derive(Clone, PartialEq, Eq)]
pub struct Keys(Zeroizing<[u8; 64]>);

impl std::fmt::Debug for Keys {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keys(…)")
    }
}

impl Keys {
    pub(super) fn new(msk: Zeroizing<[u8; 64]>) -> Self {
        Self(msk)
    }

    /// The attributes for a device, hidden for its hop: the first half is what it receives with, the second what it sends with (RFC 2548 §2.4, RFC 3748 §7.10).
    /// `salt` is for the first; the second takes the next one.
    pub fn attributes(&self, hop: Hop<'_>, salt: [u8; 2]) -> Vec<(u8, Vec<u8>)> {
        let (receive, send) = self.0.split_at(32);
        let next = [salt[0], salt[1].wrapping_add(1)];
        [(MS_MPPE_RECV_KEY, receive, salt), (MS_MPPE_SEND_KEY, send, next)]
            .into_iter()
            .filter_map(|(number, key, salt)| {
                // 32 octets fit always.
                let hidden = salted::hide(key, hop, salt).ok()?;
                Some((kind::VENDOR_SPECIFIC, vendor::wrap(vendor::id::MICROSOFT, number, &hidden).ok()?))
            })
            .collect()
    }
}
