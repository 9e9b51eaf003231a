//! Keys in the pages of enrollment.

use cs_core::user::UserStatus;
use cs_testkit::{Browser, Forge, Page, Site, VirtualKey};
use http::Method;
use serde_json::json;

use super::{WITH_KEYS, asked, count};
use crate::enroll::{bind, enrolled, invite};

/// Chooses `way` and has `key` answer; gives the page that comes of it.
async fn register(browser: &mut Browser, page: &Page, action: &str, way: &str, key: &mut VirtualKey) -> Page {
    let page = browser.submit(page, action, &[("way", way)]).await;
    let made = key.create(&asked(&page, "data-create"));
    browser.submit(&page, "register", &[("credential", &made), ("name", "blue")]).await
}

/// Logs `name` in with `key`.
async fn logs_in(site: &Site, name: &str, key: &mut VirtualKey) -> bool {
    let (app, mut browser) = (site.web_app().await, Browser::new(site));
    let page = browser.open(&app.authorize_path(name)).await;
    let page = browser.submit(&page, "begin", &[WITH_KEYS]).await;
    let assertion = key.get(&asked(&page, "data-key"));
    let done = browser.submit(&page, "key", &[("credential", &assertion)]).await;
    done.html.contains("duo_code")
}

async fn policy(site: &Site, allowed: &[&str]) {
    let body = json!({"sections": {"authentication_methods": {"allowed_auth_list": allowed}}, "confirm_lockout": true});
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
}

#[tokio::test]
async fn somebody_invited_sets_up_a_security_key_and_this_device_and_logs_in_with_each() {
    let site = Site::start().await;
    let (mut key, mut device) = (VirtualKey::touch_only(&site.origin()), VirtualKey::platform(&site.origin()));
    let (link, mut browser) = (invite(&site, "alice").await, Browser::new(&site));
    let page = browser.open(&link).await;
    let backup = register(&mut browser, &page, "choose", "security-key", &mut key).await;
    assert!(backup.posts_to("backup") && backup.html.contains("Security Key (blue)"), "{}", backup.html);
    assert!(enrolled(&site, "alice").await && logs_in(&site, "alice", &mut key).await);
    assert!(browser.open(&link).await.html.contains("This link has been used"));

    let done = register(&mut browser, &backup, "backup", "platform", &mut device).await;
    assert!(done.html.contains("Passkey (blue)") && !done.posts_to("backup"), "{}", done.html);
    assert!(logs_in(&site, "alice", &mut device).await);
    assert_eq!(count(&site, "alice").await, 2);
}

#[tokio::test]
async fn somebody_unknown_sets_up_a_key_in_the_middle_of_a_login_and_a_phone_and_gets_in() {
    let site = Site::start().await;
    let (app, mut browser) = (site.web_app().await, Browser::new(&site));
    let refused = browser.log_in(&app, "newcomer").await;
    let id = refused.path.rsplit_once('/').unwrap().1.to_owned();
    let page = browser.open(&format!("/enroll/from/{id}")).await;
    let mut key = VirtualKey::security_key(&site.origin());
    let backup = register(&mut browser, &page, "choose", "security-key", &mut key).await;
    // The password alone did for the first; what this enrollment has set up does not stand in the way of its own backup.
    let (compare, _phone) = bind(&site, &mut browser, &backup, "backup").await;
    let done = browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    let login = browser.submit(&done, "finish", &[]).await;
    let asking = browser.submit(&login, "begin", &[WITH_KEYS]).await;
    let assertion = key.get(&asked(&asking, "data-key"));
    let over = browser.submit(&asking, "key", &[("credential", &assertion)]).await;
    let told = app.id_token(&app.token(&over.code()).await);
    assert_eq!(told["preferred_username"], "newcomer");
}

#[tokio::test]
async fn keycloak_cve_2026_94218_a_registration_out_of_order_empty_foreign_or_repeated_changes_nothing() {
    let site = Site::start().await;
    let (mut browser, mut stranger) = (Browser::new(&site), Browser::new(&site));
    let page = browser.open(&invite(&site, "alice").await).await;
    let mut key = VirtualKey::security_key(&site.origin());
    let junk = [("credential", "{}"), ("name", "x")];
    browser.submit(&page, "register", &junk).await;
    assert_eq!(browser.open(&page.path).await.step(), page.step(), "nothing was asked yet");

    let asking = browser.submit(&page, "choose", &[("way", "security-key")]).await;
    let again = browser.open(&page.path).await;
    assert_eq!(again.attribute("data-create"), asking.attribute("data-create"), "reloading asks the same");
    let made = key.create(&asked(&asking, "data-create"));
    let right = [("credential", made.as_str()), ("name", "blue")];
    assert_eq!(stranger.post(&asking, "register", &right).await.status, 403);
    for step in ["", "1.", &page.step()] {
        let form = [("step", step), right[0], right[1]];
        browser.send_once(Method::POST, &format!("{}/register", page.path), &form).await;
    }
    for action in ["confirm", "backup", "kept", "skip"] {
        browser.post(&asking, action, &[("same", "yes"), ("way", "codes")]).await;
    }
    browser.post(&asking, "register", &[("credential", ""), ("name", "")]).await;
    assert_eq!(count(&site, "alice").await, 0);
    assert_eq!(browser.open(&page.path).await.attribute("data-create"), asking.attribute("data-create"));

    // An answer of another kind says so, and uses the question up: the right answer to it comes too late.
    let wrong = browser.post(&asking, "register", &junk).await;
    assert!(wrong.status == 403 && wrong.html.contains("It could not be saved"), "{} {}", wrong.status, wrong.html);
    browser.submit(&asking, "register", &right).await;
    assert_eq!(count(&site, "alice").await, 0);
    let anew = browser.open(&page.path).await;
    assert_ne!(anew.attribute("data-create"), asking.attribute("data-create"));

    // Once; the page that was left is worth nothing, and neither is a key that is there already.
    let made = key.create(&asked(&anew, "data-create"));
    let right = [("credential", made.as_str()), ("name", "blue")];
    let backup = browser.submit(&anew, "register", &right).await;
    assert!(backup.posts_to("backup"), "{}", backup.html);
    assert!(browser.submit(&anew, "register", &right).await.posts_to("backup"));
    assert_eq!(count(&site, "alice").await, 1);
}

