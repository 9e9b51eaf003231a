//! What OpenLDAP's programs (2.5.13) send, octet for octet.

use cs_ldap::{
    Authentication, Credentials, Filter, Malformed, Message, MessageId, Operation, ResultCode, Scope, Search, oid,
    request, response,
};
use data_encoding::HEXLOWER;

fn hex(text: &str) -> Vec<u8> {
    HEXLOWER.decode(text.as_bytes()).unwrap()
}

fn id(number: i32) -> MessageId {
    MessageId::new(number).unwrap()
}

const BIND: &str = "3027020101602202010304107569643d616c6963652c64633d6c6162800b5333637265742c70757368";
const SEARCH: &str = "3081b802010263818d040664633d6c61620a01020a0100020104020103010100a069a315040b6f626a656374436c6173730406706572736f6ea11ba4110403756964300a8002616c810163820165a20687046d61696ca506040161040131a92b8117312e322e3834302e3131333535362e312e342e313934318208\
6d656d6265724f668306636e3d76706e300904037569640402636ea02330210416312e322e3834302e3131333535362e312e342e333139040730050201020400";
const WHO_AM_I: &str = "301e02010277198017312e332e362e312e342e312e343230332e312e31312e33";
const START_TLS: &str = "301d02010177188016312e332e362e312e342e312e313436362e3230303337";

#[test]
fn ldapwhoami_binds_with_a_name_and_a_password() {
    let octets = hex(BIND);
    let message = Message::parse(&octets).unwrap();
    assert_eq!((message.id, message.controls), (id(1), None));
    let Operation::BindRequest(bind) = &message.operation else { panic!("{message:?}") };
    assert_eq!((bind.version, bind.name), (3, "uid=alice,dc=lab"));
    assert_eq!(bind.authentication, Authentication::Simple(Credentials::new(b"S3cret,push")));
    assert_eq!(*request::bind(id(1), bind.name, &bind.authentication, None), octets);
    assert!(!format!("{message:?}").contains("S3cret"), "{message:?}");
}

#[test]
fn ldapsearch_asks_as_we_do() {
    let octets = hex(SEARCH);
    let message = Message::parse(&octets).unwrap();
    assert_eq!((message.id, &message.operation), (id(2), &Operation::Other(0x63)));
    let search = Search {
        base: "dc=lab".to_owned(),
        scope: Scope::Subtree,
        size_limit: 4,
        time_limit_seconds: 3,
        filter: Filter::parse(
            "(&(objectClass=person)(|(uid=al*c*e)(!(mail=*)))(a>=1)(memberOf:1.2.840.113556.1.4.1941:=cn=vpn))",
        )
        .unwrap(),
        attributes: vec!["uid".to_owned(), "cn".to_owned()],
    };
    assert_eq!(search.encode(id(2), message.controls), octets);
}

#[test]
fn extended_operations() {
    for (octets, name, ours) in [
        (WHO_AM_I, oid::WHO_AM_I, request::extended(id(2), oid::WHO_AM_I, None).to_vec()),
        (START_TLS, oid::START_TLS, request::start_tls(id(1))),
    ] {
        assert_eq!(hex(octets), ours);
        let Operation::ExtendedRequest(extended) = Message::parse(&ours).unwrap().operation else { panic!("{name}") };
        assert_eq!((extended.name, extended.value), (name, None));
    }
}

#[test]
fn slapd_answers_as_we_do() {
    let success = hex("300c02010161070a010004000400");
    assert_eq!(response::bind_response(id(1), ResultCode::Success, ""), success);
    let refused = response::bind_response(id(7), ResultCode::InvalidCredentials, "The request was denied.");
    let Operation::BindResponse(read) = Message::parse(&refused).unwrap().operation else { panic!("no response") };
    assert_eq!(read.result.code, ResultCode::InvalidCredentials);
    assert_eq!(read.result.diagnostic, b"The request was denied.");
    let notice = response::notice_of_disconnection(ResultCode::Unavailable, "gone");
    let message = Message::parse(&notice).unwrap();
    assert_eq!(message.id, MessageId::UNSOLICITED);
    let Operation::ExtendedResponse(read) = message.operation else { panic!("no notice") };
    assert_eq!((read.result.code, read.name), (ResultCode::Unavailable, Some(oid::NOTICE_OF_DISCONNECTION)));
}

#[test]
fn an_entry_is_read() {
    let attribute = |name: &str, values: &[&str]| {
        let mut writer = cs_ldap::ber::Writer::with_room(100);
        writer.nested(0x30, |one| {
            one.octets(0x04, name.as_bytes());
            one.nested(0x31, |set| {
                values.iter().for_each(|value| {
                    set.octets(0x04, value.as_bytes());
                })
            });
        });
        writer.into_octets()
    };
    let mut writer = cs_ldap::ber::Writer::with_room(300);
    writer.nested(0x30, |message| {
        message.number(0x02, 2).nested(0x64, |entry| {
            entry.octets(0x04, b"uid=alice,dc=lab");
            entry.nested(0x30, |list| {
                list.raw(&attribute("uid", &["alice"]))
                    .raw(&attribute("mail", &["a@x", "b@x"]))
                    .raw(&attribute("sn", &[]));
            });
        });
    });
    let octets = writer.into_octets();
    let Operation::SearchResultEntry(entry) = Message::parse(&octets).unwrap().operation else { panic!("no entry") };
    assert_eq!((entry.dn, entry.only_text("UID")), ("uid=alice,dc=lab", Some("alice")));
    assert_eq!((entry.only_text("mail"), entry.only_text("sn"), entry.only_text("cn")), (None, None, None));
    assert_eq!(entry.values("mail"), [b"a@x", b"b@x"]);
    assert!(!format!("{entry:?}").contains("a@x"), "values are not shown");
}

#[test]
fn a_message_number_is_not_negative() {
    assert_eq!(Message::parse(b"\x30\x05\x02\x01\xff\x42\x00"), Err(Malformed::MessageId));
    assert_eq!(Message::parse(b"\x30\x05\x02\x01\x00\x42\x00").unwrap().id, MessageId::UNSOLICITED);
}
