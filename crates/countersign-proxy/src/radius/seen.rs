//! The same packet again (RFC 5080 §2.2.2): swallowed while its answer is being made, answered with the same octets afterwards.

use std::collections::hash_map::Entry;
use std::collections::{HashMap, VecDeque};
use std::hash::{DefaultHasher, Hash as _, Hasher as _};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cs_radius::{Attribute, Authenticator, Code, Packet, kind};

use super::proof::is_mschap;

/// Answers are kept for so long; a device that waits longer gives up before.
pub const KEPT: Duration = Duration::from_secs(60);
/// No more packets than this are remembered; beyond, the oldest are forgotten.
const MOST: usize = 200_000;

/// What tells the logins of two people, or two steps of one, apart. Times and counters, which some devices change as they send again, are not among it.
const ASKED: [u8; 5] = [kind::USER_NAME, kind::USER_PASSWORD, kind::CHAP_PASSWORD, kind::STATE, kind::EAP_MESSAGE];

/// What makes two packets the same.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PacketKey {
    /// Address and port of the device.
    pub from: SocketAddr,
    /// Which of our sockets it asked.
    pub socket: usize,
    code: u8,
    identifier: u8,
    authenticator: Authenticator,
    /// Of who asks and by what. A device whose authenticators are not random must not get the answer to one person's login for another's.
    asked: u64,
}

impl PacketKey {
    /// Of a packet from somewhere.
    pub fn of(from: SocketAddr, socket: usize, packet: &Packet<'_>) -> Self {
        let code = packet.code().octet();
        let mut asked = DefaultHasher::new();
        let tells = |attribute: &Attribute<'_>| ASKED.contains(&attribute.kind) || is_mschap(attribute);
        for Attribute { kind, value } in packet.attributes().filter(tells) {
            (kind, value).hash(&mut asked);
        }
        let (identifier, authenticator) = (packet.identifier(), *packet.authenticator());
        Self { from, socket, code, identifier, authenticator, asked: asked.finish() }
    }

    /// What the answer repeats.
    pub fn identifier(&self) -> u8 {
        self.identifier
    }

    /// What the answer is made with.
    pub fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    /// What was asked.
    pub fn code(&self) -> Code {
        Code::from_octet(self.code)
    }
}

/// What is known of a packet.
#[derive(Debug, PartialEq, Eq)]
pub enum Seen<'a> {
    /// Nothing; it is noted now.
    New,
    /// It is being worked on.
    InFlight,
    /// It was answered so.
    Answered(&'a [u8]),
}

#[derive(Debug)]
struct Known {
    answer: Option<Box<[u8]>>,
    until: Instant,
}

/// Every packet that is worked on or was answered within the last minute.
#[derive(Debug, Default)]
pub struct Packets {
    known: HashMap<PacketKey, Known>,
    /// Those that were answered, in that order.
    answered: VecDeque<PacketKey>,
    /// Those that are worked on, in the order in which they came, and some that were answered meanwhile.
    working: VecDeque<PacketKey>,
}

impl Packets {
    /// Whether a packet is new. It is noted before anything is done about it, and for as long as the device waits.
    pub fn look(&mut self, key: PacketKey, now: Instant, device_waits: Duration) -> Seen<'_> {
        self.forget(now);
        match self.known.entry(key) {
            Entry::Vacant(vacant) => {
                let until = now + device_waits + KEPT;
                vacant.insert(Known { answer: None, until });
                self.working.push_back(key);
                Seen::New
            }
            Entry::Occupied(known) => match &known.into_mut().answer {
                Some(answer) => Seen::Answered(answer),
                None => Seen::InFlight,
            },
        }
    }

    /// What is known of a packet, without noting it.
    pub fn known(&self, key: &PacketKey) -> Option<Seen<'_>> {
        let known = self.known.get(key)?;
        Some(known.answer.as_deref().map_or(Seen::InFlight, Seen::Answered))
    }

    /// Keeps an answer. Of a packet that was forgotten meanwhile it is not kept.
    pub fn answered(&mut self, key: PacketKey, answer: &[u8], now: Instant) {
        if let Some(known) = self.known.get_mut(&key) {
            *known = Known { answer: Some(answer.into()), until: now + KEPT };
            self.answered.push_back(key);
        }
    }

    /// Forgets a packet that nothing was done about.
    pub fn forget_one(&mut self, key: &PacketKey) {
        self.known.remove(key);
    }

    /// How many are known.
    pub fn len(&self) -> usize {
        self.known.len()
    }

    /// Whether none is known.
    pub fn is_empty(&self) -> bool {
        self.known.is_empty()
    }

    /// Forgets what is old, and makes room for one more: what was answered goes before what is worked on, since the latter would begin anew.
    fn forget(&mut self, now: Instant) {
        forget_of(&mut self.answered, &mut self.known, now, |known| known.answer.is_some());
        forget_of(&mut self.working, &mut self.known, now, |known| known.answer.is_none());
        // One that waits long at the front must not keep those behind it that have long been answered.
        if self.working.len() > 2 * self.known.len() + 1_000 {
            let known = &self.known;
            self.working.retain(|key| known.get(key).is_some_and(|known| known.answer.is_none()));
        }
    }
}

