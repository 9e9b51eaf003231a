//! Logins begin, further packets of theirs join them, and challenges are answered.

use std::sync::Arc;
use std::time::Instant;

use super::super::login::{Event, Wish};
use super::super::output::{LoginId, Output, Stage, Told};
use super::super::request::Request;
use super::super::section::Dropped;
use super::super::seen::PacketKey;
use super::super::verdict::Reply;
use super::relayed::{First, Relayed};
use super::running::Running;
use super::{Engine, GRACE, KEPT};

/// So many packets of one login wait for its answer: as many as have a number of their own at one port.
const MOST_WAITING: usize = 256;

impl Engine {
    #[expect(clippy::too_many_arguments, reason = "a packet and where it came in")]
    pub(super) fn begin(
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
        if self.running.len() >= self.most && !self.make_room() {
            // It comes again, and is new then.
            self.packets.forget_one(&key);
            self.out.push_back(Output::Told(Told::Dropped(key.from, Dropped::Busy)));
            return;
        }
        let Some(serving) = self.sections.get(section) else { return };
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
            request: Arc::new(request),
            key: joins.then_some(login_key),
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
        if joins {
            self.same.began(login_key, id);
        }
        self.carry_out(id, wish, now);
    }

    /// Another packet of a login that is under way, or was decided a moment ago.
    pub(super) fn join(&mut self, id: LoginId, key: PacketKey, states: Vec<Vec<u8>>, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.packets += 1;
        let (section, device) = (running.section, running.device);
        // Decided; or something must be typed, and this device may not have heard of it.
        match running.reply.clone().or_else(|| running.shown.clone()) {
            Some(reply) => self.answer(section, device, key, &states, &reply, now),
            None => {
                // A device listens for the answer to its last packets; whoever sends without end must not fill the memory.
                if running.waiting.len() >= MOST_WAITING {
                    let (oldest, _) = running.waiting.remove(0);
                    self.packets.forget_one(&oldest);
                }
                running.waiting.push((key, states));
            }
        }
    }

    #[expect(clippy::too_many_arguments, reason = "a packet and where it came in")]
    pub(super) fn challenge_answered(
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
}
