//! The prompt in Chromium with scripts off: forms and a page that loads itself anew do all that a script would.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use cs_core::login::Decision;
use cs_testkit::{Site, VirtualPhone, WebApp};
use e2e::Files;
use e2e::browser::{Browser, Page};
use serde_json::json;

/// A server in this process, an application to come back to, and Alice with a phone and a browser that runs no scripts.
struct Desk {
    site: Site,
    app: WebApp,
    phone: VirtualPhone,
    application: Files,
    page: Page,
    _browser: Browser,
    _ca: tempfile::NamedTempFile,
}

impl Desk {
    async fn set_up() -> Self {
        let site = Site::start().await;
        let (app, alice) = (site.web_app().await, site.user("alice").await);
        let phone = alice.phone().await;
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), site.ca_pem()).unwrap();
        let application = Files::serve();
        application.put("/callback", "text/html", &[], "<!doctype html><title>In</title><h1>In</h1>");
        let browser = Browser::start(&[ca.path()]);
        let page = browser.page();
        page.scripts(false);
        Self { site, app, phone, application, page, _browser: browser, _ca: ca }
    }

    /// Begins a login and goes on from the first look at the browser, by the button that a script would press.
    fn begin(&self) {
        let mut request = self.app.request("alice");
        request["redirect_uri"] = json!(self.application.at("/callback"));
        self.page.open(&format!("https://{}{}", self.site.auth_api().authority(), self.app.path_of(&request)));
        self.page.follow("form[data-begin] button");
        self.page.wait_for(".number");
    }

    fn is_in(&self) {
        self.page.wait_for_url("/callback?");
        assert!(self.page.url().contains("duo_code="), "{}", self.page.url());
    }

    fn number(&self) -> String {
        self.page.text_of(".number").chars().filter(char::is_ascii_digit).collect()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passcode_logs_in_and_a_wrong_one_can_be_mended() {
    let desk = Desk::set_up().await;
    desk.begin();
    desk.page.follow("button.second");
    desk.page.fill("#passcode", "000000");
    desk.page.follow("form button");
    desk.page.wait_for(".wrong");
    desk.page.fill("#passcode", &desk.phone.passcode());
    desk.page.follow("form button");
    desk.is_in();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_logs_in_by_a_page_that_loads_itself_anew() {
    let mut desk = Desk::set_up().await;
    desk.begin();
    let (push, number) = (desk.phone.next_push().await, desk.number());
    // It has loaded itself anew, with the same request still waiting.
    let before = desk.page.requests().len();
    desk.page.wait_until("the page to load itself anew", || desk.page.requests().len() > before);
    desk.page.wait_for(".number");
    assert_eq!(desk.number(), number);
    desk.phone.approve_with(push, &number).await.unwrap();
    desk.is_in();
    assert_eq!(desk.phone.pushes(), 0, "one login, one request");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_that_was_denied_is_said_and_another_way_leads_in() {
    let mut desk = Desk::set_up().await;
    desk.begin();
    let push = desk.phone.next_push().await;
    desk.phone.answer(push, Decision::Deny, None).await.unwrap();
    desk.page.wait_for(".sign");
    desk.page.follow_words("Other options");
    desk.page.follow("form:has(input[value=passcode]) button");
    desk.page.fill("#passcode", &desk.phone.passcode());
    desk.page.follow("form button");
    desk.is_in();
}
