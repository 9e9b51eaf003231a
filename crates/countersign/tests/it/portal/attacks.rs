//! What others try.

use cs_store::audit::{LogFilter, LogKind, LogPage};
use cs_testkit::Browser;
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use super::{Story, is_in, remembering};

#[tokio::test]
async fn a_form_without_the_sessions_proof_changes_nothing() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let rename = format!("/portal/devices/{}/rename", story.phone.id);
    for step in ["", "x", &"A".repeat(43)] {
        let forged = [("step", step), ("name", "Forged"), ("sure", "yes")];
        for path in [rename.as_str(), "/portal/codes/new", "/portal/leave"] {
            assert_eq!(story.browser.send_once(Method::POST, path, &forged).await.status, 303, "{path}");
        }
    }
    // The proof without the cookie is worth nothing either.
    let mut stranger = Browser::new(&story.site);
    let step = home.step();
    let sent = stranger.send_once(Method::POST, &rename, &[("step", &step), ("name", "Forged")]).await;
    assert_eq!(sent.status, 403);
    assert_eq!(story.phones().await[0]["name"], "Test phone");
    assert!(is_in(&story.browser.open("/portal").await));
}

#[tokio::test]
async fn the_back_button_shows_nothing_that_was_left_and_sends_nothing_twice() {
    let mut story = Story::start().await;
    let second = story.user.phone().await;
    let home = story.enter().await;
    assert_eq!(home.headers["cache-control"], "no-store");
    let remove = format!("/portal/devices/{}/remove", second.id);
    assert!(is_in(&story.post(&home, &remove, &[("sure", "yes")]).await));
    // Back, and sent once more: the device is gone, and the next one does not go in its place.
    for _ in 0..2 {
        story.post(&home, &remove, &[("sure", "yes")]).await;
    }
    assert_eq!(story.phones().await.len(), 1);
    assert_eq!(story.activity().await.iter().filter(|name| *name == "device_removed").count(), 1);
    story.post(&home, "/portal/leave", &[]).await;
    let rename = format!("/portal/devices/{}/rename", story.phone.id);
    for _ in 0..2 {
        assert_eq!(story.post(&home, &rename, &[("name", "Back")]).await.status, 403);
    }
    assert_eq!(story.phones().await[0]["name"], "Test phone");
}

#[tokio::test]
async fn a_page_elsewhere_neither_sends_forms_here_nor_leads_anybody_away() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let rename = format!("/portal/devices/{}/rename", story.phone.id);
    // A page of the same site sends the cookie along, and cannot know the proof; of another site, not even that.
    let posts = [rename.as_str(), "/portal/codes/new", "/portal/browsers/forget-all", "/portal/leave"];
    for origin in ["https://auth.localhost", "https://evil.example", "null"] {
        let mut elsewhere = story.browser.clone();
        elsewhere.headers = vec![("origin", origin), ("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")];
        for path in posts {
            for form in [&[("name", "Forged"), ("sure", "yes")][..], &[("step", "guessed"), ("name", "Forged")]] {
                let sent = elsewhere.send_once(Method::POST, path, form).await;
                assert_eq!((sent.status, sent.leads_to().as_deref()), (303, Some("/portal")), "{path} from {origin}");
            }
        }
        elsewhere.cookies.clear();
        for path in posts {
            let step = home.step();
            assert_eq!(elsewhere.send_once(Method::POST, path, &[("step", &step)]).await.status, 403, "{path}");
        }
    }
    assert_eq!(story.phones().await[0]["name"], "Test phone");
    assert!(is_in(&story.browser.open("/portal").await));

    let evil = "https%3A%2F%2Fevil.example%2F";
    for path in [
        format!("/portal/again?next={evil}&redirect_uri={evil}&return_to={evil}"),
        format!("/portal/add?next={evil}"),
        format!("/portal/enter?duo_code=x&state=y&redirect_uri={evil}"),
        "/portal/from//evil.example".to_owned(),
        "/portal//evil.example".to_owned(),
        format!("/portal?lang={evil}"),
        format!("/portal?lang=de&next={evil}"),
    ] {
        for host in [None, Some("evil.example")] {
            let mut browser = story.browser.clone();
            browser.headers.extend(host.map(|host| ("x-forwarded-host", host)));
            let page = browser.send_once(Method::GET, &path, &[]).await;
            let leads_to = page.leads_to().unwrap_or_default();
            let stays = leads_to.is_empty() || (leads_to.starts_with('/') && !leads_to.starts_with("//"));
            assert!(stays && !leads_to.contains("evil"), "{path}: {leads_to}");
            assert!(!page.html.contains("evil.example"), "{path}: {}", page.html);
        }
    }
}

