//! In, out, and for how long.

use cs_core::user::UserStatus;
use cs_testkit::Browser;
use serde_json::json;

use super::{Story, is_in};

#[tokio::test]
async fn somebody_enters_by_a_factor_renames_and_leaves() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    assert!(is_in(&home) && home.html.contains("Test phone"), "{} {}", home.status, home.html);
    let id = story.phone.id.to_string();
    let renamed = story.post(&home, &format!("/portal/devices/{id}/rename"), &[("name", "My <b>phone</b>")]).await;
    assert!(is_in(&renamed) && renamed.html.contains("My &#60;b&#62;phone"), "{}", renamed.html);
    assert_eq!(story.phones().await[0]["name"], "My <b>phone</b>");
    assert!(story.activity().await.contains(&"device_renamed".to_owned()));
    let left = story.post(&home, "/portal/leave", &[]).await;
    assert_eq!(left.status, 200);
    assert_eq!(story.browser.open("/portal").await.status, 403);
}

#[tokio::test]
async fn duo_psa_2017_001_nothing_is_shown_before_a_finished_factor() {
    let mut story = Story::start().await;
    let closed = async |browser: &mut Browser| {
        for path in ["/portal", "/portal/logins", "/portal/browsers", "/portal/codes", "/portal/add", "/portal/again"] {
            let page = browser.open(path).await;
            assert_eq!(page.status, 403, "{path}");
            assert!(!page.html.contains("Test phone") && !page.html.contains("alice"), "{path}");
        }
    };
    closed(&mut story.browser).await;
    let begun = story.at_portal().await;
    closed(&mut story.browser).await;
    // A push that is on its way is no factor yet, nor is one that was denied.
    let push = story.browser.submit(&begun, "begin", &[("facts", "")]).await;
    assert!(push.number().is_some(), "{}", push.html);
    closed(&mut story.browser).await;
    let state = story.browser.cookies.iter().find(|(name, _)| name.ends_with("entering")).unwrap().1.clone();
    for code in ["", "A", &"A".repeat(43)] {
        let tried = story.browser.open(&format!("/portal/enter?duo_code={code}&state={state}")).await;
        assert_eq!(tried.status, 403);
    }
    closed(&mut story.browser).await;
    let txid = story.phone.next_push().await;
    story.phone.approve_with(txid, &push.number().unwrap()).await.unwrap();
    let done = story.browser.open(&push.path).await;
    closed(&mut story.browser).await;
    assert!(is_in(&story.follow(&done).await));
}

#[tokio::test]
async fn a_login_for_the_portal_opens_it_once_and_in_its_own_browser_only() {
    let mut story = Story::start().await;
    let page = story.at_portal().await;
    let code = story.phone.passcode();
    let done = story.with_code(&page, &code).await;
    let path = done.redirect().split_once("/portal").map(|(_, rest)| format!("/portal{rest}")).unwrap();
    // Sent to somebody else, it brings them nowhere: neither without a login of their own nor with one.
    let mut other = Browser::new(&story.site);
    assert_eq!(other.open(&path).await.status, 403);
    other.cookies = vec![("__Host-cs-entering".to_owned(), "0".repeat(36))];
    assert_eq!(other.open(&path).await.status, 403);
    assert!(is_in(&story.browser.open(&path).await));
    let entering = path.split_once("state=").unwrap().1.to_owned();
    let mut again = Browser::new(&story.site);
    again.cookies = vec![("__Host-cs-entering".to_owned(), entering)];
    assert_eq!(again.open(&path).await.status, 403, "used");
    // The way in from a login works only where that login is.
    let id = page.path.rsplit_once('/').unwrap().1;
    assert_eq!(other.open(&format!("/portal/from/{id}")).await.status, 403);
}

#[tokio::test]
async fn a_remembered_browser_is_not_enough() {
    let mut story = Story::start().await;
    let risk_based = json!({"max_time_value": 30, "max_time_units": "days"});
    let asking = json!({"enabled": true, "remember_method": "risk-based", "risk_based": risk_based});
    let policy = json!({"sections": {"remembered_devices": {"browser_apps": asking}}});
    story.site.admin_api().json("PUT", "/admin/v2/policies/global", &policy).await.response();
    let begun = story.browser.open(&story.app.authorize_path("alice")).await;
    let code = story.phone.passcode();
    story.with_code(&begun, &code).await.code();
    // The application lets the browser in at once, and the portal does not.
    let begun = story.browser.open(&story.app.authorize_path("alice")).await;
    story.browser.submit(&begun, "begin", &[("facts", "")]).await.code();
    let portal = story.at_portal().await;
    let asked = story.browser.submit(&portal, "begin", &[("facts", "")]).await;
    assert!(!asked.html.contains("duo_code") && asked.posts_to("options"), "{}", asked.html);
}

#[tokio::test]
async fn a_bypass_is_not_enough_but_a_bypass_code_is() {
    let mut story = Story::start().await;
    story.user.set_status(UserStatus::Bypass).await;
    let page = story.at_portal().await;
    let done = story.browser.submit(&page, "begin", &[("facts", "")]).await;
    let refused = story.follow(&done).await;
    assert!(refused.status == 403 && !is_in(&refused), "{}", refused.html);
    story.user.set_status(UserStatus::Active).await;
    let code = story.user.bypass_code().await;
    let page = story.at_portal().await;
    let done = story.with_code(&page, &code).await;
    assert!(is_in(&story.follow(&done).await));
}

