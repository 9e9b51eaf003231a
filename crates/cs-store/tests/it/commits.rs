//! Commit jobs: all or nothing, exactly once.

use cs_store::outbox::Effect;
use cs_store::testing::TestDatabase;
use cs_store::{CommitError, Job, Query, Step, Store, StoreError, args};
use futures_util::FutureExt as _;
use jiff::Timestamp;

use crate::common::*;

on_both_engines![
    a_guard_that_does_not_hold_leaves_nothing,
    of_64_parallel_consumers_exactly_one_wins,
    jobs_of_one_batch_fail_alone,
    a_violated_key_is_a_conflict,
    a_broken_statement_harms_only_its_own_job,
    select_guards_decide,
    a_condition_that_many_share_is_looked_at_again_after_a_change,
    steps_out_of_lock_order_are_carried_out_in_order,
    outage_2023_08_21_opposite_lock_orders_all_commit,
    nul_in_text_is_refused,
    every_type_reads_back,
    log_positions_are_dense,
    a_full_queue_refuses_at_once,
    shutdown_answers_everyone,
    a_report_that_takes_too_long_ends,
    reports_that_take_too_long_stop_no_commit_and_no_login_read,
];

async fn count(store: &Store, sql: &'static str) -> i64 {
    store.query(sql, args![]).await.unwrap()[0].int(0).unwrap()
}

async fn value(store: &Store, name: &str) -> Option<String> {
    store.query_opt(VALUE, args![name]).await.unwrap().map(|row| row.text(0).unwrap())
}

async fn a_guard_that_does_not_hold_leaves_nothing(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let job = fact("code", "new").step(Step::one(CONSUME, args!["other"])).log(record("1")).effect(Effect::new(
        "push",
        "DA1",
        "{}",
        Timestamp::UNIX_EPOCH,
    ));
    let error = store.commit(job).await.unwrap_err();
    assert!(matches!(error, CommitError::Conflict { step: 1 }), "{error:?}");
    assert_eq!(value(&store, "code").await, None);
    assert_eq!(count(&store, COUNT_LOG).await, 0);
    assert_eq!(count(&store, COUNT_EFFECTS).await, 0);
}

async fn of_64_parallel_consumers_exactly_one_wins(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.commit(fact("code", "new")).await.unwrap();
    let tries: Vec<_> = (0..64)
        .map(|n| {
            let store = store.clone();
            let job = Job::new().step(Step::one(CONSUME, args!["code"])).log(record(&n.to_string()));
            tokio::spawn(async move { store.commit(job).await })
        })
        .collect();
    let mut won = 0;
    for one in tries {
        match one.await.unwrap() {
            Ok(_) => won += 1,
            Err(error) => assert!(matches!(error, CommitError::Conflict { step: 0 }), "{error:?}"),
        }
    }
    assert_eq!(won, 1);
    assert_eq!(count(&store, COUNT_LOG).await, 1);
}

/// Many jobs at once, every third of which does not hold after it has written.
async fn jobs_of_one_batch_fail_alone(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let jobs = (0..120).map(|n| {
        let mut job = fact(&format!("a{n:03}"), "new").log(record(&n.to_string()));
        if n % 3 == 0 {
            job = job.step(Step::one(CONSUME, args![format!("z{n:03}")]));
        }
        store.commit(job)
    });
    let outcomes = futures_util::future::join_all(jobs).await;
    for (n, outcome) in outcomes.iter().enumerate() {
        assert_eq!(outcome.is_ok(), n % 3 != 0, "{n}: {outcome:?}");
        assert_eq!(value(&store, &format!("a{n:03}")).await.is_some(), n % 3 != 0);
    }
    assert_eq!(count(&store, COUNT_LOG).await, 80);
}

/// Within a batch one look answers a condition for all jobs that have it, until one of them changes what was looked at.
async fn a_condition_that_many_share_is_looked_at_again_after_a_change(database: TestDatabase) {
    const IS_NEW: &str = "SELECT 1 FROM meta WHERE name = $1 AND value = 'new'";
    let store = database.open().await.unwrap();
    store.commit(fact("shared", "new")).await.unwrap();
    let looks =
        |n: i32| store.commit(Job::new().step(Step::exists(IS_NEW, args!["shared"])).log(record(&n.to_string())));
    let consumes = || store.commit(Job::new().step(Step::one(CONSUME, args!["shared"])).log(record("change")));
    let jobs = (0..200).map(|n| if n == 100 { consumes().boxed() } else { looks(n).boxed() });
    let mut outcomes = futures_util::future::join_all(jobs).await;
    let change = outcomes.remove(100).unwrap().log.remove(0);
    let held: Vec<_> = outcomes.into_iter().flatten().map(|receipt| receipt.log[0].clone()).collect();
    assert!(!held.is_empty());
    let after: Vec<_> = held.iter().filter(|place| place.chain == change.chain && place.seq > change.seq).collect();
    assert!(after.is_empty(), "{after:?} after {change:?}");
    let late = futures_util::future::join_all((200..240).map(looks)).await;
    assert!(late.iter().all(Result::is_err), "{late:?}");
}

