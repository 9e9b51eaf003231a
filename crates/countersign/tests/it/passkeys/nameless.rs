//! Logins in which nobody is named: a passkey says who it is, in place of name and password.

use cs_core::user::UserStatus;
use cs_core::username::UsernameNormalization;
use cs_core::webauthn::Wanted;
use cs_engine::admin::Actor;
use cs_testkit::{Browser, Forge, Page, Site, TestUser, VirtualKey, WebApp};
use serde_json::{Value as Json, json};

use super::{WITH_KEYS, asked};

/// Alice, who has a passkey, at an application that names nobody.
struct Story {
    site: Site,
    app: WebApp,
    alice: TestUser,
    passkey: VirtualKey,
    browser: Browser,
}

impl Story {
    async fn start() -> Self {
        let site = Site::start().await;
        allow(&site, &["duo-push", "hardware-token", "webauthn-platform", "webauthn-platform-pwl"]).await;
        let (app, alice) = (site.web_app().await, site.user("alice").await);
        let mut passkey = VirtualKey::platform(&site.origin());
        alice.register(&mut passkey, Wanted::Passkey).await;
        let browser = Browser::new(&site);
        Self { site, app, alice, passkey, browser }
    }

    /// The page that asks for a passkey.
    async fn asking(&mut self) -> Page {
        let begun = self.browser.open(&nameless(&self.app)).await;
        assert!(begun.posts_to("begin"), "{} {}", begun.status, begun.html);
        self.browser.submit(&begun, "begin", &[WITH_KEYS]).await
    }

    async fn answer(&mut self, page: &Page, forge: &Forge) -> Page {
        // The log is in the order of time.
        self.site.advance(1);
        let assertion = self.passkey.get_as(&asked(page, "data-key"), forge);
        self.browser.submit(page, "key", &[("credential", &assertion)]).await
    }

    async fn log_in(&mut self) -> Page {
        let page = self.asking().await;
        self.answer(&page, &Forge::default()).await
    }
}

/// Where an application sends a browser without saying who it is.
fn nameless(app: &WebApp) -> String {
    let mut request = app.request("");
    request.as_object_mut().unwrap().remove("duo_uname");
    app.path_of(&request)
}

async fn allow(site: &Site, methods: &[&str]) {
    let sections = json!({"authentication_methods": {"allowed_auth_list": methods}});
    let body = json!({"sections": sections, "confirm_lockout": true});
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
}

fn is_refused_here(page: &Page) -> bool {
    page.posts_to("key") && page.html.contains("was not accepted here") && page.html.contains("class=\"reference\"")
}

#[tokio::test]
async fn an_application_that_names_nobody_gets_whoever_has_a_passkey() {
    let mut story = Story::start().await;
    let page = story.asking().await;
    assert!(page.html.contains("data-autofill") && page.html.contains("autocomplete=\"username webauthn\""));
    let options = asked(&page, "data-key");
    assert_eq!((&options["allowCredentials"], &options["userVerification"]), (&json!([]), &json!("required")));
    let again = story.browser.open(&page.path).await;
    assert_eq!(again.attribute("data-key"), page.attribute("data-key"), "reloading asks the same");
    let done = story.answer(&page, &Forge::default()).await;
    let told = story.app.id_token(&story.app.token(&done.code()).await);
    let context = &told["auth_context"];
    assert_eq!((&told["preferred_username"], &context["user"]["name"]), (&json!("alice"), &json!("alice")));
    assert_eq!(
        (&context["reason"], &context["user"]["key"]),
        (&json!("user_approved"), &json!(story.alice.id.as_str()))
    );
    // A name that the application does give is still the one that counts.
    let named = story.browser.open(&story.app.authorize_path("alice")).await;
    let next = story.browser.submit(&named, "begin", &[WITH_KEYS]).await;
    assert!(!next.html.contains("data-autofill"), "{}", next.html);
}

