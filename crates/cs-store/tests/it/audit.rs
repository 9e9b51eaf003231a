//! Tampering with the log is found and named.

use std::time::Duration;

use cs_store::audit::{self, Exporter, Finding, Report};
use cs_store::testing::TestDatabase;
use cs_store::{Job, Step, Store, StoreError, Value, args};
use jiff::{SignedDuration, Timestamp};

use crate::common::*;

on_both_engines![
    an_untouched_log_is_intact,
    a_changed_byte_is_named,
    a_changed_mac_is_named,
    a_deleted_row_is_named,
    an_inserted_row_is_named,
    a_row_inserted_by_renumbering_is_named,
    swapped_rows_are_named,
    a_cut_tail_is_named,
    a_removed_chain_is_named,
    a_rolled_back_database_is_named,
    erased_personal_fields_still_verify,
    changed_or_added_personal_fields_are_named,
    a_forged_checkpoint_is_named,
    a_removed_checkpoint_is_named,
    a_pruned_log_is_intact_and_its_start_is_signed,
    a_new_chain_follows_the_last_checkpoint,
    an_older_database_is_not_opened,
    checkpoints_of_two_nodes_refer_to_one_another,
];

/// A store with one chain of ten rows and an exported checkpoint of it.
struct Site {
    database: TestDatabase,
    store: Store,
    chain: String,
}

impl Site {
    async fn new(database: TestDatabase) -> Self {
        let store = Self::open(&database).await.unwrap();
        let chain = ten_rows(&store).await;
        assert_eq!(store.checkpoint().await.unwrap(), Some(1));
        Self { database, store, chain }
    }

    async fn open(database: &TestDatabase) -> Result<Store, StoreError> {
        let mut config = database.config();
        config.exporters = vec![Exporter::File(database.dir.path().join("export"))];
        config.checkpoint_interval = Duration::from_secs(3600);
        config.high_water = Some(database.dir.path().join("high-water"));
        Store::open(config).await
    }

    /// What somebody with access to the database does.
    async fn tamper(&self, sql: &'static str, args: Vec<Value>) {
        self.store.commit(Job::new().step(Step::any(sql, args))).await.unwrap();
    }

    async fn verify(&self) -> Report {
        let export = std::fs::read(self.database.dir.path().join("export")).unwrap();
        audit::verify(&self.store, Some(&mut export.as_slice())).await.unwrap()
    }

    /// Verifies without the export.
    async fn findings(&self) -> Vec<Finding> {
        audit::verify(&self.store, None).await.unwrap().findings
    }

    fn changed(&self, seq: i64) -> Finding {
        Finding::Changed { chain: self.chain.clone(), seq }
    }
}

async fn ten_rows(store: &Store) -> String {
    let job = (1..=10).fold(Job::new(), |job, n| job.log(record(&format!("row {n}"))));
    store.commit(job).await.unwrap().log[0].chain.to_string()
}

async fn an_untouched_log_is_intact(database: TestDatabase) {
    let site = Site::new(database).await;
    for _ in 0..3 {
        ten_rows(&site.store).await;
        site.store.checkpoint().await.unwrap();
    }
    let report = site.verify().await;
    assert_eq!(report.findings, []);
    assert_eq!((report.rows, report.checkpoints, report.erased), (40, 8, 0));
    assert_eq!(site.store.checkpoint().await.unwrap(), None, "nothing happened since");
}

async fn a_changed_byte_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    for (column, sql) in [
        ("account", "UPDATE log SET account = 'DA2' WHERE chain = $1 AND seq = 4"),
        ("at", "UPDATE log SET at = at + 1 WHERE chain = $1 AND seq = 4"),
        ("result", "UPDATE log SET result = 'deny' WHERE chain = $1 AND seq = 4"),
        ("reason", "UPDATE log SET reason = '' WHERE chain = $1 AND seq = 4"),
        ("body", "UPDATE log SET body = '{ }' WHERE chain = $1 AND seq = 4"),
        ("kind", "UPDATE log SET kind = 'nonsense' WHERE chain = $1 AND seq = 4"),
    ] {
        site.tamper(sql, args![site.chain.as_str()]).await;
        assert_eq!(site.findings().await, [site.changed(4)], "{column}");
    }
}

async fn a_changed_mac_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper("UPDATE log SET mac = $2 WHERE chain = $1 AND seq = 4", args![site.chain.as_str(), [7u8; 32]]).await;
    assert_eq!(site.findings().await, [site.changed(4)]);
}

async fn a_deleted_row_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper("DELETE FROM log WHERE chain = $1 AND seq = 4", args![site.chain.as_str()]).await;
    let chain = site.chain.clone();
    assert_eq!(
        site.findings().await,
        [Finding::Missing { chain: chain.clone(), first: 4, last: 4 }, Finding::Unproven { chain, seq: 5 }]
    );
}

