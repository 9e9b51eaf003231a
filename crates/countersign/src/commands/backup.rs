//! `countersign backup`

use std::fs::{File, OpenOptions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use anyhow::Context as _;
use clap::Args;
use cs_store::backup::{self, Summary};
use jiff::Timestamp;
use serde_json::json;

use super::{Progress, now, runtime};
use crate::cli::{self, Global, print};
use crate::site::{self, OpenedBy};

/// Write a backup while the server runs
///
/// The file holds every table, consistent as of one moment, and is authenticated under the master key, which is not in it: keep
/// that key (DIR/master.key) and the certificate authority (DIR/tls) elsewhere. The file is checked after it is written.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 done, 1 failed, 2 wrong arguments.\n\n\
    Examples:\n  countersign backup --data /var/lib/countersign --to /mnt/backup/countersign-$(date +%F).jsonl\n  \
    countersign backup --data /var/lib/countersign --check /mnt/backup/countersign-2026-11-22.jsonl")]
pub struct Backup {
    /// File to write; it must not exist
    #[arg(long, value_name = "FILE", required_unless_present = "check")]
    to: Option<PathBuf>,
    /// Only check that this backup is complete and was made under the master key
    #[arg(long, value_name = "FILE", conflicts_with = "to")]
    check: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Backup {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        let config = global.load()?.config;
        let (path, summary) = match (&self.to, &self.check) {
            (Some(to), _) => (to, runtime()?.block_on(write(&config, to))?),
            (None, Some(check)) => {
                let master = site::master_key(&config)?;
                (check, backup::check(check, &master).with_context(|| check.display().to_string())?)
            }
            // The arguments demand one of them.
            (None, None) => return Ok(cli::USAGE),
        };
        print(&describe(path, &summary, self.json)?)?;
        Ok(cli::OK)
    }
}

async fn write(config: &crate::config::Config, to: &Path) -> anyhow::Result<Summary> {
    anyhow::ensure!(!to.exists(), "{} exists; a backup never replaces a file", to.display());
    // Under another name until it is complete and checked: what has the name is a backup.
    let partial = partial(to);
    let file = OpenOptions::new()
        .write(true)
        .create(true)
        .truncate(true)
        .mode(0o600)
        .open(&partial)
        .with_context(|| format!("cannot write {}", partial.display()))?;
    let master = site::master_key(config)?;
    let store = site::open_store(config, OpenedBy::Terminal).await?;
    let out = Box::new(BufWriter::new(file.try_clone()?)) as Box<dyn Write + Send>;
    let made = backup::backup(&store, out, Progress::new("backing up").into_callback(), now()).await;
    store.shutdown().await;
    let outcome = made.map_err(anyhow::Error::from).and_then(|_| finish(&file, &partial, to, &master));
    if outcome.is_err() {
        // Best effort: what is left is marked as partial by its name.
        let _ = std::fs::remove_file(&partial);
    }
    outcome
}

fn finish(file: &File, partial: &Path, to: &Path, master: &cs_store::vault::MasterKey) -> anyhow::Result<Summary> {
    file.sync_all()?;
    let summary = backup::check(partial, master)?;
    std::fs::rename(partial, to)?;
    let parent = to.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(parent)?.sync_all()?;
    Ok(summary)
}

fn partial(to: &Path) -> PathBuf {
    let mut name = to.as_os_str().to_owned();
    name.push(".partial");
    name.into()
}

pub(super) fn describe(path: &Path, summary: &Summary, as_json: bool) -> anyhow::Result<String> {
    let made_at = Timestamp::from_millisecond(summary.header.at)?;
    Ok(if as_json {
        serde_json::to_string_pretty(&json!({
            "file": path,
            "database": summary.header.database,
            "made_at": made_at,
            "rows": summary.rows,
            "generation": summary.generation,
        }))?
    } else {
        format!(
            "{}\n  made {made_at:.0} of database {}\n  {} rows, generation {}",
            path.display(),
            summary.header.database,
            summary.rows,
            summary.generation
        )
    })
}
