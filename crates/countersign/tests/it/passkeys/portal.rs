//! Keys in the self-service portal.

use cs_core::id::WebauthnKey;
use cs_core::webauthn::Wanted;
use cs_testkit::{Browser, Page, Site, TestUser, VirtualKey, WebApp};
use http::Method;
use serde_json::json;

use super::{WITH_KEYS, asked, count};
use crate::portal::{self, is_in};

/// Alice, who has a security key, and her browser.
struct Story {
    site: Site,
    app: WebApp,
    user: TestUser,
    key: VirtualKey,
    id: WebauthnKey,
    browser: Browser,
}

impl Story {
    async fn start() -> Self {
        let site = Site::start().await;
        let (app, user) = (site.web_app().await, site.user("alice").await);
        let mut key = VirtualKey::security_key(&site.origin());
        let id = user.register(&mut key, Wanted::SecurityKey).await;
        let browser = Browser::new(&site);
        Self { site, app, user, key, id, browser }
    }

    async fn at_portal(&mut self) -> Page {
        portal::at_portal(&mut self.browser, &self.app).await
    }

    /// Into the portal, by the key.
    async fn enter(&mut self) -> Page {
        let page = self.at_portal().await;
        let mut page = self.browser.submit(&page, "begin", &[WITH_KEYS]).await;
        if !page.posts_to("key") {
            page = self.browser.submit(&page, "choose", &[("method", "security-key")]).await;
        }
        let assertion = self.key.get(&asked(&page, "data-key"));
        let done = self.browser.submit(&page, "key", &[("credential", &assertion)]).await;
        self.follow(&done).await
    }

    /// Into the portal, by a code.
    async fn enter_by(&mut self, method: &str, code: &str) -> Page {
        let page = self.at_portal().await;
        let mut page = self.browser.submit(&page, "begin", &[("facts", "")]).await;
        if !page.posts_to("passcode") {
            page = self.browser.submit(&page, "choose", &[("method", method)]).await;
        }
        let done = self.browser.submit(&page, "passcode", &[("passcode", code)]).await;
        self.follow(&done).await
    }

    async fn follow(&mut self, done: &Page) -> Page {
        portal::follow(&mut self.browser, done).await
    }

    async fn post(&mut self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        portal::post(&mut self.browser, page, path, fields).await
    }

    fn act(&self, act: &str) -> String {
        format!("/portal/devices/{}/{act}", self.id)
    }
}

#[tokio::test]
async fn a_key_is_listed_renamed_and_asked_for_before_it_goes() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    assert!(is_in(&home) && home.html.contains("Security Key (key)"), "{} {}", home.status, home.html);
    assert!(home.html.contains("<time datetime="), "when it was used last");
    let (rename, id) = (story.act("rename"), story.id);
    let renamed = story.post(&home, &rename, &[("name", " My <b>key</b> ")]).await;
    assert!(is_in(&renamed) && renamed.html.contains("Security Key (My &#60;b&#62;key"), "{}", renamed.html);
    for bad in ["", "a\nb", &"x".repeat(65)] {
        assert_eq!(story.post(&home, &rename, &[("name", bad)]).await.status, 303, "{bad:?}");
    }
    let reader = story.site.engine().store().reader();
    let kept = reader.webauthn_credential(story.site.account, id).await.unwrap().unwrap().credential;
    assert_eq!(kept.name, "My <b>key</b>");

    // The last one stays, unless it is lost; a test request and "asked first" are for phones.
    let kept = story.post(&home, &story.act("remove"), &[("sure", "yes")]).await;
    assert!(is_in(&kept) && !kept.html.contains("name=\"sure\""), "{}", kept.html);
    for act in ["test", "default"] {
        assert_eq!(story.post(&home, &story.act(act), &[]).await.status, 303);
    }
    let _phone = story.user.phone().await;
    let asked = story.post(&home, &story.act("remove"), &[]).await;
    assert!(asked.html.contains("only one way left"), "{}", asked.html);
    assert_eq!(count(&story.site, "alice").await, 1, "asked first");
    assert!(is_in(&story.post(&home, &story.act("remove"), &[("sure", "yes")]).await));
    assert_eq!(count(&story.site, "alice").await, 0);
}

#[tokio::test]
async fn nobody_changes_somebody_elses_key_or_their_own_with_an_old_factor() {
    let mut story = Story::start().await;
    let _phone = story.user.phone().await;
    let bob = story.site.user("bob").await;
    let bobs = bob.register(&mut VirtualKey::security_key(&story.site.origin()), Wanted::SecurityKey).await;
    let home = story.enter().await;
    for act in ["rename", "remove", "lost"] {
        let path = format!("/portal/devices/{bobs}/{act}");
        assert_eq!(story.post(&home, &path, &[("sure", "yes"), ("name", "mine")]).await.status, 303, "{act}");
    }
    let reader = story.site.engine().store().reader();
    let kept = reader.webauthn_credential(story.site.account, bobs).await.unwrap().unwrap().credential;
    assert_eq!(kept.name, "key");
    story.site.advance(301);
    for act in ["rename", "remove", "lost"] {
        let stale = story.post(&home, &story.act(act), &[("sure", "yes"), ("name", "late")]).await;
        assert!(stale.status == 403 && stale.html.contains("/portal/again"), "{act}: {}", stale.html);
    }
    assert_eq!(count(&story.site, "alice").await, 1);
}

