//! Effects are done at least once, by one worker at a time.

use cs_store::outbox::{Effect, Leased, revive_effect};
use cs_store::testing::TestDatabase;
use cs_store::{CommitError, Job, Store};
use jiff::{SignedDuration, Timestamp};

const START: Timestamp = Timestamp::UNIX_EPOCH;
const MINUTE: SignedDuration = SignedDuration::from_mins(1);

on_both_engines![
    an_effect_goes_to_one_worker_until_its_lease_ends,
    failures_wait_longer_each_time,
    an_effect_is_not_done_before_its_time,
    a_commit_wakes_the_worker,
    done_effects_are_swept,
    what_was_given_up_is_swept_or_tried_again,
    a_secret_does_not_outlive_its_delivery,
];

fn at(seconds: i64) -> Timestamp {
    START + SignedDuration::from_secs(seconds)
}

async fn add(store: &Store, count: usize) {
    let effect = |n| Effect::new("push", "DA1", format!("{{\"n\":{n}}}"), START);
    store.commit((0..count).fold(Job::new(), |job, n| job.effect(effect(n)))).await.unwrap();
}

async fn lease(store: &Store, limit: u32, now: Timestamp) -> Vec<Leased> {
    store.lease_effects("push", limit, MINUTE, now).await.unwrap()
}

async fn an_effect_goes_to_one_worker_until_its_lease_ends(database: TestDatabase) {
    let store = database.open().await.unwrap();
    add(&store, 10).await;
    let (one, other) = tokio::join!(lease(&store, 6, at(0)), lease(&store, 6, at(0)));
    assert!(one.iter().all(|effect| other.iter().all(|leased| leased.id != effect.id)));
    let rest = lease(&store, 20, at(0)).await;
    let one: Vec<_> = [one, other, rest].concat();
    assert_eq!(one.len(), 10);
    assert_eq!(lease(&store, 20, at(59)).await, []);
    store.commit(Job::new().step(one[0].done(at(10)))).await.unwrap();
    let again = lease(&store, 20, at(60)).await;
    assert_eq!(again.len(), 9);
    assert!(again.iter().all(|effect| effect.attempt == 2));
    // The first worker is late: its lease is gone.
    let late = store.commit(Job::new().step(one[1].done(at(61)))).await;
    assert!(matches!(late, Err(CommitError::Conflict { step: 0 })), "{late:?}");
    assert!(store.lease_effects("mail", 20, MINUTE, at(999)).await.unwrap().is_empty());
}

async fn failures_wait_longer_each_time(database: TestDatabase) {
    let store = database.open().await.unwrap();
    add(&store, 1).await;
    let mut now = at(0);
    for wait in [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 900, 900] {
        let leased = lease(&store, 1, now).await;
        store.commit(Job::new().step(leased[0].retry("refused", now))).await.unwrap();
        let due = store.next_effect("push").await.unwrap().unwrap();
        assert_eq!(due.duration_since(now), SignedDuration::from_secs(wait));
        assert!(lease(&store, 1, due - SignedDuration::from_millis(1)).await.is_empty());
        now = due;
    }
    let leased = lease(&store, 1, now).await;
    store.commit(Job::new().step(leased[0].bury("gone", now))).await.unwrap();
    assert_eq!(store.next_effect("push").await.unwrap(), None);
}

async fn an_effect_is_not_done_before_its_time(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let effect = Effect::new("push", "DA1", "{}", START).not_before(at(30));
    store.commit(Job::new().effect(effect.clone())).await.unwrap();
    assert!(lease(&store, 1, at(29)).await.is_empty());
    let leased = lease(&store, 1, at(30)).await;
    assert_eq!((leased[0].id.as_str(), leased[0].payload.as_str()), (effect.id.as_str(), "{}"));
}

async fn a_commit_wakes_the_worker(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let woken = store.effects_committed();
    add(&store, 1).await;
    tokio::time::timeout(std::time::Duration::from_secs(60), woken).await.expect("woken");
}

async fn done_effects_are_swept(database: TestDatabase) {
    let store = database.open().await.unwrap();
    add(&store, 2).await;
    let leased = lease(&store, 1, at(0)).await;
    store.commit(Job::new().step(leased[0].done(at(1)))).await.unwrap();
    store.sweep_effects(at(1)).await.unwrap();
    let count = || async { store.query("SELECT count(*) FROM effect", vec![]).await.unwrap()[0].int(0).unwrap() };
    assert_eq!(count().await, 2);
    store.sweep_effects(at(2)).await.unwrap();
    assert_eq!(count().await, 1);
}

async fn what_was_given_up_is_swept_or_tried_again(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let account = "DAAAAAAAAAAAAAAAAAAA".parse().unwrap();
    let effect = || Effect::new("push", "DAAAAAAAAAAAAAAAAAAA", "{}", START);
    let (kept, swept) = (effect(), effect());
    store.commit(Job::new().effect(kept.clone()).effect(swept)).await.unwrap();
    for leased in lease(&store, 10, at(0)).await {
        store.commit(Job::new().step(leased.bury("refused", at(1)))).await.unwrap();
    }
    let states = store.reader().effects(account, "push", 10).await.unwrap();
    assert!(states.len() == 2 && states.iter().all(|state| state.dead_at == Some(at(1)) && state.attempts == 1));
    assert_eq!(store.reader().effects(account, "mail", 10).await.unwrap(), []);

    let revive = |kind, now| Job::new().step(revive_effect(account, kind, &kept.id, now));
    assert!(store.commit(revive("mail", at(2))).await.is_err(), "of another kind");
    store.commit(revive("push", at(2))).await.unwrap();
    assert!(store.commit(revive("push", at(2))).await.is_err(), "it waits already");
    store.sweep_effects(at(2)).await.unwrap();
    let leased = lease(&store, 10, at(2)).await;
    assert_eq!(leased.iter().map(|leased| (leased.id.as_str(), leased.attempt)).collect::<Vec<_>>(), [(&*kept.id, 1)]);
    assert_eq!(store.reader().effects(account, "push", 10).await.unwrap().len(), 1);
}

async fn a_secret_does_not_outlive_its_delivery(database: TestDatabase) {
    let store = database.open().await.unwrap();
    add(&store, 1).await;
    let leased = lease(&store, 1, at(0)).await;
    store.commit(Job::new().step(leased[0].done_keeping("kept", at(1)))).await.unwrap();
    let payload = store.query("SELECT payload FROM effect", vec![]).await.unwrap();
    assert_eq!(payload[0].text(0).unwrap(), "kept");
}
