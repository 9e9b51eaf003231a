//! Logins whose first factor is no password, and what another server asks in its turn: their packets and their company.
//!
//! A challenge makes the same password look different each time, so a device that begins anew cannot be told by what it sends. Its proof is checked like any other; then it
//! follows the login of the same person at the same station that waits for a second factor already, and is told the same. So it is one push.

use std::sync::Arc;
use std::time::Instant;

use cs_radius::Code;
use zeroize::Zeroizing;

use super::super::login::{Event, Login, Wish};
use super::super::output::{LoginId, Outcome};
use super::super::proof::{Mark, Proof, Protocol};
use super::super::request::Request;
use super::super::same::LoginKey;
use super::super::seen::PacketKey;
use super::super::verdict::{PrimaryReply, Reply};
use super::{CHALLENGE_LIFE, Engine, GRACE};
use crate::cfg::application::FailMode;
use crate::cfg::radius_server::Mode;

/// A first factor as it came.
pub(super) enum First {
    Typed(Zeroizing<String>),
    Proof(Proof),
}

impl First {
    pub(super) fn fingerprint(&self) -> Zeroizing<String> {
        match self {
            Self::Typed(typed) => typed.clone(),
            Self::Proof(proof) => proof.fingerprint(),
        }
    }

    /// Whether equal octets are the same login. In EAP they are a name, and each login begins with it.
    pub(super) fn repeats_itself(&self) -> bool {
        match self {
            Self::Typed(_) => true,
            Self::Proof(proof) => proof.protocol != Protocol::Eap,
        }
    }

    pub(super) fn begin(self, mode: Arc<Mode>, failmode: FailMode, exempt: bool) -> (Login, Wish) {
        match self {
            Self::Typed(typed) => Login::begin(mode, failmode, exempt, &typed),
            Self::Proof(proof) => Login::begin_relayed(mode, failmode, exempt, proof),
        }
    }
}

/// What is known of a login whose first factor is no password.
#[derive(Default)]
pub(super) struct Relayed {
    /// Of its last packet.
    mark: Option<Mark>,
    /// Under which others find it.
    pub(super) person: Option<LoginKey>,
    /// It waits for what is decided of another one.
    is_following: bool,
    /// They wait for what is decided of this one.
    followers: Vec<LoginId>,
    /// What was decided.
    verdict: Option<(Option<String>, Outcome)>,
}

impl Relayed {
    pub(super) fn of(first: &First) -> Self {
        let mark = match first {
            First::Typed(_) => None,
            First::Proof(proof) => Some(proof.mark()),
        };
        Self { mark, ..Self::default() }
    }

    /// The device went on.
    pub(super) fn note(&mut self, answer: &Event) {
        if let Event::Proof(proof) = answer {
            self.mark = Some(proof.mark());
        }
    }

    /// After EAP the second factor is that of whom the other server let in, not of a name that the outside of a tunnel shows.
    pub(super) fn learn_user(&self, request: &mut Request, reply: &PrimaryReply) {
        if let (Some(Mark { protocol: Protocol::Eap, .. }), Some(user)) = (self.mark, &reply.user) {
            request.user.clone_from(user);
        }
    }
}

impl Engine {
    /// A packet with a proof.
    #[expect(clippy::too_many_arguments, reason = "a packet and where it came in")]
    pub(super) fn proven(
        &mut self,
        section: usize,
        device: usize,
        key: PacketKey,
        states: Vec<Vec<u8>>,
        mut request: Request,
        proof: Proof,
        state: Option<&[u8]>,
        now: Instant,
    ) {
        request.protocol = Some(proof.protocol);
        if matches!(proof.protocol, Protocol::Eap | Protocol::Device) {
            // All of it is in the proof already.
            request.passed.clear();
        }
        match state {
            Some(state) => {
                self.challenge_answered(section, device, key, states, state, &request, Event::Proof(proof), now);
            }
            None => self.begin(section, device, key, states, request, First::Proof(proof), now),
        }
    }

    /// What another server asks goes to the device under a State of ours.
    pub(super) fn ask_on(&mut self, id: LoginId, text: Option<String>, now: Instant) {
        if self.asks_inside(id, text.as_deref().unwrap_or("Enter passcode:"), now) {
            return;
        }
        let Some(running) = self.running.get_mut(&id) else { return };
        let asked = running.primary.take();
        self.show(id, |state| Reply::passed_on(Code::AccessChallenge, Some(state), asked), CHALLENGE_LIFE, now);
    }

