//! The proxy at work: sockets and the server around the [`Engine`].

mod accounting;
pub mod api;
mod changes;
mod clock;
mod coa;
mod directories;
mod downloads;
mod ended;
mod figures;
mod generation;
mod http_proxy;
mod kernel;
mod ldap;
mod listeners;
mod log;
mod operations;
mod outage;
mod outputs;
mod pool;
mod ports;
mod quiet;
mod radsec;
mod random;
mod relays;
mod sockets;
mod spool;
mod standing;
pub mod systemd;
mod upstreams;

use std::collections::HashMap;
use std::time::Instant;

use tokio::net::TcpListener;
use tokio::runtime::Handle;
use tokio::sync::{mpsc, oneshot, watch};

use crate::agent::{self, Agents};
use crate::cfg::Config;
use crate::cfg::application::FailMode;
use crate::logging::Logging;
use crate::metrics::{Health, Metrics};
use crate::radius::engine::Engine;
use crate::radius::login::{Auth, Event, Outage};
use crate::radius::output::LoginId;
use crate::radius::upstream::Ended;
use api::Api;
use figures::Figures;
pub use generation::Reread;
use generation::{Came, Generation, Kept, Prepared, Reloads};
use listeners::Listeners;
use operations::Operations;
use outage::Keeping;
use random::{fresh_key, random};
use relays::Relays;
use sockets::Arrived;
use systemd::Supervisor;

/// Packets that wait to be worked on; beyond, the system's buffer fills.
const QUEUE: usize = 4096;
/// So many packets are worked on before anything else gets its turn.
const AT_ONCE: usize = 64;

/// Something that a task outside has to say.
enum Said {
    Happened(LoginId, Event),
    Auth(LoginId, u32, Result<Auth, Outage>),
    /// The server's id of a login that waits for a person.
    Begun(LoginId, u32, String),
}

/// A login that waits for a person at the server.
struct Begun {
    attempt: u32,
    section: usize,
    /// The server's name for it, as soon as it has one.
    txid: Option<String>,
}

/// A proxy whose sockets are open.
pub struct Proxy {
    engine: Engine,
    listeners: Listeners,
    arrived: mpsc::Receiver<Arrived>,
    said: mpsc::UnboundedReceiver<Said>,
    say: mpsc::UnboundedSender<Said>,
    /// The configuration that serves is the last; those before it end what they began.
    generations: Vec<Generation>,
    reloads: Reloads,
    supervisor: Supervisor,
    relays: Relays,
    ldap: ldap::Ldap,
    forward: http_proxy::Forward,
    /// Logins that wait for a person at the server.
    begun: HashMap<LoginId, Begun>,
    /// Those that were given up before the server had a name for them, by login and attempt: the section.
    given_up: HashMap<(LoginId, u32), usize>,
    log: log::Log,
    logging: Option<Logging>,
    figures: Figures,
    /// Whoever asks over HTTP wants a sign of life.
    signs: mpsc::Receiver<oneshot::Sender<()>>,
    ask: operations::Ask,
    operations: Option<Operations>,
    /// What is kept for outages, where it can be.
    keeping: Option<Keeping>,
    /// What the server asks of directories.
    agents: Agents,
}

/// What is open before the proxy is.
struct Beside {
    listeners: (Listeners, mpsc::Receiver<Arrived>),
    /// For LDAP.
    ldap: Vec<(ports::Place, TcpListener)>,
    keeping: Option<Keeping>,
    /// Serve LDAP.
    workers: Handle,
}

impl Beside {
    fn new() -> Self {
        Self { listeners: Listeners::new(), ldap: Vec::new(), keeping: None, workers: Handle::current() }
    }
}

impl Proxy {
    /// Opens every socket. LDAP is served by `workers`, everything else where this is called.
    ///
    /// Fails if something cannot be opened.
    pub fn open(config: &Config, workers: &Handle) -> anyhow::Result<Self> {
        let by_radius = config.radius.iter().map(|server| &server.application);
        let mut applications = by_radius.chain(config.ldap.iter().map(|server| &server.application));
        let keeping = match Keeping::open(&config.main.outages) {
            Ok(keeping) => Some(keeping),
            Err(error) if applications.any(|application| application.failmode == FailMode::Offline) => {
                return Err(error);
            }
            Err(error) => {
                tracing::warn!("{error:#}; what is done during an outage is in the log alone");
                None
            }
        };
        Self::open_beside(config, Beside { keeping, workers: workers.clone(), ..Beside::new() })
    }

    fn open_beside(config: &Config, beside: Beside) -> anyhow::Result<Self> {
        let Beside { listeners: (listeners, arrived), ldap, keeping, workers } = beside;
        let (say, said) = mpsc::unbounded_channel();
        let (ask, signs) = mpsc::channel(1);
        let prepared = Prepared::open(config.clone(), 0, &listeners.places(), &Kept::default())?;
        let figures = Figures::new(Metrics::default(), Health::default());
        let mut ldap = ldap::Ldap::new(&figures, keeping.as_ref().map(Keeping::kept), ldap, workers);
        let prepared_ldap = ldap.prepare(config)?;
        ldap.serve(prepared_ldap);
        let mut forward = http_proxy::Forward::new(figures.metrics.clone(), Vec::new());
        let prepared_forward = forward.prepare(config)?;
        forward.serve(prepared_forward);
        let agents = agent::prepare(config)?;
        let id = keeping.as_ref().map_or_else(fresh_key, Keeping::id);
        let mut proxy = Self {
            engine: Engine::new(Vec::new(), Vec::new(), random()),
            generations: Vec::new(),
            reloads: Reloads::default(),
            supervisor: Supervisor::default(),
            begun: HashMap::new(),
            given_up: HashMap::new(),
            log: log::Log::default(),
            logging: None,
            ldap,
            forward,
            relays: Relays::open(config, relays::Shared::default())?,
            operations: None,
            keeping,
            agents: Agents::new(id, figures.metrics.clone(), figures.health.clone()),
            figures,
            ask,
            signs,
            listeners,
            arrived,
            said,
            say,
        };
        let operations = proxy.operations(config)?;
        proxy.serve(prepared, operations);
        proxy.agents.serve(agents);
        Ok(proxy)
    }

