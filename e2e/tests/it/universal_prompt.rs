//! Duo's SDKs for web applications, unmodified, in the sample applications of `examples/`, and a person in Chromium who logs in there.
#![expect(clippy::unwrap_used, reason = "a failure here is the test's failure")]

use data_encoding::BASE64URL_NOPAD;
use e2e::browser::{Browser, Page};
use e2e::{Phone, Sample, Sdk, Site};
use serde_json::Value as Json;

/// What the application was told about who is in.
fn claims(page: &Page) -> Json {
    let text = page.text_of("#claims");
    serde_json::from_str(&text).unwrap_or_else(|_| panic!("no JSON: {text}"))
}

/// Opens the application and sends its form: alice and her password.
fn log_in(page: &Page, sample: &Sample) {
    page.open(&sample.at("/"));
    page.follow("form button");
}

/// Approves the push whose number is on `page`.
fn approve(page: &Page, phone: &Phone, log_in: impl FnOnce()) {
    let watch = phone.watch();
    log_in();
    page.wait_for("output.number");
    let number: String = page.text_of("output.number").chars().filter(char::is_ascii_digit).collect();
    phone.approve(&watch.request(), Some(&number));
}

/// Where the application has sent the browser last, with its signed request.
fn authorize_url(page: &Page) -> String {
    page.requests().into_iter().rfind(|url| url.contains("/oauth/v1/authorize?")).unwrap()
}

/// The value of `name` in the query of `url`.
fn query(url: &str, name: &str) -> String {
    let pairs = url.split(['?', '&']).skip(1).filter_map(|pair| pair.split_once('='));
    pairs.into_iter().find(|(found, _)| *found == name).unwrap_or_else(|| panic!("no {name}: {url}")).1.to_owned()
}

fn a_person_logs_in(sdk: Sdk) {
    let site = Site::start();
    let sample = Sample::start(&site, sdk);
    let (user, phone) = site.enroll("alice");
    let browser = Browser::start(&[&site.ca()]);
    let page = browser.page();
    approve(&page, &phone, || log_in(&page, &sample));
    let told = claims(&page);
    assert_eq!(told["preferred_username"], "alice", "{told}");
    assert_eq!(told["auth_result"]["result"], "allow");
    let context = &told["auth_context"];
    assert_eq!(context["factor"], "verified_duo_push");
    assert_eq!(context["user"]["key"], user.id.as_str());
    assert_eq!(context["access_device"]["browser"], "chrome");
    assert_eq!(site.logins().last().unwrap()["txid"], context["txid"], "the log has it under the same id");
    let back = page.requests().into_iter().rfind(|url| url.contains("/callback?")).unwrap();

    // The browser is remembered: nobody is asked.
    page.follow_words("Log out");
    log_in(&page, &sample);
    assert_eq!(claims(&page)["auth_context"]["factor"], "remembered_device");

    // The way back is the browser's that began, and good once.
    page.open(&back);
    assert!(page.text().contains("not begun in this browser"), "{}", page.text());
    refuses_what_is_not_its_own(&browser, &sample, &query(&back, "duo_code"));

    // With a passcode and without scripts.
    let stranger = browser.stranger();
    stranger.scripts(false);
    log_in(&stranger, &sample);
    stranger.follow("form[data-begin] button");
    stranger.wait_for("output.number");
    stranger.follow("button.second");
    stranger.fill("#passcode", &phone.passcode());
    stranger.follow("form button");
    assert_eq!(claims(&stranger)["auth_context"]["factor"], "duo_mobile_passcode");

    // The wrong secret.
    let mut keys = site.integration("websdk");
    keys.skey = "w".repeat(40);
    let wrong = Sample::with_keys(&site, sdk, &keys);
    log_in(&page, &wrong);
    assert!(page.text_of("#error").contains("invalid_client"), "{}", page.text());
}

/// A code that was used, brought to a login of its own; and requests that are not the application's.
fn refuses_what_is_not_its_own(browser: &Browser, sample: &Sample, used_code: &str) {
    let other = browser.stranger();
    // No further than the first page: nobody is asked.
    other.scripts(false);
    log_in(&other, sample);
    let url = authorize_url(&other);
    let request = query(&url, "request");
    let payload = BASE64URL_NOPAD.decode(request.split('.').nth(1).unwrap().as_bytes()).unwrap();
    let payload: Json = serde_json::from_slice(&payload).unwrap();
    let state = payload["state"].as_str().unwrap();
    other.open(&sample.at(&format!("/callback?state={state}&duo_code={used_code}")));
    let refused = other.text_of("#error");
    assert!(refused.contains("invalid_grant") || refused.contains("no such code"), "{refused}");

    // What is not the application's own request is said on a page, and nobody is sent anywhere.
    let altered = BASE64URL_NOPAD.encode(payload.to_string().replace("alice", "mallory").as_bytes());
    let mut parts: Vec<&str> = request.split('.').collect();
    parts[1] = &altered;
    for forged in [url.replace(&request, &parts.join(".")), url.replace(&request, "a.b.c")] {
        other.open(&forged);
        assert!(other.url().contains("/oauth/v1/authorize"), "{}", other.url());
        other.wait_for(".reference");
    }
}

#[test]
fn duo_universal_2_3_1_of_pypi_logs_a_person_in() {
    a_person_logs_in(Sdk::Python);
}

#[test]
fn duo_universal_3_0_0_of_npm_logs_a_person_in() {
    a_person_logs_in(Sdk::Node);
}
