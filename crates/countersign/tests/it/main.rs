//! One test binary for the whole package.
#![expect(clippy::unwrap_used, clippy::expect_used, reason = "helpers of tests fail the test")]

mod admin;
mod admin_api;
mod auth_api;
mod authenticator;
mod background;
mod compatibility;
mod demo;
mod directories;
mod enroll;
mod entry_paths;
mod import;
mod infra;
mod languages;
mod log;
mod mail;
mod nodes;
mod operate;
mod pages;
mod passkeys;
mod policy;
mod portal;
mod prompt;
mod reasons;
mod rest_v1;
mod routes;
mod scene;
mod telephony;
mod terminal;

use cs_core::id::AccountId;
use cs_engine::SystemRng;
use cs_store::Job;
use cs_store::accounts::{Account, login_settings};
use cs_testkit::Site;

/// Another organisation on the same server, under the host `other.example`.
async fn another_account(site: &Site) -> AccountId {
    let engine = site.engine();
    let settings = serde_json::Map::new();
    let account = Account {
        id: AccountId::generate(&mut SystemRng),
        name: "Other".into(),
        api_host: "other.example".into(),
        login: login_settings(&settings),
        settings,
        version: 1,
        created_at: site.now(),
    };
    engine.store().ensure_keys(account.id.as_str()).await.unwrap();
    engine.store().commit(Job::new().step(account.insert())).await.unwrap();
    engine.directory().invalidate();
    account.id
}