    /// Has the log of the process go on as each new configuration says.
    #[must_use]
    pub fn logging(mut self, logging: Logging) -> Self {
        self.logging = Some(logging);
        self
    }

    /// Tells who supervises the process what happens.
    #[must_use]
    pub fn supervised(mut self, supervisor: Supervisor) -> Self {
        self.supervisor = supervisor;
        self
    }

    /// Serves until `stop` is set. Logins that wait are answered that they were too late.
    pub async fn run(mut self, mut stop: watch::Receiver<bool>) {
        self.supervisor.ready("Serving");
        loop {
            self.logging.as_ref().inspect(|logging| logging.hold());
            self.carry_out().await;
            self.logging.as_ref().inspect(|logging| logging.let_go());
            let timeouts = self.generations.iter().filter_map(Generation::poll_timeout);
            let next = timeouts.chain(self.engine.poll_timeout()).chain(self.forgets_at()).min();
            tokio::select! {
                Some(packet) = self.arrived.recv() => self.packets(&packet),
                Some(said) = self.said.recv() => self.heard(said),
                came = generation::next_of(&mut self.generations) => match came {
                    Came::Primary(ended) => self.primaries(ended),
                    Came::Checked(checked) => self.checked(&checked),
                    Came::Downloaded(ended) => self.downloaded(ended),
                },
                line = self.ldap.next() => self.told_ldap(&line),
                () = until(next) => self.on_timeout(now()).await,
                Some(sign) = self.signs.recv() => {
                    let sections = self.serving().into_iter().map(|(name, _, api)| (name, api)).collect();
                    self.figures.servers(sections);
                    let by_radius = self.generations.last().into_iter();
                    let hosts = by_radius.flat_map(|serving| serving.upstreams.hosts(now()).chain(serving.directories.hosts(now())));
                    let hosts = hosts.chain(self.ldap.hosts(now()));
                    self.figures.refresh(self.engine.waiting(), hosts, self.listeners.iter());
                    // Whoever asked may have gone.
                    _ = sign.send(());
                }
                reload = self.reloads.next() => self.reload(reload).await,
                _ = stop.changed() => {
                    self.supervisor.stopping();
                    break;
                }
            }
        }
        self.agents.close().await;
        self.relays.close().await;
    }

    /// Works on a packet, and on those that have come with it: looking around for what else there is costs as much as a packet.
    fn packets(&mut self, first: &Arrived) {
        self.packet(first);
        for _ in 0..AT_ONCE {
            let Ok(packet) = self.arrived.try_recv() else { return };
            self.packet(&packet);
        }
    }

    fn packet(&mut self, packet: &Arrived) {
        if !self.accounts(packet) {
            let taken = self.engine.on_packet(packet.socket, packet.from, &packet.octets, now());
            self.figures.received(taken);
        }
    }

    /// The same with answers about first factors.
    fn primaries(&mut self, first: Ended) {
        self.primary(first);
        for _ in 0..AT_ONCE {
            let more = self.generations.iter_mut().find_map(|generation| generation.upstreams.try_next());
            let Some(ended) = more else { return };
            self.primary(ended);
        }
    }

    async fn on_timeout(&mut self, now: Instant) {
        self.engine.on_timeout(now);
        for at in 0..self.generations.len() {
            let Some(generation) = self.generations.get_mut(at) else { continue };
            let primaries = generation.upstreams.on_timeout(now).await;
            let downloads = generation.downloads.on_timeout(now).await;
            primaries.into_iter().for_each(|ended| self.primary(ended));
            self.downloaded(downloads);
        }
        if self.forgets_at().is_some_and(|at| at <= now) {
            self.forget_retired(now);
        }
    }

    /// The configuration that a section is of.
    fn generation(&self, section: usize) -> Option<&Generation> {
        self.generations.iter().rev().find(|generation| generation.base <= section)
    }

    fn generation_mut(&mut self, section: usize) -> Option<&mut Generation> {
        self.generations.iter_mut().rev().find(|generation| generation.base <= section)
    }

    /// Name and integration key of a section.
    fn name(&self, section: usize) -> (String, String) {
        self.generation(section).and_then(|of| of.name(section)).cloned().unwrap_or_default()
    }

    fn api(&self, section: usize) -> Option<Api> {
        self.generation(section)?.api(section).cloned()
    }
}

async fn until(when: Option<Instant>) {
    match when {
        Some(when) => tokio::time::sleep_until(when.into()).await,
        None => std::future::pending().await,
    }
}

/// By the runtime's clock, which tests move.
fn now() -> Instant {
    tokio::time::Instant::now().into_std()
}

#[cfg(test)]
mod tests;
