//! The command line: which commands there are, and what they share.

use std::path::PathBuf;
use std::process::ExitCode;

use clap::parser::ValueSource;
use clap::{Args, CommandFactory as _, FromArgMatches as _, Parser, Subcommand};

use crate::commands;
use crate::config::{ConfigErrors, Loaded, load};

/// Everything went well.
pub const OK: u8 = 0;
/// The command ran and found a problem, or failed.
pub const FAILED: u8 = 1;
/// Wrong arguments or configuration: nothing was tried.
pub const USAGE: u8 = 2;

#[derive(Debug, Parser)]
#[command(
    name = "countersign",
    version,
    about = "Self-hosted multi-factor authentication",
    after_help = "Exit codes: 0 done, 1 failed or problems found, 2 wrong arguments or configuration."
)]
struct Cli {
    #[command(flatten)]
    global: Global,
    #[command(subcommand)]
    command: Command,
}

/// Arguments of every command.
#[derive(Debug, Clone, Args)]
pub struct Global {
    /// Data directory
    #[arg(long, global = true, value_name = "DIR", env = "COUNTERSIGN_DATA", default_value = "countersign-data")]
    pub data: PathBuf,
    /// Configuration file [default: DIR/countersign.toml, if it exists]
    #[arg(long, global = true, value_name = "FILE", env = "COUNTERSIGN_CONFIG")]
    pub config: Option<PathBuf>,
}

impl Global {
    /// Reads the configuration these arguments name.
    pub fn load(&self) -> Result<Loaded, ConfigErrors> {
        load(&self.data, self.config.as_deref())
    }
}

/// One variant per file in `commands`, which holds its arguments and `run`.
#[derive(Debug, Subcommand)]
enum Command {
    Bootstrap(commands::bootstrap::Bootstrap),
    Serve(commands::serve::Serve),
    Demo(commands::demo::Demonstrate),
    Admin(commands::admin::Admin),
    Policy(commands::admin::policy::Policy),
    Directory(commands::admin::directory::Directory),
    Emergency(commands::admin::emergency::Emergency),
    Check(commands::check::Check),
    Support(commands::support::Support),
    Audit(commands::audit::Audit),
    Backup(commands::backup::Backup),
    Restore(commands::restore::Restore),
    RotateMasterKey(commands::rotate_master_key::RotateMasterKey),
}

/// The command line, every argument of it explained.
pub(crate) fn command() -> clap::Command {
    commands::explained::explained(Cli::command())
}

/// Runs the command the process was started with.
#[must_use]
pub fn main() -> ExitCode {
    let matches = command().try_get_matches().unwrap_or_else(|error| usage(&error));
    let cli = Cli::from_arg_matches(&matches).unwrap_or_else(|error| usage(&error));
    let names_data = matches.value_source("data").is_some_and(|source| source != ValueSource::DefaultValue);
    crate::tls::install_provider();
    let outcome = match cli.command {
        Command::Bootstrap(bootstrap) => bootstrap.run(&cli.global),
        Command::Serve(serve) => serve.run(&cli.global),
        Command::Demo(demo) => demo.run(names_data.then_some(cli.global.data.as_path())),
        Command::Admin(admin) => admin.run(&cli.global),
        Command::Policy(policy) => policy.run(&cli.global),
        Command::Directory(directory) => directory.run(&cli.global),
        Command::Emergency(emergency) => emergency.run(&cli.global),
        Command::Check(check) => check.run(&cli.global),
        Command::Support(support) => support.run(&cli.global),
        Command::Audit(audit) => audit.run(&cli.global),
        Command::Backup(backup) => backup.run(&cli.global),
        Command::Restore(restore) => restore.run(&cli.global),
        Command::RotateMasterKey(rotate) => rotate.run(&cli.global),
    };
    ExitCode::from(outcome.unwrap_or_else(|error| report(&error)))
}

/// What is wrong with an argument, where that is found only after all were read.
#[derive(Debug, thiserror::Error)]
#[error("{argument}: {problem}")]
pub struct UsageError {
    /// As it is typed.
    pub argument: &'static str,
    /// What is wrong, and what is expected.
    pub problem: String,
}

/// Prints a command's answer.
pub(crate) fn print(text: &str) -> std::io::Result<()> {
    use std::io::Write as _;
    writeln!(std::io::stdout().lock(), "{text}")
}

/// Whether the answer is read by a program, whichever command this is: also before the arguments are understood.
fn wants_json() -> bool {
    std::env::args_os().any(|argument| argument == "--json")
}

/// Help, the version, or what is wrong with the arguments; the latter as JSON where that was asked for.
fn usage(error: &clap::Error) -> ! {
    if !error.use_stderr() || !wants_json() {
        error.exit();
    }
    // There is nowhere left to report a failed report to.
    let _ = print(&countersign_device::cli::usage_json(error, "invalid"));
    std::process::exit(USAGE.into());
}

/// Prints an error with its causes and gives the exit code.
fn report(error: &anyhow::Error) -> u8 {
    // A reader that has gone away, as `head` does, needs no complaint. That nobody has read the answer is no success either: it may have been that the log is forged.
    if error.downcast_ref::<std::io::Error>().is_some_and(|error| error.kind() == std::io::ErrorKind::BrokenPipe) {
        return FAILED;
    }
    let is_usage = error.is::<ConfigErrors>() || error.is::<UsageError>();
    if wants_json() {
        let code = if is_usage { "invalid" } else { "failed" };
        let shape = serde_json::json!({ "error": { "code": code, "message": format!("{error:#}") } });
        let _ = print(&countersign_device::escape_json(&shape.to_string()));
    } else {
        #[expect(clippy::print_stderr, reason = "the command line's own answer, before or without logging")]
        {
            eprintln!("countersign: {error:#}");
        }
    }
    if is_usage { USAGE } else { FAILED }
}
