//! Logins in a frame of the application's page (Web SDK v2), window by window, without scripts: what those carry is carried by hand.

use aws_lc_rs::hmac;
use cs_core::user::UserStatus;
use cs_core::web_origin::WebOrigins;
use cs_testkit::{Api, Browser, Page, REDIRECT, WebApp};
use data_encoding::{BASE64, HEXLOWER};
use http::Method;
use jiff::SignedDuration;
use serde_json::json;

use super::Scene;

/// Where the application's page is.
const PARENT: &str = "https://payroll.example.org/login?next=/";
pub(super) const ORIGIN: &str = "https://payroll.example.org";

/// An application with Duo's libraries of old, and a person in front of it.
struct Frame {
    scene: Scene,
    keys: Api,
}

impl Frame {
    async fn new() -> Self {
        let scene = Scene::forgetful().await;
        let frame_origins = WebOrigins::parse(ORIGIN).unwrap();
        let keys = scene.site.integration("websdk", |record| record.frame_origins = frame_origins).await;
        Self { scene, keys }
    }

    /// As `sign_request` makes the half that is for us, to live for so many seconds.
    fn tx(&self, username: &str, lives: i64) -> String {
        self.signed("TX", username, lives, self.keys.secret())
    }

    fn signed(&self, prefix: &str, username: &str, lives: i64, secret: &str) -> String {
        let expiry = self.scene.site.now().as_second() + lives;
        signed(prefix, username, self.keys.key().as_str(), expiry, secret)
    }

    async fn start_of(&mut self, tx: &str, parent: &str) -> Page {
        let path = format!("/frame/web/v1/auth?tx={}&parent={}&v=2.9", encoded(tx), encoded(parent));
        self.scene.browser.send_once(Method::GET, &path, &[]).await
    }

    /// The first page of the window that the frame opens.
    async fn window(&mut self, tx: &str) -> Page {
        let sent = self.scene.browser.send_once(Method::POST, "/frame/web/v1/login", &[("tx", tx)]).await;
        match sent.leads_to() {
            Some(next) => self.scene.browser.open(&next).await,
            None => sent,
        }
    }

    /// Finishes what the window shows, by a passcode, and gives the code for the frame.
    async fn code_of(&mut self, window: &Page) -> String {
        let mut page = self.scene.browser.submit(window, "begin", &[("facts", "")]).await;
        // The way used last in this browser begins.
        if !page.posts_to("passcode") {
            self.scene.phone.next_push().await;
            page = self.scene.browser.submit(&page, "choose", &[("method", "passcode")]).await;
        }
        let passcode = self.scene.phone.passcode();
        let page = self.scene.browser.submit(&page, "passcode", &[("passcode", &passcode)]).await;
        // A moment later the authenticator shows another one.
        self.scene.site.advance(30);
        page.attribute("data-code").unwrap_or_else(|| panic!("no code: {} {}", page.status, page.html))
    }

    async fn result_of(&mut self, tx: &str, parent: &str, code: &str) -> Page {
        let form = [("tx", tx), ("parent", parent), ("code", code)];
        self.scene.browser.send_once(Method::POST, "/frame/web/v1/result", &form).await
    }

    /// As `verify_response` does with the half that is ours.
    fn user_of(&self, response: &str) -> String {
        let (signed, signature) = response.rsplit_once('|').expect("a signature");
        assert_eq!(signature, hmac_sha1(self.keys.secret(), signed));
        let payload = signed.strip_prefix("AUTH|").expect("an answer");
        let payload = String::from_utf8(BASE64.decode(payload.as_bytes()).unwrap()).unwrap();
        let [user, ikey, expiry]: [&str; 3] = payload.split('|').collect::<Vec<_>>().try_into().expect("three parts");
        assert_eq!(ikey, self.keys.key().as_str());
        let left = expiry.parse::<i64>().unwrap() - self.scene.site.now().as_second();
        assert!((1..=300).contains(&left), "{left}");
        user.to_owned()
    }
}

/// A text with its signature.
pub(super) fn signed(prefix: &str, username: &str, ikey: &str, expiry: i64, secret: &str) -> String {
    let signed = format!("{prefix}|{}", BASE64.encode(format!("{username}|{ikey}|{expiry}").as_bytes()));
    format!("{signed}|{}", hmac_sha1(secret, &signed))
}

fn hmac_sha1(secret: &str, text: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY, secret.as_bytes());
    HEXLOWER.encode(hmac::sign(&key, text.as_bytes()).as_ref())
}

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

