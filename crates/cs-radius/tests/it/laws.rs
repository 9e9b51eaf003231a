//! What holds for every packet that we make, and for every one that arrives.

use cs_radius::salted::{self, Hop};
use cs_radius::{
    Attribute, Builder, Code, Integrity, Packet, Secret, chap, eap, kind, mschap, password, reply_integrity,
    reply_is_authentic, request_integrity, request_is_authentic, vendor,
};
use proptest::prelude::*;

fn attributes() -> impl Strategy<Value = Vec<(u8, Vec<u8>)>> {
    let kinds = any::<u8>().prop_filter("ours", |&kind| kind != kind::MESSAGE_AUTHENTICATOR);
    prop::collection::vec((kinds, prop::collection::vec(any::<u8>(), 0..=60)), 0..=20)
}

fn builder(code: Code, attributes: &[(u8, Vec<u8>)]) -> Builder {
    let mut builder = Builder::new(code, 7);
    for (kind, value) in attributes {
        builder.attribute(*kind, value).unwrap();
    }
    builder
}

/// Every bit of a packet, each turned alone.
fn with_one_bit_turned(bytes: &[u8]) -> impl Iterator<Item = Vec<u8>> {
    (0..bytes.len() * 8).map(|bit| {
        let mut turned = bytes.to_vec();
        turned[bit / 8] ^= 1 << (bit % 8);
        turned
    })
}

proptest! {
    #[test]
    fn what_we_write_is_read_as_it_was_written(attributes in attributes(), authenticator: [u8; 16]) {
        let secret = Secret::new(*b"shared");
        for code in [Code::AccessRequest, Code::AccessAccept, Code::AccountingRequest, Code::CoaRequest] {
            let packet = builder(code, &attributes);
            let bytes = match code {
                Code::AccessRequest => packet.into_request(&secret, &authenticator),
                Code::AccountingRequest | Code::CoaRequest => packet.into_digested_request(&secret),
                _ => packet.into_reply(&secret, &authenticator),
            };
            let read = Packet::parse(&bytes).unwrap();
            prop_assert_eq!((read.code(), read.identifier()), (code, 7));
            let ours: Vec<(u8, Vec<u8>)> = read
                .attributes()
                .filter(|attribute| attribute.kind != kind::MESSAGE_AUTHENTICATOR)
                .map(|attribute| (attribute.kind, attribute.value.to_vec()))
                .collect();
            prop_assert_eq!(&ours, &attributes);
            prop_assert_eq!(read.has_message_authenticator(), code.is_authentication());
            if code.is_authentication() {
                prop_assert_eq!(read.attributes().next().unwrap().kind, kind::MESSAGE_AUTHENTICATOR);
            }
        }
    }

    #[test]
    fn passwords_come_out_as_they_went_in(password in "[^\0]{0,40}", authenticator: [u8; 16]) {
        let secret = Secret::new(*b"shared");
        let hidden = password::hide(password.as_bytes(), &secret, &authenticator);
        if password.len() > password::MAX_PASSWORD {
            prop_assert!(hidden.is_err());
            return Ok(());
        }
        let hidden = hidden.unwrap();
        prop_assert!(hidden.len() >= 16 && hidden.len().is_multiple_of(16));
        prop_assert_eq!(&**password::reveal(&hidden, &secret, &authenticator).unwrap(), password.as_bytes());
    }

    #[test]
    fn keys_are_hidden_anew_for_the_next_hop(
        key in prop::collection::vec(any::<u8>(), 0..=64), request: [u8; 16], other: [u8; 16], tag: u8,
    ) {
        let (near, far) = (Secret::new(*b"near"), Secret::new(*b"far away"));
        let (from, to) = (Hop { secret: &far, request: &other }, Hop { secret: &near, request: &request });
        let hidden = salted::hide(&key, from, [0x91, 2]).unwrap();
        prop_assert_eq!(&**salted::open(&hidden, from).unwrap(), &key[..]);

        let value = vendor::wrap(vendor::id::MICROSOFT, salted::MS_MPPE_SEND_KEY, &hidden).unwrap();
        let rehidden = salted::rehide(Attribute { kind: kind::VENDOR_SPECIFIC, value: &value }, from, to, [0x80, 9]);
        let rehidden = rehidden.unwrap().unwrap();
        let inside = vendor::unwrap(&rehidden).next().unwrap();
        prop_assert_eq!((inside.vendor, inside.kind), (vendor::id::MICROSOFT, salted::MS_MPPE_SEND_KEY));
        prop_assert_eq!(&**salted::open(inside.value, to).unwrap(), &key[..]);

        let tagged = [&[tag], &hidden[..]].concat();
        let rehidden = salted::rehide(Attribute { kind: kind::TUNNEL_PASSWORD, value: &tagged }, from, to, [0, 9]);
        let rehidden = rehidden.unwrap().unwrap();
        prop_assert_eq!(rehidden[0], tag);
        prop_assert_eq!(&**salted::open(&rehidden[1..], to).unwrap(), &key[..]);
    }

    #[test]
    fn nothing_that_arrives_stops_us(bytes in prop::collection::vec(any::<u8>(), 0..=200)) {
        cs_radius::fuzz::packet(&bytes);
        cs_radius::fuzz::eap(&bytes);
        // With a length field that fits, more of it is looked at.
        let mut bytes = bytes;
        if bytes.len() >= 20 {
            (bytes[2], bytes[3]) = (0, u8::try_from(bytes.len()).unwrap());
            cs_radius::fuzz::packet(&bytes);
        }
    }

    #[test]
    fn an_eap_packet_survives_its_parts(data in prop::collection::vec(any::<u8>(), 0..=1500)) {
        let packet = eap::EapPacket {
            code: eap::EapCode::Request,
            identifier: 3,
            method: Some(eap::method::PEAP),
            data: &data,
        };
        let octets = packet.to_octets();
        let secret = Secret::new(*b"shared");
        let mut builder = Builder::new(Code::AccessChallenge, 1);
        builder.eap(&octets).unwrap();
        let bytes = builder.into_reply(&secret, &[0; 16]);
        let joined = Packet::parse(&bytes).unwrap().eap().unwrap();
        prop_assert_eq!(eap::EapPacket::parse(&joined).unwrap(), packet);
    }
}

