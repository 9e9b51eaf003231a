//! `countersign support`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;

use super::runtime;
use crate::check::check_with_data;
use crate::cli::{self, Global, print};
use crate::support;

/// Write a bundle for a support case, with every secret taken out
///
/// Holds the configuration, versions, findings of `countersign check`, health and metrics of the running server, and
/// the log lines given with --log. Look through it before you send it.
#[derive(Debug, Args)]
#[command(
    after_help = "Example:\n  journalctl -u countersign -n 5000 > /tmp/log && countersign support --log /tmp/log --out bundle.tar"
)]
pub struct Support {
    /// Where to write: a `.tar` file, or a directory that does not exist yet
    #[arg(long, value_name = "FILE.tar|DIR")]
    out: PathBuf,
    /// A log file whose last lines to include; may be given several times
    #[arg(long, value_name = "FILE")]
    log: Vec<PathBuf>,
}

impl Support {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        // A broken configuration is a reason for a bundle, not against one.
        let loaded = global.load();
        let now = crate::server::now();
        let findings = match &loaded {
            Ok(loaded) => runtime()?.block_on(check_with_data(&loaded.config, now)),
            Err(_) => Vec::new(),
        };
        let bundle = support::collect(global, loaded.as_ref(), &findings, &self.log, now);
        let out = self.out.display();
        bundle.write(&self.out).with_context(|| format!("cannot write {out}, which must not exist yet"))?;
        print(&format!("{}: {} files, secrets taken out", self.out.display(), bundle.len()))?;
        Ok(cli::OK)
    }
}
