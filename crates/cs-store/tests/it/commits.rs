//! Commit jobs: all or nothing, exactly once.

use std::sync::Arc;

use cs_store::audit::{LogKind, LogRecord};
use cs_store::outbox::Effect;
use cs_store::vault::MasterKey;
use cs_store::{CommitError, Database, Job, Step, Store, StoreConfig, args};
use jiff::Timestamp;

async fn store() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let database = Database::Sqlite(dir.path().join("store.db"));
    let config = StoreConfig::new(database, Arc::new(MasterKey::generate().unwrap()));
    let store = Store::open(config).await.unwrap();
    (dir, store)
}

fn record(id: &str) -> LogRecord {
    LogRecord::new("DA1", LogKind::Auth, id, Timestamp::UNIX_EPOCH)
}

const INSERT: &str = "INSERT INTO meta (name, value) VALUES ($1, $2)";
const CONSUME: &str = "UPDATE meta SET value = 'used' WHERE name = $1 AND value = 'new'";
const VALUE: &str = "SELECT value FROM meta WHERE name = $1";
const COUNT: &str = "SELECT count(*) FROM log";

#[tokio::test(flavor = "multi_thread")]
async fn a_guard_that_does_not_hold_leaves_nothing() {
    let (_dir, store) = store().await;
    let job = Job::new()
        .step(Step::one(INSERT, args!["code", "new"]))
        .step(Step::one(CONSUME, args!["other"]))
        .log(record("1"))
        .effect(Effect::new("push", "DA1", "{}", Timestamp::UNIX_EPOCH));
    let error = store.commit(job).await.unwrap_err();
    assert!(
        matches!(error, CommitError::Conflict { step: 1 }),
        "{error:?}"
    );
    assert_eq!(store.query_opt(VALUE, args!["code"]).await.unwrap(), None);
    assert_eq!(
        store.query(COUNT, args![]).await.unwrap()[0]
            .int(0)
            .unwrap(),
        0
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn of_64_parallel_consumers_exactly_one_wins() {
    let (_dir, store) = store().await;
    store
        .commit(Job::new().step(Step::one(INSERT, args!["code", "new"])))
        .await
        .unwrap();
    let tries: Vec<_> = (0..64)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move {
                store
                    .commit(
                        Job::new()
                            .step(Step::one(CONSUME, args!["code"]))
                            .log(record(&n.to_string())),
                    )
                    .await
            })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        won += usize::from(one.await.unwrap().is_ok());
    }
    assert_eq!(won, 1);
    assert_eq!(
        store.query(COUNT, args![]).await.unwrap()[0]
            .int(0)
            .unwrap(),
        1
    );
}
