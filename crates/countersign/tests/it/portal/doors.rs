//! Where there is no way in, and how pages lead on.

use cs_testkit::{Browser, WebApp};
use http::Method;
use serde_json::json;

use super::{Story, is_in};

#[tokio::test]
async fn where_the_portal_is_disabled_nobody_gets_in_and_nobody_stays() {
    let mut story = Story::start().await;
    assert!(is_in(&story.enter().await));
    let key = cs_core::id::IntegrationKey::portal_of(story.site.account);
    story.site.change_integration(key, |record| record.enabled = false).await;
    assert_eq!(story.browser.open("/portal").await.status, 403);
    assert_eq!(story.at_portal().await.status, 403);
}

#[tokio::test]
async fn an_application_without_self_service_neither_offers_it_nor_lets_anybody_in() {
    let mut story = Story::start().await;
    let closed = WebApp::of(&story.site, &story.site.integration("websdk", |_| {}).await);
    for (app, offers) in [(&closed, false), (&story.app, true)] {
        let begun = story.browser.open(&app.authorize_path("alice")).await;
        let next = story.browser.submit(&begun, "begin", &[("facts", "")]).await;
        let options = story.browser.submit(&next, "options", &[]).await;
        let way = format!("/portal/from/{}", begun.path.rsplit_once('/').unwrap().1);
        assert_eq!(options.html.contains(&format!("href=\"{way}\"")), offers, "{}", options.html);
        let entered = story.browser.open(&way).await;
        assert_eq!(entered.posts_to("begin"), offers, "{}", entered.html);
        assert!(offers || (entered.status == 403 && entered.html.contains("Ask your help desk")), "{}", entered.html);
    }
}

#[tokio::test]
async fn whoever_has_only_ways_that_are_closed_is_led_to_self_service_if_the_application_allows_it() {
    let mut story = Story::start().await;
    let closed = WebApp::of(&story.site, &story.site.integration("websdk", |_| {}).await);
    let keys_only = json!({"authentication_methods": {"allowed_auth_list": ["webauthn-roaming"]}});
    for (app, offers) in [(&closed, false), (&story.app, true)] {
        let name = format!("Keys only {offers}");
        let policy = json!({"policy_name": name, "sections": keys_only, "apply_to_apps": [app.client_id], "confirm_lockout": true});
        story.site.admin_api().json("POST", "/admin/v2/policies", &policy).await.response();
        let begun = story.browser.open(&app.authorize_path("alice")).await;
        let refused = story.browser.submit(&begun, "begin", &[("facts", "")]).await;
        assert!(refused.is_refusal(), "{}", refused.html);
        assert_eq!(refused.html.contains("/portal/from/"), offers, "{}", refused.html);
    }
    // The portal's own login asks for what the portal's own policy allows.
    assert!(story.at_portal().await.posts_to("begin"));
}

#[tokio::test]
async fn a_form_that_was_answered_can_be_loaded_again_and_says_what_was_done_once() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let path = format!("/portal/devices/{}/rename", story.phone.id);
    let form = [("step", &*home.step()), ("name", "Mine")];
    let sent = story.browser.send_once(Method::POST, &path, &form).await;
    assert_eq!((sent.status, sent.leads_to().as_deref()), (303, Some("/portal")));
    let said = story.browser.open("/portal").await;
    assert!(said.html.contains("class=\"said good\"") && said.html.contains("Mine"), "{}", said.html);
    assert!(!story.browser.open("/portal").await.html.contains("class=\"said good\""), "once");
    // Nobody vouches for what is to be said: it is text, and does nothing.
    for (value, shown) in [("renamed.PGI-eDwvYj4", "&#60;b&#62;x"), ("nonsense.eA", ""), ("renamed.!", ""), ("x", "")] {
        story.browser.cookies.push(("__Host-cs-said".to_owned(), value.to_owned()));
        let page = story.browser.open("/portal").await;
        assert_eq!(page.html.contains("class=\"said good\""), !shown.is_empty(), "{value}");
        assert!(page.html.contains(shown) && !page.html.contains("<b>x"), "{}", page.html);
        story.browser.cookies.retain(|(name, _)| name != "__Host-cs-said");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_a_page_with_the_way_back() {
    let mut story = Story::start().await;
    let id = story.phone.id.to_string();
    let lost = ["/portal/nothing", "/frame", "/frame/prompt", "/enroll/visit/x/y/z", "/portal/devices/x"];
    let posts = [format!("/portal/devices/{id}/rename"), "/portal/leave".to_owned()];
    let mut stranger = Browser::new(&story.site);
    for (path, status) in lost.iter().map(|path| (*path, 404)).chain(posts.iter().map(|path| (&**path, 405))) {
        let page = stranger.open(path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.html.starts_with("<!doctype html>") || page.html.starts_with("<!DOCTYPE html>"), "{}", page.html);
    }
    assert!(stranger.open("/nothing").await.html.contains("\"stat\":\"FAIL\""), "programs are answered as ever");
    story.enter().await;
    for path in ["/portal/nothing", "/portal/codes/new"] {
        assert!(story.browser.open(path).await.html.contains("href=\"/portal\""), "{path}");
    }
    // A login's form, loaded as a page.
    let begun = story.browser.open(&story.app.authorize_path("alice")).await;
    let page = story.browser.open(&format!("{}/begin", begun.path)).await;
    assert!(page.status == 405 && page.html.contains(&format!("href=\"{}\"", begun.path)), "{}", page.html);
}
