//! What is relayed: requests to the directory, answers to the application. Binds are held, and some requests are answered here.

use std::time::Instant;

use cs_ldap::{Malformed, Message, MessageId, Operation, ResultCode, check_depth, oid, response, tag};

use super::{DEEPEST, FULL, LONGEST, LONGEST_UNBOUND, MOST_UNDER_WAY, Security, Session};
use crate::ldap::output::{Output, Why};

impl Session {
    pub(super) fn is_full(&self) -> bool {
        self.to_backend.waiting().len() >= FULL || self.under_way.len() >= MOST_UNDER_WAY
    }

    /// Takes what the application has sent, as far as it may be worked on now.
    pub(super) fn go_on(&mut self, now: Instant) {
        while !self.is_over && self.held.is_none() && self.security != Security::Beginning && !self.is_full() {
            let limit = if self.binds == 0 { LONGEST_UNBOUND } else { LONGEST };
            let taken = self.incoming.next(limit).and_then(|message| match message {
                None => Ok(false),
                Some(message) => self.request(&message, now).map(|()| true),
            });
            match taken {
                Ok(true) => self.cut = None,
                Ok(false) => return,
                Err(error) => return self.malformed(error, now),
            }
        }
    }

    fn request(&mut self, message: &[u8], now: Instant) -> Result<(), Malformed> {
        let (id, kind) = Message::head(message)?;
        if id == MessageId::UNSOLICITED {
            return Err(Malformed::MessageId);
        }
        check_depth(message, DEEPEST)?;
        match kind {
            tag::BIND_REQUEST => self.bind(Message::parse(message)?, now),
            tag::UNBIND_REQUEST => {
                if self.is_connected {
                    self.to_backend.push(message, now);
                }
                self.over();
            }
            tag::ABANDON_REQUEST => {
                if let Operation::AbandonRequest(abandoned) = Message::parse(message)?.operation {
                    self.under_way.remove(&abandoned);
                    self.forward(message, now);
                    self.heard_enough();
                }
            }
            tag::EXTENDED_REQUEST => match Message::parse(message)?.operation {
                Operation::ExtendedRequest(asked) if asked.name == oid::START_TLS => self.start_tls(id, now),
                // Either could make somebody pass for known of whom nobody was asked.
                Operation::ExtendedRequest(asked) if [oid::VERIFY_CREDENTIALS, oid::TURN].contains(&asked.name) => {
                    let text = "This operation is not passed on: use a bind.";
                    let answer = response::extended_response(id, ResultCode::UnwillingToPerform, text, None);
                    self.to_client.push(&answer, now);
                }
                _ => self.ask(id, message, now),
            },
            _ => self.ask(id, message, now),
        }
        Ok(())
    }

    /// Passes on what will be answered.
    fn ask(&mut self, id: MessageId, message: &[u8], now: Instant) {
        self.under_way.insert(id);
        self.unanswered.get_or_insert(now);
        self.forward(message, now);
    }

    pub(super) fn forward(&mut self, message: &[u8], now: Instant) {
        if !self.is_connected {
            self.is_connected = true;
            self.outputs.push_back(Output::Connect);
        }
        self.to_backend.push(message, now);
    }

    pub(super) fn answer(&mut self, message: &[u8], now: Instant) {
        let Ok((id, kind)) = Message::head(message) else {
            return self.directory_ended(Why::DirectoryConfused, now);
        };
        match kind {
            tag::BIND_RESPONSE => return self.bind_answered(id, message, now),
            tag::EXTENDED_RESPONSE if self.is_told_who(id, message) => return,
            tag::SEARCH_RESULT_ENTRY | tag::SEARCH_RESULT_REFERENCE | tag::INTERMEDIATE_RESPONSE => {}
            _ => drop(self.under_way.remove(&id)),
        }
        self.heard_enough();
        self.to_client.push(message, now);
    }

    pub(super) fn heard_enough(&mut self) {
        let waits_for_bind = self.held.as_ref().is_some_and(|held| held.is_asked());
        if self.under_way.is_empty() && !waits_for_bind {
            self.unanswered = None;
        }
    }

    /// RFC 4511 §4.14.
    fn start_tls(&mut self, id: MessageId, now: Instant) {
        let (code, text) = if !self.rules.has_tls {
            (ResultCode::ProtocolError, "There is no certificate for TLS here.")
        } else if self.security != Security::Clear {
            (ResultCode::OperationsError, "TLS is spoken already.")
        } else if !self.under_way.is_empty() {
            (ResultCode::OperationsError, "Other operations must end before.")
        } else if self.incoming.len() > 0 {
            // Whoever is on the way could have put it there, to be taken as if it had come within TLS.
            return self.end(
                Why::ClearBehindStartTls,
                ResultCode::ProtocolError,
                "Wait for the answer to StartTLS.",
                now,
            );
        } else {
            self.security = Security::Beginning;
            (ResultCode::Success, "")
        };
        self.to_client.push(&response::extended_response(id, code, text, Some(oid::START_TLS)), now);
    }
}
