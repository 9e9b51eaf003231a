//! Timers and numbers, against a look at every question.

use std::collections::HashSet;

use cs_radius::{Builder, Code, password};

use super::*;
use crate::radius::engine::tests::request;
use crate::radius::proof::Continued;
use crate::test_support::config::{KEYS, read};

const SECRET: &[u8] = b"between-proxy-and-server";

fn config(hosts: usize) -> RadiusClient {
    let text: String = (1..=hosts).map(|number| format!("host_{number}=192.0.2.{number}\n")).collect();
    let mut config = read(&format!(
        "[radius_client]\nsecret=between-proxy-and-server\n{text}[radius_server_auto]\n{KEYS}api_host=a.example.org\n\
        radius_ip_1=192.0.2.9\nradius_secret_1=a-long-shared-secret\n"
    ));
    let Some(crate::cfg::client::Client::Radius(client)) = config.clients.remove("radius_client") else { panic!() };
    *client
}

fn upstream(hosts: usize) -> Upstream {
    let mut counter = 0_u64;
    let random = move |octets: &mut [u8]| {
        counter += 1;
        octets.iter_mut().zip(counter.to_be_bytes().iter().cycle()).for_each(|(octet, value)| *octet = *value);
    };
    Upstream::new(config(hosts), Box::new(random))
}

fn yes(sent: &Transmit) -> Vec<u8> {
    let packet = Packet::parse(&sent.octets).unwrap();
    let builder = Builder::new(Code::AccessAccept, packet.identifier());
    builder.into_reply(&Secret::new(SECRET.to_vec()), packet.authenticator())
}

fn agrees(upstream: &Upstream) {
    assert_eq!(upstream.poll_timeout(), upstream.asked.values().map(|asked| asked.again).min());
    assert_eq!(upstream.asked.len() + upstream.free.len(), upstream.open * 256);
    let free: HashSet<Place> = upstream.free.iter().copied().collect();
    assert_eq!(free.len(), upstream.free.len());
    assert!(upstream.asked.keys().all(|place| !free.contains(place)));
}

#[test]
fn timers_and_free_numbers_agree_with_a_look_at_every_question() {
    let (mut upstream, request, mut now) = (upstream(3), request(), Instant::now());
    let mut chance = 7_u64;
    let mut draw = |most: u64| {
        chance = chance.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (chance >> 33) % most
    };
    let (mut on_the_way, mut asked, mut ended) = (Vec::new(), 0_u64, 0);
    for step in 0..2_500 {
        match draw(10) {
            0..=4 => {
                let sent = upstream.ask(LoginId(step), request.clone(), "secret", now).unwrap();
                asked += 1;
                on_the_way.push(sent);
            }
            5..=7 if !on_the_way.is_empty() => {
                let at = usize::try_from(draw(on_the_way.len() as u64)).unwrap();
                let sent: Transmit = on_the_way.swap_remove(at);
                // Of a question that was sent to another host meanwhile, an answer means nothing.
                ended += u64::from(upstream.on_packet(sent.socket, sent.host, &yes(&sent)).is_some());
            }
            _ => {
                now += Duration::from_millis(draw(900));
                let (again, over) = upstream.on_timeout(now);
                on_the_way.extend(again);
                ended += over.len() as u64;
            }
        }
        agrees(&upstream);
    }
    while let Some(at) = upstream.poll_timeout() {
        ended += upstream.on_timeout(at).1.len() as u64;
        agrees(&upstream);
    }
    assert_eq!(asked, ended);
}

#[test]
fn every_number_is_used_once_before_any_comes_again_and_there_is_an_end() {
    let (mut upstream, request, now) = (upstream(1), request(), Instant::now());
    let mut places = HashSet::new();
    for login in 0..MOST_SOCKETS as u64 * 256 {
        let sent = upstream.ask(LoginId(login), request.clone(), "secret", now).unwrap();
        assert!(places.insert((sent.socket, sent.octets[1])));
    }
    assert_eq!(upstream.ask(LoginId(0), request.clone(), "secret", now).unwrap_err().outcome, Primary::Down);
    agrees(&upstream);
    // One that is answered is free again, behind nobody.
    let (socket, number) = (5, 77);
    let asked = &upstream.asked[&(socket, number)];
    let sent = Transmit { socket, host: asked.host, octets: asked.octets.clone() };
    assert!(upstream.on_packet(socket, 0, &yes(&sent)).is_some());
    let sent = upstream.ask(LoginId(1), request, "secret", now).unwrap();
    assert_eq!((sent.socket, sent.octets[1]), (socket, number));
}

