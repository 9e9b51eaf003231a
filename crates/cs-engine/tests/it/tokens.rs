use cs_core::otp::{Digits, OtpAlgorithm, OtpKind, SecretEncoding, TokenForm, hotp};
use cs_engine::EngineError;
use cs_engine::admin::tokens::Imported;

use crate::site::{ALL, Site};

on_both_engines![
    serials_are_unique_per_type,
    a_file_is_imported_whole_or_not_at_all,
    three_codes_resynchronise_and_are_used_up,
    a_time_step_can_be_set_on_time_tokens_only,
    a_token_is_given_and_taken,
    another_accounts_tokens_are_not_found,
];

const SECRET: &str = "3132333435363738393031323334353637383930";

fn code(counter: u64) -> String {
    let otp = hotp(b"12345678901234567890", counter, Digits::Six, OtpAlgorithm::Sha1);
    otp.to_string()
}

async fn serials_are_unique_per_type(site: Site) {
    site.token("1").await;
    let form = TokenForm { kind: "h6", serial: "1", secret: Some(SECRET), ..TokenForm::default() };
    let error = site.engine.create_token(site.account, &site.actor, &form).await;
    assert!(matches!(error, Err(EngineError::Exists("serial"))), "{error:?}");
    site.engine.create_token(site.account, &site.actor, &TokenForm { kind: "t6", ..form }).await.unwrap();
    site.engine.create_token(site.other, &site.actor, &form).await.unwrap();
    for (expected, bad) in [
        ("type", TokenForm { kind: "d1", ..form }),
        ("serial", TokenForm { serial: "", ..form }),
        ("secret", TokenForm { secret: Some("xyz"), ..form }),
        ("secret", TokenForm { secret: None, ..form }),
        ("counter", TokenForm { counter: Some("-1"), ..form }),
        ("totp_step", TokenForm { kind: "t6", totp_step: Some("5"), ..form }),
        ("private_id", TokenForm { kind: "yk", private_id: Some("1"), aes_key: Some("2"), ..form }),
    ] {
        let error = site.engine.create_token(site.account, &site.actor, &bad).await;
        assert!(matches!(error, Err(EngineError::Invalid(name)) if name == expected), "{expected}: {error:?}");
    }
    let reader = site.engine.store().reader();
    assert_eq!(reader.tokens(site.account, Some(("t6", "1")), ALL).await.unwrap().total, 1);
    assert_eq!(reader.tokens(site.account, None, ALL).await.unwrap().total, 2);
}

async fn a_file_is_imported_whole_or_not_at_all(site: Site) {
    let import = async |csv: &str| {
        site.engine.import_tokens(site.account, &site.actor, OtpKind::H6, SecretEncoding::Hex, csv).await
    };
    let Imported::Refused(errors) = import(&format!("1,{SECRET}\n2,x\n")).await.unwrap() else { panic!() };
    assert_eq!(errors[0].line, 2);
    let Imported::Done(ids) = import(&format!("1,{SECRET}\n2,{SECRET},7\n")).await.unwrap() else { panic!() };
    assert_eq!(ids.len(), 2);
    let error = import(&format!("3,{SECRET}\n2,{SECRET}\n")).await;
    assert!(matches!(error, Err(EngineError::Exists("serial"))), "{error:?}");
    assert_eq!(site.engine.store().reader().tokens(site.account, None, ALL).await.unwrap().total, 2);
}

async fn three_codes_resynchronise_and_are_used_up(site: Site) {
    let (alice, token) = (site.user("alice").await, site.token("1").await);
    site.engine.give_token(site.account, &site.actor, alice, token).await.unwrap();
    let before = site.version(alice).await;
    let resync = async |codes: [&str; 3]| site.engine.resync_token(site.account, &site.actor, token, &codes).await;
    let codes: Vec<String> = (500..506).map(code).collect();
    let wrong = resync([&codes[0], &codes[2], &codes[1]]).await;
    assert!(matches!(wrong, Err(EngineError::Invalid("code1"))), "{wrong:?}");
    resync([&codes[0], &codes[1], &codes[2]]).await.unwrap();
    assert_eq!(site.login("alice").await.unwrap().tokens[0].otp.counter, 503);
    assert_eq!(site.version(alice).await, before + 1);
    let again = resync([&codes[0], &codes[1], &codes[2]]).await;
    assert!(matches!(again, Err(EngineError::Invalid("code1"))), "{again:?}");
}

async fn a_time_step_can_be_set_on_time_tokens_only(site: Site) {
    let counter = site.token("1").await;
    let form = TokenForm { kind: "t6", serial: "2", secret: Some(SECRET), ..TokenForm::default() };
    let time = site.engine.create_token(site.account, &site.actor, &form).await.unwrap();
    let set = async |id, step| site.engine.set_totp_step(site.account, &site.actor, id, step).await;
    assert!(matches!(set(counter, 60).await, Err(EngineError::Invalid("totp_step"))));
    assert!(matches!(set(time, 5).await, Err(EngineError::Invalid("totp_step"))));
    set(time, 60).await.unwrap();
    let token = site.engine.store().token_with_secret(site.account, time).await.unwrap().unwrap();
    assert_eq!((token.params.step.as_secs(), token.otp.last_step), (60, 1_800_000_000 / 60));
}

async fn a_token_is_given_and_taken(site: Site) {
    let (alice, bob, token) = (site.user("alice").await, site.user("bob").await, site.token("1").await);
    for user in [alice, bob, alice] {
        site.engine.give_token(site.account, &site.actor, user, token).await.unwrap();
    }
    assert!(site.engine.take_token(site.account, &site.actor, bob, token).await.unwrap());
    assert!(!site.engine.take_token(site.account, &site.actor, bob, token).await.unwrap());
    let before = site.version(alice).await;
    assert!(site.engine.delete_token(site.account, &site.actor, token).await.unwrap());
    assert!(!site.engine.delete_token(site.account, &site.actor, token).await.unwrap());
    assert_eq!(site.version(alice).await, before + 1);
    assert!(site.login("alice").await.unwrap().tokens.is_empty());
}

async fn another_accounts_tokens_are_not_found(site: Site) {
    let (alice, token) = (site.user("alice").await, site.token("1").await);
    let (engine, other, actor) = (&site.engine, site.other, &site.actor);
    assert!(!engine.delete_token(other, actor, token).await.unwrap());
    assert!(matches!(engine.set_totp_step(other, actor, token, 60).await, Err(EngineError::NotFound)));
    assert!(matches!(engine.resync_token(other, actor, token, &["1", "2", "3"]).await, Err(EngineError::NotFound)));
    assert!(matches!(engine.give_token(other, actor, alice, token).await, Err(EngineError::NotFound)));
    assert!(engine.store().reader().token(other, token).await.unwrap().is_none());
}
