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

migrations![
    "V1__foundation",
    "V2__domain",
    "V3__policy",
    "V4__exemptions",
    "V5__remembered",
    "V6__policy_stages",
    "V7__risk",
    "V8__prompt",
    "V9__webauthn",
    "V10__web_push",
    "V11__enrollment",
    "V13__moves",
    "V14__telephony",
    "V15__frame_origins",
    "V16__outages",
    "V17__login_clients",
    "V18__directories",
    "V19__directory_removals"
];

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

/// The oldest schema version whose programs work on this version's schema. Migrations that only add leave it; one that takes away or changes what
/// they use raises it to the version before it, at the least.
pub(crate) const OLDEST_WORKING: i64 = 2;
/// Where a database says the same of its own schema.
pub(crate) const OLDEST_NAME: &str = "oldest_working_schema";
pub(crate) const SELECT_OLDEST: &str = "SELECT value FROM meta WHERE name = 'oldest_working_schema'";
pub(crate) const SET_OLDEST: &str =
    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = $2 WHERE meta.value <> $2";

/// What a program that knows schemas up to `known` does with a database of schema `found`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Schema {
    /// Brings it to its own.
    Migrate,
    /// Works on it as it is: the newer program that migrated it said that this one can.
    WorkOn,
}

/// Refuses a database that a newer program has migrated, unless that program said (`oldest`) that this one works on it.
pub(crate) fn judge(found: i64, known: i64, oldest: Option<&str>) -> Result<Schema, StoreError> {
    if found <= known {
        return Ok(Schema::Migrate);
    }
    match oldest.and_then(|oldest| oldest.parse::<i64>().ok()) {
        Some(oldest) if oldest <= known => Ok(Schema::WorkOn),
        Some(_) | None => Err(StoreError::Newer { found, known }),
    }
}

/// The version of a migration that was applied last.
pub(crate) fn version(applied: Option<Migration>) -> i64 {
    applied.map_or(0, |migration| i64::from(migration.version()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exactly_the_schemas_that_say_so_are_worked_on() {
        assert_eq!(judge(3, 3, None).unwrap(), Schema::Migrate);
        assert_eq!(judge(0, 3, Some("9")).unwrap(), Schema::Migrate);
        assert_eq!(judge(4, 3, Some("3")).unwrap(), Schema::WorkOn);
        assert_eq!(judge(9, 3, Some("2")).unwrap(), Schema::WorkOn);
        for oldest in [None, Some("4"), Some(""), Some("-")] {
            assert!(matches!(judge(4, 3, oldest), Err(StoreError::Newer { found: 4, known: 3 })), "{oldest:?}");
        }
        let runner = runner(SQLITE, None).unwrap();
        assert!(OLDEST_WORKING <= newest(&runner));
    }
}
