use cs_testkit::Site;
use serde_json::{Value as Json, json};

use super::{create_user, keys};

#[tokio::test]
async fn codes_are_shown_once_and_work() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = create_user(&site, "alice").await;
    let path = format!("/admin/v1/users/{id}/bypass_codes");
    let codes = api.post(&path, &[("count", "2"), ("valid_secs", "60"), ("reason", "lost phone")]).await.response();
    let code = codes[0].as_str().unwrap();
    assert_eq!((codes.as_array().unwrap().len(), code.len()), (2, 9));

    let listed = api.get(&path, &[]).await.json();
    assert_eq!(listed["metadata"], json!({"total_objects": 2}));
    let first = &listed["response"][0];
    assert_eq!(keys(first), ["admin_email", "bypass_code_id", "created", "expiration", "reason", "reuse_count"]);
    assert_eq!((&first["reuse_count"], &first["expiration"]), (&json!(1), &json!(site.now().as_second() + 60)));
    assert_eq!(first["reason"], "lost phone");
    assert!(!listed.to_string().contains(code), "a code is never shown again");

    let all = api.get("/admin/v1/bypass_codes", &[]).await.response();
    assert_eq!(all[0]["user"]["username"], "alice");
    let one = format!("/admin/v1/bypass_codes/{}", all[0]["bypass_code_id"].as_str().unwrap());
    assert_eq!(api.get(&one, &[]).await.response(), all[0]);

    let login = [("username", "alice"), ("factor", "passcode"), ("passcode", code)];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &login).await.text("result"), "allow");
    assert_eq!(site.auth_api().post("/auth/v2/auth", &login).await.text("result"), "deny");
    assert_eq!(api.get(&path, &[]).await.json()["metadata"]["total_objects"], 1);
}

#[tokio::test]
async fn codes_replace_the_old_and_can_be_deleted() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = create_user(&site, "alice").await;
    let path = format!("/admin/v1/users/{id}/bypass_codes");
    assert_eq!(api.post(&path, &[]).await.response().as_array().unwrap().len(), 10);
    let own = [("codes", "123456789,987654321"), ("reuse_count", "0"), ("preserve_existing", "false")];
    assert_eq!(api.post(&path, &own).await.response(), json!(["123456789", "987654321"]));
    let listed = api.get(&path, &[]).await.response();
    assert_eq!(listed.as_array().unwrap().len(), 2);
    assert_eq!((&listed[0]["reuse_count"], &listed[0]["expiration"]), (&Json::Null, &Json::Null));
    let one = format!("/admin/v1/bypass_codes/{}", listed[0]["bypass_code_id"].as_str().unwrap());
    for _ in 0..2 {
        assert_eq!(api.delete(&one, &[]).await.response(), "");
    }
    assert_eq!(api.get(&one, &[]).await.code(), 40401);
    for bad in [&[("count", "11")][..], &[("count", "1"), ("codes", "123456")], &[("codes", "1")]] {
        assert_eq!(api.post(&path, bad).await.code(), 40002, "{bad:?}");
    }
}
