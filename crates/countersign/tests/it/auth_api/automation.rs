//! What answers without a person: devices that an administrator lets approve by themselves, and exempted users.

use cs_core::login::DenyReason;
use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_engine::login::Answered;
use cs_testkit::{Api, Site};
use jiff::SignedDuration;
use serde_json::json;

use super::{passcode, start_push, status};
use crate::scene::{ANONYMOUS, ELSEWHERE, OFFICE, last_entry, lift, policy, site_with_places};

async fn result_from(api: &Api, user: &str, address: &str) -> String {
    api.post("/auth/v2/preauth", &[("username", user), ("ipaddr", address)]).await.text("result")
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_without_a_person_approves_only_while_an_administrator_allows_it() {
    let site = Site::start().await;
    let robot = site.user("robot").await;
    let mut device = robot.automation().await;
    let (api, id) = (site.auth_api(), device.id);
    let allow = async |seconds: Option<i64>| {
        let until = seconds.map(|seconds| site.now() + SignedDuration::from_secs(seconds));
        site.engine().set_auto_approve(site.account, &Actor::Terminal, id, until).await.unwrap();
    };
    // Nobody has allowed it: no push is sent, and its codes are as good as any.
    let refused = start_push(api, "robot", OFFICE).await;
    assert_eq!(status(api, &refused).await.text("result"), "deny");
    let entry = last_entry(&site).await;
    assert_eq!(entry["reason"], "factor_restricted");
    assert_eq!(entry["fact"], "push: no administrator lets this device answer by itself now");
    assert_eq!(passcode(api, "robot", &device.passcode()).await, "allow");

    allow(Some(3600)).await;
    let txid = start_push(api, "robot", OFFICE).await;
    let push = device.next_push().await;
    assert_eq!(device.approve(push).await.unwrap(), Answered::Approved);
    assert_eq!(status(api, &txid).await.text("result"), "allow");
    site.advance(1);
    let txid = start_push(api, "robot", OFFICE).await;
    let push = device.next_push().await;
    allow(None).await;
    assert_eq!(device.approve(push).await.unwrap(), Answered::Refused(DenyReason::FactorRestricted), "taken back");
    assert_eq!(status(api, &txid).await.text("result"), "deny");

    allow(Some(30)).await;
    let txid = start_push(api, "robot", OFFICE).await;
    let push = device.next_push().await;
    site.advance(30);
    assert_eq!(device.approve(push).await.unwrap(), Answered::Refused(DenyReason::FactorRestricted), "over by itself");
    assert_eq!(status(api, &txid).await.text("result"), "deny");
}

/// Exempts `user` at the site's Auth API from the office's network, for an hour.
async fn exempt(site: &Site, user: &str, kind: &str) {
    let until = (site.now().as_second() + 3600).to_string();
    let params = [
        ("kind", kind),
        ("integration_keys", site.auth_api().key().as_str()),
        ("networks", "192.0.2.0/24,198.51.100.66"),
        ("until", &until),
        ("reason", "nightly scan"),
    ]
    .map(|(name, value)| (name.to_owned(), value.to_owned()));
    let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (&**name, &**value)).collect();
    site.admin_api().post(&format!("/admin/v1/users/{user}/exemptions"), &params).await.response();
}

