//! What commands that take long or cannot be undone share: progress, and a question before they begin.

use std::io::{BufRead as _, IsTerminal as _, Write as _};
use std::time::{Duration, Instant};

use jiff::Timestamp;

/// How often progress is written.
const EVERY: Duration = Duration::from_millis(500);

/// Progress on a terminal's standard error; silent elsewhere.
pub(super) struct Progress {
    what: &'static str,
    is_shown: bool,
    last: Option<Instant>,
}

impl Progress {
    pub(super) fn new(what: &'static str) -> Self {
        Self { what, is_shown: std::io::stderr().is_terminal(), last: None }
    }

    /// As the store's backups call it: with the table at work and the rows done so far.
    pub(super) fn into_callback(mut self) -> cs_store::backup::Progress {
        Box::new(move |table, rows| {
            if !self.is_shown || self.last.is_some_and(|last| last.elapsed() < EVERY) {
                return;
            }
            self.last = Some(Instant::now());
            // Nothing depends on whether a person sees this.
            let _ = writeln!(std::io::stderr(), "{}: {rows} rows, {table}", self.what);
        })
    }
}

/// Whether a person, or `--yes`, agrees. Without a terminal to ask on, `--yes` is needed.
pub(super) fn confirmed(yes: bool, question: &str) -> std::io::Result<bool> {
    if yes {
        return Ok(true);
    }
    let mut err = std::io::stderr();
    if !std::io::stdin().is_terminal() {
        writeln!(err, "{question}\ncountersign: there is no terminal to ask on; say --yes if you mean it")?;
        return Ok(false);
    }
    write!(err, "{question} [y/N] ")?;
    err.flush()?;
    let mut answer = String::new();
    std::io::stdin().lock().read_line(&mut answer)?;
    Ok(matches!(answer.trim(), "y" | "Y" | "yes"))
}

/// Threads for a command's asynchronous part.
pub(super) fn runtime() -> anyhow::Result<tokio::runtime::Runtime> {
    use anyhow::Context as _;
    tokio::runtime::Runtime::new().context("cannot start threads")
}

#[expect(clippy::disallowed_methods, reason = "a command is a composition root: its time is the machine's")]
pub(super) fn now() -> Timestamp {
    Timestamp::now()
}
