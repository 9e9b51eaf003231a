//! A new phone, driven in Chromium: the account comes by a recovery code or a passkey, the old phone says so, and whoever was not asked can say that.

use std::process::{Command, Stdio};

use cs_engine::devices::DeviceChange;
use e2e::browser::{Kind, Page};
use serde_json::{Value as Json, json};

use crate::authenticator::{Story, check, speak};
use crate::passkeys::Desk;

/// Opens the way to bring an account to this phone.
fn begin(page: &Page, origin: &str) {
    page.open(origin);
    page.click("#move");
    page.wait_for("#prove");
}

fn prove(page: &Page, code: &str) {
    page.fill("#username", "alice");
    page.fill("#recovery", code);
    page.click("#prove");
}

/// A new phone, by one of the user's codes.
fn bring(page: &Page, story: &Story) {
    let code = story.site.bypass_codes(&story.user, 1, 1).remove(0);
    begin(page, &story.origin);
    prove(page, &code);
    page.fill("#name", "Shiny phone");
    page.click("#bring");
    page.wait_for_text("Your account is here");
    page.click("#done");
    page.wait_for(".connection.open");
}

#[test]
fn a_recovery_code_brings_the_account_to_a_new_phone_and_the_old_one_says_so() {
    let story = Story::begin();
    let old = story.activated();
    let (txid, number) = story.login("203.0.113.7");
    old.fill("#number", &number);
    old.click("#approve");
    old.click("#done");
    assert_eq!(story.status(&txid).0, "allow");

    let new = story.stranger();
    begin(&new, &story.origin);
    assert_eq!(new.complaints(), Vec::<String>::new());
    // What is wrong is said in one way, and nothing typed is lost.
    prove(&new, "123 456 789");
    new.wait_for_text("This is not enough");
    assert_eq!(new.eval("[username.value, recovery.value]"), json!(["alice", "123 456 789"]));
    new.offline(true);
    new.click("#prove");
    new.wait_for_text("No network");
    new.offline(false);

    let code = story.site.bypass_codes(&story.user, 1, 1).remove(0);
    prove(&new, &code);
    new.wait_for_text("stops working");
    // Cut off in the middle: what was proven is still there, and so is the code of the activation.
    new.fill("#name", "Shiny phone");
    new.offline(true);
    new.click("#bring");
    new.wait_for_text("No network");
    assert_eq!(new.eval("document.querySelector('#name').value"), "Shiny phone");
    old.wait_for(".connection.open");
    new.offline(false);
    new.click("#bring");
    new.wait_for_text("Your account is here");
    new.click("#done");
    new.wait_for(".connection.open");

    old.wait_for_text("This account is on another phone");
    assert!(old.text().contains("Shiny phone"), "{}", old.text());
    // The new phone answers from here on, and its codes are its own.
    let (txid, number) = story.login("203.0.113.8");
    new.fill("#number", &number);
    new.click("#approve");
    new.click("#done");
    assert_eq!(story.status(&txid).0, "allow");
    new.click_words("Show a passcode");
    let passcode: String = new.text_of(".code").chars().filter(char::is_ascii_digit).collect();
    let params = [("username", "alice"), ("factor", "passcode"), ("passcode", passcode.as_str())];
    // For a day codes that can be read out on the telephone are too little, where a number could be typed.
    let answer = story.site.auth().post("/auth/v2/auth", &params).ok();
    assert!(["allow", "deny"].contains(&answer["result"].as_str().unwrap()), "{answer}");
    // Opened again, the old one still says it, and offers the way back.
    old.reload();
    old.wait_for_text("This account is on another phone");
    old.click_words("Bring it back here");
    old.wait_for("#prove");
}

#[test]
fn it_was_not_me_takes_the_new_phone_off_and_leaves_the_rest_to_administrators() {
    let story = Story::begin();
    let old = story.activated();
    let new = story.stranger();
    bring(&new, &story);
    old.wait_for("#contest");
    old.click("#contest");
    old.wait_for_text("your administrators are told");
    old.click("#contest-sure");
    old.wait_for_text("Reported");
    new.wait_for_text("This device is no longer active");
    let code = story.site.bypass_codes(&story.user, 1, 1).remove(0);
    let other = story.stranger();
    begin(&other, &story.origin);
    prove(&other, &code);
    other.wait_for_text("This is not enough");
}