fn framed_by(page: &Page) -> String {
    let policy = page.headers["content-security-policy"].to_str().unwrap();
    let (_, rest) = policy.split_once("frame-ancestors ").expect("who may frame it");
    rest.split(';').next().unwrap_or_default().to_owned()
}

fn is_refused(page: &Page) -> bool {
    page.is_refusal() && page.attribute("data-response").is_none() && page.attribute("data-code").is_none()
}

#[tokio::test]
async fn a_login_in_a_frame_ends_with_an_answer_for_the_application() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    let start = frame.start_of(&tx, PARENT).await;
    assert_eq!((start.status, framed_by(&start).as_str()), (200, ORIGIN));
    assert!(start.html.contains("Log in to Test websdk") && start.html.contains("alice"), "{}", start.html);
    assert_eq!(start.attribute("name=\"parent\" value").as_deref(), Some(ORIGIN));
    assert!(start.headers.get("set-cookie").is_none(), "a frame has no cookies");

    let window = frame.window(&tx).await;
    assert!(window.posts_to("begin"), "{}", window.html);
    assert_eq!(framed_by(&window), "'none'", "the login itself is nowhere in a frame");
    let code = frame.code_of(&window).await;
    let result = frame.result_of(&tx, ORIGIN, &code).await;
    assert_eq!((result.status, framed_by(&result).as_str()), (200, ORIGIN), "{}", result.html);
    assert_eq!(result.attribute("data-parent").as_deref(), Some(ORIGIN), "for this origin and no other");
    assert_eq!(frame.user_of(&result.attribute("data-response").expect("an answer")), "alice");
}

#[tokio::test]
async fn only_pages_of_registered_origins_may_hold_the_frame() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    for parent in [
        "https://evil.example/",
        "https://payroll.example.org.evil.example/",
        "https://payroll.example.org@evil.example/",
        "http://payroll.example.org/",
        "https://payroll.example.org:8443/",
        "null",
        "",
    ] {
        let page = frame.start_of(&tx, parent).await;
        assert!(page.status == 400 && is_refused(&page), "{parent}: {}", page.html);
        assert_eq!(framed_by(&page), "'none'", "{parent}");
    }
    // Nor does the answer go anywhere else.
    let window = frame.window(&tx).await;
    let code = frame.code_of(&window).await;
    let page = frame.result_of(&tx, "https://evil.example", &code).await;
    assert!(page.status == 400 && is_refused(&page) && framed_by(&page) == "'none'", "{}", page.html);
    assert!(frame.result_of(&tx, ORIGIN, &code).await.attribute("data-response").is_some(), "nothing was used up");

    // Where no origin is registered there are no frames at all.
    let tx = frame.tx("alice", 299);
    frame.scene.site.change_integration(frame.keys.key(), |record| record.frame_origins = WebOrigins::NONE).await;
    for page in [frame.start_of(&tx, PARENT).await, frame.window(&tx).await, frame.result_of(&tx, ORIGIN, "x").await] {
        assert!(page.status == 400 && is_refused(&page) && framed_by(&page) == "'none'", "{}", page.html);
    }
}

#[tokio::test]
async fn what_is_not_the_applications_request_of_now_begins_nothing() {
    let mut frame = Frame::new().await;
    let good = frame.tx("alice", 300);
    let (_, signature) = good.rsplit_once('|').unwrap();
    let expiry = frame.scene.site.now().as_second() + 300;
    let altered = |username: &str, ikey: &str, expiry: i64| {
        format!("TX|{}|{signature}", BASE64.encode(format!("{username}|{ikey}|{expiry}").as_bytes()))
    };
    let ikey = frame.keys.key().to_string();
    let other = frame.scene.site.integration("websdk", |_| ()).await;
    for (what, tx, says) in [
        ("expired", frame.tx("alice", 0), "This request is too old"),
        ("from the future", frame.tx("alice", 3601), "clock is wrong"),
        ("another user", altered("mallory", &ikey, expiry), "Access denied"),
        ("another expiry", altered("alice", &ikey, expiry + 60), "Access denied"),
        ("another integration", altered("alice", other.key().as_str(), expiry), "Access denied"),
        ("no integration", altered("alice", "DIAAAAAAAAAAAAAAAAAA", expiry), "Access denied"),
        ("wrong key", frame.signed("TX", "alice", 300, &"w".repeat(40)), "Access denied"),
        ("empty key", frame.signed("TX", "alice", 300, ""), "Access denied"),
        ("the application's half", frame.signed("APP", "alice", 300, frame.keys.secret()), "Access denied"),
        ("an answer", frame.signed("AUTH", "alice", 300, frame.keys.secret()), "Access denied"),
        ("to enroll", frame.signed("ENROLL_REQUEST", "alice", 300, frame.keys.secret()), "Access denied"),
        ("both halves", format!("{good}:{good}"), "Access denied"),
        ("nothing", String::new(), "Access denied"),
    ] {
        for page in [frame.start_of(&tx, PARENT).await, frame.window(&tx).await] {
            assert!(page.status == 400 && is_refused(&page) && page.html.contains(says), "{what}: {}", page.html);
            assert!(page.headers.get("set-cookie").is_none(), "{what}");
        }
    }
    assert_eq!(frame.start_of(&good, PARENT).await.status, 200);
    let disabled = |record: &mut cs_store::integrations::IntegrationRecord| record.enabled = false;
    frame.scene.site.change_integration(frame.keys.key(), disabled).await;
    assert!(is_refused(&frame.start_of(&good, PARENT).await));
}

