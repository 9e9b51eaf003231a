//! What a session wants done outside, what it hears of it, and what it tells.

use std::net::SocketAddr;
use std::time::Duration;

use cs_ldap::{Malformed, ResultCode};

use zeroize::Zeroizing;

use crate::radius::login::{Event as LoginEvent, Wanted};
use crate::radius::request::Request;

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Connect to the directory. What waits for it is sent as soon as that has worked.
    Connect,
    /// Drop the connection to the directory, and with it who is bound there.
    Disconnect,
    /// Find the entry that a bind is about.
    LookUp {
        /// Of this login.
        login: u32,
        /// By what.
        by: LookUp,
    },
    /// Ask the server what the person needs.
    Preauth {
        /// Of this login.
        login: u32,
        /// Who.
        request: Box<Request>,
    },
    /// Ask the server for the second factor.
    Auth {
        /// Of this login.
        login: u32,
        /// Who.
        request: Box<Request>,
        /// Which factor.
        wanted: Wanted,
    },
    /// Have a code for outages checked.
    Code {
        /// Of this login.
        login: u32,
        /// Who.
        request: Box<Request>,
        /// As it was typed.
        typed: Zeroizing<String>,
    },
    /// Nobody waits for this login any more: withdraw its push.
    Cancel {
        /// The login.
        login: u32,
    },
    /// Something for the log.
    Told(Told),
}

/// What is known of an entry that is looked for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum LookUp {
    /// Its distinguished name.
    Dn(String),
    /// A name as people type it: `alice`, `alice@example.org`, `EXAMPLE\alice`.
    Name(String),
}

/// What came of something outside, for a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Event {
    /// The entry of a bind.
    Found(Result<Person, NotFound>),
    /// Something about its second factor.
    Second(LoginEvent),
}

/// The entry of a person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Person {
    /// Its distinguished name.
    pub dn: String,
    /// What the server knows the person by: `username_attribute`.
    pub username: String,
}

/// Why there is no entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotFound {
    /// Nobody is called so, several are, or who is may not log in here (`ldap_filter`, `security_group_dn`).
    Nobody,
    /// The directory could not be asked.
    Away,
}

/// A line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Told {
    /// The application.
    pub from: SocketAddr,
    /// What happened.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum What {
    /// A login came to its end.
    Login {
        /// The name of the bind.
        name: String,
        /// What the server knows the person by, where that was found out.
        username: Option<String>,
        /// How.
        outcome: Outcome,
        /// Since the bind came.
        took: Duration,
    },
    /// The connection was ended since what came was no LDAP, or more than is taken.
    Malformed(Malformed),
    /// The connection was ended.
    Ended(Why),
}

/// How a login ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// In: both factors, or the server asked for none.
    Approved,
    /// In: approved a moment ago.
    Reused,
    /// In without a second factor: `exempt_ou_N`.
    ExemptOu,
    /// In without a second factor: `exempt_primary_bind`.
    ExemptPrimary,
    /// In without a second factor: the server cannot be asked and the section says `failmode=safe`.
    FailSafe,
    /// In: the server cannot be asked, the section says `failmode=offline`, and a code for outages is right.
    OutageCode,
    /// In without a second factor: an Owner gave leave.
    Emergency,
    /// The directory said no.
    RefusedByDirectory(ResultCode),
    /// Out, with what was answered.
    Denied(String),
    /// The application went away first.
    Withdrawn,
}

/// Why a connection was ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Why {
    /// The directory is away, or hung up.
    DirectoryAway,
    /// The directory says nothing for `network_timeout`.
    DirectorySilent,
    /// The directory sends what is no answer to anything.
    DirectoryConfused,
    /// Nothing came for `idle_timeout`, or for two minutes from who was never bound.
    Idle,
    /// A message did not become whole.
    Slow,
    /// Answers are not read.
    NotReading,
    /// Something came in clear behind a request for TLS.
    ClearBehindStartTls,
    /// A bind after a login, which `allow_unlimited_binds=false` does not allow.
    AnotherBind,
}
