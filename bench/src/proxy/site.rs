//! A Countersign at work, and our proxy beside it.

use std::net::SocketAddr;
use std::path::PathBuf;

use super::ours::{Logs, Ours, Setup};
use crate::options::Bench;
use crate::site::{Installation, Server};

pub(super) struct Site {
    pub(super) installation: Installation,
    pub(super) server: Server,
    dir: PathBuf,
}

impl Site {
    /// One without users.
    pub(super) fn new(bench: &Bench, name: &str) -> anyhow::Result<Self> {
        Self::with(bench, name, |_| Ok(()))
    }

    /// One that is filled before its server runs.
    pub(super) fn with(
        bench: &Bench,
        name: &str,
        fill: impl FnOnce(&Installation) -> anyhow::Result<()>,
    ) -> anyhow::Result<Self> {
        let dir = bench.fresh(name)?;
        let installation = Installation::new(bench, &dir.join("server"), None)?;
        fill(&installation)?;
        let server = installation.start()?;
        Ok(Self { installation, server, dir })
    }

    /// Starts a proxy of it in front of the server behind.
    pub(super) fn proxy(&self, bench: &Bench, behind: SocketAddr, logs: Logs) -> anyhow::Result<Ours> {
        let host = self.installation.target().host;
        let (dir, keys) = (self.dir.join("proxy"), &self.installation.auth);
        let (program, ca) = (bench.proxy.as_path(), self.installation.ca());
        Ours::start(&Setup { program, dir: &dir, behind, keys, api_host: &host, ca, logs })
    }
}
