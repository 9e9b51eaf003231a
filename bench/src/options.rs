//! What a run is told, and where its files are.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context as _, bail};
use clap::Args;

/// Arguments of every figure.
#[derive(Debug, Clone, Args)]
pub(crate) struct Options {
    /// Fewer and shorter rounds: for a first look, not for a table
    #[arg(long, global = true)]
    quick: bool,
    /// Where data goes: the disk measured is the one this is on
    #[arg(long, global = true, value_name = "DIR", default_value = "target/bench")]
    dir: PathBuf,
    /// The server to measure, instead of building this checkout's
    #[arg(long, global = true, value_name = "FILE")]
    server: Option<PathBuf>,
    /// The proxy to measure, instead of building this checkout's
    #[arg(long, global = true, value_name = "FILE")]
    proxy: Option<PathBuf>,
    /// Users, each with one HOTP token
    #[arg(long, global = true, default_value_t = 10_000)]
    users: u64,
    /// Leave the peer out
    #[arg(long, global = true)]
    no_peer: bool,
    /// Leave PostgreSQL out
    #[arg(long, global = true)]
    no_postgres: bool,
    /// Logins waiting at a time in `waiting`
    #[arg(long, global = true, default_value_t = 10_000)]
    waiting: u64,
}

/// A run that is ready to measure.
#[derive(Debug, Clone)]
pub(crate) struct Bench {
    pub(crate) server: PathBuf,
    /// Built only where it is measured: see [`Bench::with_proxy`].
    pub(crate) proxy: PathBuf,
    /// Absolute; on the disk that is measured.
    pub(crate) dir: PathBuf,
    pub(crate) quick: bool,
    pub(crate) users: u64,
    pub(crate) peer: bool,
    pub(crate) postgres: bool,
    pub(crate) waiting: u64,
}

impl Options {
    /// Builds the server unless one was named.
    pub(crate) fn prepare(self) -> anyhow::Result<Bench> {
        std::fs::create_dir_all(&self.dir).with_context(|| format!("cannot create {}", self.dir.display()))?;
        let server = match self.server {
            Some(server) => server,
            None => build("countersign")?,
        };
        if !server.is_file() {
            bail!("{} is not there: cargo build --release -p countersign", server.display());
        }
        Ok(Bench {
            server,
            proxy: self.proxy.unwrap_or_default(),
            dir: std::path::absolute(&self.dir)?,
            quick: self.quick,
            users: self.users,
            peer: !self.no_peer,
            postgres: !self.no_postgres,
            waiting: self.waiting,
        })
    }
}

/// A release program of this checkout, beside our own binary.
fn build(name: &str) -> anyhow::Result<PathBuf> {
    let own = std::env::current_exe().context("cannot find our own binary")?;
    let program = own.with_file_name(name);
    // Started through cargo: cheap when it is fresh. Started by hand: what lies beside us is what is meant.
    if let Some(cargo) = std::env::var_os("CARGO") {
        let status = Command::new(cargo)
            .args(["build", "--release", "--quiet", "--package", name, "--bin", name])
            .status()
            .context("cannot run cargo")?;
        if !status.success() {
            bail!("{name} does not build");
        }
    }
    if !program.is_file() {
        bail!("{} is not there: cargo build --release -p {name}", program.display());
    }
    Ok(program)
}

impl Bench {
    /// The same with the proxy, built unless one was named.
    pub(crate) fn with_proxy(&self) -> anyhow::Result<Self> {
        let proxy = if self.proxy.as_os_str().is_empty() { build("countersign-proxy")? } else { self.proxy.clone() };
        Ok(Self { proxy, ..self.clone() })
    }

    /// An empty directory `name` for one measurement.
    pub(crate) fn fresh(&self, name: &str) -> anyhow::Result<PathBuf> {
        let dir = self.dir.join(name);
        remove(&dir)?;
        std::fs::create_dir_all(&dir)?;
        Ok(dir)
    }
}

fn remove(dir: &Path) -> anyhow::Result<()> {
    match std::fs::remove_dir_all(dir) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            Err(error).with_context(|| format!("cannot remove {}", dir.display()))
        }
        _ => Ok(()),
    }
}
