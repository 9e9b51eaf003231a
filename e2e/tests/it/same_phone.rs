//! A login on the very phone that holds the authenticator, in Chromium with a sample application.

use e2e::{Sample, Sdk};
use serde_json::Value as Json;

use crate::authenticator::Story;

#[test]
fn on_one_phone_a_login_is_approved_without_carrying_a_number_over() {
    let story = Story::begin();
    let sample = Sample::start(&story.site, Sdk::Python);
    let phone = story.activated();
    phone.open(&sample.at("/"));
    phone.follow("form button");
    phone.wait_for("output.number");
    phone.click_words("Approve on this phone");
    phone.wait_for("#here");
    assert!(!phone.has("#number"), "{}", phone.text());
    assert!(phone.url().starts_with(&story.origin) && phone.url().contains("/#/request/"), "{}", phone.url());
    phone.click("#approve");
    phone.click("#back");
    phone.wait_for("#claims");
    let told: Json = serde_json::from_str(&phone.text_of("#claims")).unwrap_or_default();
    assert_eq!(told["auth_context"]["factor"], "verified_duo_push", "{told}");

    // The link of a login that somebody else has begun elsewhere, opened here: its number is asked for.
    let stranger = story.stranger();
    stranger.open(&sample.at("/"));
    stranger.follow("form button");
    stranger.wait_for("output.number");
    let link = stranger.attribute("a.button", "href").unwrap_or_default();
    assert!(link.starts_with(&story.origin), "{link}");
    phone.open(&link);
    phone.wait_for("#number");
    assert!(!phone.has("#here") && !phone.has("#back"), "{}", phone.text());
}
