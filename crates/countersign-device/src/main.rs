//! The command-line authenticator; everything is in the library.

use std::io;
use std::process::ExitCode;

use clap::Parser;
use countersign_device::cli::{self, Cli, Exit, Terminal};
use countersign_device::{Environment, Storage};

#[tokio::main(flavor = "current_thread")]
async fn main() -> ExitCode {
    let cli = Cli::parse();
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
