//! What an attacker would send.

use cs_engine::passkeys::{Binding, Wanted};
use cs_testkit::{Forge, VirtualKey};
use serde_json::json;

use super::{Office, decided, reason};

#[tokio::test]
async fn kanidm_1_10_an_origin_that_ends_like_ours_is_not_ours() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    let cases = [
        ("another origin", Forge { origin: Some("https://evil.example".into()), ..Forge::default() }),
        ("a name that ends like ours", Forge { origin: Some("https://evil-localhost".into()), ..Forge::default() }),
        ("a subdomain", Forge { origin: Some("https://evil.localhost".into()), ..Forge::default() }),
        ("no TLS", Forge { origin: Some(office.origin().replace("https", "http")), ..Forge::default() }),
        ("another relying party", Forge { rp_id: Some("evil.example".into()), ..Forge::default() }),
        ("another challenge", Forge { challenge: Some("A".repeat(43)), ..Forge::default() }),
        ("a registration", Forge { ceremony: Some("webauthn.create"), ..Forge::default() }),
        ("nobody there", Forge { present: false, ..Forge::default() }),
        ("inside another page", Forge { cross_origin: true, ..Forge::default() }),
        ("a spoiled signature", Forge { spoil_signature: true, ..Forge::default() }),
        ("another user's handle", Forge { handle: Some(Some(b"DUBBBBBBBBBBBBBBBBBB".to_vec())), ..Forge::default() }),
    ];
    for (n, (what, forge)) in cases.into_iter().enumerate() {
        let refused = office.login(&mut key, &forge).await;
        // The tenth in a row locks the user out.
        let expected = if n < 10 { "invalid_credential" } else { "locked_out" };
        assert_eq!(reason(&refused), expected, "{what}");
        if n == 9 {
            break;
        }
    }
    let user = office.site.admin_api().get(&format!("/admin/v1/users/{}", office.alice.id), &[]).await.response();
    assert_eq!(user["status"], "locked out");
}

#[tokio::test]
async fn a_ceremony_is_finished_once_though_the_library_would_do_it_twice() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    let begun = office.ask().await;
    let response = key.get(&begun.options);
    assert_eq!(reason(&office.answer(&begun, response.clone()).await), "in");
    assert_eq!(reason(&office.answer(&begun, response.clone()).await), "login_expired", "the same again");
    // The same answer in another ceremony, and in one whose failure used it up.
    let next = office.ask().await;
    assert_eq!(reason(&office.answer(&next, response).await), "invalid_credential");
    let right = key.get(&next.options);
    assert_eq!(reason(&office.answer(&next, right).await), "login_expired");
    let late = office.ask().await;
    let right = key.get(&late.options);
    office.site.advance(300);
    assert_eq!(reason(&office.answer(&late, right).await), "login_expired");
    // Nothing of this but the answer to another challenge was a wrong attempt.
    let user = office.site.admin_api().get(&format!("/admin/v1/users/{}", office.alice.id), &[]).await.response();
    assert_eq!(user["status"], "active");
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_same_answer_sent_at_once_one_gets_in() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    let begun = office.ask().await;
    let response = key.get(&begun.options);
    let engine = office.site.engine();
    let all: Vec<_> = (0..8)
        .map(|_| {
            let (engine, caller, request) =
                (engine.clone(), office.caller.clone(), office.request(&begun, response.clone()));
            tokio::spawn(async move { decided(engine.auth(&caller, &request).await.unwrap()) })
        })
        .collect();
    let mut results = Vec::new();
    for one in all {
        results.push(reason(&one.await.unwrap()));
    }
    results.sort_unstable();
    assert_eq!((results[0], results.iter().filter(|result| **result == "login_expired").count()), ("in", 7));
}

#[tokio::test]
async fn a_copy_of_a_key_is_found_out_and_the_key_refused_from_then_on() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    let registered = office.register(&mut key, Wanted::SecurityKey).await;
    for _ in 0..3 {
        assert_eq!(reason(&office.login(&mut key, &Forge::default()).await), "in");
    }
    key.set_counter(2);
    assert_eq!(reason(&office.login(&mut key, &Forge::default()).await), "cloned_credential");
    let entry = &office.log().await[0];
    assert_eq!((&entry["reason"], &entry["factor"]), (&json!("cloned_credential"), &json!("WebAuthn Security Key")));
    // Neither the copy nor the right one, which would be further on, gets in any more; the user is offered other ways and is not locked out.
    let challenge = office.challenge().await;
    let none = office.site.engine().begin_assertion(&office.caller, &challenge, &office.session()).await.unwrap();
    assert!(none.is_none());
    let effects = office.site.engine().store().reader().effects(office.site.account, "alert", 10).await.unwrap();
    assert!(effects.iter().any(|effect| effect.payload.contains("cloned_credential")), "{effects:?}");
    let kept = office.site.engine().store().reader().webauthn_credential(office.site.account, registered.key).await;
    assert_eq!(kept.unwrap().unwrap().credential.cloned_at, Some(office.site.now()));
    let user = office.site.admin_api().get(&format!("/admin/v1/users/{}", office.alice.id), &[]).await.response();
    assert_eq!(user["status"], "active");
}

