//! Packets as they come: which section they are for, whether they may be looked at, what they are.

use std::net::SocketAddr;
use std::time::Instant;

use cs_radius::{Code, Packet, kind, password};
use zeroize::Zeroizing;

use super::super::dacl::{self, Download, Downloaded};
use super::super::login::Event;
use super::super::output::{Output, Told};
use super::super::proof::Proof;
use super::super::request::Request;
use super::super::section::Dropped;
use super::super::seen::{PacketKey, Seen};
use super::super::verdict::Reply;
use super::relayed::First;
use super::{Engine, KEPT};

/// What a packet was taken for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Taken {
    /// A login, or a step of one.
    Request,
    /// A packet that is being worked on, again.
    Repeated,
    /// A packet that was answered, again: it got the same answer.
    AnsweredAgain,
    /// The question whether we are here.
    Status,
    /// Nothing; why is told.
    Dropped,
}

impl Taken {
    /// Every kind.
    pub const ALL: [Self; 5] = [Self::Request, Self::Repeated, Self::AnsweredAgain, Self::Status, Self::Dropped];

    /// In a word, for metrics.
    pub fn word(self) -> &'static str {
        match self {
            Self::Request => "request",
            Self::Repeated => "repeated",
            Self::AnsweredAgain => "answered-again",
            Self::Status => "status",
            Self::Dropped => "dropped",
        }
    }
}
impl Engine {
    /// A packet came.
    pub fn on_packet(&mut self, socket: usize, from: SocketAddr, octets: &[u8], now: Instant) -> Taken {
        self.packet(socket, from, octets, now).unwrap_or_else(|dropped| {
            self.out.push_back(Output::Told(Told::Dropped(from, dropped)));
            Taken::Dropped
        })
    }

    fn packet(&mut self, socket: usize, from: SocketAddr, octets: &[u8], now: Instant) -> Result<Taken, Dropped> {
        let asked = self.section_of(socket, from);
        if asked.is_none() && !self.sections.has_retired() {
            return Err(Dropped::UnknownClient);
        }
        let packet = Packet::parse(octets).map_err(|_| Dropped::Malformed)?;
        if !matches!(packet.code(), Code::AccessRequest | Code::StatusServer) {
            return Err(Dropped::NotServed);
        }
        let key = PacketKey::of(from, socket, &packet);
        let asked = self.begun_at(&packet, from).or(asked).ok_or(Dropped::UnknownClient);
        let admitted = asked.and_then(|(section, device)| {
            let serving = self.sections.get_mut(section).ok_or(Dropped::UnknownClient)?;
            serving.admit(device, &packet).map(|()| (section, device))
        });
        let (section, device) = match admitted {
            Ok(asked) => asked,
            // A login that began before the configuration changed goes on for who may not ask any more.
            Err(dropped) => return self.known_from_before(key).ok_or(dropped),
        };
        // RFC 3579 §3.1
        if packet.first(kind::EAP_MESSAGE).is_some() && !packet.has_message_authenticator() {
            return Err(Dropped::Unsigned);
        }
        let Some(serving) = self.sections.get(section) else { return Err(Dropped::UnknownClient) };
        let device_waits = serving.device(device).map_or(KEPT, |device| device.nas_timeout);
        match self.packets.look(key, now, device_waits) {
            Seen::InFlight => return Ok(Taken::Repeated),
            Seen::Answered(answer) => {
                let octets = answer.to_vec();
                self.out.push_back(Output::Send { socket, to: from, octets });
                return Ok(Taken::AnsweredAgain);
            }
            Seen::New => {}
        }
        if packet.code() == Code::StatusServer {
            // RFC 5997 §3: only who knows the secret is answered.
            if !packet.has_message_authenticator() {
                return Err(Dropped::Unsigned);
            }
            self.answer(section, device, key, &[], &Reply::alive(), now);
            return Ok(Taken::Status);
        }
        if self.is_download(section, device, &packet) {
            if !packet.has_message_authenticator() {
                return Err(Dropped::Unsigned);
            }
            let download = Download { section, device, key, octets: packet.as_bytes().to_vec() };
            self.out.push_back(Output::Download(Box::new(download)));
            return Ok(Taken::Request);
        }
        if dacl::is_list(&packet) {
            let states: Vec<Vec<u8>> = packet.all(kind::PROXY_STATE).map(<[u8]>::to_vec).collect();
            self.answer(section, device, key, &states, &Reply::reject(None), now);
            return Ok(Taken::Request);
        }
        self.request(section, device, key, &packet, now);
        Ok(Taken::Request)
    }

