//! First factors that another server checks without a password being seen: CHAP, MS-CHAP, EAP, and what such a server asks.

use std::net::SocketAddr;

use countersign_proxy::radius::login::{Event, Outage, Preauth, Primary, Wanted};
use countersign_proxy::radius::output::{LoginId, Output, Told};
use countersign_proxy::radius::proof::{Continued, Credential, Proof, Protocol, Relay};
use countersign_proxy::radius::section::Dropped;
use countersign_proxy::radius::verdict::PrimaryReply;
use cs_radius::salted::{self, Hop, MS_MPPE_SEND_KEY};
use cs_radius::{Builder, Code, Packet, Secret, kind, mschap, vendor};

use super::site::{Site, alice, can_push, no, secret, yes};

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

fn mschap2(number: u8) -> Vec<u8> {
    let response = [vec![42, 0], vec![number; 48]].concat();
    request(number, &[microsoft(mschap::CHALLENGE, &[1; 16]), microsoft(mschap::RESPONSE_2, &response)])
}

fn change_password(number: u8) -> Vec<u8> {
    let change = [vec![7, 43], vec![0; 66]].concat();
    let parts =
        [microsoft(mschap::CHALLENGE, &[1; 16]), microsoft(6, &[6, 43, 0, 1, 9]), microsoft(6, &[6, 43, 0, 2, 9])];
    request(number, &[&parts[..], &[microsoft(mschap::CPW_2_V2, &change)]].concat())
}