#[tokio::test]
async fn a_request_is_answered_once() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    // The window was closed and opened again: two logins by one request.
    let (first, second) = (frame.window(&tx).await, frame.window(&tx).await);
    let code = frame.code_of(&first).await;
    let other_code = frame.code_of(&second).await;
    assert!(frame.result_of(&tx, ORIGIN, &code).await.attribute("data-response").is_some());
    for again in [code.as_str(), &other_code, "x"] {
        let page = frame.result_of(&tx, ORIGIN, again).await;
        assert!(page.status == 400 && is_refused(&page), "{}", page.html);
        assert_eq!(framed_by(&page), ORIGIN, "said where the person sees it");
    }
    for page in [frame.start_of(&tx, PARENT).await, frame.window(&tx).await] {
        assert!(page.status == 400 && is_refused(&page) && page.html.contains("This page is out of date"));
    }
    // Whether it was used is known for longer than a login can take, and beyond that nothing is answered.
    frame.scene.site.advance(24 * 3600);
    assert!(is_refused(&frame.result_of(&tx, ORIGIN, &other_code).await));
}

#[tokio::test]
async fn two_answers_for_one_request_are_never_given_at_once() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    let (first, second) = (frame.window(&tx).await, frame.window(&tx).await);
    let (code, other_code) = (frame.code_of(&first).await, frame.code_of(&second).await);
    let tries = [code.as_str(), &code, &other_code, &other_code].map(|code| {
        let mut browser = Browser::new(&frame.scene.site);
        let (tx, code) = (tx.clone(), code.to_owned());
        async move {
            let form = [("tx", tx.as_str()), ("parent", ORIGIN), ("code", &code)];
            browser.send_once(Method::POST, "/frame/web/v1/result", &form).await.attribute("data-response").is_some()
        }
    });
    let [a, b, c, d] = tries;
    let answered = tokio::join!(a, b, c, d);
    let answered = [answered.0, answered.1, answered.2, answered.3].into_iter().filter(|one| *one).count();
    assert_eq!(answered, 1);
}

#[tokio::test]
async fn a_code_is_good_for_its_own_request_and_nothing_else() {
    let mut frame = Frame::new().await;
    let (tx, other) = (frame.tx("alice", 300), frame.tx("bob", 300));
    let window = frame.window(&tx).await;
    let code = frame.code_of(&window).await;
    let page = frame.result_of(&other, ORIGIN, &code).await;
    assert!(page.status == 400 && is_refused(&page), "{}", page.html);
    // Not for an application's server either, whatever it says it was sent to.
    let server = WebApp::of(&frame.scene.site, &frame.keys);
    for redirect in [REDIRECT, "", ORIGIN] {
        let answer = server.token_with(&server.assertion("/oauth/v1/token"), &code, redirect).await;
        assert_eq!(answer.status, 400, "{redirect}");
    }
    // Nor the other way round.
    let page = frame.scene.browser.open(&server.authorize_path("alice")).await;
    let page = frame.scene.browser.submit(&page, "begin", &[("facts", "")]).await;
    assert!(page.posts_to("passcode"), "{}", page.html);
    let passcode = frame.scene.phone.passcode();
    let page = frame.scene.browser.submit(&page, "passcode", &[("passcode", &passcode)]).await;
    let fresh = frame.tx("alice", 299);
    assert!(is_refused(&frame.result_of(&fresh, ORIGIN, &page.code()).await));
    // The code itself has not suffered.
    assert!(frame.result_of(&tx, ORIGIN, &code).await.attribute("data-response").is_some());
}

