//! The other end of EAP that ends here: somebody at a device, and the packets of both.

use std::collections::VecDeque;
use std::sync::Arc;

use countersign_proxy::cfg::ldap_server::TlsVersion;
use countersign_proxy::radius::eap::Terms;
use countersign_proxy::radius::login::{Event, Primary};
use countersign_proxy::radius::output::{LoginId, Output};
use cs_radius::eap::framing::{self, Assembly, Outgoing, Piece};
use cs_radius::eap::{EapCode, EapPacket, method};
use cs_radius::salted::{self, Hop, MS_MPPE_RECV_KEY, MS_MPPE_SEND_KEY};
use cs_radius::{Builder, Code, Packet, kind, vendor};
use rustls::pki_types::{CertificateDer, PrivateKeyDer, ServerName};
use rustls::version::TLS13;
use rustls::{ClientConfig, ClientConnection, ProtocolVersion, RootCertStore};

use super::super::site::{Site, secret};

/// A certificate that is its own authority, and a proxy that shows it.
pub(super) fn terms(minimum: TlsVersion) -> (Terms, CertificateDer<'static>) {
    let made = rcgen::generate_simple_self_signed(["radius.test".to_owned()]).unwrap();
    let key = PrivateKeyDer::try_from(made.signing_key.serialize_der()).unwrap();
    let certificate = made.cert.der().clone();
    (Terms::new(vec![certificate.clone()], key, minimum, "Password: ").unwrap(), certificate)
}

/// Somebody who logs in through a device: the other end of EAP, and the device's packets.
pub(super) struct Person {
    pub(super) tls: ClientConnection,
    pub(super) method: u8,
    pub(super) incoming: Assembly,
    pub(super) outgoing: Option<Outgoing>,
    pub(super) piece: usize,
    pub(super) mtu: Option<u32>,
    /// Of the next packet of the device.
    pub(super) number: u8,
    /// What is typed, question by question.
    pub(super) types: VecDeque<&'static str>,
    /// What was asked inside.
    pub(super) asked: Vec<String>,
    pub(super) has_spoken: bool,
    pub(super) last: Vec<u8>,
}

impl Person {
    pub(super) fn new(trusted: &CertificateDer<'static>, method: u8, types: &[&'static str]) -> Self {
        Self::speaking(trusted, method, types, &TLS13)
    }

    pub(super) fn speaking(
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
    pub(super) fn packet(&mut self, message: &[u8], state: Option<&[u8]>) -> Vec<u8> {
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

    pub(super) fn begin(&mut self) -> Vec<u8> {
        self.packet(&response(7, method::IDENTITY, b"anonymous"), None)
    }

    /// The packet that answers a challenge.
    pub(super) fn next(&mut self, challenge: &[u8]) -> Vec<u8> {
        let packet = Packet::parse(challenge).unwrap();
        let (message, state) = (packet.eap().unwrap(), packet.first(kind::STATE).unwrap().to_vec());
        let answer = self.respond(&message);
        self.packet(&answer, Some(&state))
    }

    pub(super) fn respond(&mut self, message: &[u8]) -> Vec<u8> {
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

    pub(super) fn read(&mut self, mut flight: &[u8]) {
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
    pub(super) fn keys(&self) -> Vec<u8> {
        if self.tls.protocol_version() == Some(ProtocolVersion::TLSv1_3) {
            let label = b"EXPORTER_EAP_TLS_Key_Material";
            return self.tls.export_keying_material([0; 128], label, Some(&[self.method])).unwrap()[..64].to_vec();
        }
        let label: &[u8] = if self.method == method::PEAP { b"client EAP encryption" } else { b"ttls keying material" };
        self.tls.export_keying_material([0; 64], label, None).unwrap().to_vec()
    }
}

pub(super) fn response(identifier: u8, method: u8, data: &[u8]) -> Vec<u8> {
    EapPacket { code: EapCode::Response, identifier, method: Some(method), data }.to_octets()
}

pub(super) fn avp(code: u8, value: &[u8]) -> Vec<u8> {
    let len = u8::try_from(8 + value.len()).unwrap();
    let mut octets = [&[0, 0, 0, code, 0x40, 0, 0, len], value].concat();
    octets.resize(octets.len().next_multiple_of(4), 0);
    octets
}

/// Goes on until something else is wanted than the next packet, or the login is over.
pub(super) fn run(site: &mut Site, person: &mut Person, mut packet: Vec<u8>) -> Output {
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

pub(super) fn started(site: &mut Site, person: &mut Person) -> Output {
    let first = person.begin();
    run(site, person, first)
}

/// The first factor is asked for, with the name and password from inside, and is right.
pub(super) fn primary_right(site: &mut Site, output: &Output, expected: &str) -> LoginId {
    let Output::Primary { login, request, password, .. } = output else { panic!("{output:?}") };
    assert_eq!((request.user.as_str(), password.as_str()), ("alice", expected));
    site.engine.on_event(*login, Event::Primary(Primary::Right), site.now);
    *login
}

pub(super) fn code(output: &Output) -> (Code, Option<Vec<u8>>) {
    let Output::Send { octets, .. } = output else { panic!("{output:?}") };
    let packet = Packet::parse(octets).unwrap();
    assert_eq!(packet.text(kind::REPLY_MESSAGE), None);
    (packet.code(), packet.eap())
}

/// In, with an EAP-Success and the keys that the other end has.
pub(super) fn is_in(person: &Person, output: &Output) {
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

pub(super) fn is_out(output: &Output) {
    let (code, eap) = code(output);
    assert_eq!((code, EapPacket::parse(&eap.unwrap()).unwrap().code), (Code::AccessReject, EapCode::Failure));
    let Output::Send { octets, .. } = output else { panic!() };
    assert_eq!(Packet::parse(octets).unwrap().vendors().count(), 0);
}

/// After the second factor: the result is confirmed inside where there is such a thing.
pub(super) fn ended(site: &mut Site, person: &mut Person) -> Output {
    let output = site.output();
    let Output::Send { octets, .. } = &output else { panic!("{output:?}") };
    if Packet::parse(octets).unwrap().code() != Code::AccessChallenge {
        return output;
    }
    let next = person.next(octets);
    run(site, person, next)
}
