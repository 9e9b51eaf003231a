//! Signed requests: what the proof must say.

use cs_testkit::Site;
use cs_wire::device::{Digest, FixedBytes, ProtocolVersion, RequestPayload, sign};
use reqwest::Method;
use serde_json::Value as Json;

use super::*;

const REQUESTS: &str = "/authenticator/v1/requests";
const DEVICE: &str = "/authenticator/v1/device";

/// Status and code of `proof` used for a request.
async fn used(device: &Authenticator, method: Method, path: &str, proof: Option<&str>, body: &[u8]) -> (u16, String) {
    let answer = device.send_raw(method, path, proof, body.to_vec()).await.unwrap();
    let json: Json = serde_json::from_slice(&answer.body).unwrap_or_default();
    (answer.status, json["error"]["code"].as_str().unwrap_or_default().to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_counts_once_and_for_nothing_else() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let no = |status, code: &str| (status, code.to_owned());

    let proof = device.proof("GET", REQUESTS, b"").unwrap();
    let proof = Some(proof.as_str());
    assert_eq!(used(&device, Method::GET, DEVICE, proof, b"").await, no(401, "signature"), "another path");
    assert_eq!(used(&device, Method::GET, &format!("{REQUESTS}?x=1"), proof, b"").await, no(401, "signature"));
    assert_eq!(used(&device, Method::GET, REQUESTS, proof, b"{}").await, no(401, "signature"), "another body");
    assert_eq!(used(&device, Method::GET, REQUESTS, proof, b"").await, no(200, ""));
    assert_eq!(used(&device, Method::GET, REQUESTS, proof, b"").await, no(401, "replayed"));

    let query = format!("{REQUESTS}?x=1");
    let with_query = device.proof("GET", &query, b"").unwrap();
    assert_eq!(used(&device, Method::GET, &query, Some(&with_query), b"").await, no(200, ""), "signed with it");

    let get = device.proof("GET", DEVICE, b"").unwrap();
    assert_eq!(used(&device, Method::DELETE, DEVICE, Some(&get), b"").await, no(401, "signature"), "another method");
    let post = device.proof("POST", DEVICE, br#"{"name":"a"}"#).unwrap();
    assert_eq!(used(&device, Method::POST, DEVICE, Some(&post), br#"{"name":"b"}"#).await, no(401, "signature"));

    assert_eq!(used(&device, Method::GET, REQUESTS, None, b"").await, no(401, "signature"));
    assert_eq!(used(&device, Method::GET, REQUESTS, Some("a.b.c"), b"").await, no(400, "malformed"));
    assert_eq!(device.status().await.unwrap().name, "laptop");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_names_this_server_this_device_and_this_minute() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (device, other) = (device(&site, &alice).await, device(&site, &alice).await);
    let payload = |n: u8, iat: i64, aud: &str| RequestPayload {
        v: ProtocolVersion::V1,
        aud: aud.to_owned(),
        htm: "GET".to_owned(),
        htu: REQUESTS.to_owned(),
        iat,
        jti: FixedBytes([n; 16]),
        bsha: Digest::of(b""),
    };
    let (now, origin) = (site.now().as_second(), site.engine().authenticator_origin());
    let id = &device.record().device_id;
    let cases = [
        (payload(1, now, "https://evil.example"), id, device.key(), 401, "signature"),
        (payload(2, now, origin), id, other.key(), 401, "signature"),
        (payload(3, now, origin), &other.record().device_id, device.key(), 401, "signature"),
        (payload(4, now, origin), &"DPZZZZZZZZZZZZZZZZZZ".to_owned(), device.key(), 403, "inactive"),
        (payload(5, now, origin), &"alice".to_owned(), device.key(), 403, "inactive"),
        (payload(6, now - 61, origin), id, device.key(), 401, "clock"),
        (payload(7, now + 61, origin), id, device.key(), 401, "clock"),
        (payload(8, now - 60, origin), id, device.key(), 200, ""),
        (payload(9, now + 60, origin), id, device.key(), 200, ""),
    ];
    for (payload, kid, key, status, code) in cases {
        let proof = sign(&payload, kid, key).unwrap();
        let answer = used(&device, Method::GET, REQUESTS, Some(&proof), b"").await;
        assert_eq!(answer, (status, code.to_owned()), "{payload:?}");
    }
    let late = sign(&payload(10, now - 3600, origin), id, device.key()).unwrap();
    let answer = device.send_raw(Method::GET, REQUESTS, Some(&late), Vec::new()).await.unwrap();
    let json: Json = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!(json["error"]["server_time"], now);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_with_a_wrong_clock_corrects_itself() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    for off in [-7200, 7200] {
        let phone = new_phone(&site, &alice).await;
        let code = code(&site, &alice, phone).await;
        let device = activate(&site, &code, off).await.unwrap().authenticator;
        assert_eq!(device.server_now(), site.now().as_second());
        let txid = push(&site, &alice, &device, &format!("192.0.2.{}", 100 + off / 100)).await;
        device.approve(&txid, None).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn too_much_is_not_read() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let body = vec![b' '; 200 * 1024];
    let proof = device.proof("POST", DEVICE, &body).unwrap();
    assert_eq!(used(&device, Method::POST, DEVICE, Some(&proof), &body).await, (400, "malformed".to_owned()));
}
