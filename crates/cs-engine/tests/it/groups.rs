use cs_core::group::GroupStatus;
use cs_core::user::Standing;
use cs_engine::EngineError;
use cs_engine::admin::groups::GroupChange;

use crate::site::{ALL, Site};

on_both_engines![
    names_are_unique_in_the_account,
    a_groups_status_reaches_its_members,
    membership_has_a_limit_and_is_idempotent,
    another_accounts_groups_are_not_found,
];

async fn names_are_unique_in_the_account(site: Site) {
    let staff = site.group("staff").await;
    let guests = site.group("guests").await;
    let error = site.engine.create_group(site.account, &site.actor, " staff", &GroupChange::default()).await;
    assert!(matches!(error, Err(EngineError::Exists("name"))), "{error:?}");
    let rename = GroupChange { name: Some("staff".into()), ..GroupChange::default() };
    let error = site.engine.change_group(site.account, &site.actor, guests, &rename).await;
    assert!(matches!(error, Err(EngineError::Exists("name"))), "{error:?}");
    site.engine.change_group(site.account, &site.actor, staff, &rename).await.unwrap();
    let empty = GroupChange { name: Some(" ".into()), ..GroupChange::default() };
    let error = site.engine.change_group(site.account, &site.actor, staff, &empty).await;
    assert!(matches!(error, Err(EngineError::Invalid("name"))), "{error:?}");
    let page = site.engine.store().reader().groups(site.account, None, ALL).await.unwrap();
    let names: Vec<&str> = page.items.iter().map(|group| group.name.as_str()).collect();
    assert_eq!((names, page.total), (vec!["guests", "staff"], 2));
}

async fn a_groups_status_reaches_its_members(site: Site) {
    let (alice, staff) = (site.user("alice").await, site.group("staff").await);
    site.engine.add_to_group(site.account, &site.actor, alice, staff).await.unwrap();
    let before = site.version(alice).await;
    let disable = GroupChange { status: Some(GroupStatus::Disabled), ..GroupChange::default() };
    site.engine.change_group(site.account, &site.actor, staff, &disable).await.unwrap();
    assert_eq!(site.version(alice).await, before + 1);
    let standing = site.login("alice").await.unwrap().standing(site.clock.now());
    assert_eq!(standing, Standing::Disabled { by: Some("staff".into()) });

    assert!(site.engine.delete_group(site.account, &site.actor, staff).await.unwrap());
    assert!(!site.engine.delete_group(site.account, &site.actor, staff).await.unwrap());
    assert_eq!(site.version(alice).await, before + 2);
    assert_eq!(site.login("alice").await.unwrap().standing(site.clock.now()), Standing::Active);
}

async fn membership_has_a_limit_and_is_idempotent(site: Site) {
    let alice = site.user("alice").await;
    for n in 0..100 {
        let group = site.group(&format!("g{n}")).await;
        site.engine.add_to_group(site.account, &site.actor, alice, group).await.unwrap();
        if n == 0 {
            site.engine.add_to_group(site.account, &site.actor, alice, group).await.unwrap();
        }
    }
    let one_more = site.group("more").await;
    let error = site.engine.add_to_group(site.account, &site.actor, alice, one_more).await;
    assert!(matches!(error, Err(EngineError::Invalid("group_id"))), "{error:?}");
    assert!(!site.engine.remove_from_group(site.account, &site.actor, alice, one_more).await.unwrap());
    let groups = site.engine.store().reader().groups_of(site.account, &[alice]).await.unwrap();
    assert_eq!(groups[&alice].len(), 100);
    assert!(site.engine.remove_from_group(site.account, &site.actor, alice, groups[&alice][0].id).await.unwrap());
    site.engine.add_to_group(site.account, &site.actor, alice, one_more).await.unwrap();
}

async fn another_accounts_groups_are_not_found(site: Site) {
    let (alice, staff) = (site.user("alice").await, site.group("staff").await);
    let (engine, actor) = (&site.engine, &site.actor);
    let foreign = engine.create_group(site.other, actor, "staff", &GroupChange::default()).await.unwrap().id;
    let error = engine.add_to_group(site.account, actor, alice, foreign).await;
    assert!(matches!(error, Err(EngineError::NotFound)), "{error:?}");
    let error = engine.change_group(site.other, actor, staff, &GroupChange::default()).await;
    assert!(matches!(error, Err(EngineError::NotFound)), "{error:?}");
    assert!(!engine.delete_group(site.other, actor, staff).await.unwrap());
    let reader = engine.store().reader();
    assert_eq!(reader.groups(site.other, Some(&[staff]), ALL).await.unwrap().total, 0);
    assert_eq!(reader.group_members(site.other, staff, ALL).await.unwrap().total, 0);
}
