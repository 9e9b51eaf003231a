//! Signals of risk: each reached by logins, what it does to the next one, and what ends it.

use countersign::jobs::deliver_reviews;
use cs_core::login::Decision;
use cs_store::review::ReviewPage;
use cs_testkit::{Api, Site, VirtualPhone, VirtualToken};
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

use super::{passcode, preauth, start_push, status};

const FROM: &str = "192.0.2.7";
const WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);
pub(super) const HOUR: i64 = 3600;

/// A push to `user` from `from`, answered; what became of it.
pub(super) async fn push(api: &Api, phone: &mut VirtualPhone, user: &str, from: &str, decision: Decision) -> String {
    let txid = start_push(api, user, from).await;
    let asked = phone.next_push().await;
    assert_eq!(asked.to_string(), txid);
    phone.answer(asked, decision, None).await.unwrap();
    status(api, &txid).await.text("status")
}

/// Asks for a push; the log's reason if it is refused at once, or nothing if a phone rings. Leaves it waiting then.
pub(super) async fn refused_push(site: &Site, user: &str, from: &str) -> Option<String> {
    // Entries of one moment have no order.
    site.advance(1);
    let txid = start_push(site.auth_api(), user, from).await;
    let status = status(site.auth_api(), &txid).await.text("status");
    (status != "pushed").then_some(status)
}

/// The newest entry of the authentication log.
pub(super) async fn newest(site: &Site) -> Json {
    let (from, to) = (site.now().as_millisecond() - 3_600_000, site.now().as_millisecond() + 1);
    let window = [("mintime", from.to_string()), ("maxtime", to.to_string()), ("limit", "1".to_owned())];
    let window: Vec<(&str, &str)> = window.iter().map(|(name, value)| (*name, value.as_str())).collect();
    site.admin_api().get("/admin/v2/logs/authentication", &window).await.response()["authlogs"][0].clone()
}

pub(super) fn detected(entry: &Json) -> Vec<&str> {
    let detections = &entry["adaptive_trust_assessments"]["more_secure_auth"]["detections"];
    detections.as_array().into_iter().flatten().filter_map(|one| one["signal"].as_str()).collect()
}

/// What the global policy says of signals.
pub(super) async fn watch(site: &Site, enforce: &[&str], report: &[&str]) {
    let sections = json!({"risk_signals": {"enforce": enforce, "report": report}});
    let changed = site.admin_api().json("PUT", "/admin/v2/policies/global", &json!({"sections": sections})).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
}

