//! Requests of our own and who waits for their answers, without sockets: numbers, re-sends, giving up.
//!
//! A request keeps its number and its octets over all its sendings, so that the other end sees a re-send for what it is (RFC 5080 §2.2.1). One socket carries 256
//! at a time; there are as many sockets as are needed.

use std::collections::{BTreeSet, HashMap};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cs_radius::{
    Authenticator, Builder, Code, Integrity, Packet, Secret, kind, password, reply_integrity, reply_is_authentic,
};

use super::Random;

/// So many sockets, so 16,384 requests at a time.
pub const MOST_SOCKETS: usize = 64;

/// A request that is to be sent.
#[derive(Debug, Clone)]
pub struct Ask<T> {
    /// Comes back with the answer, or with the news that there is none.
    pub tag: T,
    /// Whom to ask.
    pub to: SocketAddr,
    /// Shared with it.
    pub secret: Secret,
    /// What it is.
    pub code: Code,
    /// With a Message-Authenticator also where none is usual.
    pub is_signed: bool,
    /// Kinds and values in their order; a User-Password in clear, hidden here for this hop.
    pub attributes: Vec<(u8, Vec<u8>)>,
    /// How often it is sent in all, at least once.
    pub sends: u32,
    /// The time between two sendings, and after the last one.
    pub every: Duration,
}

/// A packet for somebody.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Transmit {
    /// From this socket; sockets are opened as their numbers appear.
    pub socket: usize,
    /// To whom.
    pub to: SocketAddr,
    /// The packet.
    pub octets: Vec<u8>,
}

/// An answer that was made with the secret, for this request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer<T> {
    /// Whose it is.
    pub tag: T,
    /// Who answered.
    pub from: SocketAddr,
    /// What it is.
    pub code: Code,
    /// Whether it has a (right) Message-Authenticator.
    pub is_signed: bool,
    /// Kinds and values in their order.
    pub attributes: Vec<(u8, Vec<u8>)>,
}

/// A number on a socket.
type Place = (usize, u8);

struct Sent<T> {
    ask: Ask<T>,
    authenticator: Authenticator,
    octets: Vec<u8>,
    count: u32,
    again: Instant,
}

/// All requests that wait for an answer.
pub struct Exchange<T> {
    sent: HashMap<Place, Sent<T>>,
    due: BTreeSet<(Instant, Place)>,
    next: Place,
    random: Random,
}

impl<T> Exchange<T> {
    /// With nothing asked yet.
    pub fn new(random: Random) -> Self {
        Self { sent: HashMap::new(), due: BTreeSet::new(), next: (0, 0), random }
    }

    /// How many requests wait.
    pub fn len(&self) -> usize {
        self.sent.len()
    }

    /// Whether none waits.
    pub fn is_empty(&self) -> bool {
        self.sent.is_empty()
    }

    /// Begins a request: its first sending.
    ///
    /// Fails with the tag if it does not fit into a packet or too many wait.
    pub fn ask(&mut self, ask: Ask<T>, now: Instant) -> Result<Transmit, T> {
        let Some(place) = self.free_place() else { return Err(ask.tag) };
        let mut random = [0; 16];
        (self.random)(&mut random);
        let Some(octets) = packet(&ask, place.1, &random) else { return Err(ask.tag) };
        // In a digested request it is the digest, and not what was drawn.
        let authenticator = octets.get(4..).and_then(<[u8]>::first_chunk).copied().unwrap_or(random);
        let transmit = Transmit { socket: place.0, to: ask.to, octets: octets.clone() };
        let again = now + ask.every;
        self.due.insert((again, place));
        self.sent.insert(place, Sent { ask, authenticator, octets, count: 1, again });
        Ok(transmit)
    }

    /// When something is to be sent again or given up.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.due.first().map(|(at, _)| *at)
    }

    /// Sends again what was not answered, and gives back what was sent often enough.
    pub fn on_timeout(&mut self, now: Instant) -> (Vec<Transmit>, Vec<T>) {
        let (mut transmits, mut over) = (Vec::new(), Vec::new());
        while let Some(&(at, place)) = self.due.first().filter(|(at, _)| *at <= now) {
            self.due.remove(&(at, place));
            let Some(sent) = self.sent.get_mut(&place) else { continue };
            if sent.count >= sent.ask.sends {
                over.extend(self.sent.remove(&place).map(|sent| sent.ask.tag));
                continue;
            }
            sent.count += 1;
            sent.again = now + sent.ask.every;
            self.due.insert((sent.again, place));
            transmits.push(Transmit { socket: place.0, to: sent.ask.to, octets: sent.octets.clone() });
        }
        (transmits, over)
    }

    /// A packet came. `None` if it answers nothing, or was not made with the secret.
    pub fn on_packet(&mut self, socket: usize, from: SocketAddr, octets: &[u8]) -> Option<Answer<T>> {
        let packet = Packet::parse(octets).ok()?;
        let place = (socket, packet.identifier());
        let sent = self.sent.get(&place).filter(|sent| sent.ask.to == from)?;
        if !is_answer(sent.ask.code, packet.code())
            || !reply_is_authentic(&packet, &sent.ask.secret, &sent.authenticator)
        {
            return None;
        }
        let integrity = reply_integrity(&packet, &sent.ask.secret, &sent.authenticator);
        if integrity == Integrity::Wrong {
            return None;
        }
        let sent = self.sent.remove(&place)?;
        self.due.remove(&(sent.again, place));
        Some(Answer {
            tag: sent.ask.tag,
            from,
            code: packet.code(),
            is_signed: integrity == Integrity::Valid,
            attributes: packet.attributes().map(|attribute| (attribute.kind, attribute.value.to_vec())).collect(),
        })
    }

    /// Numbers are taken in turn, so that one comes again as late as possible (RFC 5080 §2.1.1).
    fn free_place(&mut self) -> Option<Place> {
        if self.sent.len() >= MOST_SOCKETS * 256 {
            return None;
        }
        let open = (self.sent.len() / 200 + 1).min(MOST_SOCKETS);
        for _ in 0..MOST_SOCKETS * 256 {
            let place = self.next;
            self.next = match place {
                (socket, u8::MAX) => ((socket + 1) % open, 0),
                (socket, number) => (socket, number + 1),
            };
            if !self.sent.contains_key(&place) {
                return Some(place);
            }
        }
        None
    }
}

