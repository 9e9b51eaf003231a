//! Debian's `libpam-duo`, asked by `pamtester`. Always `failmode = secure`, so that a server's fault is no success.

use std::time::Duration;

use e2e::unix::{Failmode, Host, number_in};
use e2e::{Cutter, Phone, Site, Terminal, User};

/// What the menu ends in for a user with one phone.
const QUESTION: &str = "Passcode or option (1-1): ";
/// A push's life, and some more.
const A_PUSH_AND_MORE: Duration = Duration::from_secs(90);

fn site_with_phone() -> (Site, User, Phone) {
    let site = Site::start();
    let (alice, phone) = site.enroll("alice");
    (site, alice, phone)
}

fn assert_in(terminal: Terminal) {
    let (is_in, screen) = terminal.ends();
    assert!(is_in && screen.contains("Success. Logging you in..."), "{screen}");
}

/// Asserts that the user is out and was told `why`. Gives the whole screen.
fn assert_out(terminal: Terminal, why: &str) -> String {
    let (is_in, screen) = terminal.ends();
    assert!(!is_in && screen.contains(why), "{screen}");
    screen
}

fn outcomes(site: &Site) -> Vec<(String, String)> {
    site.outcomes().into_iter().map(|(result, reason, _)| (result, reason)).collect()
}

fn outcome(result: &str, reason: &str) -> (String, String) {
    (result.to_owned(), reason.to_owned())
}

#[test]
fn a_push_is_approved_with_the_number_from_the_menu() {
    let (site, _, phone) = site_with_phone();
    let host = Host::secure(&site);
    let watch = phone.watch();
    let mut terminal = host.pam("alice");
    let menu = terminal.shows(QUESTION);
    assert!(menu.contains("Duo two-factor login for alice") && menu.contains(" 1. Duo Push to "), "{menu}");
    terminal.types("1");
    let request = watch.request();
    let number = number_in(&menu);
    assert_eq!(request.shown["digits"], number.len());
    assert_eq!((&request.shown["user"], &request.shown["application"]), (&"alice".into(), &"Test of unix".into()));
    let wrong: String = number.chars().rev().collect();
    let wrong = if wrong == number { "1".repeat(number.len()) } else { wrong };
    assert_eq!(phone.cannot_approve(&request, &wrong), "number");
    phone.approve(&request, Some(&number));
    assert_in(terminal);
    let logins = site.logins();
    assert_eq!(logins.len(), 1, "{logins:?}");
    assert_eq!((&logins[0]["result"], &logins[0]["reason"]), (&"success".into(), &"user_approved".into()));
    assert_eq!(logins[0]["txid"], request.txid);
    assert_eq!(logins[0]["user"]["name"], "alice");
    assert_eq!(logins[0]["application"]["name"], "Test of unix");
}

#[test]
fn a_denied_push_refuses() {
    let (site, _, phone) = site_with_phone();
    let host = Host::secure(&site).with("prompts = 1");
    let watch = phone.watch();
    let mut terminal = host.pam("alice");
    terminal.shows(QUESTION);
    terminal.types("1");
    phone.deny(&watch.request());
    assert_out(terminal, "Login request denied.");
    assert_eq!(outcomes(&site), [outcome("denied", "user_mistake")]);
}

#[test]
fn a_push_reported_as_fraud_refuses() {
    let (site, _, phone) = site_with_phone();
    let host = Host::secure(&site).with("prompts = 1");
    let watch = phone.watch();
    let mut terminal = host.pam("alice");
    terminal.shows(QUESTION);
    terminal.types("1");
    phone.report(&watch.request());
    assert_out(terminal, "Login request reported as fraudulent.");
    assert_eq!(outcomes(&site), [outcome("fraud", "user_marked_fraud")]);
}

