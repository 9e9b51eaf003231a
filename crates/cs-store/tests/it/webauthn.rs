//! WebAuthn credentials and ceremonies, on both engines.

use cs_core::id::{AccountId, UserId, WebauthnKey};
use cs_core::webauthn::{Ask, CEREMONY_TTL, Class, Credential, MAX_CREDENTIALS_PER_USER, Purpose, Transport, Used};
use cs_store::facts::UserRef;
use cs_store::testing::TestDatabase;
use cs_store::users::change_user;
use cs_store::users::{Slice, remove_user};
use cs_store::webauthn::{
    Ceremony, KeyMaterial, forget_ceremonies, insert_credential, mark_cloned, pin_relying_party, remove_credential,
    rename_credential, use_credential,
};
use cs_store::{CommitError, Job, Step, Store, args};
use jiff::{SignedDuration, Timestamp};

on_both_engines!(
    a_ceremony_is_finished_once_in_time_by_its_session_for_its_purpose,
    of_many_who_finish_a_ceremony_at_once_one_does,
    a_session_has_one_ceremony_of_each_purpose,
    a_credential_is_kept_whole_and_found_every_way,
    a_credential_is_used_only_from_where_its_counter_was,
    nobody_registers_what_somebody_has_nor_too_many,
    the_relying_party_is_said_once,
    a_removed_user_leaves_nothing,
);

const MATERIAL: KeyMaterial<'_> = KeyMaterial { public_key: "{}", attestation: "none" };
const SECOND: Purpose = Purpose::Assertion(Ask::SecondFactor);

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn account() -> AccountId {
    "DAAAAAAAAAAAAAAAAAAA".parse().unwrap()
}

fn user(name: &str) -> UserId {
    format!("DU{}", name.repeat(18)).parse().unwrap()
}

fn key(n: usize) -> WebauthnKey {
    format!("WA{n:018}").parse().unwrap()
}

fn credential(n: usize) -> Credential {
    Credential {
        key: key(n),
        raw_id: format!("raw {n}").into_bytes(),
        name: "blue".to_owned(),
        label: "Security Key".to_owned(),
        class: Class::Roaming,
        aaguid: "ee882879-721c-4913-9775-3dfcce97072a".parse().unwrap(),
        counter: u32::MAX - 1,
        transports: vec![Transport::Nfc, Transport::Usb],
        backup_eligible: true,
        backed_up: false,
        resident: true,
        verifies: false,
        created_at: now(),
        last_used: None,
        cloned_at: None,
    }
}

fn ceremony(purpose: Purpose, session: u8) -> Ceremony {
    Ceremony {
        purpose,
        binding: [session; 32],
        user: Some(user("A")),
        state: "{\"challenge\":\"x\"}".to_owned(),
        created_at: now(),
        expires_at: now() + CEREMONY_TTL,
    }
}

async fn holds(store: &Store, step: Step) -> bool {
    match store.commit(Job::new().step(step)).await {
        Ok(_) => true,
        Err(CommitError::Conflict { .. }) => false,
        Err(error) => panic!("{error}"),
    }
}

async fn begin(store: &Store, ceremony: &Ceremony, digest: u8) {
    let [void, insert] = ceremony.begin(account(), &[digest; 32]);
    store.commit(Job::new().step(void).step(insert)).await.unwrap();
}

async fn with_users(database: &TestDatabase) -> Store {
    let store = database.open().await.unwrap();
    for name in ["A", "B"] {
        let insert = Step::one(
            "INSERT INTO users (account, user_id, username, email, notes, status, auto_prompt, custom, attempts, failures, lock_rounds, \
             trust_epoch, version, created_at) VALUES ($1, $2, $3, '', '', 'active', 0, '{}', 0, 0, 0, 0, 1, $4)",
            args![account().as_str(), user(name).as_str(), name, now()],
        );
        store.commit(Job::new().step(insert)).await.unwrap();
    }
    store
}