fn chap() -> Credential {
    let mut builder = Builder::new(Code::AccessRequest, 1);
    builder.attribute(kind::CHAP_PASSWORD, &[1; 17]).unwrap();
    let octets = builder.into_request(&Secret::new(SECRET.to_vec()), &[1; 16]);
    Credential::Proof(Proof::of(&Packet::parse(&octets).unwrap()).unwrap())
}

fn eap(message: &[u8]) -> Credential {
    let mut builder = Builder::new(Code::AccessRequest, 1);
    builder.eap(message).unwrap();
    builder.attribute(kind::NAS_IDENTIFIER, b"device").unwrap();
    builder.attribute(kind::PROXY_STATE, b"theirs").unwrap();
    builder.attribute(kind::STATE, b"ours").unwrap();
    let octets = builder.into_request(&Secret::new(SECRET.to_vec()), &[1; 16]);
    Credential::Proof(Proof::of(&Packet::parse(&octets).unwrap()).unwrap())
}

/// An answer with these attributes.
fn says(sent: &Transmit, code: Code, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let packet = Packet::parse(&sent.octets).unwrap();
    let mut builder = Builder::new(code, packet.identifier());
    for (kind, value) in attributes {
        builder.attribute(*kind, value).unwrap();
    }
    builder.into_reply(&Secret::new(SECRET.to_vec()), packet.authenticator())
}

#[test]
fn what_a_host_asks_is_answered_to_that_host_always_by_the_same_packet() {
    let (mut upstream, request, mut now) = (upstream(3), request(), Instant::now());
    // No secret of a typed answer leaves in clear, so the packet is read as the host reads it.
    let credential = Credential::Typed(zeroize::Zeroizing::new("token".to_owned()));
    let after = Some(Continued { host: 2, state: Some(b"theirs".to_vec()), text: None });
    let sent = upstream.relay(LoginId(1), request, Relay { credential, after }, now).unwrap();
    let packet = Packet::parse(&sent.octets).unwrap();
    assert_eq!((sent.host, packet.first(kind::STATE)), (2, Some(&b"theirs"[..])));
    let hidden = packet.first(kind::USER_PASSWORD).unwrap();
    assert_eq!(*password::reveal(hidden, &Secret::new(SECRET.to_vec()), packet.authenticator()).unwrap(), b"token");
    for _ in 0..3 {
        now = upstream.poll_timeout().unwrap();
        assert_eq!(upstream.on_timeout(now), (vec![sent.clone()], Vec::new()));
        agrees(&upstream);
    }
    now = upstream.poll_timeout().unwrap();
    let (again, ended) = upstream.on_timeout(now);
    assert_eq!((again.len(), ended.len()), (0, 1));
    assert_eq!(ended[0].outcome, Primary::Down);
}

#[test]
fn the_only_host_gets_the_same_packet_again_and_knows_it() {
    let (mut upstream, request, now) = (upstream(1), request(), Instant::now());
    let sent = upstream.relay(LoginId(1), request, Relay { credential: chap(), after: None }, now).unwrap();
    let later = upstream.poll_timeout().unwrap();
    assert_eq!(upstream.on_timeout(later).0, [sent]);
}

#[test]
fn a_question_of_a_host_keeps_its_state_and_text() {
    let (mut upstream, request, now) = (upstream(2), request(), Instant::now());
    let sent = upstream.ask(LoginId(1), request, "secret", now).unwrap();
    let asks = says(
        &sent,
        Code::AccessChallenge,
        &[(kind::STATE, b"theirs"), (kind::REPLY_MESSAGE, b"Token?"), (kind::FILTER_ID, b"vpn"), (kind::CLASS, b"c")],
    );
    let ended = upstream.on_packet(sent.socket, sent.host, &asks).unwrap();
    let text = Some("Token?".to_owned());
    let question = Continued { host: sent.host, state: Some(b"theirs".to_vec()), text };
    assert_eq!(ended.outcome, Primary::Asks(question));
    // What only a yes may bring does not come with a question.
    assert_eq!(ended.reply.unwrap().attributes, [(kind::REPLY_MESSAGE, b"Token?".to_vec())]);
}

/// An answer without its first attribute, and with a digest that is right: as old servers make it, and as CVE-2024-3596 does.
fn bare(answer: &[u8], request: &Authenticator) -> Vec<u8> {
    use md5::{Digest as _, Md5};
    let mut bare = [&answer[..20], &answer[38..]].concat();
    let len = u16::try_from(bare.len()).unwrap().to_be_bytes();
    bare[2..4].copy_from_slice(&len);
    let mut digest = Md5::new();
    digest.update(&bare[..4]);
    digest.update(request);
    digest.update(&bare[20..]);
    digest.update(SECRET);
    bare[4..20].copy_from_slice(&digest.finalize());
    bare
}