/// The one test that waits out a push: the client's time is real.
///
/// The client lets people in after twenty answers without a result, so the polls of a whole push must stay far from that.
#[test]
fn an_unanswered_push_refuses_after_a_few_long_polls() {
    let (site, _, phone) = site_with_phone();
    let host = Host::secure(&site).with("prompts = 1");
    let mut terminal = host.pam("alice");
    terminal.shows(QUESTION);
    terminal.types("1");
    let (is_in, screen) = terminal.ends_within(A_PUSH_AND_MORE);
    assert!(!is_in && screen.contains("Authentication timed out."), "{screen}");
    let polls = site.answered("/rest/v1/status.bson");
    assert!((2..10).contains(&polls), "{polls} polls");
    assert_eq!(phone.waiting().len(), 0, "a push that timed out is no longer shown");
    assert_eq!(outcomes(&site), [outcome("denied", "no_response")]);
}

#[test]
fn passcodes_of_a_phone_and_a_token_open_once() {
    let (site, alice, phone) = site_with_phone();
    // The secret of RFC 4226, appendix D.
    site.token(&alice, "token-1", "3132333435363738393031323334353637383930");
    let host = Host::secure(&site).with("prompts = 1");
    let from_phone = phone.passcode();
    for code in [&from_phone, "755224", "287082"] {
        let mut terminal = host.pam("alice");
        terminal.shows(QUESTION);
        terminal.types(code);
        assert_in(terminal);
    }
    for used in [&from_phone, "755224", "287082"] {
        let mut terminal = host.pam("alice");
        terminal.shows(QUESTION);
        terminal.types(used);
        assert_out(terminal, "Invalid passcode, please try again.");
    }
    let reasons: Vec<_> = site.outcomes().into_iter().map(|(result, _, factor)| (result, factor)).collect();
    let expected = [("success", "duo_mobile_passcode"), ("success", "hardware_token"), ("success", "hardware_token")];
    assert_eq!(reasons[..3], expected.map(|(result, factor)| (result.to_owned(), factor.to_owned())));
    assert!(reasons[3..].iter().all(|(result, _)| result == "denied") && reasons.len() == 6, "{reasons:?}");
}

#[test]
fn three_wrong_passcodes_refuse() {
    let (site, _, _phone) = site_with_phone();
    let host = Host::secure(&site);
    let mut terminal = host.pam("alice");
    for wrong in ["000000", "not a code", "99"] {
        terminal.shows(QUESTION);
        terminal.types(wrong);
    }
    let screen = assert_out(terminal, "Invalid passcode, please try again.");
    assert_eq!(screen.matches("Invalid passcode").count(), 3, "{screen}");
    assert_eq!(outcomes(&site), vec![outcome("denied", "invalid_passcode"); 3]);
}

#[test]
fn a_bypass_code_opens_as_often_as_it_may() {
    let site = Site::start();
    let bob = site.user("bob");
    let code = site.bypass_codes(&bob, 1, 2).remove(0);
    let host = Host::secure(&site).with("prompts = 1");
    for _ in 0..2 {
        let mut terminal = host.pam("bob");
        terminal.shows("Passcode: ");
        terminal.types(&code);
        assert_in(terminal);
    }
    let outcomes: Vec<_> = site.outcomes();
    assert!(outcomes.iter().all(|(result, _, factor)| result == "success" && factor == "bypass_code"), "{outcomes:?}");
    // With its last code used up, nothing is left to log in with.
    assert_out(host.pam("bob"), "You are not enrolled.");
}

#[test]
fn a_bypass_user_is_let_in_without_a_question() {
    let (site, alice, _phone) = site_with_phone();
    site.change_user(&alice, &[("status", "bypass")]);
    let (is_in, screen) = Host::secure(&site).pam("alice").ends();
    assert!(is_in && !screen.contains("Passcode"), "{screen}");
    assert_eq!(outcomes(&site), [outcome("success", "bypass_user")]);
}

#[test]
fn a_disabled_user_is_refused_and_told_why() {
    let (site, alice, _phone) = site_with_phone();
    site.change_user(&alice, &[("status", "disabled")]);
    let screen = assert_out(Host::secure(&site).pam("alice"), "Your account is disabled");
    assert!(!screen.contains("Passcode"), "{screen}");
    assert_eq!(outcomes(&site), [outcome("denied", "user_disabled")]);
}

