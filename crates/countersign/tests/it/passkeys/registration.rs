//! Adding credentials: who may, what is accepted, and what is heard of it.

use cs_core::policy::Method;
use cs_core::user::UserStatus;
use cs_core::webauthn::{Class, Proof, RegistrationRefusal};
use cs_engine::admin::Actor;
use cs_engine::admin::users::UserChange;
use cs_engine::letters::MAIL;
use cs_engine::passkeys::{Binding, RegistrationError, Wanted};
use cs_testkit::{Forge, Site, VirtualKey};
use jiff::SignedDuration;
use serde_json::json;

use super::Office;

#[tokio::test]
async fn a_passkey_is_what_was_asked_for() {
    let office = Office::open().await;
    let mut device = VirtualKey::platform(&office.origin());
    let begun = office.begin(office.did(Method::HardwareToken), Wanted::Platform).await.unwrap();
    let options = &begun.options;
    assert_eq!(options["rp"], json!({"id": "localhost", "name": "Example"}));
    assert_eq!(options["user"]["name"], "alice");
    assert_eq!(
        options["authenticatorSelection"],
        json!({"authenticatorAttachment": "platform", "residentKey": "preferred", "requireResidentKey": false,
            "userVerification": "required"})
    );
    assert_eq!((&options["attestation"], &options["excludeCredentials"]), (&json!("none"), &json!([])));
    let response = device.create(options);
    let made = office.finish(&begun, &response).await.unwrap().credential;
    assert_eq!((made.name.as_str(), made.class, made.counter), ("blue", Class::Platform, 1));
    assert!(made.resident && made.verifies && made.is_passwordless());

    let again = office.begin(office.did(Method::WebauthnPlatform), Wanted::SecurityKey).await.unwrap().options;
    assert_eq!(again["excludeCredentials"][0]["transports"], json!(["internal"]));
    assert_eq!(again["authenticatorSelection"]["userVerification"], "discouraged");
    let shown = office.site.admin_api().get(&format!("/admin/v1/users/{}", office.alice.id), &[]).await.response();
    assert_eq!(shown["webauthncredentials"][0]["webauthnkey"], made.key.as_str());
}

#[tokio::test]
async fn aa22_074a_dormant_user_cannot_enroll() {
    let office = Office::open().await;
    let refused = |result: Result<_, RegistrationError>| match result.map(|_: cs_engine::passkeys::Begun| ()) {
        Err(RegistrationError::Refused(refusal)) => refusal,
        other => panic!("{other:?}"),
    };
    // Alice has a token: her password alone adds nothing, and neither does anybody else's proof.
    let password = office.begin(Proof::password(office.alice.id), Wanted::Passkey).await;
    assert_eq!(refused(password), RegistrationRefusal::HasFactor);
    // Carol has nothing and has just been made; a hundred days later she is dormant.
    let carol = office.site.user("carol").await;
    office.begin(Proof::password(carol.id), Wanted::Passkey).await.unwrap();
    office.site.advance(100 * 86_400);
    let dormant = office.begin(Proof::password(carol.id), Wanted::Passkey).await;
    assert_eq!(refused(dormant), RegistrationRefusal::Inactive);
    office.begin(Proof::invitation(carol.id), Wanted::Passkey).await.unwrap();
    // A disabled user adds nothing by any means, not even to finish what was begun.
    let mut key = VirtualKey::security_key(&office.origin());
    let begun = office.begin(Proof::invitation(carol.id), Wanted::Passkey).await.unwrap();
    let response = key.create(&begun.options);
    carol.set_status(UserStatus::Disabled).await;
    let finished = office.finish(&begun, &response).await;
    assert!(matches!(finished, Err(RegistrationError::Refused(RegistrationRefusal::NotActive))), "{finished:?}");
    let again = office.begin(Proof::invitation(carol.id), Wanted::Passkey).await;
    assert_eq!(refused(again), RegistrationRefusal::NotActive);
}

#[tokio::test]
async fn an_old_or_weaker_factor_adds_nothing() {
    let office = Office::open().await;
    let old = office.did(Method::HardwareToken);
    office.site.advance(301);
    let stale = office.begin(old, Wanted::Passkey).await;
    assert!(matches!(stale, Err(RegistrationError::Refused(RegistrationRefusal::Stale))), "{stale:?}");
    office.register(&mut VirtualKey::security_key(&office.origin()), Wanted::SecurityKey).await;
    let weaker = office.begin(office.did(Method::DuoPush), Wanted::Passkey).await;
    assert!(matches!(weaker, Err(RegistrationError::Refused(RegistrationRefusal::TooWeak))), "{weaker:?}");
    office.begin(office.did(Method::WebauthnRoaming), Wanted::Passkey).await.unwrap();
}

