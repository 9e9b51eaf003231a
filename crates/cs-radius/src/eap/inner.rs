//! EAP inside of PEAP, version 0: its packets travel without code, identifier and length, save those that tell the result ([MS-PEAP] §3.1.5.6,
//! draft-josefsson-pppext-eap-tls-eap-10 §4.2).

use super::{EapCode, EapMalformed, EapPacket, method};

/// The TLV that tells the result, which must be understood.
const RESULT: [u8; 4] = [0x80, 3, 0, 2];
const SUCCESS: [u8; 2] = [0, 1];
const FAILURE: [u8; 2] = [0, 2];

/// A request for the other end: a type and what belongs to it.
pub fn request(method: u8, data: &[u8]) -> Vec<u8> {
    let mut octets = vec![method];
    octets.extend(data);
    octets
}

/// The request that tells that the login has succeeded, which the other end confirms. Nobody on the way can make one.
pub fn success(identifier: u8) -> Vec<u8> {
    let data = [&RESULT[..], &SUCCESS].concat();
    EapPacket { code: EapCode::Request, identifier, method: Some(method::TLV), data: &data }.to_octets()
}

/// A response of the other end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Response<'a> {
    /// See [`method`].
    pub method: u8,
    /// What belongs to it.
    pub data: &'a [u8],
}

impl<'a> Response<'a> {
    /// Reads one, with its header or without.
    ///
    /// Fails with [`EapMalformed`].
    pub fn parse(octets: &'a [u8]) -> Result<Self, EapMalformed> {
        // With a header it begins with the code of responses and a length that is right; the type 2, notification, has nothing of the kind behind it.
        if let Ok(EapPacket { code: EapCode::Response, method: Some(method), data, .. }) = EapPacket::parse(octets)
            && data.len() + 5 == octets.len()
        {
            return Ok(Self { method, data });
        }
        let (&method, data) = octets.split_first().ok_or(EapMalformed::NoType)?;
        Ok(Self { method, data })
    }

    /// Whether the other end takes the login for good; `None` if it does not speak of it.
    pub fn result(&self) -> Option<bool> {
        let mut rest = (self.method == method::TLV).then_some(self.data)?;
        while let Some((&[flags, kind, high, low], following)) = rest.split_first_chunk::<4>() {
            let len = usize::from(u16::from_be_bytes([high, low]));
            let (value, others) = following.split_at_checked(len)?;
            // The first bit says that it must be understood, the second is kept free.
            if (flags & 0x3f, kind) == (0, RESULT[1]) {
                return match value.try_into() {
                    Ok(SUCCESS) => Some(true),
                    Ok(FAILURE) => Some(false),
                    Ok(_) | Err(_) => None,
                };
            }
            rest = others;
        }
        None
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn responses_come_with_a_header_or_without() {
        assert_eq!(Response::parse(b"\x01alice").unwrap(), Response { method: 1, data: b"alice" });
        assert_eq!(Response::parse(b"\x02\x07\x00\x0a\x01alice").unwrap(), Response { method: 1, data: b"alice" });
        assert_eq!(Response::parse(b"\x02").unwrap(), Response { method: 2, data: b"" });
        // A length that is not right is no header.
        assert_eq!(Response::parse(b"\x02\x07\x00\x09\x01alice").unwrap().method, 2);
        assert_eq!(Response::parse(b""), Err(EapMalformed::NoType));
    }

    #[test]
    fn only_a_success_is_one() {
        let response = |data: &[u8]| Response::parse(&[&[method::TLV], data].concat()).unwrap().result();
        assert_eq!(response(&[0x80, 3, 0, 2, 0, 1]), Some(true));
        assert_eq!(response(&[0x80, 3, 0, 2, 0, 2]), Some(false));
        assert_eq!(response(&[0, 7, 0, 1, 9, 0x80, 3, 0, 2, 0, 1]), Some(true));
        for octets in
            [&[][..], &[0x80, 3, 0, 2, 0], &[0x80, 3, 0, 2, 0, 3], &[0x80, 3, 0, 1, 1], &[0x80, 12, 0, 2, 0, 1]]
        {
            assert_eq!(response(octets), None, "{octets:?}");
        }
        assert_eq!(Response::parse(b"\x06secret").unwrap().result(), None);
        let ours = success(9);
        assert_eq!(ours, [1, 9, 0, 11, 33, 0x80, 3, 0, 2, 0, 1]);
    }
}
