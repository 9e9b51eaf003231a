//! What is known of a login that is under way, or was decided a moment ago.

use std::sync::Arc;
use std::time::Instant;

use super::super::login::Login;
use super::super::output::{KeptOut, LoginId, Output, Stage};
use super::super::request::Request;
use super::super::same::LoginKey;
use super::super::seen::PacketKey;
use super::super::verdict::{PrimaryReply, Reply};
use super::Engine;
use super::relayed::Relayed;
use super::tunnelled::Tunnelled;
use crate::directory::Group;

pub(super) struct Running {
    pub(super) login: Login,
    pub(super) section: usize,
    pub(super) device: usize,
    pub(super) request: Arc<Request>,
    /// Under which the same login in another packet finds it, if that may be.
    pub(super) key: Option<LoginKey>,
    /// Packets that wait for the answer, with their Proxy-States.
    pub(super) waiting: Vec<(PacketKey, Vec<Vec<u8>>)>,
    /// What the other server said with its yes.
    pub(super) primary: Option<PrimaryReply>,
    /// Why the first factor is no yes.
    pub(super) kept_out: Option<KeptOut>,
    pub(super) begun: Instant,
    pub(super) packets: usize,
    pub(super) ends: Instant,
    /// When a code is asked for beside a push.
    pub(super) fallback: Option<Instant>,
    /// The State of the challenge that is shown.
    pub(super) state: Option<Vec<u8>>,
    /// Every State that was shown, to be forgotten with the login.
    pub(super) states: Vec<Vec<u8>>,
    /// What was decided.
    pub(super) reply: Option<Arc<Reply>>,
    pub(super) decided: Option<Instant>,
    /// What was asked for as second factor, counted.
    pub(super) attempt: u32,
    /// The last of them is not decided.
    pub(super) is_asking: bool,
    /// What is shown while something must be typed.
    pub(super) shown: Option<Arc<Reply>>,
    /// The name that the device sent, which each of its packets repeats.
    pub(super) claimed: String,
    /// Of a login whose first factor is no password.
    pub(super) relayed: Relayed,
    /// How far it came, for the log.
    pub(super) stage: Stage,
    /// The factor that was asked for last.
    pub(super) factor: Option<&'static str>,
    /// The server's id of it.
    pub(super) txid: Option<String>,
    /// The groups that the first factor knows its owner in.
    pub(super) groups: Vec<Group>,
    /// Of one by EAP that ends here, until it is decided.
    pub(super) tunnel: Option<Box<Tunnelled>>,
    /// Whether the same login at another proxy may join this one: as here, and nothing was asked of the person in between.
    pub(super) joins: bool,
}

impl Engine {
    /// Notes when a login has something to do, whenever that has changed.
    pub(super) fn retime(&mut self, id: LoginId) {
        let running = self.running.get(&id).filter(|running| running.reply.is_none());
        self.timers.set(id, running.map(|running| running.fallback.map_or(running.ends, |at| at.min(running.ends))));
    }

    pub(super) fn forget(&mut self, id: LoginId) {
        let Some(running) = self.running.remove(&id) else { return };
        self.retime(id);
        self.undecided -= usize::from(running.reply.is_none());
        self.tunnels -= usize::from(running.tunnel.is_some());
        for key in [&running.key, &running.relayed.person].into_iter().flatten() {
            self.same.over(key, id);
        }
        for state in &running.states {
            self.challenges.remove(state);
        }
        if running.is_asking {
            self.out.push_back(Output::Cancel { login: id });
        }
        while self.decided.front().is_some_and(|first| !self.running.contains_key(first)) {
            self.decided.pop_front();
        }
    }

    /// A login was decided and its packets are answered: it is kept for others that are told the same, if any can come.
    pub(super) fn keep_or_forget(&mut self, id: LoginId) {
        let Some(running) = self.running.get(&id) else { return };
        if running.key.is_none() && running.relayed.person.is_none() && running.states.is_empty() {
            return self.forget(id);
        }
        self.decided.push_back(id);
    }

    /// Forgets the login that was decided before all others; false if all wait.
    pub(super) fn make_room(&mut self) -> bool {
        let Some(id) = self.decided.front().copied() else { return false };
        self.forget(id);
        true
    }
}
