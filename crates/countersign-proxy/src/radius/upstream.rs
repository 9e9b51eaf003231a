//! Asking another RADIUS server, without sockets: numbers, re-sends, and which host is well.
//!
//! A request keeps its number and authenticator over all its sendings to one host, and gets new ones for the next host. One socket carries 256 requests at a time, so
//! there are as many sockets as are needed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cs_radius::{Authenticator, Integrity, Packet, Secret, kind, reply_integrity, reply_is_authentic};

use super::Random;
use super::login::Primary;
use super::output::LoginId;
use super::proof::{Credential, Proof, Protocol, Relay};
use super::request::Request;
use super::timers::Timers;
use super::verdict::PrimaryReply;
use crate::cfg::client::{Demand, RadiusClient};

mod answer;
mod question;
#[cfg(test)]
mod tests;

/// So many sockets, so 16,384 requests at a time.
pub const MOST_SOCKETS: usize = 64;
/// So many requests wait on each socket before the next one is opened.
const ENOUGH: usize = 200;
/// A host that did not answer is asked last for so long.
const DEAD_FOR: Duration = Duration::from_secs(30);

/// A packet for a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// From this socket of the pool; sockets are opened as their numbers appear.
    pub socket: usize,
    /// To the host at this place.
    pub host: usize,
    /// The packet.
    pub octets: Vec<u8>,
}

/// How a question ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Ended {
    /// Whose it was.
    pub login: LoginId,
    /// What became of the first factor.
    pub outcome: Primary,
    /// What came with a yes.
    pub reply: Option<Box<PrimaryReply>>,
}

/// A socket of the pool, and a number on it.
type Place = (usize, u8);

struct Asked {
    login: LoginId,
    request: Arc<Request>,
    shown: Shown,
    /// Goes to the one host that asked for it, always as the same packet.
    pinned: bool,
    /// What that host wants back.
    state: Option<Vec<u8>>,
    host: usize,
    authenticator: Authenticator,
    octets: Vec<u8>,
    sent: u32,
    again: Instant,
}

/// A first factor as it travels.
enum Shown {
    Password(zeroize::Zeroizing<Vec<u8>>),
    Proof(Proof),
}

impl Asked {
    fn protocol(&self) -> Option<Protocol> {
        match &self.shown {
            Shown::Password(_) => None,
            Shown::Proof(proof) => Some(proof.protocol),
        }
    }

    /// All that the device said is in the proof, who it is included.
    fn is_whole(&self) -> bool {
        matches!(self.protocol(), Some(Protocol::Eap | Protocol::Device))
    }
}

/// One `[radius_client]`.
pub struct Upstream {
    config: RadiusClient,
    secret: Secret,
    asked: HashMap<Place, Asked>,
    /// When each question is sent again or given up.
    timers: Timers<Place>,
    /// Numbers that are free, the one that is free for the longest first (RFC 5080 §2.1.1).
    free: VecDeque<Place>,
    /// Sockets whose numbers are in use.
    open: usize,
    dead: HashMap<usize, Instant>,
    /// Hosts that have sent a right Message-Authenticator.
    signing: HashSet<usize>,
    random: Random,
}

impl Upstream {
    /// For a client section.
    pub fn new(config: RadiusClient, random: Random) -> Self {
        let secret = Secret::new(config.secret.as_bytes().to_vec());
        Self {
            config,
            secret,
            asked: HashMap::new(),
            timers: Timers::default(),
            free: VecDeque::new(),
            open: 0,
            dead: HashMap::new(),
            signing: HashSet::new(),
            random,
        }
    }

    /// Asks about a password. What comes back is to be sent; nothing does if too many questions wait, and then the answer is already known.
    pub fn ask(
        &mut self,
        login: LoginId,
        request: Arc<Request>,
        password: &str,
        now: Instant,
    ) -> Result<Transmit, Ended> {
        let credential = Credential::Typed(zeroize::Zeroizing::new(password.to_owned()));
        self.relay(login, request, Relay { credential, after: None }, now)
    }

    /// Asks about any first factor, or answers what a host has asked. As [`ask`](Self::ask).
    pub fn relay(
        &mut self,
        login: LoginId,
        request: Arc<Request>,
        relay: Relay,
        now: Instant,
    ) -> Result<Transmit, Ended> {
        let down = || Ended { login, outcome: Primary::Down, reply: None };
        let shown = match relay.credential {
            Credential::Typed(password) => Shown::Password(request.encoded(&password).map_err(|_| Ended {
                login,
                outcome: Primary::Wrong { text: None },
                reply: None,
            })?),
            Credential::Proof(proof) => Shown::Proof(proof),
        };
        let is_change = matches!(&shown, Shown::Proof(proof) if proof.protocol == Protocol::ChangePassword);
        let place = self.free_place().ok_or_else(down)?;
        // A password that was changed is wrong for the next host that is asked to change it.
        let pinned = relay.after.is_some() || is_change;
        let host = relay.after.as_ref().map_or_else(|| self.host_from(0, now), |question| question.host);
        let state = relay.after.and_then(|question| question.state);
        let (again, authenticator, octets) = (now + self.config.retry_wait, [0; 16], Vec::new());
        let asked = Asked { login, request, shown, pinned, state, host, authenticator, octets, sent: 0, again };
        // What does not fit into a packet is not asked.
        self.send(place, asked, now).ok_or_else(down)
    }

