//! The commands of `countersign-proxy`.

mod check;
mod connectivity;
mod emergency;
mod explain;
mod protect;
mod run;
mod support;

use std::io::{self, Write as _};
use std::path::PathBuf;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::cfg::fault::{Fault, Level};
use crate::cfg::{self, Config};
use crate::sources::Host;

/// Everything was as it should be.
pub const OK: u8 = 0;
/// The configuration has errors.
pub const INVALID: u8 = 1;
/// Something that the configuration refers to does not work.
pub const DOES_NOT_WORK: u8 = 3;

/// The authentication proxy of Countersign.
#[derive(Debug, Parser)]
#[command(name = "countersign-proxy", version, arg_required_else_help = true)]
pub struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    Run(run::Run),
    Check(check::Check),
    Explain(explain::Explain),
    Connectivity(connectivity::Connectivity),
    Support(support::Support),
    Protect(protect::Protect),
    Emergency(emergency::Emergency),
}

/// The configuration's file.
#[derive(Debug, Clone, clap::Args)]
struct ConfigFile {
    /// The configuration
    #[arg(
        long,
        short,
        value_name = "FILE",
        env = "COUNTERSIGN_PROXY_CONFIG",
        // Behind a command of a command as well.
        global = true,
        default_value = "/etc/countersign-proxy/authproxy.cfg"
    )]
    config: PathBuf,
}

impl ConfigFile {
    fn host(&self) -> Host {
        Host::for_file(&self.config)
    }

    /// What it says and what is wrong with it.
    fn read(&self) -> anyhow::Result<(Option<Config>, Vec<Fault>)> {
        let octets = std::fs::read(&self.config).with_context(|| format!("cannot read {}", self.config.display()))?;
        let text = String::from_utf8(octets).with_context(|| format!("{} is not UTF-8 text", self.config.display()))?;
        Ok(cfg::read(&text, &self.host()))
    }
}

impl ConfigFile {
    /// What it says now; its mistakes otherwise. What is merely doubtful goes to the log.
    fn reread(&self) -> anyhow::Result<Config> {
        let (config, faults) = self.read()?;
        let told = told(self, &faults);
        let Some(config) = config else { anyhow::bail!("{}", told.trim_end()) };
        told.lines().for_each(|line| tracing::warn!("{line}"));
        Ok(config)
    }
}

impl Cli {
    /// Runs the command; what it returns is the exit code.
    pub fn run(&self) -> anyhow::Result<u8> {
        match &self.command {
            Command::Run(run) => run.run(),
            Command::Check(check) => check.run(),
            Command::Explain(explain) => explain.run(),
            Command::Connectivity(connectivity) => connectivity.run(),
            Command::Support(support) => support.run(),
            Command::Protect(protect) => protect.run(),
            Command::Emergency(emergency) => emergency.run(),
        }
    }
}

/// Prints to standard output. A reader that has gone away, as `head` does, is no mistake.
fn print(text: &str) -> anyhow::Result<()> {
    match writeln!(io::stdout(), "{}", text.trim_end()) {
        Err(error) if error.kind() != io::ErrorKind::BrokenPipe => Err(error.into()),
        Ok(()) | Err(_) => Ok(()),
    }
}

/// The faults of a file, one a line, as compilers write them: `FILE:LINE: error: …`.
fn told(file: &ConfigFile, faults: &[Fault]) -> String {
    let name = file.config.display();
    let line = |fault: &Fault| {
        let level = match fault.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        match fault.line {
            Some(line) => format!("{name}:{line}: {level}: {}\n", fault.text),
            None => format!("{name}: {level}: {}\n", fault.text),
        }
    };
    faults.iter().map(line).collect()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    #[test]
    fn the_configuration_is_named_behind_every_command() {
        for line in [
            "run -c x",
            "check --config x",
            "explain -c x",
            "connectivity -c x",
            "support -c x",
            "emergency -c x end",
            "emergency begin -c x TOKEN",
            "emergency begin TOKEN --config x",
            "emergency end -c x",
        ] {
            let words = std::iter::once("countersign-proxy").chain(line.split(' '));
            assert!(Cli::try_parse_from(words).is_ok(), "{line}");
        }
    }
}
