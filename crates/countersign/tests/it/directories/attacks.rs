//! Whoever owns a directory, or the keys of its proxy: what they cannot do.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cs_core::directory::Halt;
use cs_core::user::UserStatus;
use cs_engine::directories::{DirectoryChange, DirectoryError, Trigger};
use cs_testkit::Site;
use cs_wire::agent::{Order, Report};
use futures_util::FutureExt as _;

use super::fake::{Directory, FakeProxy, People, done, person};
use super::user;

on_both_engines![
    many_small_runs_are_one_to_the_brake,
    who_was_renamed_en_masse_keeps_the_name,
    a_lockout_outlives_being_disabled_and_enabled,
    a_bypass_is_not_given_on_by_a_rename,
    nobody_but_the_person_asked_about_is_changed,
    a_list_without_an_end_is_given_up,
];

fn many(people: &People, count: usize) {
    for n in 0..count {
        people.put(person(&format!("k{n:03}"), &format!("user{n:03}")));
    }
}

async fn many_small_runs_are_one_to_the_brake(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    many(&people, 100);
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    // Some are disabled, some are gone: together as many as may go.
    for n in 0..6 {
        people.remove(&format!("k{n:03}"));
    }
    for n in 6..10 {
        people.change(&format!("k{n:03}"), |person| person.disabled = true);
    }
    assert_eq!(office.sync().await.unwrap().counts.len(), 2);
    people.remove("k010");
    for _ in 0..2 {
        let halted = office.sync().await.unwrap_err();
        assert!(matches!(halted, DirectoryError::Halt(Halt::Brake { removals: 1, lately: 10, of: 94 })), "{halted:?}");
        site.advance(1800);
    }
    // An administrator may say that it is right, and that does not count again.
    office.set(DirectoryChange { confirmed: Some(Some(1)), ..DirectoryChange::default() }).await;
    assert_eq!(office.sync().await.unwrap().counts["trash"], 1);
    people.remove("k011");
    let halted = office.sync().await.unwrap_err();
    assert!(matches!(halted, DirectoryError::Halt(Halt::Brake { removals: 1, lately: 10, of: 93 })), "{halted:?}");
    // Who is back is not gone any more.
    people.put(person("k000", "user000"));
    people.change("k006", |person| person.disabled = false);
    assert_eq!(office.sync().await.unwrap().counts["trash"], 1);
    // And a day later it is another day.
    people.remove("k012");
    people.remove("k013");
    assert!(office.sync().await.is_err());
    site.advance(24 * 3600);
    assert_eq!(office.sync().await.unwrap().counts["trash"], 2);
}

async fn who_was_renamed_en_masse_keeps_the_name(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    many(&people, 60);
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    for n in 0..60 {
        people.change(&format!("k{n:03}"), |person| person.username.push_str("@example.org"));
    }
    let halted = office.sync().await.unwrap_err();
    assert!(matches!(halted, DirectoryError::Halt(Halt::Brake { removals: 60, lately: 0, of: 60 })), "{halted:?}");
    assert!(user(&site, "user000").await.is_some());
    office.set(DirectoryChange { confirmed: Some(Some(60)), ..DirectoryChange::default() }).await;
    assert_eq!(office.sync().await.unwrap().counts["update"], 60);
    assert!(user(&site, "user000@example.org").await.is_some());
}

async fn a_lockout_outlives_being_disabled_and_enabled(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    people.put(person("a", "alice"));
    let token = site.user("alice").await.hotp_token().await;
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    let login = async |code: &str| {
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", code)];
        site.auth_api().post("/auth/v2/auth", &params).await.text("status")
    };
    for _ in 0..10 {
        login("000000").await;
    }
    assert_eq!(login(&token.hotp(0)).await, "locked_out");
    for disabled in [true, false] {
        people.change("a", |alice| alice.disabled = disabled);
        assert_eq!(office.sync().await.unwrap().counts.len(), 1);
    }
    assert_eq!(user(&site, "alice").await.unwrap().status, UserStatus::Active);
    assert_eq!(login(&token.hotp(0)).await, "locked_out", "guesses would have no end otherwise");
    // Nor by way of the trash.
    people.remove("a");
    people.put(person("b", "bob"));
    office.sync().await.unwrap();
    people.put(person("a", "alice"));
    assert_eq!(office.sync().await.unwrap().counts["restore"], 1);
    assert_eq!(login(&token.hotp(0)).await, "locked_out");
}

