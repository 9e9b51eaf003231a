//! A second chance, alone, for integration tests that failed beside hundreds of others.
//!
//! They drive browsers, VPNs and databases on whatever is left of two cores. One that fails twice has found something; one that fails once
//! is told at the end and wants to be looked at, but does not hold up everybody else's work.

use std::collections::BTreeSet;
use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use anyhow::{Context as _, bail};

use crate::step;

/// More failures than these are no accident.
const MOST: usize = 3;

/// Runs `tests`, a `cargo test`; if few fail, `alone` makes the command that runs only those, one after the other.
pub(crate) fn run(tests: Command, alone: impl FnOnce(&BTreeSet<String>) -> Command) -> anyhow::Result<()> {
    let first = outcome(tests)?;
    if first.succeeded {
        return Ok(());
    }
    if first.failed.is_empty() || first.failed.len() > MOST {
        bail!("{} tests failed", first.failed.len());
    }
    let names = listed(&first.failed);
    println!("\n==> failed beside the others: {names}; once more, alone");
    let second = outcome(alone(&first.failed))?;
    // Only what was found and passed counts: the second run knows integration tests alone.
    let missing = first.failed.difference(&second.passed).cloned().collect::<BTreeSet<_>>();
    if !second.succeeded || !missing.is_empty() {
        bail!("failed: {}", listed(if missing.is_empty() { &first.failed } else { &missing }));
    }
    println!(
        "\nwarning: passed only alone, which may be a defect that load brings to light; its output is above: {names}"
    );
    Ok(())
}

fn listed(names: &BTreeSet<String>) -> String {
    names.iter().map(String::as_str).collect::<Vec<_>>().join(", ")
}

#[derive(Debug, Default)]
struct Outcome {
    succeeded: bool,
    passed: BTreeSet<String>,
    failed: BTreeSet<String>,
}

impl Outcome {
    /// Notes a line such as `test login::it_opens ... ok`.
    fn note(&mut self, line: &str) {
        let Some((name, end)) = line.strip_prefix("test ").and_then(|rest| rest.split_once(" ... ")) else { return };
        match end.trim() {
            "ok" => self.passed.insert(name.to_owned()),
            "FAILED" => self.failed.insert(name.to_owned()),
            _ => false,
        };
    }
}

/// Runs a `cargo test` with its output shown, and reads in it what became of each test.
fn outcome(mut command: Command) -> anyhow::Result<Outcome> {
    step::timed(&mut command, |command| {
        let mut child = command.stdout(Stdio::piped()).spawn()?;
        let mut outcome = Outcome::default();
        if let Some(stdout) = child.stdout.take() {
            for line in BufReader::new(stdout).split(b'\n') {
                let line = line?;
                let line = String::from_utf8_lossy(&line);
                outcome.note(&line);
                println!("{line}");
            }
        }
        outcome.succeeded = child.wait().context("waiting for the tests")?.success();
        Ok(outcome)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn says(text: &str, code: u8) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", &format!("printf '{text}'; exit {code}")]);
        command
    }

    fn never(_: &BTreeSet<String>) -> Command {
        panic!("nothing is run again")
    }

    #[test]
    fn what_passes_alone_is_forgiven() {
        let first = says("test a::one ... ok\\ntest a::two ... FAILED\\n\\nfailures:\\n    a::two\\n", 101);
        run(first, |failed| {
            assert_eq!(listed(failed), "a::two");
            says("test a::two ... ok\\n", 0)
        })
        .unwrap();
    }

    #[test]
    fn what_fails_twice_or_is_not_found_again_fails() {
        let first = || says("test a::two ... FAILED\\n", 101);
        let error = run(first(), |_| says("test a::two ... FAILED\\n", 101)).unwrap_err();
        assert_eq!(error.to_string(), "failed: a::two");
        // A test of a library is none of those that are run again.
        assert!(run(first(), |_| says("running 0 tests\\n", 0)).is_err());
    }

    #[test]
    fn many_failures_or_none_that_is_named_fail_at_once() {
        let many = (0..=MOST).map(|number| format!("test t{number} ... FAILED\\n")).collect::<String>();
        assert!(run(says(&many, 101), never).is_err());
        assert!(run(says("error: could not compile\\n", 101), never).is_err());
        run(says("test a::one ... ok\\n", 0), never).unwrap();
    }
}