async fn a_ceremony_is_finished_once_in_time_by_its_session_for_its_purpose(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let begun = ceremony(SECOND, 1);
    begin(&store, &begun, 7).await;
    assert_eq!(store.ceremony(account(), &[7; 32]).await.unwrap(), Some(begun));
    assert_eq!(store.ceremony(account(), &[8; 32]).await.unwrap(), None);
    let other: AccountId = "DABBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert_eq!(store.ceremony(other, &[7; 32]).await.unwrap(), None);

    let end = now() + CEREMONY_TTL;
    let before_end = end - SignedDuration::from_millis(1);
    for (what, step) in [
        ("another account", Ceremony::finish(other, &[7; 32], SECOND, &[1; 32], now())),
        ("another id", Ceremony::finish(account(), &[8; 32], SECOND, &[1; 32], now())),
        ("another purpose", Ceremony::finish(account(), &[7; 32], Purpose::Registration, &[1; 32], now())),
        ("another session", Ceremony::finish(account(), &[7; 32], SECOND, &[2; 32], now())),
        ("too late", Ceremony::finish(account(), &[7; 32], SECOND, &[1; 32], end)),
    ] {
        assert!(!holds(&store, step).await, "{what}");
    }
    let finish = || Ceremony::finish(account(), &[7; 32], SECOND, &[1; 32], before_end);
    assert!(holds(&store, finish()).await);
    assert!(!holds(&store, finish()).await, "twice");

    begin(&store, &ceremony(SECOND, 1), 9).await;
    assert!(holds(&store, forget_ceremonies(before_end)).await);
    assert!(store.ceremony(account(), &[9; 32]).await.unwrap().is_some(), "not over yet");
    assert!(holds(&store, forget_ceremonies(end)).await);
    assert_eq!(store.ceremony(account(), &[9; 32]).await.unwrap(), None);
}

async fn of_many_who_finish_a_ceremony_at_once_one_does(database: TestDatabase) {
    let store = database.open().await.unwrap();
    begin(&store, &ceremony(SECOND, 1), 7).await;
    let finish = |store: Store| async move {
        holds(&store, Ceremony::finish(account(), &[7; 32], SECOND, &[1; 32], now())).await
    };
    let all: Vec<_> = (0..16).map(|_| tokio::spawn(finish(store.clone()))).collect();
    let mut done = 0;
    for one in all {
        done += usize::from(one.await.unwrap());
    }
    assert_eq!(done, 1);
}

async fn a_session_has_one_ceremony_of_each_purpose(database: TestDatabase) {
    let store = database.open().await.unwrap();
    begin(&store, &ceremony(SECOND, 1), 1).await;
    begin(&store, &ceremony(SECOND, 2), 2).await;
    begin(&store, &ceremony(Purpose::Assertion(Ask::Passwordless), 1), 3).await;
    begin(&store, &ceremony(SECOND, 1), 4).await;
    let mut there = Vec::new();
    for digest in 1..=4 {
        there.push(store.ceremony(account(), &[digest; 32]).await.unwrap().is_some());
    }
    assert_eq!(there, [false, true, true, true]);
}

async fn a_credential_is_kept_whole_and_found_every_way(database: TestDatabase) {
    let store = with_users(&database).await;
    let (one, two) = (credential(1), Credential { created_at: now() - SignedDuration::from_secs(1), ..credential(2) });
    for each in [&one, &two] {
        assert!(holds(&store, insert_credential(account(), user("A"), each, MATERIAL)).await);
    }
    let facts = store.user_facts(account(), UserRef::Id(user("A")), None, now()).await.unwrap().unwrap();
    assert_eq!(facts.user.credentials, [two.clone(), one.clone()], "oldest first");
    let found = store.verifiable_credential(account(), b"raw 1").await.unwrap().unwrap();
    assert_eq!((found.user, &found.credential, found.public_key.as_str()), (user("A"), &one, "{}"));
    assert_eq!(store.verifiable_credential(account(), b"raw").await.unwrap(), None);
    let reader = store.reader();
    let listed = reader.webauthn_credentials(account(), Slice { offset: 1, limit: 5 }).await.unwrap();
    assert_eq!((listed.total, &listed.items[0].credential), (2, &two));
    assert_eq!(reader.webauthn_credential(account(), one.key).await.unwrap().unwrap().credential, one);
    let mut of = reader.webauthn_credentials_of(account(), &[user("A"), user("B")]).await.unwrap();
    assert_eq!((of.remove(&user("A")).unwrap().len(), of.remove(&user("B"))), (2, None));
    let other: AccountId = "DABBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert_eq!(reader.webauthn_credential(other, one.key).await.unwrap(), None);
    assert_eq!(store.verifiable_credential(other, b"raw 1").await.unwrap(), None);

    assert!(!holds(&store, rename_credential(account(), user("B"), one.key, "mine")).await);
    assert!(holds(&store, rename_credential(account(), user("A"), one.key, "green")).await);
    assert_eq!(reader.webauthn_credential(account(), one.key).await.unwrap().unwrap().credential.name, "green");
    assert!(!holds(&store, remove_credential(account(), user("B"), one.key)).await);
    assert!(holds(&store, remove_credential(account(), user("A"), one.key)).await);
    assert!(!holds(&store, remove_credential(account(), user("A"), one.key)).await);
}

