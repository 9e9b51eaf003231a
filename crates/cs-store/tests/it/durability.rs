//! What was acknowledged is there after a kill and after a full disk.

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::sync::Arc;
use std::time::Duration;

use cs_store::testing::{Engine, TestDatabase};
use cs_store::vault::MasterKey;
use cs_store::{CommitError, Database, Job, Step, Store, StoreConfig, args, audit};

use crate::common::*;

on_both_engines![a_killed_process_loses_nothing_acknowledged];

/// Set for the process that is killed: the database's address.
const CHILD: &str = "CS_STORE_TEST_KILLED";
/// And its master key.
const CHILD_KEY: &str = "CS_STORE_TEST_KEY";

/// Not a test by itself: what the killed process runs. It names each commit after it was acknowledged.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(address) = std::env::var(CHILD) else { return };
    let master = MasterKey::from_text(CHILD_KEY, &std::env::var(CHILD_KEY).unwrap()).unwrap();
    let store = Store::open(StoreConfig::new(Database::parse(&address), Arc::new(master))).await.unwrap();
    let workers = (0..8).map(|worker| {
        let store = store.clone();
        tokio::spawn(async move {
            for n in 0.. {
                let name = format!("{worker}-{n}");
                store.commit(fact(&name, "x").log(record(&name))).await.unwrap();
                println!("\ncommitted {name}");
            }
        })
    });
    futures_util::future::join_all(workers).await;
}

async fn a_killed_process_loses_nothing_acknowledged(database: TestDatabase) {
    let key = "22".repeat(32);
    let address = match &database.database {
        Database::Sqlite(path) => path.display().to_string(),
        Database::Postgres(address) => address.clone(),
    };
    let mut acknowledged = Vec::new();
    for round in 0..3 {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["durability::child", "--exact", "--nocapture", "--test-threads=1"])
            .env(CHILD, &address)
            .env(CHILD_KEY, &key)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let mut read = 0;
        for line in lines.map_while(Result::ok) {
            if let Some(name) = line.strip_prefix("committed ") {
                acknowledged.push(name.to_owned());
                read += 1;
            }
            if read == 200 {
                // SIGKILL; what it had printed before is read to the end.
                child.kill().unwrap();
            }
        }
        child.wait().unwrap();
        assert!(read >= 200, "round {round}: the child ended after {read} commits");
        let master = Arc::new(MasterKey::from_text("key", &key).unwrap());
        let store = Store::open(StoreConfig::new(database.database.clone(), master)).await.unwrap();
        for name in &acknowledged {
            assert!(
                store.query_opt(VALUE, args![name]).await.unwrap().is_some(),
                "{name} was acknowledged and is lost"
            );
        }
        assert_eq!(audit::verify(&store, None).await.unwrap().findings, []);
        // The next child uses the same names.
        store.commit(Job::new().step(Step::any("DELETE FROM meta WHERE value = 'x'", args![]))).await.unwrap();
        acknowledged.clear();
        store.shutdown().await;
    }
}

/// `max_page_count` makes SQLite answer as on a full disk.
#[tokio::test(flavor = "multi_thread")]
async fn a_full_disk_gives_errors_and_loses_nothing_acknowledged() {
    let database = TestDatabase::new(Engine::Sqlite).unwrap();
    let mut config = database.config();
    // The tables alone take some hundred and sixty.
    config.max_pages = Some(256);
    config.checkpoint_interval = Duration::from_secs(3600);
    let store = Store::open(config).await.unwrap();
    let filler = "x".repeat(2_000);
    let (mut kept, mut failed) = (Vec::new(), 0);
    for round in 0..40 {
        let jobs = (0..16).map(|n| {
            let name = format!("{round}-{n}");
            let store = store.clone();
            let job = fact(&name, &filler).log(record(&name));
            async move { (name, store.commit(job).await) }
        });
        for (name, outcome) in futures_util::future::join_all(jobs).await {
            match outcome {
                Ok(_) => kept.push(name),
                Err(CommitError::Unavailable(_)) => failed += 1,
                Err(error) => panic!("{error:?}"),
            }
        }
    }
    assert!(failed > 0 && !kept.is_empty(), "{failed} failed, {} kept", kept.len());
    let last = kept.last().unwrap();
    let free = "DELETE FROM meta WHERE value <> $1 AND name = $2";
    store.commit(Job::new().step(Step::any(free, args!["", last]))).await.unwrap();
    kept.pop();
    store.shutdown().await;
    let store = database.open().await.unwrap();
    for name in &kept {
        assert!(store.query_opt(VALUE, args![name]).await.unwrap().is_some(), "{name} was acknowledged and is lost");
    }
    let facts = store.query("SELECT count(*) FROM meta WHERE value = $1", args![filler]).await.unwrap();
    assert_eq!(facts[0].int(0).unwrap(), kept.len() as i64, "nothing that failed is there");
    assert_eq!(audit::verify(&store, None).await.unwrap().findings, []);
    store.commit(fact("after", "x")).await.unwrap();
}
