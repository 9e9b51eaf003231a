//! What a server cannot start with: it says what is wrong and what to do, and changes nothing.
#![expect(clippy::unwrap_used, reason = "tests")]

use std::fs;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Stdio;

use cs_store::vault::MasterKey;
use cs_store::{Database, Job, Step, Store, StoreConfig, args};
use e2e::crash::People;
use e2e::{Site, program};

/// Starts the server, which must end by itself, and gives what it said.
fn refusal(site: &Site) -> String {
    let mut command = program("countersign");
    command.args(["serve", "--data"]).arg(site.dir());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap() + &String::from_utf8(output.stdout).unwrap();
    assert!(!output.status.success() && output.status.code().is_some(), "{:?}: {said}", output.status);
    assert!(!said.contains("panicked") && !said.contains("RUST_BACKTRACE"), "{said}");
    said
}

fn copy_database(from: &Path, to: &Path) {
    for name in ["countersign.db", "countersign.db-wal"] {
        if from.join(name).exists() {
            fs::copy(from.join(name), to.join(name)).unwrap();
        }
    }
}

#[test]
fn a_database_put_back_by_hand_is_refused() {
    let mut site = Site::start();
    let mut people = People::make(&site, 1);
    let person = &mut people.0[0];
    let log_in = |site: &Site, code: &str| {
        site.auth().post("/auth/v2/auth", &[("username", "person0"), ("factor", "passcode"), ("passcode", code)]).ok()
    };
    assert_eq!(log_in(&site, person.fresh().text())["result"], "allow");
    site.kill();
    let copy = tempfile::tempdir().unwrap();
    copy_database(site.dir(), copy.path());
    site.serve();
    let used = person.fresh();
    let mark = fs::read(site.dir().join("high-water.json")).unwrap();
    assert_eq!(log_in(&site, used.text())["result"], "allow");
    // A checkpoint follows within a second.
    while fs::read(site.dir().join("high-water.json")).unwrap() == mark {
        std::thread::yield_now();
    }
    site.kill();
    fs::remove_file(site.dir().join("countersign.db-shm")).unwrap();
    fs::remove_file(site.dir().join("countersign.db-wal")).unwrap();
    copy_database(copy.path(), site.dir());
    let said = refusal(&site);
    assert!(said.contains("the database is older than it was") && said.contains("countersign restore"), "{said}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_of_a_newer_version_is_refused_and_left_alone() {
    let mut site = tokio::task::block_in_place(Site::start);
    tokio::task::block_in_place(|| site.kill());
    let master = MasterKey::from_file(&site.dir().join("master.key")).unwrap();
    let database = Database::Sqlite(site.dir().join("countersign.db"));
    let store = Store::open(StoreConfig::new(database, master.into())).await.unwrap();
    let newer = "INSERT INTO refinery_schema_history (version, name, applied_on, checksum) \
                 SELECT 999, 'later', applied_on, checksum FROM refinery_schema_history WHERE version = 1";
    // It does not say that this version works on its schema.
    let silent = Step::one("DELETE FROM meta WHERE name = 'oldest_working_schema'", args![]);
    store.commit(Job::new().step(Step::one(newer, args![])).step(silent).alone()).await.unwrap();
    store.shutdown().await;
    let said = tokio::task::block_in_place(|| refusal(&site));
    assert!(said.contains("schema version 999") && said.contains("run the newer countersign"), "{said}");
}

#[test]
fn a_master_key_that_others_can_read_is_refused() {
    let mut site = Site::start();
    site.kill();
    let key = site.dir().join("master.key");
    fs::set_permissions(&key, fs::Permissions::from_mode(0o644)).unwrap();
    let said = refusal(&site);
    assert!(said.contains("master.key") && said.contains("chmod 600"), "{said}");
}

#[test]
fn a_missing_broken_or_wrong_master_key_is_named_and_not_replaced() {
    let mut site = Site::start();
    site.kill();
    let key = site.dir().join("master.key");
    let right = fs::read(&key).unwrap();
    fs::remove_file(&key).unwrap();
    let said = refusal(&site);
    assert!(said.contains("no master key") && !key.exists(), "{said}");
    for (wrong, words) in [("nonsense", "master.key"), (&*"ab".repeat(32), "key")] {
        fs::write(&key, wrong).unwrap();
        fs::set_permissions(&key, fs::Permissions::from_mode(0o600)).unwrap();
        let said = refusal(&site);
        assert!(said.contains(words) && !said.contains(wrong), "{said}");
        assert_eq!(fs::read(&key).unwrap(), wrong.as_bytes());
    }
    fs::write(&key, right).unwrap();
    site.serve();
}

#[test]
fn broken_lines_of_the_configuration_are_named_by_number() {
    let mut site = Site::start();
    site.kill();
    let path = site.dir().join("countersign.toml");
    let lines = fs::read_to_string(&path).unwrap().lines().count();
    site.configure("[limits]\nlogins_in_fligth = 3\nwaiting = \"many\"");
    let said = refusal(&site);
    for (line, key) in [(lines + 3, "logins_in_fligth"), (lines + 4, "waiting")] {
        assert!(said.contains(key) && said.contains(&format!(":{line}: ")), "line {line}: {said}");
    }
}
