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

#[tokio::test(flavor = "multi_thread")]
async fn a_test_goes_the_way_of_every_request_and_lets_nobody_in() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (device, other) = (device(&site, &alice).await, device(&site, &alice).await);
    let ask = async |by: &Authenticator, method: Method, path: &str| -> (u16, Json) {
        let proof = by.proof(method.as_str(), path, b"").unwrap();
        let answer = by.send_raw(method, path, Some(&proof), Vec::new()).await.unwrap();
        (answer.status, serde_json::from_slice(&answer.body).unwrap())
    };
    const TEST: &str = "/authenticator/v1/test";
    let (status, test) = ask(&device, Method::POST, TEST).await;
    assert_eq!((status, &test["wakes"]), (200, &json!(false)), "nobody has said where it can be woken");
    let txid = test["txid"].as_str().unwrap();
    let path = format!("{TEST}/{txid}");
    assert_eq!(ask(&device, Method::GET, &path).await, (200, json!({"state": "queued", "accepted": false})));
    assert_eq!(ask(&other, Method::GET, &path).await.0, 404, "another phone's");
    assert_eq!(ask(&device, Method::GET, &format!("{TEST}/x")).await.0, 404);
    // One at a time.
    assert_eq!(ask(&device, Method::POST, TEST).await.0, 429);

    let waiting = device.pending().await.unwrap();
    let [request] = &waiting[..] else { panic!("{waiting:?}") };
    assert_eq!((request.digits, request.txid.as_str()), (0, txid));
    let statement = serde_json::to_value(&request.statement).unwrap();
    assert_eq!((&statement["type"], &statement["application"]), (&json!("Test"), &json!("Self-service portal")));
    assert_eq!(ask(&device, Method::GET, &path).await.1["state"], "delivered");
    device.approve(txid, None).await.unwrap();
    // No application has heard of it, and nobody is logged in by it.
    let status = site.auth_api().get("/auth/v2/auth_status", &[("txid", txid)]).await;
    assert_eq!(status.json()["stat"], "FAIL");
    let logged = "SELECT result FROM log WHERE kind = 'activity' AND result LIKE 'device_test%' ORDER BY seq";
    let rows = site.engine().store().query(logged, vec![]).await.unwrap();
    let words: Vec<String> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    assert_eq!(words, ["device_tested", "device_test_approved"], "what the way was asked, and what came back");
    assert_eq!(ask(&device, Method::POST, TEST).await.0, 200, "the next one");
}