#[tokio::test]
async fn a_lost_key_goes_with_its_sessions_whatever_is_left() {
    let mut story = Story::start().await;
    story.enter().await;
    let mut thief = story.browser.clone();
    story.browser = Browser::new(&story.site);
    let code = story.user.bypass_code().await;
    let home = story.enter_by("bypass", &code).await;
    assert!(is_in(&thief.open("/portal").await));
    assert!(story.post(&home, &story.act("lost"), &[]).await.html.contains("name=\"sure\""));
    assert!(is_in(&story.post(&home, &story.act("lost"), &[("sure", "yes")]).await));
    assert_eq!((count(&story.site, "alice").await, thief.open("/portal").await.status), (0, 403));
}

#[tokio::test]
async fn of_two_removals_at_once_the_last_way_in_stays() {
    for _ in 0..4 {
        let mut story = Story::start().await;
        let phone = story.user.phone().await;
        let home = story.enter().await;
        let (mut other, step) = (story.browser.clone(), home.step());
        let form = [("step", step.as_str()), ("sure", "yes")];
        let (key, phone) = (story.act("remove"), format!("/portal/devices/{}/remove", phone.id));
        tokio::join!(story.browser.send_once(Method::POST, &key, &form), other.send_once(Method::POST, &phone, &form),);
        let path = format!("/admin/v1/users/{}", story.user.id);
        let left = story.site.admin_api().get(&path, &[]).await.response();
        let ways = [&left["phones"], &left["webauthncredentials"]];
        assert_eq!(ways.iter().map(|some| some.as_array().unwrap().len()).sum::<usize>(), 1, "{left}");
    }
}

#[tokio::test]
async fn whoever_has_a_key_adds_a_device_with_nothing_less() {
    let mut story = Story::start().await;
    let phone = story.user.phone().await;
    let weak = story.enter_by("passcode", &phone.passcode()).await;
    assert!(is_in(&weak), "{} {}", weak.status, weak.html);
    let refused = story.browser.open("/portal/add").await;
    assert!(refused.status == 403 && refused.html.contains("/portal/again"), "{}", refused.html);
    assert!(refused.html.contains("Use your security key or passkey first"), "{}", refused.html);

    story.enter().await;
    let page = story.browser.open("/portal/add").await;
    let asking = story.browser.submit(&page, "choose", &[("way", "platform")]).await;
    let made = VirtualKey::platform(&story.site.origin()).create(&asked(&asking, "data-create"));
    // What was a key's session is a key's enrollment: a weaker one's would not get this far.
    let done = story.browser.submit(&asking, "register", &[("credential", &made), ("name", "")]).await;
    assert!(done.status == 200 && done.html.contains("Passkey"), "{} {}", done.status, done.html);
    assert_eq!(count(&story.site, "alice").await, 2);

    // A code of the help desk will do: it is for whoever has lost everything.
    let code = story.user.bypass_code().await;
    assert!(is_in(&story.enter_by("bypass", &code).await));
    assert!(story.browser.open("/portal/add").await.posts_to("choose"));
}

#[tokio::test]
async fn a_session_that_began_with_a_code_adds_nothing_once_there_is_a_key() {
    let mut story = Story::start().await;
    let phone = story.user.phone().await;
    story
        .site
        .engine()
        .remove_credential(story.site.account, &cs_engine::admin::Actor::Terminal, story.id)
        .await
        .unwrap();
    assert!(is_in(&story.enter_by("passcode", &phone.passcode()).await));
    let page = story.browser.open("/portal/add").await;
    let asking = story.browser.submit(&page, "choose", &[("way", "security-key")]).await;
    let made = story.key.create(&asked(&asking, "data-create"));
    // Registered meanwhile, elsewhere: the code that was enough is not any more.
    story.user.register(&mut VirtualKey::platform(&story.site.origin()), Wanted::Platform).await;
    let late = story.browser.submit(&asking, "register", &[("credential", &made)]).await;
    assert_eq!((late.status, count(&story.site, "alice").await), (403, 1));
}

#[tokio::test]
async fn a_copied_key_is_shown_as_refused_is_no_way_in_and_can_be_removed() {
    let mut story = Story::start().await;
    let mut copy = VirtualKey::security_key(&story.site.origin());
    let second = story.user.register(&mut copy, Wanted::SecurityKey).await;
    let home = story.enter().await;
    // The counter of the second one goes back.
    let used = cs_store::webauthn::mark_cloned(story.site.account, second, story.site.now());
    story.site.engine().store().commit(cs_store::Job::new().step(used)).await.unwrap();
    let shown = story.browser.open("/portal").await;
    assert!(shown.html.contains("No longer accepted"), "{}", shown.html);
    let last = story.post(&home, &story.act("remove"), &[("sure", "yes")]).await;
    assert!(!last.html.contains("name=\"sure\"") && count(&story.site, "alice").await == 2, "{}", last.html);
    let path = format!("/portal/devices/{second}/remove");
    assert!(is_in(&story.post(&home, &path, &[("sure", "yes")]).await));
    assert_eq!(count(&story.site, "alice").await, 1);
    story.site.settings(json!({"self_service_remove_last": true})).await;
    assert!(is_in(&story.post(&home, &story.act("remove"), &[("sure", "yes")]).await));
    assert_eq!(count(&story.site, "alice").await, 0);
}
