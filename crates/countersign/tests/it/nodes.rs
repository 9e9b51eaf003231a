//! Two nodes on one PostgreSQL database.

use std::time::{Duration, Instant};

use cs_engine::Engine;
use cs_engine::admin::Actor;
use cs_store::StoreConfig;
use cs_store::testing::{self, TestDatabase};
use cs_testkit::Site;

/// Returns when `to` hears `from`: a hint that is given before that is lost.
async fn hears(from: &Engine, to: &Engine) {
    let mut hints = to.store().hints().unwrap();
    loop {
        from.store().tell_others("are you there".to_owned());
        if tokio::time::timeout(Duration::from_millis(20), hints.recv()).await.is_ok() {
            return;
        }
    }
}

/// Nobody tells this node, and maintenance, which would find it within a second, does not run.
#[tokio::test(flavor = "multi_thread")]
async fn a_setting_changed_at_another_node_counts_at_the_next_login() {
    let site = Site::start().await;
    let other = site.node(site.engine().store().clone());
    let token = site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    let passcode = async |code: &str| {
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", code)];
        api.post("/auth/v2/auth", &params).await.text("status")
    };
    assert_eq!(passcode("000000").await, "deny");
    let setting = [("lockout_threshold".to_owned(), "2".to_owned())];
    other.change_settings(site.account, &Actor::Terminal, &setting).await.unwrap();
    assert_eq!(passcode("111111").await, "deny");
    assert_eq!(passcode(&token.hotp(0)).await, "locked_out", "two are enough now");
}

/// Maintenance, which would find the same within seconds, does not run here: only a hint can have come.
#[tokio::test(flavor = "multi_thread")]
async fn a_push_is_shown_and_answered_at_another_node_at_once() {
    let Some(database) = TestDatabase::new(testing::Engine::Postgres) else { return };
    let site = Site::on(database.open().await.unwrap()).await;
    let config = StoreConfig { node: "other".to_owned(), ..database.config() };
    let other = site.node(cs_store::Store::open(config).await.unwrap());
    for engine in [site.engine().clone(), other.clone()] {
        tokio::spawn(async move { engine.hear_others().await });
    }
    hears(site.engine(), &other).await;
    hears(&other, site.engine()).await;
    let api = site.auth_api();
    let mut phone = site.user("alice").await.phone_at(&other).await;
    let mut slowest = Duration::ZERO;
    for _ in 0..20 {
        let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("async", "1")];
        let started = api.post("/auth/v2/auth", &params).await.text("txid");
        let push = phone.next_push().await;
        assert_eq!(push.to_string(), started);
        let (asking, txid) = (api.clone(), started.clone());
        let waits = tokio::spawn(async move { asking.get("/auth/v2/auth_status", &[("txid", &txid)]).await });
        site.waiting(1).await;
        let answered = Instant::now();
        phone.approve(push).await.unwrap();
        assert_eq!(waits.await.unwrap().text("result"), "allow");
        slowest = slowest.max(answered.elapsed());
    }
    println!("answered at one node and heard at the other within {slowest:?}, the slowest of 20");
}
