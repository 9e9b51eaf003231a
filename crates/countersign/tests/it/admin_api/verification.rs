//! An administrator asks a user's phone whether it is them; and nobody is let in by that.

use cs_core::id::TxId;
use cs_core::integration::Permissions;
use cs_core::login::{Decision, NUMBER_TRIES};
use cs_core::user::UserStatus;
use cs_engine::login::{AnswerError, Answered};
use cs_engine::{Caller, EngineError, Liveness, Surface};
use cs_testkit::{Answer, Api, Site, TestUser, VirtualPhone};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{keys, status};

async fn send(api: &Api, user: &TestUser, phone: &VirtualPhone) -> Answer {
    let path = format!("/admin/v1/users/{}/send_verification_push", user.id);
    api.post(&path, &[("phone_id", phone.id.as_str())]).await
}

async fn sent(site: &Site, user: &TestUser, phone: &VirtualPhone) -> (TxId, String) {
    let sent = send(site.admin_api(), user, phone).await;
    (sent.text("push_id").parse().unwrap(), sent.text("confirmation_code"))
}

async fn response(api: &Api, user: &TestUser, push: TxId) -> Answer {
    let path = format!("/admin/v1/users/{}/verification_push_response", user.id);
    api.get(&path, &[("push_id", &push.to_string())]).await
}

/// The activity log's entries of checks: name, outcome and whether they name a reason.
async fn logged(site: &Site) -> Vec<(String, String)> {
    let from = (site.now() - SignedDuration::from_hours(1)).as_millisecond().to_string();
    let to = (site.now() + SignedDuration::from_secs(1)).as_millisecond().to_string();
    let params = [("mintime", from.as_str()), ("maxtime", &to), ("limit", "1000")];
    let log = site.admin_api().get("/admin/v2/logs/activity", &params).await.response();
    let logins = [&params[..], &[("event_types", "authentication")]].concat();
    let authentications = site.admin_api().get("/admin/v2/logs/authentication", &logins).await.response();
    assert_eq!(authentications["authlogs"], json!([]), "a check is no login");
    let mut entries = Vec::new();
    for item in log["items"].as_array().unwrap() {
        let name = item["action"]["name"].as_str().unwrap();
        if name.starts_with("identity_check_") || name == "push_answer_refused" || name == "user_verify" {
            entries.push((name.to_owned(), item["outcome"]["result"].as_str().unwrap().to_owned()));
        }
    }
    entries.sort();
    entries
}

fn entry(name: &str, result: &str) -> (String, String) {
    (name.to_owned(), result.to_owned())
}

#[tokio::test]
async fn the_user_types_what_the_administrator_reads_out() {
    let site = Site::start().await;
    let (api, alice) = (site.admin_api(), site.user("alice").await);
    let mut phone = alice.phone().await;
    let answer = send(api, &alice, &phone).await.response();
    assert_eq!(keys(&answer), ["confirmation_code", "push_id"]);
    let (push, code): (TxId, _) =
        (answer["push_id"].as_str().unwrap().parse().unwrap(), answer["confirmation_code"].as_str().unwrap());
    assert!(code.len() == 6 && code.bytes().all(|b| b.is_ascii_digit()), "{code}");
    assert_eq!(phone.next_push().await, push);
    let shown = phone.shown(push).await;
    assert_eq!(shown.digits, 6);
    let statement: cs_wire::device::Statement = serde_json::from_str(&shown.statement).unwrap();
    let integration = api.get(&format!("/admin/v1/integrations/{}", api.key()), &[]).await.text("name");
    assert_eq!((statement.kind, statement.application), ("Identity check".to_owned(), integration));
    assert!(!shown.statement.contains(code), "the phone must not know what is to be typed");
    assert_eq!(response(api, &alice, push).await.response(), json!({"push_id": push.to_string(), "result": "waiting"}));

    assert_eq!(send(api, &alice, &phone).await.code(), 40003);
    assert!(matches!(phone.approve(push).await, Err(AnswerError::WrongNumber { tries_left: 2 })));
    assert_eq!(response(api, &alice, push).await.text("result"), "waiting");
    assert_eq!(phone.approve_with(push, code).await.unwrap(), Answered::Approved);
    assert_eq!(response(api, &alice, push).await.text("result"), "approve");
    assert!(matches!(phone.answer(push, Decision::Deny, None).await, Err(AnswerError::Closed(_))));
    assert_eq!(response(api, &alice, push).await.text("result"), "approve");

    let user = api.get(&format!("/admin/v1/users/{}", alice.id), &[]).await.response();
    assert_eq!(user["last_login"], Json::Null);
    let expected = [
        entry("identity_check_approved", "SUCCESS"),
        entry("push_answer_refused", "FAILURE"),
        entry("push_answer_refused", "FAILURE"),
        entry("user_verify", "SUCCESS"),
    ];
    assert_eq!(logged(&site).await, expected);
}

