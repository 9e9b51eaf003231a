//! `countersign-proxy support`

use std::path::PathBuf;

use anyhow::Context as _;
use clap::Args;
use jiff::Timestamp;

use super::{ConfigFile, OK, print};
use crate::connectivity;
use crate::support::Bundle;

/// Write a bundle for a support case, with every secret taken out
///
/// Holds the configuration, what `check`, `explain` and `connectivity` say, logs, and metrics of the running proxy. Look through it before you send it.
#[derive(Debug, Args)]
pub(super) struct Support {
    #[command(flatten)]
    file: ConfigFile,
    /// Where to write; usually countersign-proxy-support-TIME.tar in this folder
    #[arg(long, value_name = "FILE.tar")]
    out: Option<PathBuf>,
    /// Try no connection
    #[arg(long)]
    offline: bool,
}

impl Support {
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let octets =
            std::fs::read(&self.file.config).with_context(|| format!("cannot read {}", self.file.config.display()))?;
        let text = String::from_utf8_lossy(&octets);
        let host = self.file.host();
        // A configuration with mistakes is a reason for a bundle, not against one.
        let (config, _) = crate::cfg::read(&text, &host);
        let findings = match config.filter(|_| !self.offline) {
            Some(config) => {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
                runtime.block_on(connectivity::try_all(&config))
            }
            None => Vec::new(),
        };
        let bundle = Bundle::of(&text, &host, &findings, now());
        let path = self.out.clone().unwrap_or_else(|| bundle.name().into());
        bundle.write(&path).with_context(|| format!("cannot write {}", path.display()))?;
        print(&format!("{}: {} files, secrets taken out", path.display(), bundle.files().len()))?;
        Ok(OK)
    }
}

#[expect(clippy::disallowed_methods, reason = "the time in the bundle's name")]
fn now() -> Timestamp {
    Timestamp::now()
}