#[tokio::test(flavor = "multi_thread")]
async fn an_exempted_user_is_let_in_at_its_application_from_its_network_until_its_end_and_never_silently() {
    let (site, _dir) = site_with_places().await;
    let scanner = site.user("scanner").await;
    scanner.hotp_token().await;
    site.user("alice").await.hotp_token().await;
    let (api, other) = (site.auth_api(), site.integration("authapi", |_| {}).await);
    assert_eq!(result_from(api, "scanner", OFFICE).await, "auth");
    exempt(&site, scanner.id.as_str(), "automatic-approval").await;
    site.advance(1);
    assert_eq!(result_from(api, "scanner", OFFICE).await, "allow");
    let entry = last_entry(&site).await;
    assert_eq!((&entry["reason"], &entry["result"]), (&json!("allowed_by_policy"), &json!("success")));
    assert!(entry["fact"].as_str().unwrap().contains("nightly scan"), "{entry}");
    for (api, user, address, outside) in [
        (api, "scanner", ELSEWHERE, "another network"),
        (api, "scanner", "not an address", "no address"),
        (&other, "scanner", OFFICE, "another application"),
        (api, "alice", OFFICE, "another user"),
    ] {
        assert_eq!(result_from(api, user, address).await, "auth", "{outside}");
    }
    // Every denial holds for the exempted too.
    let denials = [
        json!({"authorized_networks": {"blocked": {"ip_list": [OFFICE]}}}),
        json!({"user_location": {"deny_access_countries_list": ["CH"]}}),
        json!({"authentication_policy": {"user_auth_behavior": "deny"}}),
    ];
    for denial in denials {
        policy(&site, denial.clone()).await;
        assert_eq!(result_from(api, "scanner", OFFICE).await, "deny", "{denial}");
        lift(&site, &denial).await;
    }
    // From an anonymous network it rests where that asks for a factor.
    assert_eq!(result_from(api, "scanner", ANONYMOUS).await, "allow");
    let anonymous = json!({"anonymous_networks": {"anonymous_access_behavior": "require-mfa"}});
    policy(&site, anonymous.clone()).await;
    assert_eq!(result_from(api, "scanner", ANONYMOUS).await, "auth");
    lift(&site, &anonymous).await;
    scanner.set_status(UserStatus::Disabled).await;
    assert_eq!(result_from(api, "scanner", OFFICE).await, "deny");
    scanner.set_status(UserStatus::Active).await;
    site.engine().lock_user(site.account, &Actor::Terminal, scanner.id).await.unwrap();
    assert_eq!(result_from(api, "scanner", OFFICE).await, "deny");
    scanner.set_status(UserStatus::Active).await;
    assert_eq!(result_from(api, "scanner", OFFICE).await, "allow");
    site.advance(3600);
    assert_eq!(result_from(api, "scanner", OFFICE).await, "auth", "over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_user_exempted_for_passcodes_has_those_where_the_policy_has_none_and_nothing_else() {
    let site = Site::start().await;
    let tester = site.user("tester").await;
    let (phone, token) = (tester.phone().await, tester.hotp_token().await);
    let api = site.auth_api();
    let methods = json!({"authentication_methods": {"allowed_auth_list": ["duo-push"], "blocked_auth_list": ["hardware-token", "duo-passcode"]}});
    policy(&site, methods).await;
    let login = async |code: &str, address: &str| {
        let params = [("username", "tester"), ("factor", "passcode"), ("passcode", code), ("ipaddr", address)];
        api.post("/auth/v2/auth", &params).await.text("result")
    };
    assert_eq!(login(&token.hotp(0), OFFICE).await, "deny");
    exempt(&site, tester.id.as_str(), "passcode-only").await;
    assert_eq!(login(&token.hotp(1), OFFICE).await, "allow");
    assert_eq!(login(&phone.passcode(), OFFICE).await, "allow");
    assert_eq!(login(&token.hotp(2), ELSEWHERE).await, "deny", "another network");
    let push = start_push(api, "tester", OFFICE).await;
    assert_eq!(status(api, &push).await.text("result"), "deny", "no push, though the policy has them");
    site.advance(3600);
    assert_eq!(login(&token.hotp(3), OFFICE).await, "deny", "over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_staged_version_is_named_in_the_log_of_those_it_reaches() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    alice.hotp_token().await;
    let (api, admin) = (site.auth_api(), site.admin_api());
    let made = json!({"policy_name": "VPN", "apply_to_apps": [api.key().as_str()], "sections": {}});
    let made = admin.json("POST", "/admin/v2/policies", &made).await.response();
    let stage = format!("/admin/v2/policies/{}/stage", made["policy_key"].as_str().unwrap());
    let group = admin.post("/admin/v1/groups", &[("name", "pilots")]).await.text("group_id");
    let deny = json!({"authentication_policy": {"user_auth_behavior": "deny"}});
    admin.json("PUT", &stage, &json!({"sections": deny, "group_id": group})).await.response();
    assert_eq!(result_from(api, "alice", OFFICE).await, "auth", "not reached");
    let member = format!("/admin/v1/users/{}/groups", alice.id);
    admin.post(&member, &[("group_id", &group)]).await.response();
    site.advance(1);
    assert_eq!(result_from(api, "alice", OFFICE).await, "deny");
    let entry = last_entry(&site).await;
    assert_eq!(entry["reason"], "denied_by_policy");
    assert!(entry["policy"].to_string().contains("VPN (staged for "), "{entry}");
    admin.json("PUT", &stage, &json!({"percent": 100})).await.response();
    site.advance(1);
    assert_eq!(result_from(api, "alice", OFFICE).await, "deny");
    let entry = last_entry(&site).await;
    assert!(entry["policy"].to_string().contains("VPN (staged for 100% of the users)"), "{entry}");
}
