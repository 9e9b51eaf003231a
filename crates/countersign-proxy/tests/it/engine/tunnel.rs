//! EAP that ends at the proxy, against rustls as the other end.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_proxy::cfg::ldap_server::TlsVersion;
use countersign_proxy::radius::eap::Terms;
use countersign_proxy::radius::login::{Event, Preauth, Primary, Wanted};
use countersign_proxy::radius::output::{LoginId, Outcome, Output, Told};
use cs_radius::eap::framing::{self, Assembly, Outgoing, Piece};
use cs_radius::eap::{EapCode, EapPacket, method};
use cs_radius::salted::{self, Hop, MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY};
use cs_radius::{Builder, Code, Packet, kind, vendor};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::{TLS12, TLS13};
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};

use super::site::{Site, alice, can_push, no, secret, yes};

/// A certificate that is its own authority, and a proxy that shows it.
fn terms(minimum: TlsVersion) -> (Terms, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["radius.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    (Terms::new(vec![certificate.clone()], key, minimum, "Password: ").unwrap(), certificate)
}

/// Somebody who logs in through a device: the other end of EAP, and the device's packets.
struct Person {
    tls: ClientConnection,
    method: u8,
    incoming: Assembly,
    outgoing: Option<Outgoing>,
    piece: usize,
    mtu: Option<u32>,
    /// Of the next packet of the device.
    number: u8,
    /// What is typed, question by question.
    types: VecDeque<&'static str>,
    /// What was asked inside.
    asked: Vec<String>,
    has_spoken: bool,
    last: Vec<u8>,
}

impl Person {
    fn new(trusted: &CertificateDer<'static>, method: u8, types: &[&'static str]) -> Self {
        Self::speaking(trusted, method, types, &TLS13)
    }

    fn speaking(
        trusted: &CertificateDer<'static>,
        method: u8,
        types: &[&'static str],
        version: &'static rustls::SupportedProtocolVersion,
    ) -> Self {
        let mut roots = RootCertStore::empty();
        roots.add(trusted.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_protocol_versions(&[version])
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from("radius.test").unwrap();
        Self {
            tls: ClientConnection::new(Arc::new(config), name).unwrap(),
            method,
            incoming: Assembly::new(65_536),
            outgoing: None,
            piece: 1000,
            mtu: None,
            number: 0,
            types: types.iter().copied().collect(),
            asked: Vec::new(),
            has_spoken: false,
            last: Vec::new(),
        }
    }

    /// The device's packet with an EAP packet.
    fn packet(&mut self, message: &[u8], state: Option<&[u8]>) -> Vec<u8> {
        self.number = self.number.wrapping_add(1);
        let mut builder = Builder::new(Code::AccessRequest, self.number);
        builder.attribute(kind::USER_NAME, b"anonymous").unwrap();
        builder.attribute(kind::CALLING_STATION_ID, b"02-00-00-00-00-07").unwrap();
        if let Some(mtu) = self.mtu {
            builder.number(12, mtu).unwrap();
        }
        builder.eap(message).unwrap();
        if let Some(state) = state {
            builder.attribute(kind::STATE, state).unwrap();
        }
        self.last = builder.into_request(&secret(), &[self.number; 16]);
        self.last.clone()
    }

    fn begin(&mut self) -> Vec<u8> {
        self.packet(&response(7, method::IDENTITY, b"anonymous"), None)
    }

    /// The packet that answers a challenge.
    fn next(&mut self, challenge: &[u8]) -> Vec<u8> {
        let packet = Packet::parse(challenge).unwrap();
        let (message, state) = (packet.eap().unwrap(), packet.first(kind::STATE).unwrap().to_vec());
        let answer = self.respond(&message);
        self.packet(&answer, Some(&state))
    }

    fn respond(&mut self, message: &[u8]) -> Vec<u8> {
        let request = EapPacket::parse(message).unwrap();
        assert_eq!(request.code, EapCode::Request);
        let answer = |data: &[u8], method| response(request.identifier, method, data);
        if request.method == Some(method::IDENTITY) {
            return answer(b"anonymous", method::IDENTITY);
        }
        if request.method != Some(self.method) {
            return answer(&[self.method], method::NAK);
        }
        let piece = Piece::parse(request.data).unwrap();
        if self.mtu.is_some_and(|mtu| message.len() > usize::try_from(mtu).unwrap()) {
            panic!("a packet of {} octets", message.len());
        }
        if let Some(outgoing) = self.outgoing.as_mut().filter(|outgoing| outgoing.has_more()) {
            assert!(piece.data.is_empty());
            return answer(&outgoing.next_piece().unwrap(), self.method);
        }
        if !piece.is_start {
            match self.incoming.push(&piece).unwrap() {
                None => return answer(&framing::acknowledgement(), self.method),
                Some(flight) => self.read(&flight),
            }
        }
        let mut flight = Vec::new();
        while self.tls.wants_write() {
            self.tls.write_tls(&mut flight).unwrap();
        }
        let mut outgoing = Outgoing::new(flight, self.piece);
        let first = outgoing.next_piece().unwrap();
        self.outgoing = Some(outgoing);
        answer(&first, self.method)
    }

    fn read(&mut self, mut flight: &[u8]) {
        use std::io::{Read as _, Write as _};
        let mut inside = Vec::new();
        while !flight.is_empty() {
            self.tls.read_tls(&mut flight).unwrap();
            // A failure becomes an alert.
            let Ok(state) = self.tls.process_new_packets() else { return };
            let mut part = vec![0; state.plaintext_bytes_to_read()];
            self.tls.reader().read_exact(&mut part).unwrap();
            inside.extend(part);
        }
        if self.method == method::TTLS {
            if !self.tls.is_handshaking() && !std::mem::replace(&mut self.has_spoken, true) {
                let password = self.types.pop_front().unwrap();
                let avps = [avp(1, b"alice"), avp(2, password.as_bytes())].concat();
                self.tls.writer().write_all(&avps).unwrap();
            }
            return;
        }
        let answer = match inside.split_first() {
            None => return,
            // The result, which stands behind a header.
            Some((1, rest)) if rest.get(3) == Some(&method::TLV) => {
                [&[2, rest[0], 0, 11, method::TLV], &rest[4..]].concat()
            }
            Some((&method::IDENTITY, _)) => b"\x01alice".to_vec(),
            Some((&method::GTC, text)) => {
                self.asked.push(String::from_utf8(text.to_vec()).unwrap());
                let typed = self.types.pop_front().unwrap();
                if typed == "nak" { vec![method::NAK, method::MSCHAPV2] } else { [b"\x06", typed.as_bytes()].concat() }
            }
            other => panic!("{other:?}"),
        };
        self.tls.writer().write_all(&answer).unwrap();
    }

    /// The first 64 octets of what both ends share.
    fn keys(&self) -> Vec<u8> {
        if self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            let label = b"EXPORTER_EAP_TLS_Key_Material";
            return self.tls.export_keying_material([0; 128], label, Some(&[self.method])).unwrap()[..64].to_vec();
        }
        let label: &[u8] = if self.method == method::PEAP { b"client EAP encryption" } else { b"ttls keying material" };
        self.tls.export_keying_material([0; 64], label, None).unwrap().to_vec()
    }
}

fn response(identifier: u8, method: u8, data: &[u8]) -> Vec<u8> {
    EapPacket { code: EapCode::Response, identifier, method: Some(method), data }.to_octets()
}

fn avp(code: u8, value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(8 + value.len()).unwrap();
    let mut octets = [&[0, 0, 0, code, 0x40, 0, 0, len], value].concat();
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// Goes on until something else is wanted than the next packet, or the login is over.
fn run(site: &mut Site, person: &mut Person, mut packet: Vec<u8>) -> Output {
    for _ in 0..150 {
        site.send(&packet, 1000);
        let output = site.output();
        // The same packet again is answered alike, or swallowed.
        site.send(&packet, 1000);
        let again = site.outputs();
        let Output::Send { octets, .. } = &output else {
            assert!(again.is_empty());
            return output;
        };
        assert_eq!(again, std::slice::from_ref(&output));
        if Packet::parse(octets).unwrap().code() != Code::AccessChallenge {
            return output;
        }
        packet = person.next(octets);
    }
    panic!("it does not end")
}

fn started(site: &mut Site, person: &mut Person) -> Output {
    let first = person.begin();
    run(site, person, first)
}

/// The first factor is asked for, with the name and password from inside, and is right.
fn primary_right(site: &mut Site, output: &Output, expected: &str) -> LoginId {
    let Output::Primary { login, request, password, .. } = output else { panic!("{output:?}") };
    assert_eq!((request.user.as_str(), password.as_str()), ("alice", expected));
    site.engine.on_event(*login, Event::Primary(Primary::Right), site.now);
    *login
}

fn code(output: &Output) -> (Code, Option<Vec<u8>>) {
    let Output::Send { octets, .. } = output else { panic!("{output:?}") };
    let packet = Packet::parse(octets).unwrap();
    assert_eq!(packet.text(kind::REPLY_MESSAGE), None);
    (packet.code(), packet.eap())
}

/// In, with an EAP-Success and the keys that the other end has.
fn is_in(person: &Person, output: &Output) {
    let Output::Send { octets, .. } = output else { panic!("{output:?}") };
    let packet = Packet::parse(octets).unwrap();
    let success = EapPacket::parse(&packet.eap().unwrap()).unwrap().code;
    assert_eq!((packet.code(), success), (Code::AccessAccept, EapCode::Success));
    assert_eq!(packet.text(kind::USER_NAME), Some("alice"));
    let request = Packet::parse(&person.last).unwrap();
    let hop = Hop { secret: &secret(), request: request.authenticator() };
    let key = |number| {
        let hidden = packet.vendor(vendor::id::MICROSOFT, number).next().unwrap();
        salted::open(hidden, hop).unwrap().to_vec()
    };
    assert_eq!([key(MS_MPPE_RECV_KEY), key(MS_MPPE_SEND_KEY)].concat(), person.keys());
}

fn is_out(output: &Output) {
    let (code, eap) = code(output);
    assert_eq!((code, EapPacket::parse(&eap.unwrap()).unwrap().code), (Code::AccessReject, EapCode::Failure));
    let Output::Send { octets, .. } = output else { panic!() };
    assert_eq!(Packet::parse(octets).unwrap().vendors().count(), 0);
}

/// After the second factor: the result is confirmed inside where there is such a thing.
fn ended(site: &mut Site, person: &mut Person) -> Output {
    let output = site.output();
    let Output::Send { octets, .. } = &output else { panic!("{output:?}") };
    if Packet::parse(octets).unwrap().code() != Code::AccessChallenge {
        return output;
    }
    let next = person.next(octets);
    run(site, person, next)
}

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
