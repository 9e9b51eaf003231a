//! Every step of the prompt, of an application's login, of one in a frame and of the portal's own, and what a finished login becomes: tried with every standing of a user and every denial that can come while a page is shown.

use cs_core::user::UserStatus;
use cs_core::web_origin::WebOrigins;
use cs_core::webauthn::Wanted;
use cs_engine::admin::Actor;
use cs_engine::{Ask, ENTRY_PATHS, EntryPath, Surface};
use cs_store::integrations::IntegrationRecord;
use cs_testkit::{Browser, Page, Site, TestUser, VirtualKey, VirtualPhone, WebApp};
use http::Method;
use serde_json::{Value as Json, json};

use super::framed;

/// For what the login is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Door {
    Application,
    Portal,
    /// An application that holds the login in a frame.
    Frame,
}

impl Door {
    const ALL: [Self; 3] = [Self::Application, Self::Portal, Self::Frame];

    /// Whether the step is there: what a finished login becomes differs, and the portal remembers no browser.
    fn has(self, path: &EntryPath) -> bool {
        let end = match self {
            Self::Application => "/oauth/v1/token",
            Self::Portal => "/portal/enter",
            Self::Frame => "/frame/web/v1/result",
        };
        let is_here = path.ask != Ask::Redeem || path.route == end;
        is_here && (self != Self::Portal || path.ask != Ask::Preauth)
    }
}

/// The page before a step, reached while nothing stood in the way, and what is sent from it.
struct Stand {
    browser: Browser,
    page: Page,
    phone: VirtualPhone,
    /// What a security key answers to the page.
    credential: String,
    /// The request of an application that holds the login in a frame.
    tx: String,
}

impl Stand {
    async fn before(site: &Site, app: &WebApp, door: Door, path: &EntryPath, user: &TestUser) -> Self {
        let mut phone = user.phone().await;
        let mut key = match path.ask {
            Ask::Key => {
                let mut key = VirtualKey::security_key(&site.origin());
                user.register(&mut key, Wanted::SecurityKey).await;
                Some(key)
            }
            Ask::Preauth | Ask::Passcode | Ask::Menu | Ask::Push | Ask::Auto | Ask::Redeem => None,
        };
        let mut browser = Browser::new(site);
        let mut page = browser.open(&app.authorize_path(&user.name)).await;
        let mut tx = String::new();
        match door {
            Door::Application => {}
            Door::Portal => {
                page = browser.open(&format!("/portal/from/{}", page.path.rsplit_once('/').unwrap().1)).await;
            }
            Door::Frame => {
                let expiry = site.now().as_second() + 300;
                tx = framed::signed("TX", &user.name, &app.client_id, expiry, &app.secret);
                let sent = browser.send_once(Method::POST, "/frame/web/v1/login", &[("tx", &tx)]).await;
                page = browser.open(&sent.leads_to().expect("a login")).await;
            }
        }
        if path.ask != Ask::Auto {
            let facts = if key.is_some() { r#"{"webauthn":true}"# } else { "" };
            page = browser.submit(&page, "begin", &[("facts", facts)]).await;
        }
        match path.ask {
            Ask::Preauth => {
                let txid = phone.next_push().await;
                phone.approve_with(txid, &page.number().unwrap()).await.unwrap();
                page = browser.open(&page.path).await;
            }
            Ask::Redeem => {
                page = browser.submit(&page, "choose", &[("method", "passcode")]).await;
                page = browser.submit(&page, "passcode", &[("passcode", &phone.passcode())]).await;
                if page.posts_to("trust") {
                    page = browser.submit(&page, "trust", &[("trust", "no")]).await;
                }
            }
            Ask::Passcode | Ask::Push => page = browser.submit(&page, "choose", &[("method", "passcode")]).await,
            Ask::Auto | Ask::Key | Ask::Menu => {}
        }
        let asked = page.attribute("data-key");
        let asked: Option<Json> = asked.map(|text| serde_json::from_str(&text).unwrap());
        let credential = key.as_mut().zip(asked).map(|(key, asked)| key.get(&asked)).unwrap_or_default();
        Self { browser, page, phone, credential, tx }
    }

    /// What comes of the step.
    async fn submit(&mut self, app: &WebApp, path: &EntryPath) -> &'static str {
        match path.route {
            "/oauth/v1/token" => {
                let answer = app.token(&self.page.code()).await;
                return if answer.status == 200 { "allow" } else { "deny" };
            }
            "/frame/web/v1/result" => {
                let code = self.page.attribute("data-code").expect("a code");
                let form = [("tx", self.tx.as_str()), ("parent", framed::ORIGIN), ("code", &code)];
                let answer = self.browser.send_once(Method::POST, path.route, &form).await;
                return if answer.attribute("data-response").is_some() { "allow" } else { "deny" };
            }
            "/portal/enter" => {
                let redirect = self.page.redirect();
                let path = &redirect[redirect.find("/portal/enter").unwrap()..];
                let entered = self.browser.open(path).await;
                return if entered.html.contains("action=\"/portal/leave\"") { "allow" } else { "deny" };
            }
            _ => {}
        }
        let (code, id) = (self.phone.passcode(), self.phone.id.to_string());
        let fields = [
            ("method", "push"),
            ("device", id.as_str()),
            ("passcode", code.as_str()),
            ("credential", self.credential.as_str()),
            ("trust", "yes"),
        ];
        let action = path.route.rsplit('/').next().unwrap();
        let after = self.browser.submit(&self.page, action, &fields).await;
        let is_in = after.html.contains("duo_code") || after.attribute("data-code").is_some();
        match (after.is_refusal() && !is_in, is_in, after.number()) {
            (true, false, None) => "deny",
            (false, true, None) => "allow",
            (false, false, Some(_)) => "waiting",
            // In, and asked whether it is their device.
            (false, false, None) if after.posts_to("trust") => "allow",
            other => panic!("{path:?}: {other:?} {}", after.html),
        }
    }
}

