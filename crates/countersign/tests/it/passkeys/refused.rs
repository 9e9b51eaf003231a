//! A key that is refused at a login: the page says why, and what else there is.

use cs_core::webauthn::Wanted;
use cs_testkit::{Browser, Forge, Page, Site, VirtualKey, WebApp};
use serde_json::json;

use super::{WITH_KEYS, asked};

/// The page that asks for the key.
async fn asking(browser: &mut Browser, app: &WebApp) -> Page {
    let page = browser.open(&app.authorize_path("alice")).await;
    let page = browser.submit(&page, "begin", &[WITH_KEYS]).await;
    if page.posts_to("key") { page } else { browser.submit(&page, "choose", &[("method", "security-key")]).await }
}

async fn answer(browser: &mut Browser, page: &Page, key: &mut VirtualKey, forge: &Forge) -> Page {
    let assertion = key.get_as(&asked(page, "data-key"), forge);
    browser.submit(page, "key", &[("credential", &assertion)]).await
}

#[tokio::test]
async fn a_refused_key_can_be_tried_again_or_left_for_another_way() {
    let site = Site::start().await;
    let (app, alice) = (site.web_app().await, site.user("alice").await);
    let token = alice.hotp_token().await;
    let mut key = VirtualKey::security_key(&site.origin());
    alice.register(&mut key, Wanted::SecurityKey).await;
    let methods = ["hardware-token", "webauthn-roaming", "webauthn-require-user-verification"];
    let sections = json!({"authentication_methods": {"allowed_auth_list": methods},
        "remembered_devices": {"browser_apps": {"enabled": false}}});
    let body = json!({"sections": sections, "confirm_lockout": true});
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    let mut browser = Browser::new(&site);
    for (forge, words) in [
        (Forge { spoil_signature: true, ..Forge::default() }, "Your key was not accepted"),
        (Forge { verified: Some(false), ..Forge::default() }, "Your key must check that it is you"),
    ] {
        let page = asking(&mut browser, &app).await;
        let refused = answer(&mut browser, &page, &mut key, &forge).await;
        assert!(refused.is_refusal() && refused.html.contains(words), "{}", refused.html);
        assert!(refused.posts_to("options") && refused.html.contains("class=\"reference\""), "{}", refused.html);
        let again = browser.submit(&refused, "choose", &[("method", "security-key")]).await;
        assert_ne!(again.attribute("data-key"), page.attribute("data-key"), "another question");
        let done = answer(&mut browser, &again, &mut key, &Forge::default()).await;
        assert!(done.html.contains("duo_code"), "{}", done.html);
    }

    // A copy is not to be tried again; the token still does.
    let page = asking(&mut browser, &app).await;
    let refused = answer(&mut browser, &page, &mut key, &Forge { counter: Some(1), ..Forge::default() }).await;
    assert!(refused.is_refusal() && refused.html.contains("This key is no longer accepted"), "{}", refused.html);
    assert!(!refused.posts_to("choose"), "{}", refused.html);
    let options = browser.submit(&refused, "options", &[]).await;
    assert!(!options.html.contains("value=\"security-key\""), "{}", options.html);
    let typing = browser.submit(&options, "choose", &[("method", "passcode")]).await;
    let done = browser.submit(&typing, "passcode", &[("passcode", &token.hotp(0))]).await;
    assert!(done.html.contains("duo_code"), "{}", done.html);
}
