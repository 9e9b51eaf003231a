//! EAP on its way to another server, round by round.

use std::net::SocketAddr;

use countersign_proxy::radius::login::{Preauth, Primary, Wanted};
use countersign_proxy::radius::output::{LoginId, Output, Told};
use countersign_proxy::radius::section::Dropped;
use countersign_proxy::radius::verdict::PrimaryReply;
use cs_radius::salted::{self, Hop, MS_MPPE_SEND_KEY};
use cs_radius::{Code, Packet, kind, vendor};

use super::super::site::{Site, can_push, no, secret, yes};
use super::{AUTHENTICATOR, asks, microsoft, primary, relayed, reply, request, says, send};

/// An EAP response, and the State of the round before.
fn eap(number: u8, identifier: u8, state: Option<&[u8]>) -> Vec<u8> {
    let response = vec![2, identifier, 0, 6, 25, number];
    let state = state.map(|state| (kind::STATE, state.to_vec()));
    request(number, &[vec![(kind::EAP_MESSAGE, response)], state.into_iter().collect()].concat())
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
