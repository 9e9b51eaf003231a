//! Records as they are answered and kept.

use std::net::IpAddr;

use cs_radius::{Builder, Code, Packet, Secret, kind};

/// An Accounting-Response: what was sent is ours now.
pub(super) fn response(request: &Packet<'_>, secret: &Secret) -> Vec<u8> {
    let identifier = request.identifier();
    let mut builder = if request.has_message_authenticator() {
        Builder::signed(Code::AccountingResponse, identifier)
    } else {
        Builder::new(Code::AccountingResponse, identifier)
    };
    for state in request.all(kind::PROXY_STATE) {
        _ = builder.attribute(kind::PROXY_STATE, state);
    }
    builder.into_reply(secret, request.authenticator())
}

/// What is kept of a record: from where it came, and the packet.
pub(super) fn packed(device: IpAddr, octets: &[u8]) -> Vec<u8> {
    let address = match device {
        IpAddr::V4(address) => address.octets().to_vec(),
        IpAddr::V6(address) => address.octets().to_vec(),
    };
    // Four or sixteen.
    let len = u8::try_from(address.len()).unwrap_or_default();
    [&[len], &*address, octets].concat()
}

/// From where a kept record came, and its packet; `None` if it is no record.
pub(super) fn unpacked(kept: &[u8]) -> Option<(IpAddr, Packet<'_>)> {
    let (&len, rest) = kept.split_first()?;
    let (address, octets) = rest.split_at_checked(usize::from(len))?;
    let device = match *address {
        [a, b, c, d] => IpAddr::from([a, b, c, d]),
        _ => IpAddr::from(<[u8; 16]>::try_from(address).ok()?),
    };
    Some((device, Packet::parse(octets).ok()?))
}
