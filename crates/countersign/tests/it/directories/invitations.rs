//! New people are mailed a link to enroll, once.

use cs_engine::letters::{MAIL, addressed};
use cs_testkit::Site;

use super::fake::{Directory, People, person};
use super::user;

on_both_engines![newcomers_are_mailed_once, a_run_that_dies_before_the_letters_leaves_them_to_the_next];

/// To whom letters were written, in order.
async fn letters(site: &Site) -> Vec<String> {
    let letters = site.engine().store().reader().effects(site.account, MAIL, 1000).await.unwrap();
    let mut to: Vec<String> = letters.iter().map(|letter| addressed(&letter.payload).unwrap().0).collect();
    to.sort_unstable();
    to
}

async fn newcomers_are_mailed_once(site: Site) {
    let office = Directory::new(&site, |settings| settings.attributes.phones = vec!["mobile".to_owned()]).await;
    let invite = async |invite: bool| {
        let mut settings = office.settings().await;
        (settings.invite, settings.import_phones) = (invite, true);
        office.set(cs_engine::directories::DirectoryChange { settings: Some(settings), ..Default::default() }).await;
    };
    let people = People::default();
    let put = |names: &[&str]| names.iter().for_each(|name| people.put(person(name, name)));
    let _proxy = office.proxy(&people).await;
    // Not wanted, not new.
    put(&["before"]);
    site.user("known").await;
    put(&["known"]);
    office.sync().await.unwrap();
    invite(true).await;
    office.sync().await.unwrap();
    assert!(letters(&site).await.is_empty());
    // With a phone, without an address, disabled for now.
    put(&["alice", "bob", "carol", "dave"]);
    people.change("bob", |bob| bob.phones = vec!["+491701".to_owned()]);
    people.change("carol", |carol| carol.email = None);
    people.change("dave", |dave| dave.disabled = true);
    assert_eq!(office.sync().await.unwrap().counts["create"], 4);
    assert_eq!(letters(&site).await, ["alice@example.org"]);
    // Once, whatever changes.
    people.change("alice", |alice| alice.full_name = Some("Alice".to_owned()));
    office.sync().await.unwrap();
    assert_eq!(letters(&site).await, ["alice@example.org"]);
    // An account that was made before its first day is let in on that day.
    people.change("dave", |dave| dave.disabled = false);
    office.sync().await.unwrap();
    assert_eq!(letters(&site).await, ["alice@example.org", "dave@example.org"]);
    // Who has come by a device before needs none.
    people.put(person("erin", "erin"));
    people.change("erin", |erin| erin.disabled = true);
    office.sync().await.unwrap();
    site.find_user("erin").await.phone().await;
    people.change("erin", |erin| erin.disabled = false);
    office.sync().await.unwrap();
    people.change("erin", |erin| erin.notes = Some("x".to_owned()));
    office.sync().await.unwrap();
    // (Of the device there is a letter, too.)
    let log = site.admin_api().get("/admin/v1/logs/administrator", &[("mintime", "0")]).await.response();
    let invited = log.as_array().unwrap().iter().filter(|entry| entry["action"] == "user_enroll");
    assert!(invited.clone().all(|entry| entry["username"] == "directory sync Office"), "{log}");
    assert_eq!(invited.count(), 2);
}

async fn a_run_that_dies_before_the_letters_leaves_them_to_the_next(site: Site) {
    let office = Directory::new(&site, |settings| settings.invite = true).await;
    let people = People::default();
    for n in 0..120 {
        people.put(person(&format!("k{n:03}"), &format!("user{n:03}")));
    }
    let _proxy = office.proxy(&people).await;
    office.sync_until(100).await;
    assert!(letters(&site).await.is_empty() && user(&site, "user099").await.is_some());
    site.advance(301);
    assert_eq!(office.sync().await.unwrap().counts["create"], 20);
    let expected: Vec<String> = (0..120).map(|n| format!("user{n:03}@example.org")).collect();
    assert_eq!(letters(&site).await, expected);
    office.sync().await.unwrap();
    assert_eq!(letters(&site).await.len(), 120);
}