#[test]
fn a_phone_that_is_asleep_is_woken_and_told_that_it_was_replaced() {
    let story = Story::begin();
    story.browser.grant(&story.origin, &["notifications"]);
    let old = story.activated();
    let device = story.device_id();
    old.open(&format!("{}/nothing", story.origin));
    let new = story.stranger();
    bring(&new, &story);
    let wake = json!({"v": 1, "device": device, "txid": "00000000-0000-0000-0000-000000000000", "expires": 0, "moved": device});
    let shown = old.woken_by(&story.origin, &wake.to_string());
    assert_eq!(shown[0][0], "Your authenticator is on another phone", "{shown}");
    old.open(&story.origin);
    old.wait_for_text("This account is on another phone");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_brings_the_account_to_a_new_phone() {
    let desk = Desk::set_up().await;
    let old = desk.alice.phone().await;
    let page = desk.page();
    let device = page.authenticator(Kind::Platform);
    desk.register(&page, cs_engine::passkeys::Wanted::Passkey).await.unwrap();
    assert_eq!(device.credentials().len(), 1);
    page.as_phone();
    begin(&page, desk.site.engine().authenticator_origin());
    // Nobody touches it: said, and the way goes on.
    device.recognises_user(false);
    page.click("#passkey");
    page.wait_for_text("No passkey was used");
    device.recognises_user(true);
    page.click("#passkey");
    page.wait_for("#bring");
    page.click("#bring");
    page.wait_for_text("Your account is here");
    let bound = desk.site.engine().device(desk.site.account, old.id).await.unwrap().unwrap();
    assert_ne!(bound.public_key, "{}", "another key than before");
}

/// A push service written by others than us: `http_ece` decrypts what came, `cryptography` verifies who sent it.
#[test]
fn a_message_of_ours_is_read_by_an_implementation_that_is_not() {
    let mut service = Command::new(e2e::push_python())
        .arg(concat!(env!("CARGO_MANIFEST_DIR"), "/clients/push_service.py"))
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = e2e::Lines::default();
    lines.collect(service.stdout.take().unwrap());
    let said = |word: &str| -> Json { serde_json::from_str(&lines.line_with(word)).unwrap() };
    let subscription = said("endpoint");
    let runtime = tokio::runtime::Runtime::new().unwrap();
    let (txid, device, now) = runtime.block_on(async {
        let site = cs_testkit::Site::start().await;
        let alice = site.user("alice").await;
        let phone = alice.phone().await;
        // As the phone would: through the protocol only hosts with a public name are taken, and this one is here.
        let bound = site.engine().device(site.account, phone.id).await.unwrap().unwrap();
        let push = json!({"endpoint": subscription["endpoint"], "p256dh": subscription["p256dh"], "auth": subscription["auth"]});
        let push = push.to_string();
        let change = DeviceChange { push: Some(Some(&push)), ..DeviceChange::default() };
        site.engine().update_device(&bound, &change).await.unwrap();
        let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("async", "1")];
        let txid = site.auth_api().post("/auth/v2/auth", &params).await.text("txid");
        let settings = countersign::config::PushSettings {
            enabled: true,
            ca: Some(subscription["ca"].as_str().unwrap().into()),
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap(), "::1/128".parse().unwrap()],
        };
        let patience = std::time::Duration::from_secs(10);
        let wakers = countersign::jobs::Wakers::new(site.engine(), &settings, patience).unwrap();
        assert_eq!(countersign::jobs::deliver_wakes(site.engine(), &wakers).await.unwrap(), 1);
        (txid, phone.id.to_string(), site.now().as_second())
    });
    let heard = said("message");
    let _ = service.kill();
    let _ = service.wait();
    assert_eq!((&heard["message"]["txid"], &heard["message"]["device"]), (&json!(txid), &json!(device)), "{heard}");
    assert_eq!(
        (&heard["message"]["v"], &heard["encoding"], &heard["urgency"]),
        (&json!(1), &json!("aes128gcm"), &json!("high"))
    );
    // Signed for this push service, for less than a day.
    assert_eq!((&heard["vapid"]["aud"], heard["key"].as_str().map(str::len)), (&subscription["origin"], Some(87)));
    assert!((1..=24 * 3600).contains(&(heard["vapid"]["exp"].as_i64().unwrap() - now)), "{heard}");
}

/// Every new view, in every language, light and dark, with large letters.
#[test]
fn every_view_of_a_move_is_for_everyone_in_every_language() {
    let story = Story::begin();
    let old = story.activated();
    let new = story.stranger();
    bring(&new, &story);
    old.wait_for("#contest");
    let next = story.stranger();
    next.open(&story.origin);
    next.wait_for("#move");
    let axe = std::fs::read_to_string(e2e::npm().join("node_modules/axe-core/axe.min.js")).unwrap();
    for language in ["en", "de", "fr", "es", "ja"] {
        for page in [&old, &next] {
            speak(page, language);
        }
        for theme in ["light", "dark"] {
            for page in [&old, &next] {
                page.prefers(&[("prefers-color-scheme", theme), ("prefers-reduced-motion", "reduce")]);
            }
            old.open("about:blank");
            old.open(&story.origin);
            old.wait_for("#contest");
            check(&old, &axe, &format!("{language} {theme} moved away"));
            old.click("#contest");
            old.wait_for("#contest-sure");
            check(&old, &axe, &format!("{language} {theme} contest"));
            next.open("about:blank");
            next.open(&format!("{}/#/move", story.origin));
            next.wait_for("#prove");
            check(&next, &axe, &format!("{language} {theme} move"));
            next.click(".help summary");
            check(&next, &axe, &format!("{language} {theme} move, neither"));
        }
        let code = story.site.bypass_codes(&story.user, 1, 1).remove(0);
        prove(&next, &code);
        next.wait_for("#bring");
        check(&next, &axe, &format!("{language} arrive"));
    }
}