async fn a_credential_is_used_only_from_where_its_counter_was(database: TestDatabase) {
    let store = with_users(&database).await;
    let before = credential(1);
    assert!(holds(&store, insert_credential(account(), user("A"), &before, MATERIAL)).await);
    let used = Used { counter: u32::MAX, backed_up: true, verifies: true };
    assert!(holds(&store, use_credential(account(), &before, &used, now())).await);
    assert!(!holds(&store, use_credential(account(), &before, &used, now())).await, "the counter has moved");
    let found = || async { store.verifiable_credential(account(), b"raw 1").await.unwrap().unwrap().credential };
    let after = found().await;
    let expected =
        Credential { counter: u32::MAX, backed_up: true, verifies: true, last_used: Some(now()), ..before.clone() };
    assert_eq!(after, expected);
    let marked = now() + SignedDuration::from_secs(1);
    assert!(holds(&store, mark_cloned(account(), after.key, marked)).await);
    assert!(holds(&store, mark_cloned(account(), after.key, marked + SignedDuration::from_secs(9))).await);
    assert_eq!(found().await.cloned_at, Some(marked), "when it was found out");
    assert!(!holds(&store, use_credential(account(), &after, &used, now())).await, "marked");
}

async fn nobody_registers_what_somebody_has_nor_too_many(database: TestDatabase) {
    let store = with_users(&database).await;
    assert!(holds(&store, insert_credential(account(), user("A"), &credential(1), MATERIAL)).await);
    let same = Credential { key: key(2), ..credential(1) };
    assert!(!holds(&store, insert_credential(account(), user("B"), &same, MATERIAL)).await);
    for n in 2..=MAX_CREDENTIALS_PER_USER {
        assert!(holds(&store, insert_credential(account(), user("A"), &credential(n), MATERIAL)).await);
    }
    let further = credential(MAX_CREDENTIALS_PER_USER + 1);
    assert!(!holds(&store, insert_credential(account(), user("A"), &further, MATERIAL)).await);
    assert!(holds(&store, insert_credential(account(), user("B"), &further, MATERIAL)).await);
}

async fn the_relying_party_is_said_once(database: TestDatabase) {
    let store = database.open().await.unwrap();
    assert_eq!(store.relying_party().await.unwrap(), None);
    assert!(holds(&store, pin_relying_party("example.com")).await);
    assert!(holds(&store, pin_relying_party("example.com")).await);
    assert!(!holds(&store, pin_relying_party("example.org")).await);
    assert_eq!(store.relying_party().await.unwrap().as_deref(), Some("example.com"));
}

async fn a_removed_user_leaves_nothing(database: TestDatabase) {
    let store = with_users(&database).await;
    let facts = store.user_facts(account(), UserRef::Id(user("A")), None, now()).await.unwrap().unwrap();
    assert!(holds(&store, change_user(account(), &facts.user)).await);
    assert!(!holds(&store, change_user(account(), &facts.user)).await, "changed since");
    assert!(holds(&store, insert_credential(account(), user("A"), &credential(1), MATERIAL)).await);
    begin(&store, &ceremony(SECOND, 1), 7).await;
    let job = remove_user(account(), user("A")).into_iter().fold(Job::new(), Job::step);
    store.commit(job).await.unwrap();
    assert_eq!(store.verifiable_credential(account(), b"raw 1").await.unwrap(), None);
    assert_eq!(store.ceremony(account(), &[7; 32]).await.unwrap(), None);
}
