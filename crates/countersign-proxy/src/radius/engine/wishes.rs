//! What a login needs done becomes outputs, answers and further packets.

use std::sync::Arc;
use std::time::{Duration, Instant};

use cs_radius::kind;

use super::super::across;
use super::super::login::{Wanted, Wish};
use super::super::output::{Admitted, LoginId, Outcome, Output, Told};
use super::super::seen::PacketKey;
use super::super::split::Typed;
use super::super::verdict::Reply;
use super::{CHALLENGE_LIFE, Engine, KEPT};
use crate::cfg::radius_server::Mode;
use crate::cfg::rules::ReplyRule;

impl Engine {
    pub(super) fn carry_out(&mut self, id: LoginId, wish: Wish, now: Instant) {
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
    pub(super) fn accepted(&mut self, id: LoginId, text: Option<String>) -> Reply {
        let Some(running) = self.running.get_mut(&id) else { return Reply::accept(text, None) };
        let (attributes, host) = running
            .primary
            .as_ref()
            .map(|primary| (primary.attributes.clone(), Some(primary.host)))
            .unwrap_or_default();
        let (section, device, request) = (running.section, running.device, running.request.clone());
        // The device goes on with the name that the directory has (RFC 2865 §5.1), and a session is ended by it.
        let is_respelled =
            running.tunnel.is_none() && running.login.protocol().is_none() && running.claimed != request.user;
        let spelled = is_respelled.then(|| (kind::USER_NAME, request.user.as_bytes().to_vec()));
        let added: Vec<(u8, Vec<u8>)> = self
            .sections
            .get(section)
            .map(|serving| serving.server.reply_rules.iter().filter(|rule| rule.is_for(&running.groups)))
            .into_iter()
            .flatten()
            .filter_map(ReplyRule::encoded)
            .collect();
        let reply = Reply::accept(text, running.primary.take());
        let reply = reply.with(spelled);
        let reply = added.into_iter().fold(reply, |reply, attribute| reply.with(Some(attribute)));
        self.out.push_back(Output::Admitted(Box::new(Admitted { section, device, request, attributes, host })));
        reply
    }

    pub(super) fn challenge(&mut self, id: LoginId, text: String, now: Instant) {
        self.tell(id, Outcome::Challenged, now);
        self.show_followers(id, &text, now);
        if self.asks_inside(id, &text, now) {
            return;
        }
        self.show(id, |state| Reply::challenge(text, state), CHALLENGE_LIFE, now);
    }

    /// Shows something with a State of ours, and waits so long for the answer.
    pub(super) fn show(&mut self, id: LoginId, reply: impl FnOnce(Vec<u8>) -> Reply, life: Duration, now: Instant) {
        let mut octets = [0; 16];
        (self.random)(&mut octets);
        // Text, because some devices keep a State only up to its first octet of zero: ocserv does.
        let state = data_encoding::BASE64URL_NOPAD.encode(&octets).into_bytes();
        let Some(running) = self.running.get_mut(&id) else { return };
        running.state = Some(state.clone());
        running.states.push(state.clone());
        running.ends = now + life;
        let reply = Arc::new(reply(state.clone()));
        running.shown = Some(reply.clone());
        self.challenges.insert(state, id);
        self.retime(id);
        self.answer_all(id, &reply, now);
    }

    pub(super) fn finish(&mut self, id: LoginId, reply: Reply, outcome: Outcome, now: Instant) {
        self.tell(id, outcome, now);
        let Some(running) = self.running.get_mut(&id) else { return };
        let was_asking = std::mem::take(&mut running.is_asking);
        running.fallback = None;
        (running.ends, running.decided) = (now + KEPT, Some(now));
        let reply = Arc::new(reply);
        let was_decided = running.reply.replace(reply.clone()).is_some();
        self.undecided -= usize::from(!was_decided);
        self.tunnels -= usize::from(running.tunnel.take().is_some());
        self.retime(id);
        if was_asking {
            self.out.push_back(Output::Cancel { login: id });
        }
        self.answer_all(id, &reply, now);
        self.keep_or_forget(id);
    }

    pub(super) fn tell(&mut self, id: LoginId, outcome: Outcome, now: Instant) {
        let Some(running) = self.running.get(&id) else { return };
        let (section, request, packets) = (running.section, running.request.clone(), running.packets);
        let took = now.saturating_duration_since(running.begun);
        let kept_out = running.kept_out.clone();
        let (stage, factor, txid) = (running.stage, running.factor, running.txid.clone());
        let told = Told::Login { section, request, outcome, stage, factor, txid, took, packets, kept_out };
        self.out.push_back(Output::Told(told));
    }

    pub(super) fn answer_all(&mut self, id: LoginId, reply: &Reply, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let (section, device, waiting) = (running.section, running.device, std::mem::take(&mut running.waiting));
        for (key, states) in waiting {
            self.answer(section, device, key, &states, reply, now);
        }
    }

    pub(super) fn answer(
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

/// How long a push is waited for alone.
fn fallback(mode: &Mode, wanted: &Wanted) -> Option<Duration> {
    let Mode::Auto { fallback, .. } = mode else { return None };
    match wanted {
        Wanted::Auto | Wanted::Typed(Typed::Push(_)) => *fallback,
        Wanted::Typed(Typed::Phone(_) | Typed::Sms(_) | Typed::Passcode(_)) | Wanted::Choice(_) => None,
    }
}
