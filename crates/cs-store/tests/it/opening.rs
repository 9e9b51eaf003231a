//! Opening a database: schema versions and keys.

use std::sync::Arc;

use cs_store::testing::TestDatabase;
use cs_store::vault::{MasterKey, VaultError};
use cs_store::{Database, Job, Step, Store, StoreConfig, StoreError, args};

use crate::common::*;

on_both_engines![
    what_was_committed_is_there_after_opening_again,
    a_newer_schema_is_refused,
    outage_2018_08_20_the_version_before_works_on_a_schema_that_says_so,
    the_wrong_master_key_is_refused,
    nodes_that_start_together_agree,
    keys_survive_opening_again,
];

async fn what_was_committed_is_there_after_opening_again(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let id = store.database_id().to_owned();
    store.commit(fact("a", "1")).await.unwrap();
    store.shutdown().await;
    let store = database.open().await.unwrap();
    assert_eq!(store.database_id(), id);
    assert_eq!(store.query(VALUE, args!["a"]).await.unwrap()[0].text(0).unwrap(), "1");
}

async fn a_newer_schema_is_refused(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let job = Job::new().step(Step::one(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (9000, 'later', '2026-11-22T00:00:00Z', '1')",
        args![],
    ));
    let job = job.step(Step::one("DELETE FROM meta WHERE name = 'oldest_working_schema'", args![]));
    store.commit(job.alone()).await.unwrap();
    store.shutdown().await;
    let error = database.open().await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9000, .. }), "{error:?}");
    assert!(error.to_string().contains("countersign restore"));
}

/// What the version after this one leaves behind when it is rolled back: more columns, more tables, its version, and whether this one will do.
async fn upgrade(store: &Store, oldest: &str) {
    let tables = ["users", "login", "log", "meta", "effect", "integration", "account"];
    let alter = |table: &str| Step::any(format!("ALTER TABLE {table} ADD COLUMN later_column TEXT"), args![]);
    let mut job = tables.iter().fold(Job::new(), |job, table| job.step(alter(table)));
    job = job.step(Step::any("CREATE TABLE later_table (id TEXT NOT NULL PRIMARY KEY)", args![]));
    job = job.step(Step::one(
        "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) VALUES (9000, 'later', '2026-11-22T00:00:00Z', '1')",
        args![],
    ));
    let floor = "UPDATE meta SET value = $1 WHERE name = 'oldest_working_schema'";
    store.commit(job.step(Step::one(floor, args![oldest])).alone()).await.unwrap();
}

async fn outage_2018_08_20_the_version_before_works_on_a_schema_that_says_so(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let newest = "SELECT CAST(max(version) AS BIGINT) FROM refinery_schema_history";
    let known = store.query(newest, args![]).await.unwrap()[0].int(0).unwrap();
    store.commit(fact("a", "1")).await.unwrap();
    upgrade(&store, &known.to_string()).await;
    store.shutdown().await;

    let store = database.open().await.unwrap();
    store.commit(fact("b", "2").log(record("1"))).await.unwrap();
    for (name, value) in [("a", "1"), ("b", "2"), ("oldest_working_schema", &known.to_string())] {
        assert_eq!(store.query(VALUE, args![name]).await.unwrap()[0].text(0).unwrap(), value);
    }
    assert_eq!(store.query(newest, args![]).await.unwrap()[0].int(0).unwrap(), 9000, "nothing is migrated back");
    let mut wrong = Vec::new();
    for (_, sql) in crate::statements::statements() {
        wrong.extend(store.prepare(sql.clone()).await.err().map(|_| sql));
    }
    assert!(wrong.is_empty(), "{wrong:?}");

    let floor = "UPDATE meta SET value = $1 WHERE name = 'oldest_working_schema'";
    store.commit(Job::new().step(Step::one(floor, args![(known + 1).to_string()]))).await.unwrap();
    store.shutdown().await;
    let error = database.open().await.unwrap_err();
    assert!(matches!(error, StoreError::Newer { found: 9000, .. }), "{error:?}");
}

async fn the_wrong_master_key_is_refused(database: TestDatabase) {
    database.open().await.unwrap().shutdown().await;
    let mut config = database.config();
    config.master = Arc::new(MasterKey::generate().unwrap());
    let error = Store::open(config).await.unwrap_err();
    assert!(matches!(error, StoreError::Vault(VaultError::WrongMasterKey)), "{error:?}");
}

async fn nodes_that_start_together_agree(database: TestDatabase) {
    let nodes = futures_util::future::join_all((0..4).map(|_| database.open())).await;
    let ids: Vec<_> = nodes.into_iter().map(|node| node.unwrap().database_id().to_owned()).collect();
    assert!(ids.iter().all(|id| *id == ids[0]), "{ids:?}");
}

async fn keys_survive_opening_again(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let other = database.open().await.unwrap();
    store.ensure_keys("DA1").await.unwrap();
    let sealed = store.vault().seal("DA1", "t", "c", "r", b"secret").unwrap();
    let digest = store.vault().digest("DA1", "bypass", b"1").unwrap();
    assert!(!other.vault().has_keys("DA1"));
    other.ensure_keys("DA1").await.unwrap();
    store.shutdown().await;
    for store in [other, database.open().await.unwrap()] {
        assert_eq!(*store.vault().open("DA1", "t", "c", "r", &sealed).unwrap(), b"secret");
        assert_eq!(store.vault().digest("DA1", "bypass", b"1").unwrap(), digest);
    }
}

#[tokio::test]
async fn a_new_database_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let master = Arc::new(MasterKey::generate().unwrap());
    let store = Store::open(StoreConfig::new(Database::Sqlite(path.clone()), master)).await.unwrap();
    store.ensure_keys("DA1").await.unwrap();
    for file in std::fs::read_dir(dir.path()).unwrap() {
        let file = file.unwrap();
        let mode = file.metadata().unwrap().permissions().mode() & 0o777;
        assert_eq!(mode, 0o600, "{}", file.path().display());
    }
}
