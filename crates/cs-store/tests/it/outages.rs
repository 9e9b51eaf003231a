//! PostgreSQL goes away: around COMMIT, and twice in a row.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use cs_store::testing::{Engine, PostgresServer, TestDatabase};
use cs_store::vault::MasterKey;
use cs_store::{CommitError, Database, Job, Step, Store, StoreConfig, args, audit};

use crate::common::*;
use crate::shim::{Fault, Shim};

const ADD: &str = "UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = $1";
const OF_ID: &str = "SELECT count(*) FROM log WHERE id = $1";

/// A job that is told from one that was done twice: it counts.
fn counting(name: &str) -> Job {
    Job::new().step(Step::one(ADD, args![name])).log(record(name))
}

async fn times_done(store: &Store, name: &str) -> (String, i64) {
    let value = store.query(VALUE, args![name]).await.unwrap()[0].text(0).unwrap();
    let logged = store.query(OF_ID, args![name]).await.unwrap()[0].int(0).unwrap();
    (value, logged)
}

async fn every_job_is_done_once_and_acknowledged(fault: Fault) {
    let Some(database) = TestDatabase::new(Engine::Postgres) else { return };
    let direct = database.open().await.unwrap();
    let shim = Shim::before(&database).await;
    let store = shim.open(&database).await;
    for round in 1..=8_u32 {
        let names: Vec<String> = (0..40).map(|n| format!("{round}-{n:02}")).collect();
        let new = names.iter().fold(Job::new(), |job, name| job.and(fact(name, "0")));
        direct.commit(new).await.unwrap();
        // The connections are there, so that it meets a COMMIT of theirs.
        shim.arm(fault);
        let jobs = names.iter().map(|name| store.commit(counting(name)));
        for (name, outcome) in names.iter().zip(futures_util::future::join_all(jobs).await) {
            outcome.unwrap_or_else(|error| panic!("{fault:?} {name}: {error:?}"));
            assert_eq!(times_done(&direct, name).await, ("1".to_owned(), 1), "{fault:?} {name}");
        }
        assert_eq!(shim.faults(), round, "{fault:?}");
    }
    store.checkpoint().await.unwrap();
    assert_eq!(audit::verify(&direct, None).await.unwrap().findings, []);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_was_done_and_whose_answer_is_lost_is_acknowledged_and_not_repeated() {
    every_job_is_done_once_and_acknowledged(Fault::LoseTheAnswer).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_did_not_arrive_is_repeated() {
    every_job_is_done_once_and_acknowledged(Fault::LoseTheCommit).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_that_arrives_late_is_waited_for_and_not_repeated() {
    every_job_is_done_once_and_acknowledged(Fault::ArriveLate).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_commit_whose_fate_cannot_be_found_out_is_called_unknown() {
    let Some(database) = TestDatabase::new(Engine::Postgres) else { return };
    let direct = database.open().await.unwrap();
    let shim = Shim::before(&database).await;
    let store = shim.open(&database).await;
    direct.commit(fact("a", "0").and(fact("b", "0"))).await.unwrap();
    store.commit(counting("b")).await.unwrap();
    shim.arm(Fault::LoseTheAnswer);
    shim.refuse_after_it();
    let error = store.commit(counting("a")).await.unwrap_err();
    assert!(matches!(error, CommitError::Unknown), "{error:?}");
    assert_eq!(times_done(&direct, "a").await, ("1".to_owned(), 1));
    shim.accept();
    store.commit(counting("b")).await.unwrap();
    assert_eq!(times_done(&direct, "b").await.0, "2");
    store.checkpoint().await.unwrap();
    assert_eq!(audit::verify(&direct, None).await.unwrap().findings, []);
}

/// Writers that go on whatever happens, and what they were told.
struct Writers {
    acknowledged: Arc<Mutex<Vec<String>>>,
    ended: Arc<AtomicU64>,
}

impl Writers {
    fn start(store: &Store) -> Self {
        let writers = Self { acknowledged: Arc::default(), ended: Arc::default() };
        for writer in 0..8 {
            let (store, told, ended) = (store.clone(), writers.acknowledged.clone(), writers.ended.clone());
            tokio::spawn(async move {
                let mut n = 0;
                while ended.load(Ordering::SeqCst) == 0 {
                    let name = format!("{writer}-{n}");
                    n += 1;
                    match store.commit(logging(&name)).await {
                        Ok(_) => told.lock().unwrap().push(name),
                        Err(CommitError::Unavailable(_) | CommitError::Unknown) => {}
                        Err(error) => panic!("{error:?}"),
                    }
                }
                ended.fetch_add(1, Ordering::SeqCst);
            });
        }
        writers
    }

    fn count(&self) -> usize {
        self.acknowledged.lock().unwrap().len()
    }

    /// Waits until `count` more were acknowledged.
    async fn more(&self, count: usize) {
        let wanted = self.count() + count;
        let deadline = Instant::now() + Duration::from_secs(60);
        while self.count() < wanted {
            assert!(Instant::now() < deadline, "{} of {wanted}", self.count());
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    }

    async fn end(&self) -> Vec<String> {
        self.ended.store(1, Ordering::SeqCst);
        while self.ended.load(Ordering::SeqCst) < 9 {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
        std::mem::take(&mut *self.acknowledged.lock().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_2017_12_16_a_primary_killed_twice_in_a_row_comes_back_without_a_restart() {
    let Some(server) = PostgresServer::start(None, &[], |_| ()) else { return };
    let master = Arc::new(MasterKey::generate().unwrap());
    let config = StoreConfig::new(Database::Postgres(server.create_database()), master);
    let store = Store::open(config).await.unwrap();
    let writers = Writers::start(&store);
    writers.more(200).await;
    for _ in 0..2 {
        tokio::task::block_in_place(|| server.stop_immediately());
        // Somebody finds out that it is gone.
        store.query(COUNT_LOG, args![]).await.unwrap_err();
        tokio::task::block_in_place(|| server.start_again());
        writers.more(1).await;
        store.query(COUNT_LOG, args![]).await.unwrap();
        store.reader().query(COUNT_LOG, args![]).await.unwrap();
    }
    writers.more(200).await;
    let acknowledged = writers.end().await;
    let rows = store.query("SELECT id FROM log", args![]).await.unwrap();
    let logged: Vec<String> = rows.iter().map(|row| row.text(0).unwrap()).collect();
    let once: BTreeSet<&String> = logged.iter().collect();
    assert_eq!(once.len(), logged.len(), "nothing is there twice");
    let lost: Vec<&String> = acknowledged.iter().filter(|name| !once.contains(name)).collect();
    assert!(lost.is_empty(), "acknowledged and lost: {lost:?}");
    store.checkpoint().await.unwrap();
    assert_eq!(audit::verify(&store, None).await.unwrap().findings, []);
    store.shutdown().await;
}
