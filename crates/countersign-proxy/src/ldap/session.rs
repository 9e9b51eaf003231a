//! One application's connection: octets go in and come out; of what is between, binds alone are held.
//!
//! ```text
//! application ─► anything else ────────────────────────────────────────────► directory
//!             ─► bind ─► refused at once
//!                   └──► directory ─► no ─► passed on
//!                                └──► yes ─► exempt? ─► passed on
//!                                            └► whose entry? ─► the server ─► yes ─► passed on
//!                                                                        └──► no ─► invalidCredentials, and the connection to the directory is dropped
//! ```
//!
//! While a bind is held, whatever else the application sends waits (RFC 4511 §4.2.1). A denied bind leaves nobody bound: the directory, which had said yes, is left without a word.

use std::collections::{BTreeSet, VecDeque};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cs_ldap::{Malformed, Message, MessageId, Operation, ResultCode, check_depth, oid, response, tag};

use super::approvals::Approvals;
use super::binding::Account;
use super::output::{Event, Output, Told, What, Why};
use super::rules::Rules;
use super::stream::{Incoming, Outgoing};

mod held;

use held::Held;

/// The longest message of who was never bound (OpenLDAP's limit).
const LONGEST_UNBOUND: usize = (1 << 18) - 1;
/// The longest message of an application (Active Directory's limit).
const LONGEST: usize = 10 << 20;
/// The longest message of the directory.
const LONGEST_ANSWER: usize = 64 << 20;
/// Elements within one another: the deepest filter.
const DEEPEST: usize = 100;
/// As much waits to be sent before the other side is not read any more.
const FULL: usize = 1 << 20;
/// As much may wait behind a bind that is held.
const BEHIND_BIND: usize = 64 << 10;
/// Operations under way before the application is not read any more.
const MOST_UNDER_WAY: usize = 512;
/// A message must be whole within so long.
const WHOLE: Duration = Duration::from_secs(30);
/// Answers must be read within so long.
const READ: Duration = Duration::from_secs(60);
/// Whoever was never bound may be silent for so long.
const UNBOUND: Duration = Duration::from_secs(120);

/// Whether the application's side is in clear.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Security {
    Clear,
    /// StartTLS was answered; the handshake comes next.
    Beginning,
    Tls,
}

/// One application's connection.
pub struct Session {
    rules: Arc<Rules>,
    approvals: Arc<Mutex<Approvals>>,
    from: SocketAddr,
    security: Security,
    incoming: Incoming,
    answers: Incoming,
    to_client: Outgoing,
    to_backend: Outgoing,
    outputs: VecDeque<Output>,
    /// Whether there is a connection to the directory, or one is being made.
    is_connected: bool,
    /// Operations that the directory has not ended.
    under_way: BTreeSet<MessageId>,
    held: Option<Box<Held>>,
    logins: u32,
    /// Somebody is bound at the directory.
    is_bound: bool,
    /// Binds that the directory took.
    binds: u64,
    /// The first of them, where it needed no second factor: the application's own account, which may come back.
    primary: Option<Account>,
    /// Somebody was asked for a second factor.
    had_second_factor: bool,
    is_over: bool,
    active: Instant,
    /// Since when a message is not whole.
    cut: Option<Instant>,
    /// Since when the directory says nothing, while it should.
    unanswered: Option<Instant>,
}

impl Session {
    /// Of a connection that was taken, within TLS or not.
    pub fn new(
        rules: Arc<Rules>,
        approvals: Arc<Mutex<Approvals>>,
        from: SocketAddr,
        is_tls: bool,
        now: Instant,
    ) -> Self {
        Self {
            rules,
            approvals,
            from,
            security: if is_tls { Security::Tls } else { Security::Clear },
            incoming: Incoming::default(),
            answers: Incoming::default(),
            to_client: Outgoing::default(),
            to_backend: Outgoing::default(),
            outputs: VecDeque::new(),
            is_connected: false,
            under_way: BTreeSet::new(),
            held: None,
            logins: 0,
            is_bound: false,
            binds: 0,
            primary: None,
            had_second_factor: false,
            is_over: false,
            active: now,
            cut: None,
            unanswered: None,
        }
    }

