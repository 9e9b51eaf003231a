//! Settings, logo and counts.

use cs_testkit::Site;
use data_encoding::BASE64;
use serde_json::json;

const PATH: &str = "/admin/v1/settings";

#[tokio::test]
async fn settings_have_defaults_and_change_one_by_one() {
    let site = Site::start().await;
    let before = site.admin_api().get(PATH, &[]).await.response();
    assert_eq!((&before["lockout_threshold"], &before["lockout_expire_duration"]), (&json!(10), &json!(15)));
    assert_eq!((&before["number_matching"], &before["name"]), (&json!(true), &json!("Example")));
    let set = [("lockout_threshold", "6"), ("name", "Example Ltd"), ("push_enabled", "1"), ("unheard_of", "x")];
    let after = site.admin_api().post(PATH, &set).await.response();
    assert_eq!((&after["lockout_threshold"], &after["name"]), (&json!(6), &json!("Example Ltd")));
    assert_eq!(after["push_enabled"], json!(false), "retired, and ignored");
    assert_eq!(after["sms_batch"], before["sms_batch"]);
    assert_eq!(site.admin_api().get(PATH, &[]).await.response(), after);
}

#[tokio::test]
async fn a_wrong_value_is_named_and_changes_nothing() {
    let site = Site::start().await;
    for (name, value) in [
        ("lockout_threshold", "0"),
        ("lockout_expire_duration", "3"),
        ("number_matching_digits", "9"),
        ("minimum_password_length", "6"),
        ("language", "XX"),
        ("fraud_email", "nobody"),
        ("timezone", "Mars"),
        ("keypress_confirm", "5"),
    ] {
        let answer = site.admin_api().post(PATH, &[("sms_batch", "3"), (name, value)]).await;
        assert_eq!(answer.code(), 40002, "{name}");
        // One key alone is the fault of the pair's other half.
        let named = if name == "keypress_confirm" { "keypress_fraud" } else { name };
        assert_eq!(answer.json()["message_detail"], json!(named));
    }
    assert_eq!(site.admin_api().get(PATH, &[]).await.response()["sms_batch"], json!(1));
}

#[tokio::test]
async fn a_changed_threshold_locks_at_once() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    alice.phone().await;
    site.admin_api().post(PATH, &[("lockout_threshold", "2")]).await.response();
    let guess = [("username", "alice"), ("factor", "passcode"), ("passcode", "000000")];
    for _ in 0..2 {
        site.auth_api().post("/auth/v2/auth", &guess).await.response();
    }
    let preauth = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
    assert_eq!(preauth["result"], json!("deny"), "{preauth}");
}

#[tokio::test]
async fn a_logo_is_a_png_and_can_be_taken_away() {
    let site = Site::start().await;
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR".to_vec();
    png.extend([0, 0, 0, 64, 0, 0, 0, 64]);
    png.extend(b"\0\0\0\0IEND\xaeB`\x82");
    let admin = site.admin_api();
    assert_eq!(admin.get("/admin/v1/logo", &[]).await.code(), 40401);
    admin.post("/admin/v1/logo", &[("logo", &BASE64.encode(&png))]).await.response();
    let read = admin.get("/admin/v1/logo", &[]).await;
    assert_eq!((read.body.as_slice(), read.headers["content-type"].to_str().unwrap()), (png.as_slice(), "image/png"));
    assert_eq!(site.auth_api().get("/auth/v2/logo", &[]).await.body, png);
    for wrong in [BASE64.encode(b"GIF89a"), "!".to_owned()] {
        assert_eq!(admin.post("/admin/v1/logo", &[("logo", &wrong)]).await.code(), 40002);
    }
    admin.delete("/admin/v1/logo", &[]).await.response();
    assert_eq!(admin.get("/admin/v1/logo", &[]).await.code(), 40401);
}

#[tokio::test]
async fn counts_are_of_objects_and_of_logins() {
    let site = Site::start().await;
    site.user("alice").await.phone().await;
    let admin = site.admin_api();
    let summary = admin.get("/admin/v1/info/summary", &[]).await.response();
    assert_eq!(
        (&summary["user_count"], &summary["integration_count"], &summary["admin_count"]),
        (&json!(1), &json!(2), &json!(1))
    );
    for _ in 0..2 {
        let guess = [("username", "alice"), ("factor", "passcode"), ("passcode", "000000")];
        site.auth_api().post("/auth/v2/auth", &guess).await.response();
    }
    let attempts = admin.get("/admin/v1/info/authentication_attempts", &[]).await.response();
    assert_eq!(attempts, json!({"ERROR": 0, "FAILURE": 2, "FRAUD": 0, "SUCCESS": 0}));
    let users = admin.get("/admin/v1/info/user_authentication_attempts", &[]).await.response();
    assert_eq!(users["FAILURE"], json!(1));
    let too_long = [("mintime", "0")];
    assert_eq!(admin.get("/admin/v1/info/authentication_attempts", &too_long).await.code(), 40002);
}
