//! What policies do to logins, through both login APIs.

use cs_core::login::Decision;
use cs_core::user::UserStatus;
use cs_engine::login::Answered;
use cs_testkit::{Answer, Api, Site};
use serde_json::{Value as Json, json};

use super::{passcode, start_push, status};
use crate::scene::{ELSEWHERE, OFFICE, last_entry, last_reason, policy};

async fn preauth_from(api: &Api, user: &str, address: &str) -> Answer {
    api.post("/auth/v2/preauth", &[("username", user), ("ipaddr", address)]).await
}

async fn result_from(api: &Api, user: &str, address: &str) -> String {
    preauth_from(api, user, address).await.text("result")
}

async fn passcode_from(api: &Api, user: &str, code: &str, address: &str) -> String {
    let params = [("username", user), ("factor", "passcode"), ("passcode", code), ("ipaddr", address)];
    api.post("/auth/v2/auth", &params).await.text("result")
}

fn remembering(minutes: u32) -> Json {
    json!({"remembered_devices": {"address_apps": {"enabled": true, "max_time_value": minutes, "max_time_units": "minutes"}}})
}

#[tokio::test(flavor = "multi_thread")]
async fn networks_and_what_is_asked_there() {
    let site = Site::start().await;
    site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    policy(
        &site,
        json!({"authorized_networks": {
            "no_2fa_required": {"ip_list": ["192.0.2.0/24"]},
            "mfa_required": {"ip_list": ["192.0.2.128/25"]},
            "blocked": {"ip_list": ["::ffff:203.0.113.0/120"]},
        }}),
    )
    .await;
    for (address, result) in [
        (OFFICE, "allow"),
        ("::ffff:192.0.2.7", "allow"),
        ("192.0.2.200", "auth"),
        (ELSEWHERE, "auth"),
        ("203.0.113.5", "deny"),
        ("::ffff:203.0.113.5", "deny"),
        ("not an address", "auth"),
        ("0.0.0.0", "auth"),
    ] {
        assert_eq!(result_from(api, "alice", address).await, result, "{address}");
    }
    assert_eq!(api.post("/auth/v2/preauth", &[("username", "alice")]).await.text("result"), "auth", "no address");
    // What a proxy might say is nobody's address here: the integration signs where its user is.
    let spoofed = api
        .request(reqwest::Method::POST, "/auth/v2/preauth", &[("username", "alice"), ("ipaddr", ELSEWHERE)])
        .header("X-Forwarded-For", OFFICE)
        .header("X-Real-IP", OFFICE)
        .header("Forwarded", "for=192.0.2.7")
        .send()
        .await
        .unwrap();
    let spoofed: Json = serde_json::from_slice(&spoofed.bytes().await.unwrap()).unwrap();
    assert_eq!(spoofed["response"]["result"], "auth");
    // The same name in another spelling meets the same policy.
    for name in ["ALICE", "Example\\alice", "ａｌｉｃｅ"] {
        let denied = preauth_from(api, name, "203.0.113.5").await;
        assert_eq!(denied.text("result"), "deny", "{name}");
    }
    site.advance(1);
    assert_eq!(passcode_from(api, "alice", "000000", "203.0.113.5").await, "deny");
    let entry = last_entry(&site).await;
    assert_eq!((&entry["reason"], &entry["result"]), (&json!("denied_network"), &json!("denied")));
    assert!(entry["fact"].as_str().unwrap().contains("203.0.113.5 is in a blocked network"), "{entry}");
    let trace = entry["policy"].to_string();
    assert!(trace.contains("8 authorized_networks (global: Global Policy): denies denied_network"), "{trace}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_address_is_remembered_for_its_user_application_and_time_only() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    let bob = site.user("bob").await;
    bob.hotp_token().await;
    let (api, other) = (site.auth_api(), site.integration("authapi", |_| {}).await);
    policy(&site, remembering(30)).await;
    assert_eq!(result_from(api, "alice", OFFICE).await, "auth");
    let bypass = alice.bypass_code().await;
    assert_eq!(passcode_from(api, "alice", &bypass, OFFICE).await, "allow");
    assert_eq!(result_from(api, "alice", OFFICE).await, "auth", "a bypass code earns nothing");
    assert_eq!(passcode_from(api, "alice", &token.hotp(0), OFFICE).await, "allow");
    site.advance(1);
    assert_eq!(result_from(api, "alice", OFFICE).await, "allow");
    assert_eq!(last_reason(&site).await, "remembered_device");
    assert_eq!(result_from(api, "alice", ELSEWHERE).await, "auth", "another address");
    assert_eq!(result_from(&other, "alice", OFFICE).await, "auth", "another application");
    assert_eq!(result_from(api, "bob", OFFICE).await, "auth", "another user");
    assert_eq!(api.post("/auth/v2/preauth", &[("username", "alice")]).await.text("result"), "auth", "no address");

    // What is remembered does not renew itself.
    site.advance(29 * 60);
    assert_eq!(result_from(api, "alice", OFFICE).await, "allow");
    site.advance(2 * 60);
    assert_eq!(result_from(api, "alice", OFFICE).await, "auth");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_remembered_is_forgotten_with_its_reason() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    let api = site.auth_api();
    for (counter, change) in ["status", "forget", "policy", "off", "off and on"].into_iter().enumerate() {
        policy(&site, remembering(30)).await;
        assert_eq!(passcode_from(api, "alice", &token.hotp(counter as u64), OFFICE).await, "allow", "{change}");
        assert_eq!(result_from(api, "alice", OFFICE).await, "allow", "{change}");
        match change {
            "status" => {
                alice.set_status(UserStatus::Disabled).await;
                assert_eq!(result_from(api, "alice", OFFICE).await, "deny", "disabled");
                alice.set_status(UserStatus::Active).await;
            }
            "forget" => alice.forget_remembered().await,
            "policy" => policy(&site, remembering(31)).await,
            _ => {
                policy(&site, json!({"remembered_devices": {"address_apps": {"enabled": false}}})).await;
                if change == "off and on" {
                    policy(&site, remembering(30)).await;
                }
            }
        }
        assert_eq!(result_from(api, "alice", OFFICE).await, "auth", "{change}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_blocked_method_is_hidden_and_refused_and_bypass_codes_are_not() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (phone, token) = (alice.phone().await, alice.hotp_token().await);
    let api = site.auth_api();
    let methods = |allowed: &[&str], blocked: &[&str]| json!({"authentication_methods": {"allowed_auth_list": allowed, "blocked_auth_list": blocked}});
    policy(&site, methods(&["duo-push"], &["hardware-token", "duo-passcode"])).await;
    let shown = preauth_from(api, "alice", OFFICE).await.response();
    assert_eq!(shown["devices"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["devices"][0]["capabilities"], json!(["auto", "push"]));
    assert_eq!(passcode(api, "alice", &token.hotp(0)).await, "deny");
    assert_eq!(last_reason(&site).await, "factor_restricted");
    assert_eq!(passcode(api, "alice", &token.hotp(1)).await, "deny");
    let code = alice.bypass_code().await;
    assert_eq!(passcode(api, "alice", &code).await, "bypass");

    policy(&site, methods(&["hardware-token"], &["duo-push"])).await;
    let shown = preauth_from(api, "alice", OFFICE).await.response();
    assert_eq!(shown["devices"].as_array().unwrap().len(), 1, "{shown}");
    assert_eq!(shown["devices"][0]["type"], "token");
    let push = [("username", "alice"), ("factor", "push"), ("device", phone.id.as_str())];
    assert_eq!(api.post("/auth/v2/auth", &push).await.text("result"), "deny");
    assert_eq!(last_reason(&site).await, "factor_restricted");
    assert_eq!(passcode(api, "alice", &token.hotp(0)).await, "deny", "used up, though it was refused");
    assert_eq!(passcode(api, "alice", &token.hotp(2)).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_policy_tightened_while_a_push_waits_refuses_its_approval() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let api = site.auth_api();
    let tightened = [
        (json!({"authorized_networks": {"blocked": {"ip_list": [OFFICE]}}}), "denied_network"),
        (json!({"authentication_policy": {"user_auth_behavior": "deny"}}), "denied_by_policy"),
        (
            json!({"authentication_methods": {"allowed_auth_list": ["duo-passcode"], "blocked_auth_list": ["duo-push"]}}),
            "factor_restricted",
        ),
        (json!({"authentication_methods": {"verified_push_without_display": "passcode-only"}}), "factor_restricted"),
    ];
    for (sections, reason) in tightened {
        let names: Vec<String> = sections.as_object().unwrap().keys().cloned().collect();
        let txid = start_push(api, "alice", OFFICE).await;
        let push = phone.next_push().await;
        policy(&site, sections).await;
        let answered = phone.answer(push, Decision::Approve, None).await.unwrap();
        assert!(matches!(answered, Answered::Refused(refused) if refused.as_str() == reason), "{answered:?} {reason}");
        assert_eq!(status(api, &txid).await.text("result"), "deny", "{reason}");
        assert_eq!(last_reason(&site).await, reason);
        let back = json!({"sections_to_delete": names});
        site.admin_api().json("PUT", "/admin/v2/policies/global", &back).await.response();
    }
    // And with nothing against it, the same push lets in.
    let txid = start_push(api, "alice", OFFICE).await;
    let push = phone.next_push().await;
    phone.answer(push, Decision::Approve, None).await.unwrap();
    assert_eq!(status(api, &txid).await.text("result"), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_address_costs_no_more_than_two_reads() {
    let site = Site::start().await;
    let token = site.user("alice").await.hotp_token().await;
    let api = site.auth_api();
    policy(&site, remembering(30)).await;
    assert_eq!(passcode_from(api, "alice", &token.hotp(0), OFFICE).await, "allow");
    let reads = || site.engine().store().reads();
    for (address, result) in [(OFFICE, "allow"), (ELSEWHERE, "auth"), (OFFICE, "allow")] {
        let before = reads();
        assert_eq!(result_from(api, "alice", address).await, result);
        assert!(reads() - before <= 2, "{} reads", reads() - before);
    }
    let before = reads();
    assert_eq!(passcode_from(api, "alice", &token.hotp(1), ELSEWHERE).await, "allow");
    assert!(reads() - before <= 1, "{} reads", reads() - before);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_state_of_a_phone_gates_its_pushes_and_passcodes_and_nothing_else() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (mut phone, token) = (alice.phone().await, alice.hotp_token().await);
    let api = site.auth_api();
    let devices = |answer: Json| answer["devices"].as_array().unwrap().len();
    let told = [
        (json!({"tampered": true}), json!({}), "rooted_device"),
        (json!({"screen_lock": false}), json!({}), "no_screen_lock"),
        (
            json!({"encryption": false}),
            json!({"full_disk_encryption": {"require_encryption": true}}),
            "no_disk_encryption",
        ),
        (
            json!({"biometrics": false}),
            json!({"mobile_device_biometrics": {"require_biometrics": true}}),
            "touch_id_disabled",
        ),
        (
            json!({"os": "android", "os_version": "9"}),
            json!({"operating_systems": {"block_os_list": ["android"]}}),
            "platform_restricted",
        ),
        (
            json!({}),
            json!({"duo_mobile_app": {"block_policy": "less-than-version", "block_version": "7.0"}}),
            "version_restricted",
        ),
    ];
    for (posture, sections, reason) in told {
        let names: Vec<String> = sections.as_object().unwrap().keys().cloned().collect();
        phone.tell(&json!({})).await;
        assert_eq!(devices(preauth_from(api, "alice", OFFICE).await.response()), 2, "{reason}");
        // A phone that changes while its push waits does not let anyone in either.
        start_push(api, "alice", OFFICE).await;
        let push = phone.next_push().await;
        policy(&site, sections).await;
        phone.tell(&posture).await;
        let answered = phone.answer(push, Decision::Approve, None).await.unwrap();
        assert!(matches!(answered, Answered::Refused(refused) if refused.as_str() == reason), "{answered:?} {reason}");

        assert_eq!(devices(preauth_from(api, "alice", OFFICE).await.response()), 1, "{reason}: the token is left");
        site.advance(1);
        let push = [("username", "alice"), ("factor", "push"), ("device", phone.id.as_str())];
        assert_eq!(api.post("/auth/v2/auth", &push).await.text("result"), "deny", "{reason}");
        assert_eq!(last_reason(&site).await, reason);
        assert_eq!(passcode(api, "alice", &phone.passcode()).await, "deny", "{reason}");
        assert_eq!(last_reason(&site).await, reason);
        let back = json!({"sections_to_delete": names});
        site.admin_api().json("PUT", "/admin/v2/policies/global", &back).await.response();
    }
    phone.tell(&json!({"tampered": true})).await;
    assert_eq!(passcode(api, "alice", &token.hotp(0)).await, "allow");
}

#[tokio::test]
async fn the_page_that_this_server_serves_is_never_out_of_date() {
    let site = Site::start().await;
    let mut phone = site.user("wendy").await.web_phone().await;
    for block in [
        json!({"block_policy": "less-than-version", "block_version": "4.85.0"}),
        json!({"block_policy": "less-than-latest"}),
    ] {
        policy(&site, json!({"duo_mobile_app": block})).await;
        start_push(site.auth_api(), "wendy", OFFICE).await;
        let push = phone.next_push().await;
        phone.approve(push).await.unwrap();
    }
}
