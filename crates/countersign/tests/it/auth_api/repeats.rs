//! Passcodes under an idempotency key: judged once, answered again, and only to the same request.

use cs_core::user::UserStatus;
use cs_testkit::{Answer, Api, Site};

async fn named(api: &Api, user: &str, code: &str, key: &str) -> Answer {
    let params = [("username", user), ("factor", "passcode"), ("passcode", code), ("idempotency_key", key)];
    api.post("/auth/v2/auth", &params).await
}

/// Successes and refusals in the authentication log.
async fn logged(site: &Site) -> (usize, usize) {
    let log = site.admin_api().get("/admin/v1/logs/authentication", &[]).await.response();
    let count = |result: &str| log.as_array().unwrap().iter().filter(|entry| entry["result"] == result).count();
    (count("SUCCESS"), count("FAILURE"))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passcode_sent_again_under_its_key_is_judged_once() {
    let site = Site::start().await;
    let code = site.user("alice").await.hotp_token().await.hotp(0);
    let attempts = (0..8).map(|_| {
        let (api, code) = (site.auth_api().clone(), code.clone());
        tokio::spawn(async move { named(&api, "alice", &code, "login-1").await.text("status") })
    });
    for attempt in attempts.collect::<Vec<_>>() {
        assert_eq!(attempt.await.unwrap(), "allow");
    }
    assert_eq!(logged(&site).await, (1, 0));
    assert_eq!(named(site.auth_api(), "alice", &code, "login-2").await.text("status"), "deny", "another login");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_wrong_passcode_sent_again_counts_once_and_stays_wrong() {
    let site = Site::start().await;
    site.settings(serde_json::json!({"lockout_threshold": 2})).await;
    let token = site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    let first = named(api, "alice", "000000", "login-1").await.response();
    assert_eq!(first["result"], "deny");
    for _ in 0..5 {
        assert_eq!(named(api, "alice", "000000", "login-1").await.response(), first, "with the same reference");
    }
    assert_eq!(logged(&site).await, (0, 1));
    assert_eq!(named(api, "alice", &token.hotp(0), "login-2").await.text("status"), "allow", "one failure, not six");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_key_is_for_one_request_of_one_user_at_one_integration() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (token, other) = (alice.hotp_token().await, bob.bypass_code().await);
    alice.phone().await;
    let api = site.auth_api();
    assert_eq!(named(api, "alice", "000000", "key").await.text("status"), "deny");
    assert_eq!(named(api, "alice", &token.hotp(0), "key").await.code(), 40901, "other parameters");
    let push = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("idempotency_key", "key")];
    assert_eq!(api.post("/auth/v2/auth", &push).await.code(), 40901, "another factor");
    assert_eq!(named(api, "bob", &other, "key").await.text("status"), "bypass", "another user");
    let second = site.integration("authapi", |_| {}).await;
    assert_eq!(named(&second, "alice", &token.hotp(0), "key").await.text("status"), "allow", "another application");

    let push =
        [("username", "alice"), ("factor", "push"), ("device", "auto"), ("async", "1"), ("idempotency_key", "p")];
    api.post("/auth/v2/auth", &push).await.text("txid");
    assert_eq!(named(api, "alice", &token.hotp(1), "p").await.code(), 40901, "the key of a push");
    assert_eq!(named(api, "alice", &token.hotp(1), "q").await.text("status"), "allow", "and the code was not used up");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_repeated_answer_lets_nobody_in_who_was_disabled_meanwhile() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let code = alice.bypass_code().await;
    assert_eq!(named(site.auth_api(), "alice", &code, "key").await.text("status"), "bypass");
    alice.set_status(UserStatus::Disabled).await;
    assert_eq!(named(site.auth_api(), "alice", &code, "key").await.text("result"), "deny");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_passcode_is_judged_once_too() {
    let site = Site::start().await;
    let code = site.user("alice").await.bypass_code().await;
    for _ in 0..2 {
        let params = [
            ("username", "alice"),
            ("factor", "passcode"),
            ("passcode", &*code),
            ("async", "1"),
            ("idempotency_key", "key"),
        ];
        let txid = site.auth_api().post("/auth/v2/auth", &params).await.text("txid");
        assert_eq!(super::status(site.auth_api(), &txid).await.text("status"), "bypass");
    }
    assert_eq!(logged(&site).await, (1, 0));
}
