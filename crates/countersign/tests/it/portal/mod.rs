//! The self-service portal, by browsers without script.

mod attacks;
mod devices;
mod doors;
mod logins;
mod sessions;

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
        Self::on(Site::start().await).await
    }

    async fn on(site: Site) -> Self {
        let (app, user) = (site.web_app().await, site.user("alice").await);
        let (phone, browser) = (user.phone().await, Browser::new(&site));
        Self { site, app, user, phone, browser }
    }

    /// Begins a login of the application and follows it to the portal's own.
    async fn at_portal(&mut self) -> Page {
        at_portal(&mut self.browser, &self.app).await
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
        follow(&mut self.browser, done).await
    }

    async fn post(&mut self, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
        post(&mut self.browser, page, path, fields).await
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

/// Begins alice's login of the application and follows it to the portal's own.
pub(crate) async fn at_portal(browser: &mut Browser, app: &WebApp) -> Page {
    let begun = browser.open(&app.authorize_path("alice")).await;
    let id = begun.path.rsplit_once('/').unwrap().1.to_owned();
    browser.open(&format!("/portal/from/{id}")).await
}

/// From the end of the portal's login into it.
pub(crate) async fn follow(browser: &mut Browser, done: &Page) -> Page {
    let redirect = done.redirect();
    let (_, rest) = redirect.split_once("/portal").unwrap_or_else(|| panic!("{redirect}"));
    browser.open(&format!("/portal{rest}")).await
}

/// A form of the portal; `page` gives the proof.
pub(crate) async fn post(browser: &mut Browser, page: &Page, path: &str, fields: &[(&str, &str)]) -> Page {
    let step = page.step();
    let form: Vec<(&str, &str)> = std::iter::once(("step", step.as_str())).chain(fields.iter().copied()).collect();
    let sent = browser.send_once(Method::POST, path, &form).await;
    // What was done is said by the page that follows.
    match (sent.leads_to(), browser.cookies.iter().any(|(name, _)| name == "__Host-cs-said")) {
        (Some(next), true) => browser.open(&next).await,
        _ => sent,
    }
}

pub(crate) fn is_in(page: &Page) -> bool {
    page.status == 200 && page.html.contains("action=\"/portal/leave\"")
}

/// The link that an enrollment's page shows for the phone.
fn activation(page: &Page) -> String {
    let (_, rest) = page.html.split_once("<pre class=\"copy\" tabindex=\"0\"><code>").expect("a link to copy");
    rest.split_once("</code>").unwrap().0.replace("&#38;", "&")
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
