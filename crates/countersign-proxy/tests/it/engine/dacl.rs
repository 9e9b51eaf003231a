//! Access lists that devices download: through us, and never as a way in.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use countersign_proxy::radius::dacl::{Download, Downloads, Source};
use countersign_proxy::radius::exchange::Transmit;
use countersign_proxy::radius::login::{Event, Preauth, Primary};
use countersign_proxy::radius::output::{Admitted, Output};
use countersign_proxy::radius::upstream::Ended;
use countersign_proxy::radius::verdict::PrimaryReply;
use cs_radius::{Builder, Code, Integrity, Packet, Secret, kind, password, request_integrity, vendor};

use super::site::{Site, Told3, alice, radius_source, secret};

const NAME: &str = "#ACSACL#-IP-LAB-5f3a9b12";
const FIRST: &str = "192.0.2.100:1812";
const SECOND: &str = "192.0.2.101:1812";

/// A section before two servers, and its downloads.
struct Lists {
    site: Site,
    downloads: Downloads,
}

fn server_secret() -> Secret {
    Secret::new(*b"server-shared-secret")
}

fn avpair(text: &str) -> (u8, Vec<u8>) {
    (kind::VENDOR_SPECIFIC, vendor::wrap(vendor::id::CISCO, vendor::CISCO_AVPAIR, text.as_bytes()).unwrap())
}

/// What a device sends to get a list.
struct Wish {
    name: &'static str,
    event: &'static str,
    password: Option<&'static str>,
    state: Option<Vec<u8>>,
    is_signed: bool,
}

fn wish() -> Wish {
    Wish { name: NAME, event: "aaa:event=acl-download", password: Some(""), state: None, is_signed: true }
}

impl Wish {
    fn packet(&self, identifier: u8) -> Vec<u8> {
        let authenticator = [identifier; 16];
        let mut builder = Builder::new(Code::AccessRequest, identifier);
        builder.attribute(kind::USER_NAME, self.name.as_bytes()).unwrap();
        if let Some(typed) = self.password {
            let hidden = password::hide(typed.as_bytes(), &secret(), &authenticator).unwrap();
            builder.attribute(kind::USER_PASSWORD, &hidden).unwrap();
        }
        for text in ["aaa:service=ip_admission", self.event] {
            let (kind, value) = avpair(text);
            builder.attribute(kind, &value).unwrap();
        }
        builder.number(kind::NAS_IP_ADDRESS, 0xc000_0201).unwrap();
        if let Some(state) = &self.state {
            builder.attribute(kind::STATE, state).unwrap();
        }
        builder.attribute(kind::PROXY_STATE, &[identifier, 9]).unwrap();
        let mut octets = builder.into_request(&secret(), &authenticator);
        if !self.is_signed {
            // The Message-Authenticator is the first attribute.
            octets.drain(20..38);
            let len = u16::try_from(octets.len()).unwrap().to_be_bytes();
            octets[2..4].copy_from_slice(&len);
        }
        octets
    }
}

impl Lists {
    fn new(options: &str) -> Self {
        let site = Site::before_radius("radius_server_auto", options);
        let hosts: Vec<SocketAddr> = [FIRST, SECOND].map(|host| host.parse().unwrap()).to_vec();
        let source = Source { config: radius_source("pass_through_all=true\nretries=3"), hosts };
        let sources = BTreeMap::from([("radius_client".to_owned(), source)]);
        let mut drawn = 100_u8;
        let random = move |octets: &mut [u8]| {
            drawn = drawn.wrapping_add(1);
            octets.fill(drawn);
        };
        let clients = vec![Some("radius_client".to_owned())];
        Self { site, downloads: Downloads::new(sources, clients, Box::new(random), Box::new(|octets| octets.fill(3))) }
    }

    /// Alice logs in, and the server at this place names a list.
    fn log_in(&mut self, host: usize) {
        self.site.ask(&alice("secret"));
        let Output::Primary { login, .. } = self.site.output() else { panic!("the first factor is not asked for") };
        let attributes = vec![avpair(&format!("ACS:CiscoSecure-Defined-ACL={NAME}"))];
        let reply = PrimaryReply {
            attributes,
            secret: server_secret(),
            authenticator: [8; 16],
            host,
            user: None,
            groups: Vec::new(),
        };
        let ended = Ended { login, outcome: Primary::Right, reply: Some(Box::new(reply)) };
        self.site.engine.on_primary_reply(ended.login, *ended.reply.unwrap());
        self.site.engine.on_event(login, Event::Primary(ended.outcome), self.site.now);
        let Output::Preauth { login, .. } = self.site.output() else { panic!("the server is not asked") };
        let allow = Preauth::Allow { text: "Welcome.".to_owned() };
        self.site.engine.on_event(login, Event::Preauth(Ok(allow)), self.site.now);
        let outputs: Vec<Output> = std::iter::from_fn(|| self.site.engine.poll_output()).collect();
        let admitted: Vec<&Admitted> = outputs
            .iter()
            .filter_map(|output| if let Output::Admitted(admitted) = output { Some(&**admitted) } else { None })
            .collect();
        assert_eq!(admitted.len(), 1, "{outputs:?}");
        let at = outputs.iter().position(|output| matches!(output, Output::Admitted(_)));
        let answered = outputs.iter().position(|output| matches!(output, Output::Send { .. }));
        assert!(at < answered, "the device may ask as soon as it has its answer");
        self.downloads.admitted(admitted[0], self.site.now);
    }