#[test]
fn a_server_that_signs_where_it_must_is_not_expected_to_sign_everywhere() {
    let (mut upstream, request, now) = (upstream(1), request(), Instant::now());
    let ask = |upstream: &mut Upstream| {
        let sent = upstream.ask(LoginId(1), request.clone(), "secret", now).unwrap();
        let authenticator = *Packet::parse(&sent.octets).unwrap().authenticator();
        (bare(&yes(&sent), &authenticator), sent)
    };
    let relay = Relay { credential: eap(&[2, 1, 0, 5, 1]), after: None };
    let sent = upstream.relay(LoginId(1), request.clone(), relay, now).unwrap();
    let asks = says(&sent, Code::AccessChallenge, &[(kind::EAP_MESSAGE, &[1, 2, 0, 6, 25, 32])]);
    assert!(upstream.on_packet(sent.socket, 0, &asks).is_some());
    let (answer, sent) = ask(&mut upstream);
    assert!(upstream.on_packet(sent.socket, 0, &answer).is_some());
    // One that has signed where it need not is.
    let (_, sent) = ask(&mut upstream);
    assert!(upstream.on_packet(sent.socket, 0, &yes(&sent)).is_some());
    let (answer, sent) = ask(&mut upstream);
    assert!(upstream.on_packet(sent.socket, 0, &answer).is_none());
}

#[test]
fn eap_keeps_all_that_the_device_said_and_is_believed_with_a_message_authenticator_alone() {
    let (mut upstream, request, now) = (upstream(1), request(), Instant::now());
    let message = [vec![2, 1, 1, 44, 25], vec![7; 295]].concat();
    let sent = upstream.relay(LoginId(1), request, Relay { credential: eap(&message), after: None }, now).unwrap();
    let packet = Packet::parse(&sent.octets).unwrap();
    assert_eq!(packet.eap().unwrap(), message);
    assert_eq!(packet.attributes().next().unwrap().kind, kind::MESSAGE_AUTHENTICATOR);
    assert_eq!(packet.text(kind::NAS_IDENTIFIER), Some("device"));
    assert_eq!((packet.first(kind::STATE), packet.first(kind::PROXY_STATE)), (None, None));
    let accept = says(&sent, Code::AccessAccept, &[(kind::EAP_MESSAGE, &[3, 1, 0, 4]), (kind::USER_NAME, b"alice")]);
    let bare = bare(&accept, packet.authenticator());
    assert!(Packet::parse(&bare).is_ok_and(|reply| reply_is_authentic(
        &reply,
        &Secret::new(SECRET.to_vec()),
        packet.authenticator()
    )));
    assert_eq!(upstream.on_packet(sent.socket, 0, &bare), None);
    let ended = upstream.on_packet(sent.socket, 0, &accept).unwrap();
    let reply = ended.reply.unwrap();
    assert_eq!((ended.outcome, reply.user.as_deref()), (Primary::Right, Some("alice")));
    assert_eq!(reply.attributes, [(kind::EAP_MESSAGE, vec![3, 1, 0, 4])]);
}

#[test]
fn who_has_logged_in_is_whom_the_server_names_beside_the_name_it_was_asked_with() {
    for (names, expected) in [
        (&[][..], Ok(None)),
        (&["user0"], Ok(Some("user0"))),
        (&["bob"], Ok(Some("bob"))),
        (&["user0", "bob"], Ok(Some("bob"))),
        (&["bob", "user0", "bob"], Ok(Some("bob"))),
        (&["bob", "carol"], Err(())),
    ] {
        let (mut upstream, request, now) = (upstream(1), request(), Instant::now());
        let relay = Relay { credential: eap(&[2, 1, 0, 5, 1]), after: None };
        let sent = upstream.relay(LoginId(1), request, relay, now).unwrap();
        let names: Vec<(u8, &[u8])> = names.iter().map(|name| (kind::USER_NAME, name.as_bytes())).collect();
        let ended = upstream.on_packet(sent.socket, 0, &says(&sent, Code::AccessAccept, &names)).unwrap();
        let user = match ended.outcome {
            Primary::Right => Ok(ended.reply.unwrap().user),
            _ => Err(()),
        };
        assert_eq!(user.as_ref().ok().map(Option::as_deref), expected.ok(), "{names:?}");
    }
}