#[tokio::test(flavor = "multi_thread")]
async fn push_harassment_leaves_strong_factors_and_one_of_them_ends_it() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let token = alice.hotp_token().await;
    for _ in 0..3 {
        assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Deny).await, "deny");
    }
    assert_eq!(refused_push(&site, "alice", FROM).await.as_deref(), Some("deny"));
    let entry = newest(&site).await;
    assert_eq!((&entry["reason"], detected(&entry)), (&json!("factor_restricted"), vec!["push_harassment"]));
    assert_eq!(entry["adaptive_trust_assessments"]["more_secure_auth"]["trust_level"], "LOW");
    assert!(entry["policy"].to_string().contains("3 pushes denied or unanswered in 10 minutes"), "{}", entry["policy"]);
    // A code of the phone can be talked out of people; one of a token ends it.
    assert_eq!(passcode(site.auth_api(), "alice", &phone.passcode()).await, "deny");
    assert_eq!(passcode(site.auth_api(), "alice", &token.hotp(0)).await, "allow");
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_nobody_answers_are_harassment_too_and_time_ends_it() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    for _ in 0..2 {
        start_push(site.auth_api(), "alice", FROM).await;
        phone.next_push().await;
        site.advance(61);
        let since = site.now();
        site.engine().maintain(since).await.unwrap();
        assert!(detected(&newest(&site).await).is_empty(), "not yet");
    }
    start_push(site.auth_api(), "alice", FROM).await;
    phone.next_push().await;
    site.advance(61);
    site.engine().maintain(site.now()).await.unwrap();
    let entry = newest(&site).await;
    assert_eq!(
        (&entry["reason"], detected(&entry)),
        (&json!("no_response"), vec!["push_harassment"]),
        "itself counted"
    );
    assert_eq!(refused_push(&site, "alice", FROM).await.as_deref(), Some("deny"));
    assert_eq!(detected(&newest(&site).await), ["push_harassment"]);
    site.advance(11 * 60);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_fraud_report_steps_up_for_a_day_or_until_an_administrator_clears_it() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let token = alice.hotp_token().await;
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    assert_eq!(refused_push(&site, "alice", FROM).await.as_deref(), Some("deny"));
    assert_eq!(detected(&newest(&site).await), ["fraud_report"]);
    assert_eq!(passcode(site.auth_api(), "alice", &token.hotp(0)).await, "allow");
    assert_eq!(
        refused_push(&site, "alice", FROM).await.as_deref(),
        Some("deny"),
        "whoever stole the one may have the other"
    );
    let path = format!("/admin/v1/users/{}/clear_step_up", alice.id);
    assert_eq!(site.admin_api().post(&path, &[]).await.response(), "");
    site.advance(1);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow");
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    site.advance(23 * HOUR);
    assert_eq!(refused_push(&site, "alice", FROM).await.as_deref(), Some("deny"));
    site.advance(HOUR + 1);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_stronger_factor_codes_of_the_phone_remain_and_a_push_with_a_number() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    // An older client cannot show the number: no push, but a code.
    assert_eq!(refused_push(&site, "alice", FROM).await.as_deref(), Some("deny"));
    let devices = preauth(site.auth_api(), "alice").await.response()["devices"].clone();
    assert_eq!(devices[0]["capabilities"], json!(["mobile_otp"]), "{devices}");
    assert_eq!(passcode(site.auth_api(), "alice", &phone.passcode()).await, "allow");
    let lines = newest(&site).await["policy"].to_string();
    assert!(lines.contains("nothing stronger can be used there"), "{lines}");
    // One that can gets a push, with a number that is long enough.
    let params = [("username", "alice"), ("client_supports_verified_push", "1")];
    let offered = site.auth_api().post("/auth/v2/preauth", &params).await.response();
    let (number, ticket) = (offered["verification_code"].as_str().unwrap(), offered["txid"].as_str().unwrap());
    assert_eq!((number.len(), &offered["devices"][0]["capabilities"]), (6, &json!(["auto", "push"])));
    let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("txid", ticket), ("async", "1")];
    let txid = site.auth_api().post("/auth/v2/auth", &params).await.text("txid");
    let asked = phone.next_push().await;
    phone.answer(asked, Decision::Approve, Some(number)).await.unwrap();
    assert_eq!(status(site.auth_api(), &txid).await.text("status"), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn risk_alone_refuses_nobody_where_the_policy_leaves_only_pushes() {
    let site = Site::start().await;
    let sections = json!({"authentication_methods": {"allowed_auth_list": ["duo-push"]}});
    let changed = site.admin_api().json("PUT", "/admin/v2/policies/global", &json!({"sections": sections})).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
    let mut phone = site.user("alice").await.phone().await;
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    site.advance(1);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow");
    let entry = newest(&site).await;
    assert_eq!(detected(&entry), ["fraud_report"]);
    assert!(
        entry["policy"].is_null() || entry["policy"].to_string().contains("nothing stronger"),
        "{}",
        entry["policy"]
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_happens_while_a_push_waits_counts_when_it_is_approved() {
    let site = Site::start().await;
    let other = site.integration("authapi", |_| {}).await;
    let mut phone = site.user("alice").await.phone().await;
    let first = start_push(site.auth_api(), "alice", FROM).await;
    let waiting = phone.next_push().await;
    push(&other, &mut phone, "alice", FROM, Decision::Fraud).await;
    site.advance(1);
    phone.approve(waiting).await.unwrap();
    assert_eq!(status(site.auth_api(), &first).await.text("status"), "deny");
    assert_eq!(detected(&newest(&site).await), ["fraud_report"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_bound_after_the_first_login_is_new_for_a_day() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow");
    site.advance(60);
    alice.phone().await;
    assert_eq!(refused_push(&site, "alice", FROM).await.as_deref(), Some("deny"));
    assert_eq!(detected(&newest(&site).await), ["new_device"]);
    site.advance(24 * HOUR);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_spray_from_one_network_steps_up_those_it_has_not_reached_yet() {
    let site = Site::start().await;
    for n in 0..10 {
        let name = format!("user{n}");
        let mut phone = site.user(&name).await.phone().await;
        push(site.auth_api(), &mut phone, &name, &format!("198.51.100.{n}"), Decision::Deny).await;
    }
    let mut phone = site.user("alice").await.phone().await;
    assert_eq!(refused_push(&site, "alice", "198.51.100.200").await.as_deref(), Some("deny"));
    assert_eq!(detected(&newest(&site).await), ["push_spray"]);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await, "allow", "from elsewhere");
}

/// Fifty logins of `user` with `token`, all at one hour, from one address.
pub(super) async fn usual_logins(site: &Site, user: &str, token: &VirtualToken, from: &str) {
    for counter in 0..50 {
        let code = token.hotp(counter);
        let params = [("username", user), ("factor", "passcode"), ("passcode", &*code), ("ipaddr", from)];
        let answer = site.auth_api().post("/auth/v2/auth", &params).await;
        assert_eq!(answer.text("status"), "allow", "{counter}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn signals_that_are_only_reported_are_in_the_log_and_stop_nobody() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let token = alice.hotp_token().await;
    usual_logins(&site, &alice.name, &token, FROM).await;
    site.advance(12 * HOUR);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", "203.0.113.9", Decision::Approve).await, "allow");
    let entry = newest(&site).await;
    assert_eq!(detected(&entry), ["novel_network", "unusual_hour"]);
    assert_eq!(entry["adaptive_trust_assessments"]["more_secure_auth"]["trust_level"], "NORMAL");
    // The same, made to count; and switched off.
    site.advance(3 * HOUR);
    watch(&site, &["novel_network"], &[]).await;
    assert_eq!(refused_push(&site, "alice", "203.0.114.9").await.as_deref(), Some("deny"));
    assert_eq!(detected(&newest(&site).await), ["novel_network"]);
    watch(&site, &[], &[]).await;
    site.advance(1);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", "203.0.114.9", Decision::Approve).await, "allow");
    assert!(detected(&newest(&site).await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_node_that_starts_learns_from_the_log() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let token = alice.hotp_token().await;
    usual_logins(&site, &alice.name, &token, FROM).await;
    let node = site.node(site.engine().store().clone());
    node.recall_logins().await.unwrap();
    let seen = |engine: &cs_engine::Engine, from: &str| engine.is_familiar(site.account, from.parse().unwrap());
    assert!(seen(&node, FROM) && seen(site.engine(), FROM));
    assert!(!seen(&node, "203.0.113.9"));
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_2024_05_13_signals_become_events_to_review_after_the_login_was_answered() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    alice.hotp_token().await;
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    for _ in 0..2 {
        refused_push(&site, "alice", FROM).await;
    }
    let queued = async || {
        let reader = site.engine().store().reader();
        let page =
            ReviewPage { from: site.now() - WEEK, to: site.now(), kind: None, state: None, after: None, limit: 9 };
        reader.review_events(site.account, &page).await.unwrap().len()
    };
    assert_eq!(queued().await, 0, "no login waits for it");
    assert_eq!(deliver_reviews(site.engine()).await.unwrap(), 3, "the report itself is the first");
    assert_eq!(queued().await, 1);
    let window = [("mintime", "1780000000000".to_owned()), ("maxtime", site.now().as_millisecond().to_string())];
    let list = async |more: &[(&str, &str)]| {
        let mut params: Vec<(&str, &str)> = window.iter().map(|(name, value)| (*name, value.as_str())).collect();
        params.extend_from_slice(more);
        site.admin_api().get("/admin/v1/trust_monitor/events", &params).await
    };
    let events = list(&[]).await.response();
    assert_eq!(events["events"].as_array().unwrap().len(), 1, "{events}");
    assert_eq!(events["metadata"]["next_offset"], Json::Null);
    let event = &events["events"][0];
    assert_eq!(
        (&event["type"], &event["state"], &event["priority_event"]),
        (&json!("auth"), &json!("new"), &json!(true))
    );
    assert_eq!(event["explanations"][0]["type"], "fraud_report");
    assert_eq!(event["surfaced_auth"]["user"]["name"], "alice");
    let path = format!("/admin/v1/trust_monitor/events/{}", event["sekey"].as_str().unwrap());
    assert!(event["sekey"].as_str().unwrap().starts_with("SE"));
    assert_eq!(site.admin_api().post(&path, &[("state", "odd")]).await.code(), 40002);
    assert_eq!(site.admin_api().post(&path, &[("state", "dismissed")]).await.response(), "");
    let shown = site.admin_api().get(&path, &[]).await.response();
    assert_eq!((&shown["state"], &shown["triaged_as_interesting"]), (&json!("dismissed"), &json!(false)));
    assert_eq!(list(&[("state", "new")]).await.response()["events"], json!([]));
    // An hour later it is told again; pages follow one another.
    site.advance(HOUR);
    refused_push(&site, "alice", FROM).await;
    assert_eq!(deliver_reviews(site.engine()).await.unwrap(), 1);
    let later = site.now().as_millisecond().to_string();
    let window = [("mintime", "1780000000000"), ("maxtime", &*later), ("limit", "1")];
    let first = site.admin_api().get("/admin/v1/trust_monitor/events", &window).await.response();
    let offset = first["metadata"]["next_offset"].as_str().unwrap();
    let second = [&window[..], &[("offset", offset)]].concat();
    let second = site.admin_api().get("/admin/v1/trust_monitor/events", &second).await.response();
    assert_ne!(second["events"][0]["sekey"], first["events"][0]["sekey"]);
    assert_eq!(second["events"][0]["state"], "new");
    for bad in [("type", "x"), ("state", "x"), ("offset", "x")] {
        assert_eq!(list(&[bad]).await.code(), 40002, "{bad:?}");
    }
    assert_eq!(preauth(site.auth_api(), "alice").await.text("result"), "auth");
}

#[tokio::test(flavor = "multi_thread")]
async fn privacyidea_5689_filters_by_signal_are_obeyed_or_refused() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Approve).await;
    site.advance(1);
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    refused_push(&site, "alice", FROM).await;
    let (from, to) = (site.now().as_millisecond() - 3_600_000, site.now().as_millisecond() + 1);
    let found = async |name: &'static str, value: &'static str| {
        let window = [("mintime", from.to_string()), ("maxtime", to.to_string()), (name, value.to_owned())];
        let window: Vec<(&str, &str)> = window.iter().map(|(name, value)| (*name, value.as_str())).collect();
        site.admin_api().get("/admin/v2/logs/authentication", &window).await
    };
    let reasons = async |name: &'static str, value: &'static str| {
        let log = found(name, value).await.response();
        assert_eq!(log["metadata"]["total_objects"], log["authlogs"].as_array().unwrap().len());
        let reasons = log["authlogs"].as_array().unwrap().iter().map(|entry| entry["reason"].to_string());
        reasons.collect::<Vec<_>>().join(" ")
    };
    let risky = "\"factor_restricted\" \"user_marked_fraud\"";
    for (name, value, expected) in [
        ("detections", "fraud_report", risky),
        ("detections", "USER_MARKED_FRAUD,NEW_DEVICE", risky),
        ("detections", "push_spray", ""),
        ("assessment", "low", risky),
        ("assessment", "NORMAL", "\"user_approved\""),
    ] {
        assert_eq!(reasons(name, value).await, expected, "{name}={value}");
    }
    for (name, value) in [("detections", "new_country"), ("assessment", "HIGH")] {
        assert_eq!(found(name, value).await.code(), 40002, "{name}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_is_tried_on_signals_that_fired() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    refused_push(&site, "alice", FROM).await;
    let draft =
        |section: Json| json!({"policies": [{"is_global_policy": true, "sections": {"risk_signals": section}}]});
    let simulated = async |section: Json| {
        let answer = site.admin_api().json("POST", "/admin/v2/policies/simulate", &draft(section)).await;
        assert_eq!(answer.status, 200, "{}", answer.json());
        answer.response()["summary"].clone()
    };
    let off = simulated(json!({"enforce": [], "report": []})).await;
    assert_eq!(off["eased"], 2, "codes too, and the push that was refused: {off}");
    let as_is = simulated(json!({"enforce": ["fraud_report"], "report": []})).await;
    assert_eq!((&as_is["unchanged"], &as_is["eased"]), (&json!(2), &json!(0)), "{as_is}");
}

#[tokio::test(flavor = "multi_thread")]
async fn bypasses_are_events_to_review_whoever_gives_them() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let status = [("status", "bypass"), ("bypass_reason", "phone lost")];
    let path = format!("/admin/v1/users/{}", alice.id);
    for _ in 0..2 {
        // The same again is no news.
        assert_eq!(site.admin_api().post(&path, &status).await.status, 200);
    }
    let group = [("name", "staff"), ("status", "Bypass"), ("bypass_reason", "an outage")];
    assert_eq!(site.admin_api().post("/admin/v1/groups", &group).await.status, 200);
    deliver_reviews(site.engine()).await.unwrap();
    let to = site.now().as_millisecond().to_string();
    let window = [("mintime", "1780000000000"), ("maxtime", &*to), ("type", "bypass_status")];
    let events = site.admin_api().get("/admin/v1/trust_monitor/events", &window).await.response()["events"].clone();
    let events = events.as_array().unwrap();
    let told =
        |part: &str| events.iter().filter(|one| one["explanations"][0]["summary"].to_string().contains(part)).count();
    assert_eq!(
        (events.len(), told("alice was put into bypass until"), told("the group staff")),
        (2, 1, 1),
        "{events:?}"
    );
    let of_user = events.iter().find(|event| !event["user_id"].is_null()).unwrap();
    assert_eq!(of_user["enabled_for"], json!({"key": alice.id.to_string(), "name": "alice"}));
    assert_eq!((&of_user["enabled_by"]["name"], &of_user["surfaced_auth"]), (&json!("API"), &Json::Null));
    assert_eq!(of_user["bypass_status_enabled"], site.now().as_millisecond());
}

#[tokio::test(flavor = "multi_thread")]
async fn events_are_forgotten_after_180_days() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    push(site.auth_api(), &mut phone, "alice", FROM, Decision::Fraud).await;
    deliver_reviews(site.engine()).await.unwrap();
    let kept = async |site: &Site| {
        site.engine().forget_reviews().await.unwrap();
        let from = site.now() - WEEK * 30;
        let page = ReviewPage { from, to: site.now(), kind: None, state: None, after: None, limit: 9 };
        site.engine().store().reader().review_events(site.account, &page).await.unwrap().len()
    };
    assert_eq!(kept(&site).await, 1);
    site.advance(180 * 24 * HOUR + 1);
    assert_eq!(kept(&site).await, 0);
}
