//! Asking another RADIUS server, without sockets: numbers, re-sends, and which host is well.
//!
//! A request keeps its number and authenticator over all its sendings to one host, and gets new ones for the next host. One socket carries 256 requests at a time, so
//! there are as many sockets as are needed.

use std::collections::{HashMap, HashSet, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use cs_radius::{
    Authenticator, Builder, Code, Integrity, Packet, Secret, kind, password, reply_integrity, reply_is_authentic,
};

use super::Random;
use super::login::Primary;
use super::output::LoginId;
use super::proof::{Continued, Credential, Proof, Protocol, Relay, belongs_to_answer};
use super::request::Request;
use super::timers::Timers;
use super::verdict::{PrimaryReply, may_travel, may_travel_unaccepted};
use crate::cfg::client::{Demand, RadiusClient};
use crate::directory::Group;

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

/// The groups that an answer names: a Filter-Id is one, and a Class, which Cisco's devices write `OU=name;`.
fn groups(packet: &Packet<'_>) -> Vec<Group> {
    let texts = [kind::FILTER_ID, kind::CLASS].into_iter().flat_map(|kind| packet.all(kind));
    let named = |value: &[u8]| {
        let text = std::str::from_utf8(value).ok()?.trim();
        let name = text.strip_prefix("OU=").and_then(|rest| rest.strip_suffix(';')).unwrap_or(text);
        Some(Group { dn: String::new(), name: Some(name.to_owned()) })
    };
    texts.filter_map(named).collect()
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

    fn ended(&self, packet: &Packet<'_>, asked: &Asked) -> Ended {
        let (login, protocol, passes) = (asked.login, asked.protocol(), &self.config.pass_through);
        let text = packet.text(kind::REPLY_MESSAGE).map(str::to_owned);
        let with = |travels: &dyn Fn(u8, &[u8]) -> bool, user: Option<&str>| {
            let attributes = packet.attributes().filter(|attribute| travels(attribute.kind, attribute.value));
            Some(Box::new(PrimaryReply {
                attributes: attributes.map(|attribute| (attribute.kind, attribute.value.to_vec())).collect(),
                secret: self.secret.clone(),
                authenticator: asked.authenticator,
                host: asked.host,
                user: user.filter(|user| !user.is_empty()).map(str::to_owned),
                groups: groups(packet),
            }))
        };
        let belongs =
            |kind: u8, value: &[u8]| protocol.is_some_and(|protocol| belongs_to_answer(kind, value, protocol));
        let unaccepted = |kind: u8, value: &[u8]| may_travel_unaccepted(kind, value, protocol, passes);
        match packet.code() {
            Code::AccessAccept => {
                let travels = |kind: u8, value: &[u8]| may_travel(kind, value, passes) || belongs(kind, value);
                match logged_in(packet, &asked.request.user) {
                    Ok(user) => Ended { login, outcome: Primary::Right, reply: with(&travels, user) },
                    Err(Several) if protocol != Some(Protocol::Eap) => {
                        Ended { login, outcome: Primary::Right, reply: with(&travels, None) }
                    }
                    Err(Several) => {
                        let text = Some("The other server names several people.".to_owned());
                        Ended { login, outcome: Primary::Wrong { text }, reply: None }
                    }
                }
            }
            Code::AccessChallenge => {
                let state = packet.first(kind::STATE).map(<[u8]>::to_vec);
                let question = Continued { host: asked.host, state, text };
                Ended { login, outcome: Primary::Asks(question), reply: with(&unaccepted, None) }
            }
            // After a password only our own text is told.
            _ if protocol.is_none() => Ended { login, outcome: Primary::Wrong { text }, reply: None },
            _ if cs_radius::mschap::error_of(packet) == Some(cs_radius::mschap::error::PASSWD_EXPIRED) => {
                Ended { login, outcome: Primary::ChangePassword { text }, reply: with(&unaccepted, None) }
            }
            _ => Ended { login, outcome: Primary::Wrong { text }, reply: with(&unaccepted, None) },
        }
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

    fn packet(&self, identifier: u8, asked: &Asked) -> Option<Vec<u8>> {
        let request = &asked.request;
        let mut builder = Builder::new(Code::AccessRequest, identifier);
        builder.attribute(kind::USER_NAME, request.user.as_bytes()).ok()?;
        match &asked.shown {
            Shown::Password(password) => {
                let hidden = password::hide(password, &self.secret, &asked.authenticator).ok()?;
                builder.attribute(kind::USER_PASSWORD, &hidden).ok()?;
            }
            Shown::Proof(proof) => {
                for (kind, value) in &proof.attributes {
                    builder.attribute(*kind, value).ok()?;
                }
            }
        }
        if let Some(state) = &asked.state {
            builder.attribute(kind::STATE, state).ok()?;
        }
        if asked.is_whole() {
            return Some(builder.into_request(&self.secret, &asked.authenticator));
        }
        let own = self.config.nas_ip.map(std::net::IpAddr::V4);
        let nas_ip = if self.config.preserve_nas { request.nas_ip.or(own) } else { own };
        match (nas_ip, &request.nas_id) {
            (Some(std::net::IpAddr::V4(address)), _) => {
                _ = builder.attribute(kind::NAS_IP_ADDRESS, &address.octets()).ok()?
            }
            // Something must say who asks (RFC 2865 §4.1).
            (Some(std::net::IpAddr::V6(_)) | None, None) => {
                _ = builder.attribute(kind::NAS_IDENTIFIER, b"countersign-proxy").ok()?
            }
            (Some(std::net::IpAddr::V6(_)) | None, Some(id)) => {
                _ = builder.attribute(kind::NAS_IDENTIFIER, id.as_bytes()).ok()?
            }
        }
        for (kind, value) in &request.passed {
            builder.attribute(*kind, value).ok()?;
        }
        Some(builder.into_request(&self.secret, &asked.authenticator))
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

/// A yes that names people who are not the same.
struct Several;

/// Who a yes says has logged in. The name that was asked with is often repeated beside it, as FreeRADIUS does, and says nothing.
fn logged_in<'a>(accept: &Packet<'a>, asked: &str) -> Result<Option<&'a str>, Several> {
    let names = || accept.all(kind::USER_NAME).filter_map(|name| std::str::from_utf8(name).ok());
    let mut others = names().filter(|name| *name != asked);
    match others.next() {
        None => Ok(names().next()),
        Some(other) if others.all(|name| name == other) => Ok(Some(other)),
        Some(_) => Err(Several),
    }
}

#[cfg(test)]
mod tests;