    /// What the servers are asked for when a device sends this.
    fn send(&mut self, packet: &[u8]) -> Option<Transmit> {
        self.site.send(packet, 1000);
        let Output::Download(download) = self.site.output() else { panic!("no download") };
        self.wanted(*download);
        self.downloads.poll_transmit()
    }

    fn wanted(&mut self, download: Download) {
        self.downloads.wanted(download, self.site.now);
        self.end();
    }

    fn end(&mut self) {
        while let Some(ended) = self.downloads.poll_ended() {
            self.site.engine.on_downloaded(ended, self.site.now);
        }
    }

    /// A server answers.
    fn answer(&mut self, to: &Transmit, code: Code, attributes: &[(u8, Vec<u8>)]) {
        let request = Packet::parse(&to.octets).unwrap();
        let mut builder = Builder::new(code, request.identifier());
        builder.proxy_states(&request).unwrap();
        for (kind, value) in attributes {
            builder.attribute(*kind, value).unwrap();
        }
        let octets = builder.into_reply(&server_secret(), request.authenticator());
        self.downloads.on_packet(to.socket, to.to, &octets, self.site.now);
        self.end();
    }

    /// What the device got.
    fn got(&mut self, request: &[u8]) -> (Told3, Vec<(u8, Vec<u8>)>) {
        let output = self.site.output();
        let Output::Send { octets, .. } = &output else { panic!("no answer: {output:?}") };
        let packet = Packet::parse(octets).unwrap();
        let others = packet
            .attributes()
            .filter(|attribute| {
                ![kind::MESSAGE_AUTHENTICATOR, kind::PROXY_STATE, kind::STATE].contains(&attribute.kind)
            })
            .map(|attribute| (attribute.kind, attribute.value.to_vec()))
            .collect();
        (super::site::checked(&output, request), others)
    }
}

#[test]
fn a_list_longer_than_a_packet_arrives_octet_for_octet_in_rounds() {
    let mut lists = Lists::new("");
    lists.log_in(1);
    let mut all = Vec::new();
    let mut state = None;
    for round in 0..3_u8 {
        let request = Wish { state: state.clone(), ..wish() }.packet(200 + round);
        let asked = lists.send(&request).unwrap();
        assert_eq!(asked.to, SECOND.parse().unwrap(), "the server that named it is asked");
        let packet = Packet::parse(&asked.octets).unwrap();
        assert_eq!(request_integrity(&packet, &server_secret()), Integrity::Valid);
        assert_eq!(packet.text(kind::USER_NAME), Some(NAME));
        assert!(packet.cisco_avpairs().eq(["aaa:service=ip_admission", "aaa:event=acl-download"]));
        assert_eq!(packet.first(kind::STATE), state.as_deref());
        let typed = packet.first(kind::USER_PASSWORD).unwrap();
        assert!(password::reveal(typed, &server_secret(), packet.authenticator()).unwrap().is_empty());
        // As full as a packet can be: 4096 octets without a Message-Authenticator.
        let states: usize = packet.all(kind::PROXY_STATE).map(|value| value.len() + 2).sum();
        let mut room = 4096 - 20 - states - 4 - 18;
        let mut part = Vec::new();
        while room > 8 {
            let text = format!("ip:inacl#{}=permit ip any host 10.{round}.0.{}", all.len() + part.len(), part.len());
            let text = format!("{text:x<width$}", width = (room - 8).min(200));
            let line = avpair(&text[..text.len().min(room - 8)]);
            room -= line.1.len() + 2;
            part.push(line);
        }
        // A rest that is too short for a line is left.
        part.retain(|(_, value)| value.len() > 24);
        let (code, own) =
            if round < 2 { (Code::AccessChallenge, Some(vec![round, 7])) } else { (Code::AccessAccept, None) };
        let given = own.iter().map(|state| (kind::STATE, state.clone())).chain(part.clone()).collect::<Vec<_>>();
        lists.answer(&asked, code, &given);
        let (told, got) = lists.got(&request);
        assert_eq!((told.code, told.state.clone()), (code, own));
        assert_eq!(got, part);
        all.extend(got);
        state = told.state;
    }
    let len: usize = all.iter().map(|(_, value)| value.len() + 2).sum();
    assert!(len > 8192, "{len} octets");
}

