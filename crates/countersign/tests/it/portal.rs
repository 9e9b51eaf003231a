//! The self-service portal, by browsers without script.

use cs_core::user::UserStatus;
use cs_store::audit::{LogFilter, LogKind, LogPage};
use cs_testkit::{Browser, Page, Site, TestUser, VirtualPhone, WebApp};
use http::Method;
use jiff::SignedDuration;
use serde_json::{Value as Json, json};

/// Somebody with one phone, and a browser in which an application has begun their login.
struct Story {
    site: Site,
    app: WebApp,
    user: TestUser,
    phone: VirtualPhone,
    browser: Browser,
}

impl Story {
    async fn start() -> Self {
        let site = Site::start().await;
        let (app, user) = (site.web_app().await, site.user("alice").await);
        let (phone, browser) = (user.phone().await, Browser::new(&site));
        Self { site, app, user, phone, browser }
    }

    /// Begins a login of the application and follows it to the portal's own.
    async fn at_portal(&mut self) -> Page {
        let begun = self.browser.open(&self.app.authorize_path("alice")).await;
        let id = begun.path.rsplit_once('/').unwrap().1.to_owned();
        self.browser.open(&format!("/portal/from/{id}")).await
    }

    /// Shows a factor: a code. Gives the page that leads back.
    async fn with_code(&mut self, page: &Page, code: &str) -> Page {
        let next = self.browser.submit(page, "begin", &[("facts", "")]).await;
        let typing = match next.posts_to("passcode") {
            true => next,
            false => self.browser.submit(&next, "choose", &[("method", "passcode")]).await,
        };
        let typing = match typing.posts_to("passcode") {
            true => typing,
            false => self.browser.submit(&typing, "choose", &[("method", "bypass")]).await,
        };
        self.browser.submit(&typing, "passcode", &[("passcode", code)]).await
    }

    /// Into the portal, by a code of the phone.
    async fn enter(&mut self) -> Page {
        let page = self.at_portal().await;
        let code = self.phone.passcode();
        let done = self.with_code(&page, &code).await;
        self.follow(&done).await
    }

    async fn follow(&mut self, done: &Page) -> Page {
        let redirect = done.redirect();
        let origin = format!("https://{}", self.site.auth_api().authority());
        let path = redirect.strip_prefix(&origin).unwrap_or_else(|| panic!("{redirect}"));
        self.browser.open(path).await
    }

    /// A form of the portal; `page` gives the proof.
    async fn post(&mut self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        let step = page.step();
        let form: Vec<(&str, &str)> = std::iter::once(("step", step.as_str())).chain(fields.iter().copied()).collect();
        let sent = self.browser.send_once(Method::POST, path, &form).await;
        // What was done is said by the page that follows.
        match (sent.leads_to(), self.browser.cookies.iter().any(|(name, _)| name == "__Host-cs-said")) {
            (Some(next), true) => self.browser.open(&next).await,
            _ => sent,
        }
    }

    async fn phones(&self) -> Vec<Json> {
        let path = format!("/admin/v1/users/{}/phones", self.user.id);
        self.site.admin_api().get(&path, &[]).await.response().as_array().unwrap().clone()
    }

    async fn alerts(&self) -> Vec<String> {
        let store = self.site.engine().store().reader();
        let alerts = store.effects(self.site.account, "alert", 20).await.unwrap();
        alerts.into_iter().map(|alert| alert.payload).collect()
    }

    async fn activity(&self) -> Vec<String> {
        let (from, to) = (self.site.now().as_millisecond() - 86_400_000, self.site.now().as_millisecond() + 1000);
        let params = [("mintime", from.to_string()), ("maxtime", to.to_string())];
        let params: Vec<(&str, &str)> = params.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let log = self.site.admin_api().get("/admin/v2/logs/activity", &params).await.response();
        let items = log["items"].as_array().unwrap().clone();
        items.iter().map(|item| item["action"]["name"].as_str().unwrap_or_default().to_owned()).collect()
    }
}

