//! The schema, one directory of migrations per engine.
//!
//! Migrations are expand and contract: a release only adds (tables, nullable columns, indexes), so that the version before it keeps working beside it;
//! what is no longer used is dropped one release later. Large backfills are not migrations but jobs that run in chunks while serving.

use refinery::{Migration, Runner, Target};

use super::StoreError;

/// Lists every migration once; each must exist in both directories.
macro_rules! migrations {
    ($($name:literal),* $(,)?) => {
        pub(crate) const SQLITE: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../migrations/sqlite/", $name, ".sql")))),*];
        pub(crate) const POSTGRES: &[(&str, &str)] =
            &[$(($name, include_str!(concat!("../../migrations/postgres/", $name, ".sql")))),*];
    };
}

migrations!["V1__foundation", "V2__domain", "V3__policy", "V4__exemptions"];

/// The runner for one engine's list, up to `version` or to the newest.
pub(crate) fn runner(list: &[(&str, &str)], version: Option<i32>) -> Result<Runner, StoreError> {
    let migrations = list
        .iter()
        .map(|(name, sql)| Migration::unapplied(name, sql))
        .collect::<Result<Vec<_>, _>>()
        .map_err(|error| StoreError::Migration(std::sync::Arc::new(error)))?;
    let target = version.map_or(Target::Latest, Target::Version);
    Ok(Runner::new(&migrations).set_target(target))
}

/// The newest version this program knows.
pub(crate) fn newest(runner: &Runner) -> i64 {
    runner.get_migrations().iter().map(|migration| i64::from(migration.version())).max().unwrap_or(0)
}

/// Refuses a database that a newer program has migrated.
pub(crate) fn refuse_newer(runner: &Runner, found: Option<Migration>) -> Result<(), StoreError> {
    let (found, known) = (found.map_or(0, |migration| i64::from(migration.version())), newest(runner));
    if found > known { Err(StoreError::Newer { found, known }) } else { Ok(()) }
}
