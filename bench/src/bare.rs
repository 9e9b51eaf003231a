//! The floor: a constant answered over HTTPS by the same sockets, TLS and router as the server's, and nothing else.

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use anyhow::Context as _;
use axum::Router;
use axum::routing::get;
use clap::Args;
use countersign::config::Config;
use countersign::net::Shutdown;
use countersign::server::{ServerParts, run_server};
use countersign::tls::Certificates;

use crate::http::Target;
use crate::process::Watched;
use crate::signed::now;
use crate::site::{free_port, wait_for};

pub(crate) const PATH: &str = "/bare";
const ANSWER: &str =
    r#"{"stat":"OK","response":{"result":"allow","status":"allow","status_msg":"Success. Logging you in..."}}"#;

/// Arguments of the child process.
#[derive(Debug, Args)]
pub(crate) struct Bare {
    /// Where its certificate goes
    #[arg(long)]
    data: PathBuf,
    #[arg(long)]
    listen: SocketAddr,
}

impl Bare {
    pub(crate) fn run(self) -> anyhow::Result<()> {
        let mut config = Config::for_dir(&self.data);
        config.listen.api = self.listen;
        config.listen.authenticator = SocketAddr::from(([127, 0, 0, 1], 0));
        config.listen.operations = SocketAddr::from(([127, 0, 0, 1], 0));
        let answer = || async { ([(axum::http::header::CONTENT_TYPE, "application/json")], ANSWER) };
        let parts = ServerParts { api: Router::new().route(PATH, get(answer)), ..ServerParts::new(&config) };
        let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
        runtime.block_on(async {
            let running = run_server(parts, &config, Shutdown::new())?;
            running.stopped().await;
            Ok(())
        })
    }
}

/// It as a child process; ended with this value.
#[derive(Debug)]
pub(crate) struct BareServer {
    child: Child,
    pub(crate) target: Target,
}

impl BareServer {
    pub(crate) fn start(dir: &Path) -> anyhow::Result<Self> {
        let address = SocketAddr::from(([127, 0, 0, 1], free_port()?));
        // Made here, so that it is there before the child listens.
        let certificates = Certificates::open(&Config::for_dir(dir), now())?;
        let ca = certificates.authority();
        let mut child = Command::new(std::env::current_exe()?)
            .args(["bare", "--listen", &address.to_string(), "--data"])
            .arg(dir)
            .stdin(Stdio::null())
            .spawn()
            .context("cannot start the bare server")?;
        wait_for(&mut child, address)?;
        let host = format!("localhost:{}", address.port());
        Ok(Self { child, target: Target { address, host, ca } })
    }

    pub(crate) fn watched(&self) -> Watched {
        Watched::one(self.child.id())
    }
}

impl Drop for BareServer {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