#[tokio::test]
async fn a_session_that_was_planted_is_never_taken_over() {
    let mut story = Story::start().await;
    // Mallory is in, and plants the session, and the mark of a login begun, in Alice's browser.
    let mallory = story.site.user("mallory").await;
    let mut theirs = Story {
        site: story.site,
        app: story.app.clone(),
        phone: mallory.phone().await,
        browser: story.browser.clone(),
        user: mallory,
    };
    let begun = theirs.browser.open(&theirs.app.authorize_path("mallory")).await;
    let asked = theirs.browser.open(&format!("/portal/from/{}", begun.path.rsplit_once('/').unwrap().1)).await;
    let code = theirs.phone.passcode();
    let done = theirs.with_code(&asked, &code).await;
    let marked = theirs.browser.cookies.clone();
    assert!(is_in(&theirs.follow(&done).await));
    let planted = theirs.browser.cookies.iter().find(|(name, _)| name.ends_with("-portal")).unwrap().clone();
    story.site = theirs.site;
    story.browser.cookies = vec![planted.clone()];
    story.browser.cookies.extend(marked.into_iter().filter(|(name, _)| name.ends_with("-entering")));

    let home = story.enter().await;
    assert!(is_in(&home) && home.html.contains("alice") && !home.html.contains("mallory"), "{}", home.html);
    let own = story.browser.cookies.iter().find(|(name, _)| name.ends_with("-portal")).unwrap();
    assert_ne!(own.1, planted.1, "another session, with another secret");
    let (id, secret) = (own.1.split_once('.').unwrap().0, planted.1.split_once('.').unwrap().1);
    let mut thief = Browser::new(&story.site);
    thief.cookies = vec![(planted.0.clone(), format!("{id}.{secret}"))];
    assert_eq!(thief.open("/portal").await.status, 403, "the id alone is nothing");
    thief.cookies = vec![planted];
    let seen = thief.open("/portal").await;
    assert!(!seen.html.contains("alice"), "what was planted shows nothing of hers");
}

#[tokio::test]
async fn keycloak_cve_2024_3656_nobody_reaches_the_devices_browsers_or_logins_of_others() {
    let mut story = remembering().await;
    let home = story.enter().await;
    let (bob, mut theirs) = (story.site.user("bob").await, Browser::new(&story.site));
    let phone = bob.phone().await;
    let begun = theirs.open(&story.app.authorize_path("bob")).await;
    let next = theirs.submit(&begun, "begin", &[("facts", "")]).await;
    let typing = match next.posts_to("passcode") {
        true => next,
        false => theirs.submit(&next, "choose", &[("method", "passcode")]).await,
    };
    theirs.submit(&typing, "passcode", &[("passcode", &phone.passcode())]).await.code();
    let store = story.site.engine().store().reader();
    let remembered = store.remembered_browsers(story.site.account, bob.id).await.unwrap();
    for id in [remembered[0].id.as_str(), "BRAAAAAAAAAAAAAAAAAA", "x"] {
        assert_eq!(story.post(&home, &format!("/portal/browsers/{id}/forget"), &[]).await.status, 303, "{id}");
    }
    assert_eq!(store.remembered_browsers(story.site.account, bob.id).await.unwrap().len(), 1);

    let filter = LogFilter { users: vec![bob.id.to_string()], ..LogFilter::default() };
    let page = LogPage::newest(1, story.site.now() - SignedDuration::from_hours(1), story.site.now());
    let login = store.log_page(story.site.account, LogKind::Auth, &filter, &page).await.unwrap().remove(0).id;
    let reported = story.post(&home, &format!("/portal/logins/{login}/not-me"), &[("sure", "yes")]).await;
    assert_eq!(reported.status, 303);
    assert!(!story.activity().await.contains(&"login_reported_as_fraud".to_owned()));

    for act in ["rename", "default", "remove", "lost", "test"] {
        let fields = [("sure", "yes"), ("name", "Stolen")];
        assert_eq!(story.post(&home, &format!("/portal/devices/{}/{act}", phone.id), &fields).await.status, 303);
    }
    let shown = story.browser.open(&format!("/portal/devices/{}/test", phone.id)).await;
    assert!(is_in(&shown) && shown.number().is_none(), "{}", shown.html);
    let phones = story.site.admin_api().get(&format!("/admin/v1/users/{}/phones", bob.id), &[]).await.response();
    assert_eq!((phones.as_array().unwrap().len(), &phones[0]["name"]), (1, &json!("Test phone")));
    assert!(story.site.engine().device(story.site.account, phone.id).await.unwrap().is_some());
}

