//! A passkey brings the authenticator to a new phone.

use cs_core::id::PhoneId;
use cs_core::policy::Method;
use cs_core::user::UserStatus;
use cs_engine::passkeys::Wanted;
use cs_testkit::{Forge, VirtualKey};
use serde_json::{Value as Json, json};

use super::Office;
use crate::authenticator::moving::ask;

const SESSION: &str = "AAAAAAAAAAAAAAAAAAAAAA";

impl Office {
    /// A passkey of Alice's, at a browser that shows the authenticator's page.
    async fn passkey(&self) -> VirtualKey {
        let mut key = VirtualKey::platform(self.site.engine().authenticator_origin());
        self.register(&mut key, Wanted::Passkey).await;
        key
    }

    /// What a passkey is asked to sign for a move.
    async fn asked(&self) -> (String, Json) {
        let (status, begun) = ask(&self.site, "/authenticator/v1/move/passkey", &json!({"session": SESSION})).await;
        assert_eq!(status, 200, "{begun}");
        (begun["ceremony"].as_str().unwrap().to_owned(), begun["options"].clone())
    }

    async fn prove(&self, ceremony: &str, session: &str, response: &str) -> (u16, Json) {
        let proof = json!({"kind": "passkey", "session": session, "ceremony": ceremony, "response": response});
        ask(&self.site, "/authenticator/v1/move", &json!({"proof": proof})).await
    }
}

#[tokio::test]
async fn a_passkey_moves_the_authenticator_once_for_each_touch() {
    let office = Office::open().await;
    let mut key = office.passkey().await;
    let phone = office.alice.phone().await;
    let (ceremony, options) = office.asked().await;
    // Nothing in it says who has a passkey, and the person is verified.
    assert_eq!(options.get("allowCredentials").cloned().unwrap_or(json!([])), json!([]));
    assert_eq!((&options["userVerification"], &options["rpId"]), (&json!("required"), &json!("localhost")));
    let response = key.get(&options);
    let other = "BBBBBBBBBBBBBBBBBBBBBA";
    assert_eq!(office.prove(&ceremony, other, &response).await.0, 403, "another attempt's");
    let (status, proven) = office.prove(&ceremony, SESSION, &response).await;
    assert_eq!((status, &proven["user"]["name"]), (200, &json!("alice")), "{proven}");
    assert_eq!(proven["devices"][0]["device_id"], phone.id.as_str());
    assert_eq!(office.prove(&ceremony, SESSION, &response).await.0, 403, "good once");
    let entry = office.log().await.into_iter().find(|entry| entry["reason"] == "user_approved").unwrap();
    assert_eq!((&entry["result"], &entry["application"]["name"]), (&json!("success"), &json!("Self-service portal")));
    let bound = office
        .site
        .activate(&format!("https://{}/authenticator/activate#{}", host(&office), proven["code"].as_str().unwrap()))
        .await;
    assert_eq!(bound.id, phone.id);
    let _: PhoneId = bound.id;
}

fn host(office: &Office) -> String {
    office.site.engine().authenticator_origin().trim_start_matches("https://").to_owned()
}

#[tokio::test]
async fn a_passkey_that_does_not_suffice_moves_nothing() {
    let office = Office::open().await;
    let mut key = office.passkey().await;
    office.alice.phone().await;
    let wrong = [
        Forge { verified: Some(false), ..Forge::default() },
        Forge { spoil_signature: true, ..Forge::default() },
        Forge { origin: Some("https://evil.example".to_owned()), ..Forge::default() },
        Forge { handle: Some(None), ..Forge::default() },
        Forge { handle: Some(Some(b"DUZZZZZZZZZZZZZZZZZZ".to_vec())), ..Forge::default() },
        Forge { cross_origin: true, ..Forge::default() },
    ];
    let mut seen = Vec::new();
    for forge in &wrong {
        let (ceremony, options) = office.asked().await;
        let response = key.get_as(&options, forge);
        seen.push(office.prove(&ceremony, SESSION, &response).await);
    }
    // By nobody's credential, and of a form that is none.
    let mut stranger = VirtualKey::platform(office.site.engine().authenticator_origin());
    let begun = office.begin(office.did(Method::Bypass), Wanted::Passkey).await.unwrap();
    stranger.create(&begun.options);
    let (ceremony, options) = office.asked().await;
    seen.push(office.prove(&ceremony, SESSION, &stranger.get(&options)).await);
    seen.push(office.prove(&ceremony, SESSION, "{}").await);
    seen.push(office.prove("x", SESSION, "{}").await);
    // Somebody disabled, and a kind that the policy blocks.
    office.alice.set_status(UserStatus::Disabled).await;
    let (ceremony, options) = office.asked().await;
    seen.push(office.prove(&ceremony, SESSION, &key.get(&options)).await);
    office.alice.set_status(UserStatus::Active).await;
    office.policy(json!({"authentication_methods": {"blocked_auth_list": ["webauthn-platform"], "allowed_auth_list": ["hardware-token"]}})).await;
    let (ceremony, options) = office.asked().await;
    seen.push(office.prove(&ceremony, SESSION, &key.get(&options)).await);
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((seen[0].0, &seen[0].1["error"]["code"]), (403, &json!("refused")));
}

#[tokio::test]
async fn a_cloned_passkey_is_found_out() {
    let office = Office::open().await;
    let mut key = office.passkey().await;
    for (counter, expected) in [(9, 200), (9, 403), (50, 403)] {
        office.site.advance(1);
        let (ceremony, options) = office.asked().await;
        let response = key.get_as(&options, &Forge { counter: Some(counter), ..Forge::default() });
        assert_eq!(office.prove(&ceremony, SESSION, &response).await.0, expected, "{counter}");
    }
    let alerts = office.site.engine().store().reader().effects(office.site.account, "alert", 10).await.unwrap();
    assert!(alerts.iter().any(|alert| alert.payload.contains("cloned_credential")), "{alerts:?}");
}
