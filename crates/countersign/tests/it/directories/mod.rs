//! Directory sync as a whole: a real channel, a real database, a directory that the test makes up.

/// Makes a test per engine of each `async fn name(site: Site)` in this module.
macro_rules! on_both_engines {
    ($($name:ident),* $(,)?) => {
        mod sqlite {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                crate::directories::on(cs_store::testing::Engine::Sqlite, super::$name).await;
            })*
        }
        mod postgres {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $name() {
                crate::directories::on(cs_store::testing::Engine::Postgres, super::$name).await;
            })*
        }
    };
}

mod attacks;
mod commands;
mod fake;
mod interruptions;
mod invitations;
mod names;
mod others;
mod phones;
mod reports;

use countersign::config::Config;
use cs_core::directory::Halt;
use cs_core::user::UserStatus;
use cs_engine::directories::{DirectoryChange, DirectoryError};
use cs_store::testing::{Engine, TestDatabase};
use cs_store::users::{Slice, UserFilter, UserRecord};
use cs_testkit::Site;

use fake::{Directory, FakeProxy, People, person};

/// Runs `story` on a new site on `engine`, where there is one.
async fn on(engine: Engine, story: impl AsyncFnOnce(Site)) {
    let Some(database) = TestDatabase::new(engine) else { return };
    // Newcomers can be mailed; nobody delivers it.
    let mail = |config: &mut Config| config.mail = Some(crate::mail::config(1));
    story(Site::on_with(database.open().await.unwrap(), mail).await).await;
}

/// The user of this name.
async fn user(site: &Site, name: &str) -> Option<UserRecord> {
    let slice = Slice { offset: 0, limit: 1 };
    let reader = site.engine().store().reader();
    reader.users(site.account, &UserFilter::Name(name), slice).await.unwrap().items.pop()
}

on_both_engines![
    people_become_users_with_groups,
    only_a_directorys_own_keys_open_its_channel,
    who_is_gone_goes_to_the_trash_and_comes_back_with_their_devices,
    a_mass_deletion_is_held_until_that_very_number_is_confirmed,
];

async fn people_become_users_with_groups(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    people.put(person("a1", "alice"));
    people.put(person("b2", "bob"));
    people.change("b2", |bob| {
        bob.groups = vec![0, 1];
        bob.disabled = true;
    });
    let _proxy = office.proxy(&people).await;
    let outcome = office.sync().await.unwrap();
    assert_eq!((outcome.result.as_str(), outcome.people, outcome.counts["create"]), ("ok", 2, 2));
    assert_eq!(user(&site, "alice").await.unwrap().email, "alice@example.org");
    let bob = user(&site, "bob").await.unwrap();
    assert_eq!(bob.status, UserStatus::Disabled);
    let groups = site.engine().store().reader().groups_of(site.account, &[bob.id]).await.unwrap();
    let names: Vec<&str> = groups[&bob.id].iter().map(|group| group.name.as_str()).collect();
    assert_eq!(names, ["Staff (from directory \"Office\")", "VPN (from directory \"Office\")"]);
    // Nothing is left to do.
    let again = office.sync().await.unwrap();
    assert_eq!((again.counts.len(), again.unchanged), (0, 2));
}

async fn only_a_directorys_own_keys_open_its_channel(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let refused = async |api: &cs_testkit::Api| FakeProxy::open(api, &site).await.err();
    assert_eq!(refused(&office.api).await, None);
    assert_eq!(refused(&office.api.with_wrong_secret()).await, Some(401));
    for other in [site.auth_api(), site.admin_api()] {
        assert_eq!(refused(other).await, Some(403), "{}", other.key());
    }
    // And they open nothing else.
    assert_eq!(office.api.get("/auth/v2/check", &[]).await.code(), 40301);
    assert_eq!(office.api.get("/admin/v1/users", &[]).await.code(), 40301);
    // What was signed long ago opens nothing either.
    let late = site.api(office.api.key().as_str(), office.api.secret());
    let headers = late.signed_get(cs_wire::agent::CHANNEL);
    site.advance(3600);
    let request = site.http().get(format!("https://{}{}", late.authority(), cs_wire::agent::CHANNEL));
    let request = request.header("authorization", headers.authorization).header("date", headers.date);
    assert_eq!(request.send().await.unwrap().status().as_u16(), 401);
    // Without a WebSocket there is no channel.
    assert_eq!(late.get(cs_wire::agent::CHANNEL, &[]).await.code(), 40002);
}

