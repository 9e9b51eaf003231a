//! Making packets. The Message-Authenticator comes first in everything about authentication, which leaves an attacker no prefix to choose (CVE-2024-3596).

use crate::attribute::{MAX_VALUE, kind};
use crate::code::Code;
use crate::eap;
use crate::integrity::{authenticator, message_authenticator};
use crate::packet::{Authenticator, MAX_LEN, MIN_LEN, Packet};
use crate::secret::Secret;
use crate::vendor;

/// Something does not fit: a value into an attribute, or an attribute into the packet.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} octets do not fit into the packet")]
pub struct TooLong(pub usize);

/// Where the value of our Message-Authenticator begins: it is the first attribute.
const SIGNED_AT: usize = MIN_LEN + 2;

/// A packet that is being written.
#[derive(Clone)]
pub struct Builder {
    bytes: Vec<u8>,
    signed: bool,
}

impl Builder {
    /// An empty packet; with a Message-Authenticator if it is about authentication.
    pub fn new(code: Code, identifier: u8) -> Self {
        let mut bytes = Vec::with_capacity(256);
        bytes.extend([code.octet(), identifier, 0, 0]);
        bytes.resize(MIN_LEN, 0);
        let signed = code.is_authentication();
        if signed {
            bytes.extend([kind::MESSAGE_AUTHENTICATOR, 18]);
            bytes.resize(SIGNED_AT + 16, 0);
        }
        Self { bytes, signed }
    }

    /// The same with a Message-Authenticator whatever it is about: for whoever has sent one (RFC 5176 §3.4).
    pub fn signed(code: Code, identifier: u8) -> Self {
        let mut builder = Self::new(code, identifier);
        if !builder.signed {
            builder.bytes.extend([kind::MESSAGE_AUTHENTICATOR, 18]);
            builder.bytes.resize(SIGNED_AT + 16, 0);
            builder.signed = true;
        }
        builder
    }

    /// What it will be.
    pub fn code(&self) -> Code {
        Code::from_octet(self.bytes.first().copied().unwrap_or_default())
    }

    /// Adds one attribute at the end. A Message-Authenticator is not taken from elsewhere: ours is made at the end.
    ///
    /// Fails if the value is longer than 253 octets or the packet would be longer than 4096; nothing is added then.
    pub fn attribute(&mut self, kind: u8, value: &[u8]) -> Result<&mut Self, TooLong> {
        if kind == kind::MESSAGE_AUTHENTICATOR {
            return Ok(self);
        }
        let too_long = TooLong(value.len());
        let len = u8::try_from(value.len() + 2).map_err(|_| too_long)?;
        if value.len() > MAX_VALUE || self.bytes.len() + value.len() + 2 > MAX_LEN {
            return Err(too_long);
        }
        self.bytes.extend([kind, len]);
        self.bytes.extend(value);
        Ok(self)
    }

    /// Adds an attribute of a vendor (RFC 2865 §5.26).
    ///
    /// Fails like [`attribute`](Self::attribute).
    pub fn vendor(&mut self, vendor: u32, kind: u8, value: &[u8]) -> Result<&mut Self, TooLong> {
        self.attribute(kind::VENDOR_SPECIFIC, &vendor::wrap(vendor, kind, value)?)
    }

    /// Adds a number of four octets.
    ///
    /// Fails like [`attribute`](Self::attribute).
    pub fn number(&mut self, kind: u8, number: u32) -> Result<&mut Self, TooLong> {
        self.attribute(kind, &number.to_be_bytes())
    }

    /// Adds an EAP packet in parts of 253 octets (RFC 3579 §3.1).
    ///
    /// Fails like [`attribute`](Self::attribute).
    pub fn eap(&mut self, packet: &[u8]) -> Result<&mut Self, TooLong> {
        for part in eap::split(packet) {
            self.attribute(kind::EAP_MESSAGE, part)?;
        }
        Ok(self)
    }

    /// Adds text for the person, cut between characters so that it fits one attribute: many devices show the first Reply-Message only. An empty one is left out, since
    /// an attribute without a value must not be sent (RFC 2865 §5).
    ///
    /// Fails like [`attribute`](Self::attribute).
    pub fn message(&mut self, text: &str) -> Result<&mut Self, TooLong> {
        if text.is_empty() {
            return Ok(self);
        }
        let fits = text.floor_char_boundary(MAX_VALUE);
        self.attribute(kind::REPLY_MESSAGE, text.get(..fits).unwrap_or_default().as_bytes())
    }

    /// Adds the Proxy-States of the request, unchanged and in their order (RFC 2865 §5.33).
    ///
    /// Fails like [`attribute`](Self::attribute).
    pub fn proxy_states(&mut self, request: &Packet<'_>) -> Result<&mut Self, TooLong> {
        for state in request.all(kind::PROXY_STATE) {
            self.attribute(kind::PROXY_STATE, state)?;
        }
        Ok(self)
    }

    /// How many octets still fit.
    pub fn room(&self) -> usize {
        MAX_LEN.saturating_sub(self.bytes.len())
    }

    /// Finishes an Access-Request or Status-Server. `authenticator` is random and never used again (RFC 2865 §3).
    pub fn into_request(mut self, secret: &Secret, authenticator: &Authenticator) -> Vec<u8> {
        self.write_len();
        self.write_authenticator(authenticator);
        self.sign(secret, authenticator);
        self.bytes
    }

    /// Finishes an accounting, CoA or disconnect request, whose authenticator is a digest (RFC 2866 §3).
    pub fn into_digested_request(mut self, secret: &Secret) -> Vec<u8> {
        self.write_len();
        self.sign(secret, &[0; 16]);
        let digest = authenticator(&self.bytes, secret, &[0; 16]);
        self.write_authenticator(&digest);
        self.bytes
    }

    /// Finishes the answer to the request with this authenticator (RFC 2865 §3).
    pub fn into_reply(mut self, secret: &Secret, request: &Authenticator) -> Vec<u8> {
        self.write_len();
        self.sign(secret, request);
        let digest = authenticator(&self.bytes, secret, request);
        self.write_authenticator(&digest);
        self.bytes
    }

    fn sign(&mut self, secret: &Secret, in_place: &Authenticator) {
        if !self.signed {
            return;
        }
        let mac = message_authenticator(&self.bytes, SIGNED_AT, secret, in_place);
        if let Some(place) = self.bytes.get_mut(SIGNED_AT..SIGNED_AT + 16) {
            place.copy_from_slice(&mac);
        }
    }

    fn write_len(&mut self) {
        // No attribute is added beyond 4096.
        let len = u16::try_from(self.bytes.len()).unwrap_or(u16::MAX).to_be_bytes();
        if let Some(place) = self.bytes.get_mut(2..4) {
            place.copy_from_slice(&len);
        }
    }

    fn write_authenticator(&mut self, authenticator: &Authenticator) {
        if let Some(place) = self.bytes.get_mut(4..MIN_LEN) {
            place.copy_from_slice(authenticator);
        }
    }
}
