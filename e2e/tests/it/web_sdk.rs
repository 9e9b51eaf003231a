//! Web SDK v2: `duo-web` of PyPI and its script, unmodified, hold our login in a frame of their page, and a person in Chromium uses it.

use e2e::browser::{Browser, Page};
use e2e::{Keys, OldApp, Phone, Request, Site};
use serde_json::json;

struct Scene {
    site: Site,
    app: OldApp,
    phone: Phone,
    browser: Browser,
    page: Page,
}

impl Scene {
    fn new() -> Self {
        let site = Site::start();
        let keys = site.integration("websdk");
        let app = OldApp::start(&site, &keys);
        register(&site, &keys, &app.origin());
        let (_, phone) = site.enroll("alice");
        let browser = Browser::start(&[&site.ca()]);
        let page = browser.page();
        Self { site, app, phone, browser, page }
    }

    fn frame(&self) -> Page {
        self.browser.frame("/frame/web/v1/auth")
    }

    /// Opens the application's page for `user`, and from its frame the window.
    fn open_window(&self, user: &str) {
        self.page.open(&self.app.at(&format!("/?user={user}")));
        self.frame().click_itself("[data-open]");
    }

    /// The request that comes to the phone by `open`, and the number that the window shows.
    fn asked(&self, open: impl FnOnce()) -> (Request, String) {
        let watch = self.phone.watch();
        open();
        let window = self.browser.window("/frame/prompt/");
        window.wait_for("output.number");
        let number = window.text_of("output.number").chars().filter(char::is_ascii_digit).collect();
        (watch.request(), number)
    }

    /// Logs alice in by her phone, and waits until nothing is left of the window.
    fn log_in(&self) {
        let (request, number) = self.asked(|| self.open_window("alice"));
        self.phone.approve(&request, Some(&number));
        assert_eq!(self.verified(), "alice");
        self.browser.wait_closed("/frame/prompt/");
    }

    /// What the unmodified library says of the answer that the browser has brought.
    fn verified(&self) -> String {
        self.page.text_of("#who")
    }
}

fn register(site: &Site, keys: &Keys, origins: &str) {
    let path = format!("/admin/v3/integrations/{}", keys.ikey);
    let shown = site.admin().post(&path, &[("frame_origins", origins)]).ok();
    assert_eq!(shown["frame_origins"], origins);
}

#[test]
fn duo_web_1_3_1_of_pypi_verifies_a_login_in_a_frame() {
    let scene = Scene::new();
    let (browser, page) = (&scene.browser, &scene.page);

    // Denied by mistake: the window is closed, and opened again.
    let (request, _) = scene.asked(|| scene.open_window("alice"));
    scene.phone.deny(&request);
    let window = browser.window("/frame/prompt/");
    window.wait_for_text("Denied on your phone");
    // It may be gone before it has answered.
    drop(window.try_eval("window.close()"));
    browser.wait_closed("/frame/prompt/");
    let (request, number) = scene.asked(|| scene.frame().click_itself("[data-open]"));
    scene.phone.approve(&request, Some(&number));
    assert_eq!(scene.verified(), "alice");
    browser.wait_closed("/frame/prompt/");
    let response = page.text_of("#response");
    let outcomes = scene.site.outcomes();
    let (result, reason, factor) = outcomes.last().unwrap();
    assert_eq!((result.as_str(), reason.as_str(), factor.as_str()), ("success", "user_approved", "verified_duo_push"));

    // The window is of the server's own site, so the browser is remembered there: nobody is asked.
    scene.open_window("alice");
    assert_eq!(scene.verified(), "alice");
    assert_eq!(scene.site.outcomes().last().unwrap().1, "remembered_device");
    browser.wait_closed("/frame/prompt/");

    // The answer is alice's, whosever login the application believes it to be.
    let auth = response.split(':').next().unwrap();
    page.open(&scene.app.at("/?user=bob"));
    let request = page.attribute("iframe", "data-sig-request").unwrap();
    let mixed = format!("{auth}:{}", request.split(':').nth(1).unwrap());
    page.eval(&format!(
        "const form = document.createElement('form'); form.method = 'post'; form.action = '/done'; \
         const input = document.createElement('input'); input.name = 'sig_response'; input.value = {}; \
         form.append(input); document.body.append(form); form.submit(); 0",
        json!(mixed)
    ));
    page.wait_for("#refused");
}

#[test]
fn a_frame_shows_no_login_to_strange_pages_and_for_strange_requests() {
    let scene = Scene::new();
    let page = &scene.page;
    let (request, number) = scene.asked(|| scene.open_window("alice"));
    let used = page.attribute("iframe", "data-sig-request").unwrap();
    scene.phone.approve(&request, Some(&number));
    assert_eq!(scene.verified(), "alice");

    // Used before, too late: the frame says so.
    let again = |request: &str| scene.app.at(&format!("/?request={}", request.replace('=', "%3D").replace('|', "%7C")));
    for (address, says) in [(again(&used), "This page is out of date"), (scene.app.at("/?as=expired"), "too old")] {
        page.open(&address);
        let frame = scene.frame();
        frame.wait_for_text(says);
        assert!(!frame.has("[data-open]"));
    }

    // Not the application's, or a page of another origin: the browser shows nothing of it.
    let altered = used.replacen("YWxpY2V", "bWFsbG9", 1);
    assert_ne!(altered, used);
    let strange = [
        scene.app.elsewhere("/?user=alice"),
        scene.app.at("/?as=wrong-key"),
        scene.app.at("/?as=enroll"),
        again(&altered),
    ];
    for address in strange {
        let before = page.complaints().len();
        page.open(&address);
        let is_kept_out = || page.complaints()[before..].iter().any(|words| words.contains("frame-ancestors"));
        page.wait_until("the frame to be kept out", is_kept_out);
    }
    let log = scene.site.log();
    assert!(
        log.contains("frame_origins") && log.contains("http://localhost:"),
        "the log says which page it was: {log}"
    );
}

/// Somebody's page opens the window itself, with a request that it got hold of: what the window says at the end is for frames of ours.
#[test]
fn a_strange_page_that_opens_the_window_is_told_nothing() {
    let scene = Scene::new();
    let (browser, page) = (&scene.browser, &scene.page);
    scene.log_in();

    page.open(&scene.app.at("/thief?user=alice"));
    page.click_itself("#open");
    // The browser is remembered: the login is done at once.
    let window = browser.window("/frame/prompt/");
    window.wait_for("[data-code]");
    // What is said now comes after whatever was said before.
    window.eval("opener.postMessage('nothing', '*'); 0");
    page.wait_for_text("nothing;");
    assert_eq!(page.text_of("#stolen"), "nothing;");
}