fn is_in(page: &Page) -> bool {
    page.status == 200 && page.html.contains("action=\"/portal/leave\"")
}

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
async fn the_last_device_stays_unless_it_is_lost_or_the_account_allows_it() {
    let mut story = Story::start().await;
    let second = story.user.phone().await;
    let home = story.enter().await;
    let remove = |id| format!("/portal/devices/{id}/remove");
    let asked = story.post(&home, &remove(second.id), &[]).await;
    assert!(asked.html.contains("name=\"sure\" value=\"yes\""), "{}", asked.html);
    assert_eq!(story.phones().await.len(), 2, "asked first");
    assert!(is_in(&story.post(&home, &remove(second.id), &[("sure", "yes")]).await));
    let kept = story.post(&home, &remove(story.phone.id), &[("sure", "yes")]).await;
    assert!(is_in(&kept) && !kept.html.contains("name=\"sure\""), "{}", kept.html);
    assert_eq!(story.phones().await.len(), 1);
    // Somebody else's device is nobody's.
    let bob = story.site.user("bob").await.phone().await;
    story.post(&home, &remove(bob.id), &[("sure", "yes")]).await;
    assert!(story.site.engine().device(story.site.account, bob.id).await.unwrap().is_some());
    story.site.settings(json!({"self_service_remove_last": true})).await;
    story.post(&home, &remove(story.phone.id), &[("sure", "yes")]).await;
    assert_eq!(story.phones().await.len(), 0);
}

#[tokio::test]
async fn a_lost_device_goes_with_its_sessions_and_remembered_browsers() {
    let mut story = Story::start().await;
    let mut thief = story.browser.clone();
    story.enter().await;
    std::mem::swap(&mut thief, &mut story.browser);
    let second = story.user.phone().await;
    let home = story.enter().await;
    assert!(is_in(&thief.open("/portal").await));
    let lost = format!("/portal/devices/{}/lost", second.id);
    assert!(story.post(&home, &lost, &[]).await.html.contains("name=\"sure\""));
    assert!(is_in(&story.post(&home, &lost, &[("sure", "yes")]).await));
    assert!(story.site.engine().device(story.site.account, second.id).await.unwrap().is_none());
    assert_eq!(thief.open("/portal").await.status, 403);
    assert!(story.activity().await.contains(&"device_lost".to_owned()));
    let alerts = story.alerts().await;
    assert!(alerts.iter().any(|alert| alert.contains("\"device_lost\"") && alert.contains("alice")), "{alerts:?}");
}

#[tokio::test]
async fn this_was_not_me_ends_all_that_was_remembered_and_every_other_session() {
    let mut story = Story::start().await;
    let mut thief = story.browser.clone();
    story.enter().await;
    let adding = story.browser.open("/portal/add").await;
    assert!(adding.posts_to("choose"));
    std::mem::swap(&mut thief, &mut story.browser);
    let home = story.enter().await;
    let epoch = async |story: &Story| {
        let store = story.site.engine().store();
        store.user_record(story.site.account, story.user.id).await.unwrap().unwrap().0.trust_epoch
    };
    let before = epoch(&story).await;
    let logins = story.browser.open("/portal/logins").await;
    let (_, rest) = logins.html.split_once("action=\"/portal/logins/").unwrap();
    let path = format!("/portal/logins/{}/not-me", rest.split_once('/').unwrap().0);
    assert!(is_in(&thief.open("/portal").await));
    story.post(&home, &path, &[("sure", "yes")]).await;
    assert_eq!(epoch(&story).await, before + 1, "tokens of applications and addresses are worth nothing any more");
    assert_eq!(thief.open("/portal").await.status, 403);
    assert_eq!(thief.open(&adding.path).await.status, 403, "nor does what was begun there go on");
    assert!(is_in(&story.browser.open("/portal").await));
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
async fn a_test_request_counts_for_nothing_and_says_what_came_of_it() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let path = format!("/portal/devices/{}/test", story.phone.id);
    // The one of the login for the portal, which was given up for a code.
    story.phone.pushes();
    assert_eq!(story.post(&home, &path, &[]).await.status, 303);
    let page = story.browser.open(&path).await;
    let number = page.number().unwrap_or_else(|| panic!("{}", page.html));
    let waits = story.post(&home, &format!("{path}/wait"), &[]).await;
    assert_eq!(waits.html, "{\"approved\":false,\"seen\":false,\"waiting\":true}");
    let push = story.phone.next_push().await;
    story.site.engine().delivered(story.site.account, story.phone.id, push, cs_engine::wake::Delivery::Shown);
    let waits = story.post(&home, &format!("{path}/wait"), &[]).await;
    assert_eq!(waits.html, "{\"approved\":false,\"seen\":true,\"waiting\":true}");
    story.phone.approve_with(push, &number).await.unwrap();
    let said = story.browser.open(&path).await;
    assert!(is_in(&said) && said.html.contains("class=\"said good\""), "{}", said.html);
    let user = story.site.engine().store().user_record(story.site.account, story.user.id).await.unwrap().unwrap().0;
    assert_eq!(user.last_login, Some(story.site.now()), "of the login for the portal, at the same moment");
}

