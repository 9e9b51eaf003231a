use std::collections::HashSet;

use cs_core::secret::PlainCode;
use cs_engine::EngineError;
use cs_engine::admin::bypass_codes::{MadeBypassCode, NewBypassCodes, WantedCodes};
use jiff::SignedDuration;

use crate::site::{ALL, Site};

on_both_engines![
    codes_are_made_listed_and_deleted,
    new_codes_replace_the_old_unless_they_are_to_stay,
    given_codes_are_checked,
    a_user_has_at_most_a_hundred,
    another_accounts_codes_are_not_found,
];

fn random(count: usize) -> NewBypassCodes {
    NewBypassCodes {
        codes: WantedCodes::Random(count),
        uses: Some(1),
        valid_secs: Some(60),
        preserve_existing: true,
        reason: None,
    }
}

fn given(codes: &[&str]) -> NewBypassCodes {
    let codes = codes.iter().map(|code| PlainCode::from_text(code)).collect();
    NewBypassCodes {
        codes: WantedCodes::Given(codes),
        uses: None,
        valid_secs: None,
        preserve_existing: true,
        reason: None,
    }
}

async fn make(site: &Site, user: cs_core::id::UserId, new: NewBypassCodes) -> Result<Vec<MadeBypassCode>, EngineError> {
    site.engine.create_bypass_codes(site.account, &site.actor, user, new).await
}

async fn codes_are_made_listed_and_deleted(site: Site) {
    let alice = site.user("alice").await;
    let made = make(&site, alice, random(10)).await.unwrap();
    let different: HashSet<&str> = made.iter().map(|code| code.code.expose()).collect();
    assert_eq!(different.len(), 10);
    assert!(different.iter().all(|code| code.len() == 9 && code.bytes().all(|b| b.is_ascii_digit())));
    assert_eq!(site.login("alice").await.unwrap().live_bypass_codes, 10);

    let reader = site.engine.store().reader();
    let now = site.clock.now();
    let listed = reader.bypass_codes(site.account, Some(alice), now, ALL).await.unwrap();
    assert_eq!(listed.total, 10);
    assert_eq!(listed.items[0].uses_left, Some(1));
    assert_eq!(listed.items[0].expires_at, Some(now + SignedDuration::from_secs(60)));
    assert_eq!(reader.bypass_codes(site.account, None, now, ALL).await.unwrap().items, listed.items);

    let id = listed.items[0].id;
    assert!(site.engine.delete_bypass_code(site.account, &site.actor, id).await.unwrap());
    assert!(!site.engine.delete_bypass_code(site.account, &site.actor, id).await.unwrap());
    let later = now + SignedDuration::from_secs(60);
    assert_eq!(reader.bypass_codes(site.account, None, later, ALL).await.unwrap().total, 0);
    for count in [0, 11] {
        let error = make(&site, alice, random(count)).await;
        assert!(matches!(error, Err(EngineError::Invalid("count"))), "{error:?}");
    }
}

async fn new_codes_replace_the_old_unless_they_are_to_stay(site: Site) {
    let alice = site.user("alice").await;
    make(&site, alice, random(2)).await.unwrap();
    make(&site, alice, random(3)).await.unwrap();
    assert_eq!(site.login("alice").await.unwrap().live_bypass_codes, 5);
    let before = site.version(alice).await;
    make(&site, alice, NewBypassCodes { preserve_existing: false, ..random(1) }).await.unwrap();
    assert_eq!(site.login("alice").await.unwrap().live_bypass_codes, 1);
    assert_eq!(site.version(alice).await, before + 1);
}

async fn given_codes_are_checked(site: Site) {
    let alice = site.user("alice").await;
    make(&site, alice, given(&["123456789", "abc123"])).await.unwrap();
    for bad in [&["12345"][..], &["123456", "123456"], &["12345 6"], &[], &["123456789"], &["123456789012345678901"]] {
        let error = make(&site, alice, given(bad)).await;
        assert!(matches!(error, Err(EngineError::Invalid("codes"))), "{bad:?}: {error:?}");
    }
    assert_eq!(site.login("alice").await.unwrap().live_bypass_codes, 2);
}

async fn a_user_has_at_most_a_hundred(site: Site) {
    let alice = site.user("alice").await;
    for _ in 0..10 {
        make(&site, alice, random(10)).await.unwrap();
    }
    let error = make(&site, alice, random(1)).await;
    assert!(matches!(error, Err(EngineError::Invalid("count"))), "{error:?}");
    // Dead ones do not count.
    site.clock.advance(SignedDuration::from_secs(60));
    make(&site, alice, random(10)).await.unwrap();
}

async fn another_accounts_codes_are_not_found(site: Site) {
    let alice = site.user("alice").await;
    let made = make(&site, alice, random(1)).await.unwrap();
    let (engine, other, actor) = (&site.engine, site.other, &site.actor);
    assert!(!engine.delete_bypass_code(other, actor, made[0].id).await.unwrap());
    let error = engine.create_bypass_codes(other, actor, alice, random(1)).await;
    assert!(matches!(error, Err(EngineError::NotFound)), "{error:?}");
    let reader = engine.store().reader();
    assert_eq!(reader.bypass_codes(other, Some(alice), site.clock.now(), ALL).await.unwrap().total, 0);
}
