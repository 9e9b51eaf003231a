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
use crate::clean::{clean, escape_json};
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

/// What is wrong with the arguments, in one line and as JSON under `code`: for programs, which do not read a usage.
#[must_use]
pub fn usage_json(error: &clap::Error, code: &str) -> String {
    let message = clean(&one_line(&error.to_string()), 600);
    escape_json(&serde_json::json!({ "error": { "code": code, "message": message } }).to_string())
}

/// Without the usage and the hint at --help.
fn one_line(message: &str) -> String {
    let lines = message.strip_prefix("error: ").unwrap_or(message).lines().map(str::trim);
    let says =
        |line: &&str| !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more information");
    lines.filter(says).collect::<Vec<_>>().join(" ")
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
