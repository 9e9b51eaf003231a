//! The commands of `countersign-proxy`.

mod check;
mod connectivity;
mod emergency;
mod explain;
mod protect;
mod run;
mod support;

use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::string::FromUtf8Error;

use anyhow::Context as _;
use clap::{Parser, Subcommand};

use crate::cfg::fault::{Fault, Level};
use crate::cfg::{self, Config};
use crate::sources::Host;

/// Wrong arguments: nothing was done.
pub const USAGE: u8 = 2;
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
        let text = String::from_utf8(octets).map_err(|error| self.not_text(&error))?;
        let (config, mut faults) = cfg::read(&text, &self.host());
        let Some(config) = config else { return Ok((None, faults)) };
        // Every use of it would fail, so it is told with everything else, and with its line.
        let unusable = config.main.http_ca_certs_file.as_deref().and_then(authorities);
        let Some(problem) = unusable else { return Ok((Some(config), faults)) };
        let is_key = |line: &str| line.trim_start().to_ascii_lowercase().starts_with("http_ca_certs_file");
        let line = text.lines().position(is_key).map(|at| at + 1);
        let text = format!("http_ca_certs_file: {problem}");
        faults.push(Fault { line, level: Level::Error, text });
        Ok((None, faults))
    }

    /// With the line, and what is usually the reason.
    fn not_text(&self, error: &FromUtf8Error) -> anyhow::Error {
        let (name, octets) = (self.config.display(), error.as_bytes());
        if octets.starts_with(&[0xff, 0xfe]) || octets.starts_with(&[0xfe, 0xff]) {
            return anyhow::anyhow!("{name} is UTF-16, as Windows saves \"Unicode\": save it as UTF-8");
        }
        let before = octets.iter().take(error.utf8_error().valid_up_to());
        let line = before.filter(|octet| **octet == b'\n').count() + 1;
        anyhow::anyhow!("{name}:{line}: a character is not UTF-8: save the file as UTF-8")
    }
}

/// What is wrong with a file of authorities.
fn authorities(path: &Path) -> Option<String> {
    let name = path.display();
    match std::fs::read_to_string(path) {
        Err(error) => Some(format!("cannot read {name}: {error}")),
        Ok(pem) if pem.contains("-----BEGIN CERTIFICATE-----") => None,
        Ok(_) => Some(format!("{name} holds no certificate in PEM (-----BEGIN CERTIFICATE-----)")),
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

/// What went wrong, as JSON: for programs, whichever command it was.
#[must_use]
pub fn error_json(code: &str, message: &str) -> String {
    serde_json::json!({ "error": { "code": code, "message": message } }).to_string()
}

#[cfg(test)]
mod tests {
    use clap::Parser as _;

    use super::*;

    fn read(octets: &[u8]) -> Result<(bool, String), String> {
        let folder = tempfile::tempdir().unwrap();
        let file = ConfigFile { config: folder.path().join("authproxy.cfg") };
        std::fs::write(&file.config, octets).unwrap();
        let named = |text: &str| text.replace(&format!("{}/", folder.path().display()), "");
        let read = file.read().map_err(|error| named(&format!("{error:#}")))?;
        Ok((read.0.is_some(), named(&told(&file, &read.1))))
    }

    #[test]
    fn a_file_as_windows_saves_it_is_read_or_told_how_to_save_it() {
        let text = "[http_proxy]\r\napi_host=api.example.org\r\nclient_ip=192.0.2.1\r\n";
        assert_eq!(read(&[b"\xef\xbb\xbf", text.as_bytes()].concat()), Ok((true, String::new())));
        let wide: Vec<u8> =
            std::iter::once('\u{feff}').chain(text.chars()).flat_map(|c| (c as u16).to_le_bytes()).collect();
        let error = read(&wide).unwrap_err();
        assert_eq!(error, "authproxy.cfg is UTF-16, as Windows saves \"Unicode\": save it as UTF-8");
        let error = read(b"[main]\n; gr\xfcn\n").unwrap_err();
        assert_eq!(error, "authproxy.cfg:2: a character is not UTF-8: save the file as UTF-8");
    }

    #[test]
    fn authorities_that_cannot_be_read_are_told_with_their_line() {
        let (can_start, told) = read(
            b"[main]\nhttp_ca_certs_file=nowhere.pem\n[http_proxy]\napi_host=api.example.org\nclient_ip=192.0.2.1\n",
        )
        .unwrap();
        assert!(!can_start);
        assert!(told.starts_with("authproxy.cfg:2: error: http_ca_certs_file: cannot read nowhere.pem: "), "{told}");
    }

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
