//! The examples of RFC 2865 §7 and RFC 5997 §6.

use cs_radius::{
    Builder, Code, Integrity, Malformed, Packet, Secret, kind, password, reply_is_authentic, request_integrity,
};
use data_encoding::HEXLOWER;

/// The secret of both RFCs' examples.
fn secret() -> Secret {
    Secret::new(*b"xyzzy5461")
}

fn octets(hex: &str) -> Vec<u8> {
    HEXLOWER.decode(hex.replace([' ', '\n'], "").as_bytes()).unwrap()
}

const TELNET_REQUEST: &str = "01 00 00 38 0f 40 3f 94 73 97 80 57 bd 83 d5 cb 98 f4 22 7a
    01 06 6e 65 6d 6f 02 12 0d be 70 8d 93 d4 13 ce 31 96 e4 3f 78 2a 0a ee 04 06 c0 a8 01 10 05 06 00 00 00 03";

#[test]
fn a_login_of_rfc_2865() {
    let bytes = octets(TELNET_REQUEST);
    let request = Packet::parse(&bytes).unwrap();
    assert_eq!((request.code(), request.identifier()), (Code::AccessRequest, 0));
    assert_eq!(request.text(kind::USER_NAME), Some("nemo"));
    assert_eq!(request.number(kind::NAS_PORT), Some(3));
    assert_eq!(request_integrity(&request, &secret()), Integrity::Absent);
    let hidden = request.first(kind::USER_PASSWORD).unwrap();
    assert_eq!(&**password::reveal(hidden, &secret(), request.authenticator()).unwrap(), b"arctangent");
    assert_eq!(password::hide(b"arctangent", &secret(), request.authenticator()).unwrap(), hidden);

    let bytes = octets(
        "02 00 00 26 86 fe 22 0e 76 24 ba 2a 10 05 f6 bf 9b 55 e0 b2 06 06 00 00 00 01 0f 06 00 00 00 00 0e 06 c0 a8 01 03",
    );
    let reply = Packet::parse(&bytes).unwrap();
    assert!(reply_is_authentic(&reply, &secret(), request.authenticator()));
    assert!(!reply_is_authentic(&reply, &Secret::new(*b"xyzzy5462"), request.authenticator()));
}

#[test]
fn a_status_server_of_rfc_5997() {
    let bytes = octets(
        "0c da 00 26 8a 54 f4 68 6f b3 94 c5 28 66 e3 02 18 5d 06 23 50 12 5a 66 5e 2e 1e 84 11 f3 e2 43 82 20 97 c8 4f a3",
    );
    let request = Packet::parse(&bytes).unwrap();
    assert_eq!(request.code(), Code::StatusServer);
    assert_eq!(request_integrity(&request, &secret()), Integrity::Valid);
    assert_eq!(request_integrity(&request, &Secret::new(*b"other")), Integrity::Wrong);
    // The same packet, made by us.
    let made = Builder::new(Code::StatusServer, 0xda).into_request(&secret(), request.authenticator());
    assert_eq!(made, bytes);

    let bytes = octets("02 da 00 14 ef 0d 55 2a 4b f2 d6 93 ec 2b 6f e8 b5 41 1d 66");
    let reply = Packet::parse(&bytes).unwrap();
    assert!(reply_is_authentic(&reply, &secret(), request.authenticator()));
}

#[test]
fn what_must_be_discarded() {
    let good = octets(TELNET_REQUEST);
    let with = |at: usize, octet: u8| {
        let mut bytes = good.clone();
        bytes[at] = octet;
        bytes
    };
    let no_packet = |bytes: &[u8]| Packet::parse(bytes).err();
    assert_eq!(no_packet(&good[..19]), Some(Malformed::TooShort { got: 19, wanted: 56 }));
    assert_eq!(no_packet(&good[..3]), Some(Malformed::TooShort { got: 3, wanted: 20 }));
    assert_eq!(no_packet(&with(3, 19)), Some(Malformed::LengthField(19)));
    assert_eq!(no_packet(&with(2, 0x10)), Some(Malformed::LengthField(0x1038)));
    assert_eq!(no_packet(&with(3, 0x39)), Some(Malformed::TooShort { got: 56, wanted: 57 }));
    assert_eq!(no_packet(&with(21, 1)), Some(Malformed::AttributeLength { kind: 1, at: 20 }));
    assert_eq!(no_packet(&with(21, 0)), Some(Malformed::AttributeLength { kind: 1, at: 20 }));
    assert_eq!(no_packet(&with(51, 7)), Some(Malformed::AttributeLength { kind: 5, at: 50 }));
    assert_eq!(no_packet(&with(26, kind::MESSAGE_AUTHENTICATOR)), None);
    // An attribute of one octet at the very end, and a Message-Authenticator of four octets.
    let mut cut = good.clone();
    (cut[3], cut[49]) = (51, 6);
    cut.truncate(51);
    assert_eq!(no_packet(&cut), Some(Malformed::AttributeLength { kind: 5, at: 50 }));
    assert_eq!(no_packet(&with(50, kind::MESSAGE_AUTHENTICATOR)), Some(Malformed::MessageAuthenticator));
    // Octets beyond the length field are padding.
    let padded = [&good[..], &[1, 2, 3]].concat();
    assert_eq!(Packet::parse(&padded).unwrap().as_bytes(), good);
}