/// Removes from the front of a line what is old, what is not of the line any more, and one more where too many are known.
fn forget_of(
    line: &mut VecDeque<PacketKey>,
    known: &mut HashMap<PacketKey, Known>,
    now: Instant,
    belongs: impl Fn(&Known) -> bool,
) {
    while let Some(key) = line.front() {
        if let Some(one) = known.get(key).filter(|one| belongs(one)) {
            if one.until > now && known.len() < MOST {
                return;
            }
            known.remove(key);
        }
        line.pop_front();
    }
}

#[cfg(test)]
mod tests {
    use cs_radius::{Builder, Code, Secret};

    use super::*;

    fn key(identifier: u8) -> PacketKey {
        let octets = Builder::new(Code::AccessRequest, identifier).into_request(&Secret::new(*b"s"), &[1; 16]);
        PacketKey::of("192.0.2.1:1000".parse().unwrap(), 0, &Packet::parse(&octets).unwrap())
    }

    #[test]
    fn a_packet_is_new_once_and_then_answered_alike() {
        let (mut packets, start) = (Packets::default(), Instant::now());
        let at = |seconds| start + Duration::from_secs(seconds);
        let waits = Duration::from_secs(55);
        assert_eq!(packets.look(key(1), at(0), waits), Seen::New);
        assert_eq!(packets.look(key(2), at(0), waits), Seen::New);
        assert_eq!(packets.look(key(1), at(54), waits), Seen::InFlight);
        packets.answered(key(1), b"yes", at(54));
        assert_eq!(packets.look(key(1), at(113), waits), Seen::Answered(b"yes"));
        assert_eq!(packets.look(key(1), at(115), waits), Seen::New);
        // The other one was never answered, and is forgotten in its time.
        assert_eq!(packets.look(key(2), at(116), waits), Seen::New);
        assert_eq!(packets.len(), 2);
    }

    #[test]
    fn where_too_many_are_known_what_is_worked_on_is_forgotten_last() {
        let (mut packets, now) = (Packets::default(), Instant::now());
        let of = |number: u32| {
            let address = std::net::Ipv4Addr::from(0x0a00_0000 + number);
            PacketKey { from: (address, 1000).into(), ..key(1) }
        };
        packets.look(of(0), now, KEPT);
        for number in 1..=u32::try_from(MOST).unwrap() + 5_000 {
            assert_eq!(packets.look(of(number), now, KEPT), Seen::New);
            packets.answered(of(number), b"yes", now);
        }
        assert!(packets.len() <= MOST && packets.working.len() <= 2 * MOST + 1_000);
        assert_eq!(packets.known(&of(0)), Some(Seen::InFlight));
        assert_eq!(packets.known(&of(1)), None);
        assert_eq!(packets.known(&of(5_010)), Some(Seen::Answered(b"yes")));
    }

    #[test]
    fn memory_is_bounded() {
        let (mut packets, now) = (Packets::default(), Instant::now());
        for port in 0..=65_535_u16 {
            for socket in 0..4 {
                let key = PacketKey { from: ([192, 0, 2, 1], port).into(), socket, ..key(1) };
                packets.look(key, now, KEPT);
            }
        }
        assert!(packets.len() <= MOST);
    }
}
