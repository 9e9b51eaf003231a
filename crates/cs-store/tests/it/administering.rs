//! Administrators, integrations as administrators see them, and lists of the log, on both engines.

use cs_core::admin::Role;
use cs_core::id::{AccountId, AdminId, IntegrationKey};
use cs_core::integration::{IntegrationType, Permission, Permissions, UserAccess};
use cs_core::secret::SecretKey;
use cs_core::username::UsernameNormalization;
use cs_core::web_origin::WebOrigins;
use cs_store::administrators::{Administrator, AdministratorStatus, another_owner};
use cs_store::audit::{LogFilter, LogKind, LogOrder, LogPage, LogRecord, Outcome};
use cs_store::integrations::{IntegrationRecord, delete_integration};
use cs_store::testing::TestDatabase;
use cs_store::{CommitError, Job, Store};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, json};

on_both_engines![
    an_administrator_is_kept_as_given,
    two_owners_cannot_remove_each_other,
    an_integration_is_kept_as_given_and_rotated,
    a_log_is_read_in_pages,
    a_log_is_filtered_and_counted,
];

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn account() -> AccountId {
    "DAAAAAAAAAAAAAAAAAAA".parse().unwrap()
}

fn administrator(letter: char) -> Administrator {
    let id: AdminId = format!("DE{}", letter.to_string().repeat(18)).parse().unwrap();
    Administrator {
        account: account(),
        id,
        email: format!("{letter}@example.org").to_lowercase(),
        name: "N".to_owned(),
        phone: String::new(),
        role: Role::Owner,
        status: AdministratorStatus::Active,
        has_password: false,
        setup_expires: None,
        password_change_required: true,
        external_password: false,
        restricted: false,
        version: 1,
        created_at: now(),
        last_login: None,
    }
}

async fn commit(store: &Store, job: Job) {
    store.commit(job).await.unwrap();
}

async fn an_administrator_is_kept_as_given(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let eve = administrator('E');
    commit(&store, Job::new().step(eve.insert())).await;
    assert_eq!(store.administrator_by_email(account(), "E@Example.ORG").await.unwrap(), Some(eve.clone()));
    assert!(matches!(store.commit(Job::new().step(eve.insert())).await, Err(CommitError::Conflict { step: 0 })));

    let expires = now() + SignedDuration::from_hours(1);
    commit(&store, Job::new().step(eve.set_setup(Some((&[7; 32], expires))))).await;
    let eve = store.administrator(account(), eve.id).await.unwrap().unwrap();
    assert_eq!((eve.setup_expires, eve.has_password, eve.version), (Some(expires), false, 2));
    commit(&store, Job::new().step(eve.set_password("$argon2id$x"))).await;
    let eve = store.administrator(account(), eve.id).await.unwrap().unwrap();
    assert_eq!((eve.setup_expires, eve.has_password, eve.password_change_required), (None, true, false));
    assert_eq!(store.password_hash(account(), eve.id).await.unwrap().as_deref(), Some("$argon2id$x"));

    let stale = Administrator { version: 1, ..eve.clone() };
    assert!(matches!(store.commit(Job::new().step(stale.update())).await, Err(CommitError::Conflict { .. })));
    let other: AccountId = "DABBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert_eq!(store.administrator(other, eve.id).await.unwrap(), None);
    assert_eq!(store.administrators(account(), 10, 0).await.unwrap(), (vec![eve.clone()], 1));
    commit(&store, Job::new().step(eve.delete())).await;
    assert_eq!(store.administrators(account(), 10, 0).await.unwrap(), (vec![], 0));
}

async fn two_owners_cannot_remove_each_other(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let (a, b) = (administrator('A'), administrator('B'));
    commit(&store, Job::new().step(a.insert()).step(b.insert())).await;
    let removal = |who: &Administrator| Job::new().alone().step(another_owner(account(), who.id)).step(who.delete());
    let (first, second) = tokio::join!(store.commit(removal(&a)), store.commit(removal(&b)));
    assert!(first.is_ok() != second.is_ok(), "{first:?} {second:?}");
    let (left, _) = store.administrators(account(), 10, 0).await.unwrap();
    assert_eq!(left.len(), 1);
    assert!(store.commit(removal(&left[0])).await.is_err(), "the last owner stays");
}

fn integration() -> IntegrationRecord {
    IntegrationRecord {
        account: account(),
        key: "DIAAAAAAAAAAAAAAAAAA".parse().unwrap(),
        name: "Wiki".to_owned(),
        kind: IntegrationType::parse("adminapi").unwrap(),
        notes: "n".to_owned(),
        greeting: "g".to_owned(),
        new_user: None,
        normalization: UsernameNormalization::None,
        user_access: UserAccess::Groups(vec!["DGAAAAAAAAAAAAAAAAAA".parse().unwrap()]),
        self_service_allowed: true,
        remembered_days: Some(7),
        legacy_signatures: false,
        legacy_last_used: None,
        permissions: Permissions::NONE.with(Permission::ReadLog),
        api_networks: "10.0.0.0/8".to_owned(),
        frame_origins: WebOrigins::parse("https://a.example,http://localhost:5000").unwrap(),
        extra: Map::from_iter([("visual_style".to_owned(), json!("default"))]),
        enabled: true,
        version: 1,
        created_at: now(),
        previous_secret_until: None,
    }
}