    /// What is to be done outside next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.outputs.pop_front()
    }

    /// What is to be sent to the application.
    pub fn to_client(&self) -> &[u8] {
        self.to_client.waiting()
    }

    /// What is to be sent to the directory.
    pub fn to_backend(&self) -> &[u8] {
        self.to_backend.waiting()
    }

    /// So many octets went to the application.
    pub fn sent_to_client(&mut self, octets: usize, now: Instant) {
        self.to_client.sent(octets, now);
    }

    /// So many octets went to the directory.
    pub fn sent_to_backend(&mut self, octets: usize, now: Instant) {
        self.to_backend.sent(octets, now);
        self.go_on(now);
    }

    /// Whether the application is to be read.
    pub fn reads_client(&self) -> bool {
        let room = if self.held.is_some() { BEHIND_BIND } else { LONGEST };
        !self.is_over && self.security != Security::Beginning && self.incoming.len() < room && !self.is_full()
    }

    /// Whether the directory is to be read.
    pub fn reads_backend(&self) -> bool {
        !self.is_over && self.is_connected && self.to_client.waiting().len() < FULL
    }

    /// Whether TLS begins at the application's side as soon as what waits was sent.
    pub fn begins_tls(&self) -> bool {
        self.security == Security::Beginning && !self.is_over
    }

    /// Whether the connection ends as soon as what waits for the application was sent.
    pub fn is_over(&self) -> bool {
        self.is_over
    }

    /// Whether somebody waits for the second factor.
    pub fn waits(&self) -> bool {
        self.held.as_ref().is_some_and(|held| held.ends.is_some())
    }

    /// The application sent something.
    pub fn on_client(&mut self, octets: &[u8], now: Instant) {
        if self.is_over {
            return;
        }
        self.active = now;
        self.incoming.push(octets);
        self.go_on(now);
        if self.held.is_some() {
            self.look_behind(now);
        }
        let waits = self.incoming.len() > 0 && self.held.is_none();
        self.cut = self.cut.filter(|_| waits).or_else(|| waits.then_some(now));
    }

    /// The application hung up, or cannot be spoken to any more.
    pub fn on_client_end(&mut self, now: Instant) {
        self.withdraw(now);
        self.to_client.forget();
        self.over();
    }

    /// TLS has begun at the application's side.
    pub fn on_client_tls(&mut self, now: Instant) {
        self.security = Security::Tls;
        self.active = now;
    }

    /// The directory sent something.
    pub fn on_backend(&mut self, octets: &[u8], now: Instant) {
        if self.is_over || !self.is_connected {
            return;
        }
        self.active = now;
        self.unanswered = self.unanswered.map(|_| now);
        self.answers.push(octets);
        while !self.is_over && self.is_connected {
            match self.answers.next(LONGEST_ANSWER) {
                Ok(None) => break,
                Ok(Some(message)) => self.answer(&message, now),
                Err(_) => return self.directory_ended(Why::DirectoryConfused, now),
            }
        }
        self.go_on(now);
    }

    /// The directory hung up, or could not be connected to.
    pub fn on_backend_end(&mut self, now: Instant) {
        if self.is_connected {
            self.directory_ended(Why::DirectoryAway, now);
        }
    }

    /// Something outside has happened for a login; what is for an earlier one means nothing any more.
    pub fn on_event(&mut self, login: u32, event: Event, now: Instant) {
        self.happened(login, event, now);
        self.go_on(now);
    }

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

    fn is_full(&self) -> bool {
        self.to_backend.waiting().len() >= FULL || self.under_way.len() >= MOST_UNDER_WAY
    }

    /// Takes what the application has sent, as far as it may be worked on now.
    fn go_on(&mut self, now: Instant) {
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

    fn forward(&mut self, message: &[u8], now: Instant) {
        if !self.is_connected {
            self.is_connected = true;
            self.outputs.push_back(Output::Connect);
        }
        self.to_backend.push(message, now);
    }

    fn answer(&mut self, message: &[u8], now: Instant) {
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

    fn heard_enough(&mut self) {
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

    fn directory_ended(&mut self, why: Why, now: Instant) {
        self.is_connected = false;
        self.outputs.push_back(Output::Disconnect);
        self.answers.forget();
        self.to_backend.forget();
        // A directory that hangs up on nobody is connected to anew when it is needed.
        let was_needed =
            self.held.is_some() || !self.under_way.is_empty() || self.is_bound || why != Why::DirectoryAway;
        self.under_way.clear();
        self.unanswered = None;
        if was_needed {
            self.end(why, ResultCode::Unavailable, "The directory cannot be reached now. Try again in a minute.", now);
        }
    }

    fn malformed(&mut self, error: Malformed, now: Instant) {
        self.tell(What::Malformed(error));
        self.withdraw(now);
        let notice = response::notice_of_disconnection(ResultCode::ProtocolError, &error.to_string());
        self.to_client.push(&notice, now);
        self.over();
    }

    /// Hangs up with a last word (RFC 4511 §4.4.1); a bind that is held is answered before.
    fn end(&mut self, why: Why, code: ResultCode, text: &str, now: Instant) {
        if let Some(id) = self.held.as_ref().map(|held| held.id) {
            self.to_client.push(&response::bind_response(id, code, text), now);
            self.withdraw(now);
        }
        self.tell(What::Ended(why));
        self.to_client.push(&response::notice_of_disconnection(code, text), now);
        self.over();
    }

    fn over(&mut self) {
        self.is_over = true;
        self.incoming.forget();
    }

    fn tell(&mut self, what: What) {
        self.outputs.push_back(Output::Told(Told { from: self.from, what }));
    }
}