/// An EAP response, and the State of the round before.
fn eap(number: u8, identifier: u8, state: Option<&[u8]>) -> Vec<u8> {
    let response = vec![2, identifier, 0, 6, 25, number];
    let state = state.map(|state| (kind::STATE, state.to_vec()));
    request(number, &[vec![(kind::EAP_MESSAGE, response)], state.into_iter().collect()].concat())
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

fn error_of(octets: &[u8]) -> Option<u16> {
    mschap::error_of(&Packet::parse(octets).unwrap())
}

#[test]
fn the_challenge_of_chap_travels_as_an_attribute() {
    let challenge = |given: &[(u8, Vec<u8>)]| {
        let mut site = Site::new("radius_server_auto", "");
        let response = (kind::CHAP_PASSWORD, [1; 17].to_vec());
        send(&mut site, &request(1, &[given, &[response]].concat()));
        let (_, relay) = relayed(&mut site);
        let proof = proof(relay);
        assert_eq!(proof.attributes[0], (kind::CHAP_PASSWORD, [1; 17].to_vec()));
        assert_eq!((proof.protocol, proof.attributes.len()), (Protocol::Chap, 2));
        proof.attributes[1].clone()
    };
    // Our own request has another authenticator.
    assert_eq!(challenge(&[]), (kind::CHAP_CHALLENGE, AUTHENTICATOR.to_vec()));
    assert_eq!(challenge(&[(kind::CHAP_CHALLENGE, vec![9; 20])]), (kind::CHAP_CHALLENGE, vec![9; 20]));
}

#[test]
fn after_chap_comes_the_second_factor() {
    for (result, expected) in [(yes(), Code::AccessAccept), (no(), Code::AccessReject)] {
        let mut site = Site::new("radius_server_auto", "");
        send(&mut site, &chap(1, 1));
        let (login, _) = relayed(&mut site);
        primary(&mut site, login, Primary::Right, Some(says(&[(kind::FILTER_ID, b"vpn".to_vec())], None)));
        site.preauth(can_push());
        let (login, attempt, wanted) = site.asked();
        assert_eq!(wanted, Wanted::Auto);
        site.decide((login, attempt), result);
        let octets = reply(&mut site);
        let packet = Packet::parse(&octets).unwrap();
        assert_eq!(packet.code(), expected);
        // Who is refused gets nothing of what the other server has granted.
        assert_eq!(packet.first(kind::FILTER_ID).is_some(), expected == Code::AccessAccept);
    }
}

#[test]
fn a_code_can_be_typed_after_chap_as_a_password() {
    let mut site = Site::new("radius_server_auto", "factors=passcode");
    send(&mut site, &chap(1, 1));
    let (login, _) = relayed(&mut site);
    primary(&mut site, login, Primary::Right, None);
    site.preauth(can_push());
    let octets = reply(&mut site);
    let state = Packet::parse(&octets).unwrap().first(kind::STATE).map(<[u8]>::to_vec);
    let mut ask = alice("123456");
    ask.state = state;
    site.ask(&ask);
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    assert_eq!(Packet::parse(&reply(&mut site)).unwrap().code(), Code::AccessAccept);
}

#[test]
fn another_challenge_of_the_same_person_is_checked_and_is_no_second_push() {
    let mut site = Site::new("radius_server_auto", "");
    send(&mut site, &mschap2(1));
    let (first, _) = relayed(&mut site);
    primary(&mut site, first, Primary::Right, Some(says(&[microsoft(mschap::SUCCESS_2, b"*S=1")], None)));
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    // The device has lost patience and begins anew; its proof is checked, and a wrong one helps nobody.
    send(&mut site, &mschap2(2));
    let (second, _) = relayed(&mut site);
    primary(&mut site, second, Primary::Right, Some(says(&[microsoft(mschap::SUCCESS_2, b"*S=2")], None)));
    assert!(site.outputs().is_empty());
    send(&mut site, &mschap2(3));
    let (wrong, _) = relayed(&mut site);
    primary(&mut site, wrong, Primary::Wrong { text: None }, Some(says(&[], None)));
    assert_eq!(Packet::parse(&reply(&mut site)).unwrap().code(), Code::AccessReject);
    site.decide((login, attempt), yes());
    let answers = site.outputs();
    let success = |output: &Output| {
        let Output::Send { octets, .. } = output else { panic!("{output:?}") };
        let packet = Packet::parse(octets).unwrap();
        assert_eq!(packet.code(), Code::AccessAccept);
        packet.vendor(vendor::id::MICROSOFT, mschap::SUCCESS_2).next().unwrap().to_vec()
    };
    // Each gets what belongs to its own challenge.
    assert_eq!(answers.iter().map(success).collect::<Vec<_>>(), [b"*S=1".to_vec(), b"*S=2".to_vec()]);
    // One that comes a moment later is told as well, once its proof is right.
    send(&mut site, &mschap2(4));
    let (late, _) = relayed(&mut site);
    primary(&mut site, late, Primary::Right, Some(says(&[microsoft(mschap::SUCCESS_2, b"*S=4")], None)));
    assert_eq!(success(&site.output()), b"*S=4");
}

#[test]
fn nobody_follows_the_push_of_another_station_or_protocol() {
    for other in ["station", "protocol"] {
        let mut site = Site::new("radius_server_auto", "");
        send(&mut site, &chap(1, 1));
        let (first, _) = relayed(&mut site);
        primary(&mut site, first, Primary::Right, None);
        site.preauth(can_push());
        site.asked();
        let packet = if other == "protocol" {
            mschap2(2)
        } else {
            let mut builder = Builder::new(Code::AccessRequest, 9);
            builder.attribute(kind::USER_NAME, b"alice").unwrap();
            builder.attribute(kind::CALLING_STATION_ID, b"203.0.113.9").unwrap();
            builder.attribute(kind::CHAP_PASSWORD, &[2; 17]).unwrap();
            builder.into_request(&secret(), &[9; 16])
        };
        send(&mut site, &packet);
        let (second, _) = relayed(&mut site);
        primary(&mut site, second, Primary::Right, None);
        assert!(matches!(site.output(), Output::Preauth { .. }), "{other}");
    }
}

#[test]
fn a_denial_after_mschap_is_an_error_of_mschap() {
    let mut site = Site::new("radius_server_auto", "");
    send(&mut site, &mschap2(1));
    let (login, _) = relayed(&mut site);
    primary(&mut site, login, Primary::Right, Some(says(&[microsoft(mschap::SUCCESS_2, b"*S=1")], None)));
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), no());
    let octets = reply(&mut site);
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!((packet.code(), error_of(&octets)), (Code::AccessReject, Some(691)));
    // It repeats the identifier of the response, and no success is told.
    let errors: Vec<&[u8]> = packet.vendor(vendor::id::MICROSOFT, mschap::ERROR).collect();
    assert_eq!(errors[0][0], 42);
    assert_eq!(packet.vendor(vendor::id::MICROSOFT, mschap::SUCCESS_2).count(), 0);
}