#[tokio::test]
async fn another_users_key_and_another_session_are_worth_nothing() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    // Mallory has a key of her own, and signs Alice's challenge with it.
    let mallory = office.site.user("mallory").await;
    let mut hers = VirtualKey::security_key(&office.origin());
    let begun = office.begin(cs_core::webauthn::Proof::invitation(mallory.id), Wanted::SecurityKey).await.unwrap();
    let response = hers.create(&begun.options);
    office.finish(&begun, &response).await.unwrap();
    let id = hers.ids().remove(0);
    let begun = office.ask().await;
    let response = hers.sign(&id, &begun.options, &Forge::default());
    assert_eq!(reason(&office.answer(&begun, response).await), "invalid_credential");
    // A key that nobody registered.
    let mut unknown = VirtualKey::security_key(&office.origin());
    let options = json!({"user": {"id": "AAAA"}, "challenge": "AAAA", "rp": {"id": "localhost"}});
    unknown.create(&options);
    let begun = office.ask().await;
    let response = unknown.sign(&unknown.ids()[0], &begun.options, &Forge::default());
    assert_eq!(reason(&office.answer(&begun, response).await), "invalid_credential");
    // Alice's own answer, in a session that did not begin it.
    let begun = office.ask().await;
    let response = key.get(&begun.options);
    let mut request = office.request(&begun, response.clone());
    if let cs_engine::login::FactorInput::Assertion(assertion) = &mut request.factor {
        assertion.binding = Binding::of("prompt", b"mallory's");
    }
    let stolen = decided(office.site.engine().auth(&office.caller, &request).await.unwrap());
    assert_eq!(reason(&stolen), "login_expired");
    // Mallory's login cannot be finished by Alice's ceremony, nor can the ceremony stand for a login without a name.
    let mut request = office.request(&begun, response.clone());
    request.who = cs_engine::login::Who::Id(mallory.id);
    assert_eq!(reason(&decided(office.site.engine().auth(&office.caller, &request).await.unwrap())), "login_expired");
    let mut request = office.request(&begun, response.clone());
    if let cs_engine::login::FactorInput::Assertion(assertion) = &mut request.factor {
        assertion.ask = cs_core::webauthn::Ask::Passwordless;
    }
    let nameless = decided(office.site.engine().auth(&office.caller, &request).await.unwrap());
    assert_eq!(reason(&nameless), "factor_restricted", "no policy allows it");
    assert_eq!(reason(&office.answer(&begun, response).await), "in", "nothing of that used it up");
}

#[tokio::test]
async fn answers_that_are_none_are_refused_whatever_they_are() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    office.register(&mut key, Wanted::SecurityKey).await;
    let begun = office.ask().await;
    let right = key.get(&begun.options);
    let mut wrong = vec![
        String::new(),
        "{}".to_owned(),
        "null".to_owned(),
        "[".repeat(50_000),
        right.replace("public-key", "password"),
        right.replace("\"signature\":\"", "\"signature\":\"AAAA"),
        right.replace("\"authenticatorData\":\"", "\"authenticatorData\":\"AAAA"),
        right.replace("\"clientDataJSON\":\"", "\"clientDataJSON\":\"AAAA"),
        right.replace("\"rawId\":\"", "\"rawId\":\"AAAA"),
    ];
    // Cut off anywhere.
    wrong.extend((1..right.len()).step_by(37).map(|at| right[..at].to_owned()));
    for response in wrong {
        // One attempt each would lock Alice out.
        office
            .site
            .engine()
            .unlock_user(office.site.account, &cs_engine::admin::Actor::Terminal, office.alice.id)
            .await
            .ok();
        let begun = office.ask().await;
        assert_eq!(reason(&office.answer(&begun, response.clone()).await), "invalid_credential", "{response}");
    }
}
