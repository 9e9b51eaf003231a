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
use std::time::Instant;

use cs_ldap::MessageId;

use super::approvals::Approvals;
use super::binding::Account;
use super::output::{Event, Output, Told, What, Why};
use super::rules::Rules;
use super::stream::{Incoming, Outgoing};

mod deadlines;
mod end;
mod held;
mod relay;

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

    fn tell(&mut self, what: What) {
        self.outputs.push_back(Output::Told(Told { from: self.from, what }));
    }
}
