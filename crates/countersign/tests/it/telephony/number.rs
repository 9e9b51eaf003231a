//! Setting up a number: whose is it?

use cs_store::audit::LogKind;
use cs_testkit::{Browser, Page};
use serde_json::json;

use super::Scene;
use crate::enroll::{enrolled, invite};

const TYPED: (&str, &str) = ("number", "+49 (151) 123-45678");
const NEW: &str = "+4915112345678";

struct Wizard {
    scene: Scene,
    link: String,
    browser: Browser,
}

impl Wizard {
    async fn new() -> Self {
        let scene = Scene::new().await;
        let link = invite(&scene.site, "bob").await;
        let browser = Browser::new(&scene.site);
        Self { scene, link, browser }
    }

    /// The page that asks for a number.
    async fn begin(&mut self) -> Page {
        let link = self.link.clone();
        let page = self.browser.open(&link).await;
        assert!(page.html.contains("value=\"number\""), "{}", page.html);
        let page = self.browser.submit(&page, "choose", &[("way", "number")]).await;
        assert!(page.posts_to("number"), "{}", page.html);
        page
    }

    async fn send(&mut self, page: &Page, by: &str) -> Page {
        self.browser.submit(page, "number", &[TYPED, ("by", by)]).await
    }

    /// The code in the one order that went out since.
    async fn code(&self, kind: &str) -> String {
        let told = self.scene.told().await;
        let [order] = told.as_slice() else { panic!("not one order: {told:?}") };
        assert_eq!((&order["type"], &order["data"]["to"]), (&json!(kind), &json!(NEW)));
        let text = order["data"]["text"].as_str().unwrap();
        let digits: String = text.chars().filter(char::is_ascii_digit).collect();
        digits[..7].to_owned()
    }

