//! Downloads of access lists, as Cisco's devices do them: a login was answered with the name of a list, and the device asks for the list itself.
//!
//! Such a request bears no password and no person stands behind it. It is given on to the server that named the list, and only what makes up a list comes back, so
//! that nobody can log in this way:
//!
//! ```text
//! device ─► Access-Request  User-Name=#ACSACL#-IP-NAME-VERSION, aaa:event=acl-download, signed ─► the server that named it
//!        ◄─ Access-Challenge State, ip:inacl#1=… ◄─   as often as the list is longer than a packet
//!        ─► the same with State ─►                    to the server that made the State
//!        ◄─ Access-Accept ip:inacl#n=… ◄─
//! ```

use std::collections::{BTreeMap, HashMap, HashSet, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cs_radius::{Code, Packet, Secret, kind};

use super::Random;
use super::exchange::{Answer, Ask, Exchange, Transmit};
use super::output::Admitted;
use super::seen::PacketKey;
use super::verdict::Reply;
use crate::cfg::client::{Demand, RadiusClient};

mod shape;

use shape::{forwarded, lines, named};
pub use shape::{is_download, is_list};

/// A name can be asked for so long after a login.
const NAME_LIFE: Duration = Duration::from_secs(24 * 3600);
/// A State of a list that is being read lives so long.
const STATE_LIFE: Duration = Duration::from_secs(300);
/// So many names and as many States are known; beyond, the oldest are forgotten.
const MOST: usize = 20_000;
/// A request for a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Download {
    /// The section it came to.
    pub section: usize,
    /// The entry of its device there.
    pub device: usize,
    /// Whom to answer.
    pub key: PacketKey,
    /// The whole packet; it was checked and is signed.
    pub octets: Vec<u8>,
}

/// How a download ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Downloaded {
    /// What was asked.
    pub download: Download,
    /// For the device; nothing if no server answered: it asks again.
    pub reply: Option<Reply>,
}

/// A list's name at the entry of a device: what one device was told another cannot ask for.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Named {
    section: usize,
    device: usize,
    name: String,
}

/// A `[radius_client]` as it is asked for lists.
#[derive(Debug, Clone)]
pub struct Source {
    /// What the configuration says.
    pub config: RadiusClient,
    /// Its hosts, looked up.
    pub hosts: Vec<SocketAddr>,
}

/// A question to a server: whose, of which client section, at which host, and how many hosts are left to ask.
struct Asked {
    download: Download,
    named: Named,
    client: String,
    host: usize,
    left: usize,
    is_continued: bool,
}

/// All names that were handed out and all downloads under way.
pub struct Downloads {
    sources: BTreeMap<String, Source>,
    /// Which client section each server section asks.
    clients: Vec<Option<String>>,
    /// Which host named a list.
    names: HashMap<Named, (usize, Instant)>,
    name_order: VecDeque<(Instant, Named)>,
    /// Which host made a State.
    states: HashMap<(Named, Vec<u8>), (usize, Instant)>,
    state_order: VecDeque<(Instant, (Named, Vec<u8>))>,
    /// Hosts that have sent a right Message-Authenticator.
    signing: HashSet<SocketAddr>,
    exchange: Exchange<Box<Asked>>,
    transmits: VecDeque<Transmit>,
    ended: VecDeque<Downloaded>,
    random: Random,
}

impl Downloads {
    /// For the client sections that speak RADIUS, by name; `clients` are those of the server sections.
    pub fn new(
        sources: BTreeMap<String, Source>,
        clients: Vec<Option<String>>,
        random: Random,
        for_packets: Random,
    ) -> Self {
        Self {
            sources,
            clients,
            names: HashMap::new(),
            name_order: VecDeque::new(),
            states: HashMap::new(),
            state_order: VecDeque::new(),
            signing: HashSet::new(),
            exchange: Exchange::new(for_packets),
            transmits: VecDeque::new(),
            ended: VecDeque::new(),
            random,
        }
    }

    /// What is to be sent next.
    pub fn poll_transmit(&mut self) -> Option<Transmit> {
        self.transmits.pop_front()
    }

    /// What has ended.
    pub fn poll_ended(&mut self) -> Option<Downloaded> {
        self.ended.pop_front()
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.exchange.poll_timeout()
    }

    /// Somebody was let in: the lists that their device was told of can be asked for.
    pub fn admitted(&mut self, admitted: &Admitted, now: Instant) {
        let Some(host) = admitted.host else { return };
        for (kind, value) in &admitted.attributes {
            if *kind != kind::VENDOR_SPECIFIC {
                continue;
            }
            for name in named(value) {
                let list = Named { section: admitted.section, device: admitted.device, name: name.to_owned() };
                self.names.insert(list.clone(), (host, now + NAME_LIFE));
                self.name_order.push_back((now + NAME_LIFE, list));
            }
        }
        forget(&mut self.names, &mut self.name_order, now);
    }

    /// A device asks for a list.
    pub fn wanted(&mut self, download: Download, now: Instant) {
        forget(&mut self.names, &mut self.name_order, now);
        forget(&mut self.states, &mut self.state_order, now);
        let Some((asked, state)) = self.asked(download) else { return };
        let refuse = |asked: Asked| Downloaded { download: asked.download, reply: Some(Reply::reject(None)) };
        let Some((host, _)) = self.names.get(&asked.named).copied() else {
            tracing::warn!(
                from = %asked.download.key.from, list = %asked.named.name,
                "a list is asked for that no server has named to this device"
            );
            self.ended.push_back(refuse(asked));
            return;
        };
        let host = match &state {
            None => host,
            Some(state) => match self.states.get(&(asked.named.clone(), state.clone())) {
                Some((host, _)) => *host,
                // Another server would not know it; the device begins anew.
                None => return self.ended.push_back(refuse(asked)),
            },
        };
        self.send(Asked { host, ..asked }, now);
    }

