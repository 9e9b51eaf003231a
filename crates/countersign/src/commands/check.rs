//! `countersign check`

use clap::Args;

use super::runtime;
use crate::check::{Finding, Level, check_with_data};
use crate::cli::{self, Global, print};

/// Validate configuration, certificate, keys and data directory
///
/// Changes nothing. Run it as the user the service runs as, after every edit of the configuration.
#[derive(Debug, Args)]
#[command(
    after_help = "Exit codes: 0 all well or warnings only, 1 something will not work, 2 the configuration is wrong.\n\n\
    Example:\n  sudo -u countersign countersign check --data /var/lib/countersign"
)]
pub struct Check {
    /// Print a JSON list of findings
    #[arg(long)]
    json: bool,
}

impl Check {
    pub fn run(&self, global: &Global) -> anyhow::Result<u8> {
        let config = global.load()?.config;
        let findings = runtime()?.block_on(check_with_data(&config, crate::server::now()));
        let text = if self.json { serde_json::to_string_pretty(&findings)? } else { describe(&findings) };
        print(text.trim_end())?;
        let worst = findings.iter().map(|finding| finding.level).max();
        Ok(if worst == Some(Level::Error) { cli::FAILED } else { cli::OK })
    }
}

fn describe(findings: &[Finding]) -> String {
    let mut text = String::new();
    for finding in findings {
        let mark = match finding.level {
            Level::Ok => "ok     ",
            Level::Warning => "warning",
            Level::Error => "error  ",
        };
        text.push_str(&format!("{mark} {}: {}\n", finding.subject, finding.message));
        if let Some(remedy) = &finding.remedy {
            text.push_str(&format!("        {remedy}\n"));
        }
    }
    text
}
