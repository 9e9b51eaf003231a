use cs_testkit::Site;
use serde_json::{Value as Json, json};

use super::{create_token, create_user, keys};

#[tokio::test]
async fn a_token_has_duos_shape() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = create_token(&site, "123").await;
    let token = api.get(&format!("/admin/v1/tokens/{id}"), &[]).await.response();
    assert_eq!(keys(&token), ["admins", "owner", "serial", "token_id", "totp_step", "type", "users"]);
    assert_eq!((&token["type"], &token["serial"], &token["totp_step"]), (&json!("h6"), &json!("123"), &Json::Null));
    assert_eq!(api.get("/admin/v1/tokens", &[("type", "h6"), ("serial", "123")]).await.response(), json!([token]));
    assert_eq!(api.get("/admin/v1/tokens", &[("type", "h8"), ("serial", "123")]).await.response(), json!([]));
    assert_eq!(api.get("/admin/v1/tokens", &[("serial", "123")]).await.code(), 40001);
    let again = [("type", "h6"), ("serial", "123"), ("secret", "3132333435363738393031323334353637383930")];
    assert_eq!(api.post("/admin/v1/tokens", &again).await.code(), 40003);
    assert_eq!(api.post("/admin/v1/tokens", &[("type", "d1"), ("serial", "1")]).await.code(), 40002);
    for _ in 0..2 {
        assert_eq!(api.delete(&format!("/admin/v1/tokens/{id}"), &[]).await.response(), "");
    }
    assert_eq!(api.get(&format!("/admin/v1/tokens/{id}"), &[]).await.code(), 40401);
}

#[tokio::test]
async fn every_type_is_created() {
    let site = Site::start().await;
    let (secret, key) = ("3132333435363738393031323334353637383930", "ecde18dbe76fbd0c33330f1c354871db");
    for (kind, extra) in [
        ("h8", &[("secret", secret), ("counter", "5")][..]),
        ("t6", &[("secret", secret)]),
        ("t8", &[("secret", secret), ("totp_step", "60")]),
        ("yk", &[("private_id", "8792ebfe26cc"), ("aes_key", key)]),
    ] {
        let params = [&[("type", kind), ("serial", "1")], extra].concat();
        assert_eq!(site.admin_api().post("/admin/v1/tokens", &params).await.text("type"), kind);
    }
    let steps = site.admin_api().get("/admin/v1/tokens", &[]).await.response();
    let steps: Vec<&Json> = steps.as_array().unwrap().iter().map(|token| &token["totp_step"]).collect();
    assert_eq!(steps, [&Json::Null, &json!(30), &json!(60), &Json::Null]);
}

#[tokio::test]
async fn three_codes_resynchronise() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    let path = format!("/admin/v1/tokens/{}/resync", token.id);
    let codes = [token.hotp(300), token.hotp(301), token.hotp(302)];
    let params = [("code1", codes[0].as_str()), ("code2", &codes[1]), ("code3", &codes[2])];
    assert_eq!(site.admin_api().post(&path, &params).await.response(), "");
    assert_eq!(site.admin_api().post(&path, &params).await.code(), 40002);
    assert_eq!(site.admin_api().post(&path, &params[..1]).await.code(), 40001);
}

#[tokio::test]
async fn a_token_shows_its_users() {
    let site = Site::start().await;
    let (user, token) = (create_user(&site, "alice").await, create_token(&site, "1").await);
    site.admin_api().post(&format!("/admin/v1/users/{user}/tokens"), &[("token_id", &token)]).await.response();
    let list = site.admin_api().get("/admin/v1/tokens", &[]).await.response();
    assert_eq!(list[0]["users"][0]["username"], "alice");
    assert!(list[0]["users"][0].get("tokens").is_none());
}
