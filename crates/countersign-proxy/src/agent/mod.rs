//! `[cloud]` and `[sso]` at work: what the server asks of a directory beside which this proxy stands.
//!
//! Each section keeps a channel to the server open ([`cs_client::agent`]). Nobody connects to the proxy for it, and the server can ask for no directory but the one
//! that the file names.
//!
//! ```text
//! Agents ─► one task for each section: open a channel ─► Hello ─► orders ─► directory ─► reports
//!                   ▲                                                             │
//!                   └───────────── it broke: again, after a while ◄───────────────┘
//! ```

mod backoff;
mod channel;
mod converse;
mod first_factor;
mod parts;

use std::sync::Arc;
use std::time::Duration;

use anyhow::Context as _;
use cs_client::{Channels, Config as ClientConfig};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::cfg::Config;
use crate::cfg::client::{AdClient, Client, LdapAuth};
use crate::cfg::main_section::HttpProxyAddress;
use crate::cfg::others::Agent;
use crate::directory::Directory;
use crate::metrics::{Health, Metrics};
use crate::sources::authorities;
use channel::Link;

/// A server that cannot be reached says so within this.
const CONNECT: Duration = Duration::from_secs(10);
/// And one that is reached answers within this.
const ANSWER: Duration = Duration::from_secs(20);
/// Whoever is asked last says good-bye within this when the proxy stops.
const FAREWELL: Duration = Duration::from_secs(2);

/// What a section is made of; one that is the same after a reload goes on.
#[derive(Clone, PartialEq, Eq)]
struct Setup {
    agent: Agent,
    /// Whether passwords are checked too.
    first_factor: bool,
    /// The directory's section, and what it says.
    client: String,
    ad: AdClient,
    /// Authorities of the server and of the directory, as they are in their files.
    ca: Option<String>,
    directory_ca: Option<Vec<u8>>,
}

/// Sections that were read and can be served.
pub struct Prepared(Vec<(Setup, Channels, Directory)>);

/// Reads what the sections of a configuration need.
///
/// Fails if a file cannot be read, or a name cannot be a server's.
pub fn prepare(config: &Config) -> anyhow::Result<Prepared> {
    let cloud = config.cloud.iter().map(|agent| (agent, false));
    let sso = config.sso.iter().map(|agent| (agent, true));
    let mut prepared = Vec::new();
    for (agent, first_factor) in cloud.chain(sso) {
        let name = agent.client.clone().unwrap_or_default();
        // Whatever else it is was refused as it was read.
        let Some(Client::Ad(ad)) = config.clients.get(&name) else { continue };
        let ca = authorities(config)?;
        let ad = as_account(ad, agent);
        // One that cannot be read is told of by the directory.
        let directory_ca = ad.ssl_ca_certs_file.as_ref().and_then(|path| std::fs::read(path).ok());
        let section = || format!("[{}]", agent.name);
        let channels = Channels::new(to_server(agent, ca.as_deref())).with_context(section)?;
        let directory = Directory::new(&name, &ad, false).with_context(section)?;
        let setup = Setup { agent: agent.clone(), first_factor, client: name, ad, ca, directory_ca };
        prepared.push((setup, channels, directory));
    }
    Ok(Prepared(prepared))
}

/// How the server of a section is asked.
pub(crate) fn to_server(agent: &Agent, ca: Option<&str>) -> ClientConfig {
    let mut config = ClientConfig::new(agent.authority(), agent.key.clone(), agent.secret.to_string());
    (config.connect_timeout, config.call_timeout) = (CONNECT, ANSWER);
    config.ca_pem = ca.map(str::to_owned);
    config.http_proxy = agent.http_proxy.as_ref().map(HttpProxyAddress::authority);
    config
}

/// A directory, asked by the section's own account if it has one.
pub(crate) fn as_account(ad: &AdClient, agent: &Agent) -> AdClient {
    let mut ad = ad.clone();
    if let Some((name, password)) = &agent.service_account {
        if ad.auth_type == LdapAuth::Plain {
            ad.bind_dn = Some(name.clone());
        }
        ad.service_account_username = name.clone();
        ad.service_account_password = password.clone();
    }
    ad
}

/// Every section at work. Dropping it ends them without a word.
pub struct Agents {
    /// What the proxy calls itself.
    proxy: String,
    metrics: Metrics,
    health: Health,
    running: Vec<Running>,
}

struct Running {
    setup: Setup,
    stop: watch::Sender<bool>,
    task: JoinHandle<()>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.task.abort();
    }
}

impl Running {
    /// Lets it say good-bye.
    async fn stop(mut self) {
        // One that has ended needs no word.
        _ = self.stop.send(true);
        _ = tokio::time::timeout(FAREWELL, &mut self.task).await;
    }
}

impl Agents {
    /// Serves nothing yet; `proxy` is what the proxy calls itself.
    pub fn new(proxy: String, metrics: Metrics, health: Health) -> Self {
        Self { proxy, metrics, health, running: Vec::new() }
    }

    /// Serves these sections from here on, and no others. One that has not changed keeps its channel. Must be called within a runtime.
    pub fn serve(&mut self, prepared: Prepared) {
        let mut before = std::mem::take(&mut self.running);
        for (setup, channels, directory) in prepared.0 {
            let same = before.iter().position(|running| running.setup == setup && !running.task.is_finished());
            let running = match same {
                Some(place) => before.swap_remove(place),
                None => self.start(setup, channels, directory),
            };
            self.running.push(running);
        }
        for running in before {
            tokio::spawn(running.stop());
        }
    }

    fn start(&self, setup: Setup, channels: Channels, directory: Directory) -> Running {
        let (stop, stopped) = watch::channel(false);
        let link = Link {
            section: setup.agent.name.clone(),
            proxy: self.proxy.clone(),
            server: setup.agent.authority(),
            hosts: setup.ad.hosts.join(", "),
            first_factor: setup.first_factor,
            channels,
            directory: Arc::new(directory),
            metrics: self.metrics.clone(),
            health: self.health.clone(),
        };
        Running { setup, stop, task: tokio::spawn(link.run(stopped)) }
    }

    /// Ends them all, after a word to the server.
    pub async fn close(self) {
        let farewells: Vec<_> = self.running.into_iter().map(|running| tokio::spawn(running.stop())).collect();
        for farewell in farewells {
            _ = farewell.await;
        }
    }
}
