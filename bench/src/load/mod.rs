//! The load generator: a process of its own, told what to do on standard input.
//!
//! Requests are made before the clock starts. It says `ready`, waits for a line, works, and prints its [`Outcome`], so that
//! whoever started it can read the server's processor time around the work alone.

mod pace;
mod prompts;
mod pushes;
mod radius;
mod steady;
mod waiters;
mod work;

use std::collections::BTreeMap;
use std::io::{BufRead as _, Write as _};

use anyhow::Context as _;
use serde::{Deserialize, Serialize};

use crate::http::Target;
use crate::stats::Latency;
pub(crate) use prompts::{Prompts, Until};
pub(crate) use pushes::Pushes;
pub(crate) use radius::{Name, Radius, Sending};
pub(crate) use waiters::Waiters;
pub(crate) use work::Work;

/// What to do.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) enum Plan {
    /// The same work again and again.
    Steady(Steady),
    /// Pushes, approved as soon as they are seen.
    Pushes(Pushes),
    /// Logins that wait for a person who never answers.
    Waiters(Waiters),
    /// Logins in a browser.
    Prompts(Prompts),
    /// RADIUS packets.
    Radius(Radius),
}

/// Steady work over a number of connections.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Steady {
    pub(crate) target: Target,
    pub(crate) work: Work,
    pub(crate) connections: usize,
    /// The number of the first piece of work; logins of one number are the same login.
    pub(crate) first: u64,
    pub(crate) count: u64,
    /// Arrivals a second, at random moments; `None`: each connection asks again as soon as it has its answer.
    pub(crate) rate: Option<f64>,
}

/// What came of it.
#[derive(Debug, Clone, Default, Serialize, Deserialize)]
pub(crate) struct Outcome {
    /// Right answers, each checked.
    pub(crate) accepted: u64,
    /// Everything else, by what was wrong.
    pub(crate) failed: BTreeMap<String, u64>,
    pub(crate) seconds: f64,
    /// Milliseconds.
    pub(crate) latency: Latency,
}

impl Outcome {
    pub(crate) fn failures(&self) -> u64 {
        self.failed.values().sum()
    }

    pub(crate) fn per_second(&self) -> f64 {
        self.accepted as f64 / self.seconds
    }
}

/// Reads a [`Plan`] from standard input and carries it out.
pub(crate) fn main() -> anyhow::Result<()> {
    let mut line = String::new();
    std::io::stdin().lock().read_line(&mut line)?;
    let plan: Plan = serde_json::from_str(&line).context("not a plan")?;
    // One thread: it must not compete with the server for more than one core.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let local = tokio::task::LocalSet::new();
    let outcome = local.block_on(&runtime, async {
        match plan {
            Plan::Steady(plan) => steady::run(plan).await,
            Plan::Pushes(plan) => pushes::run(plan).await,
            Plan::Waiters(plan) => waiters::run(plan).await,
            Plan::Prompts(plan) => prompts::run(plan).await,
            Plan::Radius(plan) => radius::run(plan).await,
        }
    })?;
    println!("{}", serde_json::to_string(&outcome)?);
    Ok(())
}

/// Says `word` and waits for the line that lets us go on; other tasks run meanwhile.
async fn meet(word: &str) -> anyhow::Result<()> {
    println!("{word}");
    std::io::stdout().flush()?;
    let read = tokio::task::spawn_blocking(|| std::io::stdin().lock().read_line(&mut String::new())).await??;
    anyhow::ensure!(read > 0, "nobody told us to go on");
    Ok(())
}
