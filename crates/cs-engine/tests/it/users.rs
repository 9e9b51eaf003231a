use std::collections::BTreeMap;

use cs_core::id::UserId;
use cs_core::lockout::Lock;
use cs_core::otp::TokenForm;
use cs_core::user::{DefaultFactor, UserStatus};
use cs_engine::admin::users::{SeedUser, UserChange};
use cs_engine::{EngineError, SystemRng};
use cs_store::users::{Slice, UserFilter};
use jiff::SignedDuration;

use crate::site::{ALL, Site};

on_both_engines![
    a_user_is_kept_as_given,
    usernames_and_aliases_are_one_space_of_names,
    names_can_be_given_up_and_taken_again,
    bad_values_name_their_parameter,
    setting_active_unlocks,
    of_parallel_changes_none_is_lost,
    deleting_takes_everything_that_is_the_users,
    the_trash_refuses_restores_and_ends,
    lists_are_paged_and_filtered,
    another_accounts_users_are_not_found,
    bulk_creation_is_all_or_nothing,
    many_users_are_seeded_with_tokens,
    pages_far_into_a_list_go_on_where_the_last_one_ended,
];

fn aliases(names: &[(u8, &str)]) -> BTreeMap<u8, String> {
    names.iter().map(|(slot, name)| (*slot, (*name).to_owned())).collect()
}

async fn a_user_is_kept_as_given(site: Site) {
    let change = UserChange {
        aliases: aliases(&[(1, "al"), (8, "Alice.B")]),
        realname: Some("Alice B".into()),
        firstname: Some("Alice".into()),
        email: Some("alice@example.org".into()),
        notes: Some("left-handed".into()),
        status: Some(UserStatus::Bypass),
        bypass_reason: Some("left the phone at home".into()),
        auto_prompt: Some(false),
        default_factor: Some(Some(DefaultFactor::Passcode)),
        custom: [("badge".to_owned(), "17".to_owned())].into(),
        ..UserChange::default()
    };
    let created = site.engine.create_user(site.account, &site.actor, " Alice ", &change).await.unwrap();
    assert_eq!(created.username, "Alice");
    assert_eq!(site.record(created.id).await.unwrap(), created);

    let change = UserChange {
        aliases: aliases(&[(1, "")]),
        realname: Some(String::new()),
        custom: [("badge".to_owned(), String::new())].into(),
        default_factor: Some(None),
        ..UserChange::default()
    };
    site.engine.change_user(site.account, &site.actor, created.id, &change).await.unwrap();
    let changed = site.record(created.id).await.unwrap();
    assert_eq!(changed.aliases, aliases(&[(8, "Alice.B")]));
    assert_eq!((changed.realname, changed.firstname.as_deref()), (None, Some("Alice")));
    assert!(changed.custom.is_empty() && changed.default_factor.is_none());
    assert_eq!(changed.version, created.version + 1);
}

async fn usernames_and_aliases_are_one_space_of_names(site: Site) {
    let first = UserChange { aliases: aliases(&[(2, "Ally")]), ..UserChange::default() };
    let alice = site.engine.create_user(site.account, &site.actor, "alice", &first).await.unwrap().id;
    for taken in ["ALICE", "ally", "\u{ff41}lice"] {
        let error = site.engine.create_user(site.account, &site.actor, taken, &UserChange::default()).await;
        assert!(matches!(error, Err(EngineError::Exists("username"))), "{taken}: {error:?}");
    }
    let bob = site.user("bob").await;
    let change = UserChange { aliases: aliases(&[(1, "aLLy")]), ..UserChange::default() };
    let error = site.engine.change_user(site.account, &site.actor, bob, &change).await;
    assert!(matches!(error, Err(EngineError::Exists("username"))), "{error:?}");
    assert!(site.record(bob).await.unwrap().aliases.is_empty());

    let twice = UserChange { aliases: aliases(&[(1, "x"), (2, "X")]), ..UserChange::default() };
    let error = site.engine.change_user(site.account, &site.actor, bob, &twice).await;
    assert!(matches!(error, Err(EngineError::Exists("username"))), "{error:?}");

    assert_eq!(site.login("ally").await.unwrap().id, alice);
    // The other account has names of its own.
    site.engine.create_user(site.other, &site.actor, "alice", &UserChange::default()).await.unwrap();
}

