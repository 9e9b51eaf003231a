//! The program: arguments in, lines or JSON out, an exit code at the end.

mod answer;
mod args;
mod commands;
mod error;
mod live;
mod select;
mod shapes;
mod terminal;

pub use args::{Activate, Approve, Class, Cli, Command, Deny, Remove, Watch, Which};
pub use error::Exit;
pub use terminal::{Input, Terminal};

use crate::Environment;
use crate::storage::Storage;
use shapes::{ErrorDetail, ErrorShape};

/// What every command works with.
struct Context<'a, 't> {
    storage: &'a Storage,
    environment: &'a Environment,
    terminal: &'a mut Terminal<'t>,
    account: Option<&'a str>,
    json: bool,
}

/// Runs one command and reports how it ended: an error goes to the terminal's `err`, with `--json` as an object to `out`.
pub async fn run(cli: &Cli, storage: &Storage, environment: &Environment, terminal: &mut Terminal<'_>) -> Exit {
    let mut context = Context { storage, environment, terminal, account: cli.account.as_deref(), json: cli.json };
    let error = match commands::dispatch(&mut context, &cli.command).await {
        Ok(()) => return Exit::Done,
        Err(error) => error,
    };
    // Whether the message itself can be written changes nothing about how the command ended.
    let _ = if cli.json {
        let error = ErrorDetail { code: error.code(), message: error.text() };
        terminal.json(&ErrorShape { error })
    } else {
        writeln!(terminal.err, "countersign-device: {}", error.text())
    };
    error.exit()
}
