//! Recent logins, and "this was not me".

use std::time::Duration;

use cs_store::vault::MasterKey;
use cs_store::{Database, Store, StoreConfig};
use cs_testkit::Site;

use super::{Story, is_in};

#[tokio::test]
async fn this_was_not_me_ends_all_that_was_remembered_and_every_other_session() {
    let mut story = Story::start().await;
    let mut thief = story.browser.clone();
    story.enter().await;
    let adding = story.browser.open("/portal/add").await;
    assert!(adding.posts_to("choose"));
    std::mem::swap(&mut thief, &mut story.browser);
    let home = story.enter().await;
    let epoch = async |story: &Story| {
        let store = story.site.engine().store();
        store.user_record(story.site.account, story.user.id).await.unwrap().unwrap().0.trust_epoch
    };
    let before = epoch(&story).await;
    let logins = story.browser.open("/portal/logins").await;
    let (_, rest) = logins.html.split_once("action=\"/portal/logins/").unwrap();
    let path = format!("/portal/logins/{}/not-me", rest.split_once('/').unwrap().0);
    assert!(is_in(&thief.open("/portal").await));
    story.post(&home, &path, &[("sure", "yes")]).await;
    assert_eq!(epoch(&story).await, before + 1, "tokens of applications and addresses are worth nothing any more");
    assert_eq!(thief.open("/portal").await.status, 403);
    assert_eq!(thief.open(&adding.path).await.status, 403, "nor does what was begun there go on");
    assert!(is_in(&story.browser.open("/portal").await));
}

#[tokio::test]
async fn a_login_is_reported_as_somebody_elses() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let logins = story.browser.open("/portal/logins").await;
    let (_, rest) = logins.html.split_once("action=\"/portal/logins/").unwrap_or_else(|| panic!("{}", logins.html));
    let id = rest.split_once('/').unwrap().0.to_owned();
    let path = format!("/portal/logins/{id}/not-me");
    assert!(story.post(&home, &path, &[]).await.html.contains("name=\"sure\""));
    let reported = story.post(&home, &path, &[("sure", "yes")]).await;
    assert!(is_in(&reported) && reported.html.contains("class=\"said good\""), "{}", reported.html);
    assert!(story.activity().await.contains(&"login_reported_as_fraud".to_owned()));
    let alerts = story.site.engine().store().reader().effects(story.site.account, "alert", 10).await.unwrap();
    assert!(alerts.iter().any(|alert| alert.payload.contains("\"fraud\"")));
    // Nobody reports what is not theirs.
    let other =
        story.post(&home, "/portal/logins/00000000-0000-0000-0000-000000000000/not-me", &[("sure", "yes")]).await;
    assert_eq!(other.status, 303);
}

/// A vendor's lists starved its logins. Here every place that lists and reports have is taken, for as long as the test goes on.
#[tokio::test]
async fn outage_2018_10_16_lists_of_the_portal_are_given_up_and_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let mut config =
        StoreConfig::new(Database::Sqlite(dir.path().join("store.db")), MasterKey::generate().unwrap().into());
    config.report_timeout = Duration::from_millis(50);
    let store = Store::open(config).await.unwrap();
    let slow_reports = store.clone();
    let mut story = Story::on(Site::on(store).await).await;
    let busy = slow_reports.occupy_reports().await;
    // A login, from the application's request to what it is told, and the way into the portal: none of it waits for a list.
    let begun = story.browser.open(&story.app.authorize_path("alice")).await;
    let code = story.phone.passcode();
    let code = story.with_code(&begun, &code).await.code();
    assert_eq!(story.app.id_token(&story.app.token(&code).await)["preferred_username"], "alice");
    story.site.advance(30);
    let home = story.enter().await;
    assert!(is_in(&home), "{}", home.html);
    for path in ["/portal/logins", "/portal/browsers", "/portal/codes"] {
        let late = story.browser.open(path).await;
        assert_eq!((late.status, late.headers["retry-after"].is_empty()), (429, false), "{path}");
        assert!(late.is_refusal() && late.html.contains(&format!("href=\"{path}\"")), "{path}: {}", late.html);
    }
    let rename = format!("/portal/devices/{}/rename", story.phone.id);
    assert!(is_in(&story.post(&home, &rename, &[("name", "Mine")]).await), "what changes something goes on");
    drop(busy);
    for path in ["/portal/logins", "/portal/browsers", "/portal/codes"] {
        assert!(is_in(&story.browser.open(path).await), "{path}");
    }
}