#[test]
fn an_unknown_user_is_refused_and_told_to_enroll() {
    let site = Site::start();
    let screen = assert_out(Host::secure(&site).pam("nobody-we-know"), "You are not enrolled.");
    assert!(!screen.contains("Passcode"), "{screen}");
    assert_eq!(outcomes(&site), [outcome("denied", "deny_unenrolled_user")]);
}

#[test]
fn ten_wrong_passcodes_lock_the_user_out_and_the_right_one_no_longer_opens() {
    let (site, alice, phone) = site_with_phone();
    let host = Host::secure(&site);
    let mut wrong = 0;
    while wrong < 9 {
        let mut terminal = host.pam("alice");
        for _ in 0..3 {
            terminal.shows(QUESTION);
            terminal.types("000000");
            wrong += 1;
        }
        assert_out(terminal, "Invalid passcode");
    }
    let mut terminal = host.pam("alice");
    terminal.shows(QUESTION);
    terminal.types("000000");
    // The client asks before every prompt whether the user may log in at all: the second one does not come.
    assert_out(terminal, "Your account is locked after too many failed attempts.");
    let right = phone.passcode();
    let answer =
        site.auth().post("/auth/v2/auth", &[("username", "alice"), ("factor", "passcode"), ("passcode", &right)]);
    assert_eq!(answer.ok()["result"], "deny", "the right code");
    assert_out(host.pam("alice"), "Your account is locked after too many failed attempts.");
    assert_eq!(site.look_up(&alice)["status"], "locked out");

    site.change_user(&alice, &[("status", "active")]);
    let mut terminal = host.pam("alice");
    terminal.shows(QUESTION);
    terminal.types(&phone.passcode());
    assert_in(terminal);
}

#[test]
fn autopush_sends_a_push_without_a_number() {
    let (site, _, phone) = site_with_phone();
    let host = Host::secure(&site).with("autopush = yes");
    let watch = phone.watch();
    let terminal = host.pam("alice");
    let request = watch.request();
    assert_eq!(request.shown["digits"], 0);
    phone.approve(&request, None);
    let (is_in, screen) = terminal.ends();
    assert!(is_in, "{screen}");
    assert_eq!(outcomes(&site), [outcome("success", "user_approved")]);
}

#[test]
fn push_typed_as_a_word_is_refused_with_an_explanation() {
    let (site, _, phone) = site_with_phone();
    let host = Host::secure(&site).with("prompts = 1");
    let watch = phone.watch();
    for word in ["push", "push1"] {
        let mut terminal = host.pam("alice");
        terminal.shows(QUESTION);
        terminal.types(word);
        assert_out(terminal, "Choose the push by its number in the menu");
    }
    assert_eq!(phone.waiting().len(), 0);
    assert_eq!(watch.requests_so_far(), 0, "a push that shows no number could be anybody's");
}

#[test]
fn a_service_that_waits_in_one_call_gets_its_answer() {
    let (site, _, phone) = site_with_phone();
    let host = Host::secure(&site);
    let watch = phone.watch();
    let mut terminal = host.pam_sshd("alice");
    let menu = terminal.shows(QUESTION);
    terminal.types("1");
    phone.approve(&watch.request(), Some(&number_in(&menu)));
    assert_in(terminal);
    assert_eq!(outcomes(&site), [outcome("success", "user_approved")]);
}

#[test]
fn a_lost_answer_is_asked_for_again_and_makes_no_second_push() {
    let (site, _, phone) = site_with_phone();
    let network = Cutter::before(site.address());
    let host = Host::new(&site, &site.integration("unix"), network.port, Failmode::Secure).with("prompts = 1");
    let watch = phone.watch();
    let mut terminal = host.pam("alice");
    let menu = terminal.shows(QUESTION);
    network.arm();
    terminal.types("1");
    let request = watch.request();
    // The second copy of the request must have come before the phone answers, or there would be nothing to join.
    network.wait_for_retry();
    assert_eq!(phone.waiting().len(), 1);
    phone.approve(&request, Some(&number_in(&menu)));
    assert_in(terminal);
    assert_eq!(network.cuts(), 1);
    assert_eq!(watch.requests_so_far(), 1, "one login is one push");
    assert_eq!(outcomes(&site), [outcome("success", "user_approved")], "and one decision");
}
