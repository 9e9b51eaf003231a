//! One login by EAP that ends here, packet by packet.

use std::collections::HashSet;

use cs_radius::eap::framing::{self, Assembly, Outgoing, Piece};
use cs_radius::eap::inner;
use cs_radius::eap::{EapCode, EapPacket, method};

use super::Terms;
use super::keys::Keys;
use super::tunnel::Tunnel;

mod inside;
mod step;

pub use step::{Step, Why};

/// A flight of somebody without a certificate has a few hundred octets; what is inside of one, even less.
const MOST_FLIGHT: usize = 16 * 1024;
/// Packets of one login. A long chain of certificates in small pieces takes thirty.
const MOST_ROUNDS: u16 = 200;
/// A piece that fits through everything, as FreeRADIUS has it too.
const PIECE: usize = 1024;
/// A text that is asked inside.
const MOST_TEXT: usize = 1000;

/// Which tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Method {
    Peap,
    Ttls,
}

impl Method {
    fn number(self) -> u8 {
        match self {
            Self::Peap => method::PEAP,
            Self::Ttls => method::TTLS,
        }
    }

    fn label(self) -> &'static [u8] {
        match self {
            Self::Peap => b"client EAP encryption",
            Self::Ttls => b"ttls keying material",
        }
    }
}

#[derive(Debug, PartialEq, Eq)]
enum Phase {
    /// A method was begun, and nothing of it has come.
    Offered,
    /// TLS is being spoken.
    Handshake,
    /// The name was asked for inside.
    Identity,
    /// The password was asked for.
    Password {
        user: Vec<u8>,
    },
    /// What was sent is being decided.
    Deciding,
    /// Something was asked.
    Asked,
    /// The yes was sent, and is to be confirmed.
    Confirming,
    /// It failed, and an alert says why.
    Alerted(Why),
    Over,
}

/// A login.
pub struct Session {
    terms: Terms,
    method: Method,
    phase: Phase,
    tunnel: Option<Box<Tunnel>>,
    incoming: Assembly,
    outgoing: Option<Outgoing>,
    /// Of the request that waits for its response.
    identifier: u8,
    refused: HashSet<u8>,
    rounds: u16,
    piece: usize,
}

impl Session {
    /// Begins, with the EAP packet that a device began with. `mtu` is the most that the device can carry (RFC 2865 §5.12).
    pub fn begin(terms: Terms, packet: &[u8], mtu: Option<u32>) -> (Self, Step) {
        let mtu = mtu.and_then(|mtu| usize::try_from(mtu).ok()).unwrap_or(PIECE);
        let mut session = Self {
            terms,
            method: Method::Peap,
            phase: Phase::Offered,
            tunnel: None,
            incoming: Assembly::new(MOST_FLIGHT),
            outgoing: None,
            identifier: 0,
            refused: HashSet::new(),
            rounds: 0,
            // Headers of EAP and of what carries it.
            piece: mtu.saturating_sub(20).clamp(100, PIECE),
        };
        let step = match EapPacket::parse(packet) {
            Ok(EapPacket { code: EapCode::Response, method: Some(method::IDENTITY), identifier, .. }) => {
                session.identifier = identifier;
                session.start()
            }
            // RFC 3579 §2.1: a device that leaves the question for the name to us begins with nothing.
            _ if packet.is_empty() => session.request(method::IDENTITY, b"", true),
            _ => session.fail(Why::Malformed),
        };
        (session, step)
    }

    /// Takes the EAP packet that answers the last one.
    pub fn on_response(&mut self, packet: &[u8]) -> Step {
        let Ok(EapPacket { code: EapCode::Response, identifier, method: Some(number), data }) =
            EapPacket::parse(packet)
        else {
            return self.fail(Why::Malformed);
        };
        // Packets that come twice are answered before they come here.
        if identifier != self.identifier || matches!(self.phase, Phase::Deciding | Phase::Over) {
            return self.fail(Why::Malformed);
        }
        self.rounds += 1;
        if self.rounds > MOST_ROUNDS {
            return self.fail(Why::Endless);
        }
        match (&self.phase, number) {
            // The name outside of the tunnel is nobody's.
            (Phase::Offered, method::IDENTITY) if self.tunnel.is_none() => self.start(),
            (Phase::Offered, method::NAK) => self.other_method(data),
            (_, number) if number == self.method.number() => self.on_piece(data),
            _ => self.fail(Why::Malformed),
        }
    }

    /// Asks something inside, for somebody to type. `None` where nothing can be asked: in TTLS there is only the password.
    pub fn ask(&mut self, text: &str) -> Option<Step> {
        if self.method != Method::Peap || self.phase != Phase::Deciding {
            return None;
        }
        let text = text.get(..text.floor_char_boundary(MOST_TEXT)).unwrap_or_default();
        Some(self.inside(&inner::request(method::GTC, text.as_bytes()), Phase::Asked, true))
    }

