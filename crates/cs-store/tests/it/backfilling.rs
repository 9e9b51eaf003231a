//! Large changes of data while serving, and other work that gives way to logins.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Instant;

use cs_store::backfill::{Backfill, is_done, run};
use cs_store::testing::TestDatabase;
use cs_store::{Job, Step, Store, args};

use crate::common::*;

on_both_engines![
    outage_2016_11_04_a_data_change_runs_in_chunks_beside_logins,
    a_data_change_that_was_interrupted_goes_on_where_it_was,
    outage_2022_09_14_cleaning_up_waits_while_logins_fill_the_queue,
];

/// Not idempotent, so that a row that is changed twice shows.
const MARK: Backfill = Backfill {
    name: "mark",
    next: "SELECT max(name) FROM (SELECT name FROM meta WHERE name > $1 AND name > 'row:' AND name < 'row;' ORDER BY name LIMIT $2) chunk",
    apply: "UPDATE meta SET value = value || '+' WHERE name > $1 AND name <= $2 AND name > 'row:' AND name < 'row;'",
};
const WRONG: &str = "SELECT count(*) FROM meta WHERE name > 'row:' AND name < 'row;' AND value <> 'x+'";

/// By hand, with ten million: `COUNTERSIGN_BACKFILL_ROWS=10000000`.
fn rows() -> usize {
    std::env::var("COUNTERSIGN_BACKFILL_ROWS").map_or(4_000, |rows| rows.parse().unwrap())
}

async fn fill(store: &Store, rows: usize) {
    let insert = "WITH RECURSIVE n (i) AS (SELECT CAST($1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i + 1 < $2) \
                  INSERT INTO meta (name, value) SELECT 'row:' || (100000000 + i), 'x' FROM n";
    for begin in (0..rows).step_by(100_000) {
        let end = rows.min(begin + 100_000) as i64;
        store.commit(Job::new().step(Step::any(insert, args![begin as i64, end]))).await.unwrap();
    }
}

#[expect(clippy::print_stdout, reason = "the figures of a run by hand")]
async fn outage_2016_11_04_a_data_change_runs_in_chunks_beside_logins(database: TestDatabase) {
    let (one, other) = (database.open().await.unwrap(), database.open().await.unwrap());
    let rows = rows();
    fill(&one, rows).await;
    let (is_over, logins) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let writers: Vec<_> = (0..4)
        .map(|writer| {
            let (store, is_over, logins) = (one.clone(), is_over.clone(), logins.clone());
            tokio::spawn(async move {
                let mut took = Vec::new();
                while !is_over.load(Ordering::SeqCst) {
                    let started = Instant::now();
                    store.commit(logging(&format!("{writer}-{}", took.len()))).await.unwrap();
                    took.push(started.elapsed());
                    logins.fetch_add(1, Ordering::SeqCst);
                }
                took
            })
        })
        .collect();
    let started = Instant::now();
    let (first, second) = tokio::join!(run(&one, &MARK), run(&other, &MARK));
    let (first, second) = (first.unwrap(), second.unwrap());
    let took = started.elapsed();
    is_over.store(true, Ordering::SeqCst);
    let mut times = Vec::new();
    for writer in writers {
        times.extend(writer.await.unwrap());
    }
    times.sort();
    let chunks = first.chunks + second.chunks;
    println!(
        "{rows} rows in {chunks} chunks, {took:?}; {} logins meanwhile, p50 {:?}, p99 {:?}, slowest {:?}",
        times.len(),
        times[times.len() / 2],
        times[times.len() * 99 / 100],
        times[times.len() - 1],
    );
    assert_eq!(one.query(WRONG, args![]).await.unwrap()[0].int(0).unwrap(), 0, "each row exactly once");
    assert!(is_done(&one, &MARK).await.unwrap());
    // 500 rows, then at most a quarter more each: four thousand rows are no one's single commit.
    assert!(chunks >= 5, "{chunks} chunks");
    assert!(times.len() as u64 > chunks, "logins went on between the chunks: {} and {chunks}", times.len());
    assert_eq!(run(&one, &MARK).await.unwrap().chunks, 0);
}

async fn a_data_change_that_was_interrupted_goes_on_where_it_was(database: TestDatabase) {
    let store = database.open().await.unwrap();
    fill(&store, 2_000).await;
    let halted = {
        let store = store.clone();
        tokio::spawn(async move { run(&store, &MARK).await })
    };
    let marked = "SELECT count(*) FROM meta WHERE name > 'row:' AND name < 'row;' AND value = 'x+'";
    while store.query(marked, args![]).await.unwrap()[0].int(0).unwrap() == 0 {
        tokio::task::yield_now().await;
    }
    halted.abort();
    drop(halted.await);
    store.shutdown().await;
    let store = database.open().await.unwrap();
    run(&store, &MARK).await.unwrap();
    assert_eq!(store.query(WRONG, args![]).await.unwrap()[0].int(0).unwrap(), 0);
}

async fn outage_2022_09_14_cleaning_up_waits_while_logins_fill_the_queue(database: TestDatabase) {
    let mut config = database.config();
    config.queue = 2;
    let store = Store::open(config).await.unwrap();
    store.commit((0..5_000).fold(Job::new(), |job, n| job.log(record(&n.to_string())))).await.unwrap();
    let later = jiff::Timestamp::UNIX_EPOCH + jiff::SignedDuration::from_secs(1);
    let (is_over, shed) = (Arc::new(AtomicBool::new(false)), Arc::new(AtomicU64::new(0)));
    let logins: Vec<_> = (0..64)
        .map(|n| {
            let (store, is_over, shed) = (store.clone(), is_over.clone(), shed.clone());
            tokio::spawn(async move {
                let mut done = 0;
                while !is_over.load(Ordering::SeqCst) {
                    let job =
                        Job::new().log(cs_store::audit::LogRecord { at: later, ..record(&format!("{n}-{done}")) });
                    match store.commit(job).await {
                        Ok(_) => done += 1,
                        Err(cs_store::CommitError::Overloaded) => {
                            shed.fetch_add(1, Ordering::SeqCst);
                            tokio::task::yield_now().await;
                        }
                        Err(error) => panic!("{error:?}"),
                    }
                }
                done
            })
        })
        .collect();
    // The queue is full before cleaning up begins, and stays so: whoever is turned away asks again at once.
    while shed.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    // In chunks of two thousand, none of which fails for the crowd.
    let removed = cs_store::audit::prune(&store, later, later).await.unwrap();
    is_over.store(true, Ordering::SeqCst);
    let mut done = 0;
    for login in logins {
        done += login.await.unwrap();
    }
    assert_eq!(removed, 5_000);
    assert!(done > 0, "no login beside three chunks, {} shed", shed.load(Ordering::SeqCst));
    assert_eq!(cs_store::audit::verify(&store, None).await.unwrap().findings, []);
}
