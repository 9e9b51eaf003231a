//! Every repeated task of this repository: `cargo xtask help` lists them.
#![expect(clippy::print_stdout, clippy::print_stderr, reason = "a program for a terminal")]

mod again;
mod check_deps;
mod ci;
#[cfg(test)]
mod docs;
mod fuzz;
mod install;
mod licences;
mod metadata;
mod spdx;
mod step;
mod test;
mod web;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  test [--fast] [--no-install] [-- ARGS…]
                 run every test; installs what they need from Debian, PyPI and npm if it is missing
                 --fast        only what needs nothing installed (no end-to-end tests, no PostgreSQL)
                 --no-install  run all, install nothing
                 -- ARGS       handed to `cargo test`
  ci             all that a commit must pass: fmt, clippy, check-deps, licences, test, doc
  check-deps     dependencies between our packages go one way, pure crates stay pure
  licences       licences and banned crates among all dependencies, duplicates
  fuzz [OPTIONS] run the fuzz targets with optimised code; `cargo xtask fuzz --help`
  install        only install what the tests need
";

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().skip(1).collect();
    let args: Vec<&str> = args.iter().map(String::as_str).collect();
    match run(&args) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("\nxtask: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(args: &[&str]) -> anyhow::Result<()> {
    let Some((&task, rest)) = args.split_first() else {
        anyhow::bail!("say which task\n\n{HELP}");
    };
    match task {
        "test" => test::run(&test::Options::parse(rest)?),
        "fuzz" => fuzz::run(rest),
        "help" | "--help" | "-h" => {
            print!("{HELP}");
            Ok(())
        }
        "ci" | "check-deps" | "licences" | "install" if !rest.is_empty() => {
            anyhow::bail!("`{task}` takes no arguments, found `{}`", rest.join(" "))
        }
        "ci" => ci::run(),
        "check-deps" => check_deps::run(),
        "licences" => licences::run(),
        "install" => install::everything(&metadata::target_directory()?).map(drop),
        _ => anyhow::bail!("there is no task `{task}`\n\n{HELP}"),
    }
}
