//! Use cases: load, let `cs-core` decide, commit, queue effects. No HTTP.
//!
//! [`Engine`] is the one door for every write. A use case reads what it needs, hands the facts to a rule, and gives the store one job whose guards
//! repeat every condition; when a guard does not hold, it loads and decides again, a bounded number of times.

mod access;
pub mod admin;
pub mod bootstrap;
mod cache;
pub mod clients;
mod clock;
mod cookie;
pub mod devices;
pub mod directories;
pub mod enroll;
pub mod enrollment;
mod entropy;
mod error;
pub mod exceptions;
mod geo;
mod hub;
mod known;
mod legacy;
pub mod letters;
pub mod login;
mod maintenance;
pub mod moves;
mod others;
pub mod outage;
pub mod passkeys;
pub mod policy;
pub mod portal;
pub mod prompt;
pub mod review;
mod risk;
mod served;
pub mod telephony;
mod visit;
mod waiters;
pub mod wake;

use std::sync::Arc;

use aws_lc_rs::hmac;
use cs_core::id::AccountId;
use cs_core::policy::facts::Versions;
use cs_store::Store;

use crate::passkeys::RelyingParty;

pub use access::{Access, AccessDevice, Ask, Caller, ENTRY_PATHS, EntryPath, Liveness, Surface};
pub use cache::{AccountEntry, Directory};
pub use clock::{Clock, ManualClock};
pub use cookie::CookieSecret;
pub use entropy::SystemRng;
pub use error::EngineError;
pub use geo::{Geo, GeoError, GeoFiles, GeoSource, Place};
pub use hub::{DeviceEvent, Hub};
pub use maintenance::MaintenanceReport;
pub use visit::VisitSecret;

/// How often a use case loads and decides again before it gives up.
///
/// Every round of a contest has a winner, so this many attempts of one user may arrive at once.
pub const MAX_ROUNDS: usize = 128;

/// The use cases of one node. Cheap to clone.
#[derive(Clone)]
pub struct Engine {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    clock: Clock,
    directory: Directory,
    geo: Geo,
    hub: Hub,
    known: known::KnownUsers,
    waiters: waiters::Waiters,
    seen: risk::Seen,
    refusals: login::Refusals,
    deliveries: wake::Deliveries,
    /// This machine among those that share the database.
    machine: String,
    /// This process among all that ever ran: whose connections are whose.
    node: String,
    /// The origin that authenticators speak to, part of every statement they sign.
    authenticator_origin: String,
    mail: bool,
    telephony: telephony::Telephony,
    versions: Versions,
    relying_party: RelyingParty,
    agents: directories::Agents,
}

/// What an engine is made of.
pub struct EngineConfig {
    /// The store.
    pub store: Store,
    /// Where time comes from.
    pub clock: Clock,
    /// The address database.
    pub geo: Geo,
    /// This machine's name among those that share the database.
    pub node: String,
    /// The origin that authenticators speak to: `https://host[:port]`.
    pub authenticator_origin: String,
    /// Whether letters can be sent: a mail server is configured.
    pub mail: bool,
    /// What the operator's telephony gateway can do.
    pub telephony: telephony::Telephony,
    /// Which versions of systems and browsers there are, for policies that ask for recent ones.
    pub versions: Versions,
    /// Who browsers believe this installation to be.
    pub relying_party: RelyingParty,
}

impl Engine {
    /// The engine of this process.
    pub fn new(config: EngineConfig) -> Self {
        let EngineConfig { store, clock, geo, node, authenticator_origin, mail, telephony, versions, relying_party } =
            config;
        let machine = node;
        let node = format!("{machine}/{}", cs_core::id::TxId::generate(&mut SystemRng));
        let inner = Inner {
            directory: Directory::new(store.clone()),
            hub: Hub::new(store.clone()),
            store,
            clock,
            geo,
            known: known::KnownUsers::default(),
            waiters: waiters::Waiters::default(),
            seen: risk::Seen::default(),
            refusals: login::Refusals::default(),
            deliveries: wake::Deliveries::default(),
            machine,
            node,
            authenticator_origin,
            mail,
            telephony,
            versions,
            relying_party,
            agents: directories::Agents::default(),
        };
        Self { inner: Arc::new(inner) }
    }

    /// The origin that authenticators speak to.
    pub fn authenticator_origin(&self) -> &str {
        &self.inner.authenticator_origin
    }

    /// Who browsers believe this installation to be.
    pub fn relying_party(&self) -> &RelyingParty {
        &self.inner.relying_party
    }

    /// The store, for lists and logs.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    /// The clock everything here goes by.
    pub fn clock(&self) -> &Clock {
        &self.inner.clock
    }

    /// Accounts and integrations as logins see them.
    pub fn directory(&self) -> &Directory {
        &self.inner.directory
    }

    /// What is known about addresses.
    pub fn geo(&self) -> &Geo {
        &self.inner.geo
    }

    /// What devices with an open stream are told.
    pub fn hub(&self) -> &Hub {
        &self.inner.hub
    }

    /// The proxies beside directories that are connected to this node.
    pub fn agents(&self) -> &directories::Agents {
        &self.inner.agents
    }

    /// How many requests wait for somebody to answer a phone.
    pub fn waiting(&self) -> usize {
        self.inner.waiters.parked()
    }

    /// The key that tickets of `account` are made with.
    fn ticket_key(&self, account: AccountId) -> Result<hmac::Key, EngineError> {
        let key = self.inner.store.vault().digest(account.as_str(), "ticket", b"key").map_err(EngineError::vault)?;
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &key))
    }
}
