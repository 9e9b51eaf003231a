//! Signals of risk that need to know where an address is, and what spares a factor where there is none of them.

use cs_core::login::Decision;
use cs_testkit::{Mmdb, Site, VirtualPhone};
use serde_json::{Value as Json, json};

use super::risk::{HOUR, detected, newest, push, refused_push, usual_logins, watch};
use super::{passcode, preauth};

const ZURICH: &str = "198.51.100.7";
const BERN: &str = "198.51.101.7";
const BOSTON: &str = "203.0.113.7";
const SWEDEN: &str = "2001:db8:46::7";

fn cities() -> Mmdb {
    Mmdb::new()
        .city("198.51.100.0/24", "CH", "Zürich", 47.37, 8.54)
        .city("198.51.101.0/24", "CH", "Bern", 46.95, 7.45)
        .city("203.0.113.0/24", "US", "Boston", 42.36, -71.06)
}

fn countries() -> Mmdb {
    Mmdb::new().country("198.51.100.0/23", "CH").country("203.0.113.0/24", "US").country("2001:db8:46::/48", "SE")
}

async fn alice(places: &Mmdb) -> (Site, VirtualPhone) {
    let site = Site::in_places(places).await;
    let phone = site.user("alice").await.phone().await;
    (site, phone)
}

async fn global(site: &Site, sections: Json) {
    let changed = site.admin_api().json("PUT", "/admin/v2/policies/global", &json!({"sections": sections})).await;
    assert_eq!(changed.status, 200, "{}", changed.json());
}

/// What `explain` says of a login of alice's from `from`: the methods, and the rules of `section` with outcome and fact.
async fn explained(site: &Site, from: &str, section: &str) -> (Json, String) {
    let key = site.auth_api().key().to_string();
    let params = [("username", "alice"), ("integration_key", &*key), ("ipaddr", from)];
    let told = site.admin_api().get("/admin/v2/policies/explain", &params).await.response();
    let lines = told["trace"].as_array().unwrap().iter().filter(|step| step["rule"] == section);
    let lines: Vec<String> = lines.map(|step| format!("{}: {}", step["outcome"], step["fact"])).collect();
    (told["methods"].clone(), lines.join("\n"))
}

