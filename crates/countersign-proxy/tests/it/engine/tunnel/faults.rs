//! Logins by EAP that fail, and what belongs to none.

use countersign_proxy::cfg::ldap_server::TlsVersion;
use countersign_proxy::radius::output::{Outcome, Output, Told};
use cs_radius::eap::method;
use cs_radius::{Builder, Code, Packet, kind};
use rustls::version::TLS12;

use super::super::site::{Site, alice, can_push, secret, yes};
use super::person::*;

/// What the log says of a login that failed.
fn told(site: &mut Site, packet: &[u8]) -> String {
    site.send(packet, 1000);
    let outputs = std::iter::from_fn(|| site.engine.poll_output());
    let told = outputs.filter_map(|output| match output {
        Output::Told(Told::Login { outcome: Outcome::Rejected(text), .. }) => text,
        _ => None,
    });
    told.collect()
}

/// Goes on until the device's next packet ends the login, and returns what the log says.
fn fails(site: &mut Site, person: &mut Person) -> String {
    let mut packet = person.begin();
    for _ in 0..30 {
        site.send(&packet, 1000);
        let outputs: Vec<Output> = std::iter::from_fn(|| site.engine.poll_output()).collect();
        for output in outputs {
            match output {
                Output::Told(Told::Login { outcome: Outcome::Rejected(text), .. }) => return text.unwrap(),
                Output::Send { octets, .. } => packet = person.next(&octets),
                other => panic!("{other:?}"),
            }
        }
    }
    panic!("it does not fail")
}

#[test]
fn why_eap_failed_is_told() {
    let (ours, trusted) = terms(TlsVersion::Tls12);
    let (_, stranger) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("", &ours);
    let people = [
        (Person::new(&stranger, method::PEAP, &["secret"]), "does it trust the certificate"),
        (Person::speaking(&stranger, method::TTLS, &["secret"], &TLS12), "does it trust the certificate"),
        (Person::new(&trusted, method::TLS, &[]), "neither PEAP nor TTLS"),
        (Person::new(&trusted, method::PEAP, &["nak"]), "set it to GTC"),
    ];
    for (at, (mut person, expected)) in people.into_iter().enumerate() {
        // Devices of their own, whose packets are not the same.
        person.number = u8::try_from(at * 40).unwrap();
        let text = fails(&mut site, &mut person);
        assert!(text.contains(expected), "{text}");
    }
    // Where TLS 1.3 is the least, TLS 1.2 is none.
    let (strict, trusted) = terms(TlsVersion::Tls13);
    let mut site = Site::ending_eap("", &strict);
    let text = fails(&mut site, &mut Person::speaking(&trusted, method::PEAP, &["secret"], &TLS12));
    assert!(text.contains("TLS failed"), "{text}");
}

#[test]
fn what_belongs_to_nothing_ends_a_login() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let peap = |identifier, data: &[u8]| response(identifier, method::PEAP, data);
    let bad: [&dyn Fn(u8) -> Vec<u8>; 8] = [
        // Another identifier, a piece without flags, an announced length beyond all bounds, more after nothing.
        &|identifier| peap(identifier.wrapping_add(1), &[0]),
        &|identifier| peap(identifier, &[]),
        &|identifier| peap(identifier, &[0xc0, 0xff, 0xff, 0xff, 0xff, 1]),
        &|identifier| peap(identifier, &[0x40]),
        // Another version, a start, no TLS, a success of its own.
        &|identifier| peap(identifier, &[1, 1, 2, 3]),
        &|identifier| peap(identifier, &[0x20]),
        &|identifier| peap(identifier, b"\0GET / HTTP/1.1"),
        &|identifier| vec![3, identifier, 0, 4],
    ];
    for (at, bad) in bad.iter().enumerate() {
        let mut site = Site::ending_eap("", &terms);
        let mut person = Person::new(&trusted, method::PEAP, &["secret"]);
        let first = person.begin();
        site.send(&first, 1000);
        let mut octets = match site.output() {
            Output::Send { octets, .. } => octets,
            other => panic!("{other:?}"),
        };
        for _ in 0..3 {
            let (message, state) = {
                let packet = Packet::parse(&octets).unwrap();
                (packet.eap().unwrap(), packet.first(kind::STATE).unwrap().to_vec())
            };
            let packet = person.packet(&bad(message[1]), Some(&state));
            site.send(&packet, 1000);
            let output = site.output();
            let Output::Send { octets: next, .. } = &output else { panic!("{output:?}") };
            octets = next.clone();
            // No TLS is answered with an alert first.
            if Packet::parse(&octets).unwrap().code() == Code::AccessReject {
                break;
            }
        }
        assert_eq!(Packet::parse(&octets).unwrap().code(), Code::AccessReject, "{at}");
    }
    // And what is no EAP at all.
    let mut site = Site::ending_eap("", &terms);
    let mut person = Person::new(&trusted, method::PEAP, &["secret"]);
    let packet = person.packet(&[9, 9, 9], None);
    assert!(told(&mut site, &packet).contains("belongs to nothing"));
}

#[test]
fn a_device_that_leaves_the_question_for_a_name_to_us_is_asked() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("", &terms);
    let mut person = Person::new(&trusted, method::PEAP, &["secret"]);
    let mut builder = Builder::new(Code::AccessRequest, 200);
    builder.attribute(kind::USER_NAME, b"anonymous").unwrap();
    builder.attribute(kind::EAP_MESSAGE, b"").unwrap();
    let start = builder.into_request(&secret(), &[200; 16]);
    let output = run(&mut site, &mut person, start);
    primary_right(&mut site, &output, "secret");
}

#[test]
fn a_device_that_goes_away_in_the_middle_is_forgotten() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("", &terms);
    let mut person = Person::new(&trusted, method::PEAP, &["secret"]);
    let first = person.begin();
    site.send(&first, 1000);
    site.output();
    assert_eq!(site.engine.waiting(), 1);
    site.wait(60);
    assert_eq!((site.engine.waiting(), site.outputs().len()), (0, 0));
    // The same after a yes that is never confirmed.
    let mut person = Person::new(&trusted, method::PEAP, &["secret"]);
    person.number = 50;
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    site.output();
    site.wait(300);
    assert_eq!((site.engine.waiting(), site.outputs().len()), (0, 0));
}

#[test]
fn passwords_are_taken_without_eap_too() {
    let (terms, _) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("", &terms);
    let request = site.ask(&alice("secret"));
    site.primary_right("secret");
    site.preauth(can_push());
    let (login, attempt, _) = site.asked();
    site.decide((login, attempt), yes());
    assert_eq!(site.answer(&request).code, Code::AccessAccept);
}

#[test]
fn whoever_begins_and_goes_away_takes_a_bounded_room() {
    let (terms, trusted) = terms(TlsVersion::Tls12);
    let mut site = Site::ending_eap("", &terms);
    let mut person = Person::new(&trusted, method::PEAP, &["secret"]);
    let mut begun = 0;
    for port in 1..=5000 {
        let first = person.begin();
        site.send(&first, port);
        let (code, _) = code(&site.output());
        begun += usize::from(code == Code::AccessChallenge);
    }
    assert_eq!(begun, 4000);
    // A minute later there is room again.
    site.wait(60);
    let output = started(&mut site, &mut person);
    primary_right(&mut site, &output, "secret");
}