proptest! {
    // Each case is some thousands: every bit of a packet.
    #![proptest_config(ProptestConfig { cases: 16, ..ProptestConfig::default() })]

    #[test]
    fn no_bit_of_an_answer_can_be_turned(attributes in attributes(), authenticator: [u8; 16]) {
        let secret = Secret::new(*b"shared");
        let bytes = builder(Code::AccessReject, &attributes).into_reply(&secret, &authenticator);
        prop_assert!(reply_is_authentic(&Packet::parse(&bytes).unwrap(), &secret, &authenticator));
        for turned in with_one_bit_turned(&bytes) {
            let Ok(packet) = Packet::parse(&turned) else { continue };
            prop_assert!(!reply_is_authentic(&packet, &secret, &authenticator));
            // The authenticator itself is not under the HMAC: the request's is, in its place.
            let turned_authenticator = packet.authenticator() != Packet::parse(&bytes).unwrap().authenticator();
            let integrity = reply_integrity(&packet, &secret, &authenticator);
            prop_assert!(turned_authenticator || integrity != Integrity::Valid);
        }
    }

    #[test]
    fn no_bit_of_a_request_can_be_turned(attributes in attributes(), authenticator: [u8; 16]) {
        let secret = Secret::new(*b"shared");
        let login = builder(Code::AccessRequest, &attributes).into_request(&secret, &authenticator);
        prop_assert_eq!(request_integrity(&Packet::parse(&login).unwrap(), &secret), Integrity::Valid);
        for turned in with_one_bit_turned(&login) {
            let Ok(packet) = Packet::parse(&turned) else { continue };
            prop_assert!(request_integrity(&packet, &secret) != Integrity::Valid);
        }
        let accounting = builder(Code::AccountingRequest, &attributes).into_digested_request(&secret);
        prop_assert!(request_is_authentic(&Packet::parse(&accounting).unwrap(), &secret));
        for turned in with_one_bit_turned(&accounting) {
            let Ok(packet) = Packet::parse(&turned) else { continue };
            prop_assert!(!request_is_authentic(&packet, &secret));
        }
    }
}