#[tokio::test]
async fn keycloak_cve_2026_8830_the_server_checks_again_what_the_page_asked_for() {
    let office = Office::open().await;
    let origin = office.origin();
    let key = || VirtualKey::security_key(&origin);
    let unverified = || Forge { verified: Some(false), ..Forge::default() };
    let cases: Vec<(&str, Wanted, VirtualKey, Forge)> = vec![
        ("another attachment", Wanted::Platform, key(), Forge::default()),
        ("a platform's key as security key", Wanted::SecurityKey, VirtualKey::platform(&origin), Forge::default()),
        ("no verification of the person", Wanted::Passkey, key(), unverified()),
        ("no verification by the platform", Wanted::Platform, VirtualKey::platform(&origin), unverified()),
        ("nobody there", Wanted::SecurityKey, key(), Forge { present: false, ..Forge::default() }),
        (
            "another origin",
            Wanted::SecurityKey,
            key(),
            Forge { origin: Some("https://evil.example".into()), ..Forge::default() },
        ),
        (
            "a port of ours",
            Wanted::SecurityKey,
            key(),
            Forge { origin: Some("https://localhost:1".into()), ..Forge::default() },
        ),
        (
            "another relying party",
            Wanted::SecurityKey,
            key(),
            Forge { rp_id: Some("evil.example".into()), ..Forge::default() },
        ),
        ("another challenge", Wanted::SecurityKey, key(), Forge { challenge: Some("AAAA".into()), ..Forge::default() }),
        ("an assertion", Wanted::SecurityKey, key(), Forge { ceremony: Some("webauthn.get"), ..Forge::default() }),
        ("inside another page", Wanted::SecurityKey, key(), Forge { cross_origin: true, ..Forge::default() }),
    ];
    for (what, wanted, mut key, forge) in cases {
        let begun = office.begin(office.did(Method::HardwareToken), wanted).await.unwrap();
        let response = key.create_as(&begun.options, &forge);
        let result = office.finish(&begun, &response).await;
        assert!(matches!(result, Err(RegistrationError::Rejected(_))), "{what}: {result:?}");
        // The ceremony is used up by the failure.
        let response = VirtualKey::security_key(&origin).create(&begun.options);
        assert!(matches!(office.finish(&begun, &response).await, Err(RegistrationError::Over)), "{what}");
    }
    let of =
        office.site.engine().store().reader().webauthn_credentials_of(office.site.account, &[office.alice.id]).await;
    assert!(of.unwrap().is_empty());
}

#[tokio::test]
async fn a_registration_is_finished_once_in_its_session_and_in_time() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    let begin = || office.begin(office.did(Method::Bypass), Wanted::SecurityKey);
    let begun = begin().await.unwrap();
    let response = key.create(&begun.options);
    let (engine, other) = (office.site.engine(), Binding::of("prompt", b"other"));
    let stolen =
        engine.finish_registration(&office.caller, &begun.ceremony, &other, &office.access, &response, "").await;
    assert!(matches!(stolen, Err(RegistrationError::Over)), "{stolen:?}");
    office.finish(&begun, &response).await.unwrap();
    assert!(matches!(office.finish(&begun, &response).await, Err(RegistrationError::Over)));
    // The same authenticator in a second ceremony: that very credential is there already.
    let second = begin().await.unwrap();
    let replayed = office.finish(&second, &response).await;
    assert!(matches!(replayed, Err(RegistrationError::Rejected("it answers another challenge"))), "{replayed:?}");
    let late = begin().await.unwrap();
    let response = key.create(&late.options);
    office.site.clock.advance(SignedDuration::from_mins(5));
    assert!(matches!(office.finish(&late, &response).await, Err(RegistrationError::Over)));
}

