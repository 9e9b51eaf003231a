//! kill -9 in the middle of bursts of logins: what was acknowledged is in the log, no code is accepted twice.
//!
//! `COUNTERSIGN_KILLS=200` (and `COUNTERSIGN_LOGINS_PER_KILL`, `COUNTERSIGN_USERS`) makes the long runs of `docs/durability.md`.
#![expect(clippy::unwrap_used, clippy::print_stderr, reason = "tests; a long run prints its figures")]

use cs_store::Database;
use cs_store::testing::{Engine, TestDatabase};
use e2e::Site;
use e2e::crash::Trial;

fn setting(name: &str, otherwise: usize) -> usize {
    std::env::var(name).map_or(otherwise, |text| text.parse().unwrap())
}

async fn killed_again_and_again(database: Option<&str>, kills: usize) {
    let kills = setting("COUNTERSIGN_KILLS", kills);
    let per_kill = setting("COUNTERSIGN_LOGINS_PER_KILL", 190);
    let arguments: Vec<_> = database.iter().flat_map(|url| ["--database", url]).collect();
    let site = tokio::task::block_in_place(|| Site::start_in(&std::env::temp_dir(), &arguments));
    let people = setting("COUNTERSIGN_USERS", 64);
    let mut trial = tokio::task::block_in_place(|| Trial::of(site, database, people));
    for kill in 0..kills {
        // Not always after the same number of commits.
        trial.crash(per_kill + kill * 37 % 64, || {}).await;
    }
    let figures = trial.finish().await;
    assert!(figures.acknowledged >= kills * per_kill, "{figures:?}");
    eprintln!("{figures:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_sqlite_has_every_acknowledged_login_and_accepts_no_code_twice() {
    killed_again_and_again(None, 8).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_killed_server_on_postgresql_has_every_acknowledged_login_and_accepts_no_code_twice() {
    let Some(database) = tokio::task::block_in_place(|| TestDatabase::new(Engine::Postgres)) else { return };
    let Database::Postgres(url) = &database.database else { unreachable!() };
    killed_again_and_again(Some(url), 3).await;
}
