//! The second factor of a bind, which can ask for nothing: LDAP has no way to.

use std::time::Instant;

use super::{Held, Stage};
use crate::ldap::output::{Outcome, Output};
use crate::ldap::session::Session;
use crate::radius::login::{AcceptedBy, Login, Wish};
use crate::radius::request::Request;

impl Session {
    pub(super) fn ask_server(&mut self, mut held: Box<Held>, now: Instant) {
        let (second, wish) = Login::after_primary(self.rules.mode.clone(), self.rules.failmode, held.typed.take());
        held.stage = Stage::Second(Box::new(second));
        self.had_second_factor = true;
        self.wished(held, Some(wish), now);
    }

    pub(super) fn wished(&mut self, held: Box<Held>, wish: Option<Wish>, now: Instant) {
        let login = held.login;
        let username = held.person.as_ref().map(|person| person.username.clone()).unwrap_or_default();
        let request = || Box::new(Request::of_application(&username, self.from));
        let output = match wish {
            Some(Wish::Preauth { .. }) => Output::Preauth { login, request: request() },
            Some(Wish::Auth(wanted)) => Output::Auth { login, request: request(), wanted },
            Some(Wish::Code { typed }) => Output::Code { login, request: request(), typed },
            Some(Wish::Accept { why, .. }) => return self.pass(held, outcome(why), now),
            Some(Wish::Reject { text }) => return self.deny(held, text.unwrap_or_else(|| "Denied.".to_owned()), now),
            Some(Wish::Challenge { text }) => {
                let text = self.how_to_type(&held, &text);
                return self.deny(held, text, now);
            }
            // Of first factors, which are not asked about here.
            Some(
                Wish::Primary { .. }
                | Wish::Relay(_)
                | Wish::Tunnel(_)
                | Wish::AskOn { .. }
                | Wish::PassOnRefusal { .. },
            )
            | None => {
                self.held = Some(held);
                return;
            }
        };
        self.outputs.push_back(output);
        self.held = Some(held);
    }

    /// What whoever should have typed something hears in the place of a question.
    fn how_to_type(&self, held: &Held, question: &str) -> String {
        match (&self.rules.append, &held.outage_group) {
            (Some(append), Some(group)) => format!(
                "The login service cannot be reached. Type your password, then {:?} and the code for outages of {group:?} from your authenticator.",
                append.delimiter
            ),
            (Some(append), None) => {
                let question = question.trim_end_matches("Enter passcode:").trim_end();
                format!("{question} Type your password, then {:?} and a passcode.", append.delimiter)
                    .trim_start()
                    .to_owned()
            }
            (None, Some(_)) => "The login service cannot be reached, and no code can be typed here.".to_owned(),
            (None, None) => "None of your devices can be used here.".to_owned(),
        }
    }
}

fn outcome(why: AcceptedBy) -> Outcome {
    match why {
        AcceptedBy::Server => Outcome::Approved,
        AcceptedBy::Exemption => Outcome::ExemptOu,
        AcceptedBy::FailSafe => Outcome::FailSafe,
        AcceptedBy::OutageCode => Outcome::OutageCode,
        AcceptedBy::Emergency => Outcome::Emergency,
    }
}
