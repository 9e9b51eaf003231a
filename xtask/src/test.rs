//! `cargo xtask test`: installs what the tests need, builds the programs they start, runs all of them, those of `web/` first.

use std::process::Command;

use anyhow::bail;

use crate::again;
use crate::install;
use crate::metadata;
use crate::step;
use crate::web;

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

    /// Whether the caller named packages, so that not all of them are meant.
    fn chooses_packages(&self) -> bool {
        let cargo_args = self.cargo_args.iter().take_while(|arg| *arg != "--");
        cargo_args.into_iter().any(|arg| arg.starts_with("-p") || arg.starts_with("--package"))
    }
}

pub(crate) fn run(options: &Options) -> anyhow::Result<()> {
    if options.fast {
        return step::run(&mut test_command(options));
    }
    let target = metadata::target_directory()?;
    let places = if options.no_install { install::Places::under(&target) } else { install::everything(&target)? };
    // End-to-end tests start these binaries. With `--tests` dependencies get the features that the tests
    // resolve to; without it many would be compiled a second time.
    let mut build = step::cargo(&["build", "--bins"]);
    if options.chooses_packages() {
        build.args(["--package", "countersign", "--package", "countersign-device", "--package", "countersign-proxy"]);
    } else {
        build.args(["--workspace", "--tests"]);
    }
    step::run(&mut build)?;
    if !options.chooses_packages() {
        web::check(&places.npm)?;
    }
    let with_places = |mut command: Command| {
        command
            .env("COUNTERSIGN_REQUIRE_POSTGRES", "1")
            .env("COUNTERSIGN_E2E_VENVS", &places.venvs)
            .env("COUNTERSIGN_E2E_NPM", &places.npm)
            .env("COUNTERSIGN_E2E_BIN", target.join("debug"));
        command
    };
    if options.chooses_packages() {
        return step::run(&mut with_places(test_command(options)));
    }
    again::run(with_places(test_command(options)), |failed| {
        let mut alone = step::cargo(&["test", "--workspace", "--test", "it", "--", "--exact", "--test-threads=1"]);
        alone.args(failed);
        with_places(alone)
    })
}

fn test_command(options: &Options) -> Command {
    let mut command = step::cargo(&["test", "--no-fail-fast"]);
    if !options.chooses_packages() {
        command.arg("--workspace");
        if options.fast {
            command.args(["--exclude", "e2e", "--exclude", "bench"]);
        }
    }
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
    fn packages_are_chosen_before_the_arguments_of_the_test_binary() {
        let chooses = |args: &[&str]| Options::parse(args).unwrap().chooses_packages();
        assert!(chooses(&["--", "-p", "cs-core"]));
        assert!(chooses(&["--", "--package=cs-core"]));
        assert!(!chooses(&["--", "totp", "--", "-p"]));
        assert!(!chooses(&["--fast"]));
    }

    #[test]
    fn an_unknown_flag_is_named() {
        let error = Options::parse(&["--quick"]).unwrap_err().to_string();
        assert!(error.contains("`--quick`"), "{error}");
    }
}