#[tokio::test]
async fn keycloak_cve_2025_12390_a_cookie_that_was_planted_is_nobodys_session() {
    // Somebody brings their own session into another's browser, and waits for them to log in there.
    let mut story = Story::start().await;
    let (bob, mut thief) = (story.site.user("bob").await, Browser::new(&story.site));
    let phone = bob.phone().await;
    std::mem::swap(&mut thief, &mut story.browser);
    let begun = story.browser.open(&story.app.authorize_path("bob")).await;
    let id = begun.path.rsplit_once('/').unwrap().1.to_owned();
    let page = story.browser.open(&format!("/portal/from/{id}")).await;
    let done = story.with_code(&page, &phone.passcode()).await;
    assert!(is_in(&story.follow(&done).await));
    std::mem::swap(&mut thief, &mut story.browser);
    let session = |browser: &Browser| {
        let found = browser.cookies.iter().find(|(name, _)| name == "__Host-cs-portal");
        found.map(|(_, value)| value.clone()).unwrap()
    };
    let planted = session(&thief);
    story.browser.cookies.push(("__Host-cs-portal".to_owned(), planted.clone()));
    let home = story.enter().await;
    assert!(is_in(&home) && home.html.contains(">alice<"), "{}", home.html);
    assert_ne!(session(&story.browser), planted);
    let theirs = thief.open("/portal").await;
    assert!(is_in(&theirs) && !theirs.html.contains("alice"), "{}", theirs.html);
    // An id with another's secret is nobody's either.
    let (own, other) = (session(&story.browser), planted);
    let mixed = format!("{}.{}", own.split_once('.').unwrap().0, other.split_once('.').unwrap().1);
    thief.cookies = vec![("__Host-cs-portal".to_owned(), mixed)];
    assert_eq!(thief.open("/portal").await.status, 403);
}

/// Also CVE-2024-20301. On one thread, so that everything the server says while it answers is heard.
#[tokio::test]
async fn cve_2024_20292_no_code_cookie_or_proof_of_enrollment_and_portal_is_logged() {
    let (written, _guard) = crate::log::hear();
    let mut story = Story::start().await;
    let mut secrets = Vec::new();
    // An enrollment by a link, refused once.
    let params = [("username", "carol"), ("email", "carol@example.org")];
    let link = story.site.admin_api().post("/admin/v1/users/enroll", &params).await.response();
    let path = link.as_str().unwrap().rsplit_once("/enroll/").map(|(_, code)| format!("/enroll/{code}")).unwrap();
    secrets.push(path.rsplit_once('/').unwrap().1.to_owned());
    let mut browser = Browser::new(&story.site);
    let page = browser.open(&path).await;
    let qr = browser.submit(&page, "choose", &[("way", "phone")]).await;
    let (_, rest) = qr.html.split_once("<pre class=\"copy\" tabindex=\"0\"><code>").unwrap();
    let activation = rest.split_once("</code>").unwrap().0.replace("&#38;", "&");
    let code = cs_wire::device::ActivationLink::parse(&activation).unwrap().code().expose().to_owned();
    drop(story.site.activate(&activation).await);
    let compare = browser.open(&qr.path).await;
    let backup = browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    let codes = browser.submit(&backup, "backup", &[("way", "codes")]).await;
    let (_, rest) = codes.html.split_once("<li><code>").unwrap();
    secrets.extend([code, rest.split_once("</code>").unwrap().0.replace(' ', "")]);
    secrets.extend([page.step(), qr.step(), compare.step(), backup.step()]);
    assert_eq!(Browser::new(&story.site).open(&path).await.status, 403);

    // Into the portal, and what is done there.
    let at = story.at_portal().await;
    let passcode = story.phone.passcode();
    let done = story.with_code(&at, &passcode).await;
    secrets.extend([at.step(), done.code()]);
    let home = story.follow(&done).await;
    assert!(is_in(&home));
    let printed = story.browser.open("/portal/codes").await;
    let codes = story.post(&printed, "/portal/codes/new", &[]).await;
    let (_, rest) = codes.html.split_once("<li><code>").unwrap();
    secrets.extend([home.step(), printed.step(), rest.split_once("</code>").unwrap().0.replace(' ', "")]);
    story.post(&home, &format!("/portal/devices/{}/lost", story.phone.id), &[("sure", "yes")]).await;
    let cookies = browser.cookies.iter().chain(&story.browser.cookies);
    let of_secrets = cookies.filter(|(name, _)| !name.ends_with("last") && !name.ends_with("said"));
    // A session's cookie is its id, which is none, and its secret.
    secrets.extend(
        of_secrets.map(|(_, value)| value.rsplit_once('.').map_or(value.as_str(), |(_, last)| last).to_owned()),
    );

    let mut all = written.text();
    assert!(all.contains("heard"));
    let store = story.site.engine().store().reader();
    let now = story.site.now();
    let page = LogPage::newest(1000, now - SignedDuration::from_hours(1), now);
    for kind in [LogKind::Auth, LogKind::Admin, LogKind::Activity] {
        let records = store.log_page(story.site.account, kind, &LogFilter::default(), &page).await.unwrap();
        assert!(!records.is_empty(), "{kind:?}");
        all.push_str(&format!("{records:?}"));
    }
    for kind in ["alert", "mail"] {
        all.push_str(&format!("{:?}", store.effects(story.site.account, kind, 100).await.unwrap()));
    }
    for secret in secrets {
        assert!(secret.len() >= 8, "{secret}");
        assert!(!all.contains(&secret), "{secret} is in the logs");
    }
}
