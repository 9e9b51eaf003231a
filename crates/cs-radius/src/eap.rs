//! EAP packets as they travel in RADIUS (RFC 3748 §4, RFC 3579).

pub mod framing;
pub mod inner;
pub mod ttls;

use crate::attribute::MAX_VALUE;

/// EAP's own codes (RFC 3748 §4).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EapCode {
    /// 1
    Request,
    /// 2
    Response,
    /// 3
    Success,
    /// 4
    Failure,
}

/// Types of EAP methods that mean something here (IANA's registry).
pub mod method {
    /// RFC 3748 §5.1
    pub const IDENTITY: u8 = 1;
    /// RFC 3748 §5.3: what is wanted instead
    pub const NAK: u8 = 3;
    /// RFC 3748 §5.6: generic token card, a question and an answer in clear text
    pub const GTC: u8 = 6;
    /// RFC 5216
    pub const TLS: u8 = 13;
    /// RFC 5281
    pub const TTLS: u8 = 21;
    /// Protected EAP
    pub const PEAP: u8 = 25;
    /// Microsoft's MS-CHAPv2 in EAP
    pub const MSCHAPV2: u8 = 26;
    /// Type-length-values inside of PEAP (draft-josefsson-pppext-eap-tls-eap-10 §4)
    pub const TLV: u8 = 33;
}

/// Why octets are not an EAP packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EapMalformed {
    /// Fewer than four octets, or fewer than its length field says.
    #[error("too short for an EAP packet")]
    TooShort,
    /// Not 1 to 4.
    #[error("no EAP packet has the code {0}")]
    Code(u8),
    /// A request or response without a type.
    #[error("an EAP request or response without a type")]
    NoType,
}

/// An EAP packet, read in place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EapPacket<'a> {
    /// What it is.
    pub code: EapCode,
    /// Tells a response which request it belongs to.
    pub identifier: u8,
    /// See [`method`]; none in success and failure.
    pub method: Option<u8>,
    /// What follows the type.
    pub data: &'a [u8],
}

impl<'a> EapPacket<'a> {
    /// Reads one. Octets beyond its length field are ignored (RFC 3748 §4.1).
    ///
    /// Fails with [`EapMalformed`]; such a packet is discarded.
    pub fn parse(octets: &'a [u8]) -> Result<Self, EapMalformed> {
        let (&[code, identifier, high, low], _) = octets.split_first_chunk::<4>().ok_or(EapMalformed::TooShort)?;
        let len = usize::from(u16::from_be_bytes([high, low]));
        let body = octets.get(4..len).ok_or(EapMalformed::TooShort)?;
        let code = match code {
            1 => EapCode::Request,
            2 => EapCode::Response,
            3 => EapCode::Success,
            4 => EapCode::Failure,
            other => return Err(EapMalformed::Code(other)),
        };
        match code {
            EapCode::Request | EapCode::Response => {
                let (&method, data) = body.split_first().ok_or(EapMalformed::NoType)?;
                Ok(Self { code, identifier, method: Some(method), data })
            }
            EapCode::Success | EapCode::Failure => Ok(Self { code, identifier, method: None, data: body }),
        }
    }

    /// The packet's octets. Its length is bounded by what was read or is sent in RADIUS, far below the 65,535 of the field.
    pub fn to_octets(&self) -> Vec<u8> {
        let len = 4 + usize::from(self.method.is_some()) + self.data.len();
        let [high, low] = u16::try_from(len).unwrap_or(u16::MAX).to_be_bytes();
        let code = match self.code {
            EapCode::Request => 1,
            EapCode::Response => 2,
            EapCode::Success => 3,
            EapCode::Failure => 4,
        };
        let mut octets = Vec::with_capacity(len);
        octets.extend([code, self.identifier, high, low]);
        octets.extend(self.method);
        octets.extend(self.data);
        octets
    }
}

/// The parts of an EAP packet that go into one attribute each.
pub(crate) fn split(packet: &[u8]) -> impl Iterator<Item = &[u8]> {
    packet.chunks(MAX_VALUE)
}
