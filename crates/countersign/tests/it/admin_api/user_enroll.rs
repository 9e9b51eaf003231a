//! `/admin/v1/users/enroll`.

use cs_testkit::Site;
use serde_json::json;

const PATH: &str = "/admin/v1/users/enroll";

#[tokio::test]
async fn a_new_user_gets_a_link_that_binds_a_phone() {
    let site = Site::start().await;
    let api = site.admin_api();
    let params = [("username", "carol"), ("email", "carol@example.org")];
    let first = api.post(PATH, &params).await.response();
    // Asked again before it was used: another link for the same phone.
    let link = api.post(PATH, &params).await.response();
    assert_ne!(first, link);
    let user = api.get("/admin/v1/users", &[("username", "carol")]).await.response()[0].clone();
    assert_eq!((&user["email"], &user["is_enrolled"]), (&json!("carol@example.org"), &json!(false)));
    assert_eq!(user["phones"].as_array().unwrap().len(), 1);

    let phone = site.activate(link.as_str().unwrap()).await;
    let id = user["user_id"].as_str().unwrap();
    let user = api.get(&format!("/admin/v1/users/{id}"), &[]).await.response();
    assert_eq!((&user["is_enrolled"], &user["phones"][0]["phone_id"]), (&json!(true), &json!(phone.id.as_str())));
    assert_eq!(api.post(PATH, &params).await.code(), 40003);
    let log = api.get("/admin/v1/logs/administrator", &[]).await.response();
    let count = |action: &str| log.as_array().unwrap().iter().filter(|entry| entry["action"] == action).count();
    assert_eq!((count("user_create"), count("user_enroll")), (1, 2));
}

#[tokio::test]
async fn a_user_without_a_device_keeps_what_is_known_of_them() {
    let site = Site::start().await;
    let api = site.admin_api();
    let known = [("username", "dave"), ("email", "dave@example.org")];
    let id = api.post("/admin/v1/users", &known).await.text("user_id");
    let phone = super::create_phone(&site).await;
    api.post(&format!("/admin/v1/users/{id}/phones"), &[("phone_id", &phone)]).await.response();
    let link = api.post(PATH, &[("username", "dave"), ("email", "d@example.com")]).await.response();
    // The phone that an administrator described is left for what it is.
    assert_ne!(site.activate(link.as_str().unwrap()).await.id.as_str(), phone);
    let user = api.get(&format!("/admin/v1/users/{id}"), &[]).await.response();
    assert_eq!((&user["email"], &user["is_enrolled"]), (&json!("dave@example.org"), &json!(true)));
}

#[tokio::test]
async fn a_link_ends_when_it_was_said_to() {
    let site = Site::start().await;
    let api = site.admin_api();
    let user = [("username", "erin"), ("email", "erin@example.org")];
    for (extra, code) in [("0", 40002), ("-1", 40002), ("2592001", 40002), ("x", 40002)] {
        assert_eq!(api.post(PATH, &[user[0], user[1], ("valid_secs", extra)]).await.code(), code, "{extra}");
    }
    assert_eq!(api.post(PATH, &[user[0]]).await.code(), 40001);
    assert_eq!(api.post(PATH, &[user[1]]).await.code(), 40001);
    assert_eq!(api.post(PATH, &[user[0], ("email", "erin")]).await.code(), 40002);
    assert_eq!(api.get("/admin/v1/users", &[]).await.response(), json!([]));
    api.post(PATH, &[user[0], user[1]]).await.response();
    site.advance(30 * 86_400);
    let late = api.post(PATH, &[user[0], user[1], ("valid_secs", "60")]).await.response();
    site.advance(59);
    site.activate(late.as_str().unwrap()).await;
}
