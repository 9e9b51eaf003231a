use cs_testkit::Site;
use serde_json::json;

use super::{create_user, keys};

#[tokio::test]
async fn a_group_is_made_changed_and_removed() {
    let site = Site::start().await;
    let api = site.admin_api();
    let params = [("name", "staff"), ("desc", "Everyone"), ("status", "bypass"), ("push_enabled", "1")];
    let group = api.post("/admin/v1/groups", &params).await.response();
    let expected = [
        "bypass_reason",
        "bypass_until",
        "desc",
        "group_id",
        "mobile_otp_enabled",
        "name",
        "push_enabled",
        "sms_enabled",
        "status",
        "voice_enabled",
    ];
    assert_eq!(keys(&group), expected);
    assert_eq!((&group["status"], &group["push_enabled"]), (&json!("Bypass"), &json!(false)));
    assert_eq!(group["bypass_until"], site.now().as_second() + 86_400);
    let id = group["group_id"].as_str().unwrap();
    let changed = api.post(&format!("/admin/v1/groups/{id}"), &[("status", "Active"), ("desc", "")]).await.response();
    assert_eq!(
        (&changed["status"], &changed["desc"], &changed["name"]),
        (&json!("Active"), &json!(""), &json!("staff"))
    );
    assert_eq!(api.get(&format!("/admin/v2/groups/{id}"), &[]).await.response(), changed);
    assert_eq!(api.get("/admin/v1/groups", &[]).await.response(), json!([changed]));
    let list = format!(r#"["{id}","DGAAAAAAAAAAAAAAAAAA"]"#);
    assert_eq!(api.get("/admin/v1/groups", &[("group_id_list", &list)]).await.response(), json!([changed]));

    assert_eq!(api.post("/admin/v1/groups", &[("name", "staff")]).await.code(), 40003);
    assert_eq!(api.post("/admin/v1/groups", &[("desc", "x")]).await.code(), 40001);
    assert_eq!(api.post("/admin/v1/groups", &[("name", "y"), ("status", "x")]).await.code(), 40002);
    for _ in 0..2 {
        assert_eq!(api.delete(&format!("/admin/v1/groups/{id}"), &[]).await.response(), "");
    }
    assert_eq!(api.get(&format!("/admin/v2/groups/{id}"), &[]).await.code(), 40401);
}

#[tokio::test]
async fn members_are_listed_page_by_page() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = super::create_group(&site, "staff").await;
    for name in ["alice", "bob", "carol"] {
        let user = create_user(&site, name).await;
        api.post(&format!("/admin/v1/users/{user}/groups"), &[("group_id", &id)]).await.response();
    }
    let page = api.get(&format!("/admin/v2/groups/{id}/users"), &[("limit", "2")]).await.json();
    assert_eq!(page["metadata"], json!({"total_objects": 3, "next_offset": 2}));
    assert_eq!(keys(&page["response"][0]), ["user_id", "username"]);
    let old = api.get(&format!("/admin/v1/groups/{id}"), &[]).await.response();
    assert_eq!(old["users"].as_array().unwrap().len(), 3);
}
