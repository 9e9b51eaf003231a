//! First factors that another server checks without a password being seen: CHAP, MS-CHAP, EAP, and what such a server asks.

use countersign_proxy::radius::login::{Event, Primary};
use countersign_proxy::radius::output::{LoginId, Output};
use countersign_proxy::radius::proof::{Continued, Credential, Proof, Relay};
use countersign_proxy::radius::verdict::PrimaryReply;
use cs_radius::{Builder, Code, Packet, Secret, kind, vendor};

use super::site::{Site, alice, can_push, secret};

mod chap;
mod eap;

const AUTHENTICATOR: [u8; 16] = [7; 16];

/// A request of alice with these attributes and this number.
fn request(number: u8, attributes: &[(u8, Vec<u8>)]) -> Vec<u8> {
    let mut builder = Builder::new(Code::AccessRequest, number);
    builder.attribute(kind::USER_NAME, b"alice").unwrap();
    builder.attribute(kind::CALLING_STATION_ID, b"198.51.100.7").unwrap();
    for (kind, value) in attributes {
        builder.attribute(*kind, value).unwrap();
    }
    builder.into_request(&secret(), &AUTHENTICATOR)
}

fn chap(number: u8, response: u8) -> Vec<u8> {
    request(number, &[(kind::CHAP_PASSWORD, [vec![number], vec![response; 16]].concat())])
}

fn microsoft(kind: u8, value: &[u8]) -> (u8, Vec<u8>) {
    (kind::VENDOR_SPECIFIC, vendor::wrap(vendor::id::MICROSOFT, kind, value).unwrap())
}

fn send(site: &mut Site, packet: &[u8]) {
    site.send(packet, 1000);
}

fn relayed(site: &mut Site) -> (LoginId, Relay) {
    match site.output() {
        Output::Relay { login, relay, .. } => (login, relay),
        other => panic!("nothing is relayed: {other:?}"),
    }
}

fn proof(relay: Relay) -> Proof {
    match relay.credential {
        Credential::Proof(proof) => proof,
        other => panic!("no proof: {other:?}"),
    }
}

/// What another server says, with attributes that only it and the proxy can read.
fn says(attributes: &[(u8, Vec<u8>)], user: Option<&str>) -> PrimaryReply {
    PrimaryReply {
        attributes: attributes.to_vec(),
        secret: Secret::new(*b"between-proxy-and-server"),
        authenticator: [3; 16],
        host: 0,
        user: user.map(str::to_owned),
        groups: Vec::new(),
    }
}

fn primary(site: &mut Site, login: LoginId, outcome: Primary, reply: Option<PrimaryReply>) {
    if let Some(reply) = reply {
        site.engine.on_primary_reply(login, reply);
    }
    site.engine.on_event(login, Event::Primary(outcome), site.now);
}

fn asks(state: &[u8], text: Option<&str>) -> Primary {
    Primary::Asks(Continued { host: 1, state: Some(state.to_vec()), text: text.map(str::to_owned) })
}

/// The one answer.
fn reply(site: &mut Site) -> Vec<u8> {
    match site.output() {
        Output::Send { octets, .. } => octets,
        other => panic!("no answer: {other:?}"),
    }
}

#[test]
fn what_another_server_asks_is_asked_of_the_device_and_its_answer_goes_back_there() {
    for section in ["radius_server_auto", "radius_server_challenge"] {
        let mut site = Site::new(section, "");
        site.ask(&alice("secret"));
        let Output::Primary { login, .. } = site.output() else { panic!() };
        let said = says(&[(kind::REPLY_MESSAGE, b"Token?".to_vec()), (kind::PROMPT, vec![0, 0, 0, 1])], None);
        primary(&mut site, login, asks(b"theirs", Some("Token?")), Some(said));
        let octets = reply(&mut site);
        let packet = Packet::parse(&octets).unwrap();
        assert_eq!((packet.code(), packet.text(kind::REPLY_MESSAGE)), (Code::AccessChallenge, Some("Token?")));
        assert_eq!(packet.number(kind::PROMPT), Some(1));
        let ours = packet.first(kind::STATE).unwrap();
        assert_ne!(ours, b"theirs");
        let mut ask = alice("token");
        ask.state = Some(ours.to_vec());
        site.ask(&ask);
        let (login, relay) = relayed(&mut site);
        let Credential::Typed(typed) = &relay.credential else { panic!() };
        assert_eq!(typed.as_str(), "token");
        let after = relay.after.unwrap();
        assert_eq!((after.host, after.state.as_deref()), (1, Some(&b"theirs"[..])));
        // Only now the second factor.
        primary(&mut site, login, Primary::Right, None);
        site.preauth(can_push());
    }
}

#[test]
fn a_server_that_asks_without_end_is_left() {
    let mut site = Site::new("radius_server_auto", "");
    site.ask(&alice("secret"));
    let Output::Primary { mut login, .. } = site.output() else { panic!() };
    for _ in 0..100 {
        primary(&mut site, login, asks(b"again", None), None);
        let octets = reply(&mut site);
        let mut ask = alice("x");
        ask.state = Packet::parse(&octets).unwrap().first(kind::STATE).map(<[u8]>::to_vec);
        site.ask(&ask);
        login = relayed(&mut site).0;
    }
    primary(&mut site, login, asks(b"again", None), None);
    assert_eq!(Packet::parse(&reply(&mut site)).unwrap().code(), Code::AccessReject);
}

#[test]
fn where_a_factor_must_be_typed_nothing_but_a_password_helps() {
    for section in ["radius_server_concat", "radius_server_duo_only"] {
        let mut site = Site::new(section, "");
        send(&mut site, &chap(1, 1));
        let octets = reply(&mut site);
        let packet = Packet::parse(&octets).unwrap();
        assert_eq!(packet.code(), Code::AccessReject);
        assert!(packet.text(kind::REPLY_MESSAGE).unwrap().contains("PAP"));
    }
}
