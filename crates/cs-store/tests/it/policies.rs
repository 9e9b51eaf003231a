//! Policies: kept as given, changed under one version, remembered.

use cs_core::id::{AccountId, GroupId, IntegrationKey, PolicyKey};
use cs_store::accounts::{Account, login_settings};
use cs_store::policies::{
    PolicyRecord, PolicyRevision, PolicyScope, PolicyUse, delete_policy, ensure_global, forget_application,
    forget_group, policies_unchanged, replace_uses, turn_page,
};
use cs_store::testing::TestDatabase;
use cs_store::users::Slice;
use cs_store::{CommitError, Job, Step, Store, args};
use jiff::Timestamp;
use serde_json::Map;

on_both_engines![
    a_policy_is_kept_as_given,
    there_is_exactly_one_global_policy,
    an_account_from_before_policies_gets_its_global_one,
    uses_are_replaced_together_and_forgotten_with_what_they_are_about,
    a_revision_is_kept_after_its_policy_is_gone,
];

fn now() -> Timestamp {
    "2026-11-22T12:00:00Z".parse().unwrap()
}

fn account() -> AccountId {
    "DAABCDEFGHJKLMNPQRST".parse().unwrap()
}

fn policy(letter: &str) -> PolicyRecord {
    PolicyRecord {
        key: format!("PO{}", letter.repeat(18)).parse().unwrap(),
        name: format!("Policy {letter}"),
        is_global: false,
        sections: r#"{"screen_lock":{"require_screen_lock":true}}"#.to_owned(),
        version: 1,
        created_at: now(),
        modified_at: now(),
        staged: None,
    }
}

async fn commit(store: &Store, steps: impl IntoIterator<Item = Step>) -> Result<(), CommitError> {
    let job = steps.into_iter().fold(Job::new(), Job::step);
    store.commit(job).await.map(drop)
}

async fn a_policy_is_kept_as_given(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let made = store.policy_rows(account(), now()).await.unwrap();
    assert_eq!((made.version, made.policies.len(), made.uses.len()), (1, 1, 0));
    let a = policy("A");
    commit(&store, [turn_page(account(), 1), a.insert(account())]).await.unwrap();
    let rows = store.policy_rows(account(), now()).await.unwrap();
    assert_eq!((rows.version, &rows.policies[1]), (2, &a));
    assert!(rows.policies[0].is_global, "the global one leads");

    let same_name = PolicyRecord { name: a.name.clone(), ..policy("B") };
    assert!(commit(&store, [same_name.insert(account())]).await.is_err());
    assert!(commit(&store, [turn_page(account(), 1)]).await.is_err(), "it was turned already");
    commit(&store, [policies_unchanged(account(), 2)]).await.unwrap();
    assert!(commit(&store, [policies_unchanged(account(), 1)]).await.is_err());

    let renamed = PolicyRecord { name: "Other".to_owned(), ..a.clone() };
    commit(&store, [renamed.update(account())]).await.unwrap();
    assert!(commit(&store, [renamed.update(account())]).await.is_err(), "it is not as it was loaded");
    assert!(commit(&store, [delete_policy(account(), a.key, 1)]).await.is_err());
    commit(&store, [delete_policy(account(), a.key, 2)]).await.unwrap();
    assert_eq!(store.policy_rows(account(), now()).await.unwrap().policies.len(), 1);
    let other: AccountId = "DABBBBBBBBBBBBBBBBBB".parse().unwrap();
    assert_ne!(store.policy_rows(other, now()).await.unwrap().policies[0].key, rows.policies[0].key);
}

async fn there_is_exactly_one_global_policy(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let (first, second) = tokio::join!(store.policy_rows(account(), now()), store.policy_rows(account(), now()));
    assert_eq!(first.unwrap(), second.unwrap());
    commit(&store, ensure_global(account(), now())).await.unwrap();
    let rows = store.policy_rows(account(), now()).await.unwrap();
    let [global] = rows.policies.as_slice() else { panic!("{rows:?}") };
    assert_eq!(global.key, PolicyKey::global_of(account()));
    let another = PolicyRecord { is_global: true, ..policy("A") };
    assert!(commit(&store, [another.insert(account())]).await.is_err());
    let removal = commit(&store, [delete_policy(account(), global.key, global.version)]).await;
    assert!(removal.is_err(), "it cannot be removed");
}

