//! Following the log as it grows.

use std::collections::BTreeMap;

use cs_store::Job;
use cs_store::audit::Follower;
use cs_store::testing::TestDatabase;
use jiff::{SignedDuration, Timestamp};

use crate::common::*;

on_both_engines![every_entry_comes_once_however_late_it_is_committed, a_follower_begins_with_now];

/// Two nodes write with clocks that are apart, one entry of each commit long past: whoever asks by time misses some.
async fn every_entry_comes_once_however_late_it_is_committed(database: TestDatabase) {
    let nodes = [database.open().await.unwrap(), database.open().await.unwrap()];
    nodes[0].commit(logging("before")).await.unwrap();
    let mut follower = Follower::from_now(nodes[0].reader()).await.unwrap();
    let writers = (0..8).map(|writer| {
        let store = nodes[writer % 2].clone();
        tokio::spawn(async move {
            for n in 0..100 {
                let id = format!("{writer}-{n}");
                let late = Timestamp::UNIX_EPOCH + SignedDuration::from_secs(1_000 - n);
                let job = Job::new().log(record(&id)).log(cs_store::audit::LogRecord { at: late, ..record(&id) });
                store.commit(job).await.unwrap();
            }
        })
    });
    let mut writing = tokio::spawn(futures_util::future::join_all(writers.collect::<Vec<_>>()));
    let mut seen = BTreeMap::<String, u32>::new();
    let mut is_over = false;
    while !is_over {
        is_over = tokio::select! {
            biased;
            done = &mut writing => {
                done.unwrap().into_iter().for_each(|one| one.unwrap());
                true
            }
            () = tokio::task::yield_now() => false,
        };
        for entry in follower.next().await.unwrap() {
            *seen.entry(entry.id).or_default() += 1;
        }
    }
    assert_eq!(seen.len(), 800);
    assert!(seen.values().all(|times| *times == 2), "{seen:?}");
    assert_eq!(follower.next().await.unwrap(), []);
}

async fn a_follower_begins_with_now(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.commit(logging("old")).await.unwrap();
    let mut follower = Follower::from_now(store.reader()).await.unwrap();
    assert_eq!(follower.next().await.unwrap(), []);
    // More than a page at once, by a node that was not there before.
    let other = database.open().await.unwrap();
    let job = (0..2_500).fold(Job::new(), |job, n| job.log(record(&n.to_string())));
    other.commit(job).await.unwrap();
    let ids: Vec<String> = follower.next().await.unwrap().into_iter().map(|entry| entry.id).collect();
    assert!(ids.iter().map(String::as_str).eq((0..2_500).map(|n| n.to_string()).collect::<Vec<_>>()));
}