#[test]
fn what_does_not_fit_is_refused_and_nothing_is_added() {
    let mut builder = Builder::new(Code::AccessAccept, 1);
    assert!(builder.attribute(kind::CLASS, &[0; 254]).is_err());
    for _ in 0..15 {
        builder.attribute(kind::CLASS, &[0; 253]).unwrap();
    }
    assert_eq!(builder.room(), 4096 - 38 - 15 * 255);
    assert!(builder.attribute(kind::CLASS, &[0; 253]).is_err());
    assert_eq!(builder.room(), 4096 - 38 - 15 * 255);
    builder.attribute(kind::CLASS, &vec![0; builder.room() - 2]).unwrap();
    assert_eq!(builder.into_reply(&Secret::new(*b"s"), &[0; 16]).len(), 4096);
}

#[test]
fn a_message_is_cut_between_characters() {
    let secret = Secret::new(*b"s");
    let mut builder = Builder::new(Code::AccessReject, 1);
    builder.message(&"ü".repeat(200)).unwrap();
    let bytes = builder.into_reply(&secret, &[0; 16]);
    let text = Packet::parse(&bytes).unwrap().text(kind::REPLY_MESSAGE).unwrap().to_owned();
    assert_eq!(text, "ü".repeat(126));
}

#[test]
fn a_chap_password_is_checked_against_its_challenge() {
    use md5::{Digest as _, Md5};
    let secret = Secret::new(*b"s");
    let response = |challenge: &[u8]| {
        let digest = Md5::new().chain_update([9]).chain_update(b"b").chain_update(challenge).finalize();
        [&[9], digest.as_slice()].concat()
    };
    // The challenge of its own, or else the authenticator.
    for challenge in [Some([5; 16]), None] {
        let mut builder = Builder::new(Code::AccessRequest, 1);
        builder.attribute(kind::CHAP_PASSWORD, &response(&challenge.unwrap_or([6; 16]))).unwrap();
        if let Some(challenge) = challenge {
            builder.attribute(kind::CHAP_CHALLENGE, &challenge).unwrap();
        }
        let bytes = builder.into_request(&secret, &[6; 16]);
        let chap = chap::Chap::of(&Packet::parse(&bytes).unwrap()).unwrap();
        assert!(chap.is(b"b") && !chap.is(b"c") && !chap.is(b""));
        assert_eq!(chap.challenge(), challenge.unwrap_or([6; 16]));
    }
}

#[test]
fn the_error_of_a_refused_ms_chap_is_read() {
    let secret = Secret::new(*b"s");
    let refusal = |value: &[u8]| {
        let mut builder = Builder::new(Code::AccessReject, 1);
        builder.vendor(vendor::id::MICROSOFT, mschap::ERROR, value).unwrap();
        let bytes = builder.into_reply(&secret, &[0; 16]);
        mschap::error_of(&Packet::parse(&bytes).unwrap())
    };
    assert_eq!(refusal(b"\x01E=648 R=0 C=00112233445566778899AABBCCDDEEFF V=3"), Some(648));
    assert_eq!(refusal(&mschap::refusal(3, mschap::error::AUTHENTICATION_FAILURE, &[0xab; 16])), Some(691));
    assert_eq!(refusal(b"\x01nothing of the kind"), None);
    assert_eq!(refusal(b""), None);
}
