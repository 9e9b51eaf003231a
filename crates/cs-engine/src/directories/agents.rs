//! Proxies that are connected to this node, and what is asked of them. No sockets: whoever has one takes a [`Seat`].

use std::collections::HashMap;
use std::fmt;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use cs_core::directory::{Told, ToldGroup};
use cs_core::id::{AccountId, DirectoryKey};
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::mpsc;
use zeroize::Zeroizing;

use super::AttributeNames;

/// The most proxies of one directory at one node.
const PER_DIRECTORY: usize = 16;
/// The most proxies of one node.
const PER_NODE: usize = 1024;
/// Orders that a proxy may leave unread before it counts as gone.
const ORDERS: usize = 256;
/// Reports that wait to be looked at; then the channel is read no further.
const REPORTS: usize = 4;

/// What a proxy says of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentInfo {
    /// What it calls itself.
    pub proxy: String,
    /// The host it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// The section of its file.
    pub section: String,
    /// What directory is behind it, for people.
    pub directory: String,
    /// Whether it checks passwords.
    pub first_factor: bool,
    /// Where it is connected from.
    pub address: String,
}

/// What a proxy is told.
pub enum Order {
    /// Read people.
    Read {
        /// Told from others of the channel by this.
        id: u64,
        /// Whom.
        question: Question,
    },
    /// Check a password.
    Check {
        /// Told from others of the channel by this.
        id: u64,
        /// Whose.
        username: String,
        /// What was typed.
        password: Zeroizing<String>,
    },
    /// Nobody waits any more.
    Cancel {
        /// For what.
        id: u64,
    },
}

impl fmt::Debug for Order {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Read { id, .. } => write!(f, "Read({id})"),
            Self::Check { id, .. } => write!(f, "Check({id})"),
            Self::Cancel { id } => write!(f, "Cancel({id})"),
        }
    }
}

/// Whom to read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Question {
    /// Members of these groups.
    pub groups: Vec<String>,
    /// Of them only the one of this name.
    pub only: Option<String>,
    /// Which attribute holds what.
    pub attributes: AttributeNames,
}

/// What a proxy reports.
#[derive(Debug)]
pub enum Report {
    /// Some of the people.
    People {
        /// Of which order.
        id: u64,
        /// They.
        people: Vec<Told>,
    },
    /// All were told.
    Done {
        /// Of which order.
        id: u64,
        /// The groups that were asked for, in that order.
        groups: Vec<ToldGroup>,
        /// How many people it told.
        count: u64,
    },
    /// It could not.
    Failed {
        /// Of which order.
        id: u64,
        /// Why.
        trouble: Trouble,
        /// The same for people.
        words: String,
    },
    /// What became of a password.
    Checked {
        /// Of which order.
        id: u64,
        /// That.
        verdict: Verdict,
    },
}

impl Report {
    const fn id(&self) -> u64 {
        match self {
            Self::People { id, .. } | Self::Done { id, .. } | Self::Failed { id, .. } | Self::Checked { id, .. } => *id,
        }
    }
}

/// Why people could not be read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trouble {
    /// No host of the directory answers.
    Unreachable,
    /// It refuses the service account.
    Refused,
    /// It gave what cannot be understood.
    Directory,
    /// The proxy is not set up for this.
    Proxy,
}

impl Trouble {
    /// A word for programs.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::Refused => "refused",
            Self::Directory => "directory",
            Self::Proxy => "proxy",
        }
    }
}

/// What became of a password.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It is the person's.
    Right {
        /// Who that is.
        key: String,
        /// Where in the directory.
        dn: String,
    },
    /// It is not, or the person may not enter.
    Wrong {
        /// For the log.
        reason: String,
    },
    /// Nobody could tell.
    Unknown {
        /// For administrators.
        words: String,
    },
}

/// The proxies.
#[derive(Default, Clone)]
pub struct Agents(Arc<Mutex<HashMap<Place, Vec<Arc<Agent>>>>>);

/// A directory of an account.
type Place = (AccountId, DirectoryKey);

/// A proxy that is connected to this node.
#[derive(Debug, Clone)]
pub struct Connected {
    /// This channel among all that ever were.
    pub id: String,
    /// What it says of itself.
    pub info: AgentInfo,
    /// Since when.
    pub since: Timestamp,
}

