//! The self-service portal, by browsers without script.

use cs_core::user::UserStatus;
use cs_testkit::{Browser, Page, Site, TestUser, VirtualPhone, WebApp};
use http::Method;
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
        self.browser.send_once(Method::POST, path, &form).await
    }

    async fn phones(&self) -> Vec<Json> {
        let path = format!("/admin/v1/users/{}/phones", self.user.id);
        self.site.admin_api().get(&path, &[]).await.response().as_array().unwrap().clone()
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
    let home = story.enter().await;
    let codes = async |story: &mut Story| {
        let page = story.post(&home, "/portal/codes/new", &[]).await;
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
