//! What devices and proxies send that no book has, and what is sent to them.

use std::net::SocketAddr;

use countersign_proxy::radius::login::{Auth, Event, Preauth, Primary};
use countersign_proxy::radius::output::Output;
use cs_radius::{Builder, Code, Packet, Secret, kind, password};

use super::site::{Site, alice, can_push, secret, yes};

/// A request with these attributes, and alice's password unless it is among them.
fn request(number: u8, attributes: &[(u8, &[u8])]) -> Vec<u8> {
    let authenticator = [number; 16];
    let mut builder = Builder::new(Code::AccessRequest, number);
    if attributes.iter().all(|(kind, _)| *kind != kind::USER_PASSWORD) {
        let hidden = password::hide(b"secret", &secret(), &authenticator).unwrap();
        builder.attribute(kind::USER_PASSWORD, &hidden).unwrap();
    }
    for (kind, value) in attributes {
        builder.attribute(*kind, value).unwrap();
    }
    builder.into_request(&secret(), &authenticator)
}

/// A login whose push has no answer yet, and the State of the question beside it.
fn beside_push() -> (Site, (countersign_proxy::radius::output::LoginId, u32), Vec<u8>) {
    let mut site = Site::new("radius_server_auto", "fallback=challenge\nfallback_after=20");
    let asked = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let (login, push, _) = site.asked();
    site.wait(20);
    let challenge = site.answer(&asked);
    assert_eq!(challenge.code, Code::AccessChallenge);
    (site, (login, push), challenge.state.unwrap())
}

#[test]
fn an_answer_that_was_left_empty_is_one_also_where_the_attribute_has_no_octet() {
    let (mut site, push, state) = beside_push();
    site.decide(push, yes());
    let empty = request(200, &[(kind::USER_NAME, b"alice"), (kind::USER_PASSWORD, b""), (kind::STATE, &state)]);
    site.send(&empty, 1000);
    assert_eq!(site.answer(&empty).code, Code::AccessAccept);
    // A login itself needs a password.
    let nothing = request(201, &[(kind::USER_NAME, b"bob"), (kind::USER_PASSWORD, b"")]);
    site.send(&nothing, 1000);
    assert_eq!(site.answer(&nothing).code, Code::AccessReject);
}

#[test]
fn enter_before_the_push_is_approved_waits_for_it() {
    let (mut site, push, state) = beside_push();
    let hidden = password::hide(b"", &secret(), &[200; 16]).unwrap();
    let enter = request(200, &[(kind::USER_NAME, b"alice"), (kind::USER_PASSWORD, &hidden), (kind::STATE, &state)]);
    site.send(&enter, 1000);
    assert!(site.outputs().is_empty(), "neither withdrawn nor answered");
    site.decide(push, yes());
    assert_eq!(site.answer(&enter).code, Code::AccessAccept);
    // If nobody approves it ends as any other push.
    let (mut site, _, state) = beside_push();
    let enter = request(200, &[(kind::USER_NAME, b"alice"), (kind::USER_PASSWORD, &hidden), (kind::STATE, &state)]);
    site.send(&enter, 1000);
    site.wait(90);
    let outputs = site.outputs();
    let [Output::Cancel { .. }, Output::Send { octets, .. }] = &outputs[..] else { panic!("{outputs:?}") };
    assert_eq!(Packet::parse(octets).unwrap().code(), Code::AccessReject);
}

#[test]
fn a_code_of_nothing_is_never_asked_of_the_server() {
    let mut site = Site::new("radius_server_auto", "");
    let asked = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(Preauth::Auth { menu: None, can_push: false, can_phone: false });
    let state = site.answer(&asked).state.unwrap();
    let hidden = password::hide(b" ", &secret(), &[200; 16]).unwrap();
    let blank = request(200, &[(kind::USER_NAME, b"alice"), (kind::USER_PASSWORD, &hidden), (kind::STATE, &state)]);
    site.send(&blank, 1000);
    let told = site.answer(&blank);
    assert_eq!((told.code, told.text.as_deref()), (Code::AccessReject, Some("Nothing was typed. Log in again.")));
    let mut site = Site::new("radius_server_duo_only", "");
    let blank = site.ask(&alice(" "));
    site.preauth(can_push());
    assert_eq!(site.answer(&blank).code, Code::AccessReject);
}

#[test]
fn no_attribute_is_sent_without_a_value() {
    let mut site = Site::new("radius_server_auto", "");
    let asked = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), Ok(Auth::Allow { text: String::new() }));
    let Output::Send { octets, .. } = site.output() else { panic!("no answer") };
    let answer = Packet::parse(&octets).unwrap();
    assert_eq!((answer.code(), answer.identifier()), (Code::AccessAccept, Packet::parse(&asked).unwrap().identifier()));
    assert!(answer.attributes().all(|attribute| !attribute.value.is_empty()));
}

#[test]
fn zeros_at_the_end_of_a_name_or_an_address_are_no_part_of_it() {
    let mut site = Site::new("radius_server_auto", "");
    let padded: [(u8, &[u8]); 3] = [
        (kind::USER_NAME, b"alice\0"),
        (kind::CALLING_STATION_ID, b"198.51.100.7\0"),
        (kind::NAS_IDENTIFIER, b"gateway\0\0"),
    ];
    site.send(&request(1, &padded), 1000);
    let Output::Primary { request, .. } = site.output() else { panic!("nobody is asked about the password") };
    assert_eq!((request.user.as_str(), request.nas_id.as_deref()), ("alice", Some("gateway")));
    assert_eq!(request.address, Some([198, 51, 100, 7].into()));
    // A name of zeros is none.
    let nobody = self::request(2, &[(kind::USER_NAME, b"\0")]);
    site.send(&nobody, 1000);
    assert_eq!(site.answer(&nobody).code, Code::AccessReject);
}