/// Duo caps it so whatever is configured; here thirty days are.
#[tokio::test]
async fn a_login_without_a_password_is_remembered_for_seven_days_at_the_most() {
    const DAY: i64 = 86_400;
    // Whether the browser gets in with a name and nothing else.
    async fn is_spared(story: &mut Story) -> bool {
        let begun = story.browser.open(&story.app.authorize_path("alice")).await;
        !story.browser.submit(&begun, "begin", &[WITH_KEYS]).await.posts_to("key")
    }
    let remember = async |story: &Story, method: &str, days: u32| {
        let time = json!({"max_time_value": days, "max_time_units": "days"});
        let apps = json!({"enabled": true, "remember_method": method, "risk_based": time, "user_based": time});
        let body = json!({"sections": {"remembered_devices": {"browser_apps": apps}}});
        story.site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    };
    let mut story = Story::start().await;
    remember(&story, "risk-based", 30).await;
    story.log_in().await.code();
    story.site.advance(7 * DAY - 1);
    assert!(is_spared(&mut story).await);
    story.site.advance(1);
    assert!(!is_spared(&mut story).await, "using it has not made it longer");

    // With a name, and so behind a password, it is as configured.
    let begun = story.browser.open(&story.app.authorize_path("alice")).await;
    let asking = story.browser.submit(&begun, "begin", &[WITH_KEYS]).await;
    story.answer(&asking, &Forge::default()).await.code();
    story.site.advance(29 * DAY);
    assert!(is_spared(&mut story).await);

    // Whoever is asked first is told how long it will be.
    for (days, told) in [(30, "for 7 days"), (7, "for 7 days"), (3, "for 3 days")] {
        let mut story = Story::start().await;
        remember(&story, "user-based", days).await;
        let trust = story.log_in().await;
        assert!(trust.posts_to("trust") && trust.html.contains(told), "{days}: {}", trust.html);
        story.browser.submit(&trust, "trust", &[("trust", "yes")]).await.code();
        story.site.advance(i64::from(days.min(7)) * DAY - 2);
        assert!(is_spared(&mut story).await, "{days}");
        story.site.advance(2);
        assert!(!is_spared(&mut story).await, "{days}");
    }
}

#[tokio::test]
async fn where_no_policy_lets_anybody_in_so_an_application_must_name_somebody() {
    let mut story = Story::start().await;
    allow(&story.site, &["duo-push", "webauthn-platform"]).await;
    let told = story.browser.open(&nameless(&story.app)).await;
    let back = told.leads_to().unwrap();
    assert!(back.starts_with("https://app.example.org/callback") && back.contains("error=invalid_request"), "{back}");
    let closed = story.browser.open("/portal").await;
    assert!(closed.status == 403 && !closed.html.contains("/portal/passkey"), "{}", closed.html);
    assert_eq!(story.browser.open("/portal/passkey").await.status, 403);
    // Allowed to some group only: it is offered, and refused to whoever is not in it, as to a policy that changes meanwhile.
    allow(&story.site, &["duo-push", "webauthn-platform", "webauthn-platform-pwl"]).await;
    let page = story.asking().await;
    allow(&story.site, &["duo-push", "webauthn-platform"]).await;
    let refused = story.answer(&page, &Forge::default()).await;
    assert!(is_refused_here(&refused), "{}", refused.html);
}

#[tokio::test]
async fn what_is_wrong_is_refused_alike_and_the_next_question_is_another() {
    let mut story = Story::start().await;
    let page = story.asking().await;
    let right = story.passkey.get(&asked(&page, "data-key"));
    let mut stranger = VirtualKey::platform(&story.site.origin());
    let made = json!({"user": {"id": "AAAA"}, "rp": {"id": "localhost"}, "challenge": "AAAA",
        "authenticatorSelection": {"residentKey": "required", "userVerification": "required"}});
    stranger.create(&made);
    let unknown = stranger.get(&asked(&page, "data-key"));
    let mut shown = page.clone();
    let junk = ["{}", "x", unknown.as_str()];
    for wrong in junk {
        let refused = story.browser.submit(&shown, "key", &[("credential", wrong)]).await;
        assert!(is_refused_here(&refused), "{wrong}: {}", refused.html);
        assert_ne!(refused.attribute("data-key"), shown.attribute("data-key"));
        shown = refused;
    }
    for forge in [
        Forge { spoil_signature: true, ..Forge::default() },
        Forge { handle: Some(None), ..Forge::default() },
        Forge { handle: Some(Some(b"DUBBBBBBBBBBBBBBBBBB".to_vec())), ..Forge::default() },
        Forge { verified: Some(false), ..Forge::default() },
        Forge { origin: Some("https://evil.example".to_owned()), ..Forge::default() },
        Forge { cross_origin: true, ..Forge::default() },
    ] {
        let refused = story.answer(&shown, &forge).await;
        assert!(is_refused_here(&refused), "{forge:?}: {}", refused.html);
        shown = refused;
    }
    // What was the right answer to the first question is none to this one; and nothing else is taken here.
    let replayed = story.browser.submit(&shown, "key", &[("credential", &right)]).await;
    assert!(is_refused_here(&replayed), "{}", replayed.html);
    for action in ["options", "choose", "passcode", "trust", "begin", "wait"] {
        story.browser.post(&replayed, action, &[("method", "push"), ("passcode", "123456"), ("trust", "yes")]).await;
    }
    assert_eq!(story.browser.open(&page.path).await.step(), replayed.step());
    assert_eq!(Browser::new(&story.site).post(&replayed, "key", &[("credential", &right)]).await.status, 403);
    let done = story.answer(&replayed, &Forge::default()).await;
    assert!(done.html.contains("duo_code"), "{}", done.html);
}

#[tokio::test]
async fn keycloak_ghsa_85v8_wrong_answers_without_a_name_lock_the_passkeys_owner_out() {
    let mut story = Story::start().await;
    let mut page = story.asking().await;
    let spoiled = Forge { spoil_signature: true, ..Forge::default() };
    for _ in 0..10 {
        page = story.answer(&page, &spoiled).await;
    }
    let out = story.answer(&page, &Forge::default()).await;
    assert!(out.is_refusal() && out.html.contains("Your account is locked"), "{}", out.html);
}

