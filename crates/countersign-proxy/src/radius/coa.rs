//! Ends and changes of sessions (RFC 5176) on their way from a server to the device, and those that we ask for ourselves.
//!
//! The server knows the proxy, not the device: it is found by the table of sessions. The request is signed anew for the device, and its answer comes back as it is, signed
//! anew for the server. What we decide ourselves is told by Error-Cause:
//!
//! | Error-Cause | when |
//! | --- | --- |
//! | 401 | a value is hidden for one hop, which cannot be given on |
//! | 402 | nothing says which session is meant |
//! | 403 | the session is there, at another device than the one named |
//! | 503 | no such session, or none that this server may end |
//! | 508 | sessions at several devices are meant |

use std::collections::VecDeque;
use std::net::{IpAddr, SocketAddr};
use std::time::{Duration, Instant};

use cs_radius::{Builder, Code, Integrity, Packet, Secret, kind, request_integrity, request_is_authentic};

use super::Random;
use super::devices::Devices;
use super::exchange::{Answer, Ask, Exchange, Transmit};
use super::seen::{PacketKey, Packets, Seen};
use super::sessions::{Session, SessionId, Sessions};

mod meant;
mod packets;

use meant::{Cause, meant};
use packets::{disconnect, forwarded, refusal};

/// A request with a time is believed for so long before and after it (RFC 5176 §6.3).
const WINDOW: u64 = 300;
/// A device is asked so often, so far apart: within what servers usually wait.
const SENDS: u32 = 4;
const EVERY: Duration = Duration::from_secs(2);
/// No more requests than this wait at a time.
const MOST: usize = 4_096;

/// A server that may end sessions: a host of a client section.
#[derive(Debug, Clone)]
pub struct Origin {
    /// The client section's name.
    pub client: String,
    /// The host.
    pub address: IpAddr,
    /// Shared with it.
    pub secret: Secret,
    /// As whom the proxy asks it.
    pub nas_ip: Option<IpAddr>,
}

/// Why a request is dropped without a word.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Dropped {
    /// No client section names this address.
    Stranger,
    /// It is no packet.
    Malformed,
    /// It is no Disconnect- or CoA-Request.
    NotServed,
    /// It was made with another secret.
    WrongSecret,
    /// Its Event-Timestamp is too far from now: it was recorded, or a clock is wrong.
    Stale,
    /// Too many wait.
    Busy,
}

/// What is to be done or told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Answer a server.
    Reply {
        /// From this of our sockets.
        socket: usize,
        /// To whom.
        to: SocketAddr,
        /// The packet.
        octets: Vec<u8>,
    },
    /// Ask a device.
    Ask(Transmit),
    /// A request was dropped.
    Dropped(IpAddr, Dropped),
    /// A session was ended or changed, or was not, for the log.
    Ended {
        /// Who asked for it: a client section, or the proxy itself.
        by: Option<String>,
        /// Whose session.
        user: String,
        /// At which device.
        device: IpAddr,
        /// What the device said; nothing if it is silent.
        said: Option<Code>,
    },
}

/// Who waits for a device.
enum Waiting {
    /// A server.
    Origin { key: PacketKey, client: String, secret: Secret, is_signed: bool, states: Vec<Vec<u8>>, session: SessionId },
    /// We ourselves.
    Own { session: SessionId },
}

struct Tag {
    waiting: Waiting,
    user: String,
    device: IpAddr,
}

/// What the requests of a moment are judged by.
pub struct Now<'a> {
    /// For timers.
    pub at: Instant,
    /// Seconds since 1970.
    pub unix: u64,
    /// Whether an address is one of this host.
    pub is_own: &'a dyn Fn(IpAddr) -> bool,
}

/// All requests under way.
pub struct Coa {
    origins: Vec<Origin>,
    devices: Devices,
    packets: Packets,
    exchange: Exchange<Box<Tag>>,
    out: VecDeque<Output>,
}