async fn names_can_be_given_up_and_taken_again(site: Site) {
    let alice = site.user("alice").await;
    let rename = UserChange { username: Some("alicia".into()), ..UserChange::default() };
    site.engine.change_user(site.account, &site.actor, alice, &rename).await.unwrap();
    assert!(site.login("alice").await.is_none());
    assert_eq!(site.login("alicia").await.unwrap().username, "alicia");
    site.user("alice").await;
}

async fn bad_values_name_their_parameter(site: Site) {
    let alice = site.user("alice").await;
    let long = || Some("x".repeat(5000));
    for (expected, change) in [
        ("username", UserChange { username: Some(" ".into()), ..UserChange::default() }),
        ("aliases", UserChange { aliases: aliases(&[(9, "x")]), ..UserChange::default() }),
        ("aliases", UserChange { aliases: aliases(&[(0, "x")]), ..UserChange::default() }),
        ("realname", UserChange { realname: long(), ..UserChange::default() }),
        ("notes", UserChange { notes: long(), ..UserChange::default() }),
        ("email", UserChange { email: Some("nobody".into()), ..UserChange::default() }),
        ("lastname", UserChange { lastname: Some("a\0b".into()), ..UserChange::default() }),
        ("custom_attributes", UserChange { custom: [(String::new(), "x".into())].into(), ..UserChange::default() }),
    ] {
        let error = site.engine.change_user(site.account, &site.actor, alice, &change).await;
        assert!(matches!(error, Err(EngineError::Invalid(name)) if name == expected), "{expected}: {error:?}");
    }
    assert_eq!(site.version(alice).await, 1);
}

async fn setting_active_unlocks(site: Site) {
    let alice = site.user("alice").await;
    site.engine.lock_user(site.account, &site.actor, alice).await.unwrap();
    assert!(matches!(site.record(alice).await.unwrap().lockout.lock, Lock::ByAdministrator { .. }));
    assert!(site.login("alice").await.unwrap().lockout.check(site.clock.now()).is_err());
    let active = UserChange { status: Some(UserStatus::Active), ..UserChange::default() };
    site.engine.change_user(site.account, &site.actor, alice, &active).await.unwrap();
    assert_eq!(site.record(alice).await.unwrap().lockout.lock, Lock::Open);

    site.engine.lock_user(site.account, &site.actor, alice).await.unwrap();
    site.engine.unlock_user(site.account, &site.actor, alice).await.unwrap();
    site.engine.forget_remembered(site.account, &site.actor, alice).await.unwrap();
    let user = site.record(alice).await.unwrap();
    assert_eq!((user.lockout.lock, user.trust_epoch, user.version), (Lock::Open, 1, 6));
}

async fn of_parallel_changes_none_is_lost(site: Site) {
    let alice = site.user("alice").await;
    let changes = (0..8).map(|n| {
        let (engine, account, actor) = (site.engine.clone(), site.account, site.actor.clone());
        let change = UserChange { custom: [(format!("k{n}"), "v".to_owned())].into(), ..UserChange::default() };
        tokio::spawn(async move { engine.change_user(account, &actor, alice, &change).await })
    });
    for change in changes.collect::<Vec<_>>() {
        change.await.unwrap().unwrap();
    }
    let user = site.record(alice).await.unwrap();
    assert_eq!((user.custom.len(), user.version), (8, 9));
}