async fn policy(site: &Site, body: Json) {
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
}

#[tokio::test(flavor = "multi_thread")]
async fn lockout_and_denial_hold_on_every_step_of_the_prompt() {
    let site = Site::start().await;
    let app = site.web_app().await;
    let may_frame = |record: &mut IntegrationRecord| record.frame_origins = WebOrigins::parse(framed::ORIGIN).unwrap();
    site.change_integration(app.client_id.parse().unwrap(), may_frame).await;
    let user_based = json!({"max_time_value": 30, "max_time_units": "days"});
    let asking = json!({"enabled": true, "remember_method": "user-based", "user_based": user_based});
    policy(&site, json!({"sections": {"remembered_devices": {"browser_apps": asking}}})).await;
    let states = ["active", "locked out", "disabled", "in the trash"];
    let policies = [
        ("", json!({})),
        ("network", json!({"authorized_networks": {"blocked": {"ip_list": ["127.0.0.1"]}}})),
        ("everyone", json!({"authentication_policy": {"user_auth_behavior": "deny"}})),
    ];
    let paths = || ENTRY_PATHS.iter().filter(|path| path.surface == Surface::Prompt);
    let steps = || {
        Door::ALL.into_iter().flat_map(|door| paths().filter(move |path| door.has(path)).map(move |path| (door, path)))
    };
    let mut tried = 0;
    for (denied, sections) in &policies {
        for state in states {
            for (door, path) in steps() {
                site.advance(1);
                let user = site.user(&format!("user{tried}")).await;
                let mut stand = Stand::before(&site, &app, door, path, &user).await;
                match state {
                    "active" => {}
                    "locked out" => site.engine().lock_user(site.account, &Actor::Terminal, user.id).await.unwrap(),
                    "disabled" => user.set_status(UserStatus::Disabled).await,
                    _ => user.set_status(UserStatus::PendingDeletion).await,
                }
                policy(&site, json!({"sections": sections, "confirm_lockout": true})).await;
                let expected = match (state, *denied, path.ask) {
                    ("active", "", Ask::Auto | Ask::Push) => "waiting",
                    ("active", "", _) => "allow",
                    _ => "deny",
                };
                assert_eq!(stand.submit(&app, path).await, expected, "{door:?}, {path:?}, {state}, {denied}");
                let names: Vec<&String> = sections.as_object().unwrap().keys().collect();
                policy(&site, json!({"sections_to_delete": names})).await;
                tried += 1;
            }
        }
    }
    assert_eq!(tried, states.len() * policies.len() * steps().count());
}

#[tokio::test]
async fn a_security_key_begins_by_itself_where_the_browser_can_ask_it_and_gets_in() {
    let site = Site::start().await;
    let app = site.web_app().await;
    let alice = site.user("alice").await;
    let path = ENTRY_PATHS.iter().find(|path| path.ask == Ask::Key).unwrap();
    let mut stand = Stand::before(&site, &app, Door::Application, path, &alice).await;
    assert!(stand.page.posts_to("key"), "{}", stand.page.html);
    let shown_again = stand.browser.open(&stand.page.path).await;
    assert_eq!(shown_again.attribute("data-key"), stand.page.attribute("data-key"), "reloading asks the same");
    assert_eq!(stand.submit(&app, path).await, "allow");
    let code = stand.browser.open(&stand.page.path).await.code();
    let claims = app.id_token(&app.token(&code).await);
    assert_eq!(claims["auth_context"]["reason"], "user_approved", "{claims}");
    let mut plain = Browser::new(&site);
    assert!(plain.log_in(&app, "alice").await.number().is_some(), "without scripts nobody is asked for a key");
}
