//! An engine, and packets for it.

use std::net::SocketAddr;
use std::time::{Duration, Instant};

use countersign_proxy::cfg::client::{Client, RadiusClient};
use countersign_proxy::radius::devices::Devices;
use countersign_proxy::radius::eap::Terms;
use countersign_proxy::radius::engine::Engine;
use countersign_proxy::radius::login::{Auth, Event, Outage, Preauth, Primary, Wanted};
use countersign_proxy::radius::output::{LoginId, Outcome, Output, Told};
use countersign_proxy::radius::section::Section;
use cs_radius::{Builder, Code, Integrity, Packet, Secret, kind, password, reply_integrity, reply_is_authentic};

use crate::support::config::{KEYS, read};

pub(super) fn secret() -> Secret {
    Secret::new(*b"a-long-shared-secret")
}

/// One section, `kind` with `options`; the device is 192.0.2.1.
pub(super) struct Site {
    pub(super) engine: Engine,
    pub(super) now: Instant,
    identifier: u8,
}

/// An Access-Request in the making.
pub(super) struct Ask {
    pub(super) user: &'static str,
    pub(super) password: String,
    pub(super) station: Option<&'static str>,
    pub(super) state: Option<Vec<u8>>,
    pub(super) port: u16,
}

pub(super) fn alice(password: &str) -> Ask {
    Ask { user: "alice", password: password.to_owned(), station: Some("198.51.100.7"), state: None, port: 1000 }
}

/// What a device was told.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Told3 {
    pub(super) code: Code,
    pub(super) text: Option<String>,
    pub(super) state: Option<Vec<u8>>,
}

impl Site {
    pub(super) fn new(kind: &str, options: &str) -> Self {
        Self::before("[duo_only_client]", kind, options)
    }

    /// The same before a RADIUS server.
    pub(super) fn before_radius(kind: &str, options: &str) -> Self {
        Self::before("[radius_client]\nhost=192.0.2.100\nsecret=server-shared-secret", kind, options)
    }

    fn before(client: &str, kind: &str, options: &str) -> Self {
        let text = format!(
            "{client}\n[{kind}]\n{KEYS}api_host=api.example.org\n\
            radius_ip_1=192.0.2.0/24\nradius_secret_1=a-long-shared-secret\n{options}\n"
        );
        Self::with(sections(&text))
    }

    /// One where EAP ends.
    pub(super) fn ending_eap(options: &str, terms: &Terms) -> Self {
        let text = format!(
            "[duo_only_client]\n[radius_server_eap]\n{KEYS}api_host=api.example.org\n\
            radius_ip_1=192.0.2.0/24\nradius_secret_1=a-long-shared-secret\ncerts=server.pem\npkey=server.key\n{options}\n"
        );
        Self::with(sections(&text).into_iter().map(|section| section.with_eap(Some(terms.clone()))).collect())
    }

    /// Two sections of one application, on a socket each, which have passwords checked by two servers.
    pub(super) fn with_two_directories() -> Self {
        let section = |number: u8| {
            format!(
                "[radius_client{number}]\nhost=192.0.2.10{number}\nsecret=server-shared-secret\n[radius_server_auto{number}]\nclient=radius_client{number}\n\
                port=181{number}\n{KEYS}api_host=api.example.org\n\
                radius_ip_1=192.0.2.0/24\nradius_secret_1=a-long-shared-secret\n"
            )
        };
        let mut site = Self::with(sections(&format!("{}{}", section(2), section(3))));
        site.engine.replace(sections(&format!("{}{}", section(2), section(3))), vec![vec![0], vec![1]]);
        site
    }

    fn with(sections: Vec<Section>) -> Self {
        let mut counter = 0_u8;
        let random = move |octets: &mut [u8]| {
            counter = counter.wrapping_add(1);
            octets.fill(counter);
        };
        Self { engine: Engine::new(sections, vec![vec![0]], Box::new(random)), now: Instant::now(), identifier: 0 }
    }

    /// From now on a section of this kind with these options serves, with this network and secret of its devices.
    pub(super) fn reload(&mut self, kind: &str, options: &str, network: &str, secret: &str) {
        let text = format!(
            "[duo_only_client]\n[{kind}]\n{KEYS}api_host=api.example.org\n\
            radius_ip_1={network}\nradius_secret_1={secret}\n{options}\n"
        );
        self.engine.replace(sections(&text), vec![vec![0]]);
    }

    pub(super) fn wait(&mut self, seconds: u64) {
        self.now += Duration::from_secs(seconds);
        self.engine.on_timeout(self.now);
    }

    /// A new packet for a login.
    pub(super) fn packet(&mut self, ask: &Ask) -> Vec<u8> {
        self.identifier = self.identifier.wrapping_add(1);
        let authenticator = [self.identifier; 16];
        let mut builder = Builder::new(Code::AccessRequest, self.identifier);
        builder.attribute(kind::USER_NAME, ask.user.as_bytes()).unwrap();
        let hidden = password::hide(ask.password.as_bytes(), &secret(), &authenticator).unwrap();
        builder.attribute(kind::USER_PASSWORD, &hidden).unwrap();
        if let Some(station) = ask.station {
            builder.attribute(kind::CALLING_STATION_ID, station.as_bytes()).unwrap();
        }
        if let Some(state) = &ask.state {
            builder.attribute(kind::STATE, state).unwrap();
        }
        builder.attribute(kind::PROXY_STATE, &[self.identifier]).unwrap();
        builder.into_request(&secret(), &authenticator)
    }

