//! `countersign audit`

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use cs_store::audit::{Report, verify};
use cs_store::{Store, StoreConfig};
use serde_json::{Value as Json, json};

use super::runtime;
use crate::cli::{self, Global, print};
use crate::config::Config;
use crate::site::{OpenedBy, master_key, store_config};

/// Work with the audit log
#[derive(Debug, Args)]
pub struct Audit {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Verify(Verify),
}

/// Check the whole log against its chains and checkpoints
///
/// May run while the server does. Names every entry that was changed, removed, inserted or moved as (chain, place).
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 the log is intact, 1 it is not or cannot be read, 2 wrong arguments.\n\n\
    Example:\n  countersign audit verify --data /var/lib/countersign --checkpoints /mnt/elsewhere/checkpoints.jsonl")]
struct Verify {
    /// Exported checkpoints to compare with [default: the file of audit.checkpoint_file]
    #[arg(long, value_name = "FILE")]
    checkpoints: Option<PathBuf>,
    /// Print JSON
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        let Command::Verify(verify) = &self.command;
        let config = global.load()?.config;
        let report = runtime()?.block_on(verify.report(&config))?;
        let text = if verify.json { serde_json::to_string_pretty(&as_json(&report))? } else { describe(&report) };
        print(&text)?;
        Ok(if report.is_intact() { cli::OK } else { cli::FAILED })
    }
}

impl Verify {
    async fn report(&self, config: &Config) -> anyhow::Result<Report> {
        let path = match (&self.checkpoints, &config.checkpoint_file) {
            (Some(path), _) => Some(path),
            // Nothing is exported before the first entry.
            (None, Some(path)) if path.exists() => Some(path),
            (None, Some(_) | None) => None,
        };
        let mut exported = path
            .map(|path| File::open(path).with_context(|| format!("cannot read {}", path.display())))
            .transpose()?
            .map(BufReader::new);
        // A database that was put back is to be looked at, not refused: without the high-water mark, and nothing is exported.
        let opened = StoreConfig {
            high_water: None,
            exporters: Vec::new(),
            ..store_config(config, master_key(config)?, OpenedBy::Terminal)
        };
        let store = Store::open(opened).await?;
        let report = verify(&store, exported.as_mut().map(|lines| lines as &mut dyn BufRead)).await;
        store.shutdown().await;
        Ok(report?)
    }
}

fn as_json(report: &Report) -> Json {
    json!({
        "intact": report.is_intact(),
        "entries": report.rows,
        "chains": report.chains,
        "checkpoints": report.checkpoints,
        "erased": report.erased,
        "findings": report.findings.iter().map(ToString::to_string).collect::<Vec<_>>(),
    })
}

fn describe(report: &Report) -> String {
    let mut lines = vec![format!(
        "{} entries in {} chains, {} checkpoints, personal fields erased from {}",
        report.rows, report.chains, report.checkpoints, report.erased
    )];
    lines.extend(report.findings.iter().map(|finding| format!("  {finding}")));
    lines.push(if report.is_intact() {
        "The log is intact.".to_owned()
    } else {
        format!("The log is NOT intact: {} findings.", report.findings.len())
    });
    lines.join("\n")
}