impl Coa {
    /// For servers and devices.
    pub fn new(origins: Vec<Origin>, devices: Devices, random: Random) -> Self {
        Self { origins, devices, packets: Packets::default(), exchange: Exchange::new(random), out: VecDeque::new() }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.exchange.poll_timeout()
    }

    /// A server asks.
    pub fn on_request(
        &mut self,
        socket: usize,
        from: SocketAddr,
        octets: &[u8],
        sessions: &mut Sessions,
        now: &Now<'_>,
    ) {
        if let Err(why) = self.request(socket, from, octets, sessions, now) {
            self.out.push_back(Output::Dropped(from.ip(), why));
        }
    }

    fn request(
        &mut self,
        socket: usize,
        from: SocketAddr,
        octets: &[u8],
        sessions: &mut Sessions,
        now: &Now<'_>,
    ) -> Result<(), Dropped> {
        let of_address: Vec<&Origin> = self.origins.iter().filter(|origin| origin.address == from.ip()).collect();
        if of_address.is_empty() {
            return Err(Dropped::Stranger);
        }
        let packet = Packet::parse(octets).map_err(|_| Dropped::Malformed)?;
        if !matches!(packet.code(), Code::DisconnectRequest | Code::CoaRequest) {
            return Err(Dropped::NotServed);
        }
        // One host may be in several client sections, each with a secret of its own.
        let theirs: Vec<&Origin> =
            of_address.into_iter().filter(|origin| request_is_authentic(&packet, &origin.secret)).collect();
        let Some(origin) = theirs.first().copied().cloned() else { return Err(Dropped::WrongSecret) };
        let clients: Vec<String> =
            theirs.iter().filter(|other| other.secret == origin.secret).map(|other| other.client.clone()).collect();
        let integrity = request_integrity(&packet, &origin.secret);
        if integrity == Integrity::Wrong {
            return Err(Dropped::WrongSecret);
        }
        let time = packet.number(kind::EVENT_TIMESTAMP).map(u64::from);
        if time.is_some_and(|time| time.abs_diff(now.unix) > WINDOW) {
            return Err(Dropped::Stale);
        }
        let key = PacketKey::of(from, socket, &packet);
        match self.packets.look(key, now.at, EVERY * SENDS) {
            Seen::InFlight => return Ok(()),
            Seen::Answered(octets) => {
                let octets = octets.to_vec();
                self.out.push_back(Output::Reply { socket, to: from, octets });
                return Ok(());
            }
            Seen::New => {}
        }
        let is_signed = integrity == Integrity::Valid;
        let states: Vec<Vec<u8>> = packet.all(kind::PROXY_STATE).map(<[u8]>::to_vec).collect();
        match meant(&packet, &origin, &clients, sessions, now) {
            Ok(id) => {
                let Some(session) = sessions.get(id).cloned() else { return Ok(()) };
                let waiting = Waiting::Origin {
                    key,
                    client: origin.client,
                    secret: origin.secret,
                    is_signed,
                    states,
                    session: id,
                };
                let attributes = forwarded(&packet, &session);
                if !self.ask(packet.code(), attributes, is_signed, &session, waiting, now.at) {
                    self.packets.forget_one(&key);
                    return Err(Dropped::Busy);
                }
            }
            Err(cause) => {
                tracing::info!(
                    from = %from, client = %origin.client, cause = cause as u32,
                    "no session is ended or changed: {}", cause.words()
                );
                let value = (cause as u32).to_be_bytes().to_vec();
                let code = refusal(packet.code());
                self.reply(key, &origin.secret, is_signed, code, &[(kind::ERROR_CAUSE, value)], &states, now.at);
            }
        }
        Ok(())
    }

    /// Ends a session on our own account: the person may not be connected any more. Whether the device did it comes as an [`Output::Ended`].
    pub fn end(&mut self, id: SessionId, session: &Session, unix: u64, now: Instant) {
        self.ask(Code::DisconnectRequest, disconnect(session, unix), false, session, Waiting::Own { session: id }, now);
    }

