//! `countersign rotate-master-key`

use anyhow::Context as _;
use clap::Args;

use super::{confirmed, runtime};
use crate::cli::{self, Global, print};
use crate::config::MasterKeySource;
use crate::site::{self, OpenedBy};

/// Replace the master key file by a new key
///
/// The keys in the database are wrapped under the new key; nothing else is rewritten. The old key is kept as FILE.old, because backups
/// made so far need it. May be interrupted at any point and run again. Afterwards restart the server, and give the new file to the other
/// nodes of the same database.
#[derive(Debug, Args)]
#[command(
    name = "rotate-master-key",
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong arguments or not confirmed.\n\n\
    Example:\n  countersign rotate-master-key --data /var/lib/countersign --yes"
)]
pub struct RotateMasterKey {
    /// Do not ask
    #[arg(long)]
    yes: bool,
}

impl RotateMasterKey {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        let config = global.load()?.config;
        let MasterKeySource::File(path) = &config.master_key else {
            anyhow::bail!(
                "the master key comes from {}, which this command cannot write; put it into a file (master_key.source = \"file:…\") first",
                config.master_key
            );
        };
        if !confirmed(self.yes, &format!("Replace the master key in {}?", path.display()))? {
            return Ok(cli::USAGE);
        }
        runtime()?.block_on(async {
            let store = site::open_store(&config, OpenedBy::Terminal).await?;
            let rotated = store.rotate_master(path).await;
            store.shutdown().await;
            rotated.context("the master key was not replaced as a whole; run this command again")
        })?;
        print(&format!(
            "New master key in {}; the old one is {}.old. Restart the server.",
            path.display(),
            path.display()
        ))?;
        Ok(cli::OK)
    }
}
