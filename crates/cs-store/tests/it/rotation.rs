//! A new master key: every secret stays readable, at every moment.

use std::sync::Arc;

use cs_store::testing::TestDatabase;
use cs_store::vault::{MasterKey, VaultError};
use cs_store::{Store, StoreError};

on_both_engines![a_rotated_master_key_opens_everything, an_interrupted_rotation_is_taken_up_again];

async fn open(database: &TestDatabase, file: &std::path::Path) -> Result<Store, StoreError> {
    let mut config = database.config();
    config.master = Arc::new(MasterKey::from_file(file)?);
    Store::open(config).await
}

async fn a_rotated_master_key_opens_everything(database: TestDatabase) {
    let file = database.dir.path().join("master.key");
    MasterKey::create_file(&file).unwrap();
    let store = open(&database, &file).await.unwrap();
    store.ensure_keys("DA1").await.unwrap();
    let sealed = store.vault().seal("DA1", "t", "c", "r", b"secret").unwrap();
    for round in 0..2 {
        let before = std::fs::read_to_string(&file).unwrap();
        store.rotate_master(&file).await.unwrap();
        let after = std::fs::read_to_string(&file).unwrap();
        assert_ne!(before, after);
        assert_eq!(after.lines().count(), 1);
        let old = file.with_extension("key.old");
        assert_eq!(std::fs::read_to_string(&old).unwrap(), before);
        // An account that is made after the rotation, by the process that rotated.
        store.ensure_keys(&format!("DA9{round}")).await.unwrap();
        let again = open(&database, &file).await.unwrap();
        assert_eq!(*again.vault().open("DA1", "t", "c", "r", &sealed).unwrap(), b"secret");
        assert!(again.vault().has_keys(&format!("DA9{round}")));
        let error = open(&database, &old).await.unwrap_err();
        assert!(matches!(error, StoreError::Vault(VaultError::WrongMasterKey)), "{error:?}");
    }
}

/// The process ended after the key file held both keys and before any key was rewrapped.
async fn an_interrupted_rotation_is_taken_up_again(database: TestDatabase) {
    let file = database.dir.path().join("master.key");
    MasterKey::create_file(&file).unwrap();
    let store = open(&database, &file).await.unwrap();
    store.ensure_keys("DA1").await.unwrap();
    let sealed = store.vault().seal("DA1", "t", "c", "r", b"secret").unwrap();
    store.shutdown().await;
    let old = std::fs::read_to_string(&file).unwrap();
    let new = "11".repeat(32);
    std::fs::write(&file, format!("{new}\n{old}")).unwrap();
    let store = open(&database, &file).await.unwrap();
    assert_eq!(*store.vault().open("DA1", "t", "c", "r", &sealed).unwrap(), b"secret");
    store.rotate_master(&file).await.unwrap();
    assert_eq!(std::fs::read_to_string(&file).unwrap(), format!("{new}\n"));
    let store = open(&database, &file).await.unwrap();
    assert_eq!(*store.vault().open("DA1", "t", "c", "r", &sealed).unwrap(), b"secret");
}
