//! The server under measurement: bootstrapped and started.

use std::fs::File;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context as _, anyhow, bail, ensure};
use countersign::config;
use cs_engine::Engine;
use serde::Deserialize;

use crate::http::Target;
use crate::options::Bench;
use crate::process::Watched;
use crate::signed::Keys;

const START_LIMIT: Duration = Duration::from_secs(60);

/// What `countersign bootstrap --json` prints.
#[derive(Debug, Clone, Deserialize)]
struct Bootstrapped {
    account_id: String,
    api_host: String,
    ca_cert: PathBuf,
    auth_api: Keys,
}

/// An installation: a data directory and the keys to it.
#[derive(Debug)]
pub(crate) struct Installation {
    program: PathBuf,
    dir: PathBuf,
    database: Option<String>,
    pub(crate) address: SocketAddr,
    host: String,
    ca: PathBuf,
    pub(crate) account: String,
    pub(crate) auth: Keys,
    authenticator: SocketAddr,
}

impl Installation {
    /// Makes one in `dir`; `database` is a PostgreSQL address, or `None` for SQLite in `dir`.
    pub(crate) fn new(bench: &Bench, dir: &Path, database: Option<String>) -> anyhow::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let authenticator = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        let mut command = command(&bench.server, dir, database.as_deref(), authenticator);
        command.args(["bootstrap", "--hostname", "localhost", "--listen", &address.to_string(), "--json"]);
        let output = command.output().context("cannot run the server's program")?;
        if !output.status.success() {
            bail!("bootstrap: {}", String::from_utf8_lossy(&output.stderr).trim());
        }
        let made: Bootstrapped = serde_json::from_slice(&output.stdout).context("what bootstrap printed")?;
        Ok(Self {
            program: bench.server.clone(),
            dir: dir.to_owned(),
            database,
            address,
            host: made.api_host,
            ca: made.ca_cert,
            account: made.account_id,
            auth: made.auth_api,
            authenticator,
        })
    }

    pub(crate) fn target(&self) -> Target {
        Target { address: self.address, host: self.host.clone(), ca: Some(self.ca.clone()) }
    }

    /// The file of its authority.
    pub(crate) fn ca(&self) -> &Path {
        &self.ca
    }

    /// Starts the server without waiting for it.
    pub(crate) fn spawn(&self) -> anyhow::Result<Server> {
        let log = File::options().create(true).append(true).open(self.dir.join("server.log"))?;
        let child = command(&self.program, &self.dir, self.database.as_deref(), self.authenticator)
            .arg("serve")
            .stdin(Stdio::null())
            .stdout(log.try_clone()?)
            .stderr(log)
            .spawn()
            .context("cannot start the server")?;
        Ok(Server(child))
    }

    /// Starts the server and waits until it listens.
    pub(crate) fn start(&self) -> anyhow::Result<Server> {
        let mut server = self.spawn()?;
        wait_for(&mut server.0, self.address)?;
        Ok(server)
    }

    /// The use cases on its database, while no server runs on it.
    pub(crate) async fn engine(&self) -> anyhow::Result<Engine> {
        let environment = environment(self.database.as_deref(), self.authenticator);
        let loaded = config::load_from(&self.dir, None, environment).map_err(|error| anyhow!("{error}"))?;
        Ok(countersign::site::open_for_terminal(&loaded.config).await?)
    }

    /// Where devices speak to it.
    pub(crate) fn authenticator(&self) -> Target {
        let host = format!("localhost:{}", self.authenticator.port());
        Target { address: self.authenticator, host, ca: Some(self.ca.clone()) }
    }
}

/// What is set beside the data directory, as variables of the environment.
fn environment(database: Option<&str>, authenticator: SocketAddr) -> Vec<(String, String)> {
    let mut variables = vec![
        ("COUNTERSIGN_LOG_LEVEL".to_owned(), "warn".to_owned()),
        ("COUNTERSIGN_LISTEN_OPERATIONS".to_owned(), "127.0.0.1:0".to_owned()),
        ("COUNTERSIGN_LISTEN_AUTHENTICATOR".to_owned(), authenticator.to_string()),
    ];
    variables.extend(database.map(|url| ("COUNTERSIGN_DATABASE_URL".to_owned(), url.to_owned())));
    variables
}

fn command(program: &Path, dir: &Path, database: Option<&str>, authenticator: SocketAddr) -> Command {
    let mut command = Command::new(program);
    command.arg("--data").arg(dir).envs(environment(database, authenticator));
    command
}

/// A running server; ended with this value.
#[derive(Debug)]
pub(crate) struct Server(Child);

impl Server {
    pub(crate) fn watched(&self) -> Watched {
        Watched::one(self.0.id())
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        // It has nothing to lose that is not on disk.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// A port that was free a moment ago.
pub(crate) fn free_port() -> anyhow::Result<u16> {
    Ok(TcpListener::bind(("127.0.0.1", 0))?.local_addr()?.port())
}

/// Waits until `child` listens at `address`.
#[expect(clippy::disallowed_methods, reason = "another process comes up in real time")]
pub(crate) fn wait_for(child: &mut Child, address: SocketAddr) -> anyhow::Result<()> {
    let limit = Instant::now() + START_LIMIT;
    while TcpStream::connect(address).is_err() {
        if let Some(status) = child.try_wait()? {
            bail!("it ended at once: {status}");
        }
        ensure!(Instant::now() < limit, "it did not come up");
        std::thread::sleep(Duration::from_millis(2));
    }
    Ok(())
}