#[test]
fn no_password_is_changed_before_the_second_factor() {
    for (result, is_changed) in [(yes(), true), (no(), false), (Err(Outage::Away), false)] {
        let mut site = Site::new("radius_server_auto", "");
        send(&mut site, &change_password(1));
        site.preauth(can_push());
        let (login, attempt, _) = site.asked();
        site.decide((login, attempt), result);
        if !is_changed {
            assert_eq!(error_of(&reply(&mut site)), Some(691));
            continue;
        }
        let (login, relay) = relayed(&mut site);
        // Every part of the new password, in its order.
        assert_eq!(proof(relay).attributes.len(), 4);
        primary(&mut site, login, Primary::Right, Some(says(&[microsoft(mschap::SUCCESS_2, b"*S=1")], None)));
        assert_eq!(Packet::parse(&reply(&mut site)).unwrap().code(), Code::AccessAccept);
    }
}

#[test]
fn who_has_no_second_factor_does_not_hear_that_a_password_has_expired() {
    let text = || String::from("Enroll.");
    for (answer, told) in [
        (Ok(can_push()), 648),
        (Ok(Preauth::Allow { text: text() }), 648),
        (Ok(Preauth::Enroll { text: text() }), 691),
        (Ok(Preauth::Deny { text: text() }), 691),
        (Err(Outage::Refused), 691),
    ] {
        let mut site = Site::new("radius_server_auto", "");
        send(&mut site, &mschap2(1));
        let (login, _) = relayed(&mut site);
        let expired = mschap::refusal(42, 648, &[5; 16]);
        let said = says(&[microsoft(mschap::ERROR, &expired)], None);
        primary(&mut site, login, Primary::ChangePassword { text: None }, Some(said));
        let Output::Preauth { login, .. } = site.output() else { panic!() };
        site.engine.on_event(login, Event::Preauth(answer), site.now);
        let octets = reply(&mut site);
        assert_eq!((Packet::parse(&octets).unwrap().code(), error_of(&octets)), (Code::AccessReject, Some(told)));
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

/// Brings an EAP login through `rounds` questions to the point where the other server decides.
fn eap_rounds(site: &mut Site, first: u8, rounds: u8) -> LoginId {
    let packet = eap(first, first, None);
    send(site, &packet);
    let (mut login, _) = relayed(site);
    for round in 1..=rounds {
        let message = vec![1, first + round, 0, 6, 25, round];
        primary(site, login, asks(&[round], None), Some(says(&[(kind::EAP_MESSAGE, message.clone())], None)));
        let octets = reply(site);
        let packet = Packet::parse(&octets).unwrap();
        assert_eq!((packet.code(), packet.eap()), (Code::AccessChallenge, Some(message)));
        assert_eq!(packet.attributes().next().unwrap().kind, kind::MESSAGE_AUTHENTICATOR);
        let answer = eap(first + round, first + round, packet.first(kind::STATE));
        send(site, &answer);
        let (next, relay) = relayed(site);
        assert_eq!((relay.after.as_ref().unwrap().state.as_deref(), next), (Some(&[round][..]), login));
        // The same packet again is not asked again.
        send(site, &answer);
        assert!(site.outputs().is_empty());
        login = next;
    }
    login
}

fn success(identifier: u8, keys: bool) -> PrimaryReply {
    let said = says(&[], None);
    let hop = Hop { secret: &said.secret, request: &said.authenticator };
    let mut attributes = vec![(kind::EAP_MESSAGE, vec![3, identifier, 0, 4])];
    if keys {
        attributes.push(microsoft(MS_MPPE_SEND_KEY, &salted::hide(&[0xaa; 32], hop, [0x80, 1]).unwrap()));
    }
    says(&attributes, Some("alice"))
}

#[test]
fn eap_travels_in_many_rounds_and_is_held_until_the_second_factor() {
    for section in ["radius_server_auto", "radius_server_challenge"] {
        let mut site = Site::new(section, "");
        let login = eap_rounds(&mut site, 1, 9);
        primary(&mut site, login, Primary::Right, Some(success(10, true)));
        site.preauth(can_push());
        let (login, attempt, wanted) = site.asked();
        assert_eq!(wanted, Wanted::Auto);
        site.decide((login, attempt), yes());
        let octets = reply(&mut site);
        let packet = Packet::parse(&octets).unwrap();
        assert_eq!((packet.code(), packet.eap()), (Code::AccessAccept, Some(vec![3, 10, 0, 4])));
        // RFC 3579 §2.6.5
        assert_eq!(packet.text(kind::REPLY_MESSAGE), None);
        let hidden = packet.vendor(vendor::id::MICROSOFT, MS_MPPE_SEND_KEY).next().unwrap();
        let key = salted::open(hidden, Hop { secret: &secret(), request: &AUTHENTICATOR }).unwrap();
        assert_eq!(*key, [0xaa; 32]);
    }
}

#[test]
fn a_denial_after_eap_is_a_failure_of_eap() {
    let mut site = Site::new("radius_server_auto", "");
    let login = eap_rounds(&mut site, 1, 3);
    primary(&mut site, login, Primary::Right, Some(success(4, true)));
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), no());
    let octets = reply(&mut site);
    let packet = Packet::parse(&octets).unwrap();
    // Of the response that it answers, and without keys.
    assert_eq!((packet.code(), packet.eap()), (Code::AccessReject, Some(vec![4, 4, 0, 4])));
    assert_eq!(packet.vendors().count(), 0);
}

