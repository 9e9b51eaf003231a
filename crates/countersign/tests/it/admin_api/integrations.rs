//! Integrations: made, changed, given new secrets, removed.

use cs_core::integration::{Permission, Permissions};
use cs_testkit::Site;
use jiff::SignedDuration;
use serde_json::json;

#[tokio::test]
async fn a_new_integration_can_log_users_in_until_it_is_removed() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let made = admin.post("/admin/v3/integrations", &[("name", "Wiki"), ("type", "authapi")]).await.response();
    assert_eq!(
        (&made["name"], &made["type"], &made["user_access"]),
        (&json!("Wiki"), &json!("authapi"), &json!("ALL_USERS"))
    );
    let key = made["integration_key"].as_str().unwrap();
    let wiki = site.api(key, made["secret_key"].as_str().unwrap());
    assert_eq!(wiki.get("/auth/v2/check", &[]).await.status, 200);

    let path = format!("/admin/v1/integrations/{key}");
    assert_eq!(admin.delete(&path, &[]).await.response(), json!(""));
    assert_eq!(admin.delete(&path, &[]).await.response(), json!(""), "gone already is fine");
    assert_eq!(admin.get(&path, &[]).await.code(), 40401);
    assert_eq!(wiki.get("/auth/v2/check", &[]).await.code(), 40102);
}

#[tokio::test]
async fn a_rotated_secret_is_honoured_for_a_day() {
    let site = Site::start().await;
    let old = site.auth_api();
    let path = format!("/admin/v1/integrations/{}", old.key());
    let changed = site.admin_api().post(&path, &[("reset_secret_key", "1")]).await.response();
    let new = site.api(&old.key().to_string(), changed["secret_key"].as_str().unwrap());
    for api in [old, &new] {
        assert_eq!(api.get("/auth/v2/check", &[]).await.status, 200);
    }
    site.clock.advance(SignedDuration::from_hours(24));
    assert_eq!(old.get("/auth/v2/check", &[]).await.code(), 40103);
    assert_eq!(new.get("/auth/v2/check", &[]).await.status, 200);
}

#[tokio::test]
async fn changes_are_checked_and_named_when_wrong() {
    let site = Site::start().await;
    let admin = site.admin_api();
    for (name, value) in [
        ("type", "No Such Type"),
        ("enroll_policy", "maybe"),
        ("username_normalization_policy", "strict"),
        ("user_access", "SOME_USERS"),
        ("groups_allowed", "DGAAAAAAAAAAAAAAAAAA"),
        ("groups_allowed", "wheel"),
        ("trusted_device_days", "366"),
        ("trusted_device_days", "-1"),
        ("legacy_signatures", "1"),
        ("adminapi_read_log", "1"),
        ("networks_for_api_access", "10.0.0.0/8"),
        ("frame_origins", "https://payroll.example.org"),
        ("policy_key", "POAAAAAAAAAAAAAAAAAA"),
    ] {
        let mut params = vec![("name", "Wiki")];
        if name != "type" {
            params.push(("type", "authapi"));
        }
        params.push((name, value));
        let answer = admin.post("/admin/v1/integrations", &params).await;
        let detail = answer.json()["message_detail"].as_str().unwrap_or_default().to_owned();
        assert!(answer.code() == 40002 && detail.split(':').next() == Some(name), "{value}: {detail}");
    }
    assert_eq!(admin.post("/admin/v1/integrations", &[("type", "authapi")]).await.code(), 40001);
}

#[tokio::test]
async fn types_whose_clients_sign_without_a_date_may_unless_switched_off() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let made = admin.post("/admin/v1/integrations", &[("name", "SSH"), ("type", "unix")]).await.response();
    assert_eq!(made["legacy_signatures"], json!(true));
    let key = made["integration_key"].as_str().unwrap();
    let ssh = site.api(key, made["secret_key"].as_str().unwrap()).signing(cs_wire::signing::Scheme::V1Sha1);
    let preauth = || ssh.post("/rest/v1/preauth.json", &[("user", "nobody")]);
    assert_eq!(preauth().await.status, 200);
    let path = format!("/admin/v1/integrations/{key}");
    admin.post(&path, &[("legacy_signatures", "0")]).await.response();
    assert_eq!(preauth().await.status, 403, "never 401: such clients open the door on it");
}

