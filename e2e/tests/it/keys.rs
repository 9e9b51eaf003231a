//! Security keys, the device's own lock and passkeys as a person uses them in Chromium: set up by a link or in a login, used at a login that an application has asked
//! for, chosen from the field without a name; and what an attacker would do with them.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use cs_testkit::{Site, WebApp};
use e2e::Files;
use e2e::browser::{Authenticator, Browser, Kind, Page};
use serde_json::{Value as Json, json};

/// A server in this process, a web application that browsers come back to, and a browser.
struct Desk {
    site: Site,
    app: WebApp,
    files: Files,
    browser: Browser,
    _ca: tempfile::NamedTempFile,
}

impl Desk {
    /// Nothing is remembered here, so that each login asks.
    async fn set_up() -> Self {
        let site = Site::start().await;
        let app = site.web_app().await;
        let files = Files::serve();
        files.put("/callback", "text/html", &[], "<!doctype html><title>Payroll</title><p>Welcome");
        let ca = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(ca.path(), site.ca_pem()).unwrap();
        let browser = Browser::start(&[ca.path()]);
        let desk = Self { site, app, files, browser, _ca: ca };
        desk.policy(json!({"remembered_devices": {"browser_apps": {"enabled": false}}})).await;
        desk
    }

    async fn policy(&self, sections: Json) {
        let body = json!({"sections": sections, "confirm_lockout": true});
        self.site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    }

    /// Where the application sends a browser; without a name a passkey is to say who it is.
    fn login(&self, name: Option<&str>) -> String {
        let mut request = self.app.request(name.unwrap_or_default());
        request["redirect_uri"] = self.files.at("/callback").into();
        if name.is_none() {
            request.as_object_mut().unwrap().remove("duo_uname");
        }
        format!("{}{}", self.site.origin(), self.app.path_of(&request))
    }

    /// What the application is told of the login that brought `page` back to it.
    async fn told(&self, page: &Page) -> Json {
        page.wait_for_url("/callback?");
        let url = page.url();
        let (_, code) = url.split_once("duo_code=").unwrap();
        let code = code.split('&').next().unwrap();
        let assertion = self.app.assertion("/oauth/v1/token");
        self.app.id_token(&self.app.token_with(&assertion, code, &self.files.at("/callback")).await)
    }

    /// An enrollment link.
    async fn invite(&self, name: &str) -> String {
        let params = [("username", name), ("email", "somebody@example.org")];
        let link = self.site.admin_api().post("/admin/v1/users/enroll", &params).await.response();
        link.as_str().unwrap().to_owned()
    }

    /// Sets up a security key by a link, in `page`.
    async fn set_up_key<'a>(&self, page: &'a Page, name: &str) -> Authenticator<'a> {
        let key = page.authenticator(Kind::SecurityKey);
        page.open(&self.invite(name).await);
        page.follow_words("Security key");
        page.fill("#name", "blue");
        page.follow("[data-use]");
        page.wait_for_text("Security Key (blue) is set up.");
        page.follow_words("Not now");
        key
    }

    /// The reasons of the log, oldest first.
    async fn reasons(&self) -> Vec<String> {
        let params = [("mintime", "1000000000000"), ("maxtime", "9999999999999"), ("event_types", "authentication")];
        let log = self.site.admin_api().get("/admin/v2/logs/authentication", &params).await.response();
        let all = log["authlogs"].as_array().unwrap();
        all.iter().map(|entry| entry["reason"].as_str().unwrap().to_owned()).collect()
    }
}

/// What the page sent last as answer of a key: the form, as it went over the wire.
fn sent(page: &Page) -> String {
    let mut requests = page.events().into_iter().filter(|event| event.method == "Network.requestWillBeSent");
    let answer = requests.rfind(|event| event.params["request"]["url"].as_str().unwrap().ends_with("/key"));
    answer.unwrap().params["request"]["postData"].as_str().unwrap().to_owned()
}

/// Sends `credential` from the page that asks for a key, as a page in other hands would.
fn answer_with(page: &Page, credential: &str) {
    let script = format!(
        "const form = document.querySelector('[data-key]'); form.elements.namedItem('credential').value = {}; form.submit()",
        json!(credential)
    );
    page.loading(|| drop(page.eval(&script)));
}