#[tokio::test]
async fn a_login_is_reported_as_somebody_elses() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let logins = story.browser.open("/portal/logins").await;
    let (_, rest) = logins.html.split_once("action=\"/portal/logins/").unwrap_or_else(|| panic!("{}", logins.html));
    let id = rest.split_once('/').unwrap().0.to_owned();
    let path = format!("/portal/logins/{id}/not-me");
    assert!(story.post(&home, &path, &[]).await.html.contains("name=\"sure\""));
    let reported = story.post(&home, &path, &[("sure", "yes")]).await;
    assert!(is_in(&reported) && reported.html.contains("class=\"said good\""), "{}", reported.html);
    assert!(story.activity().await.contains(&"login_reported_as_fraud".to_owned()));
    let alerts = story.site.engine().store().reader().effects(story.site.account, "alert", 10).await.unwrap();
    assert!(alerts.iter().any(|alert| alert.payload.contains("\"fraud\"")));
    // Nobody reports what is not theirs.
    let other =
        story.post(&home, "/portal/logins/00000000-0000-0000-0000-000000000000/not-me", &[("sure", "yes")]).await;
    assert_eq!(other.status, 303);
}

#[tokio::test]
async fn new_recovery_codes_void_the_old_and_each_is_good_once() {
    let mut story = Story::start().await;
    story.enter().await;
    let codes = async |story: &mut Story| {
        let before = story.browser.open("/portal/codes").await;
        let page = story.post(&before, "/portal/codes/new", &[]).await;
        let again = story.post(&before, "/portal/codes/new", &[]).await;
        assert_eq!(again.status, 303, "loaded again it voids nothing: {}", again.html);
        let (_, rest) = page.html.split_once("<li><code>").unwrap_or_else(|| panic!("{}", page.html));
        rest.split_once("</code>").unwrap().0.replace(' ', "")
    };
    let (old, new) = (codes(&mut story).await, codes(&mut story).await);
    let result = async |code: &str| {
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", code)];
        story.site.auth_api().post("/auth/v2/auth", &params).await.response()["result"].clone()
    };
    assert_eq!(
        (result(&old).await, result(&new).await, result(&new).await),
        (json!("deny"), json!("allow"), json!("deny"))
    );
}

#[tokio::test]
async fn a_device_is_added_by_a_fresh_factor_and_disabled_people_are_out() {
    let mut story = Story::start().await;
    story.enter().await;
    let page = story.browser.open("/portal/add").await;
    assert!(page.posts_to("choose"), "{} {}", page.status, page.html);
    let qr = story.browser.submit(&page, "choose", &[("way", "phone")]).await;
    let (_, rest) = qr.html.split_once("<pre class=\"copy\" tabindex=\"0\"><code>").unwrap();
    let link = rest.split_once("</code>").unwrap().0.replace("&#38;", "&");
    site_activates(&story.site, &link).await;
    let compare = story.browser.open(&qr.path).await;
    // Five minutes later the factor of this session is too old to finish with.
    story.site.advance(301);
    assert_eq!(story.browser.submit(&compare, "confirm", &[("same", "yes")]).await.status, 403);
    assert_eq!(story.phones().await.iter().filter(|phone| phone["activated"] == true).count(), 1, "bound, and inert");
    story.user.set_status(UserStatus::Disabled).await;
    assert_eq!(story.browser.open("/portal").await.status, 403);
}

