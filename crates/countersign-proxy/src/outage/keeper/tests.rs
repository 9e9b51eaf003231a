//! Codes, the journal and leaves that are kept, through restarts.

use cs_client::outage::DeviceKey;
use cs_client::outage::{BundleUser, signed};
use cs_core::otp::OutageSeed;

use super::*;

const IKEY: &str = "DIXXXXXXXXXXXXXXXXXX";
const NOW: i64 = 60_000_015;

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(second).unwrap()
}

fn open(folder: &Path) -> Keeper {
    let mut keeper = Keeper::open(folder, at(NOW), &mut |octets| octets.fill(7)).unwrap();
    keeper.load(IKEY, "secret");
    keeper
}

/// The same folder as after the end of the process, whose lock is gone with it.
fn restarted(folder: &tempfile::TempDir) -> tempfile::TempDir {
    let other = tempfile::tempdir().unwrap();
    for entry in std::fs::read_dir(folder.path()).unwrap().flatten() {
        std::fs::copy(entry.path(), other.path().join(entry.file_name())).unwrap();
    }
    other
}

fn seed() -> OutageSeed {
    OutageSeed::from_bytes([1; 20])
}

fn code(second: i64) -> String {
    seed().code(at(second)).unwrap().to_string()
}

fn bundle(key: &DeviceKey, ikey: &str) -> String {
    let seeds = vec![BASE64URL_NOPAD.encode(seed().expose())];
    let bundle = Bundle {
        v: 1,
        account: "DA".to_owned(),
        ikey: ikey.to_owned(),
        group: "hq".to_owned(),
        normalization: "none".to_owned(),
        made_at: NOW,
        until: NOW + 3600,
        attempts: 3,
        uses: 10,
        users: vec![BundleUser { id: "DU1".to_owned(), names: vec!["alice".to_owned()], seeds }],
    };
    signed(&bundle, key).unwrap()
}

fn token(key: &DeviceKey, id: &str) -> String {
    let token = EmergencyToken {
        v: 1,
        account: "DA".to_owned(),
        id: id.to_owned(),
        sections: vec!["vpn".to_owned()],
        minutes: 30,
        made_at: NOW,
        use_before: NOW + 7200,
        owner: "owner@example.org".to_owned(),
        reason: "the line is cut".to_owned(),
    };
    signed(&token, key).unwrap()
}

#[test]
fn a_used_code_is_used_after_a_restart_too() {
    let folder = tempfile::tempdir().unwrap();
    let key = DeviceKey::generate().unwrap();
    let mut keeper = open(folder.path());
    assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Err(NoCode::NoBundle));
    keeper.keep_key(IKEY, key.public().jwk()).unwrap();
    keeper.keep_bundle(IKEY, "secret", &bundle(&key, IKEY)).unwrap();
    assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Ok(()));
    assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Err(NoCode::Used));
    let again = restarted(&folder);
    let mut keeper = open(again.path());
    assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW), at(NOW)), Err(NoCode::Used));
    assert_eq!(keeper.code(IKEY, "alice", None, &code(NOW + 30), at(NOW + 30)), Ok(()));
    // Everything of it is there to be told, once.
    assert_eq!(keeper.events(IKEY, 0, 100).len(), 4);
    assert!(keeper.events(IKEY, 4, 100).is_empty());
    // The files alone, without the application's secret, hold no code.
    let mut stranger = Keeper::open(restarted(&folder).path(), at(NOW), &mut |octets| octets.fill(7)).unwrap();
    stranger.load(IKEY, "another secret");
    assert_eq!(stranger.code(IKEY, "alice", None, &code(NOW + 60), at(NOW + 60)), Err(NoCode::NoBundle));
}

#[test]
fn what_the_server_did_not_sign_is_not_kept() {
    let folder = tempfile::tempdir().unwrap();
    let (key, other) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
    let mut keeper = open(folder.path());
    keeper.keep_key(IKEY, key.public().jwk()).unwrap();
    assert!(matches!(keeper.keep_key(IKEY, other.public().jwk()), Err(KeepError::AnotherKey(_))));
    assert!(keeper.keep_bundle(IKEY, "secret", &bundle(&other, IKEY)).is_err());
    assert!(keeper.keep_bundle(IKEY, "secret", &bundle(&key, "DIYYYYYYYYYYYYYYYYYY")).is_err());
    assert!(keeper.bundle(IKEY, at(NOW)).is_none());
}

#[test]
fn an_emergency_begins_once_names_its_sections_and_ends_by_itself() {
    let folder = tempfile::tempdir().unwrap();
    let (key, other) = (DeviceKey::generate().unwrap(), DeviceKey::generate().unwrap());
    let mut keeper = open(folder.path());
    keeper.keep_key(IKEY, key.public().jwk()).unwrap();
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW)), None);
    assert!(matches!(put_token(folder.path(), &token(&other, "one")), Err(KeepError::NotSigned)));
    put_token(folder.path(), &token(&key, "one")).unwrap();
    assert_eq!(keeper.emergency("ssh", IKEY, at(NOW)), None, "another section");
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW)), Some(NOW + 1800));
    // A restart makes it no longer.
    let again = restarted(&folder);
    let mut keeper = open(again.path());
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 1799)), Some(NOW + 1800));
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 1800)), None);
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 1801)), None, "a token is good for one time");
    let kinds: Vec<EventKind> = keeper.events(IKEY, 0, 100).iter().map(|event| event.kind).collect();
    assert_eq!(kinds, [EventKind::EmergencyBegun, EventKind::EmergencyEnded]);
    // Ended by hand, and not begun again by putting the file back.
    put_token(again.path(), &token(&key, "another")).unwrap();
    assert!(keeper.emergency("vpn", IKEY, at(NOW + 2000)).is_some());
    assert!(remove_token(again.path()).unwrap());
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 2001)), None);
    put_token(again.path(), &token(&key, "another")).unwrap();
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 2002)), None);
    put_token(again.path(), &token(&key, "late")).unwrap();
    assert_eq!(keeper.emergency("vpn", IKEY, at(NOW + 7200)), None, "it had to be put to use earlier");
}

#[test]
fn authquake_codes_for_outages_guessed_from_many_connections_share_one_count() {
    let folder = tempfile::tempdir().unwrap();
    let key = DeviceKey::generate().unwrap();
    let mut keeper = open(folder.path());
    keeper.keep_key(IKEY, key.public().jwk()).unwrap();
    keeper.keep_bundle(IKEY, "secret", &bundle(&key, IKEY)).unwrap();
    let keeper = std::sync::Mutex::new(keeper);
    // No guess is the code of this moment or of its neighbours.
    let codes: Vec<String> = [-30, 0, 30].iter().map(|apart| code(NOW + apart)).collect();
    let guesses: Vec<String> =
        (0..70).map(|n| format!("{n:06}")).filter(|guess| !codes.contains(guess)).take(64).collect();
    let guess = |typed: &String| keeper.lock().unwrap().code(IKEY, "alice", None, typed, at(NOW));
    let results: Vec<_> = std::thread::scope(|scope| {
        let threads: Vec<_> = guesses.iter().map(|typed| scope.spawn(move || guess(typed))).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    let of = |why| results.iter().filter(|result| **result == Err(why)).count();
    assert_eq!((of(NoCode::Wrong), of(NoCode::TooManyWrong)), (3, 61), "as many as the server said, over all");
    assert_eq!(guess(&code(NOW)), Err(NoCode::TooManyWrong), "nor does the right one count any more");
}
