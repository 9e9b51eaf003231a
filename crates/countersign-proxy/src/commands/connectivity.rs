//! `countersign-proxy connectivity`

use clap::Args;
use serde_json::json;

use super::{ConfigFile, DOES_NOT_WORK, INVALID, OK, print, told};
use crate::connectivity::{self, Finding, Grade};

/// Try everything that the configuration refers to
///
/// The server (name, connection, TLS, clock, keys), every client section and every port. Nobody is logged in, nothing is changed, and the proxy may run meanwhile.
#[derive(Debug, Args)]
#[command(
    visible_alias = "connect-test",
    after_help = "Exit codes: 0 everything works or is doubtful, 1 the configuration has errors, 2 wrong arguments, 3 something does not work."
)]
pub(super) struct Connectivity {
    #[command(flatten)]
    file: ConfigFile,
    /// Print a JSON list
    #[arg(long)]
    json: bool,
}

impl Connectivity {
    pub(super) fn run(&self) -> anyhow::Result<u8> {
        let (config, faults) = self.file.read()?;
        let Some(config) = config else {
            print(&format!("{}It cannot start.", told(&self.file, &faults)))?;
            return Ok(INVALID);
        };
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
        let findings = runtime.block_on(connectivity::try_all(&config));
        if self.json {
            let list: Vec<serde_json::Value> = findings.iter().map(as_json).collect();
            print(&serde_json::to_string_pretty(&list)?)?;
        } else {
            let lines: Vec<String> = findings.iter().map(ToString::to_string).collect();
            print(&lines.join("\n"))?;
        }
        let works = findings.iter().all(|finding| finding.grade < Grade::Fails);
        Ok(if works { OK } else { DOES_NOT_WORK })
    }
}

pub(super) fn as_json(finding: &Finding) -> serde_json::Value {
    let Finding { section, grade, text, remedy } = finding;
    json!({ "section": section, "grade": grade.word(), "text": text, "remedy": remedy })
}
