//! The command-line authenticator; everything is in the library.

use std::io::{self, Write as _};
use std::process::ExitCode;

use clap::Parser;
use countersign_device::cli::{self, Cli, Exit, Terminal};
use countersign_device::{Environment, Storage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return usage(&error),
    };
    let (mut out, mut err) = (io::stdout(), io::stderr());
    let mut terminal = Terminal::of_process(&mut out, &mut err);
    let exit = match Storage::home() {
        Ok(storage) => cli::run(&cli, &storage, &Environment::default(), &mut terminal).await,
        Err(error) => {
            // There is nowhere left to report a failed report to.
            let _ = writeln!(terminal.err, "countersign-device: {error}");
            Exit::Store
        }
    };
    ExitCode::from(exit as u8)
}

/// Help, the version, or what is wrong with the arguments; the latter as JSON where that was asked for.
fn usage(error: &clap::Error) -> ExitCode {
    if !error.use_stderr() || !std::env::args_os().any(|argument| argument == "--json") {
        error.exit();
    }
    // There is nowhere left to report a failed report to.
    let _ = writeln!(io::stdout(), "{}", cli::usage_json(error, "usage"));
    ExitCode::from(Exit::Usage as u8)
}
