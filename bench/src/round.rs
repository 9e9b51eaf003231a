//! Rounds: the load generator as a child process, and the server's processor time around its work.

use std::io::{BufRead as _, BufReader, Write as _};
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};

use anyhow::{Context as _, bail, ensure};

use crate::load::{Outcome, Plan, Steady};
use crate::process::{Watched, cpu_seconds};
use crate::stats::Spread;

/// A load generator at work.
pub(crate) struct Generator {
    child: Child,
    stdin: ChildStdin,
    stdout: BufReader<ChildStdout>,
}

impl Generator {
    pub(crate) fn start(plan: &Plan) -> anyhow::Result<Self> {
        let own = std::env::current_exe()?;
        let mut child = Command::new(own).arg("load").stdin(Stdio::piped()).stdout(Stdio::piped()).spawn()?;
        let mut stdin = child.stdin.take().context("no standard input")?;
        let stdout = BufReader::new(child.stdout.take().context("no standard output")?);
        writeln!(stdin, "{}", serde_json::to_string(plan)?)?;
        Ok(Self { child, stdin, stdout })
    }

    /// Waits until it says `word`.
    pub(crate) fn expect(&mut self, word: &str) -> anyhow::Result<()> {
        let line = self.line()?;
        ensure!(line == word, "the load generator said {line:?} instead of {word:?}");
        Ok(())
    }

    /// Lets it go on.
    pub(crate) fn go(&mut self) -> anyhow::Result<()> {
        writeln!(self.stdin, "go")?;
        Ok(())
    }

    pub(crate) fn outcome(mut self) -> anyhow::Result<Outcome> {
        let line = self.line()?;
        let outcome = serde_json::from_str(&line).with_context(|| format!("the load generator said {line:?}"))?;
        self.child.wait()?;
        Ok(outcome)
    }

    fn line(&mut self) -> anyhow::Result<String> {
        let mut line = String::new();
        if self.stdout.read_line(&mut line)? == 0 {
            bail!("the load generator ended: {}", self.child.wait()?);
        }
        line.truncate(line.trim_end().len());
        Ok(line)
    }
}

impl Drop for Generator {
    fn drop(&mut self) {
        // Ended already, unless something went wrong.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// One round of steady work.
#[derive(Debug, Clone)]
pub(crate) struct Round {
    pub(crate) outcome: Outcome,
    /// The server's processor time for each accepted piece of work, in seconds.
    pub(crate) cpu_each: f64,
}

/// Runs `plan` once and reads the processor time of `servers` around it.
pub(crate) fn run(plan: &Plan, servers: &[Watched]) -> anyhow::Result<Round> {
    let mut generator = Generator::start(plan)?;
    generator.expect("ready")?;
    let before = cpu_seconds(servers)?;
    generator.go()?;
    let outcome = generator.outcome()?;
    let used = cpu_seconds(servers)? - before;
    ensure!(outcome.accepted > 0, "nothing was accepted: {:?}", outcome.failed);
    Ok(Round { cpu_each: used / outcome.accepted as f64, outcome })
}

/// How many rounds of what length.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Effort {
    pub(crate) warm: u32,
    pub(crate) rounds: u32,
    pub(crate) seconds: f64,
    /// Work in the first warm round, before the rate is known.
    pub(crate) first: u64,
}

impl Effort {
    pub(crate) fn of(quick: bool, first: u64) -> Self {
        if quick {
            Self { warm: 1, rounds: 3, seconds: 2.0, first }
        } else {
            Self { warm: 3, rounds: 5, seconds: 5.0, first }
        }
    }
}

/// Several rounds of the same work.
#[derive(Debug, Clone)]
pub(crate) struct Series {
    pub(crate) rounds: Vec<Round>,
    /// The number after the last piece of work.
    pub(crate) next: u64,
    /// Accepted in all rounds, warm ones included.
    pub(crate) accepted_ever: u64,
}

/// Warm rounds, then measured ones. The number of the first piece of work is `plan.first`; `plan.count` is set here.
pub(crate) fn series(plan: &Steady, servers: &[Watched], effort: Effort) -> anyhow::Result<Series> {
    let make = |first, count| Plan::Steady(Steady { first, count, ..plan.clone() });
    let is_paced = plan.rate.is_some();
    rounds(make, plan.first, plan.connections, is_paced, servers, effort)
}

/// The same of other work, each piece as soon as one before it is through. `plan` gets the first piece and how many.
pub(crate) fn series_of(
    plan: impl Fn(u64, u64) -> Plan,
    first: u64,
    connections: usize,
    servers: &[Watched],
    effort: Effort,
) -> anyhow::Result<Series> {
    rounds(plan, first, connections, false, servers, effort)
}

fn rounds(
    plan: impl Fn(u64, u64) -> Plan,
    first: u64,
    connections: usize,
    is_paced: bool,
    servers: &[Watched],
    effort: Effort,
) -> anyhow::Result<Series> {
    let mut next = first;
    let mut count = effort.first;
    let mut accepted_ever = 0;
    let mut rounds = Vec::new();
    for index in 0..effort.warm + effort.rounds {
        let round = run(&plan(next, count), servers)?;
        next += count;
        accepted_ever += round.outcome.accepted;
        if !is_paced {
            // At least two pieces for each connection, so that all take part.
            count = ((round.outcome.per_second() * effort.seconds) as u64).max(2 * connections as u64);
        }
        if index >= effort.warm {
            rounds.push(round);
        }
    }
    Ok(Series { rounds, next, accepted_ever })
}

impl Series {
    pub(crate) fn per_second(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|round| round.outcome.per_second()))
    }

    /// Microseconds.
    pub(crate) fn cpu_each_us(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|round| round.cpu_each * 1e6))
    }

    pub(crate) fn p50(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|round| round.outcome.latency.p50))
    }

    pub(crate) fn p99(&self) -> Spread {
        Spread::of(self.rounds.iter().map(|round| round.outcome.latency.p99))
    }

    pub(crate) fn accepted(&self) -> u64 {
        self.rounds.iter().map(|round| round.outcome.accepted).sum()
    }

    pub(crate) fn failures(&self) -> u64 {
        self.rounds.iter().map(|round| round.outcome.failures()).sum()
    }

    /// The most frequent reasons, for the table's foot.
    pub(crate) fn reasons(&self) -> Vec<String> {
        let mut reasons: Vec<String> = Vec::new();
        for round in &self.rounds {
            for why in round.outcome.failed.keys() {
                if !reasons.contains(why) && reasons.len() < 5 {
                    reasons.push(why.clone());
                }
            }
        }
        reasons
    }
}
