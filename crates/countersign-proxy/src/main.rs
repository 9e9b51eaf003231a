//! The authentication proxy; everything is in the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use countersign_proxy::commands::{Cli, INVALID, USAGE, error_json};

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) if error.use_stderr() && wants_json() => {
            let text = error.to_string();
            let first = text.strip_prefix("error: ").unwrap_or(&text).split("\n\n").next().unwrap_or_default();
            say(&error_json("invalid", first));
            return ExitCode::from(USAGE);
        }
        Err(error) => error.exit(),
    };
    match cli.run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            if wants_json() {
                say(&error_json("failed", &format!("{error:#}")));
            } else {
                // There is nowhere left to report a failed report to.
                _ = writeln!(std::io::stderr(), "countersign-proxy: {error:#}");
            }
            ExitCode::from(INVALID)
        }
    }
}

/// Whether the answer is read by a program, whichever command this is.
fn wants_json() -> bool {
    std::env::args_os().any(|argument| argument == "--json")
}

fn say(json: &str) {
    // There is nowhere left to report a failed report to.
    _ = writeln!(std::io::stdout(), "{json}");
}
