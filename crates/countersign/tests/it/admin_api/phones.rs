use cs_testkit::Site;
use serde_json::{Value as Json, json};

use super::{create_phone, create_user, keys};

#[tokio::test]
async fn a_phone_has_duos_shape() {
    let site = Site::start().await;
    let api = site.admin_api();
    let id = create_phone(&site).await;
    let phone = api.get(&format!("/admin/v1/phones/{id}"), &[]).await.response();
    let expected = [
        "activated",
        "auto_approve_until",
        "capabilities",
        "encrypted",
        "extension",
        "fingerprint",
        "last_seen",
        "model",
        "name",
        "number",
        "owner",
        "phone_id",
        "platform",
        "postdelay",
        "predelay",
        "screenlock",
        "sms_passcodes_sent",
        "tampered",
        "type",
        "users",
    ];
    assert_eq!(keys(&phone), expected);
    assert_eq!((&phone["number"], &phone["platform"]), (&json!("+15555550100"), &json!("Apple iOS")));
    assert_eq!((&phone["type"], &phone["predelay"], &phone["last_seen"]), (&json!("Mobile"), &Json::Null, &json!("")));
    assert_eq!(phone["capabilities"], json!([]));
    assert_eq!(api.get(&format!("/admin/v2/phones/{id}"), &[]).await.response(), phone);
    assert_eq!(api.get("/admin/v1/phones", &[("number", "+15555550100")]).await.response(), json!([phone]));
    assert_eq!(api.get("/admin/v1/phones", &[("number", "+15555550101")]).await.response(), json!([]));

    let changed = api.post(&format!("/admin/v1/phones/{id}"), &[("name", "Work"), ("predelay", "2")]).await.response();
    assert_eq!((&changed["name"], &changed["predelay"]), (&json!("Work"), &json!("2")));
    assert_eq!(api.post("/admin/v1/phones", &[("platform", "multics")]).await.code(), 40002);
    for _ in 0..2 {
        assert_eq!(api.delete(&format!("/admin/v1/phones/{id}"), &[]).await.response(), "");
    }
    assert_eq!(api.get(&format!("/admin/v1/phones/{id}"), &[]).await.code(), 40401);
}

#[tokio::test]
async fn a_phone_shows_its_users_without_what_they_own() {
    let site = Site::start().await;
    let (user, phone) = (create_user(&site, "alice").await, create_phone(&site).await);
    site.admin_api().post(&format!("/admin/v1/users/{user}/phones"), &[("phone_id", &phone)]).await.response();
    let list = site.admin_api().get("/admin/v1/phones", &[]).await.response();
    let nested = &list[0]["users"][0];
    assert_eq!((&nested["username"], &nested["is_enrolled"]), (&json!("alice"), &json!(false)));
    for absent in ["groups", "phones", "tokens", "u2ftokens", "webauthncredentials", "desktoptokens"] {
        assert!(nested.get(absent).is_none(), "{absent}");
    }
}

#[tokio::test]
async fn an_activation_link_is_for_known_phones_that_somebody_has() {
    let site = Site::start().await;
    let api = site.admin_api();
    let (user, phone) = (create_user(&site, "alice").await, create_phone(&site).await);
    let path = format!("/admin/v1/phones/{phone}/activation_url");
    assert_eq!(api.post(&path, &[]).await.code(), 40002);
    api.post(&format!("/admin/v1/users/{user}/phones"), &[("phone_id", &phone)]).await.response();
    let activation = api.post(&path, &[("install", "1")]).await.response();
    assert_eq!(keys(&activation), ["activation_barcode", "activation_url", "installation_url", "valid_secs"]);
    assert_eq!(activation["valid_secs"], 86_400);
    let barcode = activation["activation_barcode"].as_str().unwrap();
    assert!(barcode.starts_with(&format!("https://{}/frame/qr?value=duo%3A%2F%2F", api.authority())), "{barcode}");
    assert!(activation["activation_url"].as_str().unwrap().starts_with("https://"));
    assert_eq!(api.post(&path, &[("valid_secs", "60")]).await.response()["valid_secs"], 60);
    assert_eq!(api.post(&path, &[("valid_secs", "-1")]).await.code(), 40002);

    api.post(&format!("/admin/v1/phones/{phone}"), &[("platform", "unknown")]).await.response();
    assert_eq!(api.post(&path, &[]).await.code(), 40002);
}

#[tokio::test]
async fn an_activated_phone_may_answer_by_itself_until_a_date() {
    let site = Site::start().await;
    let api = site.admin_api();
    let alice = site.user("alice").await;
    let phone = alice.phone().await;
    let path = format!("/admin/v1/phones/{}", phone.id);
    let shown = api.get(&path, &[]).await.response();
    assert_eq!((&shown["activated"], &shown["capabilities"]), (&json!(true), &json!(["auto", "push", "mobile_otp"])));
    assert_eq!(shown["auto_approve_until"], Json::Null);
    let until = site.now().as_second() + 3600;
    let shown = api.post(&path, &[("auto_approve_until", &until.to_string())]).await.response();
    assert_eq!(shown["auto_approve_until"], until);
    assert_eq!(api.post(&path, &[("auto_approve_until", "1")]).await.code(), 40002);
    let shown = api.post(&path, &[("auto_approve_until", "0")]).await.response();
    assert_eq!(shown["auto_approve_until"], Json::Null);
}

#[tokio::test]
async fn without_a_gateway_no_sms_is_sent_and_that_is_said() {
    let site = Site::start().await;
    let phone = create_phone(&site).await;
    for call in ["send_sms_activation", "send_sms_installation", "send_sms_passcodes"] {
        let answer = site.admin_api().post(&format!("/admin/v1/phones/{phone}/{call}"), &[]).await;
        assert_eq!(answer.code(), 40002);
        assert!(answer.json()["message_detail"].as_str().unwrap().contains("telephony gateway"));
    }
}

#[tokio::test]
async fn of_several_peoples_devices_each_says_whose_it_is() {
    let site = Site::start().await;
    let api = site.admin_api();
    let front_desk = site.user("frontdesk").await;
    let (annas, berts) = (front_desk.phone().await, front_desk.phone().await);
    for (phone, owner) in [(&annas, "Anna"), (&berts, "Bert")] {
        let path = format!("/admin/v1/phones/{}", phone.id);
        assert_eq!(api.post(&path, &[("owner", owner)]).await.response()["owner"], owner);
        assert_eq!(api.post(&path, &[("owner", &"x".repeat(65))]).await.code(), 40002);
    }
    let asked = site.auth_api().post("/auth/v2/preauth", &[("username", "frontdesk")]).await.response();
    let names: Vec<&str> =
        asked["devices"].as_array().unwrap().iter().map(|d| d["display_name"].as_str().unwrap()).collect();
    assert!(names[0].ends_with("(Anna)") && names[1].ends_with("(Bert)"), "{names:?}");

    let login = [("username", "frontdesk"), ("factor", "passcode"), ("passcode", &berts.passcode())];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &login).await.text("result"), "allow");
    let window = [("mintime", "1000000000000"), ("maxtime", "9000000000000"), ("event_types", "authentication")];
    let log = api.get("/admin/v2/logs/authentication", &window).await.response();
    let device = log["authlogs"][0]["auth_device"]["name"].as_str().unwrap();
    assert!(device.ends_with("(Bert)"), "{device}");
}
