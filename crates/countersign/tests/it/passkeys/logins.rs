//! Logging in with passkeys and security keys: the same decisions, counting and log as every factor.

use cs_core::policy::Method;
use cs_core::user::UserStatus;
use cs_engine::passkeys::Wanted;
use cs_testkit::{Forge, VirtualKey};
use serde_json::json;

use super::{Office, reason};

const RIGHT: fn() -> Forge = Forge::default;

#[tokio::test]
async fn a_security_key_is_a_second_factor() {
    let office = Office::open().await;
    let mut key = VirtualKey::touch_only(&office.origin());
    let registered = office.register(&mut key, Wanted::SecurityKey).await;
    let begun = office.ask().await;
    assert_eq!(
        (&begun.options["userVerification"], &begun.options["rpId"]),
        (&json!("discouraged"), &json!("localhost"))
    );
    assert_eq!(begun.options["allowCredentials"].as_array().unwrap().len(), 1);
    let response = key.get(&begun.options);
    assert_eq!(reason(&office.answer(&begun, response.clone()).await), "in");
    let entry = &office.log().await[0];
    assert_eq!((&entry["result"], &entry["reason"]), (&json!("success"), &json!("user_approved")));
    assert_eq!((&entry["factor"], &entry["surface"]), (&json!("WebAuthn Security Key"), &json!("prompt")));
    assert_eq!(entry["auth_device"]["key"], registered.key.as_str());
    let user = office.site.admin_api().get(&format!("/admin/v1/users/{}", office.alice.id), &[]).await.response();
    assert_eq!(user["last_login"], office.site.now().as_second());
    // Every further login moves the counter on.
    for _ in 0..3 {
        assert_eq!(reason(&office.login(&mut key, &RIGHT()).await), "in");
    }
    let kept = office.site.engine().store().reader().webauthn_credential(office.site.account, registered.key).await;
    assert_eq!(kept.unwrap().unwrap().credential.counter, 5);
}

#[tokio::test]
async fn a_passkey_of_the_device_logs_in_and_says_so_in_duos_words() {
    let office = Office::open().await;
    let mut device = VirtualKey::platform(&office.origin());
    office.register(&mut device, Wanted::Platform).await;
    assert_eq!(reason(&office.login(&mut device, &RIGHT()).await), "in");
    assert_eq!(office.log().await[0]["factor"], "WebAuthn Credential");
    // Its counter is one of those that are never kept.
    let mut synced = VirtualKey::platform(&office.origin());
    let begun = office.begin(office.did(Method::Bypass), Wanted::Passkey).await.unwrap();
    let forge = Forge { counter: Some(0), backed_up: true, ..Forge::default() };
    let response = synced.create_as(&begun.options, &forge);
    assert!(office.finish(&begun, &response).await.unwrap().credential.backed_up);
    for _ in 0..2 {
        assert_eq!(reason(&office.login(&mut synced, &forge).await), "in");
    }
}

#[tokio::test]
async fn what_the_policy_blocks_is_neither_offered_nor_accepted() {
    let office = Office::open().await;
    let (mut key, mut device) = (VirtualKey::security_key(&office.origin()), VirtualKey::platform(&office.origin()));
    office.register(&mut key, Wanted::SecurityKey).await;
    office.register(&mut device, Wanted::Platform).await;
    assert_eq!(office.ask().await.options["allowCredentials"].as_array().unwrap().len(), 2);
    let begun = office.ask().await;
    let response = key.get(&begun.options);
    office
        .policy(json!({"authentication_methods": {"blocked_auth_list": ["webauthn-roaming"],
        "allowed_auth_list": ["hardware-token", "webauthn-platform"]}}))
        .await;
    assert_eq!(reason(&office.answer(&begun, response).await), "factor_restricted", "begun under the earlier policy");
    assert_eq!(office.ask().await.options["allowCredentials"].as_array().unwrap().len(), 1);
    assert_eq!(reason(&office.login(&mut device, &RIGHT()).await), "in");
    office
        .policy(json!({"authentication_methods": {"blocked_auth_list": [], "allowed_auth_list": ["hardware-token"]}}))
        .await;
    let challenge = office.challenge().await;
    let none = office.site.engine().begin_assertion(&office.caller, &challenge, &office.session()).await.unwrap();
    assert!(none.is_none());
}