async fn a_violated_key_is_a_conflict(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.commit(fact("a", "1")).await.unwrap();
    let error = store.commit(fact("b", "1").and(fact("a", "2"))).await.unwrap_err();
    assert!(matches!(error, CommitError::Conflict { step: 1 }), "{error:?}");
    assert_eq!(value(&store, "b").await, None);
}

async fn a_broken_statement_harms_only_its_own_job(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let broken = || Job::new().step(Step::any("UPDATE nowhere SET x = $1", args![1]));
    let mistyped = || Job::new().step(Step::any(INSERT, args!["t", None::<String>]));
    let jobs = (0..30).map(|n| {
        store.commit(match n % 3 {
            0 => broken(),
            1 => mistyped(),
            _ => fact(&n.to_string(), "x"),
        })
    });
    for (n, outcome) in futures_util::future::join_all(jobs).await.into_iter().enumerate() {
        match outcome {
            Ok(_) => assert_eq!(n % 3, 2),
            Err(CommitError::Refused { step: 0, .. }) => assert_ne!(n % 3, 2),
            Err(error) => panic!("{n}: {error:?}"),
        }
    }
    let error = store.query("SELECT x FROM nowhere", args![]).await.unwrap_err();
    assert!(matches!(error, StoreError::Statement(_)), "{error:?}");
}

async fn select_guards_decide(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.commit(fact("a", "1")).await.unwrap();
    let guarded = |guard| Job::new().step(guard).log(record("1"));
    store.commit(guarded(Step::exists(VALUE, args!["a"]))).await.unwrap();
    store.commit(guarded(Step::absent(VALUE, args!["b"]))).await.unwrap();
    for guard in [Step::exists(VALUE, args!["b"]), Step::absent(VALUE, args!["a"])] {
        assert!(matches!(store.commit(guarded(guard)).await, Err(CommitError::Conflict { step: 0 })));
    }
    assert_eq!(count(&store, COUNT_LOG).await, 2);
}

/// The second step needs the first, though it comes first in lock order.
async fn steps_out_of_lock_order_are_carried_out_in_order(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let jobs = (0..40).map(|n| {
        let job = fact(&format!("z{n}"), "new").step(Step::one(
            "INSERT INTO meta (name, value) SELECT $1, value FROM meta WHERE name = $2 AND value = 'new'",
            args![format!("a{n}"), format!("z{n}")],
        ));
        store.commit(job)
    });
    for outcome in futures_util::future::join_all(jobs).await {
        outcome.unwrap();
    }
}

async fn outage_2023_08_21_opposite_lock_orders_all_commit(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.commit(fact("a", "0").and(fact("b", "0"))).await.unwrap();
    let add = |name: &str| {
        Step::one("UPDATE meta SET value = CAST(CAST(value AS BIGINT) + 1 AS TEXT) WHERE name = $1", args![name])
    };
    let jobs = (0..60).map(|n| {
        let (first, second) = if n % 2 == 0 { ("a", "b") } else { ("b", "a") };
        store.commit(Job::new().step(add(first)).step(add(second)))
    });
    for outcome in futures_util::future::join_all(jobs).await {
        outcome.unwrap();
    }
    assert_eq!(value(&store, "a").await.as_deref(), Some("60"));
    assert_eq!(value(&store, "b").await.as_deref(), Some("60"));
}

async fn nul_in_text_is_refused(database: TestDatabase) {
    let store = database.open().await.unwrap();
    assert!(matches!(store.commit(fact("a\0b", "x")).await, Err(CommitError::NulInText)));
    assert!(matches!(store.commit(logging("a\0b")).await, Err(CommitError::NulInText)));
    assert!(matches!(store.query(VALUE, args!["\0"]).await, Err(StoreError::NulInText)));
}