async fn deleting_takes_everything_that_is_the_users(site: Site) {
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (phone, token, group) = (site.phone().await, site.token("1").await, site.group("staff").await);
    for user in [alice, bob] {
        site.engine.give_phone(site.account, &site.actor, user, phone).await.unwrap();
    }
    site.engine.give_token(site.account, &site.actor, alice, token).await.unwrap();
    site.engine.add_to_group(site.account, &site.actor, alice, group).await.unwrap();
    let before = site.version(bob).await;
    assert!(site.engine.delete_user(site.account, &site.actor, alice).await.unwrap());
    assert!(!site.engine.delete_user(site.account, &site.actor, alice).await.unwrap());

    assert!(site.record(alice).await.is_none() && site.login("alice").await.is_none());
    assert!(site.version(bob).await > before, "bob shares the phone");
    let reader = site.engine.store().reader();
    assert_eq!(reader.users_of_phones(site.account, &[phone]).await.unwrap()[&phone], [bob]);
    assert!(reader.users_of_tokens(site.account, &[token]).await.unwrap().is_empty());
    assert!(reader.token(site.account, token).await.unwrap().is_some(), "the token stays");
    assert_eq!(reader.group_members(site.account, group, ALL).await.unwrap().total, 0);
    site.user("alice").await;
}

async fn the_trash_refuses_restores_and_ends(site: Site) {
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let missing = UserId::generate(&mut SystemRng);
    let error = site.engine.trash_users(site.account, &site.actor, &[alice, missing]).await;
    assert!(matches!(error, Err(EngineError::NotFound)), "{error:?}");
    assert_eq!(site.record(alice).await.unwrap().status, UserStatus::Active);

    site.engine.trash_users(site.account, &site.actor, &[alice, bob, bob]).await.unwrap();
    assert_eq!(site.login("alice").await.unwrap().status, UserStatus::PendingDeletion);
    site.engine.restore_users(site.account, &site.actor, &[bob]).await.unwrap();
    assert_eq!(site.record(bob).await.unwrap().deleted_at, None);

    site.clock.advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(site.engine.purge_trash(site.account).await.unwrap(), 0, "seven days are not over");
    site.clock.advance(SignedDuration::from_secs(1));
    assert_eq!(site.engine.purge_trash(site.account).await.unwrap(), 1);
    assert!(site.record(alice).await.is_none() && site.record(bob).await.is_some());
}

async fn lists_are_paged_and_filtered(site: Site) {
    for name in ["carol", "alice", "eve", "bob", "dave"] {
        let change = UserChange {
            email: Some(format!("{name}@example.org")),
            aliases: aliases(&[(1, &format!("{name}2"))]),
            ..UserChange::default()
        };
        site.engine.create_user(site.account, &site.actor, name, &change).await.unwrap();
    }
    let reader = site.engine.store().reader();
    let names = async |filter: UserFilter<'_>, offset, limit| {
        let page = reader.users(site.account, &filter, Slice { offset, limit }).await.unwrap();
        let names: Vec<String> = page.items.iter().map(|user| user.username.clone()).collect();
        (names.join(" "), page.total)
    };
    assert_eq!(names(UserFilter::All, 0, 2).await, ("alice bob".into(), 5));
    assert_eq!(names(UserFilter::All, 4, 2).await, ("eve".into(), 5));
    assert_eq!(names(UserFilter::All, 5, 2).await, (String::new(), 5));
    assert_eq!(names(UserFilter::Name("bob2"), 0, 9).await, ("bob".into(), 1));
    assert_eq!(names(UserFilter::Email("eve@example.org"), 0, 9).await, ("eve".into(), 1));
    let wanted = ["eve".to_owned(), "alice2".to_owned(), "nobody".to_owned()];
    assert_eq!(names(UserFilter::Names(&wanted), 0, 9).await, ("alice eve".into(), 2));
    let page = reader.users(site.account, &UserFilter::Name("dave"), ALL).await.unwrap();
    assert_eq!(page.items[0].aliases, aliases(&[(1, "dave2")]));
    let ids = [page.items[0].id];
    assert_eq!(names(UserFilter::Ids(&ids), 0, 9).await, ("dave".into(), 1));
    assert_eq!(names(UserFilter::Ids(&[]), 0, 9).await, (String::new(), 0));
}

