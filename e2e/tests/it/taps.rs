//! A tap that was meant for what was on the screen a moment ago approves nothing. The page's clock is the test's; nothing here waits for time to pass.

use e2e::browser::Page;
use serde_json::json;

use crate::authenticator::Story;

/// From now on the page's clock goes as far as it is told.
fn hold_time(page: &Page) {
    page.eval("globalThis.passed = 0; performance.now = () => globalThis.passed; 0");
}

/// So many milliseconds are over since then.
fn passed(page: &Page, ms: u32) {
    page.eval(&format!("globalThis.passed = {ms}; 0"));
}

/// Taps where Approve is, and presses Enter in the field of the number: both at once, as somebody in a hurry would.
fn tap_and_press(page: &Page) {
    let place = page.eval("{ const r = document.querySelector('#approve').getBoundingClientRect(); [r.x + r.width / 2, r.y + r.height / 2] }");
    for kind in ["mousePressed", "mouseReleased"] {
        let event = json!({ "type": kind, "x": place[0], "y": place[1], "button": "left", "clickCount": 1 });
        page.call("Input.dispatchMouseEvent", &event);
    }
    page.eval("document.querySelector('#number').focus(); 0");
    page.press("Enter");
}

fn is_greyed_out(page: &Page) -> bool {
    page.eval("document.querySelector('#approve').disabled") == true
}

/// How many answers the page has sent.
fn answers(page: &Page) -> usize {
    page.requests().iter().filter(|url| url.ends_with("/answer")).count()
}

#[test]
fn a_tap_that_was_on_its_way_when_a_request_came_up_approves_nothing() {
    let story = Story::begin();
    let page = story.activated();
    hold_time(&page);
    let (txid, number) = story.login("203.0.113.7");
    page.wait_for("#approve");
    page.fill("#number", &number);
    for ms in [0, 1, 350, 699] {
        passed(&page, ms);
        tap_and_press(&page);
        assert!(is_greyed_out(&page), "after {ms} ms");
    }
    // As the page comes into view again, and as the question whether it was them is left, it begins anew.
    passed(&page, 700);
    page.wait_until("Approve to wake up", || !is_greyed_out(&page));
    page.eval("document.dispatchEvent(new Event('visibilitychange')); 0");
    assert!(is_greyed_out(&page), "somewhere else a moment ago");
    passed(&page, 1_399);
    tap_and_press(&page);
    passed(&page, 1_400);
    page.wait_until("Approve to wake up", || !is_greyed_out(&page));
    page.click("#not-me");
    page.click(".link");
    page.wait_for("#approve");
    assert!(is_greyed_out(&page), "another question a moment ago");
    passed(&page, 2_099);
    tap_and_press(&page);

    assert_eq!(answers(&page), 0);
    assert_eq!(story.status(&txid).0, "waiting");
    passed(&page, 2_100);
    page.click("#approve");
    page.wait_for_text("Approved");
    assert_eq!(answers(&page), 1);
    assert_eq!(story.status(&txid).0, "allow");
}

/// No is always at hand: it lets nobody in.
#[test]
fn whoever_says_no_need_not_wait() {
    let story = Story::begin();
    let page = story.activated();
    hold_time(&page);
    let (txid, _) = story.login("203.0.113.7");
    page.click("#not-me");
    page.click("#fraud");
    page.wait_for_text("Denied and reported");
    assert_eq!(story.status(&txid), ("deny".into(), "fraud".into()));
}
