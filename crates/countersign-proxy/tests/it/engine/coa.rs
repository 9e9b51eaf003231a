//! Servers end and change sessions at devices that they do not know, through us.

use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use countersign_proxy::radius::coa::{Coa, Dropped, Now, Origin, Output};
use countersign_proxy::radius::devices::Devices;
use countersign_proxy::radius::exchange::Transmit;
use countersign_proxy::radius::sessions::Sessions;
use cs_radius::{
    Builder, Code, Integrity, Packet, Secret, kind, reply_integrity, reply_is_authentic, request_integrity,
    request_is_authentic, vendor,
};

use super::site::{devices_of, secret};

const SERVER: &str = "192.0.2.100";
const UNIX: u64 = 1_800_000_000;

fn server_secret() -> Secret {
    Secret::new(*b"server-shared-secret")
}

fn avpair(text: &str) -> (u8, Vec<u8>) {
    (kind::VENDOR_SPECIFIC, vendor::wrap(vendor::id::CISCO, vendor::CISCO_AVPAIR, text.as_bytes()).unwrap())
}

fn text(kind: u8, text: &str) -> (u8, Vec<u8>) {
    (kind, text.as_bytes().to_vec())
}

/// A proxy with two devices, 192.0.2.1 and .2, and two servers.
struct Site {
    coa: Coa,
    sessions: Sessions,
    now: Instant,
    unix: u64,
    identifier: u8,
}

impl Site {
    fn new() -> Self {
        let origin = |client: &str, address: &str, secret: &[u8]| Origin {
            client: client.to_owned(),
            address: address.parse().unwrap(),
            secret: Secret::new(secret),
            nas_ip: Some("192.0.2.50".parse().unwrap()),
        };
        let origins = vec![
            origin("ise", SERVER, b"server-shared-secret"),
            origin("other", SERVER, b"another-secret-of-it"),
            origin("third", "192.0.2.101", b"server-shared-secret"),
        ];
        let devices: Devices = devices_of("coa_port_1=1700");
        let coa = Coa::new(origins, devices, Box::new(|octets| octets.fill(3)));
        Self { coa, sessions: Sessions::default(), now: Instant::now(), unix: UNIX, identifier: 0 }
    }

    /// Somebody is connected at a device, by the server `client`.
    fn connect(&mut self, device: &str, id: &str, user: &str, client: &str) {
        let mut builder = Builder::new(Code::AccountingRequest, 1);
        builder.number(kind::ACCT_STATUS_TYPE, 1).unwrap();
        builder.attribute(kind::ACCT_SESSION_ID, id.as_bytes()).unwrap();
        builder.attribute(kind::USER_NAME, user.as_bytes()).unwrap();
        builder.attribute(kind::NAS_IP_ADDRESS, &[10, 0, 0, 1]).unwrap();
        builder.attribute(kind::NAS_IDENTIFIER, b"gateway").unwrap();
        let octets = builder.into_digested_request(&secret());
        let packet = Packet::parse(&octets).unwrap();
        let device: IpAddr = device.parse().unwrap();
        self.sessions.accounted(&packet, device, "radius_server_auto", [Some(client), None], self.now);
    }

    fn request(&mut self, code: Code, attributes: &[(u8, Vec<u8>)], is_signed: bool) -> Vec<u8> {
        self.identifier += 1;
        let mut builder =
            if is_signed { Builder::signed(code, self.identifier) } else { Builder::new(code, self.identifier) };
        for (kind, value) in attributes {
            builder.attribute(*kind, value).unwrap();
        }
        builder.into_digested_request(&server_secret())
    }

    fn send_from(&mut self, octets: &[u8], from: &str) -> Vec<Output> {
        let from = SocketAddr::new(from.parse().unwrap(), 5000);
        let is_own = |address: IpAddr| address == IpAddr::from([192, 0, 2, 60]);
        let now = Now { at: self.now, unix: self.unix, is_own: &is_own };
        self.coa.on_request(0, from, octets, &mut self.sessions, &now);
        self.outputs()
    }

    fn send(&mut self, octets: &[u8]) -> Vec<Output> {
        self.send_from(octets, SERVER)
    }

    fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.coa.poll_output()).collect()
    }

    /// What a device is asked because of a request.
    fn asked(&mut self, octets: &[u8]) -> Transmit {
        let outputs = self.send(octets);
        let [Output::Ask(transmit)] = &outputs[..] else { panic!("{outputs:?}") };
        transmit.clone()
    }

    /// The device answers.
    fn answer(&mut self, asked: &Transmit, code: Code, attributes: &[(u8, Vec<u8>)]) -> Vec<Output> {
        let request = Packet::parse(&asked.octets).unwrap();
        let mut builder = Builder::new(code, request.identifier());
        for (kind, value) in attributes {
            builder.attribute(*kind, value).unwrap();
        }
        let octets = builder.into_reply(&secret(), request.authenticator());
        self.coa.on_answer(asked.socket, asked.to, &octets, &mut self.sessions, self.now);
        self.outputs()
    }

    /// The Error-Cause of the refusal that this is answered with at once.
    fn refused(&mut self, attributes: &[(u8, Vec<u8>)]) -> u32 {
        let request = self.request(Code::DisconnectRequest, attributes, false);
        let outputs = self.send(&request);
        let [Output::Reply { octets, .. }] = &outputs[..] else { panic!("{outputs:?}") };
        let packet = reply(octets, &request);
        assert_eq!(packet.code(), Code::DisconnectNak);
        packet.number(kind::ERROR_CAUSE).unwrap()
    }
}

/// An answer, checked as the server would.
fn reply<'a>(octets: &'a [u8], request: &[u8]) -> Packet<'a> {
    let (packet, request) = (Packet::parse(octets).unwrap(), Packet::parse(request).unwrap());
    assert_eq!(packet.identifier(), request.identifier());
    assert!(reply_is_authentic(&packet, &server_secret(), request.authenticator()));
    let expected = if request.has_message_authenticator() { Integrity::Valid } else { Integrity::Absent };
    assert_eq!(reply_integrity(&packet, &server_secret(), request.authenticator()), expected);
    assert!(packet.all(kind::PROXY_STATE).eq(request.all(kind::PROXY_STATE)));
    packet
}

#[test]
fn a_disconnect_finds_its_device_and_the_answer_its_server() {
    for is_signed in [false, true] {
        let mut site = Site::new();
        site.connect("192.0.2.1", "A1", "alice", "ise");
        site.connect("192.0.2.2", "B1", "bob", "ise");
        let time = (kind::EVENT_TIMESTAMP, u32::try_from(UNIX + 200).unwrap().to_be_bytes().to_vec());
        let request = site.request(
            Code::DisconnectRequest,
            &[
                (kind::NAS_IP_ADDRESS, vec![192, 0, 2, 50]),
                text(kind::USER_NAME, "Alice"),
                (kind::PROXY_STATE, vec![1]),
                text(kind::ACCT_SESSION_ID, "A1"),
                time.clone(),
                (kind::PROXY_STATE, vec![2]),
                (200, vec![9; 40]),
            ],
            is_signed,
        );
        let asked = site.asked(&request);
        assert_eq!(asked.to, "192.0.2.1:1700".parse().unwrap());
        let packet = Packet::parse(&asked.octets).unwrap();
        assert!(request_is_authentic(&packet, &secret()));
        let expected = if is_signed { Integrity::Valid } else { Integrity::Absent };
        assert_eq!(request_integrity(&packet, &secret()), expected);
        let got: Vec<(u8, Vec<u8>)> = packet
            .attributes()
            .filter(|attribute| attribute.kind != kind::MESSAGE_AUTHENTICATOR)
            .map(|attribute| (attribute.kind, attribute.value.to_vec()))
            .collect();
        // As it came, with the device named as it names itself, and without what belongs to one hop.
        let expected = [
            (kind::NAS_IP_ADDRESS, vec![10, 0, 0, 1]),
            text(kind::USER_NAME, "Alice"),
            text(kind::ACCT_SESSION_ID, "A1"),
            time,
            (200, vec![9; 40]),
        ];
        assert_eq!(got, expected);
        let given = [(kind::ERROR_CAUSE, vec![0, 0, 1, 0x94]), (kind::REPLY_MESSAGE, b"no".to_vec())];
        let outputs = site.answer(&asked, Code::DisconnectNak, &given);
        let [Output::Reply { to, octets, .. }, Output::Ended { by: Some(by), said: Some(Code::DisconnectNak), .. }] =
            &outputs[..]
        else {
            panic!("{outputs:?}")
        };
        assert_eq!((to.to_string(), &**by), ("192.0.2.100:5000".to_owned(), "ise"));
        let packet = reply(octets, &request);
        let own = [kind::PROXY_STATE, kind::MESSAGE_AUTHENTICATOR];
        let got = packet.attributes().filter(|attribute| !own.contains(&attribute.kind));
        assert!(got.map(|attribute| (attribute.kind, attribute.value.to_vec())).eq(given));
        // The same again gets the same, and the device is left in peace.
        let again = site.send(&request);
        assert!(matches!(&again[..], [Output::Reply { octets: same, .. }] if same == octets));
    }
}

