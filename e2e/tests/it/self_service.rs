//! Self-service in Chromium, beside the phone whose page it speaks of.

use e2e::browser::Page;
use e2e::{Sample, Sdk};

use crate::authenticator::Story;

/// Answers the request that the phone shows, with the number on the other screen.
fn approve(phone: &Page, number: &str) {
    phone.fill("#number", number);
    phone.click("#approve");
    phone.wait_for_text("Approved");
    phone.click("#done");
    phone.wait_for(".account");
}

fn number_on(desk: &Page) -> String {
    desk.text_of("output.number").chars().filter(char::is_ascii_digit).collect()
}

#[test]
fn a_test_push_is_sent_to_the_phone_and_the_page_says_what_came_of_it() {
    let story = Story::begin();
    let phone = story.activated();
    let keys = story.site.integration("websdk");
    let path = format!("/admin/v1/integrations/{}", keys.ikey);
    story.site.admin().post(&path, &[("self_service_allowed", "1")]).ok();
    let sample = Sample::with_keys(&story.site, Sdk::Python, &keys);
    let desk = story.browser.stranger();
    desk.open(&sample.at("/"));
    desk.follow("form button");
    approve(&phone, &number_on(&desk));
    desk.wait_for("#claims");

    // From that login into self-service, by a factor of its own.
    desk.open(&format!("https://{}/portal", story.site.host()));
    desk.follow_words("Try again");
    approve(&phone, &number_on(&desk));
    desk.wait_for_url("/portal");
    desk.wait_for_text("This is your only device.");

    desk.follow_words("Test");
    desk.wait_for_text("Nobody is let in by it");
    phone.wait_for("#approve");
    assert!(phone.text().contains("A test by"), "{}", phone.text());
    desk.wait_for_text("Your phone shows the request");
    approve(&phone, &number_on(&desk));
    desk.wait_for(".said.good");
    assert!(desk.text().contains("works."), "{}", desk.text());

    // Nor is anybody let in, locked out or reported by one that is refused.
    desk.follow_words("Test");
    phone.click("#not-me");
    phone.click("#mistake");
    phone.wait_for_text("Denied");
    desk.wait_for_text("did not answer");
    let user = story.site.admin().get(&format!("/admin/v1/users/{}", story.user.id), &[]).ok();
    assert_eq!(user["status"], "active");
    let logins: Vec<_> = story.site.logins().into_iter().map(|login| login["reason"].clone()).collect();
    assert_eq!(logins, ["user_approved", "user_approved"], "the two that were none are no logins");
}