async fn site_activates(site: &Site, link: &str) {
    drop(site.activate(link).await);
}

/// The link that an enrollment's page shows for the phone.
fn activation(page: &Page) -> String {
    let (_, rest) = page.html.split_once("<pre class=\"copy\" tabindex=\"0\"><code>").expect("a link to copy");
    rest.split_once("</code>").unwrap().0.replace("&#38;", "&")
}

#[tokio::test]
async fn two_tabs_that_add_a_device_do_not_get_in_each_others_way() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let tabs = [story.browser.open("/portal/add").await, story.browser.open("/portal/add").await];
    assert_ne!(tabs[0].path, tabs[1].path, "an enrollment each");
    let one = story.browser.submit(&tabs[0], "choose", &[("way", "phone")]).await;
    let given_up = story.site.activate(&activation(&one)).await;
    let compare = story.browser.open(&one.path).await;
    assert!(compare.posts_to("confirm"), "{}", compare.html);
    // What waits in one tab is given up for what is begun in the other: it was never confirmed.
    let other = story.browser.submit(&tabs[1], "choose", &[("way", "phone")]).await;
    let device = async |story: &Story, id| story.site.engine().device(story.site.account, id).await.unwrap();
    assert!(device(&story, given_up.id).await.is_none());
    let kept = story.site.activate(&activation(&other)).await;
    let late = story.browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(!late.posts_to("backup") && !late.posts_to("confirm"), "{}", late.html);
    let compare = story.browser.open(&other.path).await;
    let done = story.browser.submit(&compare, "confirm", &[("same", "yes")]).await;
    assert!(done.status == 200 && done.html.contains("class=\"button\" href=\"/portal\""), "{}", done.html);
    assert!(device(&story, kept.id).await.unwrap().confirmed);
    // Sent again, as by the back button, nothing more is set up.
    let before = story.phones().await.len();
    for page in [&other, &compare, &done] {
        story.browser.post(page, "choose", &[("way", "phone")]).await;
        story.browser.post(page, "confirm", &[("same", "yes")]).await;
    }
    assert_eq!(story.phones().await.len(), before);
    assert!(is_in(&story.post(&home, "/portal/browsers/forget-all", &[]).await));
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
async fn where_the_portal_is_disabled_nobody_gets_in_and_nobody_stays() {
    let mut story = Story::start().await;
    assert!(is_in(&story.enter().await));
    let key = cs_core::id::IntegrationKey::portal_of(story.site.account);
    story.site.change_integration(key, |record| record.enabled = false).await;
    assert_eq!(story.browser.open("/portal").await.status, 403);
    assert_eq!(story.at_portal().await.status, 403);
}

#[tokio::test]
async fn an_application_without_self_service_neither_offers_it_nor_lets_anybody_in() {
    let mut story = Story::start().await;
    let closed = WebApp::of(&story.site, &story.site.integration("websdk", |_| {}).await);
    for (app, offers) in [(&closed, false), (&story.app, true)] {
        let begun = story.browser.open(&app.authorize_path("alice")).await;
        let next = story.browser.submit(&begun, "begin", &[("facts", "")]).await;
        let options = story.browser.submit(&next, "options", &[]).await;
        let way = format!("/portal/from/{}", begun.path.rsplit_once('/').unwrap().1);
        assert_eq!(options.html.contains(&format!("href=\"{way}\"")), offers, "{}", options.html);
        let entered = story.browser.open(&way).await;
        assert_eq!(entered.posts_to("begin"), offers, "{}", entered.html);
        assert!(offers || (entered.status == 403 && entered.html.contains("Ask your help desk")), "{}", entered.html);
    }
}