#[test]
fn a_refusal_of_the_other_server_arrives_as_it_was() {
    let mut site = Site::new("radius_server_auto", "");
    let login = eap_rounds(&mut site, 1, 2);
    let failure = says(&[(kind::EAP_MESSAGE, vec![4, 3, 0, 4])], None);
    primary(&mut site, login, Primary::Wrong { text: None }, Some(failure));
    let octets = reply(&mut site);
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!((packet.code(), packet.eap()), (Code::AccessReject, Some(vec![4, 3, 0, 4])));
    // And where no server could be asked, there is a failure all the same.
    let mut site = Site::new("radius_server_auto", "");
    let login = eap_rounds(&mut site, 1, 2);
    primary(&mut site, login, Primary::Down, None);
    let octets = reply(&mut site);
    assert_eq!(Packet::parse(&octets).unwrap().eap(), Some(vec![4, 3, 0, 4]));
}

#[test]
fn eap_that_begins_anew_is_one_push() {
    let mut site = Site::new("radius_server_auto", "");
    let first = eap_rounds(&mut site, 1, 2);
    primary(&mut site, first, Primary::Right, Some(success(3, true)));
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    let second = eap_rounds(&mut site, 100, 2);
    assert_ne!(first, second);
    primary(&mut site, second, Primary::Right, Some(success(102, true)));
    assert!(site.outputs().is_empty());
    site.decide((login, attempt), yes());
    let ends: Vec<Option<Vec<u8>>> = site
        .outputs()
        .iter()
        .map(|output| {
            let Output::Send { octets, .. } = output else { panic!("{output:?}") };
            Packet::parse(octets).unwrap().eap()
        })
        .collect();
    assert_eq!(ends, [Some(vec![3, 3, 0, 4]), Some(vec![3, 102, 0, 4])]);
}

