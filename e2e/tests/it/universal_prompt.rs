//! Duo's SDKs for web applications, unmodified, and a person in Chromium who logs in there.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use std::path::Path;
use std::process::{Child, Command, Stdio};

use e2e::browser::{Browser, Page};
use e2e::{Lines, Phone, Site, npm, universal_python};
use serde_json::{Value as Json, json};

/// The sample application of one SDK.
struct Application {
    child: Child,
    origin: String,
}

impl Application {
    fn python(site: &Site) -> Self {
        Self::start(site, &universal_python(), "universal_app.py")
    }

    fn node(site: &Site) -> Self {
        Self::start(site, Path::new("node"), "universal_app.js")
    }

    fn start(site: &Site, interpreter: &Path, program: &str) -> Self {
        let keys = site.integration("websdk");
        let settings =
            json!({"host": site.host(), "ca": site.ca(), "client_id": keys.ikey, "client_secret": keys.skey});
        let mut child = Command::new(interpreter)
            .arg(Path::new(env!("CARGO_MANIFEST_DIR")).join("clients").join(program))
            .env("APP", settings.to_string())
            .env("PYTHONDONTWRITEBYTECODE", "1")
            .env("NPM", npm())
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let output = Lines::default();
        output.collect(child.stdout.take().unwrap());
        output.collect(child.stderr.take().unwrap());
        let line = output.line_with("listening");
        let origin = format!("http://localhost:{}", line.split(' ').nth(1).unwrap().trim());
        Self { child, origin }
    }

    fn at(&self, path: &str) -> String {
        format!("{}{path}", self.origin)
    }
}

impl Drop for Application {
    fn drop(&mut self) {
        // It may have ended.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the application shows.
fn shown(page: &Page) -> Json {
    let text = page.text();
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

/// Approves the push whose number is on `page`.
fn approve(page: &Page, phone: &Phone, log_in: impl FnOnce()) {
    let watch = phone.watch();
    log_in();
    page.wait_for(".number");
    let number: String = page.text_of(".number").chars().filter(char::is_ascii_digit).collect();
    phone.approve(&watch.request(), Some(&number));
}

fn a_person_logs_in(application: &Application, site: &Site) {
    let (user, phone) = site.enroll("alice");
    let browser = Browser::start(&[&site.ca()]);
    let page = browser.page();
    approve(&page, &phone, || page.open(&application.at("/login?user=alice")));
    page.wait_for_url("/callback");
    let token = shown(&page);
    assert_eq!(token["preferred_username"], "alice", "{token}");
    assert_eq!(token["auth_result"]["result"], "allow");
    let context = &token["auth_context"];
    assert_eq!(context["factor"], "verified_duo_push");
    assert_eq!(context["user"]["key"], user.id.as_str());
    assert_eq!(context["access_device"]["browser"], "chrome");
    assert_eq!(site.logins().last().unwrap()["txid"], context["txid"], "the log has it under the same id");

    // The code was redeemed: whoever gets hold of the address gets nothing.
    let used = page.url();
    page.open(&used);
    let replayed = shown(&page).to_string();
    assert!(replayed.contains("invalid_grant") || replayed.contains("no such code"), "{replayed}");

    // The browser is remembered: nobody is asked.
    page.open(&application.at("/login?user=alice"));
    page.wait_for_url("/callback");
    assert_eq!(shown(&page)["auth_context"]["factor"], "remembered_device");

    // A forged way back, and the wrong secret.
    page.open(&application.at("/callback?state=made-up-state-of-somebody&duo_code=x"));
    assert_eq!(shown(&page)["error"], "a state that is not ours");
    page.open(&application.at(&format!("/login?user=alice&secret={}", "w".repeat(40))));
    let refused = shown(&page).to_string();
    assert!(refused.contains("invalid_client"), "{refused}");

    // With a passcode and without scripts.
    let stranger = browser.stranger();
    stranger.scripts(false);
    stranger.open(&application.at("/login?user=alice"));
    stranger.follow("form[data-begin] button");
    stranger.wait_for(".number");
    stranger.follow("button.second");
    stranger.fill("#passcode", &phone.passcode());
    stranger.follow("form button");
    stranger.wait_for_url("/callback");
    assert_eq!(shown(&stranger)["auth_context"]["factor"], "duo_mobile_passcode");

    // What is not the application's own request is said on a page, and nobody is sent anywhere.
    let other = browser.stranger();
    other.open(&format!("https://{}/oauth/v1/authorize?client_id=x&request=a.b.c&response_type=code", site.host()));
    assert!(other.url().contains("/oauth/v1/authorize"), "{}", other.url());
    other.wait_for(".reference");
}

#[test]
fn duo_universal_2_3_1_of_pypi_logs_a_person_in() {
    let site = Site::start();
    a_person_logs_in(&Application::python(&site), &site);
}

#[test]
fn duo_universal_3_0_0_of_npm_logs_a_person_in() {
    let site = Site::start();
    a_person_logs_in(&Application::node(&site), &site);
}