#[tokio::test]
async fn whoever_has_only_ways_that_are_closed_is_led_to_self_service_if_the_application_allows_it() {
    let mut story = Story::start().await;
    let closed = WebApp::of(&story.site, &story.site.integration("websdk", |_| {}).await);
    let keys_only = json!({"authentication_methods": {"allowed_auth_list": ["webauthn-roaming"]}});
    for (app, offers) in [(&closed, false), (&story.app, true)] {
        let name = format!("Keys only {offers}");
        let policy = json!({"policy_name": name, "sections": keys_only, "apply_to_apps": [app.client_id], "confirm_lockout": true});
        story.site.admin_api().json("POST", "/admin/v2/policies", &policy).await.response();
        let begun = story.browser.open(&app.authorize_path("alice")).await;
        let refused = story.browser.submit(&begun, "begin", &[("facts", "")]).await;
        assert!(refused.is_refusal(), "{}", refused.html);
        assert_eq!(refused.html.contains("/portal/from/"), offers, "{}", refused.html);
    }
    // The portal's own login asks for what the portal's own policy allows.
    assert!(story.at_portal().await.posts_to("begin"));
}

#[tokio::test]
async fn a_form_that_was_answered_can_be_loaded_again_and_says_what_was_done_once() {
    let mut story = Story::start().await;
    let home = story.enter().await;
    let path = format!("/portal/devices/{}/rename", story.phone.id);
    let form = [("step", &*home.step()), ("name", "Mine")];
    let sent = story.browser.send_once(Method::POST, &path, &form).await;
    assert_eq!((sent.status, sent.leads_to().as_deref()), (303, Some("/portal")));
    let said = story.browser.open("/portal").await;
    assert!(said.html.contains("class=\"said good\"") && said.html.contains("Mine"), "{}", said.html);
    assert!(!story.browser.open("/portal").await.html.contains("class=\"said good\""), "once");
    // Nobody vouches for what is to be said: it is text, and does nothing.
    for (value, shown) in [("renamed.PGI-eDwvYj4", "&#60;b&#62;x"), ("nonsense.eA", ""), ("renamed.!", ""), ("x", "")] {
        story.browser.cookies.push(("__Host-cs-said".to_owned(), value.to_owned()));
        let page = story.browser.open("/portal").await;
        assert_eq!(page.html.contains("class=\"said good\""), !shown.is_empty(), "{value}");
        assert!(page.html.contains(shown) && !page.html.contains("<b>x"), "{}", page.html);
        story.browser.cookies.retain(|(name, _)| name != "__Host-cs-said");
    }
}

#[tokio::test]
async fn an_address_that_is_none_is_a_page_with_the_way_back() {
    let mut story = Story::start().await;
    let id = story.phone.id.to_string();
    let lost = ["/portal/nothing", "/frame", "/frame/prompt", "/enroll/visit/x/y/z", "/portal/devices/x"];
    let posts = [format!("/portal/devices/{id}/rename"), "/portal/leave".to_owned()];
    let mut stranger = Browser::new(&story.site);
    for (path, status) in lost.iter().map(|path| (*path, 404)).chain(posts.iter().map(|path| (&**path, 405))) {
        let page = stranger.open(path).await;
        assert_eq!(page.status, status, "{path}");
        assert!(page.html.starts_with("<!doctype html>") || page.html.starts_with("<!DOCTYPE html>"), "{}", page.html);
    }
    assert!(stranger.open("/nothing").await.html.contains("\"stat\":\"FAIL\""), "programs are answered as ever");
    story.enter().await;
    for path in ["/portal/nothing", "/portal/codes/new"] {
        assert!(story.browser.open(path).await.html.contains("href=\"/portal\""), "{path}");
    }
    // A login's form, loaded as a page.
    let begun = story.browser.open(&story.app.authorize_path("alice")).await;
    let page = story.browser.open(&format!("{}/begin", begun.path)).await;
    assert!(page.status == 405 && page.html.contains(&format!("href=\"{}\"", begun.path)), "{}", page.html);
}