#[test]
fn the_second_factor_is_that_of_whom_the_other_server_let_in() {
    // Somebody shows the name of one who will approve, or of one who needs no second factor, outside of the tunnel.
    let mut site = Site::new("radius_server_auto", "exempt_username_1=alice");
    let login = eap_rounds(&mut site, 1, 2);
    let mut said = success(3, false);
    said.user = Some("bob".to_owned());
    primary(&mut site, login, Primary::Right, Some(said));
    let Output::Preauth { request, .. } = site.output() else { panic!("no second factor is asked for") };
    assert_eq!(request.user, "bob");
    let mut site = Site::new("radius_server_auto", "exempt_username_1=alice");
    let login = eap_rounds(&mut site, 1, 2);
    primary(&mut site, login, Primary::Right, Some(success(3, false)));
    assert!(matches!(site.output(), Output::Preauth { .. }));
}

#[test]
fn nothing_can_be_typed_in_eap() {
    for (section, answer) in [
        ("radius_server_auto", Preauth::Auth { menu: None, can_push: false, can_phone: false }),
        ("radius_server_challenge", Preauth::Auth { menu: None, can_push: false, can_phone: false }),
        ("radius_server_challenge", Preauth::Enroll { text: "Enroll.".to_owned() }),
    ] {
        let mut site = Site::new(section, "");
        let login = eap_rounds(&mut site, 1, 1);
        primary(&mut site, login, Primary::Right, Some(success(2, false)));
        site.preauth(answer);
        assert_eq!(Packet::parse(&reply(&mut site)).unwrap().code(), Code::AccessReject, "{section}");
    }
    // A push goes on where a code would be asked for beside it.
    let mut site = Site::new("radius_server_auto", "fallback=challenge\nfallback_after=20");
    let login = eap_rounds(&mut site, 1, 1);
    primary(&mut site, login, Primary::Right, Some(success(2, false)));
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.wait(20);
    assert!(site.outputs().is_empty());
    site.decide((login, attempt), yes());
    assert_eq!(Packet::parse(&reply(&mut site)).unwrap().code(), Code::AccessAccept);
}

#[test]
fn a_device_that_gives_up_during_eap_gets_a_failure_before() {
    let mut site = Site::new("radius_server_auto", "nas_timeout_1=30");
    let login = eap_rounds(&mut site, 1, 1);
    primary(&mut site, login, Primary::Right, Some(success(2, true)));
    site.preauth(can_push());
    site.asked();
    site.wait(30);
    let outputs = site.outputs();
    let sent =
        outputs.iter().find_map(|output| if let Output::Send { octets, .. } = output { Some(octets) } else { None });
    assert_eq!(Packet::parse(sent.unwrap()).unwrap().eap(), Some(vec![4, 2, 0, 4]));
    assert!(outputs.iter().any(|output| matches!(output, Output::Cancel { .. })));
}

#[test]
fn eap_without_a_message_authenticator_is_dropped() {
    let mut site = Site::new("radius_server_auto", "require_message_authenticator=no");
    let message: [u8; 10] = [kind::EAP_MESSAGE, 10, 2, 1, 0, 8, 1, b'b', b'o', b'b'];
    let mut octets = vec![1, 1, 0, 37];
    octets.extend([9; 16]);
    octets.extend([kind::USER_NAME, 7]);
    octets.extend(b"alice");
    octets.extend(message);
    site.send_from(&octets, SocketAddr::from(([192, 0, 2, 1], 1000)));
    assert!(matches!(site.engine.poll_output(), Some(Output::Told(Told::Dropped(_, Dropped::Unsigned)))));
    // And one whose Message-Authenticator is wrong.
    let mut tampered = eap(2, 2, None);
    let last = tampered.len() - 1;
    tampered[last] ^= 1;
    site.send_from(&tampered, SocketAddr::from(([192, 0, 2, 1], 1000)));
    assert!(matches!(site.engine.poll_output(), Some(Output::Told(Told::Dropped(_, Dropped::WrongSecret)))));
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