    pub(super) fn send(&mut self, packet: &[u8], port: u16) {
        self.send_from(packet, SocketAddr::from(([192, 0, 2, 1], port)));
    }

    pub(super) fn send_from(&mut self, packet: &[u8], from: SocketAddr) {
        self.engine.on_packet(0, from, packet, self.now);
    }

    /// Sends a new packet and returns it.
    pub(super) fn ask(&mut self, ask: &Ask) -> Vec<u8> {
        let packet = self.packet(ask);
        self.send(&packet, ask.port);
        packet
    }

    /// Everything that is to be done, save lines for the log.
    pub(super) fn outputs(&mut self) -> Vec<Output> {
        std::iter::from_fn(|| self.engine.poll_output())
            .filter(|output| !matches!(output, Output::Told(_) | Output::Admitted(_)))
            .collect()
    }

    /// Lines for the log, and nothing else.
    pub(super) fn outcomes(&mut self) -> Vec<Outcome> {
        let outputs = std::iter::from_fn(|| self.engine.poll_output());
        outputs
            .filter_map(
                |output| if let Output::Told(Told::Login { outcome, .. }) = output { Some(outcome) } else { None },
            )
            .collect()
    }

    /// The one thing to be done.
    pub(super) fn output(&mut self) -> Output {
        let mut outputs = self.outputs();
        assert_eq!(outputs.len(), 1, "{outputs:?}");
        outputs.remove(0)
    }

    /// The directory is asked for this password, and says yes.
    pub(super) fn primary_right(&mut self, expected: &str) -> LoginId {
        let Output::Primary { login, password, .. } = self.output() else {
            panic!("the first factor is not asked for")
        };
        assert_eq!(password.as_str(), expected);
        self.engine.on_event(login, Event::Primary(Primary::Right), self.now);
        login
    }

    /// The server is asked what alice needs, and says so.
    pub(super) fn preauth(&mut self, answer: Preauth) -> LoginId {
        let Output::Preauth { login, .. } = self.output() else { panic!("the server is not asked") };
        self.engine.on_event(login, Event::Preauth(Ok(answer)), self.now);
        login
    }

    /// The server is asked for a second factor.
    pub(super) fn asked(&mut self) -> (LoginId, u32, Wanted) {
        let Output::Auth { login, attempt, wanted, .. } = self.output() else {
            panic!("no second factor is asked for")
        };
        (login, attempt, wanted)
    }

    pub(super) fn decide(&mut self, (login, attempt): (LoginId, u32), result: Result<Auth, Outage>) {
        self.engine.on_auth(login, attempt, result, self.now);
    }

    /// The answers to these requests, each checked as its device would.
    pub(super) fn answers(&mut self, requests: &[&[u8]]) -> Vec<Told3> {
        let outputs = self.outputs();
        assert_eq!(outputs.len(), requests.len(), "{outputs:?}");
        outputs.iter().zip(requests).map(|(output, request)| checked(output, request)).collect()
    }

    pub(super) fn answer(&mut self, request: &[u8]) -> Told3 {
        self.answers(&[request]).remove(0)
    }
}

/// A client section with these options.
pub(super) fn radius_source(options: &str) -> RadiusClient {
    let text = format!(
        "[radius_client]\nhost=192.0.2.100\nsecret=server-shared-secret\n{options}\n[radius_server_auto]\n{KEYS}\
        api_host=api.example.org\nradius_ip_1=192.0.2.1\nradius_secret_1=a-long-shared-secret\n"
    );
    match read(&text).clients.get("radius_client") {
        Some(Client::Radius(client)) => (**client).clone(),
        other => panic!("{other:?}"),
    }
}

/// The devices of one section, 192.0.2.0/24.
pub(super) fn devices_of(options: &str) -> Devices {
    let text = format!(
        "[duo_only_client]\n[radius_server_auto]\n{KEYS}\
        api_host=api.example.org\nradius_ip_1=192.0.2.0/24\nradius_secret_1=a-long-shared-secret\n{options}\n"
    );
    Devices::of(&read(&text).radius)
}

/// An answer, checked as its device would.
pub(super) fn checked(output: &Output, request: &[u8]) -> Told3 {
    let Output::Send { octets, .. } = output else { panic!("no answer: {output:?}") };
    let (request, packet) = (Packet::parse(request).unwrap(), Packet::parse(octets).unwrap());
    assert_eq!(packet.identifier(), request.identifier());
    assert!(reply_is_authentic(&packet, &secret(), request.authenticator()));
    assert_eq!(reply_integrity(&packet, &secret(), request.authenticator()), Integrity::Valid);
    assert_eq!(packet.attributes().next().unwrap().kind, kind::MESSAGE_AUTHENTICATOR);
    assert!(packet.all(kind::PROXY_STATE).eq(request.all(kind::PROXY_STATE)));
    Told3 {
        code: packet.code(),
        text: packet.text(kind::REPLY_MESSAGE).map(str::to_owned),
        state: packet.first(kind::STATE).map(<[u8]>::to_vec),
    }
}

fn sections(text: &str) -> Vec<Section> {
    read(text).radius.into_iter().map(Section::new).collect()
}

pub(super) fn can_push() -> Preauth {
    Preauth::Auth { menu: Some("1. Push\n2. Code".to_owned()), can_push: true, can_phone: false }
}

pub(super) fn yes() -> Result<Auth, Outage> {
    Ok(Auth::Allow { text: "Success.".to_owned() })
}

pub(super) fn no() -> Result<Auth, Outage> {
    Ok(Auth::Deny { text: "Denied.".to_owned() })
}
