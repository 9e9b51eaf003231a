//! RADIUS logins without sockets, clock or threads: packets and answers go in, packets and questions come out.
//!
//! One login is one push, however often its packets come: see [`seen`](super::seen) for the same packet, [`same`](super::same) for the same login in another packet.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use zeroize::Zeroizing;

use super::Random;
use super::output::{LoginId, Output};
use super::same::Same;
use super::section::Section;
use super::sections::Sections;
use super::seen::Packets;
use super::timers::Timers;

mod events;
mod intake;
mod logins;
mod relayed;
mod running;
mod tunnelled;
mod wishes;

pub use intake::Taken;
use running::Running;

/// A challenge can be answered for so long.
const CHALLENGE_LIFE: Duration = Duration::from_secs(300);
/// What was decided is told again for so long to other packets of the same login, as a device sends them that has lost patience.
const GRACE: Duration = Duration::from_secs(10);
/// What was decided is told again for so long to other packets with the answer to the same challenge.
const KEPT: Duration = Duration::from_secs(30);
/// No more logins than this are known at a time. Beyond, those that were decided are forgotten, the oldest first; when none is left, packets are dropped, and come again.
const MOST: usize = 50_000;

/// All logins of a proxy.
pub struct Engine {
    sections: Sections,
    /// Which sections a socket serves.
    sockets: Vec<Vec<usize>>,
    packets: Packets,
    running: HashMap<LoginId, Running>,
    /// When each of them has something to do, until it is decided.
    timers: Timers<LoginId>,
    /// Those that were decided and are known still, in the order in which they are forgotten. The first of them is known.
    decided: VecDeque<LoginId>,
    /// [`MOST`]
    most: usize,
    /// How many of them are not decided.
    undecided: usize,
    /// How many of them speak TLS.
    tunnels: usize,
    same: Same,
    /// States of challenges, those that were answered included.
    challenges: HashMap<Vec<u8>, LoginId>,
    out: VecDeque<Output>,
    next: u64,
    random: Random,
}

impl Engine {
    /// For sections, and which of them each socket serves. `random` fills octets that nobody can guess.
    pub fn new(sections: Vec<Section>, sockets: Vec<Vec<usize>>, mut random: Random) -> Self {
        let mut secret = Zeroizing::new([0; 32]);
        random(&mut *secret);
        Self {
            sections: Sections::new(sections),
            sockets,
            packets: Packets::default(),
            running: HashMap::new(),
            timers: Timers::default(),
            decided: VecDeque::new(),
            most: MOST,
            undecided: 0,
            tunnels: 0,
            same: Same::new(secret),
            challenges: HashMap::new(),
            out: VecDeque::new(),
            next: 0,
            random,
        }
    }

    /// What is to be done next.
    pub fn poll_output(&mut self) -> Option<Output> {
        self.out.pop_front()
    }

    /// When [`on_timeout`](Self::on_timeout) has something to do.
    pub fn poll_timeout(&self) -> Option<Instant> {
        let decided = self.decided.front().and_then(|id| self.running.get(id)).map(|running| running.ends);
        self.timers.first().into_iter().chain(decided).min()
    }

    /// How many logins wait for something.
    pub fn waiting(&self) -> usize {
        self.undecided
    }

    /// Serves other sections from now on, and says which of them each socket serves; `sockets` count from the first of these. Logins under way end by the sections they
    /// began with. Returns the number of the first: sections are numbered on.
    pub fn replace(&mut self, sections: Vec<Section>, sockets: Vec<Vec<usize>>) -> usize {
        let first = self.sections.replace(sections);
        self.sockets = sockets.into_iter().map(|served| served.into_iter().map(|at| first + at).collect()).collect();
        first
    }

    /// The number of the first section of the next configuration.
    pub fn next_section(&self) -> usize {
        self.sections.next()
    }

    /// The lowest number of a section that some login began with. This looks at every login.
    pub fn oldest_section(&self) -> Option<usize> {
        self.running.values().map(|running| running.section).min()
    }

    /// Forgets sections with smaller numbers that serve no more.
    pub fn forget_sections_before(&mut self, number: usize) {
        self.sections.forget_before(number);
    }
}

#[cfg(test)]
pub(crate) mod tests;