#[test]
fn packets_of_one_login_without_end_take_a_bounded_room_and_the_last_are_answered() {
    let mut site = Site::new("radius_server_auto", "");
    let first = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    let from = SocketAddr::from(([192, 0, 2, 1], 1000));
    let mut last = first.clone();
    for number in 0..1_000_u16 {
        let authenticator = [number.to_be_bytes(); 8].concat().try_into().unwrap();
        let mut builder = Builder::new(Code::AccessRequest, number.to_be_bytes()[1]);
        let hidden = password::hide(b"secret", &secret(), &authenticator).unwrap();
        for (kind, value) in [
            (kind::USER_NAME, &b"alice"[..]),
            (kind::USER_PASSWORD, &hidden),
            (kind::CALLING_STATION_ID, b"198.51.100.7"),
        ] {
            builder.attribute(kind, value).unwrap();
        }
        last = builder.into_request(&secret(), &authenticator);
        site.send_from(&last, from);
    }
    assert!(site.outputs().is_empty(), "it is one login");
    site.decide((login, attempt), yes());
    let answers = site.outputs();
    assert!(answers.len() <= 256, "{} wait", answers.len());
    let Some(Output::Send { octets, .. }) = answers.last() else { panic!("{answers:?}") };
    assert_eq!(Packet::parse(octets).unwrap().identifier(), Packet::parse(&last).unwrap().identifier());
    // Whoever was left out may ask again, and is told the same.
    site.send(&first, 1000);
    assert_eq!(site.answer(&first).code, Code::AccessAccept);
}

#[test]
fn a_password_that_one_directory_took_is_worth_nothing_at_another() {
    let mut site = Site::with_two_directories();
    site.ask(&alice("secret"));
    let Output::Primary { section, .. } = site.output() else { panic!("nobody is asked about the password") };
    let elsewhere = site.packet(&alice("secret"));
    site.engine.on_packet(1, SocketAddr::from(([192, 0, 2, 1], 1000)), &elsewhere, site.now);
    let output = site.output();
    let Output::Primary { section: other, .. } = output else { panic!("it joins: {output:?}") };
    assert_ne!(section, other);
}

#[test]
fn the_second_factor_is_that_of_whom_the_directory_let_in() {
    let mut site = Site::new("radius_server_auto", "");
    let mut ask = alice("secret");
    ask.user = "\u{e0}lice";
    let asked = site.ask(&ask);
    let Output::Primary { login, .. } = site.output() else { panic!("nobody is asked about the password") };
    site.engine.on_spelled(login, "alice");
    site.engine.on_event(login, Event::Primary(Primary::Right), site.now);
    let Output::Preauth { request, .. } = site.output() else { panic!("the server is not asked") };
    assert_eq!(request.user, "alice");
    // The device goes on with the name that it knows.
    site.engine.on_event(
        login,
        Event::Preauth(Ok(Preauth::Auth { menu: None, can_push: false, can_phone: false })),
        site.now,
    );
    ask.state = site.answer(&asked).state;
    ask.password = "123456".to_owned();
    site.ask(&ask);
    let Output::Auth { request, attempt, .. } = site.output() else { panic!("no second factor is asked for") };
    assert_eq!(request.user, "alice");
    // And hears of the other one with the answer.
    site.decide((login, attempt), yes());
    let Output::Send { octets, .. } = site.output() else { panic!("no answer") };
    assert_eq!(Packet::parse(&octets).unwrap().text(kind::USER_NAME), Some("alice"));
}

#[test]
fn a_device_whose_authenticators_are_not_random_gets_nobody_elses_answer() {
    let mut site = Site::new("radius_server_auto", "");
    let of = |user: &'static [u8]| request(7, &[(kind::USER_NAME, user)]);
    site.send(&of(b"alice"), 1000);
    site.primary_right("secret");
    site.preauth(Preauth::Allow { text: "In.".to_owned() });
    assert_eq!(site.answer(&of(b"alice")).code, Code::AccessAccept);
    site.send(&of(b"alice"), 1000);
    assert_eq!(site.answer(&of(b"alice")).code, Code::AccessAccept);
    // The same port, number and authenticator.
    site.send(&of(b"bob"), 1000);
    let Output::Primary { request, .. } = site.output() else { panic!("nobody is asked about the password") };
    assert_eq!(request.user, "bob");
}

#[test]
fn a_text_longer_than_an_attribute_is_cut_between_characters() {
    let mut builder = Builder::new(Code::AccessReject, 1);
    let text = format!("{}\u{e9}\u{e9}", "x".repeat(252));
    builder.message(&text).unwrap();
    let octets = builder.into_reply(&Secret::new(*b"s"), &[0; 16]);
    let packet = Packet::parse(&octets).unwrap();
    assert_eq!(packet.text(kind::REPLY_MESSAGE), Some("x".repeat(252).as_str()));
}