#[test]
fn a_list_is_no_login_whatever_the_server_says() {
    let mut lists = Lists::new("");
    lists.log_in(0);
    let request = wish().packet(200);
    let asked = lists.send(&request).unwrap();
    let mut mixed = avpair("ip:inacl#2=permit ip any any").1;
    mixed.extend(&avpair("shell:priv-lvl=15").1[4..]);
    let mut torn = avpair("ip:inacl#3=permit ip any any").1;
    torn.extend([1, 0]);
    let line = avpair("ip:inacl#1=deny ip any any");
    let given = [
        (kind::SERVICE_TYPE, vec![0, 0, 0, 6]),
        (kind::CLASS, b"OU=admins;".to_vec()),
        (kind::FRAMED_IP_ADDRESS, vec![10, 0, 0, 1]),
        (kind::REPLY_MESSAGE, b"Welcome.".to_vec()),
        avpair("shell:priv-lvl=15"),
        avpair("ip:inaclx"),
        line.clone(),
        (kind::VENDOR_SPECIFIC, mixed),
        (kind::VENDOR_SPECIFIC, torn),
        (kind::STATE, vec![1]),
    ];
    lists.answer(&asked, Code::AccessAccept, &given);
    let (told, got) = lists.got(&request);
    assert_eq!((told.code, told.state), (Code::AccessAccept, None));
    assert_eq!(got, [line]);
    // A yes without a list is a no.
    let request = wish().packet(201);
    let asked = lists.send(&request).unwrap();
    lists.answer(&asked, Code::AccessAccept, &[(kind::CLASS, b"OU=admins;".to_vec())]);
    assert_eq!(lists.got(&request).0.code, Code::AccessReject);
}

#[test]
fn only_a_name_that_this_device_was_told_can_be_asked_for() {
    let mut lists = Lists::new("");
    let request = wish().packet(200);
    assert_eq!(lists.send(&request), None, "nobody has named it yet");
    assert_eq!(lists.got(&request).0.code, Code::AccessReject);
    lists.log_in(0);
    let other = Wish { name: "#ACSACL#-IP-OTHER-1", ..wish() }.packet(201);
    assert_eq!(lists.send(&other), None);
    assert_eq!(lists.got(&other).0.code, Code::AccessReject);
    // A State that no server made.
    let forged = Wish { state: Some(vec![1, 2, 3]), ..wish() }.packet(202);
    assert_eq!(lists.send(&forged), None);
    assert_eq!(lists.got(&forged).0.code, Code::AccessReject);
    assert!(lists.send(&wish().packet(203)).is_some());
    // A day later nobody knows it any more.
    lists.site.now += Duration::from_secs(24 * 3600 + 1);
    let late = wish().packet(204);
    assert_eq!(lists.send(&late), None);
    assert_eq!(lists.got(&late).0.code, Code::AccessReject);
}

#[test]
fn what_only_looks_like_a_download_lets_nobody_in() {
    let sent = |options: &str, wish: Wish| {
        let mut lists = Lists::new(options);
        lists.log_in(0);
        let packet = wish.packet(210);
        lists.site.send(&packet, 1000);
        let mut outputs = lists.site.outputs();
        assert_eq!(outputs.len(), 1, "{outputs:?}");
        outputs.remove(0)
    };
    let refused = [
        ("", Wish { password: Some("secret"), ..wish() }),
        ("", Wish { event: "aaa:event=none", ..wish() }),
        ("", Wish { name: " #ACSACL#-IP-LAB", password: Some("secret"), ..wish() }),
        ("dacl=off", wish()),
        ("dacl=off", Wish { password: Some("secret"), ..wish() }),
    ];
    for (options, wish) in refused {
        let name = wish.name;
        match sent(options, wish) {
            Output::Send { octets, .. } => assert_eq!(Packet::parse(&octets).unwrap().code(), Code::AccessReject),
            // A server may let such a name in without looking at any password.
            other => panic!("{name:?} {options}: {other:?}"),
        }
    }
    let alice = Wish { name: "alice", password: Some("secret"), ..wish() };
    assert!(matches!(sent("", alice), Output::Primary { .. }), "a login as others");
}

#[test]
fn a_download_that_is_not_signed_is_dropped() {
    let mut lists = Lists::new("require_message_authenticator=no\nlimit_proxy_state=no");
    let packet = Wish { is_signed: false, ..wish() }.packet(200);
    lists.site.send(&packet, 1000);
    assert_eq!(lists.site.outputs(), []);
}

#[test]
fn the_next_server_is_asked_when_one_is_silent_and_then_the_device_may_ask_again() {
    let mut lists = Lists::new("");
    lists.log_in(1);
    let request = wish().packet(200);
    let start: Instant = lists.site.now;
    let mut asked = vec![lists.send(&request).unwrap().to.to_string()];
    while let Some(at) = lists.downloads.poll_timeout() {
        assert!(at <= start + Duration::from_secs(60));
        lists.site.now = at;
        lists.downloads.on_timeout(at);
        asked.extend(std::iter::from_fn(|| lists.downloads.poll_transmit()).map(|transmit| transmit.to.to_string()));
        lists.end();
    }
    assert_eq!(asked, [SECOND, SECOND, FIRST, FIRST]);
    assert_eq!(lists.site.outputs(), []);
    assert!(lists.send(&request).is_some(), "the same packet is worked on again");
    // While it is, it is swallowed.
    lists.site.send(&request, 1000);
    assert_eq!(lists.site.outputs(), []);
}
