//! What hangs on synced users beside the sync itself: the Admin API, passwords, other nodes, large organisations.

use std::time::Duration;

use cs_engine::directories::{DirectoryError, Reply, Verdict, Wish};
use cs_testkit::Site;
use jiff::SignedDuration;
use zeroize::Zeroizing;

use super::fake::{Directory, FakeProxy, People, person};
use super::user;

on_both_engines![
    what_a_directory_owns_is_changed_there,
    one_person_is_synced_over_the_admin_api,
    a_password_is_checked_by_the_directory_alone,
    a_channel_ends_with_its_integration,
    whoever_has_no_proxy_asks_the_node_that_has_one,
];

#[tokio::test(flavor = "multi_thread")]
async fn ten_thousand_people_are_synced_and_nothing_is_left_to_do() {
    let site = Site::start().await;
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    for n in 0..10_000 {
        people.put(person(&format!("{n:08x}"), &format!("user{n:05}")));
    }
    let _proxy = office.proxy(&people).await;
    let began = std::time::Instant::now();
    let outcome = office.sync().await.unwrap();
    println!("10,000 people created in {:?}", began.elapsed());
    assert_eq!((outcome.people, outcome.counts["create"], outcome.remarks_total), (10_000, 10_000, 0));
    for n in 0..100 {
        people.remove(&format!("{n:08x}"));
    }
    people.change("00001000", |person| person.email = Some("other@example.org".to_owned()));
    let began = std::time::Instant::now();
    let outcome = office.sync().await.unwrap();
    println!("100 of them removed and one changed in {:?}", began.elapsed());
    assert_eq!((outcome.counts["trash"], outcome.counts["update"], outcome.unchanged), (100, 1, 9_899));
    let began = std::time::Instant::now();
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
    println!("compared without news in {:?}", began.elapsed());
}

async fn what_a_directory_owns_is_changed_there(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    people.put(person("a", "alice"));
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    let api = site.admin_api();
    let alice = user(&site, "alice").await.unwrap().id;
    let path = format!("/admin/v1/users/{alice}");
    for (field, value) in [("email", "x@example.org"), ("username", "alicia"), ("realname", "Alice"), ("firstname", "")]
    {
        let answer = api.post(&path, &[(field, value)]).await;
        if field == "firstname" {
            answer.response();
            continue;
        }
        assert_eq!(answer.code(), 40002, "{field}");
        let detail = answer.json()["message_detail"].as_str().unwrap().to_owned();
        assert!(detail.contains("Office") && detail.contains(field), "{detail}");
    }
    // The same value again, what is not synced, and what stays with administrators.
    api.post(&path, &[("email", "alice@example.org"), ("notes", "ours"), ("alias1", "al"), ("status", "disabled")])
        .await
        .response();
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
    let shown = api.get(&path, &[]).await.response();
    assert_eq!(
        (&shown["status"], &shown["notes"], &shown["alias1"]),
        (&"disabled".into(), &"ours".into(), &"al".into())
    );
    assert_eq!(shown["last_directory_sync"], site.now().as_second());
    // Its groups, too.
    let group = shown["groups"][0]["group_id"].as_str().unwrap().to_owned();
    let path = format!("/admin/v1/groups/{group}");
    assert_eq!(api.post(&path, &[("name", "other")]).await.code(), 40002);
    assert_eq!(api.post(&path, &[("desc", "other")]).await.code(), 40002);
    assert_eq!(api.delete(&path, &[]).await.code(), 40002);
    api.post(&path, &[("status", "disabled")]).await.response();
    let bob = site.user("bob").await;
    let path = format!("/admin/v1/users/{}/groups", bob.id);
    assert_eq!(api.post(&path, &[("group_id", &group)]).await.code(), 40002);
    // Whoever belongs to no directory has no such time.
    let shown = api.get(&format!("/admin/v1/users/{}", bob.id), &[]).await.response();
    assert!(shown["last_directory_sync"].is_null());
}

async fn one_person_is_synced_over_the_admin_api(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let path = format!("/admin/v1/users/directorysync/{}/syncuser", office.id);
    let api = site.admin_api();
    let sync = async |name: &str| api.post(&path, &[("username", name)]).await;
    let answer = sync("alice").await;
    assert_eq!(answer.code(), 40002);
    assert_eq!(answer.json()["message_detail"], "no proxy of this directory is connected");
    let people = People::default();
    people.put(person("a", "alice"));
    people.put(person("b", "bob"));
    let _proxy = office.proxy(&people).await;
    let alice = sync("alice").await.response();
    assert_eq!((&alice["username"], &alice["email"]), (&"alice".into(), &"alice@example.org".into()));
    assert_eq!(alice["last_directory_sync"], site.now().as_second());
    assert!(user(&site, "bob").await.is_none());
    // Again, with a change; and somebody who is gone stays for the next run.
    people.change("a", |alice| alice.email = Some("new@example.org".to_owned()));
    assert_eq!(sync("alice").await.response()["email"], "new@example.org");
    people.remove("a");
    assert_eq!(sync("alice").await.code(), 40401);
    assert!(user(&site, "alice").await.is_some());
    let nowhere = "/admin/v1/users/directorysync/DSXXXXXXXXXXXXXXXXXX/syncuser";
    assert_eq!(api.post(nowhere, &[("username", "alice")]).await.code(), 40401);
    assert_eq!(api.post(&path, &[]).await.code(), 40001);
}

