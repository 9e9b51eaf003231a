//! What can be wrong with a configuration, and where.

use std::fmt;
use std::path::PathBuf;

use super::value::ValueError;

/// Where a value was written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Origin {
    File { path: PathBuf, line: usize },
    Environment { variable: String },
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File { path, line } => write!(f, "{}:{line}", path.display()),
            Self::Environment { variable } => write!(f, "environment variable {variable}"),
        }
    }
}

/// One fault of the configuration. `Display` says where, what, and what to write instead.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("cannot read {}", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{origin}: not valid TOML: {message}")]
    Syntax { origin: Origin, message: String },
    #[error("{origin}: unknown key `{key}`{}", did_you_mean(.suggestion.as_deref()))]
    UnknownKey { origin: Origin, key: String, suggestion: Option<String> },
    #[error("{origin}: `{key}` is reserved for the Admin Panel, which this release does not have; remove it")]
    Reserved { origin: Origin, key: String },
    #[error("{origin}: `{key}` {source}")]
    Value {
        origin: Origin,
        key: &'static str,
        #[source]
        source: ValueError,
    },
    #[error("`{first}` and `{second}` {problem}")]
    Conflict { first: &'static str, second: &'static str, problem: &'static str },
}

fn did_you_mean(suggestion: Option<&str>) -> String {
    suggestion.map_or_else(String::new, |key| format!("; did you mean `{key}`?"))
}

/// Every fault found, in the order of the file: an administrator mends them in one go.
#[derive(Debug)]
pub struct ConfigErrors(pub Vec<ConfigError>);

impl fmt::Display for ConfigErrors {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (index, error) in self.0.iter().enumerate() {
            if index > 0 {
                f.write_str("\n")?;
            }
            write!(f, "{error}")?;
            if let ConfigError::Unreadable { source, .. } = error {
                write!(f, ": {source}")?;
                if source.kind() == std::io::ErrorKind::InvalidData {
                    f.write_str("; save it as UTF-8")?;
                }
            }
        }
        Ok(())
    }
}

impl std::error::Error for ConfigErrors {}
