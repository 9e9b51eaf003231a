//! Tries everything that a configuration refers to, and says in words what works, what does not, and what to do.

mod agents;
mod api;
mod clients;
mod ports;

use crate::cfg::Config;

/// How one thing stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Grade {
    /// It works.
    Works,
    /// It may work; what is said is to be looked at.
    Doubtful,
    /// It does not work.
    Fails,
}

impl Grade {
    /// In a word.
    pub fn word(self) -> &'static str {
        match self {
            Self::Works => "works",
            Self::Doubtful => "doubtful",
            Self::Fails => "fails",
        }
    }
}

/// One thing that was tried.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    /// The section it is of.
    pub section: String,
    /// How it stands.
    pub grade: Grade,
    /// What was tried, and what came of it.
    pub text: String,
    /// What to do; empty where nothing is to be done.
    pub remedy: String,
}

impl Finding {
    fn works(section: &str, text: impl Into<String>) -> Self {
        Self { section: section.to_owned(), grade: Grade::Works, text: text.into(), remedy: String::new() }
    }

    fn doubtful(section: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { grade: Grade::Doubtful, remedy: remedy.into(), ..Self::works(section, text) }
    }

    fn fails(section: &str, text: impl Into<String>, remedy: impl Into<String>) -> Self {
        Self { grade: Grade::Fails, remedy: remedy.into(), ..Self::works(section, text) }
    }
}

impl std::fmt::Display for Finding {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:8} [{}] {}", self.grade.word(), self.section, self.text)?;
        if self.remedy.is_empty() { Ok(()) } else { write!(f, "\n         → {}", self.remedy) }
    }
}

/// Tries the server of every section, every client section and every port, one after another. Nobody is logged in and nothing is changed.
pub async fn try_all(config: &Config) -> Vec<Finding> {
    let mut findings = api::try_all(config).await;
    findings.extend(agents::try_all(config).await);
    findings.extend(clients::try_all(config).await);
    findings.extend(ports::try_all(config));
    findings
}

/// The words of an error and of what caused it.
fn chain(error: &dyn std::error::Error) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let more = error.to_string();
        // Many repeat what caused them.
        if !text.contains(&more) {
            text = format!("{text}: {more}");
        }
        cause = error.source();
    }
    text
}
