//! How many login-like jobs a second the store commits, and what processor time each costs.
//!
//! `cargo run --release -p cs-store --features testing --example commit_bench [-- postgres]`: a temporary database, 10,000 users, for each job a guarded update,
//! a chained log entry and an effect, 64 and then 512 callers, five seconds each. The callers run in the same process.
#![allow(
    clippy::unwrap_used,
    clippy::print_stdout,
    clippy::allow_attributes,
    reason = "a benchmark reports to the terminal and ends on any failure"
)]

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use cs_store::audit::{LogKind, LogRecord};
use cs_store::outbox::Effect;
use cs_store::testing::{Engine, TestDatabase};
use cs_store::{Job, Step, Store, args};
use jiff::{SignedDuration, Timestamp};

const USERS: u64 = 10_000;
const INSERT: &str = "INSERT INTO bench_user (account, id, counter) VALUES ($1, $2, 0)";
const GUARD: &str = "UPDATE bench_user SET counter = counter + 1 WHERE account = $1 AND id = $2 AND counter >= 0";

#[tokio::main]
async fn main() {
    let engine = if std::env::args().any(|arg| arg == "postgres") { Engine::Postgres } else { Engine::Sqlite };
    let database = TestDatabase::new(engine).unwrap();
    let store = database.open().await.unwrap();
    let create = "CREATE TABLE bench_user (account TEXT NOT NULL, id TEXT NOT NULL, counter BIGINT NOT NULL, PRIMARY KEY (account, id))";
    store.commit(Job::new().step(Step::any(create, args![]))).await.unwrap();
    for chunk in 0..USERS / 500 {
        let users = chunk * 500..(chunk + 1) * 500;
        let job = users.fold(Job::new(), |job, n| job.step(Step::one(INSERT, args!["DA1", user(n)])));
        store.commit(job).await.unwrap();
    }
    for callers in [64, 512] {
        run(&store, callers, Duration::from_secs(5)).await;
    }
    store.shutdown().await;
}

fn user(n: u64) -> String {
    format!("DU{n:018}")
}

fn login(n: u64) -> Job {
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_micros(i64::try_from(n).unwrap() * 50);
    let id = user(n.wrapping_mul(6_364_136_223_846_793_005) % USERS);
    let mut record = LogRecord::new("DA1", LogKind::Auth, format!("{n:032x}"), now);
    record.user_id = Some(id.clone());
    record.integration = Some("DI00000000000000000A".into());
    record.result = Some("allow".into());
    record.factor = Some("passcode".into());
    record.personal = Some(r#"{"username":"alice","ip":"192.0.2.77","city":"Bern"}"#.into());
    let effect = Effect::new("push", "DA1", r#"{"txid":"0123456789abcdef0123456789abcdef"}"#, now);
    Job::new().step(Step::one(GUARD, args!["DA1", id])).log(record).effect(effect)
}

async fn run(store: &Store, callers: u64, time: Duration) {
    let next = Arc::new(AtomicU64::new(0));
    let (start, used) = (Instant::now(), processor_time());
    let tasks: Vec<_> = (0..callers)
        .map(|_| {
            let (store, next) = (store.clone(), next.clone());
            tokio::spawn(async move {
                let mut waits = Vec::new();
                while start.elapsed() < time {
                    let asked = Instant::now();
                    store.commit(login(next.fetch_add(1, Ordering::Relaxed))).await.unwrap();
                    waits.push(asked.elapsed());
                }
                waits
            })
        })
        .collect();
    let mut waits = Vec::new();
    for task in tasks {
        waits.extend(task.await.unwrap());
    }
    let (elapsed, used) = (start.elapsed(), processor_time() - used);
    waits.sort_unstable();
    let jobs = waits.len();
    let at = |part: usize| waits[(jobs - 1) * part / 100].as_secs_f64() * 1e3;
    println!(
        "{callers:4} callers: {:8.0} jobs/s, {:5.1} µs of this process's CPU each, p50 {:.1} ms, p99 {:.1} ms",
        jobs as f64 / elapsed.as_secs_f64(),
        used.as_secs_f64() * 1e6 / jobs as f64,
        at(50),
        at(99),
    );
}

/// User and system time of this process (proc(5): fields 14 and 15 of stat, in hundredths of a second).
fn processor_time() -> Duration {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap();
    let fields = stat.rsplit_once(')').unwrap().1.split_whitespace();
    let ticks: u64 = fields.skip(11).take(2).map(|field| field.parse::<u64>().unwrap()).sum();
    Duration::from_millis(ticks * 10)
}