async fn another_accounts_users_are_not_found(site: Site) {
    let alice = site.user("alice").await;
    let (engine, other, actor) = (&site.engine, site.other, &site.actor);
    assert!(matches!(
        engine.change_user(other, actor, alice, &UserChange::default()).await,
        Err(EngineError::NotFound)
    ));
    assert!(matches!(engine.lock_user(other, actor, alice).await, Err(EngineError::NotFound)));
    assert!(matches!(engine.trash_users(other, actor, &[alice]).await, Err(EngineError::NotFound)));
    assert!(!engine.delete_user(other, actor, alice).await.unwrap());
    let reader = engine.store().reader();
    assert_eq!(reader.users(other, &UserFilter::Ids(&[alice]), ALL).await.unwrap().total, 0);
    assert_eq!(site.version(alice).await, 1);
}

async fn bulk_creation_is_all_or_nothing(site: Site) {
    site.user("bob").await;
    let users = |names: &[&str]| names.iter().map(|n| ((*n).to_owned(), UserChange::default())).collect::<Vec<_>>();
    let error = site.engine.create_users(site.account, &site.actor, &users(&["alice", "Bob"])).await;
    assert!(matches!(error, Err(EngineError::Exists("users"))), "{error:?}");
    assert!(site.login("alice").await.is_none());
    let created = site.engine.create_users(site.account, &site.actor, &users(&["alice", "carol"])).await.unwrap();
    assert_eq!(created.len(), 2);
    let many: Vec<_> = (0..101).map(|n| (format!("u{n}"), UserChange::default())).collect();
    let error = site.engine.create_users(site.account, &site.actor, &many).await;
    assert!(matches!(error, Err(EngineError::Invalid("users"))), "{error:?}");
}

async fn many_users_are_seeded_with_tokens(site: Site) {
    let secret = "3132333435363738393031323334353637383930";
    let seeds = (0..1200).map(|n| {
        let form = TokenForm { kind: "h6", serial: &n.to_string(), secret: Some(secret), ..TokenForm::default() };
        SeedUser { username: format!("user{n}"), email: String::new(), token: Some(form.parse().unwrap()) }
    });
    let ids = site.engine.seed_users(site.account, &site.actor, seeds).await.unwrap();
    assert_eq!(ids.len(), 1200);
    assert_eq!(site.login("user1199").await.unwrap().tokens[0].serial, "1199");
}

async fn pages_far_into_a_list_go_on_where_the_last_one_ended(site: Site) {
    let seed = |n: u32| SeedUser { username: format!("user{n:04}"), email: String::new(), token: None };
    site.engine.seed_users(site.account, &site.actor, (0..2600).map(seed)).await.unwrap();
    let reader = site.engine.store().reader();
    let page = async |offset| {
        let slice = Slice { offset, limit: 300 };
        let page = reader.users(site.account, &UserFilter::All, slice).await.unwrap();
        let names: Vec<String> = page.items.into_iter().map(|user| user.username).collect();
        (names.first().cloned().unwrap_or_default(), names.len(), page.total)
    };
    assert_eq!(page(1800).await, ("user1800".into(), 300, 2600));
    // Counted off, users before it would move the page; remembered, it goes on.
    site.user("aaa").await;
    assert_eq!(page(2100).await, ("user2100".into(), 300, 2601));
    assert_eq!(page(2400).await, ("user2400".into(), 200, 2600));
    assert_eq!(page(2500).await, ("user2499".into(), 101, 2601));
    assert_eq!(page(9000).await, (String::new(), 0, 2601));
}
