//! What the fuzzer calls: every parser of this package, with whatever octets.

use crate::eap::EapPacket;
use crate::{Attribute, Code, Packet, Secret, chap, mschap, password, request_integrity, salted};

/// Reads octets as a packet and, where they are one, everything in it.
pub fn packet(octets: &[u8]) {
    let Ok(packet) = Packet::parse(octets) else { return };
    let (secret, nothing) = (Secret::new(*b"secret"), [0; 16]);
    let hop = salted::Hop { secret: &secret, request: &nothing };
    _ = request_integrity(&packet, &secret);
    _ = (crate::request_is_authentic(&packet, &secret), packet.vendors().count(), packet.cisco_avpairs().count());
    _ = (mschap::MsChap::of(&packet), mschap::error_of(&packet), mschap::identifier_of(&packet));
    _ = chap::Chap::of(&packet).is_some_and(|chap| chap.is(b"password"));
    _ = packet.eap().as_deref().map(EapPacket::parse);
    for Attribute { kind, value } in packet {
        _ = password::reveal(value, &secret, packet.authenticator());
        _ = salted::open(value, hop);
        _ = salted::rehide(Attribute { kind, value }, hop, hop, [0x80, 1]);
        _ = (crate::dictionary::describe(kind, value), Code::from_octet(kind));
    }
}

/// Reads octets as an EAP packet.
pub fn eap(octets: &[u8]) {
    if let Ok(packet) = EapPacket::parse(octets) {
        // What was read is written as it was, but for what follows its end.
        let written = packet.to_octets();
        assert_eq!(Some(&*written), octets.get(..written.len()));
    }
}
