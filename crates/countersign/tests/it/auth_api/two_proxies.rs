//! One login through two proxies, which know nothing of each other: one push, one decision, and nothing of it tomorrow.

use cs_core::login::Decision;
use cs_testkit::{Answer, Api, Site};

use super::status;

/// What both proxies make of the same login.
const NAME: &str = "q1b1w0mA2b3c4d5e6f7g8h9i0jQq1b1w0mA2b3c4d5e";
const FROM: &str = "192.0.2.7";

/// Asks for a push as a proxy does: with a key of its own for this question, and the login's name.
async fn push(api: &Api, user: &str, question: &str, name: &str, from: &str) -> Answer {
    let params = [
        ("username", user),
        ("factor", "auto"),
        ("device", "auto"),
        ("async", "1"),
        ("ipaddr", from),
        ("idempotency_key", question),
        ("login_key", name),
    ];
    api.post("/auth/v2/auth", &params).await
}

async fn code(api: &Api, code: &str, question: &str, name: &str) -> String {
    let params = [
        ("username", "alice"),
        ("factor", "passcode"),
        ("passcode", code),
        ("idempotency_key", question),
        ("login_key", name),
    ];
    api.post("/auth/v2/auth", &params).await.text("status")
}

#[tokio::test(flavor = "multi_thread")]
async fn the_second_proxy_joins_the_push_and_both_are_told() {
    for (decision, expected) in [(Decision::Approve, "allow"), (Decision::Deny, "deny"), (Decision::Fraud, "fraud")] {
        let site = Site::start().await;
        let api = site.auth_api();
        let mut phone = site.user("alice").await.phone().await;
        let first = push(api, "alice", "a", NAME, FROM).await.text("txid");
        assert_eq!(push(api, "alice", "b", NAME, FROM).await.text("txid"), first);
        let txid = phone.next_push().await;
        assert_eq!(txid.to_string(), first);
        phone.answer(txid, decision, None).await.unwrap();
        // One that comes when it is just decided is told the same, one that comes later is another login.
        site.advance(9);
        assert_eq!(push(api, "alice", "c", NAME, FROM).await.text("txid"), first);
        assert_eq!(status(api, &first).await.text("status"), expected);
        if decision == Decision::Fraud {
            // What follows a fraud is for the policies to say.
            continue;
        }
        site.advance(2);
        assert_ne!(push(api, "alice", "d", NAME, FROM).await.text("txid"), first);
        assert_eq!(phone.next_push().await.to_string(), push(api, "alice", "e", NAME, FROM).await.text("txid"));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_constant_name_does_not_repeat_the_yes_of_yesterday() {
    let site = Site::start().await;
    let api = site.auth_api();
    let mut phone = site.user("alice").await.phone().await;
    push(api, "alice", "a", NAME, FROM).await;
    let txid = phone.next_push().await;
    phone.approve(txid).await.unwrap();
    site.advance(24 * 3600);
    let second = push(api, "alice", "b", NAME, FROM).await.text("txid");
    assert_ne!(second, txid.to_string());
    assert_eq!(phone.next_push().await.to_string(), second);
    phone.answer(second.parse().unwrap(), Decision::Deny, None).await.unwrap();
    assert_eq!(status(api, &second).await.text("result"), "deny");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_else_joins() {
    let site = Site::start().await;
    let api = site.auth_api();
    let phone = site.user("alice").await.phone().await;
    site.user("bob").await.phone().await;
    let first = push(api, "alice", "a", NAME, FROM).await.text("txid");
    // Another person, another place, another name, another application; and no name at all.
    let other = site.integration("authapi", |_| {}).await;
    for answer in [
        push(api, "bob", "b", NAME, FROM).await,
        push(&other, "alice", "c", NAME, FROM).await,
        push(api, "alice", "d", NAME, "198.51.100.9").await,
    ] {
        assert_ne!(answer.text("txid"), first);
    }
    let in_the_way = push(api, "alice", "e", "another-name", FROM).await.text("txid");
    assert_eq!(status(api, &in_the_way).await.text("result"), "deny", "the slot is taken");
    phone.approve(first.parse().unwrap()).await.unwrap();
    assert_eq!(status(api, &first).await.text("result"), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn many_at_once_are_one_push() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    // Again and again: they may come in any order, also all before the first of them is written down.
    for round in 0..10 {
        let asking = (0..8).map(|number| {
            let api = site.auth_api().clone();
            let (query, name) = (format!("q{round}-{number}"), format!("{NAME}-{round}"));
            tokio::spawn(async move { push(&api, "alice", &query, &name, FROM).await.text("txid") })
        });
        let mut all = Vec::new();
        for one in asking.collect::<Vec<_>>() {
            all.push(one.await.unwrap());
        }
        all.dedup();
        let txid = phone.next_push().await;
        assert_eq!(all, [txid.to_string()]);
        phone.approve(txid).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gives_up_leaves_the_push_to_the_other_and_the_last_withdraws_it() {
    let site = Site::start().await;
    let api = site.auth_api();
    let mut phone = site.user("alice").await.phone().await;
    let txid = push(api, "alice", "a", NAME, FROM).await.text("txid");
    push(api, "alice", "b", NAME, FROM).await;
    let pushed = phone.next_push().await;
    let cancel = [("txid", &*txid)];
    let stranger = site.integration("authapi", |_| {}).await;
    assert_eq!(stranger.post("/auth/v2/cancel", &cancel).await.code(), 40401);
    assert_eq!(api.post("/auth/v2/cancel", &cancel).await.response()["cancelled"], false);
    phone.approve(pushed).await.unwrap();
    assert_eq!(status(api, &txid).await.text("result"), "allow");

    site.advance(60);
    let txid = push(api, "alice", "c", NAME, FROM).await.text("txid");
    let cancel = [("txid", &*txid)];
    assert_eq!(api.post("/auth/v2/cancel", &cancel).await.response()["cancelled"], true);
    // Withdrawn is not decided: whoever comes now begins anew.
    assert_ne!(push(api, "alice", "d", NAME, FROM).await.text("txid"), txid);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_judged_once_and_the_second_proxy_is_told_the_same_for_a_moment() {
    let site = Site::start().await;
    let api = site.auth_api();
    let token = site.user("alice").await.hotp_token().await;
    assert_eq!(code(api, &token.hotp(0), "a", NAME).await, "allow");
    assert_eq!(code(api, &token.hotp(0), "b", NAME).await, "allow", "the same login");
    assert_eq!(code(api, &token.hotp(0), "c", "another-name").await, "deny", "another login with a used code");
    site.advance(11);
    assert_eq!(code(api, &token.hotp(0), "d", NAME).await, "deny", "used codes are used");
    assert_eq!(code(api, &token.hotp(1), "e", NAME).await, "deny", "told again, though the code would be right");
    site.advance(11);
    assert_eq!(code(api, &token.hotp(1), "f", NAME).await, "allow");
}