#[tokio::test]
async fn a_refusal_counts_towards_nothing_and_fraud_is_an_alert() {
    let site = Site::start().await;
    site.settings(json!({"lockout_threshold": 1})).await;
    let (api, alice) = (site.admin_api(), site.user("alice").await);
    let phone = alice.phone().await;
    let (denied, _) = sent(&site, &alice, &phone).await;
    assert_eq!(phone.answer(denied, Decision::Deny, None).await.unwrap(), Answered::Denied);
    assert_eq!(response(api, &alice, denied).await.text("result"), "deny");
    let (guessed, code) = sent(&site, &alice, &phone).await;
    let wrong = if code == "000000" { "000001" } else { "000000" };
    for _ in 0..NUMBER_TRIES {
        assert!(matches!(phone.approve_with(guessed, wrong).await, Err(AnswerError::WrongNumber { .. })));
    }
    assert!(matches!(phone.approve_with(guessed, &code).await, Err(AnswerError::Closed(_))));
    assert_eq!(response(api, &alice, guessed).await.text("result"), "deny");
    let store = site.engine().store();
    assert_eq!(store.next_effect("alert").await.unwrap(), None);
    let (fraud, _) = sent(&site, &alice, &phone).await;
    assert_eq!(phone.answer(fraud, Decision::Fraud, None).await.unwrap(), Answered::Fraud);
    assert_eq!(response(api, &alice, fraud).await.text("result"), "fraud");
    assert!(store.next_effect("alert").await.unwrap().is_some(), "no alert");
    assert_eq!(status(api, alice.id.as_str()).await, "active");
    let log = logged(&site).await;
    for (name, count) in [("identity_check_denied", 2), ("identity_check_fraud", 1)] {
        assert_eq!(log.iter().filter(|e| **e == entry(name, "FAILURE")).count(), count, "{name}: {log:?}");
    }
}

#[tokio::test]
async fn an_approved_check_unlocks_nobody() {
    let site = Site::start().await;
    site.settings(json!({"lockout_threshold": 1})).await;
    let alice = site.user("alice").await;
    let phone = alice.phone().await;
    let login = [("username", "alice"), ("factor", "passcode"), ("passcode", "000000")];
    site.auth_api().post("/auth/v2/auth", &login).await.response();
    assert_eq!(status(site.admin_api(), alice.id.as_str()).await, "locked out");
    let (push, code) = sent(&site, &alice, &phone).await;
    assert_eq!(phone.approve_with(push, &code).await.unwrap(), Answered::Approved);
    assert_eq!(status(site.admin_api(), alice.id.as_str()).await, "locked out");
}

