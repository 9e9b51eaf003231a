//! Activation codes: which bind a device, and which do not.

use cs_testkit::Site;
use cs_wire::device::{ActivatePayload, ActivateRequest, DeviceInfo, DeviceKey, KeyProtection, ProtocolVersion, sign};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::*;

const ACTIVATE: &str = "/authenticator/v1/activate";

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_cannot_be_used_is_refused_in_the_same_words() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let phone = new_phone(&site, &alice).await;

    let superseded = code(&site, &alice, phone).await;
    let used = code(&site, &alice, phone).await;
    activate(&site, &used, 0).await.unwrap();
    let expired = code(&site, &alice, phone).await;
    site.clock.advance(ACTIVATION_TTL);
    let origin = site.engine().authenticator_origin();
    let unknown = Activation::parse("Abcdefghij0123456789", Some(origin)).unwrap();

    let mut words = Vec::new();
    for code in [superseded, used, expired, unknown] {
        let refusal = refusal(activate(&site, &code, 0).await);
        assert_eq!((refusal.status, refusal.code.as_str()), (404, "activation_invalid"));
        words.push(refusal.message);
    }
    words.dedup();
    assert_eq!(words.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn activating_again_replaces_the_key() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let phone = new_phone(&site, &alice).await;
    let first = activate(&site, &code(&site, &alice, phone).await, 0).await.unwrap().authenticator;
    let second = activate(&site, &code(&site, &alice, phone).await, 0).await.unwrap().authenticator;
    assert_eq!(first.record().device_id, second.record().device_id);
    assert_eq!(refused(first.pending().await), "inactive", "it is told what became of it");
    assert!(second.pending().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_cve_2026_37982_one_of_two_devices_gets_a_code_that_both_use() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let phone = new_phone(&site, &alice).await;
    let code = code(&site, &alice, phone).await;
    let (a, b) = tokio::join!(activate(&site, &code, 0), activate(&site, &code, 0));
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_device_that_must_be_confirmed_is_inert_until_then() {
    let site = Site::start().await;
    site.settings(json!({"confirm_activation": true})).await;
    let alice = site.user("alice").await;
    let phone = new_phone(&site, &alice).await;
    let activated = activate(&site, &code(&site, &alice, phone).await, 0).await.unwrap();
    assert!(activated.must_confirm);
    let device = activated.authenticator;
    assert_eq!(refused(device.pending().await), "inactive");
    assert!(site.engine().confirm_device(site.account, phone).await.unwrap());
    assert!(device.pending().await.unwrap().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_is_for_this_code_this_key_this_server_and_now() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let phone = new_phone(&site, &alice).await;
    let activation = code(&site, &alice, phone).await;
    let sender = device(&site, &alice).await;
    let (key, other) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
    let thumbprint = key.public().thumbprint();
    let honest = ActivatePayload {
        v: ProtocolVersion::V1,
        code: activation.code().clone(),
        origin: site.engine().authenticator_origin().to_owned(),
        iat: site.now().as_second(),
        key: thumbprint,
    };
    let signed = |payload: &ActivatePayload| sign(payload, &thumbprint.to_string(), &key).unwrap();
    let other_code = ActivatePayload { code: "Abcdefghij0123456789".parse().unwrap(), ..honest.clone() };
    let other_origin = ActivatePayload { origin: "https://evil.example".to_owned(), ..honest.clone() };
    let other_key = ActivatePayload { key: other.public().thumbprint(), ..honest.clone() };
    let old = ActivatePayload { iat: honest.iat - 61, ..honest.clone() };
    let cases = [
        (signed(&other_code), 401, "signature"),
        (signed(&other_origin), 401, "signature"),
        (signed(&other_key), 401, "signature"),
        (signed(&old), 401, "clock"),
        (sign(&honest, "DPZZZZZZZZZZZZZZZZZZ", &key).unwrap(), 401, "signature"),
        (sign(&honest, &thumbprint.to_string(), &other).unwrap(), 401, "signature"),
        (sender.proof("POST", ACTIVATE, b"").unwrap(), 401, "signature"),
        ("nonsense".to_owned(), 400, "malformed"),
        (signed(&honest), 200, ""),
    ];
    for (proof, status, code) in cases {
        let body = serde_json::to_vec(&ActivateRequest {
            code: activation.code().clone(),
            key: key.public().jwk().clone(),
            proof,
            device: DeviceInfo {
                class: DeviceClass::Native,
                name: "\u{202e}phone\n".to_owned(),
                platform: "Linux".to_owned(),
                app_version: "1".to_owned(),
                key_protection: KeyProtection::Tpm,
                push: None,
            },
            replaces: None,
        })
        .unwrap();
        let answer = sender.send_raw(Method::POST, ACTIVATE, None, body).await.unwrap();
        let json: Json = serde_json::from_slice(&answer.body).unwrap();
        assert_eq!((answer.status, json["error"]["code"].as_str().unwrap_or_default()), (status, code), "{json}");
    }
    let bound = site.engine().device(site.account, phone).await.unwrap().unwrap();
    assert_eq!(bound.name, "phone");
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_codes_is_slow() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let sender = device(&site, &alice).await;
    let mut statuses = Vec::new();
    for _ in 0..61 {
        statuses.push(sender.send_raw(Method::POST, ACTIVATE, None, b"{}".to_vec()).await.unwrap().status);
    }
    // One of the sixty was the sender's own activation.
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 2);
    assert_eq!(statuses.last(), Some(&429));
    site.advance(1);
    let answer = sender.send_raw(Method::POST, ACTIVATE, None, b"{}".to_vec()).await.unwrap();
    assert_eq!(answer.status, 400, "time has passed");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_link_opened_in_a_browser_says_what_to_do() {
    let site = Site::start().await;
    let url = format!("{}/authenticator/activate", site.engine().authenticator_origin());
    let answer = site.http().get(url).send().await.unwrap();
    assert_eq!(answer.status(), 200);
    // The code stays in the address until the page's own script takes it, and no other script runs there.
    let policy = answer.headers()["content-security-policy"].to_str().unwrap().to_owned();
    assert!(policy.contains("script-src 'self'") && policy.contains("require-trusted-types-for 'script'"), "{policy}");
    let page = answer.text().await.unwrap();
    assert!(page.contains("countersign-device activate"), "{page}");
}
