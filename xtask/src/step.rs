//! Runs a program visibly: what is run is printed before it, how long it took after it.

use std::process::Command;
use std::time::Instant;

use anyhow::{Context as _, bail};

/// A `cargo` of the toolchain that runs this task.
pub(crate) fn cargo(args: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(args);
    command
}

/// Runs `command` with its output shown; anything but success is an error that names it.
pub(crate) fn run(command: &mut Command) -> anyhow::Result<()> {
    let line = shown(command);
    let status = timed(command, |command| Ok(command.status()?))?;
    if !status.success() {
        bail!("`{line}` failed ({status})");
    }
    Ok(())
}

/// Has `running` run `command`, and shows which one and how long it took.
pub(crate) fn timed<T>(
    command: &mut Command,
    running: impl FnOnce(&mut Command) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let line = shown(command);
    println!("\n==> {line}");
    let started = Instant::now();
    let result = running(command).with_context(|| format!("cannot run `{line}`"))?;
    println!("    ended after {:.1} s", started.elapsed().as_secs_f32());
    Ok(result)
}

fn shown(command: &Command) -> String {
    let program = std::path::Path::new(command.get_program());
    let name = program.file_name().unwrap_or(program.as_os_str()).to_string_lossy();
    let mut line = name.into_owned();
    for arg in command.get_args() {
        line.push(' ');
        line.push_str(&arg.to_string_lossy());
    }
    line
}
