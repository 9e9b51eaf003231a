//! A whole site in one process, with everything that is needed to see one login approved: `countersign demo`.

mod furnish;
mod paste;
mod record;
mod samples;
mod steps;
mod walk;

use std::net::{Ipv4Addr, SocketAddr, TcpListener};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};
use cs_engine::bootstrap::NewInstallation;
use cs_engine::{Clock, Engine};
use jiff::Timestamp;

use crate::config::{Config, load_from};
use crate::data_dir::{self, NewDataDir};
use crate::net::Shutdown;
use crate::server::{Bound, Running, serve_bound};
use crate::site::{self, OpenedBy};
use crate::{jobs, tls::LocalCa};

pub use paste::instructions;
pub use record::{DemoRecord, Keys};
pub use samples::WebSample;
pub use steps::{log_in, try_everything};

/// Where the demo listens when that is free.
const PREFERRED_PORT: u16 = 8443;
/// The demo's person.
const USER: &str = "alice";

/// A running demo.
pub struct Demo {
    /// Its configuration.
    pub config: Config,
    /// Its use cases.
    pub engine: Engine,
    /// What was made in it.
    pub record: DemoRecord,
    running: Running,
    shutdown: Shutdown,
}

impl Demo {
    /// Makes a site in `data`, or takes up the demo that is there, and serves it on loopback. Port 0 takes free ports.
    ///
    /// Must be called inside a tokio runtime.
    pub async fn start(data: &Path, port: Option<u16>, now: Timestamp) -> anyhow::Result<Self> {
        let existing = DemoRecord::read(data)?;
        if existing.is_none() && data.join("countersign.toml").exists() {
            bail!("{} holds an installation that is no demo; take another directory", data.display());
        }
        let listen = SocketAddr::from((Ipv4Addr::LOCALHOST, port.unwrap_or_else(free_port)));
        data_dir::create(data, &NewDataDir { listen: Some(listen), ..NewDataDir::default() })?;
        // Without the environment: the demo must not reach for the database of an installation.
        let config = load_from(data, None, [])?.config;
        if let Some(port) = port.filter(|port| *port != 0 && *port != config.listen.api.port()) {
            bail!(
                "this demo listens on port {}, as {} says; it cannot be moved to {port}",
                config.listen.api.port(),
                data.join("countersign.toml").display()
            );
        }
        data_dir::prepare(&config, now)?;

        let shutdown = Shutdown::new();
        let bound = Bound::new(&config)?;
        let store = site::open_store(&config, OpenedBy::Server).await?;
        let engine = site::engine(&config, store, Clock::System, bound.addresses)?;
        let installed = engine
            .bootstrap(&NewInstallation {
                name: "Countersign demo".to_owned(),
                api_host: config.hosts.api.name.clone(),
                owner_email: "owner@localhost".to_owned(),
            })
            .await?;
        jobs::start(&engine, &config, &shutdown);
        let parts = site::surfaces(&engine, &config, bound.addresses, &shutdown);
        let running = serve_bound(bound, parts, &config, shutdown.clone())?;
        let record = match (existing, installed) {
            (Some(record), _) => record,
            (None, Some(installation)) => furnish::furnish(&engine, &config, &installation).await?,
            (None, None) => bail!("{} was left unfinished; remove it and start again", data.display()),
        };
        Ok(Self { config, engine, record, running, shutdown })
    }

    /// The certificate authority that clients must trust.
    #[must_use]
    pub fn ca_certificate(&self) -> PathBuf {
        LocalCa::new(&self.config.data_dir).certificate_path()
    }

    /// Ends it: waiting logins are cut off.
    pub async fn stop(self) {
        self.shutdown.close();
        self.running.stopped().await;
        self.engine.store().shutdown().await;
    }
}

/// A client of the demo's Auth API.
pub fn client(record: &DemoRecord) -> anyhow::Result<cs_client::Client> {
    let pem = std::fs::read_to_string(&record.ca_cert)
        .with_context(|| format!("cannot read {}", record.ca_cert.display()))?;
    let Keys { ikey, skey } = &record.auth_api;
    Ok(cs_client::Client::new(cs_client::Config::new(&record.api_host, ikey, skey.as_str()).trusting(pem))?)
}

/// The usual port while it and those above it that come with it are free, otherwise any.
fn free_port() -> u16 {
    let ports = [PREFERRED_PORT, PREFERRED_PORT + 1, PREFERRED_PORT + 6];
    let is_free = ports.iter().all(|port| TcpListener::bind((Ipv4Addr::LOCALHOST, *port)).is_ok());
    if is_free { PREFERRED_PORT } else { 0 }
}
