//! The terminal, or what stands for it: output, colours, typed lines.

use std::collections::VecDeque;
use std::env;
use std::io::{self, BufRead, IsTerminal, Read, Write};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Serialize;
use tokio::sync::mpsc;

use crate::clean::escape_json;

/// A typed line is a number or a letter.
const MAX_LINE_BYTES: u64 = 4096;

/// Where a command writes and from where it is answered.
pub struct Terminal<'a> {
    /// Results.
    pub out: &'a mut (dyn Write + Send),
    /// Messages.
    pub err: &'a mut (dyn Write + Send),
    /// What is typed.
    pub input: Input,
    /// Whether a person is there to be asked.
    pub is_interactive: bool,
    /// Whether to use colours.
    pub has_colour: bool,
    /// How times of day are shown.
    pub time_zone: TimeZone,
    /// What is typed sooner than this after a question was meant for something else.
    pub grace: Duration,
}

/// Typed lines.
#[derive(Debug)]
pub enum Input {
    /// Standard input, read on a thread of its own from the first time a line is wanted.
    Stdin(Option<mpsc::Receiver<String>>),
    /// Lines decided beforehand.
    Lines(VecDeque<String>),
}

/// How a word is set off.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    Strong,
    Good,
    Bad,
    Faint,
}

impl<'a> Terminal<'a> {
    /// The process's own terminal, written through `out` and `err`.
    pub fn of_process(out: &'a mut (dyn Write + Send), err: &'a mut (dyn Write + Send)) -> Self {
        let is_terminal = io::stdout().is_terminal();
        let plain = env::var_os("NO_COLOR").is_some_and(|value| !value.is_empty())
            || env::var_os("TERM").is_some_and(|term| term == "dumb");
        Self {
            out,
            err,
            input: Input::Stdin(None),
            is_interactive: is_terminal && io::stdin().is_terminal(),
            has_colour: is_terminal && !plain,
            time_zone: TimeZone::system(),
            grace: Duration::from_millis(700),
        }
    }

    /// Writes one line of result.
    pub(crate) fn say(&mut self, line: &str) -> io::Result<()> {
        writeln!(self.out, "{line}")?;
        self.out.flush()
    }

    /// Writes one JSON document on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> io::Result<()> {
        let json = serde_json::to_string(value)?;
        self.say(&escape_json(&json))
    }

    /// Asks, and returns the line typed; `None` at the end of input.
    pub(crate) async fn ask(&mut self, question: &str) -> io::Result<Option<String>> {
        write!(self.out, "{question} ")?;
        self.out.flush()?;
        Ok(self.input.line().await)
    }

    /// `text` set off where colours are in use.
    pub(crate) fn paint(&self, style: Style, text: &str) -> String {
        if !self.has_colour {
            return text.to_owned();
        }
        let code = match style {
            Style::Strong => "1",
            Style::Good => "1;32",
            Style::Bad => "1;31",
            Style::Faint => "2",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}

impl Input {
    /// The next line without its end; `None` at the end of input. May be dropped and called again without loss.
    pub(crate) async fn line(&mut self) -> Option<String> {
        match self {
            Self::Lines(lines) => lines.pop_front(),
            Self::Stdin(lines) => lines.get_or_insert_with(read_stdin).recv().await,
        }
    }
}

/// Reads standard input on a thread: a blocking read cannot be given up, and a closed login must not wait for one.
fn read_stdin() -> mpsc::Receiver<String> {
    let (sender, lines) = mpsc::channel(1);
    std::thread::spawn(move || {
        loop {
            let mut line = Vec::new();
            let read = io::stdin().lock().by_ref().take(MAX_LINE_BYTES).read_until(b'\n', &mut line);
            if !matches!(read, Ok(1..)) {
                return;
            }
            let line = String::from_utf8_lossy(&line).trim_end_matches(['\r', '\n']).to_owned();
            if sender.blocking_send(line).is_err() {
                return;
            }
        }
    });
    lines
}
