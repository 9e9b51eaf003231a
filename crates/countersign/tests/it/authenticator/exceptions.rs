//! A person asks for an exception on their device, and reads the answer there.

use cs_testkit::Site;
use cs_wire::device::{ExceptionKind, NewException};

use super::*;

fn wish(kind: ExceptionKind) -> NewException {
    NewException { kind, reason: "left the phone at home".to_owned(), seconds: 3600 }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_code_is_fetched_by_the_device_that_asked_and_works_once() {
    let site = Site::start().await;
    let api = site.admin_api();
    let alice = site.user("alice").await;
    let (asking, other) = (device(&site, &alice).await, device(&site, &alice).await);
    let asked = asking.request_exception(&wish(ExceptionKind::Code)).await.unwrap();
    assert_eq!((asked.state.as_str(), asked.code.as_deref()), ("waiting", None));
    let again = asking.request_exception(&wish(ExceptionKind::Code)).await;
    assert!(again.is_err(), "one at a time");

    let listed = api.get("/admin/v1/exceptions", &[("state", "waiting")]).await.response();
    assert_eq!(listed[0]["exception_id"], asked.id);
    assert_eq!(listed[0]["phone_id"], asking.record().device_id);
    let path = format!("/admin/v1/exceptions/{}/approve", asked.id);
    assert_eq!(api.post(&path, &[("valid_secs", "7200")]).await.code(), 40002, "never longer than asked");
    let approved = api.post(&path, &[("valid_secs", "600"), ("delivery", "device"), ("note", "fine")]).await.response();
    assert_eq!((&approved["state"], &approved["code"]), (&"approved".into(), &serde_json::Value::Null));
    assert_ne!(api.post(&path, &[]).await.code(), 0, "decided once");

    assert_eq!(other.exceptions().await.unwrap()[0].code, None);
    let answer = asking.exceptions().await.unwrap().remove(0);
    assert_eq!((answer.state.as_str(), answer.note.as_deref()), ("approved", Some("fine")));
    let code = answer.code.unwrap();
    let login = [("username", "alice"), ("factor", "passcode"), ("passcode", code.as_str())];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &login).await.text("result"), "allow");
    assert_eq!(site.auth_api().post("/auth/v2/auth", &login).await.text("result"), "deny");
    site.advance(600);
    assert_eq!(asking.exceptions().await.unwrap()[0].code, None, "over");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approved_bypass_lets_the_person_in_and_ends() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let asked = device.request_exception(&wish(ExceptionKind::Bypass)).await.unwrap();
    let preauth = async || site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.text("result");
    assert_eq!(preauth().await, "auth");
    let path = format!("/admin/v1/exceptions/{}/approve", asked.id);
    site.admin_api().post(&path, &[]).await.response();
    assert_eq!(preauth().await, "allow");
    site.advance(3600);
    assert_eq!(preauth().await, "auth");
    let too_long = NewException { seconds: 90_000, ..wish(ExceptionKind::Bypass) };
    assert!(device.request_exception(&too_long).await.is_err());
}