const COPY: &str = "INSERT INTO log (chain, seq, account, kind, at, id, body, mac) \
    SELECT chain, $2, account, kind, at, 'forged', body, mac FROM log WHERE chain = $1 AND seq = 3";

async fn an_inserted_row_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper(COPY, args![site.chain.as_str(), 11]).await;
    assert_eq!(site.findings().await, [site.changed(11)]);
    site.tamper(COPY, args![site.chain.as_str(), 0]).await;
    let chain = site.chain.clone();
    assert_eq!(site.findings().await, [Finding::Inserted { chain, seq: 0 }, site.changed(11)]);
}

async fn a_row_inserted_by_renumbering_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    for sql in [
        "UPDATE log SET seq = seq + 1000 WHERE chain = $1 AND seq > 3",
        "UPDATE log SET seq = seq - 999 WHERE chain = $1 AND seq > 3",
    ] {
        site.tamper(sql, args![site.chain.as_str()]).await;
    }
    site.tamper(COPY, args![site.chain.as_str(), 4]).await;
    assert_eq!(site.findings().await, [Finding::Inserted { chain: site.chain.clone(), seq: 4 }]);
    for sql in [
        "UPDATE log SET seq = 1000 WHERE chain = $1 AND seq = 11",
        "UPDATE log SET seq = 12 WHERE chain = $1 AND seq = 1000",
    ] {
        site.tamper(sql, args![site.chain.as_str()]).await;
    }
    site.tamper(COPY, args![site.chain.as_str(), 11]).await;
    let inserted = |seq| Finding::Inserted { chain: site.chain.clone(), seq };
    assert_eq!(site.findings().await, [inserted(4), inserted(11)]);
}

async fn swapped_rows_are_named(database: TestDatabase) {
    for (one, other) in [(4, 5), (3, 8), (9, 10), (1, 2)] {
        let Some(database) = again(&database) else { return };
        let site = Site::new(database).await;
        for (from, to) in [(one, 1000), (other, one), (1000, other)] {
            site.tamper("UPDATE log SET seq = $3 WHERE chain = $1 AND seq = $2", args![site.chain.as_str(), from, to])
                .await;
        }
        let moved = |seq, written_at| Finding::Moved { chain: site.chain.clone(), seq, written_at };
        assert_eq!(site.findings().await, [moved(one, other), moved(other, one)]);
    }
}

/// Another empty database of the same engine.
fn again(database: &TestDatabase) -> Option<TestDatabase> {
    let engine = match database.database {
        cs_store::Database::Sqlite(_) => cs_store::testing::Engine::Sqlite,
        cs_store::Database::Postgres(_) => cs_store::testing::Engine::Postgres,
    };
    TestDatabase::new(engine)
}

async fn a_cut_tail_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper("DELETE FROM log WHERE chain = $1 AND seq > 7", args![site.chain.as_str()]).await;
    let cut = Finding::TailCut { chain: site.chain.clone(), last: 7, signed: 10 };
    assert_eq!(site.findings().await, std::slice::from_ref(&cut));
    // Whoever also removes the checkpoint from the database is told on by the export.
    site.tamper("DELETE FROM checkpoint", args![]).await;
    assert_eq!(site.findings().await, []);
    let rolled = Finding::RolledBack { node: "node".into(), stored: 0, exported: 1 };
    assert_eq!(site.verify().await.findings, [rolled, cut]);
}

async fn a_removed_chain_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper("DELETE FROM log WHERE chain = $1", args![site.chain.as_str()]).await;
    site.tamper("DELETE FROM log_chain WHERE chain = $1", args![site.chain.as_str()]).await;
    assert_eq!(site.findings().await, [Finding::ChainRemoved { chain: site.chain.clone(), signed: 10 }]);
}

/// The state of the database after the first checkpoint, when there were two.
async fn a_rolled_back_database_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    let positions: Vec<_> = {
        let receipt = site.store.commit(logging("later").log(record("too"))).await.unwrap();
        receipt.log.into_iter().map(|position| (position.chain.to_string(), position.seq)).collect()
    };
    assert_eq!(site.store.checkpoint().await.unwrap(), Some(2));
    for (chain, seq) in &positions {
        site.tamper("DELETE FROM log WHERE chain = $1 AND seq = $2", args![chain, *seq]).await;
    }
    site.tamper("DELETE FROM checkpoint WHERE number = 2", args![]).await;
    assert_eq!(site.findings().await, [], "inside the database nothing shows");
    let (chain, signed) = positions.last().unwrap().clone();
    let lost = if chain == site.chain {
        Finding::TailCut { chain, last: 10, signed }
    } else {
        Finding::ChainRemoved { chain, signed }
    };
    let rolled = Finding::RolledBack { node: "node".into(), stored: 1, exported: 2 };
    assert_eq!(site.verify().await.findings, [rolled, lost]);
}

