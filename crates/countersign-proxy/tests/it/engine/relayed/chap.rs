//! CHAP, MS-CHAP and changes of passwords.

use countersign_proxy::radius::login::{Event, Outage, Preauth, Primary, Wanted};
use countersign_proxy::radius::output::Output;
use countersign_proxy::radius::proof::Protocol;
use cs_radius::{Builder, Code, Packet, kind, mschap, vendor};

use super::super::site::{Site, alice, can_push, no, secret, yes};
use super::{AUTHENTICATOR, chap, microsoft, primary, proof, relayed, reply, request, says, send};

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