async fn an_integration_is_kept_as_given_and_rotated(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.ensure_keys(account().as_str()).await.unwrap();
    let (vault, record) = (store.vault(), integration());
    let secret = |letter: &str| SecretKey::from_text(letter.repeat(40));
    commit(&store, Job::new().step(record.insert(vault, &secret("a")).unwrap())).await;
    assert_eq!(store.integration_record(account(), record.key).await.unwrap(), Some(record.clone()));
    assert_eq!(store.integration_records(account(), 10, 0).await.unwrap(), (vec![record.clone()], 1));
    assert_eq!(store.integrations_of_type(account(), "authapi").await.unwrap(), vec![]);

    let until = now() + SignedDuration::from_hours(24);
    let mut changed = IntegrationRecord { name: "Other".to_owned(), user_access: UserAccess::All, ..record.clone() };
    let job = Job::new().step(changed.update()).step(changed.rotate(vault, &secret("b"), until, 2).unwrap());
    commit(&store, job).await;
    let (previous, version) = (Some(until), 3);
    (changed.previous_secret_until, changed.version) = (previous, version);
    assert_eq!(store.integration_record(account(), record.key).await.unwrap(), Some(changed));
    let opened = store.integration(account(), record.key).await.unwrap().unwrap();
    assert!(opened.secret == secret("b"));
    assert!(opened.previous_secret.is_some_and(|(old, end)| old == secret("a") && end == until));
    assert!(store.commit(Job::new().step(record.update())).await.is_err(), "it is not as it was loaded");

    let gone: IntegrationKey = record.key;
    commit(&store, Job::new().step(delete_integration(account(), gone))).await;
    commit(&store, Job::new().step(delete_integration(account(), gone))).await;
    assert_eq!(store.integration_record(account(), gone).await.unwrap(), None);
}

/// Seven logins, two of them at the same moment; users, results and factors take turns.
async fn with_log(database: &TestDatabase) -> Store {
    let store = database.open().await.unwrap();
    let mut job = Job::new();
    for n in 0..7_i64 {
        let at = now() + SignedDuration::from_millis(if n == 4 { 3 } else { n });
        let mut record = LogRecord::new(account().as_str(), LogKind::Auth, format!("id-{n}"), at);
        record.user_id = (n != 6).then(|| format!("DU{}", n % 2));
        record.result = Some(if n % 3 == 0 { "success" } else { "denied" }.to_owned());
        record.factor = Some(if n < 2 { "duo_push" } else { "passcode" }.to_owned());
        job = job.log(record);
    }
    job = job.log(LogRecord::new(account().as_str(), LogKind::Admin, "other", now()));
    commit(&store, job).await;
    store
}

fn page(order: LogOrder, limit: u32) -> LogPage {
    LogPage { from: now(), to: now() + SignedDuration::from_millis(6), order, after: None, limit }
}

async fn a_log_is_read_in_pages(database: TestDatabase) {
    let store = with_log(&database).await;
    let reader = store.reader();
    for order in [LogOrder::Ascending, LogOrder::Descending] {
        let mut page = page(order, 2);
        let mut seen = Vec::new();
        loop {
            let entries = reader.log_page(account(), LogKind::Auth, &LogFilter::default(), &page).await.unwrap();
            let Some(last) = entries.last() else { break };
            page.after = Some((last.at, last.id.clone()));
            seen.extend(entries.into_iter().map(|entry| entry.id));
        }
        if order == LogOrder::Descending {
            seen.reverse();
        }
        assert_eq!(seen, ["id-0", "id-1", "id-2", "id-3", "id-4", "id-5", "id-6"]);
    }
    let later = LogPage { from: now() + SignedDuration::from_millis(6), ..page(LogOrder::Ascending, 10) };
    assert_eq!(reader.log_page(account(), LogKind::Auth, &LogFilter::default(), &later).await.unwrap().len(), 1);
}

async fn a_log_is_filtered_and_counted(database: TestDatabase) {
    let store = with_log(&database).await;
    let reader = store.reader();
    let texts = |words: &[&str]| words.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    let all = LogFilter::default;
    for (filter, expected) in [
        (all(), 7),
        (LogFilter { users: texts(&["DU0"]), ..all() }, 3),
        (LogFilter { users: texts(&["DU0", "DU1"]), ..all() }, 6),
        (LogFilter { users: texts(&["DU"]), ..all() }, 0),
        (LogFilter { users: texts(&["%"]), ..all() }, 0),
        (LogFilter { results: texts(&["success"]), factors: texts(&["passcode"]), ..all() }, 2),
        (LogFilter { reasons: texts(&["user_approved"]), ..all() }, 0),
    ] {
        let page = page(LogOrder::Ascending, 100);
        let found = reader.log_page(account(), LogKind::Auth, &filter, &page).await.unwrap();
        let count = reader.log_count(account(), LogKind::Auth, &filter, page.from, page.to).await.unwrap();
        assert_eq!((found.len(), count), (expected, expected as i64), "{filter:?}");
    }
    let mut outcomes = reader.outcomes(account(), now(), now() + SignedDuration::from_secs(1)).await.unwrap();
    outcomes.sort_by(|a, b| a.result.cmp(&b.result));
    let outcome = |result: &str, attempts, users| Outcome { result: result.to_owned(), attempts, users };
    assert_eq!(outcomes, [outcome("denied", 4, 2), outcome("success", 3, 2)]);
}
