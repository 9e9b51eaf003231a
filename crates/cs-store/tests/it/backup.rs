//! Backups restore on either engine; what is damaged is refused before anything is written.

use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use cs_store::backup::{self, BackupError, Summary};
use cs_store::highwater::HighWater;
use cs_store::testing::{Engine, TestDatabase};
use cs_store::{Job, Step, Store, StoreConfig, StoreError, args, audit};
use jiff::Timestamp;

use crate::common::*;

on_both_engines![
    a_backup_restores_on_either_engine,
    a_damaged_backup_writes_nothing,
    a_database_with_data_is_not_restored_into,
    each_restore_has_a_later_generation,
    a_half_restored_database_is_not_opened,
    a_backup_is_of_one_moment,
];

async fn write(store: &Store, file: PathBuf) -> Result<Summary, BackupError> {
    let out = Box::new(std::fs::File::create(file).unwrap());
    backup::backup(store, out, Box::new(|_, _| {}), Timestamp::UNIX_EPOCH).await
}

async fn restore(config: &StoreConfig, file: PathBuf, steps: Vec<Step>) -> Result<Summary, BackupError> {
    backup::restore(config, &file, steps, Box::new(|_, _| {})).await
}

/// Another empty database, under the master key of `like`.
fn target(engine: Engine, like: &TestDatabase) -> Option<(TestDatabase, StoreConfig)> {
    let target = TestDatabase::new(engine)?;
    let config = StoreConfig::new(target.database.clone(), like.master.clone());
    Some((target, config))
}

async fn a_backup_restores_on_either_engine(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.ensure_keys("DA1").await.unwrap();
    let sealed = store.vault().seal("DA1", "t", "c", "r", b"secret").unwrap();
    let rows = (0..1_200).fold(Job::new(), |job, n| job.and(fact(&format!("fact {n}"), "new \"x\" \n ü")));
    store.commit(rows.log(record("1")).log(record("2"))).await.unwrap();
    store.checkpoint().await.unwrap();
    let file = database.dir.path().join("backup");
    let seen = Arc::new(Mutex::new(Vec::new()));
    let notes = seen.clone();
    let progress = Box::new(move |table: &str, _| notes.lock().unwrap().push(table.to_owned()));
    let out = Box::new(std::fs::File::create(&file).unwrap());
    let made = backup::backup(&store, out, progress, Timestamp::UNIX_EPOCH).await.unwrap();
    assert!(seen.lock().unwrap().contains(&"meta".to_owned()));
    assert_eq!(backup::check(&file, &database.master).unwrap(), made);
    for engine in [Engine::Sqlite, Engine::Postgres] {
        let Some((_target, config)) = target(engine, &database) else { continue };
        let void = Step::any("UPDATE meta SET value = 'void' WHERE name = $1", args!["fact 7"]);
        let restored = restore(&config, file.clone(), vec![void]).await.unwrap();
        assert_eq!((restored.rows, restored.generation), (made.rows, 2));
        let again = Store::open(config).await.unwrap();
        assert_eq!((again.database_id(), again.generation()), (store.database_id(), 2));
        let value = |name: &'static str| {
            let again = again.clone();
            async move { again.query(VALUE, args![name]).await.unwrap()[0].text(0).unwrap() }
        };
        assert_eq!(value("fact 8").await, "new \"x\" \n ü");
        assert_eq!(value("fact 7").await, "void");
        assert_eq!(*again.vault().open("DA1", "t", "c", "r", &sealed).unwrap(), b"secret");
        let report = audit::verify(&again, None).await.unwrap();
        assert_eq!((report.findings, report.rows, report.checkpoints), (vec![], 2, 1));
    }
}