    /// Tells that the login has succeeded, where that must be told inside first.
    pub fn accept(&mut self) -> Step {
        match (self.method, &self.phase) {
            (Method::Peap, Phase::Deciding) => {
                let success = inner::success(self.identifier.wrapping_add(1));
                self.inside(&success, Phase::Confirming, false)
            }
            (Method::Ttls, Phase::Deciding) => {
                self.phase = Phase::Over;
                Step::Done
            }
            _ => self.fail(Why::Malformed),
        }
    }

    /// The last packet of a login that has succeeded, and its keys. `None` unless it has.
    pub fn success(&self) -> Option<(Vec<u8>, Keys)> {
        let keys = self.tunnel.as_ref().filter(|_| self.phase == Phase::Over)?;
        let keys = keys.keys(self.method.label(), self.method.number())?;
        let success = EapPacket { code: EapCode::Success, identifier: self.identifier, method: None, data: &[] };
        Some((success.to_octets(), keys))
    }

    fn start(&mut self) -> Step {
        match Tunnel::new(self.terms.tls.clone()) {
            Ok(tunnel) => self.tunnel = Some(Box::new(tunnel)),
            Err(_) => return self.fail(Why::Tls),
        }
        self.phase = Phase::Offered;
        self.request(self.method.number(), &framing::start(), false)
    }

    /// The device names what it would take instead.
    fn other_method(&mut self, wanted: &[u8]) -> Step {
        self.refused.insert(self.method.number());
        let other = [Method::Peap, Method::Ttls]
            .into_iter()
            .find(|method| wanted.contains(&method.number()) && !self.refused.contains(&method.number()));
        match other {
            Some(other) => {
                self.method = other;
                self.start()
            }
            None => self.fail(Why::Method),
        }
    }

    fn on_piece(&mut self, octets: &[u8]) -> Step {
        let Ok(piece) = Piece::parse(octets) else { return self.fail(Why::Malformed) };
        if piece.is_start || piece.version != 0 {
            return self.fail(Why::Malformed);
        }
        if self.outgoing.as_ref().is_some_and(Outgoing::has_more) {
            // Of a flight that is cut every piece but the last is acknowledged.
            return if piece.data.is_empty() && !piece.has_more {
                self.next_piece(false)
            } else {
                self.fail(Why::Malformed)
            };
        }
        self.outgoing = None;
        match self.incoming.push(&piece) {
            Err(_) => self.fail(Why::Malformed),
            Ok(None) => self.request(self.method.number(), &framing::acknowledgement(), false),
            Ok(Some(flight)) => self.on_flight(&flight),
        }
    }

    fn on_flight(&mut self, flight: &[u8]) -> Step {
        if let Phase::Alerted(why) = self.phase {
            return self.fail(why);
        }
        let Some(tunnel) = &mut self.tunnel else { return self.fail(Why::Malformed) };
        let was_open = tunnel.is_open();
        let inside = match tunnel.take(flight) {
            Ok(inside) => inside,
            Err(error) => return self.tls_failed(&error.0),
        };
        let (is_open, reply) = (tunnel.is_open(), tunnel.flight());
        if !is_open || !was_open && !reply.is_empty() {
            self.phase = Phase::Handshake;
            // Nothing stands inside of a tunnel that is not ready at both ends.
            if reply.is_empty() || !inside.is_empty() {
                return self.fail(Why::Malformed);
            }
            return self.flight(reply, false);
        }
        if !reply.is_empty() {
            // A key is renewed, or the end is near; neither has a place here.
            return self.fail(Why::Malformed);
        }
        match self.method {
            Method::Ttls => self.inside_ttls(&inside),
            Method::Peap => self.inside_peap(&inside),
        }
    }

    /// The alert that tells the other end what went wrong, if there is one.
    fn tls_failed(&mut self, error: &rustls::Error) -> Step {
        let why = if matches!(error, rustls::Error::AlertReceived(_)) { Why::Refused } else { Why::Tls };
        let alert = self.tunnel.as_mut().map(|tunnel| tunnel.flight()).unwrap_or_default();
        if alert.is_empty() || why == Why::Refused {
            return self.fail(why);
        }
        self.phase = Phase::Alerted(why);
        self.flight(alert, false)
    }

    fn flight(&mut self, octets: Vec<u8>, waits_for_person: bool) -> Step {
        self.outgoing = Some(Outgoing::new(octets, self.piece));
        self.next_piece(waits_for_person)
    }

    fn next_piece(&mut self, waits_for_person: bool) -> Step {
        match self.outgoing.as_mut().and_then(Outgoing::next_piece) {
            Some(piece) => self.request(self.method.number(), &piece, waits_for_person),
            None => self.fail(Why::Malformed),
        }
    }

    fn request(&mut self, number: u8, data: &[u8], waits_for_person: bool) -> Step {
        self.identifier = self.identifier.wrapping_add(1);
        let packet = EapPacket { code: EapCode::Request, identifier: self.identifier, method: Some(number), data };
        Step::Ask { message: packet.to_octets(), waits_for_person }
    }

    fn fail(&mut self, why: Why) -> Step {
        self.phase = Phase::Over;
        self.tunnel = None;
        Step::Fail(why)
    }
}
