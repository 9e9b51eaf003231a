//! What is wrong with a configuration, each with its line.

use std::fmt;

/// How bad it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Level {
    /// It works, perhaps not as was meant.
    Warning,
    /// The proxy does not start with it.
    Error,
}

/// One mistake, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fault {
    /// The line of the file, from one; none where something is missing as a whole.
    pub line: Option<usize>,
    /// How bad.
    pub level: Level,
    /// A sentence for the administrator. Never a secret.
    pub text: String,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let level = match self.level {
            Level::Warning => "warning",
            Level::Error => "error",
        };
        match self.line {
            Some(line) => write!(f, "line {line}: {level}: {}", self.text),
            None => write!(f, "{level}: {}", self.text),
        }
    }
}

/// Collects faults while a file is read: all of them are told at once.
#[derive(Debug, Default)]
pub struct Faults(Vec<Fault>);

impl Faults {
    /// Notes something with which the proxy does not start.
    pub fn error(&mut self, line: impl Into<Option<usize>>, text: impl Into<String>) {
        self.0.push(Fault { line: line.into(), level: Level::Error, text: text.into() });
    }

    /// Notes something that is probably not what was meant.
    pub fn warning(&mut self, line: impl Into<Option<usize>>, text: impl Into<String>) {
        self.0.push(Fault { line: line.into(), level: Level::Warning, text: text.into() });
    }

    /// Whether the proxy can start nevertheless.
    pub fn has_errors(&self) -> bool {
        self.0.iter().any(|fault| fault.level == Level::Error)
    }

    /// All of them in the order of the lines; those without one last.
    pub fn into_sorted(mut self) -> Vec<Fault> {
        self.0.sort_by_key(|fault| fault.line.unwrap_or(usize::MAX));
        // A key that is looked at twice is told once.
        self.0.dedup();
        self.0
    }
}