    /// Sends a request to the device of a session. Returns whether it could.
    fn ask(
        &mut self,
        code: Code,
        attributes: Vec<(u8, Vec<u8>)>,
        is_signed: bool,
        session: &Session,
        waiting: Waiting,
        now: Instant,
    ) -> bool {
        let Some(entry) = self.devices.of_section(&session.section, session.device) else { return false };
        if self.exchange.len() >= MOST {
            return false;
        }
        let ask = Ask {
            tag: Box::new(Tag { waiting, user: session.user.clone(), device: session.device }),
            to: SocketAddr::new(session.device, entry.coa_port),
            secret: entry.secret.clone(),
            code,
            is_signed,
            attributes,
            sends: SENDS,
            every: EVERY,
        };
        let sent = self.exchange.ask(ask, now);
        let is_sent = sent.is_ok();
        self.out.extend(sent.ok().map(Output::Ask));
        is_sent
    }

    /// A device answers.
    pub fn on_answer(&mut self, socket: usize, from: SocketAddr, octets: &[u8], sessions: &mut Sessions, now: Instant) {
        let Some(answer) = self.exchange.on_packet(socket, from, octets) else {
            self.out.push_back(Output::Dropped(from.ip(), Dropped::WrongSecret));
            return;
        };
        let Answer { tag, code, attributes, .. } = answer;
        let no_session = (Cause::NoSession as u32).to_be_bytes();
        let is_gone = code == Code::DisconnectAck
            || code == Code::DisconnectNak
                && attributes.iter().any(|(kind, value)| *kind == kind::ERROR_CAUSE && *value == no_session);
        let Tag { waiting, user, device } = *tag;
        let (by, session) = match waiting {
            Waiting::Own { session } => (None, session),
            Waiting::Origin { key, client, secret, is_signed, states, session } => {
                let own = [kind::MESSAGE_AUTHENTICATOR, kind::PROXY_STATE];
                let theirs: Vec<(u8, Vec<u8>)> =
                    attributes.into_iter().filter(|(kind, _)| !own.contains(kind)).collect();
                self.reply(key, &secret, is_signed, code, &theirs, &states, now);
                (Some(client), session)
            }
        };
        // Accounting says so as well, where there is any.
        if is_gone {
            sessions.remove(session);
        }
        self.out.push_back(Output::Ended { by, user, device, said: Some(code) });
    }

    /// Sends again what a device has not answered. When it was often enough the server may ask again: what the device did is not known.
    pub fn on_timeout(&mut self, now: Instant) {
        let (transmits, over) = self.exchange.on_timeout(now);
        self.out.extend(transmits.into_iter().map(Output::Ask));
        for tag in over {
            let Tag { waiting, user, device } = *tag;
            let by = match waiting {
                Waiting::Own { .. } => None,
                Waiting::Origin { key, client, .. } => {
                    self.packets.forget_one(&key);
                    Some(client)
                }
            };
            self.out.push_back(Output::Ended { by, user, device, said: None });
        }
    }

    #[expect(clippy::too_many_arguments, reason = "an answer and whom it is for")]
    fn reply(
        &mut self,
        key: PacketKey,
        secret: &Secret,
        is_signed: bool,
        code: Code,
        attributes: &[(u8, Vec<u8>)],
        states: &[Vec<u8>],
        now: Instant,
    ) {
        let identifier = key.identifier();
        let mut builder = if is_signed { Builder::signed(code, identifier) } else { Builder::new(code, identifier) };
        // Proxies on the way need their states more than the server needs the rest.
        for state in states {
            _ = builder.attribute(kind::PROXY_STATE, state);
        }
        for (kind, value) in attributes {
            _ = builder.attribute(*kind, value);
        }
        let octets = builder.into_reply(secret, key.authenticator());
        self.packets.answered(key, &octets, now);
        self.out.push_back(Output::Reply { socket: key.socket, to: key.from, octets });
    }
}