    /// Reads the packet anew; it was checked when it came.
    fn asked(&self, download: Download) -> Option<(Asked, Option<Vec<u8>>)> {
        let packet = Packet::parse(&download.octets).ok()?;
        let client = self.clients.get(download.section)?.clone()?;
        let name = packet.text(kind::USER_NAME)?.to_owned();
        let state = packet.first(kind::STATE).map(<[u8]>::to_vec);
        let named = Named { section: download.section, device: download.device, name };
        let hosts = self.sources.get(&client)?.hosts.len();
        // A State is for the host that made it.
        let left = if state.is_some() { 0 } else { hosts.saturating_sub(1) };
        let is_continued = state.is_some();
        Some((Asked { download, named, client, host: 0, left, is_continued }, state))
    }

    fn send(&mut self, asked: Asked, now: Instant) {
        let Some(source) = self.sources.get(&asked.client) else { return };
        let Some(to) = source.hosts.get(asked.host).copied() else { return };
        let Some(attributes) = forwarded(&asked.download.octets, &source.config, &mut self.random) else { return };
        let ask = Ask {
            to,
            secret: Secret::new(source.config.secret.as_bytes().to_vec()),
            code: Code::AccessRequest,
            is_signed: true,
            attributes,
            // The sendings that a login has are shared among the hosts.
            sends: (source.config.retries + 1).div_ceil(u32::try_from(source.hosts.len()).unwrap_or(1).max(1)),
            every: source.config.retry_wait,
            tag: Box::new(asked),
        };
        match self.exchange.ask(ask, now) {
            Ok(transmit) => self.transmits.push_back(transmit),
            Err(asked) => self.ended.push_back(Downloaded { download: asked.download, reply: None }),
        }
    }

    /// Sends again what was not answered, to the next host when it was often enough.
    pub fn on_timeout(&mut self, now: Instant) {
        let (transmits, over) = self.exchange.on_timeout(now);
        self.transmits.extend(transmits);
        for asked in over {
            let hosts = self.sources.get(&asked.client).map_or(1, |source| source.hosts.len()).max(1);
            if asked.left == 0 {
                self.ended.push_back(Downloaded { download: asked.download, reply: None });
            } else {
                self.send(Asked { host: (asked.host + 1) % hosts, left: asked.left - 1, ..*asked }, now);
            }
        }
    }

    /// A packet came from a server.
    pub fn on_packet(&mut self, socket: usize, from: SocketAddr, octets: &[u8], now: Instant) {
        let Some(answer) = self.exchange.on_packet(socket, from, octets) else {
            tracing::warn!(%from, "an answer that fits no question, or was made with another secret");
            return;
        };
        let demand = self
            .sources
            .get(&answer.tag.client)
            .map_or(Demand::Yes, |source| source.config.require_message_authenticator);
        let must_be_signed = match demand {
            Demand::Yes => true,
            Demand::No => false,
            Demand::Auto => self.signing.contains(&from),
        };
        if answer.is_signed {
            self.signing.insert(from);
        } else if must_be_signed {
            tracing::warn!(%from, "an answer without Message-Authenticator, which this server must send");
            return self.ended.push_back(Downloaded { download: answer.tag.download, reply: None });
        }
        self.answered(answer, now);
    }

    fn answered(&mut self, answer: Answer<Box<Asked>>, now: Instant) {
        let asked = *answer.tag;
        let lines = lines(&answer.attributes);
        let state = answer.attributes.into_iter().find(|(kind, _)| *kind == kind::STATE).map(|(_, value)| value);
        let reply = match (answer.code, state) {
            // A yes without a list would be a login.
            (Code::AccessAccept, _) if lines.is_empty() && !asked.is_continued => Reply::reject(None),
            (Code::AccessAccept, _) => Reply::list(Code::AccessAccept, None, lines),
            (Code::AccessChallenge, Some(state)) => {
                let round = (asked.named.clone(), state.clone());
                self.states.insert(round.clone(), (asked.host, now + STATE_LIFE));
                self.state_order.push_back((now + STATE_LIFE, round));
                Reply::list(Code::AccessChallenge, Some(state), lines)
            }
            _ => Reply::reject(None),
        };
        self.ended.push_back(Downloaded { download: asked.download, reply: Some(reply) });
    }
}

/// Forgets what is over, and the oldest of too many.
fn forget<K: Eq + std::hash::Hash>(
    known: &mut HashMap<K, (usize, Instant)>,
    order: &mut VecDeque<(Instant, K)>,
    now: Instant,
) {
    while let Some((at, _)) = order.front() {
        let is_full = known.len() > MOST || order.len() > 4 * MOST;
        if *at > now && !is_full {
            return;
        }
        let Some((_, key)) = order.pop_front() else { return };
        // What was named again since stands in the line again.
        if is_full || known.get(&key).is_some_and(|(_, until)| *until <= now) {
            known.remove(&key);
        }
    }
}