/// The credential in a form that was sent.
fn credential(page: &Page, form: &str) -> String {
    page.eval(&format!("new URLSearchParams({}).get('credential')", json!(form))).as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_security_key_is_set_up_by_a_link_logs_in_and_its_copy_is_found_out() {
    let desk = Desk::set_up().await;
    let page = desk.browser.page();
    let key = desk.set_up_key(&page, "alice").await;
    let copied = key.credentials().remove(0);

    for _ in 0..2 {
        page.open(&desk.login(Some("alice")));
        let told = desk.told(&page).await;
        assert_eq!(
            (&told["preferred_username"], &told["auth_context"]["factor"]),
            (&json!("alice"), &json!("WebAuthn Security Key"))
        );
    }

    // Somebody copied the key when it was new, and uses the copy now.
    key.remove();
    let clone = page.authenticator(Kind::SecurityKey);
    clone.insert(&copied);
    page.open(&desk.login(Some("alice")));
    page.wait_for_text("This key is no longer accepted");
    page.wait_for(".reference");
    assert_eq!(desk.reasons().await.iter().filter(|reason| *reason == "cloned_credential").count(), 1);
    // Nor is the key itself, from then on: there is nothing left to ask for.
    page.open(&desk.login(Some("alice")));
    page.wait_until("a refusal", || page.has(".sign") && !page.has("[data-key]"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_answer_made_elsewhere_or_before_lets_nobody_in() {
    let desk = Desk::set_up().await;
    let page = desk.browser.page();
    let key = desk.set_up_key(&page, "alice").await;
    page.open(&desk.login(Some("alice")));
    desk.told(&page).await;
    let form = sent(&page);

    // The same answer, to the question of another login.
    key.is_touched(false);
    page.open(&desk.login(Some("alice")));
    page.wait_for("[data-key]");
    answer_with(&page, &credential(&page, &form));
    page.wait_for_text("Your key was not accepted");

    // A page of another server on this machine: the browser lets it use `localhost`, and signs where it is.
    page.follow_words("Try again");
    page.wait_for("[data-key]");
    let options = page.attribute("[data-key]", "data-key").unwrap();
    desk.files.put("/", "text/html", &[], "<!doctype html><title>Not ours</title>");
    let evil = desk.browser.page();
    evil.open(&desk.files.at("/"));
    let there = evil.authenticator(Kind::SecurityKey);
    there.insert(&key.credentials()[0]);
    let stolen = evil.eval(&format!(
        "navigator.credentials.get({{ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON({options}) }})\
         .then((credential) => JSON.stringify(credential.toJSON()))"
    ));
    answer_with(&page, stolen.as_str().unwrap());
    page.wait_for_text("Your key was not accepted");
    let reasons = desk.reasons().await;
    assert_eq!(reasons.iter().filter(|reason| *reason == "invalid_credential").count(), 2, "{reasons:?}");

    // The form of the login that is over, sent again from this very browser.
    let again = format!(
        "fetch('/frame/prompt/' + {}.split('/frame/prompt/')[1], {{ method: 'POST', body: new URLSearchParams({}) }}).then((r) => r.ok)",
        json!(posted_to(&page)),
        json!(form)
    );
    assert_eq!(page.eval(&again), true, "it shows where that login stands");
    assert_eq!(desk.reasons().await.len(), reasons.len(), "and nothing was judged");
}

/// Where the first answer of a key was sent.
fn posted_to(page: &Page) -> String {
    page.requests().into_iter().find(|url| url.ends_with("/key")).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_browser_cannot_do_is_said_beside_the_choice() {
    let desk = Desk::set_up().await;
    let page = desk.browser.page();
    page.open(&desk.invite("alice").await);
    // No reader, no lock: this machine has none.
    page.wait_for_text("This browser finds no fingerprint reader");
    let disabled = "[...document.querySelectorAll('[data-needs] button')].map((button) => button.disabled)";
    assert_eq!(page.eval(disabled), json!([true, false]));
    page.scripts(false);
    page.reload();
    page.wait_for_text("Security keys and passkeys need scripts");
    page.follow_words("Security key");
    page.wait_for_text("Security keys and passkeys need scripts");
    assert!(!page.has("[data-use]"), "a button that would do nothing");
    page.scripts(true);
    // An old browser.
    page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": "delete window.PublicKeyCredential" }));
    page.reload();
    page.wait_for_text("This browser cannot use security keys here.");
}

/// Notes what every page asks of the browser, since nothing on a page shows whether a passkey was offered in its field.
fn note_what_is_asked(page: &Page) {
    let source = "const get = navigator.credentials?.get.bind(navigator.credentials);
        if (get) navigator.credentials.get = (options) => {
            localStorage.setItem('mediation', options.mediation ?? 'none');
            return get(options);
        };";
    page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": source }));
}

#[tokio::test(flavor = "multi_thread")]
async fn this_device_is_set_up_in_the_middle_of_a_login_and_logs_in_by_autofill_the_next_day() {
    let desk = Desk::set_up().await;
    let methods = ["duo-push", "webauthn-platform", "webauthn-platform-pwl"];
    desk.policy(json!({"authentication_methods": {"allowed_auth_list": methods}})).await;
    let page = desk.browser.page();
    let device = page.authenticator(Kind::Platform);
    page.open(&desk.login(Some("newcomer")));
    page.wait_for_text("Set it up now");
    page.follow_words("Set it up now");
    page.follow_words("This device");
    page.fill("#name", "laptop");
    page.follow("[data-use]");
    page.wait_for_text("(laptop) is set up.");
    page.follow_words("Not now");
    page.follow_words("Log in to");
    let told = desk.told(&page).await;
    assert_eq!(told["preferred_username"], "newcomer");
    assert_eq!(told["auth_context"]["factor"], "WebAuthn Credential");

    // The application names nobody, and the browser offers the passkey in the field; the virtual device takes every offer at once.
    desk.site.advance(86_400);
    note_what_is_asked(&page);
    page.open(&desk.login(None));
    let told = desk.told(&page).await;
    assert_eq!(told["preferred_username"], "newcomer");
    assert_eq!(told["auth_context"]["reason"], "user_approved");
    page.open(&format!("{}/portal", desk.site.origin()));
    assert_eq!(page.eval("localStorage.getItem('mediation')"), "conditional");

    // Whom the device does not recognise gets nowhere: the browser itself refuses.
    device.recognises_user(false);
    page.open(&desk.login(None));
    page.wait_for("#user");
    assert_eq!(page.attribute("#user", "autocomplete").as_deref(), Some("username webauthn"));
    page.click("[data-use]");
    page.wait_for_text("That did not work or was cancelled.");
}