async fn a_damaged_backup_writes_nothing(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.commit(fact("a", "1")).await.unwrap();
    let file = database.dir.path().join("backup");
    write(&store, file.clone()).await.unwrap();
    let whole = std::fs::read(&file).unwrap();
    let mut changed = whole.clone();
    let place = changed.windows(9).position(|part| part == b"[\"a\",\"1\"]").unwrap();
    changed[place + 6] = b'2';
    let last_line = whole[..whole.len() - 1].iter().rposition(|c| *c == b'\n').unwrap();
    let mut without_row = whole.clone();
    without_row.drain(place..place + 10);
    let damaged: [&[u8]; 5] = [&changed, &whole[..last_line + 1], &whole[..whole.len() / 2], &without_row, b"{}\n"];
    let (_target, config) = target(Engine::Sqlite, &database).unwrap();
    for bytes in damaged {
        std::fs::write(&file, bytes).unwrap();
        restore(&config, file.clone(), vec![]).await.unwrap_err();
    }
    std::fs::write(&file, &whole).unwrap();
    let other = TestDatabase::new(Engine::Sqlite).unwrap();
    let error = restore(&other.config(), file.clone(), vec![]).await.unwrap_err();
    assert!(matches!(error, BackupError::NotAuthentic), "another master key: {error:?}");
    restore(&config, file, vec![]).await.unwrap();
}

async fn a_database_with_data_is_not_restored_into(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let file = database.dir.path().join("backup");
    write(&store, file.clone()).await.unwrap();
    let error = restore(&database.config(), file, vec![]).await.unwrap_err();
    assert!(matches!(error, BackupError::NotEmpty), "{error:?}");
}

async fn each_restore_has_a_later_generation(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let file = database.dir.path().join("backup");
    write(&store, file.clone()).await.unwrap();
    for generation in 2..5 {
        let Some((_target, mut config)) = target(Engine::Sqlite, &database) else { return };
        config.high_water = Some(database.dir.path().join("high-water"));
        assert_eq!(restore(&config, file.clone(), vec![]).await.unwrap().generation, generation);
        assert_eq!(Store::open(config).await.unwrap().generation(), generation);
    }
    // The database as it was before the restores is refused now.
    store.shutdown().await;
    let mut config = database.config();
    config.high_water = Some(database.dir.path().join("high-water"));
    let error = Store::open(config.clone()).await.unwrap_err();
    assert!(matches!(error, StoreError::HighWater(_)), "{error:?}");
    assert_eq!(HighWater::read(&config.high_water.unwrap()).unwrap().unwrap().generation, 4);
}

async fn a_half_restored_database_is_not_opened(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let file = database.dir.path().join("backup");
    write(&store, file.clone()).await.unwrap();
    let (_target, config) = target(Engine::Sqlite, &database).unwrap();
    let broken = Step::any("UPDATE nowhere SET x = 1", args![]);
    restore(&config, file, vec![broken]).await.unwrap_err();
    let error = Store::open(config).await.unwrap_err();
    assert!(matches!(error, StoreError::HalfRestored), "{error:?}");
}

/// While the backup runs, pairs of rows are written; the backup has no half pair.
async fn a_backup_is_of_one_moment(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let writing = tokio::spawn({
        let store = store.clone();
        async move {
            for n in 0..300 {
                let pair = fact(&format!("a{n}"), "x").step(Step::one(
                    "INSERT INTO data_key (account, purpose, key_id, wrapped, created_at) VALUES ($1, 'x', 1, $2, 0)",
                    args![format!("a{n}"), [0u8; 4]],
                ));
                store.commit(pair).await.unwrap();
            }
        }
    });
    let mut pairs = Vec::new();
    for n in 0..5 {
        let file = database.dir.path().join(format!("backup{n}"));
        write(&store, file.clone()).await.unwrap();
        let text = std::fs::read_to_string(file).unwrap();
        let count = |part: &str| text.lines().filter(|line| line.contains(part)).count();
        assert_eq!(count("\",\"x\"]"), count("\",\"x\",1,"));
        pairs.push(count("\",\"x\"]"));
    }
    writing.await.unwrap();
    assert!(pairs.is_sorted());
}
