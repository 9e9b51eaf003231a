//! What somebody who does not follow the pages can do: nothing.

use cs_testkit::Browser;
use reqwest::Method;

use super::Scene;

const POSTS: [&str; 6] = ["begin", "choose", "options", "passcode", "trust", "wait"];

/// Keycloak CVE-2026-94218, authentik CVE-2026-49448: posts out of order, and empty ones, skip no step.
#[tokio::test]
async fn keycloak_cve_2026_94218_empty_and_out_of_order_posts_change_nothing() {
    let mut scene = Scene::asking().await;
    let fields = [("method", "passcode"), ("passcode", "000000"), ("trust", "yes"), ("facts", "{}")];
    let taken: [(&str, &[&str]); 4] = [
        ("checking", &["begin"]),
        ("push", &["options", "choose", "wait"]),
        // Beside a push that still waits.
        ("passcode", &["options", "choose", "passcode", "wait"]),
        ("trust", &["trust"]),
    ];
    for (stand, taken) in taken {
        scene.site.advance(61);
        let page = match stand {
            "checking" => scene.browser.open(&scene.app.authorize_path("alice")).await,
            "push" => scene.push_page().await.0,
            "passcode" => scene.code_page().await,
            _ => scene.approved().await,
        };
        let before = page.html.clone();
        for post in POSTS {
            // Without the proof, with a made-up one, and with that of another step: whatever the fields say.
            let path = format!("{}/{post}", page.path);
            for step in ["", "1.AAAA", "2.AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"] {
                let form: Vec<_> = std::iter::once(("step", step)).chain(fields).collect();
                scene.browser.send_once(Method::POST, &path, &form).await;
            }
            scene.browser.send_once(Method::POST, &path, &[]).await;
            // With the proof, where it has no place.
            if !taken.contains(&post) {
                scene.browser.post(&page, post, &fields).await;
            }
        }
        // Nothing moved on: the page is what it was, save for the seconds that are left.
        let after = scene.browser.open(&page.path).await;
        assert_eq!(after.step(), page.step(), "{stand}");
        assert!(!after.html.contains("duo_code") && !before.contains("duo_code"), "{stand}");
    }
}

#[tokio::test]
async fn a_step_cannot_be_sent_twice() {
    let mut scene = Scene::forgetful().await;
    let page = scene.code_page().await;
    let code = scene.phone.passcode();
    let mut second = scene.browser.clone();
    let fields = [("passcode", code.as_str())];
    let (first, again) =
        tokio::join!(scene.browser.submit(&page, "passcode", &fields), second.submit(&page, "passcode", &fields));
    assert_eq!(first.code(), again.code(), "a double click is one login");
    let user = scene.site.admin_api().get(&format!("/admin/v1/users/{}", scene.alice.id), &[]).await.response();
    assert_eq!(user["status"], "active");
    let log = scene
        .site
        .admin_api()
        .get("/admin/v2/logs/authentication", &[("mintime", "1000000000000"), ("maxtime", "9999999999999")]);
    let log = log.await.response();
    let codes = log["authlogs"].as_array().unwrap().iter().filter(|entry| entry["factor"] == "duo_mobile_passcode");
    assert_eq!(codes.count(), 1, "{log}");
    // Going back and sending the old page again changes nothing either.
    let back = scene.browser.submit(&page, "passcode", &[("passcode", "000000")]).await;
    assert_eq!(back.code(), first.code());
}

#[tokio::test]
async fn two_tabs_have_a_login_each() {
    let mut scene = Scene::forgetful().await;
    let one = scene.code_page().await;
    let two = scene.browser.log_in(&scene.app, "alice").await;
    assert_ne!(one.path, two.path);
    // The second tab's push would be a second one of the same user from the same place while the first one waits.
    let two = scene.browser.submit(&two, "choose", &[("method", "passcode")]).await;
    let (path, step, code) = (format!("{}/passcode", two.path), one.step(), scene.phone.passcode());
    scene.browser.send_once(Method::POST, &path, &[("step", &step), ("passcode", &code)]).await;
    assert!(scene.browser.open(&two.path).await.posts_to("passcode"), "the other tab's proof is worth nothing");
    let first = scene.browser.submit(&one, "passcode", &[("passcode", &scene.phone.passcode())]).await;
    let second = scene.browser.submit(&two, "passcode", &[("passcode", &scene.phone.passcode())]).await;
    assert_ne!(first.code(), second.code());
    scene.app.id_token(&scene.app.token(&second.code()).await);
    scene.app.id_token(&scene.app.token(&first.code()).await);
}