#[test]
fn a_session_that_was_ended_is_unknown_then() {
    let mut site = Site::new();
    site.connect("192.0.2.1", "A1", "alice", "ise");
    let request = site.request(Code::DisconnectRequest, &[text(kind::USER_NAME, "alice")], false);
    let asked = site.asked(&request);
    site.answer(&asked, Code::DisconnectAck, &[]);
    assert!(site.sessions.is_empty());
    assert_eq!(site.refused(&[text(kind::USER_NAME, "alice")]), 503);
}

#[test]
fn a_change_travels_with_what_the_device_must_do() {
    let mut site = Site::new();
    site.connect("192.0.2.1", "A1", "alice", "ise");
    let pair = avpair("subscriber:command=reauthenticate");
    let request = site.request(Code::CoaRequest, &[text(kind::ACCT_SESSION_ID, "A1"), pair.clone()], false);
    let asked = site.asked(&request);
    let packet = Packet::parse(&asked.octets).unwrap();
    assert_eq!(packet.first(kind::VENDOR_SPECIFIC), Some(&*pair.1));
    let outputs = site.answer(&asked, Code::CoaAck, &[]);
    assert!(matches!(&outputs[..], [Output::Reply { .. }, Output::Ended { said: Some(Code::CoaAck), .. }]));
    assert_eq!(site.sessions.len(), 1, "it goes on");
}

#[test]
fn what_cannot_be_given_on_is_refused_with_its_cause() {
    let mut site = Site::new();
    site.connect("192.0.2.1", "A1", "alice", "ise");
    site.connect("192.0.2.2", "A2", "alice", "ise");
    site.connect("192.0.2.1", "C1", "carol", "other");
    let alice = text(kind::USER_NAME, "alice");
    assert_eq!(site.refused(&[text(kind::USER_NAME, "nobody")]), 503);
    assert_eq!(site.refused(&[text(kind::USER_NAME, "carol")]), 503, "another server's");
    assert_eq!(site.refused(&[alice.clone(), text(kind::ACCT_SESSION_ID, "C1")]), 503);
    assert_eq!(site.refused(&[(kind::NAS_IP_ADDRESS, vec![10, 0, 0, 1])]), 402);
    assert_eq!(site.refused(&[]), 402);
    assert_eq!(site.refused(std::slice::from_ref(&alice)), 508);
    let first = text(kind::ACCT_SESSION_ID, "A1");
    assert_eq!(site.refused(&[first.clone(), (kind::NAS_IP_ADDRESS, vec![10, 0, 0, 9])]), 403);
    assert_eq!(site.refused(&[first.clone(), text(kind::NAS_IDENTIFIER, "elsewhere")]), 403);
    assert_eq!(site.refused(&[first.clone(), (kind::TUNNEL_PASSWORD, vec![0; 18])]), 401);
    // The device itself, what the proxy is called by its server, and an address of its own.
    for octets in [[10, 0, 0, 1], [192, 0, 2, 1], [192, 0, 2, 50], [192, 0, 2, 60]] {
        let request =
            site.request(Code::DisconnectRequest, &[first.clone(), (kind::NAS_IP_ADDRESS, octets.to_vec())], false);
        site.asked(&request);
    }
}

