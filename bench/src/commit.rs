//! What a durable commit takes with so many at a time: the floor under an answer to a push.

use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use cs_store::audit::{LogKind, LogRecord};
use cs_store::vault::MasterKey;
use cs_store::{Database, Job, Step, Store, StoreConfig, Value};

use crate::signed::now;
use crate::stats::Latency;

const WRITE: &str =
    "INSERT INTO meta (name, value) VALUES ($1, $2) ON CONFLICT (name) DO UPDATE SET value = excluded.value";

/// `samples` commits of one changed row and one log entry each, `at_once` at a time, on `database`; milliseconds.
pub(crate) fn probe(database: Database, dir: &Path, at_once: usize, samples: usize) -> anyhow::Result<Latency> {
    let runtime = tokio::runtime::Runtime::new()?;
    runtime.block_on(async {
        let mut config = StoreConfig::new(database, Arc::new(MasterKey::generate()?));
        config.high_water = Some(dir.join("commit-high-water.json"));
        let store = Store::open(config).await?;
        let tasks: Vec<_> = (0..at_once)
            .map(|task| {
                let store = store.clone();
                tokio::spawn(async move { commits(&store, task, samples / at_once).await })
            })
            .collect();
        let mut taken = Vec::new();
        for task in tasks {
            taken.extend(task.await??);
        }
        store.shutdown().await;
        Ok(Latency::of(taken))
    })
}

async fn commits(store: &Store, task: usize, count: usize) -> anyhow::Result<Vec<f64>> {
    let mut taken = Vec::with_capacity(count);
    for number in 0..count {
        let args = vec![Value::Text(format!("bench-{task}")), Value::Text(number.to_string())];
        let mut record = LogRecord::new("", LogKind::Auth, format!("bench-{task}-{number}"), now());
        record.body = r#"{"application":"bench","device":"DP00000000000000000000","type":"Login request"}"#.to_owned();
        let job = Job::new().step(Step::any(WRITE, args)).log(record);
        let start = Instant::now();
        store.commit(job).await?;
        taken.push(start.elapsed().as_secs_f64() * 1e3);
    }
    Ok(taken)
}
