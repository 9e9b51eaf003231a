use cs_core::device::AuthenticatorClass;
use cs_core::id::{PhoneId, UserId};
use cs_engine::admin::phones::PhoneChange;
use cs_engine::devices::{ActivateRequest, Activated};
use cs_engine::{DeviceEvent, EngineError, SystemRng};
use jiff::SignedDuration;

use crate::site::{ALL, Site};

on_both_engines![
    a_phone_is_changed_and_found_by_its_number,
    a_phone_is_given_and_taken,
    a_link_binds_and_a_newer_one_voids_it,
    taking_the_phone_unbinds_it,
    deleting_a_phone_tells_its_device,
    automatic_answers_end,
    another_accounts_phones_are_not_found,
];

async fn activate(site: &Site, user: UserId, phone: PhoneId) -> Activated {
    site.engine.give_phone(site.account, &site.actor, user, phone).await.unwrap();
    let issued = site.engine.activation_of_phone(site.account, &site.actor, phone, 3600).await.unwrap();
    let request = ActivateRequest {
        code: issued.code,
        public_key: "{}".into(),
        class: AuthenticatorClass::Cli,
        name: "laptop".into(),
        platform: "Generic Smartphone".into(),
        app_version: "1".into(),
        key_protection: "file",
        push: None,
        confirm_phrase: "a b".into(),
        address: None,
        replaces: None,
    };
    site.engine.activate(site.account, &request).await.unwrap().unwrap()
}

async fn a_phone_is_changed_and_found_by_its_number(site: Site) {
    let phone = site.phone().await;
    let change = PhoneChange {
        extension: Some("12".into()),
        name: Some("desk".into()),
        predelay: Some("3".into()),
        ..PhoneChange::default()
    };
    site.engine.change_phone(site.account, &site.actor, phone, &change).await.unwrap();
    let reader = site.engine.store().reader();
    let found = reader.phones(site.account, Some("+15555550100"), Some("12"), ALL).await.unwrap();
    assert_eq!(found.items[0].name, "desk");
    assert_eq!(found.items[0].platform, "Google Android");
    assert_eq!(reader.phones(site.account, Some("+15555550100"), Some("13"), ALL).await.unwrap().total, 0);
    assert_eq!(reader.phones(site.account, None, None, ALL).await.unwrap().items, found.items);
    for (expected, change) in [
        ("number", PhoneChange { number: Some("abc".into()), ..PhoneChange::default() }),
        ("type", PhoneChange { kind: Some("pager".into()), ..PhoneChange::default() }),
        ("platform", PhoneChange { platform: Some("multics".into()), ..PhoneChange::default() }),
        ("predelay", PhoneChange { predelay: Some("-1".into()), ..PhoneChange::default() }),
        ("extension", PhoneChange { extension: Some("abc".into()), ..PhoneChange::default() }),
    ] {
        let error = site.engine.change_phone(site.account, &site.actor, phone, &change).await;
        assert!(matches!(error, Err(EngineError::Invalid(name)) if name == expected), "{expected}: {error:?}");
    }
}

async fn a_phone_is_given_and_taken(site: Site) {
    let alice = site.user("alice").await;
    let (first, second) = (site.phone().await, site.phone().await);
    for phone in [second, first, second] {
        site.engine.give_phone(site.account, &site.actor, alice, phone).await.unwrap();
    }
    let ids: Vec<PhoneId> = site.phones_of(alice).await.iter().map(|phone| phone.id).collect();
    assert_eq!(ids, [second, first], "in the order they were given");
    let before = site.version(alice).await;
    assert!(site.engine.take_phone(site.account, &site.actor, alice, second).await.unwrap());
    assert!(!site.engine.take_phone(site.account, &site.actor, alice, second).await.unwrap());
    assert_eq!(site.version(alice).await, before + 1);
    let missing = PhoneId::generate(&mut SystemRng);
    let error = site.engine.give_phone(site.account, &site.actor, alice, missing).await;
    assert!(matches!(error, Err(EngineError::NotFound)), "{error:?}");
    for _ in 0..99 {
        let phone = site.phone().await;
        site.engine.give_phone(site.account, &site.actor, alice, phone).await.unwrap();
    }
    let error = site.engine.give_phone(site.account, &site.actor, alice, second).await;
    assert!(matches!(error, Err(EngineError::Invalid("phone_id"))), "{error:?}");
}