async fn a_bypass_is_not_given_on_by_a_rename(site: Site) {
    let office = Directory::new(&site, |settings| settings.attributes.aliases = vec!["x".to_owned()]).await;
    let people = People::default();
    for (key, name) in [("a", "monitoring"), ("b", "backup")] {
        site.user(name).await.set_status(UserStatus::Bypass).await;
        people.put(person(key, name));
    }
    let _proxy = office.proxy(&people).await;
    assert_eq!(office.sync().await.unwrap().counts["take_over"], 2);
    let asked = async |name: &str| site.auth_api().post("/auth/v2/preauth", &[("username", name)]).await.text("result");
    assert_eq!((asked("monitoring").await, asked("backup").await), ("allow".to_owned(), "allow".to_owned()));
    // Whoever writes there could make any name one that needs no second factor.
    people.change("a", |person| person.username = "root".to_owned());
    people.change("b", |person| person.aliases = vec!["admin".to_owned()]);
    assert_eq!(office.sync().await.unwrap().counts["update"], 2);
    for name in ["root", "admin", "backup"] {
        assert_ne!(asked(name).await, "allow", "{name}");
    }
    assert_eq!(user(&site, "root").await.unwrap().status, UserStatus::Active);
}

async fn nobody_but_the_person_asked_about_is_changed(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let path = format!("/admin/v1/users/directorysync/{}/syncuser", office.id);
    let mut proxy = FakeProxy::open(&office.api, &site).await.unwrap();
    proxy.hello(false).await;
    office.connected(1).await;
    let served = tokio::spawn(async move {
        let answers = [vec![person("b", "bob")], (0..17).map(|n| person(&format!("k{n}"), "alice")).collect()];
        for people in answers {
            let Some(Order::Sync { id, query }) = proxy.order().await else { panic!("an order") };
            assert_eq!(query.only.as_deref(), Some("alice"));
            let count = people.len();
            proxy.send(&Report::People { id, people }).await;
            proxy.send(&done(id, query.groups, count)).await;
        }
        proxy
    });
    for words in ["somebody else than it was asked for", "more people than there can be"] {
        let answer = site.admin_api().post(&path, &[("username", "alice")]).await.json();
        assert!(answer["message_detail"].as_str().unwrap().contains(words), "{answer}");
    }
    served.await.unwrap();
    for name in ["alice", "bob"] {
        assert!(user(&site, name).await.is_none(), "{name}");
    }
}

/// A sign of life each time, and never an end.
async fn a_list_without_an_end_is_given_up(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let mut proxy = FakeProxy::open(&office.api, &site).await.unwrap();
    proxy.hello(false).await;
    office.connected(1).await;
    let served = tokio::spawn(async move {
        let Some(Order::Sync { id, .. }) = proxy.order().await else { panic!("an order") };
        loop {
            proxy.send(&Report::People { id, people: Vec::new() }).await;
            if let Some(order) = proxy.order().now_or_never() {
                return order;
            }
            tokio::task::yield_now().await;
        }
    });
    let heard = Arc::new(AtomicUsize::new(0));
    let (engine, account, id, count) = (site.engine().clone(), site.account, office.id, Arc::clone(&heard));
    let run = tokio::spawn(async move {
        let progress = |_: &str| {
            count.fetch_add(1, Ordering::SeqCst);
        };
        engine.sync_directory(account, id, Trigger::Asked, None, &progress).await
    });
    while !run.is_finished() {
        let before = heard.load(Ordering::SeqCst);
        site.advance(20);
        // The clock goes on when the proxy was heard since.
        while heard.load(Ordering::SeqCst) < before + 2 && !run.is_finished() {
            tokio::task::yield_now().await;
        }
    }
    let ended = run.await.unwrap();
    assert!(matches!(ended, Err(DirectoryError::Slow)), "{ended:?}");
    assert!(matches!(served.await.unwrap(), Some(Order::Cancel { .. })));
}
