//! The `[ldap_server_auto]` sections at work: listeners, and a task for each connection around its [`Session`](crate::ldap::session::Session).

mod connection;
mod counts;
mod listen;
mod push;
#[cfg(test)]
mod tests;
mod tls;

pub(super) use counts::told;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};
use std::time::Instant;

use anyhow::Context as _;
use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{Semaphore, mpsc};
use tokio_rustls::TlsAcceptor;
use zeroize::Zeroizing;

use counts::Counts;

use super::api::Api;
use super::figures::Figures;
use super::outage::Store;
use super::ports::{Place, Ports, Wanted};
use super::random;
use crate::cfg::Config;
use crate::cfg::application::Application;
use crate::cfg::client::Client;
use crate::cfg::ldap_server::LdapServer;
use crate::directory::Directory;
use crate::ldap::approvals::Approvals;
use crate::ldap::output::Told;
use crate::ldap::rules::Rules;
use crate::metrics::{Health, Metrics};
use crate::sources::authorities;

/// Lines for the log that wait to be written; beyond, connections wait.
const QUEUE: usize = 1024;

/// What the connections of a section have in common.
struct Shared {
    rules: Arc<Rules>,
    approvals: Arc<Mutex<Approvals>>,
    api: Api,
    directory: Arc<Directory>,
    tls: Option<TlsAcceptor>,
    told: mpsc::Sender<Line>,
    room: Arc<Semaphore>,
    metrics: Metrics,
    counts: Counts,
    health: Health,
    /// What is kept for outages.
    kept: Option<Arc<Store>>,
}

/// A line for the log.
pub(super) struct Line {
    /// Of this section.
    pub(super) rules: Arc<Rules>,
    pub(super) told: Told,
}

/// The section that serves what comes to a port, and whether TLS is spoken there from the beginning.
#[derive(Clone)]
struct Serving {
    shared: Arc<Shared>,
    is_tls: bool,
}

/// What a configuration wants served where, with a listener where none is open.
pub(super) struct Prepared {
    places: Vec<Wanted<Serving>>,
    apis: Apis,
    directories: BTreeMap<String, Arc<Directory>>,
}

/// Connections to servers, which stay where the next configuration wants the same.
#[derive(Default)]
struct Apis {
    /// By the name of a section.
    all: Vec<(String, Application, Api)>,
    ca: Option<String>,
}

/// Every section's listeners, until it is dropped.
pub(super) struct Ldap {
    ports: Ports<Serving>,
    apis: Apis,
    directories: BTreeMap<String, Arc<Directory>>,
    told: mpsc::Receiver<Line>,
    tell: mpsc::Sender<Line>,
    metrics: Metrics,
    health: Health,
    kept: Option<Arc<Store>>,
    /// Where connections are served: TLS and what applications read keep no RADIUS packet waiting.
    workers: Handle,
}

impl Ldap {
    /// Serves nothing yet.
    pub(super) fn new(
        figures: &Figures,
        kept: Option<Arc<Store>>,
        open: Vec<(Place, TcpListener)>,
        workers: Handle,
    ) -> Self {
        let (tell, told) = mpsc::channel(QUEUE);
        let (metrics, health) = (figures.metrics.clone(), figures.health.clone());
        Self {
            ports: Ports::new(open),
            apis: Apis::default(),
            directories: BTreeMap::new(),
            told,
            tell,
            metrics,
            health,
            kept,
            workers,
        }
    }

    /// Name, application and connection of every section that serves.
    pub(super) fn sections(&self) -> impl Iterator<Item = (String, Application, Api)> {
        self.apis.all.iter().cloned()
    }

    /// Opens and reads all that a configuration needs. Certificates are read anew.
    ///
    /// Fails if something cannot be listened at or read; then nothing has changed.
    pub(super) fn prepare(&mut self, config: &Config) -> anyhow::Result<Prepared> {
        let workers = self.workers.clone();
        let _at_work = workers.enter();
        let mut places = Vec::new();
        let mut directories: BTreeMap<String, Arc<Directory>> = BTreeMap::new();
        let ca = if config.ldap.is_empty() { None } else { authorities(config)? };
        let mut apis = Apis { all: Vec::new(), ca };
        for server in &config.ldap {
            let name = server.client.as_deref().unwrap_or_default();
            let Some(Client::Ad(ad)) = config.clients.get(name) else { continue };
            let directory = match directories.get(name) {
                Some(directory) => directory.clone(),
                None => Arc::new(Directory::new(name, ad, false).with_context(|| format!("[{name}]"))?),
            };
            directories.insert(name.to_owned(), directory.clone());
            let shared = self.shared(server, directory, apis.ca.as_deref());
            let shared = Arc::new(shared.with_context(|| format!("[{}]", server.name))?);
            apis.all.push((server.name.clone(), server.application.clone(), shared.api.clone()));
            let ports = [Some((server.port, false)), server.tls.as_ref().map(|tls| (tls.port, true))];
            for (port, is_tls) in ports.into_iter().flatten() {
                let place = (server.interface.clone(), port);
                let listener = self.ports.listen(&place)?;
                places.push((place, Serving { shared: shared.clone(), is_tls }, listener));
            }
        }
        Ok(Prepared { places, apis, directories })
    }

    /// From here on new connections are served so; those that were taken go on as they began.
    pub(super) fn serve(&mut self, prepared: Prepared) {
        let workers = self.workers.clone();
        let _at_work = workers.enter();
        (self.apis, self.directories) = (prepared.apis, prepared.directories);
        self.ports.serve(prepared.places, listen::accept);
    }

    /// Every host of every directory: its section, where it is, and whether it answers.
    pub(super) fn hosts(&self, now: Instant) -> impl Iterator<Item = (&str, String, bool)> {
        self.directories.iter().flat_map(move |(name, directory)| {
            directory.hosts(now).map(move |(host, is_well)| (name.as_str(), host, is_well))
        })
    }

    /// The next line for the log.
    pub(super) async fn next(&mut self) -> Line {
        match self.told.recv().await {
            Some(line) => line,
            // The other end is held by `self`, so this is never closed.
            None => std::future::pending().await,
        }
    }

    fn shared(&self, server: &LdapServer, directory: Arc<Directory>, ca: Option<&str>) -> anyhow::Result<Shared> {
        let Apis { all, ca: known } = &self.apis;
        let is_same =
            |(_, application, _): &&(_, Application, _)| known.as_deref() == ca && *application == server.application;
        let api = match all.iter().find(is_same) {
            Some((_, _, api)) => api.clone(),
            None => Api::new(&server.application, ca)?,
        };
        let mut key = Zeroizing::new([0; 32]);
        random()(&mut *key);
        Ok(Shared {
            rules: Arc::new(Rules::new(server)),
            approvals: Arc::new(Mutex::new(Approvals::new(&key, server.bind_reuse))),
            api,
            directory,
            tls: server.tls.as_ref().map(tls::acceptor).transpose()?,
            told: self.tell.clone(),
            room: Arc::new(Semaphore::new(server.max_connections)),
            metrics: self.metrics.clone(),
            counts: Counts::new(&self.metrics, &server.name),
            health: self.health.clone(),
            kept: self.kept.clone(),
        })
    }
}