    /// The other server's refusal as it came.
    pub(super) fn pass_on_refusal(&mut self, id: LoginId, text: Option<String>, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let is_eap = running.login.protocol() == Some(Protocol::Eap);
        let reply = running.primary.take().map(|said| Reply::passed_on(Code::AccessReject, None, Some(said)));
        let reply = match reply {
            Some(reply) if reply.has_eap() || !is_eap => reply,
            Some(reply) => self.refusal(id, reply),
            None => self.refusal(id, Reply::reject(text.clone())),
        };
        self.finish(id, reply, Outcome::Rejected(text), now);
    }

    /// A refusal of ours as the protocol of the login tells it.
    pub(super) fn refusal(&mut self, id: LoginId, reply: Reply) -> Reply {
        let mark = self.running.get(&id).and_then(|running| running.relayed.mark);
        self.marked(mark, reply)
    }

    /// The same, for an answer that belongs to no login.
    pub(super) fn refusal_of(&mut self, answer: &Event, reply: Reply) -> Reply {
        let mark = if let Event::Proof(proof) = answer { Some(proof.mark()) } else { None };
        self.marked(mark, reply)
    }

    fn marked(&mut self, mark: Option<Mark>, reply: Reply) -> Reply {
        let Some(mark) = mark else { return reply };
        let mut challenge = [0; 16];
        (self.random)(&mut challenge);
        reply.with(mark.refusal(&challenge))
    }

    /// Whether a login whose first factor is right now waits for what is decided of another one, instead of asking for a second factor of its own.
    pub(super) fn follows(&mut self, id: LoginId, now: Instant) -> bool {
        let Some(running) = self.running.get(&id) else { return false };
        let is_tunnelled = running.tunnel.is_some() && running.login.asks_after_password_alone();
        let protocol = running.login.protocol().or(is_tunnelled.then_some(Protocol::Eap));
        let Some(protocol) = protocol.filter(|_| is_tunnelled || running.login.asks_after_proof()) else {
            return false;
        };
        let Some(serving) = self.sections.get(running.section) else { return false };
        let (person, joins) = self.same.person(&serving.server, &running.request, protocol);
        if !joins {
            return false;
        }
        let leads = |leader: &LoginId| {
            let leader = (*leader != id).then(|| self.running.get(leader)).flatten();
            // What was decided is told for a moment; what must be typed is typed by each for themselves.
            leader.is_some_and(|leader| match leader.decided {
                Some(at) => now < at + GRACE && leader.relayed.verdict.is_some(),
                None => !leader.login.waits_for_typing(),
            })
        };
        let leader = self.same.find(&person).filter(leads);
        let Some(leader) = leader else {
            self.same.began(person, id);
            if let Some(running) = self.running.get_mut(&id) {
                running.relayed.person = Some(person);
            }
            return false;
        };
        if let Some(running) = self.running.get_mut(&id) {
            running.relayed.is_following = true;
        }
        match self.running.get(&leader).and_then(|leader| leader.relayed.verdict.clone()) {
            Some((text, outcome)) => self.conclude(id, text, outcome, now),
            None => {
                if let Some(leader) = self.running.get_mut(&leader) {
                    leader.relayed.followers.push(id);
                }
            }
        }
        true
    }

    /// What was decided of a login, for those that wait for it and those that come in a moment.
    pub(super) fn tell_followers(&mut self, id: LoginId, text: Option<String>, outcome: Outcome, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        running.relayed.verdict = Some((text.clone(), outcome.clone()));
        for follower in std::mem::take(&mut running.relayed.followers) {
            self.conclude(follower, text.clone(), outcome.clone(), now);
        }
    }

    /// Something must be typed: those that follow are asked as well, and answer for themselves.
    pub(super) fn show_followers(&mut self, id: LoginId, text: &str, now: Instant) {
        let Some(running) = self.running.get_mut(&id) else { return };
        let (login, followers) = (running.login.clone(), std::mem::take(&mut running.relayed.followers));
        for follower in followers {
            let Some(running) = self.running.get_mut(&follower).filter(|follower| follower.relayed.is_following) else {
                continue;
            };
            running.relayed.is_following = false;
            running.login = login.clone();
            self.challenge(follower, text.to_owned(), now);
        }
    }

    /// Ends a login that followed another one, with what its own first factor brought.
    fn conclude(&mut self, id: LoginId, text: Option<String>, outcome: Outcome, now: Instant) {
        let waits = |running: &&mut super::Running| running.relayed.is_following && running.reply.is_none();
        if self.running.get_mut(&id).filter(waits).is_none() {
            return;
        }
        match outcome {
            Outcome::Accepted(why) => self.let_in(id, text, why, now),
            Outcome::Rejected(_) | Outcome::Challenged => {
                let reply = self.refusal(id, Reply::reject(text));
                self.finish(id, reply, outcome, now);
            }
        }
    }
}
