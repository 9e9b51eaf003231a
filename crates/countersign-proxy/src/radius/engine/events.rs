//! What happens to a login outside, and with time.

use std::sync::Arc;
use std::time::Instant;

use super::super::login::{Auth, Event, Outage, Primary, Wish};
use super::super::output::{KeptOut, LoginId, Output, Stage, Told};
use super::super::verdict::PrimaryReply;
use super::Engine;
use crate::directory::Group;

impl Engine {
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
            running.relayed.learn_user(Arc::make_mut(&mut running.request), &reply);
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

    /// How the directory that is about to say that the first factor is right spells whose it is: the second factor is that person's, and not that of a name which the
    /// server takes for another one.
    pub fn on_spelled(&mut self, id: LoginId, user: &str) {
        if let Some(running) = self.running.get_mut(&id) {
            user.clone_into(&mut Arc::make_mut(&mut running.request).user);
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
        while let Some(id) = self.decided.front().copied() {
            match self.running.get(&id) {
                Some(running) if running.ends > now => break,
                Some(_) => self.forget(id),
                None => drop(self.decided.pop_front()),
            }
        }
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
