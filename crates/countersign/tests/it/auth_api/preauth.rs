//! `preauth`: every result, and remembered devices.

use cs_core::account::NewUserPolicy;
use cs_core::integration::UserAccess;
use cs_core::user::UserStatus;
use cs_testkit::Site;
use cs_wire::signing::Scheme;
use serde_json::json;

use super::{passcode, preauth};

#[tokio::test(flavor = "multi_thread")]
async fn an_enrolled_user_is_shown_the_devices() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (phone, token) = (alice.phone().await, alice.hotp_token().await);
    let answer = preauth(site.auth_api(), "Alice").await.response();
    let serial = answer["devices"][1]["name"].clone();
    assert_eq!(
        answer,
        json!({
            "result": "auth",
            "status_msg": "Account is active",
            "devices": [
                {"device": phone.id.to_string(), "type": "phone", "display_name": "Generic Smartphone (Test phone)", "name": "Test phone",
                 "number": "", "capabilities": ["auto", "push", "mobile_otp"]},
                {"device": token.id.to_string(), "type": "token", "name": serial},
            ],
        })
    );
    let by_id = [("user_id", alice.id.as_str())];
    assert_eq!(site.auth_api().post("/auth/v2/preauth", &by_id).await.text("result"), "auth");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unknown_user_is_met_as_the_policy_says() {
    let site = Site::start().await;
    let enroll = preauth(site.auth_api(), "nobody").await;
    assert_eq!(enroll.text("result"), "enroll");
    assert!(enroll.text("status_msg").contains(&enroll.text("enroll_portal_url")), "{}", enroll.text("status_msg"));
    for (policy, result) in [(NewUserPolicy::Allow, "allow"), (NewUserPolicy::Deny, "deny")] {
        let api = site.integration("authapi", |record| record.new_user = Some(policy)).await;
        assert_eq!(preauth(&api, "nobody").await.text("result"), result);
    }
    let closed = site.integration("authapi", |record| record.user_access = UserAccess::Nobody).await;
    assert_eq!(preauth(&closed, "nobody").await.text("result"), "deny");
    // Someone who exists and has nothing is met like someone who does not.
    site.user("bare").await;
    assert_eq!(preauth(site.auth_api(), "bare").await.text("result"), "enroll");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_status_of_a_user_decides() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    alice.hotp_token().await;
    for (status, result) in [
        (UserStatus::Bypass, "allow"),
        (UserStatus::Disabled, "deny"),
        (UserStatus::PendingDeletion, "deny"),
        (UserStatus::Active, "auth"),
    ] {
        alice.set_status(status).await;
        assert_eq!(preauth(site.auth_api(), "alice").await.text("result"), result, "{status:?}");
        let auth = [("username", "alice"), ("factor", "passcode"), ("passcode", "000000")];
        let expected = if status == UserStatus::Bypass { "allow" } else { "deny" };
        assert_eq!(site.auth_api().post("/auth/v2/auth", &auth).await.text("result"), expected, "{status:?}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_missing_or_wrong_is_named() {
    let site = Site::start().await;
    for (params, code, detail) in [
        (&[][..], 40001, "username"),
        (&[("username", "a"), ("user_id", "DU")], 40002, "user_id"),
        (&[("user_id", "nonsense")], 40002, "user_id"),
        (&[("username", "a"), ("text_prompt", "perhaps")], 40002, "text_prompt"),
    ] {
        let answer = site.auth_api().post("/auth/v2/preauth", params).await;
        assert_eq!((answer.code(), &answer.json()["message_detail"]), (code, &json!(detail)));
    }
    for (params, code, detail) in [
        (&[("username", "a")][..], 40001, "factor"),
        (&[("username", "a"), ("factor", "fax")], 40002, "factor"),
        (&[("username", "a"), ("factor", "push")], 40001, "device"),
        (&[("username", "a"), ("factor", "push"), ("device", "x")], 40002, "device"),
        (&[("username", "a"), ("factor", "passcode")], 40001, "passcode"),
        (&[("username", "a"), ("factor", "push"), ("device", "auto"), ("txid", "x")], 40002, "txid"),
    ] {
        let answer = site.auth_api().post("/auth/v2/auth", params).await;
        assert_eq!((answer.code(), &answer.json()["message_detail"]), (code, &json!(detail)));
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_remembered_device_lets_its_user_in_and_nobody_else() {
    let site = Site::start().await;
    let api = site.integration("authapi", |record| record.remembered_days = Some(30)).await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let token = alice.hotp_token().await;
    bob.hotp_token().await;
    let login = [("username", "alice"), ("factor", "passcode"), ("passcode", &token.hotp(0))];
    let remembered = api.post("/auth/v2/auth", &login).await.text("trusted_device_token");
    let result = async |api: &cs_testkit::Api, user: &str| {
        let params = [("username", user), ("trusted_device_token", &remembered)];
        api.post("/auth/v2/preauth", &params).await.text("result")
    };
    assert_eq!(result(&api, "alice").await, "allow");
    assert_eq!(result(&api, "bob").await, "auth");
    assert_eq!(result(site.auth_api(), "alice").await, "auth", "another application");
    alice.forget_remembered().await;
    assert_eq!(result(&api, "alice").await, "auth");

    let again = [("username", "alice"), ("factor", "passcode"), ("passcode", &token.hotp(1))];
    let remembered = api.post("/auth/v2/auth", &again).await.text("trusted_device_token");
    let params = [("username", "alice"), ("trusted_device_token", &*remembered)];
    assert_eq!(api.post("/auth/v2/preauth", &params).await.text("result"), "allow");
    site.advance(30 * 86_400 + 1);
    assert_eq!(api.post("/auth/v2/preauth", &params).await.text("result"), "auth");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_text_menu_of_duo_unix_2_2() {
    let site = Site::start().await;
    let unix = site.integration("unix", |_| {}).await.signing(Scheme::V2Sha512);
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let params =
        [("username", "alice"), ("failmode", "open"), ("text_prompt", "1"), ("client_supports_verified_push", "1")];
    let answer = unix.post("/auth/v2/preauth", &params).await.response();
    let (txid, number) = (answer["txid"].as_str().unwrap(), answer["verification_code"].as_str().unwrap());
    assert_eq!(number.len(), 6);
    assert!((1..=300).contains(&answer["expiration"].as_i64().unwrap()));
    let text = answer["prompt"]["text"].as_str().unwrap();
    assert!(text.starts_with("Duo two-factor login for alice\n\n"), "{text}");
    assert!(text.contains(&format!(" 1. Duo Push to Test phone (type {number} there)\n")), "{text}");
    assert!(text.ends_with("\nPasscode or option (1-1): "), "{text}");
    let option = answer["prompt"]["factors"]["1"].as_str().unwrap();
    assert!(option.starts_with("push1-"), "{option}");
    assert!(answer["prompt"]["factors"]["default"].as_str().unwrap().starts_with("push1-"));

    let auth = [("username", "alice"), ("factor", "prompt"), ("prompt", option), ("txid", txid), ("async", "1")];
    assert_eq!(unix.post("/auth/v2/auth", &auth).await.text("txid"), txid);
    let push = phone.next_push().await;
    phone.approve(push).await.unwrap_err();
    phone.approve_with(push, number).await.unwrap();
    let status = unix.get("/auth/v2/auth_status", &[("txid", txid)]).await;
    assert_eq!((status.text("result"), status.text("status")), ("allow".into(), "allow".into()));

    // For whoever must enroll, the prompt is what to do.
    let nobody = [("username", "nobody"), ("text_prompt", "1")];
    let answer = unix.post("/auth/v2/preauth", &nobody).await.response();
    assert_eq!(answer["prompt"]["text"], answer["status_msg"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_bypass_code_alone_is_a_way_in() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let code = alice.bypass_code().await;
    assert_eq!(preauth(site.auth_api(), "alice").await.text("result"), "auth");
    assert_eq!(passcode(site.auth_api(), "alice", &code).await, "bypass");
    // Used up, and with it the user's last factor.
    assert_eq!(preauth(site.auth_api(), "alice").await.text("result"), "enroll");
}