/// A story in which browsers are remembered.
async fn remembering() -> Story {
    let story = Story::start().await;
    let risk_based = json!({"max_time_value": 30, "max_time_units": "days"});
    let asking = json!({"enabled": true, "remember_method": "risk-based", "risk_based": risk_based});
    let policy = json!({"sections": {"remembered_devices": {"browser_apps": asking}}});
    story.site.admin_api().json("PUT", "/admin/v2/policies/global", &policy).await.response();
    story
}

impl Story {
    /// A login of the application, in a browser that is remembered from then on.
    async fn remember(&mut self) {
        self.browser.cookies.retain(|(name, _)| name != "__Host-cs-browser");
        self.site.advance(30);
        let begun = self.browser.open(&self.app.authorize_path("alice")).await;
        let code = self.phone.passcode();
        self.with_code(&begun, &code).await.code();
    }

    /// The portal's page of browsers, and their ids.
    async fn browsers(&mut self) -> (Page, Vec<String>) {
        let page = self.browser.open("/portal/browsers").await;
        let forms = page.html.split("action=\"/portal/browsers/").skip(1);
        let ids: Vec<String> = forms.filter_map(|rest| Some(rest.split_once("/forget\"")?.0.to_owned())).collect();
        (page, ids.into_iter().filter(|id| id.starts_with("BR")).collect())
    }
}

#[tokio::test]
async fn browsers_are_forgotten_and_another_phone_asked_first() {
    let mut story = remembering().await;
    let second = story.user.phone().await;
    story.remember().await;
    story.site.advance(30);
    let home = story.enter().await;
    let (page, browsers) = story.browsers().await;
    assert_eq!(browsers.len(), 1, "{}", page.html);
    let gone = story.post(&page, &format!("/portal/browsers/{}/forget", browsers[0]), &[]).await;
    assert!(gone.html.contains("class=\"said good\""), "{}", gone.html);
    assert!(story.browsers().await.1.is_empty());
    story.remember().await;
    story.remember().await;
    assert_eq!(story.browsers().await.1.len(), 2);
    let gone = story.post(&page, "/portal/browsers/forget-all", &[]).await;
    assert!(gone.html.contains("class=\"said good\""), "{}", gone.html);
    assert!(story.browsers().await.1.is_empty());
    // What an administrator made worthless is not listed as if it were worth something.
    story.remember().await;
    story.user.set_status(UserStatus::Disabled).await;
    story.user.set_status(UserStatus::Active).await;
    assert!(story.browsers().await.1.is_empty());

    let made = story.post(&home, &format!("/portal/devices/{}/default", second.id), &[]).await;
    assert!(is_in(&made) && made.html.contains("class=\"said good\""), "{}", made.html);
    assert_eq!(story.phones().await[0]["phone_id"], second.id.to_string());
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

/// What the server writes about itself, as text.
#[derive(Clone, Default)]
struct Written(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Also CVE-2024-20301. On one thread, so that everything the server says while it answers is heard.
#[tokio::test]
async fn cve_2024_20292_no_code_cookie_or_proof_of_enrollment_and_portal_is_logged() {
    use tracing_subscriber::Layer as _;
    use tracing_subscriber::layer::SubscriberExt as _;
    let written = Written::default();
    let heard = written.clone();
    let ours = |target: &str| target.starts_with("countersign") || target.starts_with("cs_");
    let filter = tracing_subscriber::filter::filter_fn(move |about| ours(about.target()));
    let layer =
        tracing_subscriber::fmt::layer().with_ansi(false).with_writer(move || heard.clone()).with_filter(filter);
    let _guard = tracing::subscriber::set_default(tracing_subscriber::registry().with(layer));
    tracing::info!(target: "countersign::test", "heard");

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

    let mut all = String::from_utf8(written.0.lock().unwrap().clone()).unwrap();
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