async fn a_link_binds_and_a_newer_one_voids_it(site: Site) {
    let (alice, phone) = (site.user("alice").await, site.phone().await);
    let issue = async |secs| site.engine.activation_of_phone(site.account, &site.actor, phone, secs).await;
    assert!(matches!(issue(3600).await, Err(EngineError::Invalid("phone_id"))), "nobody has it");
    let activated = activate(&site, alice, phone).await;
    assert_eq!((activated.device, activated.username.as_str()), (phone, "alice"));
    assert!(matches!(issue(0).await, Err(EngineError::Invalid("valid_secs"))));
    let unknown = site.engine.create_phone(site.account, &site.actor, &PhoneChange::default()).await.unwrap();
    site.engine.give_phone(site.account, &site.actor, alice, unknown).await.unwrap();
    let error = site.engine.activation_of_phone(site.account, &site.actor, unknown, 3600).await;
    assert!(matches!(error, Err(EngineError::Invalid("phone_id"))), "{error:?}");
}

async fn taking_the_phone_unbinds_it(site: Site) {
    let (alice, bob, phone) = (site.user("alice").await, site.user("bob").await, site.phone().await);
    activate(&site, alice, phone).await;
    site.engine.give_phone(site.account, &site.actor, bob, phone).await.unwrap();
    // Bound for alice: taking it from bob leaves it.
    let mut events = site.engine.hub().subscribe(site.account, phone);
    assert!(site.engine.take_phone(site.account, &site.actor, bob, phone).await.unwrap());
    assert!(events.try_recv().is_err());
    assert!(site.login("alice").await.unwrap().phones[0].can_push());

    assert!(site.engine.take_phone(site.account, &site.actor, alice, phone).await.unwrap());
    assert_eq!(events.try_recv(), Ok(DeviceEvent::Unbound));
    assert!(site.engine.device(site.account, phone).await.unwrap().is_none());
}

async fn deleting_a_phone_tells_its_device(site: Site) {
    let (alice, phone) = (site.user("alice").await, site.phone().await);
    activate(&site, alice, phone).await;
    let before = site.version(alice).await;
    let mut events = site.engine.hub().subscribe(site.account, phone);
    assert!(site.engine.delete_phone(site.account, &site.actor, phone).await.unwrap());
    assert!(!site.engine.delete_phone(site.account, &site.actor, phone).await.unwrap());
    assert_eq!(events.try_recv(), Ok(DeviceEvent::Unbound));
    assert_eq!(site.version(alice).await, before + 1);
    assert!(site.login("alice").await.unwrap().phones.is_empty());
}

async fn automatic_answers_end(site: Site) {
    let (alice, phone) = (site.user("alice").await, site.phone().await);
    let now = site.clock.now();
    let set = async |until| site.engine.set_auto_approve(site.account, &site.actor, phone, until).await;
    assert!(matches!(set(Some(now + SignedDuration::from_hours(1))).await, Err(EngineError::NotFound)), "unbound");
    activate(&site, alice, phone).await;
    assert!(matches!(set(Some(now)).await, Err(EngineError::Invalid("auto_approve_until"))));
    let far = Some(now + SignedDuration::from_hours(24 * 367));
    assert!(matches!(set(far).await, Err(EngineError::Invalid("auto_approve_until"))));
    set(Some(now + SignedDuration::from_hours(1))).await.unwrap();
    let bound = site.engine.device(site.account, phone).await.unwrap().unwrap();
    assert_eq!(bound.auto_approve_until, Some(now + SignedDuration::from_hours(1)));
    set(None).await.unwrap();
    assert_eq!(site.engine.device(site.account, phone).await.unwrap().unwrap().auto_approve_until, None);
}

async fn another_accounts_phones_are_not_found(site: Site) {
    let (alice, phone) = (site.user("alice").await, site.phone().await);
    site.engine.give_phone(site.account, &site.actor, alice, phone).await.unwrap();
    let (engine, other, actor) = (&site.engine, site.other, &site.actor);
    assert!(matches!(
        engine.change_phone(other, actor, phone, &PhoneChange::default()).await,
        Err(EngineError::NotFound)
    ));
    assert!(matches!(engine.activation_of_phone(other, actor, phone, 60).await, Err(EngineError::NotFound)));
    assert!(!engine.delete_phone(other, actor, phone).await.unwrap());
    assert!(!engine.take_phone(other, actor, alice, phone).await.unwrap());
    let foreign = engine.create_phone(other, actor, &PhoneChange::default()).await.unwrap();
    let error = engine.give_phone(site.account, actor, alice, foreign).await;
    assert!(matches!(error, Err(EngineError::NotFound)), "{error:?}");
    assert_eq!(site.phones_of(alice).await.len(), 1);
}
