//! What the engine wants done outside, and what it tells.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use zeroize::Zeroizing;

use super::dacl::Download;
use super::login::{AcceptedBy, Wanted};
use super::proof::Relay;
use super::request::Request;
use super::section::Dropped;

/// Names a login between engine and whoever carries out its wishes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LoginId(pub(super) u64);

/// What is to be done outside.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Output {
    /// Send a packet.
    Send {
        /// From this socket.
        socket: usize,
        /// To this device.
        to: SocketAddr,
        /// The packet.
        octets: Vec<u8>,
    },
    /// Have the first factor checked by a client section.
    Primary {
        /// For this login.
        login: LoginId,
        /// By the section at this place.
        section: usize,
        /// What the device sent.
        request: Arc<Request>,
        /// What to check.
        password: Zeroizing<String>,
    },
    /// Have what is no password, or an answer to what another server asked, checked by a client section.
    Relay {
        /// For this login.
        login: LoginId,
        /// By the section at this place.
        section: usize,
        /// What the device sent.
        request: Arc<Request>,
        /// What to check.
        relay: Relay,
    },
    /// Ask the server what the person needs.
    Preauth {
        /// For this login.
        login: LoginId,
        /// As the application of this section.
        section: usize,
        /// Who, and from where.
        request: Arc<Request>,
        /// With a menu.
        menu: bool,
    },
    /// Ask the server for the second factor.
    Auth {
        /// For this login.
        login: LoginId,
        /// As the application of this section.
        section: usize,
        /// Who, and from where.
        request: Arc<Request>,
        /// Which factor.
        wanted: Wanted,
        /// Of this login; an answer to an earlier one means nothing any more.
        attempt: u32,
        /// What every proxy of the application calls the login, if another one may join it.
        name: Option<String>,
    },
    /// Check a code for outages, and tell what came of it.
    Code {
        /// For this login.
        login: LoginId,
        /// For the application of this section.
        section: usize,
        /// Who, and from where.
        request: Arc<Request>,
        /// As it was typed.
        typed: Zeroizing<String>,
    },
    /// Nobody waits for this login any more: withdraw its push.
    Cancel {
        /// The login.
        login: LoginId,
    },
    /// Somebody is let in; the answer comes next.
    Admitted(Box<Admitted>),
    /// A device asks for an access list.
    Download(Box<Download>),
    /// Something for the log of logins.
    Told(Told),
}

/// Somebody who was let in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Admitted {
    /// By this section.
    pub section: usize,
    /// Through a device of this entry.
    pub device: usize,
    /// Who, and from where.
    pub request: Arc<Request>,
    /// What the server behind said that the device is told.
    pub attributes: Vec<(u8, Vec<u8>)>,
    /// Which host of the client section said it.
    pub host: Option<usize>,
}

/// A line for the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Told {
    /// A packet was dropped.
    Dropped(SocketAddr, Dropped),
    /// The first factor of a login is right.
    FirstFactor {
        /// The section's number.
        section: usize,
        /// Who, and from where.
        request: Arc<Request>,
        /// Since its first packet.
        took: Duration,
    },
    /// A login came to its end, or to a challenge.
    Login {
        /// The section's number.
        section: usize,
        /// Who, and from where.
        request: Arc<Request>,
        /// How.
        outcome: Outcome,
        /// How far it came.
        stage: Stage,
        /// Which factor was asked for: a word, never a code.
        factor: Option<&'static str>,
        /// The server's id of it, if it waited for a person.
        txid: Option<String>,
        /// Since its first packet.
        took: Duration,
        /// How many packets it had.
        packets: usize,
        /// Why the first factor kept somebody out, where it is known.
        kept_out: Option<KeptOut>,
    },
}

/// Why a first factor kept somebody out: for the log, not for the person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum KeptOut {
    /// It was refused.
    Refused(&'static str),
    /// Nobody could be asked.
    NotAsked(String),
}

/// How far a login came.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Stage {
    /// The first factor decided.
    First,
    /// The first factor could not be checked.
    FirstFailed,
    /// The second factor decided.
    Second,
    /// The server could not be asked for the second.
    SecondFailed,
}

/// How a login stands when it is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Outcome {
    /// In.
    Accepted(AcceptedBy),
    /// Out, with what the person was told.
    Rejected(Option<String>),
    /// Something must be typed.
    Challenged,
}
