//! Logins in a browser, driven page by page without scripts.

mod attacks;
mod browsers;
mod causes;
mod clients;
mod framed;
mod gate;
mod here;
mod newcomers;
mod outdated;
mod pages;
mod regressions;

use cs_testkit::{Browser, Page, Site, VirtualPhone, WebApp};
use serde_json::{Value as Json, json};

/// A site with one application and `alice`, who has a phone.
struct Scene {
    site: Site,
    app: WebApp,
    alice: cs_testkit::TestUser,
    phone: VirtualPhone,
    browser: Browser,
}

impl Scene {
    async fn new() -> Self {
        let site = Site::start().await;
        let app = site.web_app().await;
        let alice = site.user("alice").await;
        let phone = alice.phone().await;
        let browser = Browser::new(&site);
        Self { site, app, alice, phone, browser }
    }

    /// A scene in which nothing is remembered, so that each login asks.
    async fn forgetful() -> Self {
        let scene = Self::new().await;
        scene.policy(json!({"remembered_devices": {"browser_apps": {"enabled": false}}})).await;
        scene
    }

    /// A scene in which people are asked whether it is their device.
    async fn asking() -> Self {
        let scene = Self::new().await;
        let user_based = json!({"max_time_value": 30, "max_time_units": "days"});
        let apps = json!({"enabled": true, "remember_method": "user-based", "user_based": user_based});
        scene.policy(json!({"remembered_devices": {"browser_apps": apps}})).await;
        scene
    }

    async fn policy(&self, sections: Json) {
        let body = json!({"sections": sections, "confirm_lockout": true});
        self.site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    }

    /// The push page of a new login, and its push.
    async fn push_page(&mut self) -> (Page, cs_core::id::TxId) {
        let page = self.browser.log_in(&self.app, "alice").await;
        assert!(page.html.contains("/wait\""), "{}", page.html);
        let txid = self.phone.next_push().await;
        (page, txid)
    }

    /// The page for codes of a new login.
    async fn code_page(&mut self) -> Page {
        let (page, _) = self.push_page().await;
        let page = self.browser.submit(&page, "choose", &[("method", "passcode")]).await;
        assert!(page.posts_to("passcode"), "{}", page.html);
        page
    }

    /// Logs in by a push; what the browser shows then.
    async fn approved(&mut self) -> Page {
        let (page, txid) = self.push_page().await;
        let number = page.number().expect("a number");
        self.phone.approve_with(txid, &number).await.unwrap();
        self.browser.open(&page.path).await
    }
}
