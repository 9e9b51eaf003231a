//! `/admin/v1/users/enroll`.

use cs_testkit::Site;
use serde_json::json;

const PATH: &str = "/admin/v1/users/enroll";

#[tokio::test]
async fn a_new_user_gets_a_link_of_the_enrollment_pages() {
    let site = Site::start().await;
    let api = site.admin_api();
    let params = [("username", "carol"), ("email", "carol@example.org")];
    let first = api.post(PATH, &params).await.response();
    let link = api.post(PATH, &params).await.response();
    assert_ne!(first, link);
    let beginning = format!("https://{}/enroll/", site.auth_api().authority());
    assert!(link.as_str().unwrap().starts_with(&beginning), "{link}");
    let user = api.get("/admin/v1/users", &[("username", "carol")]).await.response()[0].clone();
    assert_eq!((&user["email"], &user["is_enrolled"]), (&json!("carol@example.org"), &json!(false)));
    assert_eq!(user["phones"].as_array().unwrap().len(), 0);

    let _phone = site.find_user("carol").await.phone().await;
    assert_eq!(api.post(PATH, &params).await.code(), 40003);
    let log = api.get("/admin/v1/logs/administrator", &[]).await.response();
    let count = |action: &str| log.as_array().unwrap().iter().filter(|entry| entry["action"] == action).count();
    assert_eq!((count("user_create"), count("user_enroll")), (1, 2));
}

#[tokio::test]
async fn whoever_exists_keeps_the_address_that_is_known() {
    let site = Site::start().await;
    let api = site.admin_api();
    let known = [("username", "dave"), ("email", "dave@example.org")];
    let id = api.post("/admin/v1/users", &known).await.text("user_id");
    api.post(PATH, &[("username", "dave"), ("email", "d@example.com")]).await.response();
    let user = api.get(&format!("/admin/v1/users/{id}"), &[]).await.response();
    assert_eq!(user["email"], "dave@example.org");
}

#[tokio::test]
async fn what_cannot_be_is_refused_and_leaves_nothing_behind() {
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
}
