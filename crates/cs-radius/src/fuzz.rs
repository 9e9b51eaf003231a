//! What the fuzzer calls: every parser of this package, with whatever octets.

use crate::eap::{EapPacket, framing, inner, ttls};
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

/// Reads octets as a sequence of pieces of a TLS flight, each behind two octets of length, and what comes of them as what stands inside of a tunnel.
pub fn eap_framing(octets: &[u8]) {
    let mut assembly = framing::Assembly::new(4096);
    let mut rest = octets;
    while let Some((&[high, low], following)) = rest.split_first_chunk::<2>() {
        let len = usize::from(u16::from_be_bytes([high, low])).min(following.len());
        let (piece, others) = following.split_at(len);
        rest = others;
        let Ok(piece) = framing::Piece::parse(piece) else { return };
        let Ok(whole) = assembly.push(&piece) else { return };
        let Some(whole) = whole else { continue };
        assert!(whole.len() <= 4096);
        // What was put together is cut and put together as it was.
        let (mut outgoing, mut again) = (framing::Outgoing::new(whole.clone(), 200), framing::Assembly::new(4096));
        let same = std::iter::from_fn(|| outgoing.next_piece()).find_map(|piece| {
            assert!(piece.len() <= 200);
            again.push(&framing::Piece::parse(&piece).ok()?).ok()?
        });
        assert_eq!(same.as_ref(), Some(&whole));
        inside(&whole);
    }
    inside(octets);
}

fn inside(octets: &[u8]) {
    _ = ttls::avps(octets).map(|avps| assert!(avps.len() <= ttls::MOST));
    _ = ttls::PasswordLogin::of(octets);
    if let Ok(response) = inner::Response::parse(octets) {
        _ = response.result();
    }
}
