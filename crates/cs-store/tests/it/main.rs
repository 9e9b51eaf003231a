//! The store's promises, on both engines.
#![expect(clippy::unwrap_used, clippy::expect_used, clippy::panic, reason = "helpers of tests fail the test")]

/// Makes a test per engine of each `async fn name(database: TestDatabase)` in this module.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(database) = cs_store::testing::TestDatabase::new(cs_store::testing::Engine::Sqlite) {
                    super::$name(database).await;
                }
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(database) = cs_store::testing::TestDatabase::new(cs_store::testing::Engine::Postgres) {
                    super::$name(database).await;
                }
            })*
        }
    };
}

mod administering;
mod audit;
mod backfilling;
mod backup;
mod commits;
mod common;
mod durability;
mod enrollment;
mod following;
mod logins;
mod moves;
mod opening;
mod outages;
mod outbox;
mod policies;
mod postgres_tls;
mod prompts;
mod restoring;
mod review;
mod rotation;
mod shim;
mod source;
mod statements;
mod telephony;
mod webauthn;
