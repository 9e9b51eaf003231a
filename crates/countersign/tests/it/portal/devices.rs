//! What people do with their own devices, browsers and codes.

use cs_core::user::UserStatus;
use cs_testkit::Site;
use serde_json::json;

use super::{Story, activation, is_in, remembering};

#[tokio::test]
async fn the_last_device_stays_unless_it_is_lost_or_the_account_allows_it() {
    let mut story = Story::start().await;
    let second = story.user.phone().await;
    let home = story.enter().await;
    let remove = |id| format!("/portal/devices/{id}/remove");
    let asked = story.post(&home, &remove(second.id), &[]).await;
    assert!(asked.html.contains("name=\"sure\" value=\"yes\""), "{}", asked.html);
    assert_eq!(story.phones().await.len(), 2, "asked first");
    assert!(is_in(&story.post(&home, &remove(second.id), &[("sure", "yes")]).await));
    let kept = story.post(&home, &remove(story.phone.id), &[("sure", "yes")]).await;
    assert!(is_in(&kept) && !kept.html.contains("name=\"sure\""), "{}", kept.html);
    assert_eq!(story.phones().await.len(), 1);
    // Somebody else's device is nobody's.
    let bob = story.site.user("bob").await.phone().await;
    story.post(&home, &remove(bob.id), &[("sure", "yes")]).await;
    assert!(story.site.engine().device(story.site.account, bob.id).await.unwrap().is_some());
    story.site.settings(json!({"self_service_remove_last": true})).await;
    story.post(&home, &remove(story.phone.id), &[("sure", "yes")]).await;
    assert_eq!(story.phones().await.len(), 0);
}

#[tokio::test]
async fn a_lost_device_goes_with_its_sessions_and_remembered_browsers() {
    let mut story = Story::start().await;
    let mut thief = story.browser.clone();
    story.enter().await;
    std::mem::swap(&mut thief, &mut story.browser);
    let second = story.user.phone().await;
    let home = story.enter().await;
    assert!(is_in(&thief.open("/portal").await));
    let lost = format!("/portal/devices/{}/lost", second.id);
    assert!(story.post(&home, &lost, &[]).await.html.contains("name=\"sure\""));
    assert!(is_in(&story.post(&home, &lost, &[("sure", "yes")]).await));
    assert!(story.site.engine().device(story.site.account, second.id).await.unwrap().is_none());
    assert_eq!(thief.open("/portal").await.status, 403);
    assert!(story.activity().await.contains(&"device_lost".to_owned()));
    let alerts = story.alerts().await;
    assert!(alerts.iter().any(|alert| alert.contains("\"device_lost\"") && alert.contains("alice")), "{alerts:?}");
}

#[tokio::test]
async fn a_test_request_counts_for_nothing_and_says_what_came_of_it() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let path = format!("/portal/devices/{}/test", story.phone.id);
    // The one of the login for the portal, which was given up for a code.
    story.phone.pushes();
    assert_eq!(story.post(&home, &path, &[]).await.status, 303);
    let page = story.browser.open(&path).await;
    let number = page.number().unwrap_or_else(|| panic!("{}", page.html));
    let waits = story.post(&home, &format!("{path}/wait"), &[]).await;
    assert_eq!(waits.html, "{\"approved\":false,\"seen\":false,\"waiting\":true}");
    let push = story.phone.next_push().await;
    story.site.engine().delivered(story.site.account, story.phone.id, push, cs_engine::wake::Delivery::Shown);
    let waits = story.post(&home, &format!("{path}/wait"), &[]).await;
    assert_eq!(waits.html, "{\"approved\":false,\"seen\":true,\"waiting\":true}");
    story.phone.approve_with(push, &number).await.unwrap();
    let said = story.browser.open(&path).await;
    assert!(is_in(&said) && said.html.contains("class=\"said good\""), "{}", said.html);
    let user = story.site.engine().store().user_record(story.site.account, story.user.id).await.unwrap().unwrap().0;
    assert_eq!(user.last_login, Some(story.site.now()), "of the login for the portal, at the same moment");
}

#[tokio::test]
async fn new_recovery_codes_void_the_old_and_each_is_good_once() {
    let mut story = Story::start().await;
    story.enter().await;
    let codes = async |story: &mut Story| {
        let before = story.browser.open("/portal/codes").await;
        let page = story.post(&before, "/portal/codes/new", &[]).await;
        let again = story.post(&before, "/portal/codes/new", &[]).await;
        assert_eq!(again.status, 303, "loaded again it voids nothing: {}", again.html);
        let (_, rest) = page.html.split_once("<li><code>").unwrap_or_else(|| panic!("{}", page.html));
        rest.split_once("</code>").unwrap().0.replace(' ', "")
    };
    let (old, new) = (codes(&mut story).await, codes(&mut story).await);
    let result = async |code: &str| {
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", code)];
        story.site.auth_api().post("/auth/v2/auth", &params).await.response()["result"].clone()
    };
    assert_eq!(
        (result(&old).await, result(&new).await, result(&new).await),
        (json!("deny"), json!("allow"), json!("deny"))
    );
}