async fn every_type_reads_back(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let now = Timestamp::from_millisecond(1_700_000_000_123).unwrap();
    let blob = vec![0, 1, 255];
    let job = Job::new().step(Step::one(
        "INSERT INTO data_key (account, purpose, key_id, wrapped, created_at) VALUES ($1, $2, $3, $4, $5)",
        args!["Zoë", "x", i64::MIN, blob.as_slice(), now],
    ));
    store.commit(job).await.unwrap();
    let queries = vec![
        Query::new("SELECT account, key_id, wrapped, created_at, NULL FROM data_key WHERE purpose = $1", args!["x"]),
        Query::new(
            "SELECT count(*) FROM data_key WHERE created_at >= $2 AND purpose = $1 LIMIT $3",
            args!["x", now, 1],
        ),
    ];
    let rows = store.query_many(queries).await.unwrap();
    let row = &rows[0][0];
    assert_eq!(row.str(0).unwrap(), "Zoë");
    assert_eq!(row.int(1).unwrap(), i64::MIN);
    assert_eq!(row.blob(2).unwrap(), blob);
    assert_eq!(row.time(3).unwrap(), now);
    assert_eq!(row.opt_text(4).unwrap(), None);
    assert!(row.text(1).is_err() && row.int(0).is_err() && row.blob(4).is_err() && row.int(9).is_err());
    assert_eq!(rows[1][0].int(0).unwrap(), 1);
}

async fn log_positions_are_dense(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let jobs = (0..200).map(|n| store.commit(logging(&n.to_string()).log(record("second"))));
    let mut positions = std::collections::BTreeMap::<_, Vec<i64>>::new();
    for receipt in futures_util::future::join_all(jobs).await {
        for position in receipt.unwrap().log {
            positions.entry(position.chain).or_default().push(position.seq);
        }
    }
    assert_eq!(positions.values().map(Vec::len).sum::<usize>(), 400);
    for seqs in positions.values_mut() {
        seqs.sort_unstable();
        assert!(seqs.iter().copied().eq(1..=seqs.len() as i64));
    }
}

async fn a_full_queue_refuses_at_once(database: TestDatabase) {
    let mut config = database.config();
    config.queue = 8;
    let store = Store::open(config).await.unwrap();
    let tries: Vec<_> = (0..20_000)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(logging(&n.to_string())).await })
        })
        .collect();
    let (mut committed, mut refused) = (0, 0);
    for one in tries {
        match one.await.unwrap() {
            Ok(_) => committed += 1,
            Err(CommitError::Overloaded) => refused += 1,
            Err(error) => panic!("{error:?}"),
        }
    }
    assert!(refused > 0 && committed > 0, "{committed} committed, {refused} refused");
    assert_eq!(count(&store, COUNT_LOG).await, committed);
}

async fn shutdown_answers_everyone(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let tries: Vec<_> = (0..100)
        .map(|n| {
            let store = store.clone();
            tokio::spawn(async move { store.commit(logging(&n.to_string())).await })
        })
        .collect();
    store.shutdown().await;
    let mut committed = 0;
    for one in tries {
        match one.await.unwrap() {
            Ok(_) => committed += 1,
            Err(error) => assert!(matches!(error, CommitError::Closed), "{error:?}"),
        }
    }
    assert!(matches!(store.commit(logging("late")).await, Err(CommitError::Closed)));
    let store = database.open().await.unwrap();
    assert_eq!(count(&store, COUNT_LOG).await, committed);
}

async fn a_report_that_takes_too_long_ends(database: TestDatabase) {
    let mut config = database.config();
    config.report_timeout = std::time::Duration::from_millis(50);
    let store = Store::open(config).await.unwrap();
    let error = store.reader().query(ENDLESS, args![]).await.unwrap_err();
    assert!(matches!(error, StoreError::Timeout), "{error:?}");
    assert_eq!(store.reader().query(COUNT_LOG, args![]).await.unwrap()[0].int(0).unwrap(), 0);
}

const ENDLESS: &str = "WITH RECURSIVE n (i) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT i + 1 FROM n WHERE i < 900000000) \
    SELECT count(*) FROM n";

/// More reports than there is room for, none of which would ever end.
async fn reports_that_take_too_long_stop_no_commit_and_no_login_read(database: TestDatabase) {
    let mut config = database.config();
    config.report_timeout = std::time::Duration::from_secs(3);
    let store = Store::open(config).await.unwrap();
    let reports = (0..12).map(|_| {
        let reader = store.reader();
        tokio::spawn(async move { reader.query(ENDLESS, args![]).await })
    });
    let mut reports = tokio::spawn(futures_util::future::join_all(reports.collect::<Vec<_>>()));
    let mut commits = 0;
    let outcomes = loop {
        let done = tokio::select! {
            biased;
            outcomes = &mut reports => Some(outcomes.unwrap()),
            outcome = store.commit(logging(&commits.to_string())) => {
                outcome.unwrap();
                None
            }
        };
        match done {
            Some(outcomes) => break outcomes,
            None => commits += 1,
        }
        // What was committed a moment ago is read while the reports go on.
        assert_eq!(count(&store, COUNT_LOG).await, commits);
    };
    for outcome in outcomes {
        assert!(matches!(outcome.unwrap(), Err(StoreError::Timeout)));
    }
    assert!(commits > 0, "not one commit while reports went on");
}
