//! What a device may see and change of itself.

use cs_testkit::Site;
use cs_wire::device::OtpState;
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::*;

const DEVICE: &str = "/authenticator/v1/device";

async fn change(device: &Authenticator, update: Json) -> (u16, Json) {
    let body = update.to_string().into_bytes();
    let proof = device.proof("POST", DEVICE, &body).unwrap();
    let answer = device.send_raw(Method::POST, DEVICE, Some(&proof), body).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_sees_and_names_itself() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let status = device.status().await.unwrap();
    assert_eq!((status.user.name.as_str(), status.name.as_str(), status.active), ("alice", "laptop", true));
    assert_eq!(status.account.id, site.account.to_string());
    assert_eq!(status.otp, OtpState::Hotp { digits: 6, counter: 0 });
    assert_eq!(device.rename("  desk\u{202e}\n").await.unwrap().name, "desk");
    assert_eq!(device.status().await.unwrap().name, "desk");
}

#[tokio::test(flavor = "multi_thread")]
async fn only_what_can_be_is_stored() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let id = device.record().device_id.parse().unwrap();
    let stored = async || site.engine().subscription(site.account, id).await.unwrap().map(|found| found.json);
    let push = |endpoint: &str| {
        let p256dh = data_encoding::BASE64URL_NOPAD.encode(&[4; 65]);
        json!({"push": {"endpoint": endpoint, "p256dh": p256dh, "auth": "AQEBAQEBAQEBAQEBAQEBAQ"}})
    };
    assert_eq!(change(&device, push("https://push.example/1")).await.0, 200);
    assert!(stored().await.unwrap().contains("push.example"));
    for bad in [
        push("http://push.example/1"),
        push("https://127.0.0.1/"),
        json!({"name": "\u{200b}"}),
        json!({"active": true}),
        json!({"auto_approve_until": 1}),
        json!({"posture": {"os": {"deep": 1}}}),
        json!([]),
    ] {
        let (status, answer) = change(&device, bad.clone()).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("malformed")), "{bad}");
    }
    assert!(stored().await.unwrap().contains("push.example"), "as it was");
    assert_eq!(change(&device, json!({"app_version": "2", "posture": {"os": "Linux"}})).await.0, 200);
    assert!(stored().await.is_some(), "what is absent stays");
    assert_eq!(change(&device, json!({"push": null})).await.0, 200);
    assert!(stored().await.is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_unbound_itself_is_a_stranger() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let copy = device.clone();
    device.remove().await.unwrap();
    let refusal = refusal(copy.pending().await);
    assert_eq!((refusal.status, refusal.code.as_str()), (403, "inactive"));
}
