//! How a connection ends, and the one to the directory behind it.

use std::time::Instant;

use cs_ldap::{Malformed, ResultCode, response};

use super::Session;
use crate::ldap::output::{Output, What, Why};

impl Session {
    /// Drops the connection to the directory: whoever is bound there is nobody from now on.
    pub(super) fn leave_directory(&mut self) {
        self.is_bound = false;
        self.under_way.clear();
        self.unanswered = None;
        self.answers.forget();
        self.to_backend.forget();
        if self.is_connected {
            self.is_connected = false;
            self.outputs.push_back(Output::Disconnect);
        }
    }

    /// The directory is away, or of no use.
    pub(super) fn directory_ended(&mut self, why: Why, now: Instant) {
        // A directory that hangs up on nobody is connected to anew when it is needed.
        let was_needed =
            self.held.is_some() || !self.under_way.is_empty() || self.is_bound || why != Why::DirectoryAway;
        self.leave_directory();
        if was_needed {
            self.end(why, ResultCode::Unavailable, "The directory cannot be reached now. Try again in a minute.", now);
        }
    }

    pub(super) fn malformed(&mut self, error: Malformed, now: Instant) {
        self.tell(What::Malformed(error));
        self.withdraw(now);
        let notice = response::notice_of_disconnection(ResultCode::ProtocolError, &error.to_string());
        self.to_client.push(&notice, now);
        self.over();
    }

    /// Hangs up with a last word (RFC 4511 §4.4.1); a bind that is held is answered before.
    pub(super) fn end(&mut self, why: Why, code: ResultCode, text: &str, now: Instant) {
        if let Some(id) = self.held.as_ref().map(|held| held.id) {
            self.to_client.push(&response::bind_response(id, code, text), now);
            self.withdraw(now);
        }
        self.tell(What::Ended(why));
        self.to_client.push(&response::notice_of_disconnection(code, text), now);
        self.over();
    }

    pub(super) fn over(&mut self) {
        self.is_over = true;
        self.incoming.forget();
    }
}