#[tokio::test(flavor = "multi_thread")]
async fn faster_than_an_airliner_is_impossible_travel() {
    let (site, mut phone) = alice(&cities()).await;
    assert_eq!(push(site.auth_api(), &mut phone, "alice", ZURICH, Decision::Approve).await, "allow");
    site.advance(60);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", BERN, Decision::Approve).await, "allow", "a drive away");
    site.advance(HOUR - 1);
    let (methods, lines) = explained(&site, BOSTON, "risk_signals").await;
    assert_eq!(methods, json!(["duo-push"]), "only with a number");
    assert!(lines.contains("\"demands\"") && lines.contains("km from the last login, 59 minutes later"), "{lines}");
    assert_eq!(refused_push(&site, "alice", BOSTON).await.as_deref(), Some("deny"));
    let entry = newest(&site).await;
    assert!(detected(&entry).contains(&"impossible_travel"), "{entry}");
    let named = &entry["adaptive_trust_assessments"]["more_secure_auth"]["detected_attack_detectors"];
    assert!(named.as_array().unwrap().contains(&json!("UNREALISTIC_GEOVELOCITY")), "{named}");
    assert_eq!(entry["access_device"]["location"]["city"], "Boston");
    // From where alice is known to be it is as ever; and so it is from Boston a flight later.
    assert_eq!(push(site.auth_api(), &mut phone, "alice", ZURICH, Decision::Approve).await, "allow");
    site.advance(8 * HOUR);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", BOSTON, Decision::Approve).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_coordinates_another_country_within_hours_is_impossible_travel() {
    let (site, mut phone) = alice(&countries()).await;
    assert_eq!(push(site.auth_api(), &mut phone, "alice", ZURICH, Decision::Approve).await, "allow");
    site.advance(2 * HOUR - 1);
    assert_eq!(refused_push(&site, "alice", SWEDEN).await.as_deref(), Some("deny"));
    let entry = newest(&site).await;
    assert_eq!(detected(&entry), ["impossible_travel"]);
    let reason = entry["adaptive_trust_assessments"]["more_secure_auth"]["reason"].as_str().unwrap();
    assert_eq!(reason, "the last login was in CH, this one 120 minutes later in SE");
    // An unknown place is no sign, and a login with a code from the new place ends it.
    assert_eq!(push(site.auth_api(), &mut phone, "alice", "192.0.2.1", Decision::Approve).await, "allow");
    let params = [("username", "alice"), ("factor", "passcode"), ("ipaddr", SWEDEN)];
    let code = phone.passcode();
    let params = [&params[..], &[("passcode", &*code)]].concat();
    assert_eq!(site.auth_api().post("/auth/v2/auth", &params).await.text("status"), "allow");
    assert_eq!(push(site.auth_api(), &mut phone, "alice", SWEDEN, Decision::Approve).await, "allow");
    site.advance(3 * HOUR);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", ZURICH, Decision::Approve).await, "allow", "hours later");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_organisation_or_the_user_never_did_steps_up_where_a_policy_says_so() {
    let site = Site::in_places(&countries()).await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let token = alice.hotp_token().await;
    usual_logins(&site, "alice", &token, ZURICH).await;
    site.advance(12 * HOUR);
    let all = ["novel_network", "unusual_country", "unusual_hour"];
    for signal in all {
        watch(&site, &[signal], &[]).await;
        assert_eq!(refused_push(&site, "alice", BOSTON).await.as_deref(), Some("deny"), "{signal}");
        assert_eq!(detected(&newest(&site).await), [signal]);
        let (methods, lines) = explained(&site, BOSTON, "risk_signals").await;
        assert!(methods.to_string().contains("hardware-token") && lines.contains("\"demands\""), "{lines}");
    }
    watch(&site, &[], &all).await;
    let (_, lines) = explained(&site, BOSTON, "risk_signals").await;
    assert!(lines.contains("\"reports\"") && lines.contains("nobody of the organisation was seen in US"), "{lines}");
    // Entries of one moment have no order.
    site.advance(1);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", BOSTON, Decision::Approve).await, "allow");
    assert_eq!(detected(&newest(&site).await), all);
    // What happened once is not new any more.
    site.advance(60);
    assert_eq!(push(site.auth_api(), &mut phone, "alice", BOSTON, Decision::Approve).await, "allow");
    assert!(detected(&newest(&site).await).is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_trusted_network_spares_the_factor_until_there_is_risk() {
    let (site, mut phone) = alice(&countries()).await;
    let rule = json!({"ip_list": ["198.51.100.0/24"], "lower_to": "no-second-factor"});
    global(&site, json!({"step_down": {"rules": [rule]}})).await;
    let from = async |address: &'static str| {
        let params = [("username", "alice"), ("ipaddr", address)];
        site.auth_api().post("/auth/v2/preauth", &params).await.text("result")
    };
    assert_eq!((&*from(ZURICH).await, &*from(BERN).await), ("allow", "auth"));
    push(site.auth_api(), &mut phone, "alice", BERN, Decision::Fraud).await;
    assert_eq!(from(ZURICH).await, "auth", "nothing is spared whom somebody is after");
    site.advance(24 * HOUR);
    assert_eq!(from(ZURICH).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn low_risk_lowers_a_number_to_a_tap_and_any_watched_signal_raises_it_again() {
    let (site, mut phone) = alice(&countries()).await;
    let methods = json!({
        "require_verified_push": true,
        "verified_push_without_display": "passcode-only",
        "allowed_auth_list": ["duo-push", "duo-passcode"],
    });
    global(&site, json!({"authentication_methods": methods})).await;
    assert_eq!(refused_push(&site, "alice", ZURICH).await.as_deref(), Some("deny"));
    global(&site, json!({"step_down": {"rules": [{"low_risk": true, "lower_to": "plain-push"}]}})).await;
    assert_eq!(push(site.auth_api(), &mut phone, "alice", ZURICH, Decision::Approve).await, "allow");
    // Only reported, it is no low risk all the same.
    watch(&site, &[], &["impossible_travel"]).await;
    assert_eq!(refused_push(&site, "alice", BOSTON).await.as_deref(), Some("deny"));
    assert_eq!(detected(&newest(&site).await), ["impossible_travel"]);
    assert_eq!(preauth(site.auth_api(), "alice").await.text("result"), "auth");
    assert_eq!(passcode(site.auth_api(), "alice", &phone.passcode()).await, "allow");
}
