//! Numbers of a directory become phones, and follow what happens to them there.

use cs_engine::directories::DirectorySettings;
use cs_testkit::Site;

use super::fake::{Directory, People, person};
use super::user;

on_both_engines![
    numbers_become_phones_and_follow,
    a_phone_with_an_authenticator_keeps_it_and_loses_the_number,
    a_phone_that_others_have_too_stays_theirs,
];

fn with_numbers(settings: &mut DirectorySettings) {
    settings.attributes.phones = vec!["mobile".to_owned()];
    settings.import_phones = true;
    settings.country = Some("49".to_owned());
}

/// A directory of alice alone, with one number.
fn alice_with_a_number() -> People {
    let people = People::default();
    people.put(person("a", "alice"));
    people.change("a", |alice| alice.phones = vec!["+491701".to_owned()]);
    people
}

/// The id of the first phone of a user, as the Admin API tells it.
async fn first_phone(site: &Site, name: &str) -> String {
    let id = user(site, name).await.unwrap().id;
    let shown = site.admin_api().get(&format!("/admin/v1/users/{id}"), &[]).await.response();
    shown["phones"][0]["phone_id"].as_str().unwrap().to_owned()
}

/// The numbers of a user's phones, in order.
async fn numbers(site: &Site, name: &str) -> Vec<String> {
    let id = user(site, name).await.unwrap().id;
    let mut phones = site.engine().store().reader().phones_of(site.account, &[id]).await.unwrap();
    let mut numbers: Vec<String> =
        phones.remove(&id).unwrap_or_default().into_iter().map(|phone| phone.number).collect();
    numbers.sort_unstable();
    numbers
}

async fn numbers_become_phones_and_follow(site: Site) {
    let office = Directory::new(&site, with_numbers).await;
    let people = People::default();
    people.put(person("a", "alice"));
    people.put(person("b", "bob"));
    let dial = |numbers: &[&str]| {
        people.change("a", |alice| alice.phones = numbers.iter().map(ToString::to_string).collect());
    };
    // Without a country, in another writing twice, and none at all.
    dial(&["0170 1234567", "+49 170 1234567", "+43 660 1", "call me"]);
    let _proxy = office.proxy(&people).await;
    let outcome = office.sync().await.unwrap();
    assert_eq!((outcome.counts["create"], outcome.remarks_total), (2, 1));
    assert!(outcome.remarks[0].words.contains("call me"), "{outcome:?}");
    assert_eq!(numbers(&site, "alice").await, ["+43 660 1".replace(' ', ""), "+491701234567".to_owned()]);
    assert!(numbers(&site, "bob").await.is_empty());
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
    // What administrators add is theirs, also when the directory tells of it later.
    let alice = user(&site, "alice").await.unwrap().id;
    let api = site.admin_api();
    let phone = api.post("/admin/v1/phones", &[("number", "+15550001"), ("type", "mobile")]).await.text("phone_id");
    api.post(&format!("/admin/v1/users/{alice}/phones"), &[("phone_id", &phone)]).await.response();
    dial(&["+15550001", "+49 170 7654321"]);
    assert_eq!(office.sync().await.unwrap().counts["update"], 1);
    assert_eq!(numbers(&site, "alice").await, ["+15550001", "+491707654321"]);
    dial(&[]);
    assert_eq!(office.sync().await.unwrap().counts["update"], 1);
    assert_eq!(numbers(&site, "alice").await, ["+15550001"]);
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
}

async fn a_phone_with_an_authenticator_keeps_it_and_loses_the_number(site: Site) {
    let (office, people) = (Directory::new(&site, with_numbers).await, alice_with_a_number());
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    let api = site.admin_api();
    let phone = first_phone(&site, "alice").await;
    api.post(&format!("/admin/v1/phones/{phone}"), &[("platform", "Google Android")]).await.response();
    let link = api.post(&format!("/admin/v1/phones/{phone}/activation_url"), &[]).await.text("activation_url");
    let bound = site.activate(&link).await;
    assert_eq!(bound.id.to_string(), phone);
    let passes = async || {
        let code = bound.passcode();
        site.advance(30);
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", &code)];
        site.auth_api().post("/auth/v2/auth", &params).await.text("result")
    };
    assert_eq!(passes().await, "allow");
    // A new number is the new number of that very phone.
    people.change("a", |alice| alice.phones = vec!["+491702".to_owned()]);
    assert_eq!(office.sync().await.unwrap().counts["update"], 1);
    assert_eq!((numbers(&site, "alice").await, passes().await), (vec!["+491702".to_owned()], "allow".to_owned()));
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
    // None: nothing is sent to whoever gets the number next, and the authenticator stays.
    people.change("a", |alice| alice.phones.clear());
    assert_eq!(office.sync().await.unwrap().counts["update"], 1);
    assert_eq!((numbers(&site, "alice").await, passes().await), (vec![String::new()], "allow".to_owned()));
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
    // It is the person's own from then on: another number is another phone.
    people.change("a", |alice| alice.phones = vec!["+491703".to_owned()]);
    assert_eq!(office.sync().await.unwrap().counts["update"], 1);
    assert_eq!(
        (numbers(&site, "alice").await, passes().await),
        (vec![String::new(), "+491703".to_owned()], "allow".to_owned())
    );
}

async fn a_phone_that_others_have_too_stays_theirs(site: Site) {
    let (office, people) = (Directory::new(&site, with_numbers).await, alice_with_a_number());
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    let bob = site.user("bob").await.id;
    let api = site.admin_api();
    let phone = first_phone(&site, "alice").await;
    api.post(&format!("/admin/v1/users/{bob}/phones"), &[("phone_id", &phone)]).await.response();
    people.change("a", |alice| alice.phones.clear());
    assert_eq!(office.sync().await.unwrap().counts["update"], 1);
    assert!(numbers(&site, "alice").await.is_empty());
    assert_eq!(numbers(&site, "bob").await, ["+491701"]);
    assert_eq!(office.sync().await.unwrap().counts.len(), 0);
}