/// What the migration does to a database that has accounts.
async fn an_account_from_before_policies_gets_its_global_one(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let settings = Map::new();
    let old = Account {
        id: account(),
        name: "Old".to_owned(),
        api_host: "old.example".to_owned(),
        login: login_settings(&settings),
        settings,
        version: 1,
        created_at: now(),
    };
    commit(&store, [old.insert()]).await.unwrap();
    let migration = include_str!("../../migrations/sqlite/V3__policy.sql");
    let code: String = migration.lines().filter(|line| !line.starts_with("--")).collect::<Vec<_>>().join(" ");
    let statements = code.split(';').map(|statement| statement.trim().to_owned());
    let fills: Vec<Step> = statements
        .filter(|statement| statement.starts_with("INSERT"))
        .map(|statement| Step::one(statement, args![]))
        .collect();
    assert_eq!(fills.len(), 2);
    commit(&store, fills).await.unwrap();
    let rows = store.policy_rows(account(), Timestamp::MAX).await.unwrap();
    assert_eq!((rows.version, rows.policies), (1, vec![PolicyRecord::new_global(account(), now())]));
}

async fn uses_are_replaced_together_and_forgotten_with_what_they_are_about(database: TestDatabase) {
    let store = database.open().await.unwrap();
    store.policy_rows(account(), now()).await.unwrap();
    let (a, b) = (policy("A").key, policy("B").key);
    let app: IntegrationKey = "DIAAAAAAAAAAAAAAAAAA".parse().unwrap();
    let group: GroupId = "DGAAAAAAAAAAAAAAAAAA".parse().unwrap();
    let at = |policy, scope, position| PolicyUse { policy, scope, position };
    let of_app = [
        at(a, PolicyScope::Application(app), 0),
        at(b, PolicyScope::ApplicationGroup(app, group), 0),
        at(a, PolicyScope::ApplicationGroup(app, group), 1),
    ];
    let of_groups = [at(b, PolicyScope::Group(group), 0)];
    commit(&store, replace_uses(account(), Some(app), &of_app)).await.unwrap();
    commit(&store, replace_uses(account(), Some(app), &of_app)).await.unwrap();
    commit(&store, replace_uses(account(), None, &of_groups)).await.unwrap();
    let rows = store.policy_rows(account(), now()).await.unwrap();
    let mut all = [&of_groups[..], &of_app[..]].concat();
    assert_eq!(rows.uses, all);
    let two = [of_app[0], at(b, PolicyScope::Application(app), 0)];
    assert!(commit(&store, replace_uses(account(), Some(app), &two)).await.is_err(), "one policy per application");

    commit(&store, forget_group(account(), group)).await.unwrap();
    let rows = store.policy_rows(account(), now()).await.unwrap();
    all.retain(|at| at.scope.group().is_none());
    assert_eq!((rows.version, rows.uses), (2, all), "logins hear of it");
    commit(&store, forget_group(account(), group)).await.unwrap();
    commit(&store, forget_application(account(), app)).await.unwrap();
    let rows = store.policy_rows(account(), now()).await.unwrap();
    assert_eq!((rows.version, rows.uses), (3, vec![]), "what changes nothing turns no page");
}

async fn a_revision_is_kept_after_its_policy_is_gone(database: TestDatabase) {
    let store = database.open().await.unwrap();
    let revision = |version| PolicyRevision {
        key: policy("A").key,
        version,
        name: format!("name {version}"),
        sections: "{}".to_owned(),
        uses: "[]".to_owned(),
        action: "policy_update".to_owned(),
        actor: "API".to_owned(),
        changed_at: now(),
    };
    commit(&store, (1..=3).map(|version| revision(version).insert(account()))).await.unwrap();
    assert!(commit(&store, [revision(3).insert(account())]).await.is_err(), "what was, was");
    let page = store.reader().policy_history(account(), policy("A").key, Slice { offset: 1, limit: 1 }).await.unwrap();
    assert_eq!((page.items, page.total), (vec![revision(2)], 3));
    let found = store.reader().policy_revision(account(), policy("A").key, 1).await.unwrap();
    assert_eq!(found, Some(revision(1)));
    assert_eq!(store.reader().policy_revision(account(), policy("B").key, 1).await.unwrap(), None);
}
