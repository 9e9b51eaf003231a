//! The review queue, on both engines.

use cs_core::id::{AccountId, ReviewEventId};
use cs_core::policy::risk::{ReviewKind, ReviewState};
use cs_core::policy::sections::Signal;
use cs_store::review::{ReviewEvent, ReviewPage, forget_reviews};
use cs_store::testing::TestDatabase;
use cs_store::{CommitError, Job};
use jiff::{SignedDuration, Timestamp};

on_both_engines!(an_event_is_told_once_an_hour_and_decided_once, a_bypass_is_told_each_time, pages_follow_one_another);

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn account() -> AccountId {
    "DAAAAAAAAAAAAAAAAAAA".parse().unwrap()
}

fn event(n: u32, signal: Signal, at: Timestamp) -> ReviewEvent {
    ReviewEvent {
        id: format!("SE{n:018}").parse().unwrap(),
        kind: ReviewKind::Auth,
        signal: Some(signal),
        is_priority: true,
        user: "DUAAAAAAAAAAAAAAAAAA".parse().ok(),
        integration: "DIAAAAAAAAAAAAAAAAAA".parse().ok(),
        txid: "f81d4fae-7dec-41d0-a765-00a0c91e6bf6".parse().ok(),
        made_by: None,
        summary: "so it is".to_owned(),
        surfaced_at: at,
        state: ReviewState::New,
        state_at: at,
        state_by: None,
    }
}

fn page() -> ReviewPage {
    let to = now() + SignedDuration::from_hours(24);
    ReviewPage { from: now(), to, kind: None, state: None, after: None, limit: 100 }
}

async fn an_event_is_told_once_an_hour_and_decided_once(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let minute = SignedDuration::from_mins(1);
    let fraud = event(1, Signal::FraudReport, now());
    let told = [
        fraud.clone(),
        event(2, Signal::FraudReport, now() + minute * 59),
        event(3, Signal::NewDevice, now()),
        event(4, Signal::FraudReport, now() + minute * 60),
    ];
    for event in told {
        store.commit(Job::new().step(event.insert(account()))).await.unwrap();
    }
    let ids = |events: Vec<ReviewEvent>| events.into_iter().map(|event| event.id.to_string()).collect::<Vec<_>>();
    let reader = store.reader();
    let all = reader.review_events(account(), &page()).await.unwrap();
    assert_eq!(all[0], fraud);
    assert_eq!(ids(all), ["SE000000000000000001", "SE000000000000000003", "SE000000000000000004"]);

    let later = now() + minute;
    let dismiss = || Job::new().step(fraud.change(account(), ReviewState::Dismissed, "somebody", later));
    store.commit(dismiss()).await.unwrap();
    assert!(matches!(store.commit(dismiss()).await, Err(CommitError::Conflict { step: 0 })));
    let found = reader.review_event(account(), fraud.id).await.unwrap().unwrap();
    assert_eq!(
        (found.state, found.state_at, found.state_by.as_deref()),
        (ReviewState::Dismissed, later, Some("somebody"))
    );
    let new = ReviewPage { state: Some(ReviewState::New), ..page() };
    assert_eq!(reader.review_events(account(), &new).await.unwrap().len(), 2);
    let devices = ReviewPage { kind: Some(ReviewKind::DeviceRegistration), ..page() };
    assert!(reader.review_events(account(), &devices).await.unwrap().is_empty());
    let other: AccountId = "DABBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert_eq!(reader.review_event(other, fraud.id).await.unwrap(), None);

    store.commit(Job::new().step(forget_reviews(account(), later))).await.unwrap();
    assert_eq!(ids(reader.review_events(account(), &page()).await.unwrap()), ["SE000000000000000004"]);
}

async fn a_bypass_is_told_each_time(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let bypass = |n| ReviewEvent {
        kind: ReviewKind::BypassStatus,
        signal: None,
        user: None,
        integration: None,
        txid: None,
        made_by: Some("terminal".to_owned()),
        ..event(n, Signal::FraudReport, now())
    };
    for n in 0..2 {
        store.commit(Job::new().step(bypass(n).insert(account()))).await.unwrap();
    }
    assert_eq!(store.reader().review_events(account(), &page()).await.unwrap(), [bypass(0), bypass(1)]);
}

async fn pages_follow_one_another(database: TestDatabase) {
    let store = database.open().await.unwrap();
    for (n, signal) in (0..).zip([Signal::FraudReport, Signal::NewDevice, Signal::PushSpray, Signal::UnusualHour]) {
        store.commit(Job::new().step(event(n, signal, now()).insert(account()))).await.unwrap();
    }
    let mut seen: Vec<ReviewEventId> = Vec::new();
    let mut page = ReviewPage { limit: 3, ..page() };
    loop {
        let found = store.reader().review_events(account(), &page).await.unwrap();
        let Some(last) = found.last() else { break };
        page.after = Some((last.surfaced_at, last.id));
        seen.extend(found.iter().map(|event| event.id));
    }
    assert_eq!(seen.len(), 4);
    assert!(seen.is_sorted());
}