#[tokio::test]
async fn keys_that_can_make_administrators_need_a_permission_of_their_own() {
    let site = Site::start().await;
    let permissions = Permissions::NONE.with(Permission::Integrations).with(Permission::ReadResource);
    let clerk = site.integration("adminapi", |record| record.permissions = permissions).await;
    let strong = format!("/admin/v1/integrations/{}", site.admin_api().key());
    assert_eq!(clerk.get(&strong, &[]).await.response()["secret_key"], json!(""));
    assert_eq!(clerk.get(&format!("{strong}/skey"), &[]).await.code(), 40301);
    assert_eq!(clerk.post(&strong, &[("reset_secret_key", "1")]).await.code(), 40301);
    assert_eq!(clerk.delete(&strong, &[]).await.code(), 40301);
    let more = [("name", "x"), ("type", "adminapi")];
    assert_eq!(clerk.post("/admin/v1/integrations", &more).await.code(), 40301);
    let own = format!("/admin/v1/integrations/{}", clerk.key());
    assert_eq!(clerk.post(&own, &[("adminapi_admins", "1")]).await.code(), 40301);
    let weak = format!("/admin/v1/integrations/{}", site.auth_api().key());
    assert_ne!(clerk.get(&weak, &[]).await.response()["secret_key"], json!(""));
}

#[tokio::test]
async fn an_admin_key_does_not_rotate_itself_and_obeys_its_networks() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let own = format!("/admin/v1/integrations/{}", admin.key());
    assert_eq!(admin.post(&own, &[("reset_secret_key", "1")]).await.code(), 40002);
    let here = admin.post(&own, &[("networks_for_api_access", "127.0.0.0/8, ::1")]).await.response();
    assert_eq!(here["networks_for_api_access"], json!("127.0.0.0/8,::1"));
    admin.post(&own, &[("networks_for_api_access", "192.0.2.0/24")]).await.response();
    assert_eq!(admin.get(&own, &[]).await.code(), 40301);
}

#[tokio::test]
async fn origins_that_may_frame_a_login_are_checked_shown_and_taken_away() {
    let site = Site::start().await;
    let admin = site.admin_api();
    let made = admin.post("/admin/v3/integrations", &[("name", "Payroll"), ("type", "websdk")]).await.response();
    assert_eq!(made["frame_origins"], json!(""));
    let path = format!("/admin/v3/integrations/{}", made["integration_key"].as_str().unwrap());
    for wrong in ["payroll.example.org", "http://payroll.example.org", "https://*.example.org", "https://a.example/x"] {
        let answer = admin.post(&path, &[("frame_origins", wrong)]).await;
        assert_eq!(answer.code(), 40002, "{wrong}");
    }
    let given = [("frame_origins", "https://Payroll.example.org:443, http://localhost:5000")];
    let changed = admin.post(&path, &given).await.response();
    assert_eq!(changed["frame_origins"], json!("https://payroll.example.org,http://localhost:5000"));
    assert_eq!(admin.get(&path, &[]).await.response()["frame_origins"], changed["frame_origins"]);
    let none = admin.post(&path, &[("frame_origins", "")]).await.response();
    assert_eq!(none["frame_origins"], json!(""));
}

#[tokio::test]
async fn lists_are_paged_and_too_large_a_limit_is_clamped() {
    let site = Site::start().await;
    let page = |limit: &'static str, offset: &'static str| async {
        site.admin_api().get("/admin/v1/integrations", &[("limit", limit), ("offset", offset)]).await.json()
    };
    let site_page = page("1", "0").await;
    assert_eq!(site_page["metadata"], json!({"total_objects": 2, "next_offset": 1}));
    assert_eq!(page("1", "1").await["metadata"], json!({"total_objects": 2, "prev_offset": 0}));
    assert_eq!(page("100000", "0").await["response"].as_array().unwrap().len(), 2);
    assert_eq!(page("1", "-1").await["code"], json!(40002));
}

#[tokio::test]
async fn a_misspelled_type_is_refused_with_what_was_meant() {
    let site = Site::start().await;
    let create =
        async |kind: &str| site.admin_api().post("/admin/v3/integrations", &[("name", "X"), ("type", kind)]).await;
    for (kind, meant) in [("unxi", "unix"), ("authpai", "authapi"), ("admin-api", "adminapi"), ("zzzzzzzz", "authapi")]
    {
        let answer = create(kind).await;
        let detail = answer.json()["message_detail"].as_str().unwrap_or_default().to_owned();
        assert_eq!(answer.code(), 40002);
        assert!(detail.starts_with("type") && detail.contains(meant), "{kind}: {detail}");
    }
    for kind in ["rest", "sso-generic", "agslack", "partner_authapi"] {
        assert_eq!(create(kind).await.text("type"), kind);
    }
}