#[tokio::test]
async fn only_the_sender_hears_of_a_check_and_no_application_can_use_it() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let phone = alice.phone().await;
    let (push, code) = sent(&site, &alice, &phone).await;
    let txid = push.to_string();
    let other = site.integration("adminapi", |record| record.permissions = Permissions::all()).await;
    for answered in [false, true] {
        if answered {
            assert_eq!(phone.approve_with(push, &code).await.unwrap(), Answered::Approved);
        }
        assert_eq!(response(&other, &alice, push).await.code(), 40401);
        assert_eq!(response(site.admin_api(), &bob, push).await.code(), 40401);
        let status = |api: Api| {
            let txid = txid.clone();
            async move { api.get("/auth/v2/auth_status", &[("txid", &txid)]).await.code() }
        };
        assert_eq!(status(site.auth_api().clone()).await, 40401);
        assert_eq!(status(site.admin_api().clone()).await, 40301);
        assert_eq!(site.auth_api().post("/auth/v2/cancel", &[("txid", &txid)]).await.code(), 40401);
    }
    assert_eq!(response(site.admin_api(), &alice, push).await.text("result"), "approve");

    // Not even its own integration, if the door to logins were open to it.
    let (directory, sender) = (site.engine().directory(), site.admin_api());
    let account = directory.accounts().await.unwrap()[0].clone();
    let integration = directory.integration(account.id, sender.key()).await.unwrap().unwrap();
    let (surface, connection) = (Surface::AuthV2, Liveness::forever());
    let caller = Caller { account, integration, surface, connection, legacy_signature: false };
    assert!(matches!(site.engine().auth_status(&caller, push).await, Err(EngineError::NotFound)));
    assert!(matches!(site.engine().cancel(&caller, push).await, Err(EngineError::NotFound)));

    // The other way round: a login is not a check.
    let login = [("username", "alice"), ("factor", "push"), ("device", phone.id.as_str()), ("async", "1")];
    let login: TxId = site.auth_api().post("/auth/v2/auth", &login).await.text("txid").parse().unwrap();
    assert_eq!(response(site.admin_api(), &alice, login).await.code(), 40401);
}

#[tokio::test]
async fn what_nobody_answers_is_gone_and_too_many_stop() {
    let site = Site::start().await;
    let (api, alice) = (site.admin_api(), site.user("alice").await);
    let phone = alice.phone().await;
    for _ in 0..3 {
        let (push, code) = sent(&site, &alice, &phone).await;
        site.advance(61);
        assert_eq!(response(api, &alice, push).await.code(), 40401);
        assert!(matches!(phone.approve_with(push, &code).await, Err(AnswerError::Closed(_))));
        site.engine().maintain(site.now()).await.unwrap();
    }
    assert_eq!(send(api, &alice, &phone).await.code(), 40301);
    let log = logged(&site).await;
    assert_eq!(log.iter().filter(|e| **e == entry("identity_check_timed_out", "FAILURE")).count(), 3, "{log:?}");
    site.advance(600);
    send(api, &alice, &phone).await.response();
}

#[tokio::test]
async fn users_in_any_state_are_asked_on_activated_phones_of_their_own() {
    let site = Site::start().await;
    let api = site.admin_api();
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (phone, bobs) = (alice.phone().await, bob.phone().await);
    assert_eq!(send(api, &alice, &bobs).await.code(), 40002);
    let path = format!("/admin/v1/users/{}/send_verification_push", alice.id);
    assert_eq!(api.post(&path, &[]).await.code(), 40001);
    assert_eq!(api.post(&path, &[("phone_id", "x")]).await.code(), 40002);
    let empty = super::create_phone(&site).await;
    api.post(&format!("/admin/v1/users/{}/phones", alice.id), &[("phone_id", &empty)]).await.response();
    assert_eq!(api.post(&path, &[("phone_id", &empty)]).await.code(), 40002);

    alice.set_status(UserStatus::Disabled).await;
    let (push, code) = sent(&site, &alice, &phone).await;
    assert_eq!(phone.approve_with(push, &code).await.unwrap(), Answered::Approved);
    // A phone that is taken away says nothing of the user.
    let (push, code) = sent(&site, &alice, &phone).await;
    api.delete(&format!("/admin/v1/users/{}/phones/{}", alice.id, phone.id), &[]).await.response();
    assert!(phone.approve_with(push, &code).await.is_err());
    assert_eq!(response(api, &alice, push).await.text("result"), "waiting");
}