    /// The section and device of a challenge that was shown before the configuration changed, for its answer.
    fn begun_at(&self, packet: &Packet<'_>, from: SocketAddr) -> Option<(usize, usize)> {
        let running = self.running.get(self.challenges.get(packet.first(kind::STATE)?)?)?;
        let section = self.sections.get(running.section).filter(|_| self.sections.is_retired(running.section))?;
        section.device_of(from.ip()).filter(|device| *device == running.device).map(|device| (running.section, device))
    }

    /// What to do about a packet that came before the configuration changed, when it comes again.
    fn known_from_before(&mut self, key: PacketKey) -> Option<Taken> {
        if !self.sections.has_retired() {
            return None;
        }
        match self.packets.known(&key)? {
            Seen::Answered(answer) => {
                let octets = answer.to_vec();
                self.out.push_back(Output::Send { socket: key.socket, to: key.from, octets });
                Some(Taken::AnsweredAgain)
            }
            Seen::InFlight | Seen::New => Some(Taken::Repeated),
        }
    }

    fn is_download(&self, section: usize, device: usize, packet: &Packet<'_>) -> bool {
        let serving = self.sections.get(section).filter(|serving| serving.server.relays_dacl);
        serving.and_then(|serving| serving.secret(device)).is_some_and(|secret| dacl::is_download(packet, secret))
    }

    /// What became of a download; if nothing, the device's next packet is new.
    pub fn on_downloaded(&mut self, Downloaded { download, reply }: Downloaded, now: Instant) {
        let Download { section, device, key, octets } = download;
        let Some(reply) = reply else { return self.packets.forget_one(&key) };
        let Ok(packet) = Packet::parse(&octets) else { return };
        let states: Vec<Vec<u8>> = packet.all(kind::PROXY_STATE).map(<[u8]>::to_vec).collect();
        self.answer(section, device, key, &states, &reply, now);
    }

    /// The section that an address asks at a socket: the one with the smallest network.
    fn section_of(&self, socket: usize, from: SocketAddr) -> Option<(usize, usize)> {
        let sections = self.sockets.get(socket)?.iter().filter_map(|&at| Some((at, self.sections.get(at)?)));
        let fitting = sections.filter_map(|(at, section)| Some((at, section.device_of(from.ip())?, section)));
        fitting.min_by_key(|(_, device, section)| section.size_of(*device)).map(|(at, device, _)| (at, device))
    }

    fn request(&mut self, section: usize, device: usize, key: PacketKey, packet: &Packet<'_>, now: Instant) {
        let Some(serving) = self.sections.get(section) else { return };
        let states: Vec<Vec<u8>> = packet.all(kind::PROXY_STATE).map(<[u8]>::to_vec).collect();
        let Some(secret) = serving.secret(device) else { return };
        let typed = packet.first(kind::USER_PASSWORD).and_then(|hidden| match hidden {
            // Some devices send what was left empty as nothing at all, and not as a block of zeros: ocserv does.
            [] => Some(Zeroizing::default()),
            hidden => password::reveal(hidden, secret, packet.authenticator()).ok(),
        });
        let request = Request::read(packet, &serving.server, key.from);
        let refuse = |text: &str| Reply::reject(Some(text.to_owned()));
        let Some(request) = request else {
            self.answer(section, device, key, &states, &refuse("No user name was sent."), now);
            return;
        };
        if let Some(proof) = Proof::of(packet)
            && (typed.is_none() || packet.first(kind::STATE).is_none())
        {
            self.proven(section, device, key, states, request, proof, packet.first(kind::STATE), now);
            return;
        }
        if typed.is_none() && request.is_bypassed {
            self.proven(section, device, key, states, request, Proof::of_device(packet), None, now);
            return;
        }
        let Some(typed) = typed.as_ref().map(|typed| request.decoded(typed)) else {
            self.answer(section, device, key, &states, &refuse("No password was sent."), now);
            return;
        };
        let Ok(typed) = typed else {
            // With another secret a password becomes noise.
            self.out.push_back(Output::Told(Told::Dropped(key.from, Dropped::WrongSecret)));
            self.answer(section, device, key, &states, &refuse("The password cannot be read."), now);
            return;
        };
        if let Some(state) = packet.first(kind::STATE) {
            self.challenge_answered(section, device, key, states, state, &request, Event::Answer(typed), now);
            return;
        }
        self.begin(section, device, key, states, request, First::Typed(typed), now);
    }
}
