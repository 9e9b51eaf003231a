//! Use cases against real databases, SQLite and PostgreSQL.
#![expect(clippy::unwrap_used, reason = "helpers of tests fail the test")]

/// Makes a test per engine of each `async fn name(site: Site)` in this module.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(site) = crate::site::Site::open(cs_store::testing::Engine::Sqlite).await {
                    super::$name(site).await;
                }
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                if let Some(site) = crate::site::Site::open(cs_store::testing::Engine::Postgres).await {
                    super::$name(site).await;
                }
            })*
        }
    };
}

mod bypass;
mod bypass_codes;
mod devices;
mod exceptions;
mod groups;
mod policies;
mod policy_stages;
mod site;
mod tokens;
mod users;
