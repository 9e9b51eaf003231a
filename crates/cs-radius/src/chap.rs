//! CHAP (RFC 2865 §5.3 and §5.40): the password is never sent, only a digest of it with a challenge.

use md5::{Digest as _, Md5};
use subtle::ConstantTimeEq as _;

use crate::attribute::kind;
use crate::packet::Packet;

/// What a CHAP-Password attribute says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Chap<'a> {
    identifier: u8,
    response: &'a [u8; 16],
    challenge: &'a [u8],
}

impl<'a> Chap<'a> {
    /// From a request, if it has a CHAP-Password of the right length. Where no CHAP-Challenge is sent, the authenticator is the challenge.
    pub fn of(request: &Packet<'a>) -> Option<Self> {
        let value: &[u8; 17] = request.first(kind::CHAP_PASSWORD)?.try_into().ok()?;
        let (&identifier, response) = value.split_first()?;
        let challenge = request.first(kind::CHAP_CHALLENGE).unwrap_or(request.authenticator());
        Some(Self { identifier, response: response.try_into().ok()?, challenge })
    }

    /// The challenge, which must travel with the request when its authenticator does not.
    pub fn challenge(&self) -> &'a [u8] {
        self.challenge
    }

    /// Whether it was made with this password.
    pub fn is(&self, password: &[u8]) -> bool {
        let mut digest = Md5::new_with_prefix([self.identifier]);
        digest.update(password);
        digest.update(self.challenge);
        digest.finalize().as_slice().ct_eq(self.response).into()
    }
}
