//! What takes too long: silence of either side, half messages, answers that are not read, second factors.

use std::time::{Duration, Instant};

use cs_ldap::ResultCode;

use super::Session;
use crate::ldap::output::{What, Why};

/// A message must be whole within so long.
const WHOLE: Duration = Duration::from_secs(30);
/// Answers must be read within so long.
const READ: Duration = Duration::from_secs(60);
/// Whoever was never bound may be silent for so long.
const UNBOUND: Duration = Duration::from_secs(120);

impl Session {
    /// When [`Session::on_timeout`] has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        if self.is_over {
            return self.to_client.since().map(|since| since + READ);
        }
        self.deadlines().into_iter().flatten().map(|(when, _)| when).min()
    }

    /// Something has taken too long.
    pub fn on_timeout(&mut self, now: Instant) {
        if self.is_over {
            // The last word is not read either.
            if self.to_client.since().is_some_and(|since| since + READ <= now) {
                self.to_client.forget();
            }
            return;
        }
        if self.held.as_ref().is_some_and(|held| held.ends.is_some_and(|ends| ends <= now)) {
            self.too_late(now);
            return self.go_on(now);
        }
        let due = self.deadlines().into_iter().flatten().find(|(when, why)| *when <= now && why.is_some());
        match due.and_then(|(_, why)| why) {
            None => {}
            Some(Why::DirectorySilent) => self.directory_ended(Why::DirectorySilent, now),
            Some(Why::NotReading) => {
                self.tell(What::Ended(Why::NotReading));
                self.on_client_end(now);
            }
            Some(why) => self.end(why, ResultCode::Unavailable, "Nothing was heard for too long.", now),
        }
    }

    fn deadlines(&self) -> [Option<(Instant, Option<Why>)>; 5] {
        let after = |since: Option<Instant>, limit: Duration, why: Why| since.map(|since| (since + limit, Some(why)));
        let is_idle = self.held.is_none() && self.under_way.is_empty();
        let idle = if self.binds == 0 { UNBOUND.min(self.rules.idle_timeout) } else { self.rules.idle_timeout };
        [
            after(self.unanswered, self.rules.network_timeout, Why::DirectorySilent),
            after(self.to_client.since(), READ, Why::NotReading),
            after(self.cut.filter(|_| self.reads_client()), WHOLE, Why::Slow),
            after(Some(self.active).filter(|_| is_idle), idle, Why::Idle),
            self.held.as_ref().and_then(|held| held.ends).map(|ends| (ends, None)),
        ]
    }
}