#[tokio::test]
async fn policies_and_the_list_of_models_limit_what_is_added() {
    let mut office = Office::open().await;
    office
        .policy(json!({"authentication_methods": {"allowed_auth_list": ["hardware-token", "webauthn-platform"]}}))
        .await;
    let refused = office.begin(office.did(Method::HardwareToken), Wanted::SecurityKey).await;
    assert!(matches!(refused, Err(RegistrationError::NotAllowed)), "{refused:?}");
    // A passkey may be asked for, since it may be the platform's; a security key it must not be.
    let begun = office.begin(office.did(Method::HardwareToken), Wanted::Passkey).await.unwrap();
    let response = VirtualKey::security_key(&office.origin()).create(&begun.options);
    assert!(matches!(office.finish(&begun, &response).await, Err(RegistrationError::NotAllowed)));

    let models = [("webauthn_aaguids", "07070707-0707-0707-0707-070707070707")];
    office.site.admin_api().post("/admin/v1/settings", &models).await.response();
    office.reload().await;
    let begun = office.begin(office.did(Method::HardwareToken), Wanted::Platform).await.unwrap();
    assert_eq!(begun.options["attestation"], "direct");
    // The right model, but nobody attests it: whoever writes an authenticator writes that too.
    let response = VirtualKey::platform(&office.origin()).create(&begun.options);
    assert!(matches!(office.finish(&begun, &response).await, Err(RegistrationError::Model)));
    let wrong = office.site.admin_api().post("/admin/v1/settings", &[("webauthn_aaguids", "yubikey")]).await;
    assert_eq!(wrong.code(), 40002);
}

#[tokio::test]
async fn the_user_hears_of_it_and_the_logs_have_it() {
    let office = Office::on(
        Site::with(|config| {
            config.mail = Some(countersign::config::MailConfig {
                host: "127.0.0.1".to_owned(),
                port: 9,
                security: countersign::config::MailSecurity::None,
                login: None,
                from: "Example <mfa@example.org>".parse().unwrap(),
                ca: None,
                timeout: std::time::Duration::from_secs(1),
            });
        })
        .await,
    )
    .await;
    office.alice.change(UserChange { email: Some("alice@example.org".to_owned()), ..UserChange::default() }).await;
    let registered = office.register(&mut VirtualKey::security_key(&office.origin()), Wanted::SecurityKey).await;
    let enrolled = &office.log().await[0];
    assert_eq!((&enrolled["event_type"], &enrolled["factor"]), (&json!("enrollment"), &json!("not_available")));
    assert_eq!(enrolled["auth_device"]["name"], "Security Key (blue)");
    let engine = office.site.engine();
    assert!(engine.remove_credential(office.site.account, &Actor::Terminal, registered.key).await.unwrap());
    assert!(!engine.remove_credential(office.site.account, &Actor::Terminal, registered.key).await.unwrap());
    let letters = engine.store().reader().effects(office.site.account, MAIL, 10).await.unwrap();
    let mut subjects: Vec<String> = letters
        .iter()
        .filter_map(|letter| cs_engine::letters::addressed(&letter.payload))
        .map(|(to, subject)| format!("{to}: {subject}"))
        .collect();
    subjects.sort();
    assert_eq!(
        subjects,
        [
            "alice@example.org: A security key or passkey was added (Example)",
            "alice@example.org: A security key or passkey was removed (Example)",
        ]
    );
    let admin = office.site.admin_api().get("/admin/v1/logs/administrator", &[]).await.response();
    assert!(admin.as_array().unwrap().iter().any(|entry| entry["action"] == "webauthncredential_delete"), "{admin}");
}

#[tokio::test]
async fn registrations_that_are_none_are_refused_whatever_they_are() {
    let office = Office::open().await;
    let mut key = VirtualKey::security_key(&office.origin());
    let begun = office.begin(office.did(Method::HardwareToken), Wanted::SecurityKey).await.unwrap();
    let right: serde_json::Value = serde_json::from_str(&key.create(&begun.options)).unwrap();
    let object = right["response"]["attestationObject"].as_str().unwrap();
    let object = data_encoding::BASE64URL_NOPAD.decode(object.as_bytes()).unwrap();
    // Every byte of the structure, a few of the keys in it, turned over; and the whole cut off anywhere.
    let flipped = (0..object.len()).filter(|at| *at < 110 || at % 9 == 0).map(|at| {
        let mut object = object.clone();
        object[at] ^= 0x21;
        object
    });
    let cut = (0..object.len()).step_by(11).map(|at| object[..at].to_vec());
    let mut accepted = 0;
    for object in flipped.chain(cut) {
        let begun = office.begin(office.did(Method::Bypass), Wanted::SecurityKey).await.unwrap();
        let mut made: serde_json::Value = serde_json::from_str(&key.create(&begun.options)).unwrap();
        made["response"]["attestationObject"] = data_encoding::BASE64URL_NOPAD.encode(&object).into();
        match office.finish(&begun, &made.to_string()).await {
            Err(RegistrationError::Rejected(_)) => {}
            // With attestation `none` nobody signs the counter, the flags or the model.
            Ok(_) => accepted += 1,
            other => panic!("{other:?}"),
        }
    }
    // The credential's id is the browser's copy of it too, so only one with the very id it was made with can be accepted: none here.
    assert_eq!(accepted, 0);
}
