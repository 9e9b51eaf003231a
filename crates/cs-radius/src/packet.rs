//! A packet, read in place.

use crate::attribute::{Attribute, Attributes, kind};
use crate::code::Code;

/// The header alone.
pub const MIN_LEN: usize = 20;
/// The longest packet (RFC 2865 §3).
pub const MAX_LEN: usize = 4096;

/// The sixteen octets after the length.
pub type Authenticator = [u8; 16];

/// Why something is not a packet. It is dropped and counted, never answered (RFC 2865 §3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum Malformed {
    /// Fewer octets than a header or than the length field says.
    #[error("{got} octets where {wanted} were announced or needed")]
    TooShort {
        /// Octets that are there.
        got: usize,
        /// Octets that should be.
        wanted: usize,
    },
    /// The length field is below 20 or above 4096.
    #[error("a length field of {0}")]
    LengthField(usize),
    /// An attribute's length is below two, or reaches beyond the packet.
    #[error("attribute {kind} at octet {at} has an impossible length")]
    AttributeLength {
        /// Its number.
        kind: u8,
        /// Where it begins in the packet.
        at: usize,
    },
    /// More than one Message-Authenticator, or one that has not 16 octets.
    #[error("a second Message-Authenticator, or one of the wrong length")]
    MessageAuthenticator,
}

/// A packet whose lengths are in order. Nothing about its origin is known yet: see [`request_integrity`](crate::request_integrity).
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Packet<'a> {
    /// Exactly the length that the length field says.
    bytes: &'a [u8],
    authenticator: &'a Authenticator,
    /// Where the value of the Message-Authenticator begins.
    signed_at: Option<usize>,
}

impl<'a> Packet<'a> {
    /// Checks lengths. Octets beyond the length field are padding and ignored (RFC 2865 §3).
    ///
    /// Fails with [`Malformed`] on whatever a receiver must discard silently.
    pub fn parse(datagram: &'a [u8]) -> Result<Self, Malformed> {
        let len = frame_len(datagram)?.ok_or(Malformed::TooShort { got: datagram.len(), wanted: MIN_LEN })?;
        let short = Malformed::TooShort { got: datagram.len(), wanted: len };
        let bytes = datagram.get(..len).ok_or(short)?;
        let authenticator = bytes.get(4..).and_then(<[u8]>::first_chunk).ok_or(short)?;
        let signed_at = check_attributes(bytes)?;
        Ok(Self { bytes, authenticator, signed_at })
    }

    /// What it is.
    pub fn code(&self) -> Code {
        Code::from_octet(self.bytes.first().copied().unwrap_or_default())
    }

    /// The number that tells an answer which request it belongs to, among 256 from one port.
    pub fn identifier(&self) -> u8 {
        self.bytes.get(1).copied().unwrap_or_default()
    }

    /// Random in an Access-Request, a digest in everything else.
    pub fn authenticator(&self) -> &'a Authenticator {
        self.authenticator
    }

    /// The whole packet, without padding.
    pub fn as_bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Every attribute in its order.
    pub fn attributes(&self) -> Attributes<'a> {
        Attributes::checked(self.bytes.get(MIN_LEN..).unwrap_or_default())
    }

    /// The value of the first attribute of a kind.
    pub fn first(&self, kind: u8) -> Option<&'a [u8]> {
        self.all(kind).next()
    }

    /// The values of all attributes of a kind, in their order.
    pub fn all(&self, kind: u8) -> impl Iterator<Item = &'a [u8]> + use<'a> {
        self.attributes().filter(move |attribute| attribute.kind == kind).map(|attribute| attribute.value)
    }

    /// The first attribute of a kind as text, if it is text; without zeros at its end, which RFC 2865 §5 forbids and devices written in C send nevertheless.
    pub fn text(&self, kind: u8) -> Option<&'a str> {
        let text = self.first(kind).and_then(|value| std::str::from_utf8(value).ok())?;
        Some(text.trim_end_matches('\0'))
    }

    /// The first attribute of a kind as a number (RFC 2865 §5: four octets, most significant first).
    pub fn number(&self, kind: u8) -> Option<u32> {
        self.first(kind).and_then(|value| value.try_into().ok()).map(u32::from_be_bytes)
    }

    /// The EAP packet, put together from all its parts (RFC 3579 §3.1).
    pub fn eap(&self) -> Option<Vec<u8>> {
        let mut parts = self.all(kind::EAP_MESSAGE).peekable();
        parts.peek()?;
        Some(parts.flatten().copied().collect())
    }

    /// Whether it carries a Message-Authenticator, right or wrong.
    pub fn has_message_authenticator(&self) -> bool {
        self.signed_at.is_some()
    }

    pub(crate) fn signed_at(&self) -> Option<usize> {
        self.signed_at
    }
}

/// Never what was typed: attributes are counted, not shown.
impl std::fmt::Debug for Packet<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let (code, id, attributes) = (self.code().name(), self.identifier(), self.attributes().count());
        write!(f, "{code} {id} of {} octets with {attributes} attributes", self.bytes.len())
    }
}

/// How long the packet is that begins with `stream`, or `None` while that cannot be told yet: for connections (RFC 6613), where packets follow one another.
///
/// Fails with [`Malformed::LengthField`]: such a connection is closed, since where the next packet begins is unknown.
pub fn frame_len(stream: &[u8]) -> Result<Option<usize>, Malformed> {
    let Some(&[_, _, high, low]) = stream.first_chunk::<4>() else { return Ok(None) };
    let len = usize::from(u16::from_be_bytes([high, low]));
    if (MIN_LEN..=MAX_LEN).contains(&len) { Ok(Some(len)) } else { Err(Malformed::LengthField(len)) }
}

/// Returns where the value of the Message-Authenticator begins.
fn check_attributes(bytes: &[u8]) -> Result<Option<usize>, Malformed> {
    let mut signed_at = None;
    let mut at = MIN_LEN;
    while at < bytes.len() {
        let rest = bytes.get(at..).unwrap_or_default();
        let attribute = rest.first().copied().unwrap_or_default();
        let wrong = Malformed::AttributeLength { kind: attribute, at };
        let len = usize::from(*rest.get(1).ok_or(wrong)?);
        if len < 2 || len > rest.len() {
            return Err(wrong);
        }
        if attribute == kind::MESSAGE_AUTHENTICATOR {
            if len != 18 || signed_at.is_some() {
                return Err(Malformed::MessageAuthenticator);
            }
            signed_at = Some(at + 2);
        }
        at += len;
    }
    Ok(signed_at)
}

impl<'a> IntoIterator for Packet<'a> {
    type Item = Attribute<'a>;
    type IntoIter = Attributes<'a>;

    fn into_iter(self) -> Attributes<'a> {
        self.attributes()
    }
}