async fn a_password_is_checked_by_the_directory_alone(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let check = async |name: &str, password: &str| {
        let password = Zeroizing::new(password.to_owned());
        site.engine().check_first_factor(site.account, office.id, name, password).await
    };
    assert!(matches!(check("alice", "correct horse").await, Err(DirectoryError::NoAgent)));
    let mut without = FakeProxy::open(&office.api, &site).await.unwrap();
    without.hello(false).await;
    office.connected(1).await;
    assert!(matches!(check("alice", "correct horse").await, Err(DirectoryError::NoFirstFactor)));
    let people = People::default();
    people.put(person("a", "alice"));
    let _proxy = office.proxy(&people).await;
    let right = Verdict::Right { key: "a".to_owned(), dn: "CN=alice,DC=example,DC=org".to_owned() };
    assert_eq!(check("alice", "correct horse").await.unwrap(), right);
    let wrong = |reason: &str| Verdict::Wrong { reason: reason.to_owned() };
    assert_eq!(check("alice", "battery staple").await.unwrap(), wrong("wrong_password"));
    assert_eq!(check("bob", "correct horse").await.unwrap(), wrong("unknown"));
    // Most directories take an empty password for no password, and say yes.
    assert_eq!(check("alice", "").await.unwrap(), wrong("wrong_password"));
}

async fn a_channel_ends_with_its_integration(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let mut proxy = FakeProxy::open(&office.api, &site).await.unwrap();
    proxy.hello(true).await;
    office.connected(1).await;
    site.change_integration(office.api.key(), |record| record.enabled = false).await;
    assert_eq!(proxy.order().await, None);
    office.connected(0).await;
    assert_eq!(FakeProxy::open(&office.api, &site).await.err(), Some(401));
    // Nor is it opened from elsewhere than it may be.
    site.change_integration(office.api.key(), |record| {
        record.enabled = true;
        record.api_networks = "192.0.2.0/24".to_owned();
    })
    .await;
    assert_eq!(FakeProxy::open(&office.api, &site).await.err(), Some(403));
}

/// A terminal or another node has no proxy: it leaves its wish to the node that has one.
async fn whoever_has_no_proxy_asks_the_node_that_has_one(site: Site) {
    let other = site.node(site.engine().store().clone());
    // Time passes for both, and never faster than it does.
    let clock = site.clock.clone();
    let time = tokio::spawn(async move {
        loop {
            tokio::time::sleep(Duration::from_millis(10)).await;
            clock.advance(SignedDuration::from_millis(10));
        }
    });
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    people.put(person("a", "alice"));
    let _proxy = office.proxy(&people).await;
    let shutdown = countersign::net::Shutdown::new();
    let authority = site.admin_api().authority().to_owned();
    tokio::spawn(countersign::jobs::directories::run(site.engine().clone(), authority, shutdown.clone()));
    // The proxy has been noted for others to see.
    while other.connected_agents(site.account).await.unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    let ask = async |wish: Wish| other.ask_directory(site.account, office.id, wish, None, &|_| {}).await;
    let Reply::Compared(compared) = ask(Wish::Compare).await.unwrap() else { panic!("a comparison") };
    assert_eq!((compared.acts.len(), compared.acts[0].username.as_str()), (1, "alice"));
    assert!(user(&site, "alice").await.is_none());
    let Reply::Synced(outcome) = ask(Wish::Sync).await.unwrap() else { panic!("a run") };
    assert_eq!(outcome.counts["create"], 1);
    let password = Zeroizing::new("correct horse".to_owned());
    let verdict = other.check_first_factor(site.account, office.id, "alice", password).await.unwrap();
    assert!(matches!(verdict, Verdict::Right { .. }));
    let nobody = other.sync_person(site.account, office.id, "zoe", None).await;
    assert!(matches!(nobody, Err(DirectoryError::Nobody)), "{nobody:?}");
    // Nothing of it is left behind.
    let left = site.engine().store().query("SELECT COUNT(*) FROM directory_request", vec![]).await.unwrap();
    assert_eq!(left[0].int(0).unwrap(), 0);
    shutdown.close();
    time.abort();
}