#[tokio::test]
async fn keycloak_cve_2026_37982_a_link_is_used_up_with_the_credential_and_of_two_at_once_one_is_saved() {
    let site = Site::start().await;
    let link = invite(&site, "alice").await;
    let (mut first, mut second) = (Browser::new(&site), Browser::new(&site));
    let mut keys = [VirtualKey::security_key(&site.origin()), VirtualKey::security_key(&site.origin())];
    let mut pages = Vec::new();
    for (browser, key) in [&mut first, &mut second].into_iter().zip(&mut keys) {
        let page = browser.open(&link).await;
        let asking = browser.submit(&page, "choose", &[("way", "security-key")]).await;
        let made = key.create(&asked(&asking, "data-create"));
        pages.push((asking, made));
    }
    let [(one, made), (other, others)] = &pages[..] else { unreachable!("two browsers") };
    let (right, theirs) = ([("credential", made.as_str())], [("credential", others.as_str())]);
    let (one, other) = tokio::join!(first.submit(one, "register", &right), second.submit(other, "register", &theirs));
    assert_eq!(count(&site, "alice").await, 1);
    assert_eq!([&one, &other].into_iter().filter(|page| page.posts_to("backup")).count(), 1);
    let late = [&one, &other].into_iter().find(|page| !page.posts_to("backup")).unwrap();
    assert!(late.html.contains("This link has been used"), "{} {}", late.status, late.html);
}

#[tokio::test]
async fn aa22_074a_somebody_disabled_in_the_middle_gets_no_key() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let page = browser.open(&invite(&site, "alice").await).await;
    let asking = browser.submit(&page, "choose", &[("way", "security-key")]).await;
    let made = VirtualKey::security_key(&site.origin()).create(&asked(&asking, "data-create"));
    let user = site.find_user("alice").await;
    user.set_status(UserStatus::Disabled).await;
    let out = browser.submit(&asking, "register", &[("credential", &made)]).await;
    assert!(out.status == 403 && !out.posts_to("backup"), "{}", out.html);
    user.set_status(UserStatus::Active).await;
    assert_eq!(count(&site, "alice").await, 0);
    // A factor from elsewhere meanwhile: the link adds nothing beside it.
    let _phone = user.phone().await;
    let out = browser.submit(&asking, "register", &[("credential", &made)]).await;
    assert!(out.status == 403, "{}", out.html);
    assert_eq!(count(&site, "alice").await, 0);
}

#[tokio::test]
async fn only_what_a_policy_has_a_use_for_is_offered_or_taken() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let page = browser.open(&invite(&site, "alice").await).await;
    let offered = |page: &Page| {
        let ways = ["phone", "platform", "security-key", "passkey"];
        ways.into_iter().filter(|way| page.html.contains(&format!("name=\"way\" value=\"{way}\""))).collect::<Vec<_>>()
    };
    assert_eq!(offered(&page), ["phone", "platform", "security-key"]);
    for (allowed, expected) in [
        (&["duo-push", "duo-passcode"][..], &["phone"][..]),
        (&["webauthn-platform"], &["platform"]),
        (&["webauthn-roaming", "webauthn-roaming-pwl"], &["security-key", "passkey"]),
        (&["hardware-token"], &[]),
    ] {
        policy(&site, allowed).await;
        let page = browser.open(&page.path).await;
        assert_eq!(offered(&page), expected, "{allowed:?}");
        let made_up = ["phone", "platform", "security-key", "passkey"].into_iter().find(|way| !expected.contains(way));
        browser.post(&page, "choose", &[("way", made_up.unwrap())]).await;
        assert_eq!(browser.open(&page.path).await.step(), page.step(), "{made_up:?} was taken");
    }
    // Allowed when it was asked for, and not any more when it comes.
    policy(&site, &["webauthn-roaming"]).await;
    let page = browser.open(&page.path).await;
    let asking = browser.submit(&page, "choose", &[("way", "security-key")]).await;
    let made = VirtualKey::security_key(&site.origin()).create(&asked(&asking, "data-create"));
    policy(&site, &["duo-push"]).await;
    let late = browser.post(&asking, "register", &[("credential", &made)]).await;
    assert_eq!((late.status, count(&site, "alice").await), (403, 0));
    assert_eq!(offered(&browser.open(&page.path).await), ["phone"]);
}

#[tokio::test]
async fn a_model_that_is_not_let_in_is_told_so() {
    let site = Site::start().await;
    let models = [("webauthn_aaguids", "01010101-0101-0101-0101-010101010101")];
    site.admin_api().post("/admin/v1/settings", &models).await.response();
    let mut browser = Browser::new(&site);
    let page = browser.open(&invite(&site, "alice").await).await;
    let asking = browser.submit(&page, "choose", &[("way", "security-key")]).await;
    let made = VirtualKey::security_key(&site.origin()).create_as(&asked(&asking, "data-create"), &Forge::default());
    let refused = browser.post(&asking, "register", &[("credential", &made)]).await;
    assert!(refused.html.contains("This model is not allowed"), "{} {}", refused.status, refused.html);
    assert!(browser.open(&page.path).await.posts_to("register"), "another key may be tried");
}
