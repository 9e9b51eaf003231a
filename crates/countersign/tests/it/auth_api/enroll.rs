//! Enrolment by an application, the QR code, and the logo.

use cs_engine::admin::Actor;
use cs_testkit::Site;

use super::{passcode, preauth};

#[tokio::test(flavor = "multi_thread")]
async fn a_user_is_enrolled_and_followed() {
    let site = Site::start().await;
    let api = site.auth_api();
    let answer = api.post("/auth/v2/enroll", &[("username", "alice"), ("valid_secs", "600")]).await.response();
    assert_eq!(answer["username"], "alice");
    assert_eq!(answer["expiration"], site.now().as_second() + 600);
    let code = answer["activation_code"].as_str().unwrap();
    assert!(code.starts_with("duo://"), "{code}");
    assert!(answer["activation_url"].as_str().unwrap().starts_with("https://localhost:"));
    let barcode = answer["activation_barcode"].as_str().unwrap();
    let path = barcode.strip_prefix(&format!("https://{}", api.authority())).unwrap();
    assert!(path.starts_with("/frame/qr?value=duo%3A%2F%2F"), "{path}");
    let image = api.unsigned(path).await;
    assert_eq!((image.status, image.headers["content-type"].to_str().unwrap()), (200, "image/svg+xml"));
    assert!(image.body.starts_with(b"<svg"));

    let user = answer["user_id"].as_str().unwrap();
    let state = async |user: &str, code: &str| {
        let params = [("user_id", user), ("activation_code", code)];
        api.post("/auth/v2/enroll_status", &params).await.response()
    };
    assert_eq!(state(user, code).await, "waiting");
    assert_eq!(state("DUAAAAAAAAAAAAAAAAAA", code).await, "invalid");
    assert_eq!(state(user, "duo://nonsense").await, "invalid");
    assert_eq!(preauth(api, "alice").await.text("result"), "enroll", "until the code is used");

    let phone = site.activate(code).await;
    assert_eq!(state(user, code).await, "success");
    assert_eq!(passcode(api, "alice", &phone.passcode()).await, "allow");
    site.advance(601);
    assert_eq!(state(user, code).await, "success");

    let twice = api.post("/auth/v2/enroll", &[("username", "ALICE")]).await;
    assert_eq!((twice.code(), &twice.json()["message_detail"]), (40002, &"username already exists".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_not_used_in_time_is_void() {
    let site = Site::start().await;
    let answer =
        site.auth_api().post("/auth/v2/enroll", &[("valid_secs", "60"), ("bypass_codes", "2")]).await.response();
    assert!(answer["username"].as_str().unwrap().len() > 10, "a random name");
    let codes = answer["bypass_codes"].as_array().unwrap();
    assert_eq!(codes.len(), 2);
    site.advance(61);
    let params = [
        ("user_id", answer["user_id"].as_str().unwrap()),
        ("activation_code", answer["activation_code"].as_str().unwrap()),
    ];
    assert_eq!(site.auth_api().post("/auth/v2/enroll_status", &params).await.response(), "invalid");
    let name = answer["username"].as_str().unwrap();
    assert_eq!(passcode(site.auth_api(), name, codes[0].as_str().unwrap()).await, "bypass");

    for (name, value) in
        [("valid_secs", "0"), ("valid_secs", "99999999"), ("bypass_codes", "11"), ("username", "a\u{200b}b")]
    {
        assert_eq!(site.auth_api().post("/auth/v2/enroll", &[(name, value)]).await.code(), 40002, "{name}={value}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn only_activation_codes_become_images() {
    let site = Site::start().await;
    for query in ["", "?value=", "?value=https%3A%2F%2Fevil.example", "?value=duo%3A%2F%2Fx"] {
        let answer = site.auth_api().unsigned(&format!("/frame/qr{query}")).await;
        assert_eq!(answer.status, 400, "{query}");
    }
    let long = format!("/frame/qr?value=duo%3A%2F%2F{}-x", "a".repeat(600));
    assert_eq!(site.auth_api().unsigned(&long).await.code(), 40002);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_logo_is_an_image_or_absent() {
    let site = Site::start().await;
    assert_eq!(site.auth_api().get("/auth/v2/logo", &[]).await.code(), 40401);
    let mut png = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x40\0\0\0\x40".to_vec();
    png.extend(b"\0\0\0\0IEND\xaeB`\x82");
    site.engine().set_logo(site.account, &Actor::Terminal, Some(&png)).await.unwrap();
    let logo = site.auth_api().get("/auth/v2/logo", &[]).await;
    assert_eq!(
        (logo.status, logo.headers["content-type"].to_str().unwrap(), logo.body.as_slice()),
        (200, "image/png", png.as_slice())
    );
    assert_eq!(site.auth_api().get("/rest/v1/logo", &[]).await.body, png);
    assert_eq!(site.auth_api().unsigned("/auth/v2/logo").await.code(), 40101);
}