#[tokio::test]
async fn after_five_minutes_a_change_needs_a_factor_again() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let rename = format!("/portal/devices/{}/rename", story.phone.id);
    story.site.advance(300);
    assert!(is_in(&story.post(&home, &rename, &[("name", "One")]).await));
    story.site.advance(1);
    let paths = [
        rename.clone(),
        format!("/portal/devices/{}/test", story.phone.id),
        "/portal/codes/new".to_owned(),
        "/portal/browsers/forget-all".to_owned(),
    ];
    for path in &paths {
        let stale = story.post(&home, path, &[("name", "Two"), ("sure", "yes")]).await;
        assert!(stale.status == 403 && stale.html.contains("/portal/again"), "{path}: {}", stale.html);
    }
    assert_eq!(story.browser.open("/portal/add").await.status, 403);
    assert_eq!(story.phones().await[0]["name"], "One");
    assert!(is_in(&story.browser.open("/portal").await), "looking is allowed");
    let page = story.browser.open("/portal/again").await;
    let code = story.phone.passcode();
    let done = story.with_code(&page, &code).await;
    let home = story.follow(&done).await;
    assert!(home.html.contains("value=\"Two\""), "typed once is enough: {}", home.html);
    assert!(is_in(&story.post(&home, &rename, &[("name", "Two")]).await));
    story.site.advance(30 * 60);
    assert_eq!(story.browser.open("/portal").await.status, 403);
}

#[tokio::test]
async fn the_portal_is_of_who_logs_in_whatever_the_application_calls_them() {
    let mut story = Story::start().await;
    let key = story.app.client_id.parse().unwrap();
    let simple = cs_core::username::UsernameNormalization::Simple;
    story.site.change_integration(key, |record| record.normalization = simple).await;
    for name in ["ACME\\alice", "Alice@example.org"] {
        let begun = story.browser.open(&story.app.authorize_path(name)).await;
        let id = begun.path.rsplit_once('/').unwrap().1.to_owned();
        let page = story.browser.open(&format!("/portal/from/{id}")).await;
        let code = story.phone.passcode();
        let done = story.with_code(&page, &code).await;
        let home = story.follow(&done).await;
        assert!(is_in(&home) && home.html.contains("Test phone"), "{name}: {}", home.html);
        story.site.advance(30);
    }
    // Where names are compared whole, that is somebody else: nobody.
    let whole = cs_core::username::UsernameNormalization::None;
    story.site.change_integration(key, |record| record.normalization = whole).await;
    let begun = story.browser.open(&story.app.authorize_path("ACME\\alice")).await;
    let id = begun.path.rsplit_once('/').unwrap().1.to_owned();
    assert_eq!(story.browser.open(&format!("/portal/from/{id}")).await.status, 403);
}

#[tokio::test]
async fn keycloak_cve_2025_0604_the_portal_asks_the_policies_at_every_page() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let key = cs_core::id::IntegrationKey::portal_of(story.site.account);
    let rename = format!("/portal/devices/{}/rename", story.phone.id);
    let access = async |story: &Story, access| {
        story.site.change_integration(key, |record| record.user_access = access).await;
    };
    access(&story, cs_core::integration::UserAccess::Nobody).await;
    assert_eq!(story.browser.open("/portal").await.status, 403, "no longer permitted");
    assert_eq!(story.post(&home, &rename, &[("name", "Late")]).await.status, 403);
    access(&story, cs_core::integration::UserAccess::All).await;
    assert!(is_in(&story.browser.open("/portal").await));
    let network = |list: &[&str]| {
        let sections = json!({"authorized_networks": {"blocked": {"ip_list": list}}});
        json!({"sections": sections, "confirm_lockout": true})
    };
    for (list, status) in [(&["127.0.0.1"][..], 403), (&[], 200)] {
        story.site.admin_api().json("PUT", "/admin/v2/policies/global", &network(list)).await.response();
        assert_eq!(story.browser.open("/portal").await.status, status, "{list:?}");
    }
    assert_eq!(story.phones().await[0]["name"], "Test phone");
}

#[tokio::test]
async fn keycloak_cve_2026_37982_of_two_who_bring_the_code_of_a_portal_login_at_once_one_is_in() {
    for round in 0..4 {
        let mut story = Story::start().await;
        let page = story.at_portal().await;
        let code = story.phone.passcode();
        let done = story.with_code(&page, &code).await;
        let path = done.redirect().split_once("/portal").map(|(_, rest)| format!("/portal{rest}")).unwrap();
        let (mut one, mut two) = (story.browser.clone(), story.browser.clone());
        let (first, second) = tokio::join!(one.open(&path), two.open(&path));
        assert!(is_in(&first) != is_in(&second), "{round}: {} {}", first.status, second.status);
    }
}

#[tokio::test]
async fn two_tabs_of_the_portal_do_not_get_in_each_others_way() {
    let mut story = Story::start().await;
    let one = story.enter().await;
    let two = story.browser.open("/portal").await;
    let path = format!("/portal/devices/{}/rename", story.phone.id);
    for (tab, name) in [(&one, "One"), (&two, "Two"), (&one, "Three")] {
        assert!(is_in(&story.post(tab, &path, &[("name", name)]).await));
        assert_eq!(story.phones().await[0]["name"], name);
    }
    // Coming in once more is another session, and the one before is still this browser's no longer.
    let before = story.browser.cookies.iter().find(|(name, _)| name == "__Host-cs-portal").unwrap().1.clone();
    story.site.advance(30);
    story.enter().await;
    let after = story.browser.cookies.iter().find(|(name, _)| name == "__Host-cs-portal").unwrap().1.clone();
    assert_ne!(before, after);
    let late = story.post(&one, &path, &[("name", "Four")]).await;
    assert_eq!(late.status, 303, "a proof of another session");
    assert_eq!(story.phones().await[0]["name"], "Three");
}