#[tokio::test]
async fn a_device_is_added_by_a_fresh_factor_and_disabled_people_are_out() {
    let mut story = Story::start().await;
    story.enter().await;
    let page = story.browser.open("/portal/add").await;
    assert!(page.posts_to("choose"), "{} {}", page.status, page.html);
    let qr = story.browser.submit(&page, "choose", &[("way", "phone")]).await;
    let (_, rest) = qr.html.split_once("<pre class=\"copy\" tabindex=\"0\"><code>").unwrap();
    let link = rest.split_once("</code>").unwrap().0.replace("&#38;", "&");
    site_activates(&story.site, &link).await;
    let compare = story.browser.open(&qr.path).await;
    // Five minutes later the factor of this session is too old to finish with.
    story.site.advance(301);
    assert_eq!(story.browser.submit(&compare, "confirm", &[("same", "yes")]).await.status, 403);
    assert_eq!(story.phones().await.iter().filter(|phone| phone["activated"] == true).count(), 1, "bound, and inert");
    story.user.set_status(UserStatus::Disabled).await;
    assert_eq!(story.browser.open("/portal").await.status, 403);
}

async fn site_activates(site: &Site, link: &str) {
    drop(site.activate(link).await);
}

#[tokio::test]
async fn two_tabs_that_add_a_device_do_not_get_in_each_others_way() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let tabs = [story.browser.open("/portal/add").await, story.browser.open("/portal/add").await];
    assert_ne!(tabs[0].path, tabs[1].path, "an enrollment each");
    let one = story.browser.submit(&tabs[0], "choose", &[("way", "phone")]).await;
    let given_up = story.site.activate(&activation(&one)).await;
    let compare = story.browser.open(&one.path).await;
    assert!(compare.posts_to("confirm"), "{}", compare.html);
    // What waits in one tab is given up for what is begun in the other: it was never confirmed.
    let other = story.browser.submit(&tabs[1], "choose", &[("way", "phone")]).await;
    let device = async |story: &Story, id| story.site.engine().device(story.site.account, id).await.unwrap();
    assert!(device(&story, given_up.id).await.is_none());
    let kept = story.site.activate(&activation(&other)).await;
    let late = story.browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(!late.posts_to("backup") && !late.posts_to("confirm"), "{}", late.html);
    let compare = story.browser.open(&other.path).await;
    let done = story.browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(done.status == 200 && done.html.contains("class=\"button\" href=\"/portal\""), "{}", done.html);
    assert!(device(&story, kept.id).await.unwrap().confirmed);
    // Sent again, as by the back button, nothing more is set up.
    let before = story.phones().await.len();
    for page in [&other, &compare, &done] {
        story.browser.post(page, "choose", &[("way", "phone")]).await;
        story.browser.post(page, "confirm", &[("same", "yes")]).await;
    }
    assert_eq!(story.phones().await.len(), before);
    assert!(is_in(&story.post(&home, "/portal/browsers/forget-all", &[]).await));
}

#[tokio::test]
async fn browsers_are_forgotten_and_another_phone_asked_first() {
    let mut story = remembering().await;
    let second = story.user.phone().await;
    story.remember().await;
    story.site.advance(30);
    let home = story.enter().await;
    let (page, browsers) = story.browsers().await;
    assert_eq!(browsers.len(), 1, "{}", page.html);
    let gone = story.post(&page, &format!("/portal/browsers/{}/forget", browsers[0]), &[]).await;
    assert!(gone.html.contains("class=\"said good\""), "{}", gone.html);
    assert!(story.browsers().await.1.is_empty());
    story.remember().await;
    story.remember().await;
    assert_eq!(story.browsers().await.1.len(), 2);
    let gone = story.post(&page, "/portal/browsers/forget-all", &[]).await;
    assert!(gone.html.contains("class=\"said good\""), "{}", gone.html);
    assert!(story.browsers().await.1.is_empty());
    // What an administrator made worthless is not listed as if it were worth something.
    story.remember().await;
    story.user.set_status(UserStatus::Disabled).await;
    story.user.set_status(UserStatus::Active).await;
    assert!(story.browsers().await.1.is_empty());

    let made = story.post(&home, &format!("/portal/devices/{}/default", second.id), &[]).await;
    assert!(is_in(&made) && made.html.contains("class=\"said good\""), "{}", made.html);
    assert_eq!(story.phones().await[0]["phone_id"], second.id.to_string());
}