#[tokio::test]
async fn lockout_and_denial_hold_for_passkeys_without_a_name() {
    for state in ["locked out", "disabled", "in the trash", "another network"] {
        let mut story = Story::start().await;
        let page = story.asking().await;
        match state {
            "locked out" => {
                story.site.engine().lock_user(story.site.account, &Actor::Terminal, story.alice.id).await.unwrap();
            }
            "disabled" => story.alice.set_status(UserStatus::Disabled).await,
            "in the trash" => story.alice.set_status(UserStatus::PendingDeletion).await,
            _ => {
                let blocked = json!({"authorized_networks": {"blocked": {"ip_list": ["127.0.0.1"]}}});
                let body = json!({"sections": blocked, "confirm_lockout": true});
                story.site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
            }
        }
        let out = story.answer(&page, &Forge::default()).await;
        assert!(out.is_refusal() && !out.html.contains("duo_code"), "{state}: {}", out.html);
    }
}

#[tokio::test]
async fn keycloak_cve_2025_0604_disabled_before_the_code_is_redeemed_nobody_gets_in() {
    let mut story = Story::start().await;
    let code = story.log_in().await.code();
    story.alice.set_status(UserStatus::Disabled).await;
    assert_eq!(story.app.token(&code).await.status, 400);
}

#[tokio::test]
async fn a_copy_of_a_passkey_is_found_out_and_another_may_be_tried() {
    let mut story = Story::start().await;
    assert!(story.log_in().await.html.contains("duo_code"));
    let page = story.asking().await;
    let refused = story.answer(&page, &Forge { counter: Some(1), ..Forge::default() }).await;
    assert!(is_refused_here(&refused), "{}", refused.html);
    let late = story.answer(&refused, &Forge { counter: Some(900), ..Forge::default() }).await;
    assert!(!late.html.contains("duo_code"), "marked from then on: {}", late.html);
}

#[tokio::test]
async fn a_passkey_says_who_it_is_whatever_the_application_does_to_names() {
    let mut story = Story::start().await;
    // To this application "alice@example.org" is "alice": in names that it gives.
    let key = story.app.client_id.parse().unwrap();
    story.site.change_integration(key, |record| record.normalization = UsernameNormalization::Simple).await;
    let other = story.site.user("alice@example.org").await;
    let mut passkey = VirtualKey::platform(&story.site.origin());
    other.register(&mut passkey, Wanted::Passkey).await;
    story.passkey = passkey;
    let code = story.log_in().await.code();
    let told = story.app.id_token(&story.app.token(&code).await);
    let user: &Json = &told["auth_context"]["user"];
    assert_eq!((&user["key"], &user["name"]), (&json!(other.id.as_str()), &json!("alice@example.org")));
}

#[tokio::test]
async fn the_portal_is_entered_by_a_passkey_from_nowhere_and_a_device_added() {
    let mut story = Story::start().await;
    let closed = story.browser.open("/portal").await;
    assert!(closed.status == 403 && closed.html.contains("href=\"/portal/passkey\""), "{}", closed.html);
    let begun = story.browser.open("/portal/passkey").await;
    let page = story.browser.submit(&begun, "begin", &[WITH_KEYS]).await;
    let done = story.answer(&page, &Forge::default()).await;
    let origin = format!("https://{}", story.site.auth_api().authority());
    let redirect = done.redirect();
    let way = redirect.strip_prefix(&origin).unwrap().to_owned();
    assert_eq!(Browser::new(&story.site).open(&way).await.status, 403, "nobody else's");
    let home = story.browser.open(&way).await;
    assert!(home.status == 200 && home.html.contains("/portal/leave"), "{} {}", home.status, home.html);
    assert!(story.browser.open("/portal/add").await.posts_to("choose"), "as strong as it gets");
}

#[tokio::test]
async fn two_answers_to_one_question_at_once_let_in_once() {
    let mut story = Story::start().await;
    let page = story.asking().await;
    let assertion = story.passkey.get(&asked(&page, "data-key"));
    let (mut other, form) = (story.browser.clone(), [("credential", assertion.as_str())]);
    let (one, two) = tokio::join!(story.browser.submit(&page, "key", &form), other.submit(&page, "key", &form));
    assert!(one.html.contains("duo_code") || two.html.contains("duo_code"), "{}", one.html);
    let params = [("mintime", "1000000000000"), ("maxtime", "9999999999999")];
    let log = story.site.admin_api().get("/admin/v2/logs/authentication", &params).await.response();
    let logins = log["authlogs"].as_array().unwrap().iter().filter(|entry| entry["event_type"] == "authentication");
    assert_eq!(logins.filter(|entry| entry["result"] == "success").count(), 1, "{log}");
}