/// Whether one kind of packet is an answer to another.
fn is_answer(request: Code, answer: Code) -> bool {
    match request {
        Code::AccessRequest => {
            matches!(answer, Code::AccessAccept | Code::AccessReject | Code::AccessChallenge)
        }
        Code::AccountingRequest => answer == Code::AccountingResponse,
        Code::DisconnectRequest => matches!(answer, Code::DisconnectAck | Code::DisconnectNak),
        Code::CoaRequest => matches!(answer, Code::CoaAck | Code::CoaNak),
        // Nothing else is asked here.
        _ => false,
    }
}

/// `None` if something does not fit.
fn packet<T>(ask: &Ask<T>, identifier: u8, random: &Authenticator) -> Option<Vec<u8>> {
    let mut builder =
        if ask.is_signed { Builder::signed(ask.code, identifier) } else { Builder::new(ask.code, identifier) };
    for (kind, value) in &ask.attributes {
        if *kind == kind::USER_PASSWORD {
            builder.attribute(*kind, &password::hide(value, &ask.secret, random).ok()?).ok()?;
        } else {
            builder.attribute(*kind, value).ok()?;
        }
    }
    Some(if ask.code.is_digested_request() {
        builder.into_digested_request(&ask.secret)
    } else {
        builder.into_request(&ask.secret, random)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const HOST: &str = "192.0.2.9:3799";

    fn ask(tag: u32) -> Ask<u32> {
        Ask {
            tag,
            to: HOST.parse().unwrap(),
            secret: Secret::new(*b"a-secret"),
            code: Code::DisconnectRequest,
            is_signed: true,
            attributes: vec![(kind::USER_NAME, b"alice".to_vec())],
            sends: 3,
            every: Duration::from_secs(2),
        }
    }

    fn exchange() -> Exchange<u32> {
        Exchange::new(Box::new(|octets| octets.fill(7)))
    }

    fn reply(code: Code, request: &[u8], secret: &[u8]) -> Vec<u8> {
        let request = Packet::parse(request).unwrap();
        Builder::new(code, request.identifier()).into_reply(&Secret::new(secret), request.authenticator())
    }

    #[test]
    fn a_request_is_sent_again_as_it_is_and_then_given_up() {
        let (mut exchange, now) = (exchange(), Instant::now());
        let first = exchange.ask(ask(1), now).unwrap();
        let packet = Packet::parse(&first.octets).unwrap();
        assert!(cs_radius::request_is_authentic(&packet, &Secret::new(*b"a-secret")));
        assert_eq!(cs_radius::request_integrity(&packet, &Secret::new(*b"a-secret")), Integrity::Valid);
        for step in 1..=2 {
            let at = exchange.poll_timeout().unwrap();
            assert_eq!(at, now + Duration::from_secs(2 * step));
            assert_eq!(exchange.on_timeout(at), (vec![first.clone()], vec![]));
        }
        let at = exchange.poll_timeout().unwrap();
        assert_eq!(exchange.on_timeout(at), (vec![], vec![1]));
        assert!(exchange.is_empty() && exchange.poll_timeout().is_none());
    }

    #[test]
    fn only_its_host_with_its_secret_answers_and_once() {
        let (mut exchange, now) = (exchange(), Instant::now());
        let host = HOST.parse().unwrap();
        let sent = exchange.ask(ask(1), now).unwrap();
        let good = reply(Code::DisconnectAck, &sent.octets, b"a-secret");
        let elsewhere = "192.0.2.8:3799".parse().unwrap();
        assert_eq!(exchange.on_packet(0, elsewhere, &good), None);
        assert_eq!(exchange.on_packet(1, host, &good), None);
        assert_eq!(exchange.on_packet(0, host, &reply(Code::DisconnectAck, &sent.octets, b"another")), None);
        assert_eq!(exchange.on_packet(0, host, &reply(Code::AccessAccept, &sent.octets, b"a-secret")), None);
        let answer = exchange.on_packet(0, host, &good).unwrap();
        assert_eq!((answer.tag, answer.code), (1, Code::DisconnectAck));
        assert_eq!(exchange.on_packet(0, host, &good), None);
        assert_eq!(exchange.poll_timeout(), None);
    }

    #[test]
    fn so_many_wait_and_no_more() {
        let (mut exchange, now) = (exchange(), Instant::now());
        let taken = (0..16_500).filter(|tag| exchange.ask(ask(*tag), now).is_ok()).count();
        assert_eq!(taken, MOST_SOCKETS * 256);
    }
}
