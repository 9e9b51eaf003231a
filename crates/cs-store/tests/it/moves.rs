//! What is kept of an authenticator that another one has taken the place of.

use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, PhoneId, UserId};
use cs_core::otp::{OtpKind, OtpParams, OtpRecord};
use cs_store::authenticators::{ActivationSource, NewAuthenticator, activate_later};
use cs_store::moves::{contest, forget_moved_subscription, forget_moves, keep_moved};
use cs_store::phones::PhoneRecord;
use cs_store::testing::TestDatabase;
use cs_store::{CommitError, Job, Step, Store};
use jiff::{SignedDuration, Timestamp};

on_both_engines![
    the_key_before_is_kept_and_a_first_one_where_others_are_to_hear_of_it,
    a_move_is_contested_once_and_in_time,
    an_activation_knows_how_it_came_about,
];

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn hours(hours: i64) -> SignedDuration {
    SignedDuration::from_hours(hours)
}

fn account() -> AccountId {
    "DAABCDEFGHJKLMNPQRST".parse().unwrap()
}

fn user() -> UserId {
    "DUAAAAAAAAAAAAAAAAAA".parse().unwrap()
}

fn phone(letter: &str) -> PhoneId {
    format!("DP{}", letter.repeat(18)).parse().unwrap()
}

async fn commit(store: &Store, steps: impl IntoIterator<Item = Step>) -> Result<(), CommitError> {
    store.commit(steps.into_iter().fold(Job::new(), Job::step)).await.map(drop)
}

async fn add_phone(store: &Store, id: PhoneId) {
    let record = PhoneRecord {
        id,
        number: String::new(),
        extension: String::new(),
        name: "old".into(),
        owner: String::new(),
        kind: "Mobile".into(),
        platform: "Unknown".into(),
        predelay: String::new(),
        postdelay: String::new(),
        model: String::new(),
        version: 1,
        created_at: now(),
        last_seen: None,
        authenticator: None,
        has_sms_codes: false,
    };
    commit(store, [record.insert(account())]).await.unwrap();
}

/// Binds `key` to `phone` as an activation does.
async fn bind(store: &Store, phone: PhoneId, key: &str, confirmed: bool, source: ActivationSource, at: Timestamp) {
    let new = NewAuthenticator {
        account: account(),
        phone,
        user: user(),
        public_key: key,
        class: AuthenticatorClass::Pwa,
        key_protection: "browser",
        app_version: "1",
        push: Some(b"sealed"),
        sealed_seed: vec![1],
        params: OtpParams::new(OtpKind::MobileHotp),
        otp: OtpRecord::fresh(OtpKind::MobileHotp, 0).unwrap(),
        confirmed,
        confirm_phrase: "",
        now: at,
    };
    let [remove, insert] = new.bind();
    commit(store, [keep_moved(account(), (phone, user()), source, "new", at), remove, insert]).await.unwrap();
}

async fn the_key_before_is_kept_and_a_first_one_where_others_are_to_hear_of_it(database: TestDatabase) {
    let store = database.open().await.unwrap();
    for letter in ["A", "B", "C"] {
        add_phone(&store, phone(letter)).await;
    }
    bind(&store, phone("A"), "one", true, ActivationSource::Administrator, now()).await;
    let added = store.moved(account(), phone("A")).await.unwrap().unwrap();
    assert_eq!((added.public_key, added.source), (None, ActivationSource::Administrator), "nothing was there before");
    bind(&store, phone("C"), "at a page", true, ActivationSource::Page, now()).await;
    assert_eq!(store.moved(account(), phone("C")).await.unwrap(), None, "nobody need hear of it");
    bind(&store, phone("A"), "two", false, ActivationSource::Page, now() + hours(1)).await;
    let moved = store.moved(account(), phone("A")).await.unwrap().unwrap();
    assert_eq!((moved.public_key.as_deref(), moved.push.as_deref()), (Some("one"), Some(&b"sealed"[..])));
    assert_eq!((moved.source, moved.name.as_str(), moved.moved_at), (ActivationSource::Page, "new", now() + hours(1)));
    // Two was never confirmed: one is still what the person had.
    bind(&store, phone("A"), "three", true, ActivationSource::Administrator, now() + hours(2)).await;
    let kept = store.moved(account(), phone("A")).await.unwrap().unwrap();
    assert_eq!((kept.public_key.as_deref(), kept.moved_at), (Some("one"), now() + hours(1)));

    bind(&store, phone("B"), "first", true, ActivationSource::Move, now()).await;
    let first = store.moved(account(), phone("B")).await.unwrap().unwrap();
    assert_eq!((first.public_key, first.push), (None, None));
    let own = store.own_moves(account(), user(), now() - hours(1)).await.unwrap();
    assert_eq!(own.iter().map(|one| one.phone).collect::<Vec<_>>(), [phone("B")]);
    assert_eq!(store.own_moves(account(), user(), now()).await.unwrap(), []);
    assert_eq!(store.account_of_moved(phone("A")).await.unwrap(), Some(account()));
    assert_eq!(store.account_of_moved(phone("D")).await.unwrap(), None);

    commit(&store, [forget_moved_subscription(account(), phone("A"))]).await.unwrap();
    assert_eq!(store.moved(account(), phone("A")).await.unwrap().unwrap().push, None);
    commit(&store, [forget_moves(now() + hours(1))]).await.unwrap();
    assert_eq!(store.moved(account(), phone("B")).await.unwrap(), None);
    assert!(store.moved(account(), phone("A")).await.unwrap().is_some());
}

async fn a_move_is_contested_once_and_in_time(database: TestDatabase) {
    let store = database.open().await.unwrap();
    add_phone(&store, phone("A")).await;
    bind(&store, phone("A"), "one", true, ActivationSource::Administrator, now()).await;
    bind(&store, phone("A"), "two", true, ActivationSource::Administrator, now()).await;
    let say = |since, at| contest(account(), phone("A"), since, at);
    commit(&store, [say(now() - hours(24), now())]).await.unwrap_err();
    bind(&store, phone("A"), "three", true, ActivationSource::Move, now()).await;
    commit(&store, [say(now(), now() + hours(24))]).await.unwrap_err();
    let in_time = || say(now() - hours(1), now() + hours(23));
    let (one, two) = tokio::join!(commit(&store, [in_time()]), commit(&store, [in_time()]));
    assert!(one.is_ok() != two.is_ok());
    assert_eq!(store.moved(account(), phone("A")).await.unwrap().unwrap().contested_at, Some(now() + hours(23)));
}

async fn an_activation_knows_how_it_came_about(database: TestDatabase) {
    let store = database.open().await.unwrap();
    add_phone(&store, phone("A")).await;
    for (n, source) in
        [ActivationSource::AuthApi, ActivationSource::Administrator, ActivationSource::Page, ActivationSource::Move]
            .into_iter()
            .enumerate()
    {
        let digest = [u8::try_from(n).unwrap(); 32];
        let steps = activate_later(account(), phone("A"), user(), &digest, source, false, now(), now() + hours(1));
        commit(&store, steps).await.unwrap();
        let found = store.usable_activation(account(), &digest, now()).await.unwrap().unwrap();
        assert_eq!((found.source, found.phone), (source, phone("A")));
    }
}
