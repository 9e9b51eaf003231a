//! RADIUS logins without sockets, clock or threads: packets and answers go in, packets and questions come out.
//!
//! One login is one push, however often its packets come: see [`seen`](super::seen) for the same packet, [`same`](super::same) for the same login in another packet.

use std::collections::{HashMap, VecDeque};
use std::net::SocketAddr;
use std::time::{Duration, Instant};

use cs_radius::{Code, Packet, kind, password};
use zeroize::Zeroizing;

use super::dacl::{self, Download, Downloaded};
use super::login::{Auth, Event, Login, Outage, Primary, Wanted, Wish};
use super::output::{Admitted, KeptOut, LoginId, Outcome, Output, Stage, Told};
use super::proof::Proof;
use super::request::Request;
use super::same::{LoginKey, Same};
use super::section::{Dropped, Section};
use super::sections::Sections;
use super::seen::{PacketKey, Packets, Seen};
use super::timers::Timers;
use super::verdict::{PrimaryReply, Reply};
use super::{Random, across};

mod relayed;
mod tunnelled;

use crate::cfg::rules::ReplyRule;
use crate::directory::Group;
use relayed::{First, Relayed};
use tunnelled::Tunnelled;

/// A challenge can be answered for so long.
const CHALLENGE_LIFE: Duration = Duration::from_secs(300);
/// What was decided is told again for so long to other packets of the same login, as a device sends them that has lost patience.
const GRACE: Duration = Duration::from_secs(10);
/// What was decided is told again for so long to other packets with the answer to the same challenge.
const KEPT: Duration = Duration::from_secs(30);
/// No more logins than this wait at a time; beyond, packets are dropped, and come again.
const MOST: usize = 50_000;

struct Running {
    login: Login,
    section: usize,
    device: usize,
    request: Box<Request>,
    key: LoginKey,
    /// Packets that wait for the answer, with their Proxy-States.
    waiting: Vec<(PacketKey, Vec<Vec<u8>>)>,
    /// What the other server said with its yes.
    primary: Option<PrimaryReply>,
    /// Why the first factor is no yes.
    kept_out: Option<KeptOut>,
    begun: Instant,
    packets: usize,
    ends: Instant,
    /// When a code is asked for beside a push.
    fallback: Option<Instant>,
    /// The State of the challenge that is shown.
    state: Option<Vec<u8>>,
    /// Every State that was shown, to be forgotten with the login.
    states: Vec<Vec<u8>>,
    /// What was decided.
    reply: Option<Reply>,
    decided: Option<Instant>,
    /// What was asked for as second factor, counted.
    attempt: u32,
    /// The last of them is not decided.
    is_asking: bool,
    /// What is shown while something must be typed.
    shown: Option<Reply>,
    /// The name that the device sent, which each of its packets repeats.
    claimed: String,
    /// Of a login whose first factor is no password.
    relayed: Relayed,
    /// How far it came, for the log.
    stage: Stage,
    /// The factor that was asked for last.
    factor: Option<&'static str>,
    /// The server's id of it.
    txid: Option<String>,
    /// The groups that the first factor knows its owner in.
    groups: Vec<Group>,
    /// Of one by EAP that ends here, until it is decided.
    tunnel: Option<Box<Tunnelled>>,
    /// Whether the same login at another proxy may join this one: as here, and nothing was asked of the person in between.
    joins: bool,
}

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

/// All logins of a proxy.
pub struct Engine {
    sections: Sections,
    /// Which sections a socket serves.
    sockets: Vec<Vec<usize>>,
    packets: Packets,
    running: HashMap<LoginId, Running>,
    /// When each of them has something to do.
    timers: Timers<LoginId>,
    /// How many of them are not decided.
    undecided: usize,
    /// How many of them speak TLS.
    tunnels: usize,
    same: Same,
    /// States of challenges, those that were answered included.
    challenges: HashMap<Vec<u8>, LoginId>,
    out: VecDeque<Output>,
    next: u64,
    random: Random,
}