/// A page of somebody else's (CSRF), a link to one's own login (fixation), a guessed address: without the browser's own cookie there is no login.
#[tokio::test]
async fn a_login_belongs_to_its_browser() {
    let mut scene = Scene::forgetful().await;
    let page = scene.code_page().await;
    let mut stranger = Browser::new(&scene.site);
    let shown = stranger.open(&page.path).await;
    assert_eq!(shown.status, 403);
    assert!(shown.is_refusal() && shown.step().is_empty() && !shown.html.contains("alice"), "{}", shown.html);
    let code = scene.phone.passcode();
    for post in POSTS {
        let sent = stranger.post(&page, post, &[("passcode", &code), ("method", "passcode")]).await;
        assert!(sent.status == 403 || sent.html == r#"{"waiting":false}"#, "{post}: {}", sent.status);
    }
    // The victim's browser with the attacker's cookie name and another value.
    let (name, _) = scene.browser.cookies.iter().find(|(name, _)| name.starts_with("__Host-cs-PR")).unwrap();
    stranger.cookies.push((name.clone(), "A".repeat(43)));
    assert_eq!(stranger.open(&page.path).await.status, 403);
    scene.browser.submit(&page, "passcode", &[("passcode", &code)]).await.redirect();
}

/// Keycloak CVE-2025-12390: every login has a secret of its own, whatever the browser brought.
#[tokio::test]
async fn keycloak_cve_2025_12390_a_cookie_from_before_is_never_taken_over() {
    let mut scene = Scene::forgetful().await;
    let fixed = ("__Host-cs-PRAAAAAAAAAAAAAAAAAA".to_owned(), "A".repeat(43));
    scene.browser.cookies.push(fixed.clone());
    let page = scene.browser.open(&scene.app.authorize_path("alice")).await;
    let secrets: Vec<_> = scene.browser.cookies.iter().filter(|(name, _)| name.starts_with("__Host-cs-PR")).collect();
    assert_eq!(secrets.len(), 2);
    assert!(!page.path.contains("PRAAAAAAAAAAAAAAAAAA") && secrets.iter().any(|(_, value)| *value != fixed.1));
}

/// AuthQuake: however many tabs guess at once, no more codes are looked at than the lockout allows.
#[tokio::test(flavor = "multi_thread")]
async fn authquake_tabs_that_guess_in_parallel_share_one_count() {
    let mut scene = Scene::forgetful().await;
    let mut tabs = Vec::new();
    for _ in 0..24 {
        let mut browser = Browser::new(&scene.site);
        let page = browser.log_in(&scene.app, "alice").await;
        let page = browser.submit(&page, "choose", &[("method", "passcode")]).await;
        assert!(page.posts_to("passcode"), "{}", page.html);
        tabs.push((browser, page));
    }
    let guesses = tabs.into_iter().enumerate().map(|(at, (browser, page))| {
        tokio::spawn(async move {
            // Several from the same page at once, as well: one of them is looked at.
            let guess = async |first: &str| {
                let code = format!("{first}{at:05}");
                browser.clone().post(&page, "passcode", &[("passcode", &code)]).await
            };
            tokio::join!(guess("9"), guess("8"), guess("7"));
            browser.clone().open(&page.path).await
        })
    });
    for guess in guesses.collect::<Vec<_>>() {
        let page = guess.await.unwrap();
        assert!(!page.html.contains("duo_code"));
    }
    let log = scene.site.admin_api().get(
        "/admin/v2/logs/authentication",
        &[("mintime", "1000000000000"), ("maxtime", "9999999999999"), ("limit", "1000")],
    );
    let log = log.await.response();
    let entries = log["authlogs"].as_array().unwrap();
    let judged = entries.iter().filter(|entry| entry["reason"] == "invalid_passcode").count();
    assert_eq!(judged, 10, "{log}");
    let right = scene.browser.log_in(&scene.app, "alice").await;
    assert!(right.is_refusal() && right.step().is_empty(), "locked out: {}", right.html);
    assert!(right.html.contains("15"), "and told when it ends: {}", right.html);
}

#[tokio::test]
async fn keycloak_cve_2025_0604_somebody_disabled_while_the_question_stands_does_not_get_in() {
    let mut scene = Scene::asking().await;
    let page = scene.approved().await;
    assert!(page.posts_to("trust"));
    scene.alice.set_status(cs_core::user::UserStatus::Disabled).await;
    let out = scene.browser.submit(&page, "trust", &[("trust", "yes")]).await;
    assert!(out.is_refusal() && !out.html.contains("duo_code"), "{}", out.html);
    assert!(!scene.browser.cookies.iter().any(|(name, _)| name == "__Host-cs-browser"));
}

#[tokio::test]
async fn pages_are_never_framed_stored_or_referred_from() {
    let mut scene = Scene::forgetful().await;
    let page = scene.code_page().await;
    let header =
        |name: &str| page.headers.get(name).map(|value| value.to_str().unwrap().to_owned()).unwrap_or_default();
    assert_eq!(header("cache-control"), "no-store");
    assert_eq!(header("referrer-policy"), "no-referrer");
    let policy = header("content-security-policy");
    for part in ["default-src 'none'", "frame-ancestors 'none'", "form-action 'self'", "base-uri 'none'"] {
        assert!(policy.contains(part), "{policy}");
    }
}

#[tokio::test]
async fn whoever_switches_between_phones_sends_no_end_of_pushes() {
    let mut scene = Scene::forgetful().await;
    let mut second = scene.alice.phone().await;
    let (first_id, second_id) = (scene.phone.id.to_string(), second.id.to_string());
    let (mut page, _) = scene.push_page().await;
    // Once is what people do who have the other phone at hand.
    page = scene.browser.submit(&page, "choose", &[("method", "push"), ("device", &second_id)]).await;
    let push = second.next_push().await;
    second.approve_with(push, &page.number().expect("a number")).await.unwrap();
    scene.browser.open(&page.path).await.redirect();

    // Another browser, which does not know what was used last.
    scene.browser = Browser::new(&scene.site);
    (page, _) = scene.push_page().await;
    for n in 0..10 {
        let device = if n % 2 == 0 { &second_id } else { &first_id };
        let next = scene.browser.submit(&page, "choose", &[("method", "push"), ("device", device)]).await;
        if next.html.contains("/wait\"") {
            page = next;
        }
    }
    let pushes = scene.phone.pushes() + second.pushes();
    assert!(pushes <= 2, "{pushes} more pushes than the two that were withdrawn before the limit");
}

#[tokio::test]
async fn a_push_given_up_for_a_code_is_held_against_nobody() {
    let mut scene = Scene::forgetful().await;
    for _ in 0..5 {
        let page = scene.code_page().await;
        let code = scene.phone.passcode();
        scene.browser.submit(&page, "passcode", &[("passcode", &code)]).await.redirect();
        // Another browser, which does not know what was used last.
        scene.browser = Browser::new(&scene.site);
    }
    scene.push_page().await;
}