#[tokio::test]
async fn a_policy_may_demand_that_the_key_verifies_the_person() {
    let office = Office::open().await;
    let mut key = VirtualKey::touch_only(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    office
        .policy(json!({"authentication_methods": {"allowed_auth_list":
        ["hardware-token", "webauthn-roaming", "webauthn-require-user-verification"]}}))
        .await;
    assert_eq!(office.ask().await.options["userVerification"], "required");
    assert_eq!(reason(&office.login(&mut key, &RIGHT()).await), "user_not_verified");
    let verified = Forge { verified: Some(true), ..Forge::default() };
    assert_eq!(reason(&office.login(&mut key, &verified).await), "in");
}

#[tokio::test]
async fn a_passkey_takes_the_place_of_the_password_where_a_policy_says_so() {
    let office = Office::open().await;
    let mut device = VirtualKey::platform(&office.origin());
    office.register(&mut device, Wanted::Passkey).await;
    let (refused, _) = office.passwordless(&mut device, &RIGHT()).await;
    assert_eq!(reason(&refused), "factor_restricted", "not by default");
    let allowed = json!(["hardware-token", "webauthn-platform", "webauthn-platform-pwl"]);
    office.policy(json!({"authentication_methods": {"allowed_auth_list": allowed}})).await;
    let (decided, is_alice) = office.passwordless(&mut device, &RIGHT()).await;
    assert!(is_alice, "{decided:?}");
    let unverified = Forge { verified: Some(false), ..Forge::default() };
    assert_eq!(reason(&office.passwordless(&mut device, &unverified).await.0), "user_not_verified");
    for handle in [None, Some(b"DUBBBBBBBBBBBBBBBBBB".to_vec())] {
        let forge = Forge { handle: Some(handle), ..Forge::default() };
        assert_eq!(reason(&office.passwordless(&mut device, &forge).await.0), "invalid_credential");
    }
    // Where only passwordless methods are allowed, they still are.
    office.policy(json!({"authentication_methods": {"allowed_auth_list": ["webauthn-platform-pwl"]}})).await;
    assert!(office.passwordless(&mut device, &RIGHT()).await.1);
}

#[tokio::test]
async fn whoever_is_spared_the_second_factor_proves_the_first_all_the_same() {
    let office = Office::open().await;
    let mut device = VirtualKey::platform(&office.origin());
    office.register(&mut device, Wanted::Passkey).await;
    office
        .policy(json!({"authentication_methods": {"allowed_auth_list": ["hardware-token", "webauthn-platform-pwl"]}}))
        .await;
    office.alice.set_status(UserStatus::Bypass).await;
    let spoiled = Forge { spoil_signature: true, ..Forge::default() };
    assert_eq!(reason(&office.passwordless(&mut device, &spoiled).await.0), "invalid_credential");
    assert!(office.passwordless(&mut device, &RIGHT()).await.1);
    office.alice.set_status(UserStatus::Disabled).await;
    assert_eq!(reason(&office.passwordless(&mut device, &RIGHT()).await.0), "user_disabled");
}

#[tokio::test]
async fn a_user_disabled_meanwhile_does_not_get_in() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    let begun = office.ask().await;
    let response = key.get(&begun.options);
    office.alice.set_status(UserStatus::Disabled).await;
    assert_eq!(reason(&office.answer(&begun, response).await), "user_disabled");
}

#[tokio::test]
async fn terminals_are_offered_what_they_can_do() {
    let office = Office::open().await;
    office.register(&mut VirtualKey::security_key(&office.origin()), Wanted::SecurityKey).await;
    let answer = office.site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
    assert_eq!(answer["result"], "auth");
    let carol = office.site.user("carol").await;
    let begun = office.begin(cs_core::webauthn::Proof::invitation(carol.id), Wanted::SecurityKey).await.unwrap();
    let response = VirtualKey::security_key(&office.origin()).create(&begun.options);
    office.finish(&begun, &response).await.unwrap();
    // Carol has a key and nothing else: she is enrolled, and cannot use it there.
    let answer = office.site.auth_api().post("/auth/v2/preauth", &[("username", "carol")]).await.response();
    assert_eq!(answer["result"], "deny", "{answer}");
}