async fn who_is_gone_goes_to_the_trash_and_comes_back_with_their_devices(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    for (key, name) in [("a", "alice"), ("b", "bob")] {
        people.put(person(key, name));
    }
    // A user of administrators is taken over with what they have.
    let alice = site.user("Alice").await;
    let _phone = alice.phone().await;
    let _proxy = office.proxy(&people).await;
    let outcome = office.sync().await.unwrap();
    assert_eq!((outcome.counts["take_over"], outcome.counts["create"]), (1, 1));
    assert_eq!(user(&site, "alice").await.unwrap().username, "alice");

    people.remove("a");
    assert_eq!(office.sync().await.unwrap().counts["trash"], 1);
    assert_eq!(user(&site, "alice").await.unwrap().status, UserStatus::PendingDeletion);
    let refused = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
    assert_eq!(refused["result"], "deny");

    people.put(person("a", "alice"));
    assert_eq!(office.sync().await.unwrap().counts["restore"], 1);
    let back = user(&site, "alice").await.unwrap();
    assert_eq!((back.id, back.status), (alice.id, UserStatus::Active));
    let asked = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
    assert_eq!(asked["result"], "auth", "{asked}");

    // After its time the trash is emptied, and whoever comes then is new.
    people.remove("a");
    office.sync().await.unwrap();
    site.advance(8 * 24 * 3600);
    assert_eq!(site.engine().purge_trash(site.account).await.unwrap(), 1);
    people.put(person("a", "alice"));
    assert_eq!(office.sync().await.unwrap().counts["create"], 1);
    assert_ne!(user(&site, "alice").await.unwrap().id, alice.id);
}

async fn a_mass_deletion_is_held_until_that_very_number_is_confirmed(site: Site) {
    let office = Directory::new(&site, |_| {}).await;
    let people = People::default();
    for n in 0..40 {
        people.put(person(&format!("k{n}"), &format!("user{n}")));
    }
    let _proxy = office.proxy(&people).await;
    office.sync().await.unwrap();
    for n in 0..20 {
        people.remove(&format!("k{n}"));
    }
    people.put(person("new", "newcomer"));
    let confirm = |number| DirectoryChange { confirmed: Some(number), ..DirectoryChange::default() };
    for number in [None, Some(19), Some(21)] {
        office.set(confirm(number)).await;
        let halted = office.sync().await.unwrap_err();
        assert!(matches!(halted, DirectoryError::Halt(Halt::Brake { removals: 20, lately: 0, of: 40 })), "{halted:?}");
        // Nothing at all was done.
        assert_eq!(user(&site, "user0").await.unwrap().status, UserStatus::Active);
        assert!(user(&site, "newcomer").await.is_none());
    }
    office.set(confirm(Some(20))).await;
    assert_eq!(office.sync().await.unwrap().counts["trash"], 20);
    // The word was good for once.
    let record = site.engine().store().directory(site.account, office.id).await.unwrap().unwrap();
    assert_eq!(record.confirmed, None);
    // A directory that tells of nobody is never believed.
    for n in 20..40 {
        people.remove(&format!("k{n}"));
    }
    people.remove("new");
    office.set(confirm(Some(21))).await;
    let halted = office.sync().await.unwrap_err();
    assert!(matches!(halted, DirectoryError::Halt(Halt::Empty { of: 21 })), "{halted:?}");
}
