//! Browsers that are remembered.

use cs_engine::admin::Actor;
use cs_testkit::Browser;
use serde_json::json;

use super::Scene;

fn token(browser: &Browser) -> Option<String> {
    browser.cookies.iter().find(|(name, _)| name == "__Host-cs-browser").map(|(_, value)| value.clone())
}

#[tokio::test]
async fn a_person_says_whether_it_is_their_device_and_is_not_asked_again() {
    let mut scene = Scene::asking().await;
    let page = scene.approved().await;
    assert!(page.posts_to("trust") && page.html.contains("30"), "{}", page.html);
    let done = scene.browser.submit(&page, "trust", &[("trust", "yes")]).await;
    scene.app.id_token(&scene.app.token(&done.code()).await);
    let first = token(&scene.browser).expect("a token");

    scene.site.advance(120);
    let done = scene.browser.log_in(&scene.app, "alice").await;
    let claims = scene.app.id_token(&scene.app.token(&done.code()).await);
    assert_eq!(claims["auth_context"]["factor"], "remembered_device");
    assert_eq!(scene.phone.pushes(), 0);
    assert_ne!(token(&scene.browser), Some(first), "a new token at every use");
    let engine = scene.site.engine();
    let browsers = engine.remembered_browsers(scene.site.account, scene.alice.id).await.unwrap();
    assert_eq!(browsers.len(), 1);
    assert_eq!((browsers[0].name.as_str(), browsers[0].address.as_str()), ("Firefox on Linux", "127.0.0.1"));

    let mut elsewhere = Browser::new(&scene.site);
    assert!(elsewhere.log_in(&scene.app, "alice").await.number().is_some(), "only this browser");
    scene.site.advance(31 * 24 * 3600);
    assert!(scene.browser.log_in(&scene.app, "alice").await.number().is_some(), "for thirty days");
}

#[tokio::test]
async fn whoever_says_no_is_asked_again() {
    let mut scene = Scene::asking().await;
    let page = scene.approved().await;
    scene.browser.submit(&page, "trust", &[("trust", "no")]).await.redirect();
    assert_eq!(token(&scene.browser), None);
    assert!(scene.browser.log_in(&scene.app, "alice").await.number().is_some());
}

#[tokio::test]
async fn by_default_a_browser_is_remembered_by_itself() {
    let mut scene = Scene::new().await;
    scene.approved().await.redirect();
    assert!(token(&scene.browser).is_some());
    let done = scene.browser.log_in(&scene.app, "alice").await;
    done.redirect();
}

#[tokio::test]
async fn a_stolen_token_is_found_when_either_uses_it_and_then_both_are_asked() {
    let mut scene = Scene::new().await;
    scene.approved().await.redirect();
    let mut thief = scene.browser.clone();
    scene.site.advance(3600);
    thief.log_in(&scene.app, "alice").await.redirect();
    // Side by side, within a moment, nothing can be said.
    scene.browser.clone().log_in(&scene.app, "alice").await.redirect();
    scene.site.advance(3600);
    assert!(scene.browser.log_in(&scene.app, "alice").await.number().is_some(), "the old token comes again");
    assert_eq!(token(&scene.browser), None);
    scene.site.advance(61);
    let next = thief.log_in(&scene.app, "alice").await;
    assert!(next.number().is_some(), "the thief is out as well: {}", next.html);
    let reader = scene.site.engine().store().reader();
    assert!(reader.remembered_browsers(scene.site.account, scene.alice.id).await.unwrap().is_empty());
    let events = scene
        .site
        .admin_api()
        .get("/admin/v2/logs/activity", &[("mintime", "1000000000000"), ("maxtime", "9999999999999")]);
    let events = events.await.response().to_string();
    assert!(events.contains("remembered_browser_reused"), "{events}");
}

#[tokio::test]
async fn what_was_remembered_ends_with_the_policy_the_user_and_the_administrator() {
    let mut scene = Scene::new().await;
    for ending in ["the policy", "the administrator", "one browser", "the section"] {
        scene.site.advance(700);
        scene.approved().await.redirect();
        scene.browser.log_in(&scene.app, "alice").await.redirect();
        let (engine, account, user) = (scene.site.engine(), scene.site.account, scene.alice.id);
        match ending {
            "the policy" => {
                let apps = json!({"enabled": true, "remember_method": "risk-based", "risk_based": {"max_time_value": 29, "max_time_units": "days"}});
                scene.policy(json!({"remembered_devices": {"browser_apps": apps}})).await;
            }
            "the administrator" => scene.alice.forget_remembered().await,
            "one browser" => {
                let browsers = engine.store().reader().remembered_browsers(account, user).await.unwrap();
                engine.forget_browser(account, &Actor::Terminal, user, browsers[0].id).await.unwrap();
            }
            _ => {
                scene.policy(json!({"remembered_devices": {"browser_apps": {"enabled": false}}})).await;
            }
        }
        let page = scene.browser.log_in(&scene.app, "alice").await;
        assert!(page.number().is_some(), "{ending}: {}", page.html);
        let _ = scene.phone.next_push().await;
        scene.site.advance(61);
        scene.browser.open(&page.path).await;
    }
}

#[tokio::test]
async fn the_gate_and_a_disabled_user_stop_a_remembered_browser() {
    let mut scene = Scene::new().await;
    scene.approved().await.redirect();
    scene.policy(json!({"authorized_networks": {"blocked": {"ip_list": ["127.0.0.1"]}}})).await;
    let page = scene.browser.log_in(&scene.app, "alice").await;
    assert!(page.is_refusal(), "{}", page.html);
}

#[tokio::test]
async fn another_persons_token_is_worth_nothing() {
    let mut scene = Scene::new().await;
    let bob = scene.site.user("bob").await;
    let _bobs_phone = bob.phone().await;
    scene.approved().await.redirect();
    let stolen = token(&scene.browser).unwrap();
    let renamed = stolen.replace(scene.alice.id.as_str(), bob.id.as_str());
    let mut browser = Browser::new(&scene.site);
    browser.cookies.push(("__Host-cs-browser".to_owned(), renamed));
    assert!(browser.log_in(&scene.app, "bob").await.number().is_some());
    let done = scene.browser.log_in(&scene.app, "alice").await;
    done.redirect();
}
