//! Names: of groups, of people in two directories, and such as somebody else has.

use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_engine::directories::{DirectoryChange, Outcome};
use cs_testkit::Site;

use super::fake::{Directory, People, STAFF, VPN, person};
use super::user;

on_both_engines![
    groups_follow_their_names,
    a_group_that_is_not_selected_any_more_becomes_administrators_own,
    somebody_in_two_directories_belongs_to_the_first,
    a_name_that_somebody_else_has_is_not_taken,
];

/// Names of groups with their members' names.
async fn groups(site: &Site) -> Vec<(String, Vec<String>)> {
    let api = site.admin_api();
    let mut found = Vec::new();
    for group in api.get("/admin/v1/groups", &[]).await.response().as_array().unwrap() {
        let path = format!("/admin/v2/groups/{}/users", group["group_id"].as_str().unwrap());
        let users = api.get(&path, &[]).await.response();
        let mut names: Vec<String> =
            users.as_array().unwrap().iter().map(|user| user["username"].as_str().unwrap().to_owned()).collect();
        names.sort_unstable();
        found.push((group["name"].as_str().unwrap().to_owned(), names));
    }
    found.sort_unstable();
    found
}

fn group(name: &str, members: &[&str]) -> (String, Vec<String>) {
    (format!("{name} (from directory \"Office\")"), members.iter().map(ToString::to_string).collect())
}

fn said(outcome: &Outcome) -> Vec<(&str, &str)> {
    outcome.remarks.iter().map(|told| (told.username.as_str(), told.words.as_str())).collect()
}

async fn groups_follow_their_names(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    people.put(person("a", "alice"));
    let _proxy = office.proxy(&people).await;
    // A group of administrators that has the name already.
    let api = site.admin_api();
    let taken = api.post("/admin/v1/groups", &[("name", "Staff (from directory \"Office\")")]).await.text("group_id");
    office.sync().await.unwrap();
    let second = ("Staff (from directory \"Office\") 2".to_owned(), vec!["alice".to_owned()]);
    assert_eq!(groups(&site).await, [group("Staff", &[]), second, group("VPN", &[])]);
    people.call_group(STAFF, Some("Personnel"));
    people.call_group(VPN, Some("Gate"));
    office.sync().await.unwrap();
    assert_eq!(groups(&site).await, [group("Gate", &[]), group("Personnel", &["alice"]), group("Staff", &[])]);
    // A name that is taken is left for a run that finds it free.
    people.call_group(STAFF, Some("Staff"));
    office.sync().await.unwrap();
    assert_eq!(groups(&site).await[1], group("Personnel", &["alice"]));
    api.delete(&format!("/admin/v1/groups/{taken}"), &[]).await.response();
    office.sync().await.unwrap();
    assert_eq!(groups(&site).await, [group("Gate", &[]), group("Staff", &["alice"])]);
    // One that is not there takes nobody's membership, and nobody's login.
    people.call_group(STAFF, None);
    people.remove("a");
    people.put(person("b", "bob"));
    people.change("b", |bob| bob.groups = vec![1]);
    let outcome = office.sync().await.unwrap();
    assert_eq!((outcome.held, outcome.counts.get("trash")), (1, None));
    assert_eq!(groups(&site).await, [group("Gate", &["bob"]), group("Staff", &["alice"])]);
    assert_eq!(user(&site, "alice").await.unwrap().status, UserStatus::Active);
    // The directory's own name is in theirs.
    office.set(DirectoryChange { name: Some("Head office".to_owned()), ..DirectoryChange::default() }).await;
    people.call_group(STAFF, Some("Staff"));
    people.put(person("a", "alice"));
    office.sync().await.unwrap();
    let names: Vec<String> = groups(&site).await.into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["Gate (from directory \"Head office\")", "Staff (from directory \"Head office\")"]);
}

async fn a_group_that_is_not_selected_any_more_becomes_administrators_own(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    people.put(person("a", "alice"));
    people.change("a", |alice| alice.groups = vec![0, 1]);
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    let mut settings = office.settings().await;
    settings.groups = vec![STAFF.to_owned()];
    office.set(DirectoryChange { settings: Some(settings), ..DirectoryChange::default() }).await;
    people.change("a", |alice| alice.groups = vec![0]);
    office.sync().await.unwrap();
    assert_eq!(groups(&site).await, [group("Staff", &["alice"]), group("VPN", &[])]);
    let api = site.admin_api();
    for (name, code) in [("Staff", 40002), ("VPN", 0)] {
        let all = api.get("/admin/v1/groups", &[]).await.response();
        let found = all.as_array().unwrap().iter().find(|one| one["name"] == group(name, &[]).0.as_str()).unwrap();
        let deleted = api.delete(&format!("/admin/v1/groups/{}", found["group_id"].as_str().unwrap()), &[]).await;
        assert!(if code == 0 { deleted.status == 200 } else { deleted.code() == code }, "{name}");
    }
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
}

