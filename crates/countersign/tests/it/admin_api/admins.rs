//! Administrators.

use cs_engine::EngineError;
use cs_engine::admin::Actor;
use cs_testkit::Site;
use serde_json::json;

const PATH: &str = "/admin/v1/admins";

#[tokio::test]
async fn an_administrator_is_added_changed_and_removed() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let new = [("email", "Eve@Example.org"), ("name", "Eve"), ("phone", "+4930123456"), ("role", "Help Desk")];
    let eve = admin.post(PATH, &new).await.response();
    assert_eq!(eve["email"], json!("eve@example.org"));
    assert_eq!((&eve["role"], &eve["status"]), (&json!("Help Desk"), &json!("Pending Activation")));
    assert_eq!(admin.post(PATH, &new).await.code(), 40003, "the address is taken, in any case");

    let path = format!("{PATH}/{}", eve["admin_id"].as_str().unwrap());
    let changed =
        admin.post(&path, &[("role", "Read-only"), ("name", "Eve E."), ("status", "Disabled")]).await.response();
    assert_eq!((&changed["role"], &changed["status"]), (&json!("Read-only"), &json!("Disabled")));
    let back = admin.post(&path, &[("status", "Active")]).await.response();
    assert_eq!(back["status"], json!("Pending Activation"), "there is no password to sign in with yet");
    assert_eq!(admin.get(PATH, &[]).await.json()["metadata"]["total_objects"], json!(2));
    admin.delete(&path, &[]).await.response();
    assert_eq!(admin.get(&path, &[]).await.code(), 40401);
}

#[tokio::test]
async fn roles_that_do_not_exist_and_restricted_owners_are_refused_not_guessed() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let base = [("email", "eve@example.org"), ("name", "Eve"), ("phone", "1")];
    for (name, value) in [("role", "owner"), ("role", "Security Analyst"), ("restricted_by_admin_units", "true")] {
        let params: Vec<_> = base.iter().copied().chain([(name, value)]).collect();
        let answer = admin.post(PATH, &params).await;
        assert_eq!((answer.code(), &answer.json()["message_detail"]), (40002, &json!(name)));
    }
}

#[tokio::test]
async fn the_last_owner_stays_and_owners_are_not_disabled() {
    let site = Site::start().await;
    let (admin, engine) = (site.admin_api(), site.engine());
    let first = admin.get(PATH, &[]).await.response()[0]["admin_id"].as_str().unwrap().to_owned();
    let first_path = format!("{PATH}/{first}");
    assert_eq!(admin.post(&first_path, &[("status", "Disabled")]).await.code(), 40301);
    assert_eq!(admin.delete(&first_path, &[]).await.code(), 40301);
    assert_eq!(admin.post(&first_path, &[("role", "Billing")]).await.code(), 40301);

    let second = admin.post(PATH, &[("email", "b@example.org"), ("name", "B"), ("phone", "1")]).await.response();
    assert_eq!(second["role"], json!("Owner"), "Duo's default");
    assert_eq!(admin.delete(&first_path, &[]).await.code(), 40301, "an owner who cannot sign in does not count");
    let second_id = second["admin_id"].as_str().unwrap().parse().unwrap();
    let password = || "correct horse battery".to_owned().into();
    engine.set_administrator_password(site.account, &Actor::Terminal, second_id, password()).await.unwrap();
    assert!(engine.verify_administrator_password(site.account, second_id, password()).await.unwrap());
    admin.delete(&first_path, &[]).await.response();
    assert_eq!(admin.delete(&format!("{PATH}/{second_id}"), &[]).await.code(), 40301);
}

#[tokio::test]
async fn passwords_are_long_enough_and_kept_as_hashes() {
    let site = Site::start().await;
    let engine = site.engine();
    let owner = engine.store().first_owner(site.account).await.unwrap().unwrap();
    let set = |password: &str| {
        engine.set_administrator_password(site.account, &Actor::Terminal, owner.id, password.to_owned().into())
    };
    assert!(matches!(set("elevenchars").await, Err(EngineError::Invalid("password"))));
    site.settings(json!({"password_requires_numeric": true, "minimum_password_length": 14})).await;
    assert!(matches!(set("no digits at all").await, Err(EngineError::Invalid("password"))));
    set("14 characters!").await.unwrap();
    let hash = engine.store().password_hash(site.account, owner.id).await.unwrap().unwrap();
    assert!(hash.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{hash}");
    let verify =
        |password: &str| engine.verify_administrator_password(site.account, owner.id, password.to_owned().into());
    assert!(verify("14 characters!").await.unwrap());
    assert!(!verify("14 characters?").await.unwrap());
}

#[tokio::test]
async fn invitations_are_listed_until_they_end_or_are_withdrawn() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let open =
        || async { admin.get("/admin/v1/admins/activations", &[]).await.json()["metadata"]["total_objects"].as_i64() };
    assert_eq!(open().await, Some(1), "the owner's, from bootstrap");
    let params = [("email", "new@example.org"), ("admin_role", "Read-only"), ("valid_days", "3")];
    let made = admin.post("/admin/v1/admins/activations", &params).await.response();
    assert_eq!((&made["email_sent"], &made["valid_days"]), (&json!(0), &json!(3)));
    assert!(made["link"].as_str().unwrap().ends_with(made["code"].as_str().unwrap()));
    assert_eq!(open().await, Some(2));
    let path = format!("/admin/v1/admins/activations/{}", made["admin_activation_id"].as_str().unwrap());
    admin.delete(&path, &[]).await.response();
    assert_eq!(open().await, Some(1));
    site.advance(7 * 24 * 3600 + 1);
    assert_eq!(open().await, Some(0), "a week is over");
    assert_eq!(
        admin.post("/admin/v1/admins/activations", &[("email", "x@y"), ("valid_days", "32")]).await.code(),
        40002
    );
}

#[tokio::test]
async fn only_factors_sent_as_true_stay_on() {
    let site = Site::start().await;
    let path = "/admin/v1/admins/allowed_auth_methods";
    assert_eq!(site.admin_api().get(path, &[]).await.response()["sms_enabled"], json!(false));
    let set = site.admin_api().post(path, &[("webauthn_enabled", "true")]).await.response();
    assert_eq!((&set["webauthn_enabled"], &set["push_enabled"]), (&json!(true), &json!(false)));
    assert_eq!(site.admin_api().get(path, &[]).await.response(), set);
}