    /// Every host as it is written, and whether it answered when it was asked last.
    pub fn hosts(&self, now: Instant) -> impl Iterator<Item = (String, bool)> {
        let is_well = move |host| self.dead.get(&host).is_none_or(|until| *until <= now);
        self.config.hosts.iter().enumerate().map(move |(at, (host, port))| (format!("{host}:{port}"), is_well(at)))
    }

    /// When something is to be sent again or given up.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first()
    }

    /// Sends again what was not answered, to the next host; gives up what was sent often enough.
    pub fn on_timeout(&mut self, now: Instant) -> (Vec<Transmit>, Vec<Ended>) {
        let (mut transmits, mut ended) = (Vec::new(), Vec::new());
        for place in self.timers.due(now) {
            let Some(asked) = self.take(place) else { continue };
            self.dead.insert(asked.host, now + DEAD_FOR);
            if asked.sent > self.config.retries {
                self.free.push_back(place);
                ended.push(Ended { login: asked.login, outcome: Primary::Down, reply: None });
                continue;
            }
            let host = if asked.pinned { asked.host } else { self.host_from(asked.host + 1, now) };
            let login = asked.login;
            if host == asked.host {
                transmits.push(self.send_again(place, asked, now));
                continue;
            }
            match self.send(place, Asked { host, ..asked }, now) {
                Some(transmit) => transmits.push(transmit),
                None => ended.push(Ended { login, outcome: Primary::Down, reply: None }),
            }
        }
        (transmits, ended)
    }

    /// A packet came from the host at this place. `None` if it is no answer to anything, was made with another secret, or must be signed and is not.
    pub fn on_packet(&mut self, socket: usize, host: usize, octets: &[u8]) -> Option<Ended> {
        let packet = Packet::parse(octets).ok()?;
        let place = (socket, packet.identifier());
        let asked = self.asked.get(&place).filter(|asked| asked.host == host)?;
        if !reply_is_authentic(&packet, &self.secret, &asked.authenticator) {
            return None;
        }
        let must_be_signed = match self.config.require_message_authenticator {
            Demand::Yes => true,
            Demand::No => false,
            Demand::Auto => self.signing.contains(&host),
        };
        match reply_integrity(&packet, &self.secret, &asked.authenticator) {
            // Every server signs EAP; FreeRADIUS 3.2.1 signs nothing else.
            Integrity::Valid if packet.first(kind::EAP_MESSAGE).is_some() => {}
            Integrity::Valid => _ = self.signing.insert(host),
            Integrity::Wrong => return None,
            Integrity::Absent if must_be_signed => return None,
            // RFC 3579 §3.1: EAP is never believed without.
            Integrity::Absent if packet.first(kind::EAP_MESSAGE).is_some() => return None,
            Integrity::Absent => {}
        }
        let asked = self.take(place)?;
        self.free.push_back(place);
        self.dead.remove(&host);
        Some(self.ended(&packet, &asked))
    }

    /// The same packet to the same host: it knows it again (RFC 5080 §2.2.2).
    fn send_again(&mut self, place: Place, mut asked: Asked, now: Instant) -> Transmit {
        asked.sent += 1;
        asked.again = now + self.config.retry_wait;
        self.timers.set(place, Some(asked.again));
        let transmit = Transmit { socket: place.0, host: asked.host, octets: asked.octets.clone() };
        self.asked.insert(place, asked);
        transmit
    }

    fn send(&mut self, place: (usize, u8), mut asked: Asked, now: Instant) -> Option<Transmit> {
        (self.random)(&mut asked.authenticator);
        let Some(octets) = self.packet(place.1, &asked) else {
            self.free.push_back(place);
            return None;
        };
        asked.octets = octets;
        asked.sent += 1;
        asked.again = now + self.config.retry_wait;
        self.timers.set(place, Some(asked.again));
        let transmit = Transmit { socket: place.0, host: asked.host, octets: asked.octets.clone() };
        self.asked.insert(place, asked);
        Some(transmit)
    }

    /// The first host from a place on that is well, or just that one if none is.
    fn host_from(&mut self, first: usize, now: Instant) -> usize {
        self.dead.retain(|_, until| *until > now);
        let count = self.config.hosts.len().max(1);
        (0..count)
            .map(|step| (first + step) % count)
            .find(|host| !self.dead.contains_key(host))
            .unwrap_or(first % count)
    }

    /// A number that is free on some socket: the one that is free for the longest, so that it comes again as late as possible.
    fn free_place(&mut self) -> Option<Place> {
        if self.asked.len() >= self.open * ENOUGH && self.open < MOST_SOCKETS {
            let socket = self.open;
            self.free.extend((0..=u8::MAX).map(|number| (socket, number)));
            self.open += 1;
        }
        self.free.pop_front()
    }

    /// Takes a question out; its number is given back by who does not ask it again.
    fn take(&mut self, place: Place) -> Option<Asked> {
        self.timers.set(place, None);
        self.asked.remove(&place)
    }
}