async fn somebody_in_two_directories_belongs_to_the_first(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let branch = Directory::named(&site, "Branch", |settings| {
        settings.groups = vec!["cn=all,dc=branch".to_owned()];
        settings.attributes.aliases = vec!["x".to_owned()];
    })
    .await;
    let (here, there) = (People::default(), People::default());
    here.put(person("a", "alice"));
    here.put(person("b", "bob"));
    // The same key means nobody in another directory.
    there.put(person("b", "Alice"));
    there.put(person("c", "carol"));
    let (_one, _other) = (office.proxy(&here).await, branch.proxy(&there).await);
    office.sync().await.unwrap();
    let alice = user(&site, "alice").await.unwrap();
    let unchanged = async || {
        let now = user(&site, "alice").await.unwrap();
        assert_eq!((now.id, now.version, now.status), (alice.id, alice.version, alice.status));
    };
    there.change("b", |other| {
        other.email = Some("mallory@example.org".to_owned());
        other.disabled = true;
    });
    // Nor by another name of somebody else.
    there.change("c", |carol| carol.aliases = vec!["ALICE".to_owned(), "bob".to_owned(), "caro".to_owned()]);
    let outcome = branch.sync().await.unwrap();
    assert_eq!((outcome.counts["create"], outcome.remarks_total), (1, 3));
    assert_eq!(said(&outcome)[0], ("Alice", "left out: the user of this name belongs to another directory"));
    assert!(outcome.remarks.iter().any(|told| told.words.contains("without the alias ALICE")), "{outcome:?}");
    let carol = user(&site, "carol").await.unwrap();
    assert_eq!(carol.aliases.values().collect::<Vec<_>>(), ["caro"]);
    unchanged().await;
    // By a rename, by being gone, and by one person alone.
    there.change("c", |carol| carol.username = "bob".to_owned());
    let outcome = branch.sync().await.unwrap();
    assert!(said(&outcome).contains(&("bob", "keeps the old name: another user has the new one")), "{outcome:?}");
    there.remove("b");
    assert_eq!(branch.sync().await.unwrap().counts.get("trash"), None);
    there.put(person("b", "alice"));
    let path = format!("/admin/v1/users/directorysync/{}/syncuser", branch.id);
    let one = site.admin_api().post(&path, &[("username", "alice")]).await;
    assert!(one.json()["message_detail"].as_str().unwrap().contains("another directory"), "{}", one.json());
    unchanged().await;
    // Once the first is removed they are administrators' own, and the other takes them over with what they have.
    site.engine().remove_directory(site.account, &Actor::Terminal, office.id).await.unwrap();
    assert_eq!(branch.sync().await.unwrap().counts["take_over"], 1);
    let taken = user(&site, "alice").await.unwrap();
    assert_eq!((taken.id, taken.email.as_str()), (alice.id, "alice@example.org"));
    assert_eq!(user(&site, "bob").await.unwrap().status, UserStatus::Active);
}

async fn a_name_that_somebody_else_has_is_not_taken(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    for (key, name) in [("a", "alice"), ("b", "bob")] {
        people.put(person(key, name));
    }
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    let (alice, bob) = (user(&site, "alice").await.unwrap().id, user(&site, "bob").await.unwrap().id);
    // Of administrators, as their name or as another of their names.
    let carol = site.user("carol").await.id;
    let path = format!("/admin/v1/users/{carol}");
    site.admin_api().post(&path, &[("alias1", "caro")]).await.response();
    let call = |key: &str, name: &str| people.change(key, |person| person.username = name.to_owned());
    for name in ["Carol", "CARO"] {
        call("a", name);
        let outcome = office.sync().await.unwrap();
        assert_eq!(said(&outcome), [(name, "keeps the old name: another user has the new one")]);
        assert_eq!(outcome.counts.len(), 0);
        assert_eq!(user(&site, "alice").await.unwrap().id, alice);
        assert_eq!(user(&site, "carol").await.unwrap().id, carol);
    }
    // Of another person, who keeps it.
    call("a", "bob");
    let outcome = office.sync().await.unwrap();
    assert_eq!(said(&outcome), [("bob", "left out: several people of the directory have this name")]);
    assert_eq!((user(&site, "bob").await.unwrap().id, user(&site, "alice").await.unwrap().id), (bob, alice));
    // Who swap names keep theirs: nobody can say whose devices a name would lead to.
    call("b", "alice");
    let outcome = office.sync().await.unwrap();
    assert_eq!((outcome.counts.len(), outcome.remarks_total), (0, 2));
    assert_eq!((user(&site, "bob").await.unwrap().id, user(&site, "alice").await.unwrap().id), (bob, alice));
    // Given up, it is free in the same run.
    call("b", "robert");
    assert_eq!(office.sync().await.unwrap().counts["update"], 2);
    assert_eq!((user(&site, "robert").await.unwrap().id, user(&site, "bob").await.unwrap().id), (bob, alice));
    assert!(user(&site, "alice").await.is_none());
}
