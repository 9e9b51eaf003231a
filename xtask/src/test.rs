//! `cargo xtask test`: installs what the tests need, builds the programs they start, runs all of them.

use std::process::Command;

use anyhow::bail;

use crate::install;
use crate::metadata;
use crate::step;

/// What `cargo xtask test` was asked for.
#[derive(Debug, Default, PartialEq, Eq)]
pub(crate) struct Options {
    fast: bool,
    no_install: bool,
    cargo_args: Vec<String>,
}

impl Options {
    pub(crate) fn parse(args: &[&str]) -> anyhow::Result<Self> {
        let mut options = Self::default();
        let mut rest = args.iter();
        while let Some(&arg) = rest.next() {
            match arg {
                "--fast" => options.fast = true,
                "--no-install" => options.no_install = true,
                "--" => options.cargo_args = rest.by_ref().map(|&arg| arg.to_owned()).collect(),
                _ => bail!("`test` knows --fast, --no-install and `-- ARGS`, not `{arg}`"),
            }
        }
        Ok(options)
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.fast {
        return step::run(test_command(options).args(["--exclude", "e2e", "--exclude", "bench"]));
    }
    let target = metadata::target_directory()?;
    let places = if options.no_install { install::Places::under(&target) } else { install::everything(&target)? };
    // One build with the features that the tests resolve to: end-to-end tests start these binaries,
    // and building the binaries by themselves would compile many dependencies a second time.
    step::run(&mut step::cargo(&["build", "--workspace", "--bins", "--tests"]))?;
    let mut command = test_command(options);
    command
        .env("COUNTERSIGN_REQUIRE_POSTGRES", "1")
        .env("COUNTERSIGN_E2E_VENVS", &places.venvs)
        .env("COUNTERSIGN_E2E_NPM", &places.npm)
        .env("COUNTERSIGN_E2E_BIN", target.join("debug"));
    step::run(&mut command)
}

fn test_command(options: &Options) -> Command {
    let mut command = step::cargo(&["test", "--workspace", "--no-fail-fast"]);
    command.args(&options.cargo_args);
    command
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_follows_two_dashes_goes_to_cargo_test() {
        let options = Options::parse(&["--fast", "--", "-p", "cs-core", "--", "--nocapture"]).unwrap();
        let cargo_args = ["-p", "cs-core", "--", "--nocapture"].map(str::to_owned).to_vec();
        assert_eq!(options, Options { fast: true, no_install: false, cargo_args });
    }

    #[test]
    fn an_unknown_flag_is_named() {
        let error = Options::parse(&["--quick"]).unwrap_err().to_string();
        assert!(error.contains("`--quick`"), "{error}");
    }
}
