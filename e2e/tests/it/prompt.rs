//! The prompt in Chromium, with its scripts, beside what the SDKs' tests show.

use e2e::browser::Browser;
use e2e::{Sample, Sdk, Site};
use serde_json::Value as Json;

/// Whoever types a code while the request is still on the phone, and then approves it there, is in without another click.
#[test]
fn an_approval_takes_the_page_away_on_which_a_code_is_being_typed() {
    let site = Site::start();
    let sample = Sample::start(&site, Sdk::Python);
    let (_user, phone) = site.enroll("alice");
    let browser = Browser::start(&[&site.ca()]);
    let page = browser.page();
    let watch = phone.watch();
    page.open(&sample.at("/"));
    page.follow("form button");
    page.wait_for("output.number");
    let number: String = page.text_of("output.number").chars().filter(char::is_ascii_digit).collect();
    let request = watch.request();
    page.follow("button.second");
    page.wait_until("the box to be ready for keys", || {
        page.try_eval("document.activeElement?.id === 'passcode'") == Ok(Json::Bool(true))
    });
    page.type_text("12");
    // The script has asked and waits: the box stays, and so does what is typed.
    page.wait_until("the question to the server", || {
        page.requests().iter().any(|url| url.ends_with("/wait") && url.contains("/frame/prompt/"))
    });
    assert_eq!(page.eval("document.querySelector('[data-beside]').hidden"), Json::Bool(false));
    assert_eq!(page.eval("document.querySelector('#passcode').value"), "12");
    phone.approve(&request, Some(&number));
    page.wait_for("#claims");
    let told: Json = serde_json::from_str(&page.text_of("#claims")).unwrap();
    assert_eq!(told["auth_context"]["factor"], "verified_duo_push", "{told}");
}