async fn erased_personal_fields_still_verify(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper(
        "UPDATE log SET personal = NULL, evidence = NULL WHERE chain = $1 AND seq < 6",
        args![site.chain.as_str()],
    )
    .await;
    let report = site.verify().await;
    assert_eq!(report.findings, []);
    assert_eq!(report.erased, 5);
}

async fn changed_or_added_personal_fields_are_named(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper("UPDATE log SET personal = '{}' WHERE chain = $1 AND seq = 2", args![site.chain.as_str()]).await;
    site.tamper("UPDATE log SET evidence = 'x' WHERE chain = $1 AND seq = 4", args![site.chain.as_str()]).await;
    site.tamper(
        "UPDATE log SET personal = NULL, personal_digest = NULL WHERE chain = $1 AND seq = 6",
        args![site.chain.as_str()],
    )
    .await;
    assert_eq!(site.findings().await, [site.changed(2), site.changed(4), site.changed(6)]);
}

async fn a_forged_checkpoint_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    site.tamper("UPDATE checkpoint SET body = replace(body, '\"seq\":10', '\"seq\":9')", args![]).await;
    assert_eq!(site.findings().await, [Finding::CheckpointForged { node: "node".into(), number: 1 }]);
    let report = audit::verify(&site.store, Some(&mut "not a checkpoint".as_bytes())).await.unwrap();
    assert!(report.findings.contains(&Finding::CheckpointForged { node: "export".into(), number: 1 }));
}

async fn a_removed_checkpoint_is_named(database: TestDatabase) {
    let site = Site::new(database).await;
    for _ in 0..2 {
        ten_rows(&site.store).await;
        site.store.checkpoint().await.unwrap();
    }
    site.tamper("DELETE FROM checkpoint WHERE number = 2", args![]).await;
    assert_eq!(site.findings().await, [Finding::CheckpointMissing { node: "node".into(), number: 2 }]);
}

async fn a_pruned_log_is_intact_and_its_start_is_signed(database: TestDatabase) {
    let site = Site::new(database).await;
    let now = Timestamp::UNIX_EPOCH + SignedDuration::from_hours(24);
    let mut late = record("late");
    late.at = now;
    let chain = site.store.commit(Job::new().log(record("old")).log(late)).await.unwrap().log[0].chain.to_string();
    site.store.checkpoint().await.unwrap();
    assert_eq!(audit::prune(&site.store, now, now).await.unwrap(), 11);
    let report = site.verify().await;
    assert_eq!((report.findings, report.rows), (vec![], 1));
    site.tamper("DELETE FROM log_start WHERE chain = $1", args![chain.as_str()]).await;
    let findings = site.findings().await;
    assert!(matches!(&findings[0], Finding::Missing { chain: named, first: 1, .. } if *named == chain), "{findings:?}");
}

async fn a_new_chain_follows_the_last_checkpoint(database: TestDatabase) {
    let site = Site::new(database).await;
    site.store.shutdown().await;
    let store = Site::open(&site.database).await.unwrap();
    let chain = ten_rows(&store).await;
    assert_ne!(chain, site.chain);
    let site = Site { store, chain, ..site };
    assert_eq!(site.verify().await.findings, []);
    // The link to the checkpoint is part of what the first row's mac covers.
    site.tamper("UPDATE log_chain SET link = $2 WHERE chain = $1", args![site.chain.as_str(), [0u8; 32]]).await;
    assert_eq!(site.findings().await, [site.changed(1)]);
}

async fn an_older_database_is_not_opened(database: TestDatabase) {
    let site = Site::new(database).await;
    ten_rows(&site.store).await;
    site.store.shutdown().await;
    let store = Site::open(&site.database).await.unwrap();
    store.commit(Job::new().step(Step::any("DELETE FROM checkpoint WHERE number = 2", args![]))).await.unwrap();
    store.shutdown().await;
    let error = Site::open(&site.database).await.unwrap_err();
    assert!(matches!(error, StoreError::HighWater(_)), "{error:?}");
    assert!(error.to_string().contains("countersign restore"), "{error}");
}

async fn checkpoints_of_two_nodes_refer_to_one_another(database: TestDatabase) {
    let site = Site::new(database).await;
    let mut config = site.database.config();
    config.node = "other".into();
    config.checkpoint_interval = Duration::from_secs(3600);
    let other = Store::open(config).await.unwrap();
    ten_rows(&other).await;
    assert_eq!(other.checkpoint().await.unwrap(), Some(1));
    assert_eq!(site.verify().await.findings, []);
    // The other node's checkpoint holds the hash of ours.
    site.tamper("DELETE FROM checkpoint WHERE node = 'node'", args![]).await;
    assert_eq!(site.findings().await, [Finding::CheckpointMissing { node: "node".into(), number: 1 }]);
}