impl Engine {
    /// For sections, and which of them each socket serves. `random` fills octets that nobody can guess.
    pub fn new(sections: Vec<Section>, sockets: Vec<Vec<usize>>, mut random: Random) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random(&mut *secret);
        Self {
            sections: Sections::new(sections),
            sockets,
            packets: Packets::default(),
            running: HashMap::new(),
            timers: Timers::default(),
            undecided: 0,
            tunnels: 0,
            same: Same::new(secret),
            challenges: HashMap::new(),
            out: VecDeque::new(),
            next: 0,
            random,
        }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        self.timers.first()
    }

    /// How many logins wait for something.
    pub fn waiting(&self) -> usize {
        self.undecided
    }

    /// Serves other sections from now on, and says which of them each socket serves; `sockets` count from the first of these. Logins under way end by the sections they
    /// began with. Returns the number of the first: sections are numbered on.
    pub fn replace(&mut self, sections: Vec<Section>, sockets: Vec<Vec<usize>>) -> usize {
        let first = self.sections.replace(sections);
        self.sockets = sockets.into_iter().map(|served| served.into_iter().map(|at| first + at).collect()).collect();
        first
    }

    /// The number of the first section of the next configuration.
    pub fn next_section(&self) -> usize {
        self.sections.next()
    }

    /// The lowest number of a section that some login began with. This looks at every login.
    pub fn oldest_section(&self) -> Option<usize> {
        self.running.values().map(|running| running.section).min()
    }

    /// Forgets sections with smaller numbers that serve no more.
    pub fn forget_sections_before(&mut self, number: usize) {
        self.sections.forget_before(number);
    }

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
        let typed = packet
            .first(kind::USER_PASSWORD)
            .and_then(|hidden| password::reveal(hidden, secret, packet.authenticator()).ok());
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

    #[expect(clippy::too_many_arguments, reason = "a packet and where it came in")]
    fn begin(
        &mut self,
        section: usize,
        device: usize,
        key: PacketKey,
        states: Vec<Vec<u8>>,
        request: Request,
        first: First,
        now: Instant,
    ) {
        let Some(serving) = self.sections.get(section) else { return };
        let (login_key, may_join) = self.same.key(&serving.server, &request, &first.fingerprint());
        let joins = may_join && first.repeats_itself();
        let secret_of = |section: usize, device: usize| self.sections.get(section)?.secret(device);
        let is_fresh = |id: &LoginId| {
            self.running.get(id).is_some_and(|running| {
                // Its answer is made with the secret that it began with.
                let is_same_secret = secret_of(running.section, running.device) == secret_of(section, device);
                is_same_secret && running.decided.is_none_or(|at| now < at + GRACE)
            })
        };
        if let Some(id) = self.same.find(&login_key).filter(|id| joins && is_fresh(id)) {
            self.join(id, key, states, now);
            return;
        }
        if self.running.len() >= MOST {
            // It comes again, and is new then.
            self.packets.forget_one(&key);
            self.out.push_back(Output::Told(Told::Dropped(key.from, Dropped::Busy)));
            return;
        }
        let (server, mode) = (&serving.server, serving.mode.clone());
        let exempt = request.is_bypassed || server.exempt_usernames.contains(&request.user);
        let relayed = Relayed::of(&first);
        let (login, wish) = first.begin(mode, server.application.failmode, exempt);
        let waits = serving.device(device).map_or(KEPT, |device| device.nas_timeout);
        let id = LoginId(self.next);
        self.next += 1;
        let running = Running {
            login,
            section,
            device,
            claimed: request.user.clone(),
            relayed,
            tunnel: None,
            request: Box::new(request),
            key: login_key,
            waiting: vec![(key, states)],
            primary: None,
            kept_out: None,
            begun: now,
            packets: 1,
            ends: now + waits,
            fallback: None,
            state: None,
            states: Vec::new(),
            reply: None,
            decided: None,
            attempt: 0,
            is_asking: false,
            shown: None,
            stage: if matches!(wish, Wish::Preauth { .. }) { Stage::Second } else { Stage::First },
            factor: None,
            txid: None,
            groups: Vec::new(),
            joins: may_join,
        };
        self.running.insert(id, running);
        self.undecided += 1;
        self.retime(id);
        self.same.began(login_key, id);
        self.carry_out(id, wish, now);
    }

    /// Another packet of a login that is under way, or was decided a moment ago.
    fn join(&mut self, id: LoginId, key: PacketKey, states: Vec<Vec<u8>>, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.packets += 1;
        let (section, device) = (running.section, running.device);
        // Decided; or something must be typed, and this device may not have heard of it.
        match running.reply.clone().or_else(|| running.shown.clone()) {
            Some(reply) => self.answer(section, device, key, &states, &reply, now),
            None => running.waiting.push((key, states)),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a packet and where it came in")]
    fn challenge_answered(
        &mut self,
        section: usize,
        device: usize,
        key: PacketKey,
        states: Vec<Vec<u8>>,
        state: &[u8],
        request: &Request,
        answer: Event,
        now: Instant,
    ) {
        let id = self.challenges.get(state).copied();
        let running = id.and_then(|id| Some((id, self.running.get_mut(&id)?)));
        // A challenge is answered by who got it: the same person, through a device of the same entry.
        let theirs = running.filter(|(_, running)| {
            (running.section, running.device, &running.claimed) == (section, device, &request.user)
        });
        let Some((id, running)) = theirs else {
            let reply = Reply::reject(Some("This question is too old. Log in again.".to_owned()));
            let reply = self.refusal_of(&answer, reply);
            self.answer(section, device, key, &states, &reply, now);
            return;
        };
        if running.state.as_deref() != Some(state) {
            // It was answered already: the same answer again, in another packet.
            self.join(id, key, states, now);
            return;
        }
        running.state = None;
        running.shown = None;
        running.joins = false;
        running.packets += 1;
        running.waiting.push((key, states));
        let waits = self
            .sections
            .get(section)
            .and_then(|serving| serving.device(device))
            .map_or(KEPT, |device| device.nas_timeout);
        running.ends = now + waits;
        running.relayed.note(&answer);
        if running.tunnel.is_some() {
            self.retime(id);
            self.on_tunnel(id, &answer, now);
            return;
        }
        let wish = running.login.on(answer);
        self.retime(id);
        if let Some(wish) = wish {
            self.carry_out(id, wish, now);
        }
    }

    /// The server says how a second factor ended.
    pub fn on_auth(&mut self, id: LoginId, attempt: u32, result: Result<Auth, Outage>, now: Instant) {
        let Some(running) = self.running.get_mut(&id).filter(|running| running.attempt == attempt) else { return };
        running.is_asking = false;
        self.on_event(id, Event::Auth(result), now);
    }

    /// Something else happened to a login outside.
    pub fn on_event(&mut self, id: LoginId, event: Event, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let reached = reached(&event);
        if let Some(wish) = running.login.on(event) {
            if let Some(stage) = reached {
                let before = std::mem::replace(&mut running.stage, stage);
                let is_end = matches!(wish, Wish::Accept { .. });
                if (before, stage) == (Stage::First, Stage::Second) && !is_end {
                    let (section, request) = (running.section, running.request.clone());
                    let took = now.saturating_duration_since(running.begun);
                    self.out.push_back(Output::Told(Told::FirstFactor { section, request, took }));
                }
            }
            self.carry_out(id, wish, now);
        }
    }

    /// The server has a name for a login that waits there.
    pub fn on_begun(&mut self, id: LoginId, txid: String) {
        if let Some(running) = self.running.get_mut(&id) {
            running.txid = Some(txid);
        }
    }

    /// The first factor is right, and the other server said more than that.
    pub fn on_primary_reply(&mut self, id: LoginId, reply: PrimaryReply) {
        if let Some(running) = self.running.get_mut(&id) {
            running.relayed.learn_user(&mut running.request, &reply);
            running.groups.clone_from(&reply.groups);
            running.primary = Some(reply);
        }
    }

    /// The groups that a directory knows somebody in, before it is told that the first factor is right.
    pub fn on_groups(&mut self, id: LoginId, groups: Vec<Group>) {
        if let Some(running) = self.running.get_mut(&id) {
            running.groups = groups;
        }
    }

    /// Why the first factor, which is about to be told, keeps somebody out.
    pub fn on_kept_out(&mut self, id: LoginId, why: KeptOut) {
        if let Some(running) = self.running.get_mut(&id) {
            running.kept_out = Some(why);
        }
    }

    /// Time has passed.
    pub fn on_timeout(&mut self, now: Instant) {
        for id in self.timers.due(now) {
            let Some(running) = self.running.get_mut(&id) else { continue };
            if running.ends > now {
                running.fallback = None;
                let wish = running.login.on(Event::NoAnswerYet);
                self.retime(id);
                if let Some(wish) = wish {
                    self.carry_out(id, wish, now);
                }
            } else if running.reply.is_some() || running.login.waits_for_typing() || running.state.is_some() {
                self.forget(id);
            } else if let Some(wish) = running.login.on(Event::Late) {
                self.carry_out(id, wish, now);
            }
        }
    }

    /// Notes when a login has something to do, whenever that has changed.
    fn retime(&mut self, id: LoginId) {
        let running = self.running.get(&id);
        self.timers.set(id, running.map(|running| running.fallback.map_or(running.ends, |at| at.min(running.ends))));
    }

    fn forget(&mut self, id: LoginId) {
        let Some(running) = self.running.remove(&id) else { return };
        self.retime(id);
        self.undecided -= usize::from(running.reply.is_none());
        self.tunnels -= usize::from(running.tunnel.is_some());
        self.same.over(&running.key, id);
        if let Some(person) = &running.relayed.person {
            self.same.over(person, id);
        }
        for state in &running.states {
            self.challenges.remove(state);
        }
        if running.is_asking {
            self.out.push_back(Output::Cancel { login: id });
        }
    }

    fn carry_out(&mut self, id: LoginId, wish: Wish, now: Instant) {
        if matches!(wish, Wish::Preauth { .. }) && self.follows(id, now) {
            return;
        }
        let Some(running) = self.running.get_mut(&id) else { return };
        let (login, section, request) = (id, running.section, running.request.clone());
        match wish {
            Wish::Primary { password } => self.out.push_back(Output::Primary { login, section, request, password }),
            Wish::Relay(relay) => self.out.push_back(Output::Relay { login, section, request, relay }),
            Wish::Tunnel(proof) => self.open_tunnel(id, &proof, now),
            Wish::AskOn { text } => self.ask_on(id, text, now),
            Wish::PassOnRefusal { text } => self.pass_on_refusal(id, text, now),
            Wish::Preauth { menu } => self.out.push_back(Output::Preauth { login, section, request, menu }),
            Wish::Auth(wanted) => {
                let before = std::mem::replace(&mut running.is_asking, true);
                running.fallback = self
                    .sections
                    .get(section)
                    .and_then(|serving| fallback(&serving.mode, &wanted))
                    .map(|after| now + after);
                if before {
                    self.out.push_back(Output::Cancel { login });
                }
                running.attempt += 1;
                running.factor = Some(wanted.word());
                let attempt = running.attempt;
                let serving = self.sections.get(section).filter(|_| running.joins);
                let name = serving.and_then(|serving| across::name(&serving.server, &request, &wanted));
                self.out.push_back(Output::Auth { login, section, request, wanted, attempt, name });
                self.retime(id);
            }
            Wish::Code { typed } => self.out.push_back(Output::Code { login, section, request, typed }),
            Wish::Challenge { text } => self.challenge(id, text, now),
            Wish::Accept { text, why } => {
                self.let_in(id, text.clone(), why, now);
                self.tell_followers(id, text, Outcome::Accepted(why), now);
            }
            Wish::Reject { text } => {
                let reply = self.refusal(id, Reply::reject(text.clone()));
                self.finish(id, reply, Outcome::Rejected(text.clone()), now);
                self.tell_followers(id, text.clone(), Outcome::Rejected(text), now);
            }
        }
    }

    /// The answer for somebody who is let in, with what the first factor brought.
    fn accepted(&mut self, id: LoginId, text: Option<String>) -> Reply {
        let Some(running) = self.running.get_mut(&id) else { return Reply::accept(text, None) };
        let (attributes, host) = running
            .primary
            .as_ref()
            .map(|primary| (primary.attributes.clone(), Some(primary.host)))
            .unwrap_or_default();
        let (section, device, request) = (running.section, running.device, running.request.clone());
        let added: Vec<(u8, Vec<u8>)> = self
            .sections
            .get(section)
            .map(|serving| serving.server.reply_rules.iter().filter(|rule| rule.is_for(&running.groups)))
            .into_iter()
            .flatten()
            .filter_map(ReplyRule::encoded)
            .collect();
        let reply = Reply::accept(text, running.primary.take());
        let reply = added.into_iter().fold(reply, |reply, attribute| reply.with(Some(attribute)));
        self.out.push_back(Output::Admitted(Box::new(Admitted { section, device, request, attributes, host })));
        reply
    }

    fn challenge(&mut self, id: LoginId, text: String, now: Instant) {
        self.tell(id, Outcome::Challenged, now);
        self.show_followers(id, &text, now);
        if self.asks_inside(id, &text, now) {
            return;
        }
        self.show(id, |state| Reply::challenge(text, state), CHALLENGE_LIFE, now);
    }

    /// Shows something with a State of ours, and waits so long for the answer.
    fn show(&mut self, id: LoginId, reply: impl FnOnce(Vec<u8>) -> Reply, life: Duration, now: Instant) {
        let mut state = vec![0; 16];
        (self.random)(&mut state);
        let Some(running) = self.running.get_mut(&id) else { return };
        running.state = Some(state.clone());
        running.states.push(state.clone());
        running.ends = now + life;
        let reply = reply(state.clone());
        running.shown = Some(reply.clone());
        self.challenges.insert(state, id);
        self.retime(id);
        self.answer_all(id, &reply, now);
    }

    fn finish(&mut self, id: LoginId, reply: Reply, outcome: Outcome, now: Instant) {
        self.tell(id, outcome, now);
        let Some(running) = self.running.get_mut(&id) else { return };
        let was_asking = std::mem::take(&mut running.is_asking);
        running.fallback = None;
        (running.ends, running.decided) = (now + KEPT, Some(now));
        let was_decided = running.reply.replace(reply.clone()).is_some();
        self.undecided -= usize::from(!was_decided);
        self.tunnels -= usize::from(running.tunnel.take().is_some());
        self.retime(id);
        if was_asking {
            self.out.push_back(Output::Cancel { login: id });
        }
        self.answer_all(id, &reply, now);
    }

    fn tell(&mut self, id: LoginId, outcome: Outcome, now: Instant) {
        let Some(running) = self.running.get(&id) else { return };
        let (section, request, packets) = (running.section, running.request.clone(), running.packets);
        let took = now.saturating_duration_since(running.begun);
        let kept_out = running.kept_out.clone();
        let (stage, factor, txid) = (running.stage, running.factor, running.txid.clone());
        let told = Told::Login { section, request, outcome, stage, factor, txid, took, packets, kept_out };
        self.out.push_back(Output::Told(told));
    }

    fn answer_all(&mut self, id: LoginId, reply: &Reply, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let (section, device, waiting) = (running.section, running.device, std::mem::take(&mut running.waiting));
        for (key, states) in waiting {
            self.answer(section, device, key, &states, reply, now);
        }
    }

    fn answer(
        &mut self,
        section: usize,
        device: usize,
        key: PacketKey,
        states: &[Vec<u8>],
        reply: &Reply,
        now: Instant,
    ) {
        let Some(secret) = self.sections.get(section).and_then(|serving| serving.secret(device)) else { return };
        let octets = reply.packet(&key, states, secret, &mut self.random);
        self.packets.answered(key, &octets, now);
        self.out.push_back(Output::Send { socket: key.socket, to: key.from, octets });
    }
}

/// How far a login came with something that happened, for the log.
fn reached(event: &Event) -> Option<Stage> {
    match event {
        Event::Primary(Primary::Right) => Some(Stage::Second),
        Event::Primary(Primary::Wrong { .. }) => Some(Stage::First),
        Event::Primary(Primary::Down) => Some(Stage::FirstFailed),
        Event::Preauth(Err(_)) | Event::Auth(Err(_)) | Event::Away { group: None } => Some(Stage::SecondFailed),
        Event::Preauth(Ok(_)) | Event::Auth(Ok(_)) | Event::Away { group: Some(_) } | Event::Code(_) => {
            Some(Stage::Second)
        }
        Event::Primary(Primary::Asks(_) | Primary::ChangePassword { .. }) => None,
        Event::Answer(_) | Event::Proof(_) | Event::NoAnswerYet | Event::Late => None,
    }
}

/// How long a push is waited for alone.
fn fallback(mode: &crate::cfg::radius_server::Mode, wanted: &Wanted) -> Option<Duration> {
    use super::split::Typed;
    use crate::cfg::radius_server::Mode;
    let Mode::Auto { fallback, .. } = mode else { return None };
    match wanted {
        Wanted::Auto | Wanted::Typed(Typed::Push(_)) => *fallback,
        Wanted::Typed(Typed::Phone(_) | Typed::Sms(_) | Typed::Passcode(_)) | Wanted::Choice(_) => None,
    }
}

#[cfg(test)]
pub(crate) mod tests;
