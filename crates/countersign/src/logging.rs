//! Log lines: text for people, JSON for machines.

use std::io::IsTerminal as _;

use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::config::{Log, LogFormat};

/// Why logging could not be set up.
#[derive(Debug, thiserror::Error)]
pub enum LoggingError {
    #[error("`log.level` is not a filter such as `info` or `info,countersign=debug`")]
    Filter(#[from] tracing_subscriber::filter::ParseError),
    #[error("logging is already set up in this process")]
    AlreadySet(#[from] tracing_subscriber::util::TryInitError),
}

/// Sends log lines to standard error, once per process.
pub fn init(log: &Log) -> Result<(), LoggingError> {
    // The migration library tells of every start; whoever wants that can ask for it in `log.level`.
    let filter = EnvFilter::builder().parse(format!("refinery_core=warn,{}", log.filter))?;
    let stderr = std::io::stderr;
    let is_json = match log.format {
        LogFormat::Json => true,
        LogFormat::Text => false,
        LogFormat::Auto => !stderr().is_terminal(),
    };
    let registry = tracing_subscriber::registry().with(filter);
    if is_json {
        let lines = tracing_subscriber::fmt::layer().json().flatten_event(true).with_writer(stderr);
        registry.with(lines).try_init()?;
    } else {
        let lines = tracing_subscriber::fmt::layer().with_ansi(stderr().is_terminal()).with_writer(stderr);
        registry.with(lines).try_init()?;
    }
    Ok(())
}
