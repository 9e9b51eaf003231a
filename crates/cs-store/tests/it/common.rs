//! Statements and records that many tests share.

use cs_store::audit::{LogKind, LogRecord};
use cs_store::{Job, Step, args};
use jiff::Timestamp;

pub(crate) const INSERT: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";
pub(crate) const CONSUME: &str = "UPDATE meta SET value = 'used' WHERE name = $1 AND value = 'new'";
pub(crate) const VALUE: &str = "SELECT value FROM meta WHERE name = $1";
pub(crate) const COUNT_LOG: &str = "SELECT count(*) FROM log";
pub(crate) const COUNT_EFFECTS: &str = "SELECT count(*) FROM effect";

/// A login in the log.
pub(crate) fn record(id: &str) -> LogRecord {
    LogRecord {
        user_id: Some("DU1".into()),
        result: Some("allow".into()),
        personal: Some(r#"{"ip":"192.0.2.1"}"#.into()),
        ..LogRecord::new("DA1", LogKind::Auth, id, Timestamp::UNIX_EPOCH)
    }
}

/// A job that only logs.
pub(crate) fn logging(id: &str) -> Job {
    Job::new().log(record(id))
}

/// A job that creates a fact.
pub(crate) fn fact(name: &str, value: &str) -> Job {
    Job::new().step(Step::one(INSERT, args![name, value]))
}