pub(super) struct Agent {
    connected: Connected,
    orders: mpsc::Sender<Order>,
    next: AtomicU64,
    waiting: Mutex<HashMap<u64, mpsc::Sender<Report>>>,
}

impl Agents {
    /// Takes in a proxy, until its seat is dropped; `None` if there are too many.
    pub fn sit(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        id: String,
        info: AgentInfo,
        now: Timestamp,
    ) -> Option<Seat> {
        let mut all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let there: usize = all.values().map(Vec::len).sum();
        let of_directory = all.entry((account, directory)).or_default();
        if there >= PER_NODE || of_directory.len() >= PER_DIRECTORY {
            return None;
        }
        let (sender, orders) = mpsc::channel(ORDERS);
        let agent = Arc::new(Agent {
            connected: Connected { id, info, since: now },
            orders: sender,
            next: AtomicU64::new(1),
            waiting: Mutex::default(),
        });
        of_directory.push(Arc::clone(&agent));
        Some(Seat { agents: self.clone(), place: (account, directory), agent, orders })
    }

    /// The proxies of a directory, those first that were first there.
    pub fn of(&self, account: AccountId, directory: DirectoryKey) -> Vec<Connected> {
        self.list(account, directory).iter().map(|agent| agent.connected.clone()).collect()
    }

    /// How many proxies there are of each directory.
    pub fn counts(&self) -> Vec<(Place, usize)> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.iter().map(|(place, agents)| (*place, agents.len())).collect()
    }

    pub(super) fn list(&self, account: AccountId, directory: DirectoryKey) -> Vec<Arc<Agent>> {
        let all = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        all.get(&(account, directory)).cloned().unwrap_or_default()
    }
}

impl Agent {
    pub(super) fn info(&self) -> &AgentInfo {
        &self.connected.info
    }

    /// Gives the proxy an order; `None` if it is gone, or takes none any more.
    pub(super) fn order(self: &Arc<Self>, order: impl FnOnce(u64) -> Order) -> Option<Asked> {
        let id = self.next.fetch_add(1, Ordering::Relaxed);
        let (sender, reports) = mpsc::channel(REPORTS);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, sender);
        let asked = Asked { agent: Arc::clone(self), id, reports, is_over: false };
        self.orders.try_send(order(id)).ok().map(|()| asked)
    }
}

/// An order that is under way. Dropped before it is over, it is called off.
pub(super) struct Asked {
    agent: Arc<Agent>,
    id: u64,
    reports: mpsc::Receiver<Report>,
    is_over: bool,
}

impl Asked {
    /// What the proxy says next; `None` once it is gone.
    pub(super) async fn next(&mut self) -> Option<Report> {
        let report = self.reports.recv().await;
        self.is_over = !matches!(report, Some(Report::People { .. }));
        report
    }
}

impl Drop for Asked {
    fn drop(&mut self) {
        self.agent.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.id);
        if !self.is_over {
            // A proxy that takes no orders is not going to hear of this one.
            let _ = self.agent.orders.try_send(Order::Cancel { id: self.id });
        }
    }
}

/// The place of a proxy, for whoever has its channel.
pub struct Seat {
    agents: Agents,
    place: Place,
    agent: Arc<Agent>,
    orders: mpsc::Receiver<Order>,
}

impl Seat {
    /// The next order. Can be given up waiting for without losing one.
    pub async fn order(&mut self) -> Option<Order> {
        self.orders.recv().await
    }

    /// Passes on what the proxy reports, and waits while there is no room. What nobody waits for is dropped.
    pub async fn report(&self, report: Report) {
        let waiting = self.agent.waiting.lock().unwrap_or_else(PoisonError::into_inner).get(&report.id()).cloned();
        if let Some(waiting) = waiting {
            // Whoever waited may have given up just now.
            let _ = waiting.send(report).await;
        }
    }

    /// This channel among all that ever were.
    pub fn id(&self) -> &str {
        &self.agent.connected.id
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut all = self.agents.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(agents) = all.get_mut(&self.place) {
            agents.retain(|agent| !Arc::ptr_eq(agent, &self.agent));
            if agents.is_empty() {
                all.remove(&self.place);
            }
        }
        drop(all);
        // Whoever waits for a report hears that there will be none.
        self.agent.waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
    }
}
