//! `countersign-proxy check`

use clap::Args;
use serde_json::json;

use super::{ConfigFile, INVALID, OK, print, told};
use crate::cfg::fault::{Fault, Level};

/// Find every mistake in the configuration, with its line
///
/// Reads `authproxy.cfg` as the vendor's proxy does, and tells what that one is silent about: unknown and misspelt keys, comments behind values, gaps in numbering.
/// Nothing is contacted and nothing changed.
#[derive(Debug, Args)]
#[command(after_help = "Exit codes: 0 it can start (there may be warnings), 1 it cannot, 2 wrong arguments.")]
pub(super) struct Check {
    #[command(flatten)]
    file: ConfigFile,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let (config, faults) = self.file.read()?;
        if self.json {
            let faults: Vec<serde_json::Value> = faults.iter().map(as_json).collect();
            print(&serde_json::to_string_pretty(&faults)?)?;
        } else {
            let last = if config.is_some() { "It can start." } else { "It cannot start." };
            print(&format!("{}{last}", told(&self.file, &faults)))?;
        }
        Ok(if config.is_some() { OK } else { INVALID })
    }
}

fn as_json(fault: &Fault) -> serde_json::Value {
    let level = if fault.level == Level::Error { "error" } else { "warning" };
    json!({ "line": fault.line, "level": level, "text": fault.text })
}
