//! How a bind that is held ends: passed on, denied, given up or refused at once.

use std::time::{Duration, Instant};

use cs_ldap::{Message, MessageId, Operation, ResultCode, response};

use super::{Held, Stage};
use crate::ldap::binding::Refused;
use crate::ldap::output::{Outcome, Output, What};
use crate::ldap::session::{LONGEST, Session};

/// What an application does not want any more.
enum GivenUp {
    Connection,
    Bind,
}

impl Session {
    /// What the directory said goes to the application.
    pub(super) fn pass(&mut self, held: Box<Held>, outcome: Outcome, now: Instant) {
        self.binds += 1;
        self.is_bound = true;
        self.to_client.push(&held.answer, now);
        if held.is_waiting {
            // What was let in without a second factor is no approval.
            let is_approved = matches!(outcome, Outcome::Approved | Outcome::OutageCode);
            self.approvals().ended(held.fingerprint, is_approved, now);
        }
        let was_asked = matches!(held.stage, Stage::Second(_));
        self.told(&held, outcome, now);
        self.end_after_login(was_asked);
    }

    /// The directory has said yes, and it is a no. Nobody may stay bound: the connection is dropped.
    pub(super) fn deny(&mut self, held: Box<Held>, text: String, now: Instant) {
        let answer = response::bind_response(held.id, ResultCode::InvalidCredentials, &text);
        self.to_client.push(&answer, now);
        if held.is_waiting {
            self.approvals().ended(held.fingerprint, false, now);
        }
        self.leave_directory();
        let was_asked = matches!(held.stage, Stage::Second(_));
        self.told(&held, Outcome::Denied(text), now);
        self.end_after_login(was_asked);
    }

    fn end_after_login(&mut self, was_asked: bool) {
        if was_asked && !self.rules.allow_searches_after_bind {
            self.over();
        }
    }

    /// The server has not decided in time.
    pub(in crate::ldap::session) fn too_late(&mut self, now: Instant) {
        let Some(held) = self.held.take() else { return };
        self.cancel(&held);
        self.deny(held, "There was no answer in time. Log in again.".to_owned(), now);
    }

    /// The bind that is held is not waited for any more.
    pub(in crate::ldap::session) fn withdraw(&mut self, now: Instant) {
        let Some(held) = self.held.take() else { return };
        self.cancel(&held);
        if held.is_waiting {
            self.approvals().ended(held.fingerprint, false, now);
        }
        self.leave_directory();
        self.told(&held, Outcome::Withdrawn, now);
    }

    fn cancel(&mut self, held: &Held) {
        if matches!(held.stage, Stage::Second(_)) {
            self.outputs.push_back(Output::Cancel { login: held.login });
        }
    }

    /// Looks for the end of what waits behind a bind: an application that unbinds, or abandons the bind, waits for it no longer.
    pub(in crate::ldap::session) fn look_behind(&mut self, now: Instant) {
        let Some(id) = self.held.as_ref().map(|held| held.id) else { return };
        let given_up =
            self.incoming.waiting(LONGEST).find_map(|message| match Message::parse(message).ok()?.operation {
                Operation::UnbindRequest => Some(GivenUp::Connection),
                Operation::AbandonRequest(abandoned) if abandoned == id => Some(GivenUp::Bind),
                _ => None,
            });
        match given_up {
            Some(GivenUp::Connection) => {
                self.withdraw(now);
                self.over();
            }
            Some(GivenUp::Bind) => {
                self.withdraw(now);
                let text = "The login was given up.";
                self.to_client.push(&response::bind_response(id, ResultCode::InvalidCredentials, text), now);
                self.go_on(now);
            }
            None => {}
        }
    }

    /// Answers a bind that nobody is asked about.
    pub(super) fn refuse(&mut self, id: MessageId, name: String, Refused(code, text): Refused, now: Instant) {
        // Whoever was bound is nobody now, whatever the answer.
        self.leave_directory();
        self.to_client.push(&response::bind_response(id, code, text), now);
        let took = Duration::ZERO;
        self.tell(What::Login { name, username: None, outcome: Outcome::Denied(text.to_owned()), took });
    }

    /// Tells the log.
    pub(super) fn told(&mut self, held: &Held, outcome: Outcome, now: Instant) {
        let username = held.person.as_ref().map(|person| person.username.clone());
        let took = now.saturating_duration_since(held.began);
        self.tell(What::Login { name: held.binding.name.clone(), username, outcome, took });
    }
}
