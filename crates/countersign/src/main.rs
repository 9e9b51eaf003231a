//! The Countersign server.

use std::process::ExitCode;

fn main() -> ExitCode {
    countersign::cli::main()
}
