//! Messages and calls in a browser.

use cs_testkit::{Browser, Page, WebApp};
use serde_json::json;

use super::{Callback, Scene};

struct InBrowser {
    scene: Scene,
    app: WebApp,
    browser: Browser,
}

impl InBrowser {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let app = scene.site.web_app().await;
        let browser = Browser::new(&scene.site);
        Self { scene, app, browser }
    }

    async fn log_in(&mut self) -> Page {
        self.browser.log_in(&self.app, "alice").await
    }

    async fn choose(&mut self, page: &Page, method: &str) -> Page {
        let phone = self.scene.phone.clone();
        self.browser.submit(page, "choose", &[("method", method), ("device", &phone)]).await
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_sent_on_a_click_and_its_code_lets_in() {
    let mut at = InBrowser::new().await;
    let page = at.log_in().await;
    // What costs money does not begin by itself: all ways are shown.
    assert!(page.html.contains("value=\"sms\"") && page.html.contains("value=\"call\""), "{}", page.html);
    assert!(at.scene.told().await.is_empty());

    let page = at.choose(&page, "sms").await;
    assert!(page.posts_to("passcode") && page.html.contains("XXX-XXX-0100"), "{}", page.html);
    let code = at.scene.codes().await.remove(0);
    // Once more at once: the page stays, and says why nothing was sent.
    let page = at.choose(&page, "sms").await;
    assert!(page.posts_to("passcode") && page.html.contains("half a minute"), "{}", page.html);
    assert!(at.scene.told().await.is_empty());
    let wrong = at.browser.submit(&page, "passcode", &[("passcode", "0000000")]).await;
    assert!(wrong.posts_to("passcode") && wrong.html.contains("XXX-XXX-0100"));
    let done = at.browser.submit(&wrong, "passcode", &[("passcode", &code)]).await;
    let answer = at.app.token(&done.code()).await;
    let token = at.app.id_token(&answer);
    assert_eq!(token["auth_context"]["factor"], json!("sms_passcode"), "{token}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_page_posted_twice_sends_one_message() {
    let mut at = InBrowser::new().await;
    let page = at.log_in().await;
    at.choose(&page, "sms").await;
    let again = at.choose(&page, "sms").await;
    assert!(again.posts_to("passcode"));
    assert_eq!(at.scene.told().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_elses_phone_is_not_texted() {
    let mut at = InBrowser::new().await;
    let bob = at.scene.site.user("bob").await;
    let bobs = super::give_phone(&at.scene.site, &bob, "+14155550199", "Mobile").await;
    let page = at.log_in().await;
    for method in ["sms", "call"] {
        let page = at.browser.submit(&page, "choose", &[("method", method), ("device", &bobs)]).await;
        assert!(!page.posts_to("passcode"), "{}", page.html);
        let page = at.browser.submit(&page, "choose", &[("method", method)]).await;
        assert!(!page.posts_to("passcode"), "{}", page.html);
    }
    assert!(at.scene.told().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_is_waited_for_and_its_key_lets_in() {
    let mut at = InBrowser::new().await;
    let page = at.log_in().await;
    let page = at.choose(&page, "call").await;
    assert!(page.html.contains("/wait\"") && page.html.contains("XXX-XXX-0100"), "{}", page.html);
    let call = at.scene.told().await.remove(0)["data"].clone();
    let report = json!({"call": call["call"], "event": "key", "key": call["approve_key"]});
    assert_eq!(Callback::new(&at.scene.site, &report).send(&at.scene.site).await.json()["result"], "approved");
    let done = at.browser.open(&page.path).await;
    let token = at.app.id_token(&at.app.token(&done.code()).await);
    assert_eq!(token["auth_context"]["factor"], json!("phone_call"), "{token}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_is_given_up_lets_nobody_in_later() {
    let mut at = InBrowser::new().await;
    let page = at.log_in().await;
    let page = at.choose(&page, "call").await;
    let call = at.scene.told().await.remove(0)["data"].clone();
    // The person takes a message after all, and its code; the phone still rings.
    at.scene.site.advance(31);
    let page = at.choose(&page, "sms").await;
    let code = at.scene.codes().await.remove(0);
    let done = at.browser.submit(&page, "passcode", &[("passcode", &code)]).await;
    assert!(!done.code().is_empty());
    let report = json!({"call": call["call"], "event": "key", "key": call["approve_key"]});
    assert_eq!(Callback::new(&at.scene.site, &report).send(&at.scene.site).await.status, 409);
}

/// A code that anybody may have intercepted must not count as one of the authenticator's, wherever it is typed.
#[tokio::test(flavor = "multi_thread")]
async fn a_code_by_sms_stays_one_on_every_page() {
    let mut at = InBrowser::new().await;
    at.scene.alice.hotp_token().await;
    at.scene.ask_for_codes().await;
    let code = at.scene.codes().await.remove(0);
    let page = at.log_in().await;
    assert!(page.posts_to("passcode"), "the page for a token's codes: {}", page.html);
    let done = at.browser.submit(&page, "passcode", &[("passcode", &code)]).await;
    assert!(!done.code().is_empty());
    let last = at.browser.cookies.iter().find(|(name, _)| name.ends_with("cs-last")).unwrap();
    assert!(last.1.contains(".sms"), "{}", last.1);
}
