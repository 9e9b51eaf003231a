//! The authentication proxy; everything is in the library.

use std::io::Write as _;
use std::process::ExitCode;

use clap::Parser;
use countersign_proxy::commands::{Cli, INVALID};

fn main() -> ExitCode {
    match Cli::parse().run() {
        Ok(code) => ExitCode::from(code),
        Err(error) => {
            // There is nowhere left to report a failed report to.
            _ = writeln!(std::io::stderr(), "countersign-proxy: {error:#}");
            ExitCode::from(INVALID)
        }
    }
}
