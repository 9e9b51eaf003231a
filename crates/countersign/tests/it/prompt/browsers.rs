//! Browsers that are remembered.

use cs_engine::admin::Actor;
use cs_store::{Job, Step, args};
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

async fn thefts(scene: &Scene) -> usize {
    let times = [("mintime", "1000000000000"), ("maxtime", "9999999999999")];
    let events = scene.site.admin_api().get("/admin/v2/logs/activity", &times).await.response();
    events.to_string().matches("remembered_browser_reused").count()
}

/// The new token travels in one answer. Where that is lost, nobody has stolen anything.
#[tokio::test]
async fn a_token_that_was_lost_on_its_way_is_given_again_and_is_no_theft() {
    let mut scene = Scene::new().await;
    scene.approved().await.redirect();
    scene.site.advance(3600);
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    scene.browser.clone().post(&page, "begin", &[("facts", "")]).await;
    let before = token(&scene.browser);
    scene.browser.open(&page.path).await.redirect();
    assert_ne!(token(&scene.browser), before, "the page brings it once more");
    scene.site.advance(3600);
    scene.browser.log_in(&scene.app, "alice").await.redirect();
    assert_eq!(thefts(&scene).await, 0);
    // Not to whoever has another login, or the token from before that.
    let mut thief = scene.browser.clone();
    thief.cookies.retain(|(name, _)| name != "__Host-cs-browser");
    thief.cookies.push(("__Host-cs-browser".to_owned(), before.unwrap()));
    let shown = thief.open(&page.path).await;
    assert!(shown.headers.get("set-cookie").is_none(), "{:?}", shown.headers);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_that_is_sent_twice_is_no_theft() {
    let mut scene = Scene::new().await;
    scene.approved().await.redirect();
    scene.site.advance(3600);
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    let (mut one, mut two) = (scene.browser.clone(), scene.browser.clone());
    tokio::join!(one.post(&page, "begin", &[("facts", "")]), two.post(&page, "begin", &[("facts", "")]));
    for browser in [&mut one, &mut two] {
        browser.open(&page.path).await.redirect();
    }
    assert_eq!(token(&one), token(&two));
    scene.site.advance(3600);
    two.log_in(&scene.app, "alice").await.redirect();
    assert_eq!(thefts(&scene).await, 0);
}

/// The database fails after the browser was recognised: its token is as good as before.
#[tokio::test]
async fn an_error_while_a_browser_is_recognised_is_no_theft() {
    let mut scene = Scene::new().await;
    scene.approved().await.redirect();
    scene.site.advance(3600);
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    let store = scene.site.engine().store();
    let run = async |sql: &'static str| store.commit(Job::new().step(Step::any(sql, args![]))).await.map(drop);
    run("CREATE TRIGGER full BEFORE UPDATE ON prompt BEGIN SELECT RAISE(FAIL, 'no room'); END").await.unwrap();
    let failed = scene.browser.post(&page, "begin", &[("facts", "")]).await;
    assert!(failed.status >= 500, "{}", failed.status);
    run("DROP TRIGGER full").await.unwrap();
    scene.site.advance(120);
    scene.browser.submit(&page, "begin", &[("facts", "")]).await.redirect();
    scene.site.advance(3600);
    scene.browser.log_in(&scene.app, "alice").await.redirect();
    assert_eq!(thefts(&scene).await, 0);
}

/// A cookie is bound to the browser it was given to, and to the system there; versions go up by themselves.
#[tokio::test]
async fn a_token_in_another_browser_or_on_another_system_is_asked_for_a_factor() {
    let mut scene = Scene::new().await;
    scene.approved().await.redirect();
    let own = scene.browser.user_agent.clone();
    for (other, asks) in [
        ("Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/131.0.0.0 Safari/537.36", true),
        ("Mozilla/5.0 (Windows NT 10.0; Win64; x64; rv:132.0) Gecko/20100101 Firefox/132.0", true),
        ("", true),
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", false),
    ] {
        scene.site.advance(61);
        scene.browser.user_agent = other.to_owned();
        let page = scene.browser.log_in(&scene.app, "alice").await;
        assert_eq!(page.number().is_some(), asks, "{other}: {}", page.html);
    }
    scene.site.advance(61);
    scene.browser.user_agent = own;
    scene.browser.log_in(&scene.app, "alice").await.redirect();
    assert_eq!(thefts(&scene).await, 0);
}
