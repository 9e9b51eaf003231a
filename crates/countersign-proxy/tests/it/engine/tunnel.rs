//! EAP that ends at the proxy, against rustls as the other end.

use countersign_proxy::cfg::ldap_server::TlsVersion;
use countersign_proxy::radius::login::{Event, Preauth, Primary, Wanted};
use countersign_proxy::radius::output::Output;
use cs_radius::eap::method;
use cs_radius::{Code, Packet, kind};
use rustls::version::{TLS12, TLS13};

use super::site::{Site, can_push, no, yes};

mod faults;
mod person;

use person::*;

#[test]
fn a_password_inside_and_a_push_end_with_keys_that_both_ends_have() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    for version in [&TLS12, &TLS13] {
        for tunnel in [method::PEAP, method::TTLS] {
            for (mtu, piece) in [(None, 1000), (Some(200), 120)] {
                let mut site = Site::ending_eap("", &terms);
                let mut person = Person::speaking(&trusted, tunnel, &["S3cret,pw"], version);
                (person.mtu, person.piece) = (mtu, piece);
                let output = started(&mut site, &mut person);
                primary_right(&mut site, &output, "S3cret,pw");
                site.preauth(can_push());
                let (login, attempt, wanted) = site.asked();
                assert_eq!(wanted, Wanted::Auto);
                site.decide((login, attempt), yes());
                let output = ended(&mut site, &mut person);
                is_in(&person, &output);
            }
        }
    }
}

#[test]
fn a_wrong_password_and_a_denied_push_are_failures_of_eap() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    for tunnel in [method::PEAP, method::TTLS] {
        let mut site = Site::ending_eap("", &terms);
        let mut person = Person::new(&trusted, tunnel, &["wrong"]);
        let Output::Primary { login, .. } = started(&mut site, &mut person) else { panic!() };
        site.engine.on_event(login, Event::Primary(Primary::Wrong { text: None }), site.now);
        is_out(&site.output());
        let mut person = Person::new(&trusted, tunnel, &["secret"]);
        // Another device, whose packets have the same numbers.
        person.number = 100;
        let output = started(&mut site, &mut person);
        primary_right(&mut site, &output, "secret");
        site.preauth(can_push());
        let (login, attempt, _) = site.asked();
        site.decide((login, attempt), no());
        is_out(&site.output());
    }
}

#[test]
fn a_code_is_asked_for_inside_where_that_can_be() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("factors=passcode", &terms);
    let mut person = Person::new(&trusted, method::PEAP, &["secret", "123456"]);
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
    site.preauth(can_push());
    let challenge = site.output();
    let Output::Send { octets, .. } = &challenge else { panic!("{challenge:?}") };
    // Somebody types: the device waits longer.
    assert_eq!(Packet::parse(octets).unwrap().number(kind::SESSION_TIMEOUT), Some(120));
    let next = person.next(octets);
    let Output::Auth { login, attempt, wanted, .. } = run(&mut site, &mut person, next) else { panic!() };
    assert_eq!(wanted, Wanted::Typed(countersign_proxy::radius::split::Typed::of("123456")));
    assert_eq!(person.asked, ["Password: ", "Enter passcode:"]);
    site.decide((login, attempt), yes());
    let output = ended(&mut site, &mut person);
    is_in(&person, &output);

    // TTLS has a password and nothing else.
    let mut site = Site::ending_eap("factors=passcode", &terms);
    let mut person = Person::new(&trusted, method::TTLS, &["secret"]);
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
    site.preauth(can_push());
    is_out(&site.output());
    // Unless it is typed behind it.
    let mut site = Site::ending_eap("factors=passcode\nallow_concat=true", &terms);
    let mut person = Person::new(&trusted, method::TTLS, &["secret,123456"]);
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    let output = ended(&mut site, &mut person);
    is_in(&person, &output);
}

#[test]
fn a_menu_is_shown_inside_where_that_can_be() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let answer = || Preauth::Auth { menu: Some("1. Push\n2. SMS".to_owned()), can_push: true, can_phone: false };
    let mut site = Site::ending_eap("menu=true", &terms);
    let mut person = Person::new(&trusted, method::PEAP, &["secret", "1"]);
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
    site.preauth(answer());
    let challenge = site.output();
    let Output::Send { octets, .. } = &challenge else { panic!("{challenge:?}") };
    let next = person.next(octets);
    let Output::Auth { login, attempt, wanted, .. } = run(&mut site, &mut person, next) else { panic!() };
    assert_eq!(wanted, Wanted::Choice("1".to_owned().into()));
    assert_eq!(person.asked, ["Password: ", "1. Push\n2. SMS"]);
    site.decide((login, attempt), yes());
    let output = ended(&mut site, &mut person);
    is_in(&person, &output);

    // TTLS has a password and nothing else.
    let mut site = Site::ending_eap("menu=true", &terms);
    let mut person = Person::new(&trusted, method::TTLS, &["secret"]);
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
    site.preauth(answer());
    let (login, attempt, wanted) = site.asked();
    assert_eq!(wanted, Wanted::Auto);
    site.decide((login, attempt), yes());
    let output = ended(&mut site, &mut person);
    is_in(&person, &output);
}

#[test]
fn the_way_to_enroll_is_shown_inside_and_lets_nobody_in() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("", &terms);
    let mut person = Person::new(&trusted, method::PEAP, &["secret", "anything"]);
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
    site.preauth(Preauth::Enroll { text: "Enroll at https://example.org/e/1".to_owned() });
    is_out(&ended(&mut site, &mut person));
    assert_eq!(person.asked[1], "Enroll at https://example.org/e/1");
}

#[test]
fn somebody_who_begins_anew_is_told_what_becomes_of_the_push_that_is_out() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("", &terms);
    let mut first = Person::new(&trusted, method::PEAP, &["secret"]);
    let output = started(&mut site, &mut first);
    primary_right(&mut site, &output, "secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    let mut second = Person::new(&trusted, method::TTLS, &["secret"]);
    second.number = 100;
    let output = started(&mut site, &mut second);
    // Its password is checked all the same.
    primary_right(&mut site, &output, "secret");
    assert!(site.outputs().is_empty());
    site.decide((login, attempt), yes());
    let answers = site.outputs();
    assert_eq!(answers.len(), 2);
    assert_eq!(code(&answers[0]).0, Code::AccessChallenge);
    is_in(&second, &answers[1]);
    let Output::Send { octets, .. } = &answers[0] else { panic!() };
    let next = first.next(octets);
    let output = run(&mut site, &mut first, next);
    is_in(&first, &output);
}