/// Somebody who knows a password begins a login and has its owner finish it in the owner's browser: the answer is not for whoever knows the request.
#[tokio::test]
async fn whoever_knows_the_request_alone_gets_no_answer() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    let window = frame.window(&tx).await;
    let page = Browser::new(&frame.scene.site).open(&window.path).await;
    assert!(is_refused(&page), "another browser: {}", page.html);
    let code = frame.code_of(&window).await;
    let elsewhere = frame.start_of(&tx, PARENT).await;
    assert!(!elsewhere.html.contains(&code) && !elsewhere.html.contains("AUTH|"), "{}", elsewhere.html);
    for guess in ["", "x", window.step().as_str()] {
        let mut stranger = Browser::new(&frame.scene.site);
        let form = [("tx", tx.as_str()), ("parent", ORIGIN), ("code", guess)];
        let page = stranger.send_once(Method::POST, "/frame/web/v1/result", &form).await;
        assert!(page.status == 400 && is_refused(&page), "{}", page.html);
    }
}

#[tokio::test]
async fn the_policies_are_those_of_every_login_and_are_asked_again_at_the_end() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    let window = frame.window(&tx).await;
    let code = frame.code_of(&window).await;
    frame.scene.alice.set_status(UserStatus::Disabled).await;
    let page = frame.result_of(&tx, ORIGIN, &code).await;
    assert!(page.status == 403 && is_refused(&page) && page.html.contains("Your account is disabled"), "{}", page.html);
    assert!(page.html.contains("<code>") && framed_by(&page) == ORIGIN, "with a reference: {}", page.html);

    // In the window as well.
    let tx = frame.tx("alice", 300);
    let window = frame.window(&tx).await;
    let page = frame.scene.browser.submit(&window, "begin", &[("facts", "")]).await;
    assert!(is_refused(&page) && page.html.contains("Your account is disabled"), "{}", page.html);
    frame.scene.alice.set_status(UserStatus::Active).await;

    // Whoever must enroll does so in the window.
    let tx = frame.tx("newcomer", 300);
    let window = frame.window(&tx).await;
    let page = frame.scene.browser.submit(&window, "begin", &[("facts", "")]).await;
    assert!(page.html.contains("One thing first") && page.html.contains("/enroll/from/"), "{}", page.html);

    // Nobody is asked where nobody need be.
    frame.scene.policy(json!({"authentication_policy": {"user_auth_behavior": "bypass"}})).await;
    let tx = frame.tx("alice", 298);
    let window = frame.window(&tx).await;
    let page = frame.scene.browser.submit(&window, "begin", &[("facts", "")]).await;
    let code = page.attribute("data-code").unwrap_or_else(|| panic!("{}", page.html));
    let result = frame.result_of(&tx, ORIGIN, &code).await;
    assert_eq!(frame.user_of(&result.attribute("data-response").expect("an answer")), "alice");
}

#[tokio::test]
async fn a_secret_that_was_replaced_is_honoured_and_answered_with_for_a_while() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    let window = frame.window(&tx).await;
    let rotated = frame.scene.site.rotate(&frame.keys, SignedDuration::from_hours(1)).await;
    let code = frame.code_of(&window).await;
    let result = frame.result_of(&tx, ORIGIN, &code).await;
    // Under the secret that the application still has.
    assert_eq!(frame.user_of(&result.attribute("data-response").expect("an answer")), "alice");

    let before = std::mem::replace(&mut frame.keys, rotated);
    let tx = frame.tx("alice", 300);
    let window = frame.window(&tx).await;
    let code = frame.code_of(&window).await;
    let result = frame.result_of(&tx, ORIGIN, &code).await;
    assert_eq!(frame.user_of(&result.attribute("data-response").expect("an answer")), "alice");

    frame.scene.site.advance(3600);
    let old = frame.signed("TX", "alice", 300, before.secret());
    assert!(is_refused(&frame.start_of(&old, PARENT).await));
}

#[tokio::test]
async fn the_pages_of_a_frame_are_for_frames() {
    let mut frame = Frame::new().await;
    let tx = frame.tx("alice", 300);
    frame.scene.browser.headers = vec![("sec-fetch-dest", "document")];
    for page in [frame.start_of(&tx, PARENT).await, frame.result_of(&tx, ORIGIN, "x").await] {
        assert!(page.status == 400 && is_refused(&page), "{}", page.html);
    }
    frame.scene.browser.headers = vec![("sec-fetch-dest", "iframe")];
    assert_eq!(frame.start_of(&tx, PARENT).await.status, 200);
    // In the reader's language, as far as the browser says it.
    frame.scene.browser.headers.push(("accept-language", "ja"));
    let page = frame.start_of(&tx, PARENT).await;
    assert!(page.html.contains("<html lang=\"ja\">") && !page.html.contains("?lang="), "{}", page.html);
}