#[test]
fn strangers_forgers_and_recordings_are_dropped() {
    let mut site = Site::new();
    site.connect("192.0.2.1", "A1", "alice", "ise");
    let alice = text(kind::USER_NAME, "alice");
    let dropped = |outputs: Vec<Output>| match &outputs[..] {
        [Output::Dropped(_, why)] => *why,
        other => panic!("{other:?}"),
    };
    let good = site.request(Code::DisconnectRequest, std::slice::from_ref(&alice), true);
    // A device is no server, though it knows a secret.
    assert_eq!(dropped(site.send_from(&good, "192.0.2.1")), Dropped::Stranger);
    let mut builder = Builder::new(Code::DisconnectRequest, 9);
    builder.attribute(alice.0, &alice.1).unwrap();
    let forged = builder.clone().into_digested_request(&secret());
    assert_eq!(dropped(site.send(&forged)), Dropped::WrongSecret);
    // Somebody has changed a name on the way.
    let mut changed = good.clone();
    *changed.last_mut().unwrap() ^= 1;
    assert_eq!(dropped(site.send(&changed)), Dropped::WrongSecret);
    assert_eq!(dropped(site.send(&good[..19])), Dropped::Malformed);
    let login = Builder::new(Code::AccessRequest, 1).into_request(&server_secret(), &[1; 16]);
    assert_eq!(dropped(site.send(&login)), Dropped::NotServed);
    for time in [UNIX - 301, UNIX + 301] {
        let time = (kind::EVENT_TIMESTAMP, u32::try_from(time).unwrap().to_be_bytes().to_vec());
        let request = site.request(Code::DisconnectRequest, &[alice.clone(), time], false);
        assert_eq!(dropped(site.send(&request)), Dropped::Stale);
    }
    assert!(matches!(&site.send(&good)[..], [Output::Ask(_)]));
    // A host of another client section may not end it, though its secret is the same.
    let mut third = site.send_from(&good, "192.0.2.101");
    assert!(matches!(third.remove(0), Output::Reply { .. }));
}

#[test]
fn a_silent_device_is_asked_again_and_then_the_server_may() {
    let mut site = Site::new();
    site.connect("192.0.2.1", "A1", "alice", "ise");
    let request = site.request(Code::DisconnectRequest, &[text(kind::USER_NAME, "alice")], false);
    let asked = site.asked(&request);
    let mut sent = 1;
    let start = site.now;
    while let Some(at) = site.coa.poll_timeout() {
        site.now = at;
        assert_eq!(site.send(&request), [], "while it is being asked");
        site.coa.on_timeout(at);
        for output in site.outputs() {
            match output {
                Output::Ask(again) => {
                    assert_eq!(again, asked);
                    sent += 1;
                }
                Output::Ended { said: None, .. } => {}
                other => panic!("{other:?}"),
            }
        }
    }
    assert_eq!((sent, site.now - start), (4, Duration::from_secs(8)));
    assert_eq!(site.sessions.len(), 1);
    site.asked(&request);
}

#[test]
fn a_session_that_we_end_ourselves_is_named_in_full() {
    let mut site = Site::new();
    site.connect("192.0.2.1", "A1", "alice", "ise");
    let (id, session) = site.sessions.iter().map(|(id, session)| (id, session.clone())).next().unwrap();
    site.coa.end(id, &session, UNIX, site.now);
    let outputs = site.outputs();
    let [Output::Ask(asked)] = &outputs[..] else { panic!("{outputs:?}") };
    let packet = Packet::parse(&asked.octets).unwrap();
    assert!(request_is_authentic(&packet, &secret()));
    assert_eq!((packet.code(), packet.text(kind::USER_NAME)), (Code::DisconnectRequest, Some("alice")));
    assert_eq!(packet.text(kind::ACCT_SESSION_ID), Some("A1"));
    assert_eq!(packet.first(kind::NAS_IP_ADDRESS), Some(&[10, 0, 0, 1][..]));
    assert_eq!(packet.text(kind::NAS_IDENTIFIER), Some("gateway"));
    assert_eq!(packet.number(kind::EVENT_TIMESTAMP).map(u64::from), Some(UNIX));
    let outputs = site.answer(asked, Code::DisconnectAck, &[]);
    assert!(matches!(&outputs[..], [Output::Ended { by: None, said: Some(Code::DisconnectAck), .. }]));
    assert!(site.sessions.is_empty());
}