    /// The status of a message that is asked for in a login.
    async fn asks_for_codes(&self) -> String {
        let asked = [("username", "bob"), ("factor", "sms"), ("device", "auto")];
        self.scene.site.auth_api().post("/auth/v2/auth", &asked).await.text("status")
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_becomes_a_factor_once_its_code_was_typed() {
    let mut at = Wizard::new().await;
    let page = at.begin().await;
    let page = at.send(&page, "sms").await;
    assert!(page.posts_to("check") && page.html.contains(NEW), "{}", page.html);
    let code = at.code("telephony.sms").await;
    assert_eq!(at.asks_for_codes().await, "deny", "nothing is proven yet");
    let page = at.browser.submit(&page, "check", &[("code", &format!(" {}-{} ", &code[..3], &code[3..]))]).await;
    assert!(page.posts_to("backup"), "{}", page.html);
    let log = at.scene.logged(LogKind::Activity).await;
    assert_eq!(log.result.as_deref(), Some("phone_number_confirmed"));
    assert!(log.personal.unwrap().contains(NEW) && !log.body.contains(NEW));

    at.scene.site.advance(31);
    assert_eq!(at.asks_for_codes().await, "sent");
    let login = at.code("telephony.sms").await;
    let typed = [("username", "bob"), ("factor", "passcode"), ("passcode", login.as_str())];
    assert_eq!(at.scene.site.auth_api().post("/auth/v2/auth", &typed).await.text("status"), "allow");
    // The code of the enrollment is none of a login, and the link is used up.
    let typed = [("username", "bob"), ("factor", "passcode"), ("passcode", code.as_str())];
    assert_eq!(at.scene.site.auth_api().post("/auth/v2/auth", &typed).await.text("status"), "deny");
    let link = at.link.clone();
    assert_eq!(Browser::new(&at.scene.site).open(&link).await.status, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_is_spoken_by_a_call_that_asks_for_no_key() {
    let mut at = Wizard::new().await;
    let page = at.begin().await;
    let page = at.send(&page, "call").await;
    let told = at.scene.told().await.remove(0);
    assert_eq!((&told["data"]["approve_key"], &told["data"]["fraud_key"]), (&json!(null), &json!(null)));
    let report = json!({"call": told["data"]["call"], "event": "key", "key": "1"});
    assert_eq!(at.scene.report(&report).await.status, 404);
    let digits: String = told["data"]["text"].as_str().unwrap().chars().filter(char::is_ascii_digit).collect();
    let page = at.browser.submit(&page, "check", &[("code", &digits[..7])]).await;
    assert!(page.posts_to("backup"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_gets_a_code_is_told_whose_it_is_and_what_it_does_in_the_accounts_language() {
    for (language, warning) in
        [("EN", "Give it to nobody"), ("DE", "Geben Sie ihn niemandem"), ("JA", "誰にも教えないでください")]
    {
        let mut at = Wizard::new().await;
        at.scene.site.settings(json!({ "language": language })).await;
        let page = at.begin().await;
        at.send(&page, "sms").await;
        let told = at.scene.told().await.remove(0);
        let text = told["data"]["text"].as_str().unwrap();
        assert!(text.starts_with("Example") && text.contains(warning), "{text}");
        assert!(!text.contains("bob") && !text.contains(NEW), "the number may be somebody else's: {text}");

        at.scene.site.advance(31);
        let mut at = Wizard { link: invite(&at.scene.site, "carol").await, ..at };
        let page = at.begin().await;
        at.send(&page, "call").await;
        let told = at.scene.told().await.remove(0);
        assert_eq!(told["data"]["language"], language.to_lowercase());
        assert!(told["data"]["text"].as_str().unwrap().contains(warning), "{told}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_codes_are_counted_and_the_last_voids_it() {
    let mut at = Wizard::new().await;
    let page = at.begin().await;
    let mut page = at.send(&page, "sms").await;
    let code = at.code("telephony.sms").await;
    let wrong = if code == "0000000" { "1111111" } else { "0000000" };
    for _ in 0..4 {
        // Posted twice from one page it is one guess.
        let old = Page {
            path: page.path.clone(),
            status: page.status,
            headers: page.headers.clone(),
            html: page.html.clone(),
        };
        page = at.browser.submit(&page, "check", &[("code", wrong)]).await;
        assert!(page.posts_to("check") && page.html.contains("role=\"alert\""), "{}", page.html);
        let again = at.browser.submit(&old, "check", &[("code", &code)]).await;
        assert!(again.posts_to("check"), "the step was left: {}", again.html);
    }
    let page = at.browser.submit(&page, "check", &[("code", wrong)]).await;
    assert!(page.posts_to("number"), "{}", page.html);
    assert_eq!(at.asks_for_codes().await, "deny");
    // A new code, which comes too late.
    at.scene.site.advance(31);
    let page = at.send(&page, "sms").await;
    let code = at.code("telephony.sms").await;
    at.scene.site.advance(600);
    let page = at.browser.submit(&page, "check", &[("code", &code)]).await;
    assert!(page.posts_to("number"), "{}", page.html);
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sent_to_what_is_no_number_or_too_often() {
    let mut at = Wizard::new().await;
    let mut page = at.begin().await;
    for number in ["415 555 0100", "+49151\r\nX-To: +1900", "+49 151 12345678;ext=1", "+49", "tel:+4915112345678"] {
        page = at.browser.submit(&page, "number", &[("number", number), ("by", "sms")]).await;
        assert!(page.posts_to("number") && page.html.contains("role=\"alert\""), "{number}: {}", page.html);
    }
    assert!(at.scene.told().await.is_empty());
    let sent = at.send(&page, "sms").await;
    assert!(sent.posts_to("check"));
    let back = at.browser.submit(&sent, "options", &[]).await;
    let page = at.browser.submit(&back, "choose", &[("way", "number")]).await;
    let page = at.send(&page, "sms").await;
    assert!(page.posts_to("number") && page.html.contains("half a minute"), "{}", page.html);
    assert_eq!(at.scene.told().await.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_browsers_with_one_link_add_one_number() {
    let mut at = Wizard::new().await;
    let page = at.begin().await;
    let mut mine = std::mem::replace(&mut at.browser, Browser::new(&at.scene.site));
    let theirs = at.begin().await;
    let page = mine.submit(&page, "number", &[TYPED, ("by", "sms")]).await;
    let code = at.code("telephony.sms").await;
    at.scene.site.advance(31);
    let theirs = at.browser.submit(&theirs, "number", &[("number", "+4915100000000"), ("by", "sms")]).await;
    let text = at.scene.told().await.remove(0)["data"]["text"].as_str().unwrap().to_owned();
    let their_code: String = text.chars().filter(char::is_ascii_digit).collect();
    assert!(mine.submit(&page, "check", &[("code", &code)]).await.posts_to("backup"));
    let late = at.browser.submit(&theirs, "check", &[("code", &their_code)]).await;
    assert!(!late.posts_to("backup"), "{}", late.html);
    let user = at.scene.site.find_user("bob").await;
    let path = format!("/admin/v1/users/{}/phones", user.id);
    let phones = at.scene.site.admin_api().get(&path, &[]).await.response();
    let numbers: Vec<_> = phones.as_array().unwrap().iter().map(|phone| phone["number"].clone()).collect();
    assert_eq!(numbers, [json!(NEW)]);
    assert!(enrolled(&at.scene.site, "bob").await);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_and_the_gateway_decide_whether_numbers_are_set_up() {
    let at = Wizard::new().await;
    at.scene.policy(json!({"authentication_methods": {"blocked_auth_list": ["sms", "phonecall"]}})).await;
    let mut browser = Browser::new(&at.scene.site);
    let page = browser.open(&at.link).await;
    assert!(page.posts_to("choose") && !page.html.contains("value=\"number\""), "{}", page.html);
    let page = browser.submit(&page, "choose", &[("way", "number")]).await;
    assert!(page.posts_to("choose") && !page.posts_to("number"), "made up: {}", page.html);
    let page = browser.submit(&page, "number", &[TYPED, ("by", "sms")]).await;
    assert!(!page.posts_to("check"), "{}", page.html);
    assert!(at.scene.told().await.is_empty());
}
