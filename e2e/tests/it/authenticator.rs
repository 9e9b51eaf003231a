//! The authenticator as people have it: a page on a phone, driven in Chromium. Only the push service is missing: a message is handed to the worker by hand.
#![expect(clippy::unwrap_used, reason = "what fails must fail the test")]

use e2e::browser::{Browser, Page};
use e2e::{Site, User};
use serde_json::{Value as Json, json};

use crate::outage::countersign;

/// A site, a user who was given a link, and the phone's browser.
pub(crate) struct Story {
    pub(crate) site: Site,
    pub(crate) user: User,
    link: String,
    pub(crate) origin: String,
    pub(crate) browser: Browser,
}

impl Story {
    pub(crate) fn begin() -> Self {
        let site = Site::start();
        let enrolled = site.auth().post("/auth/v2/enroll", &[("username", "alice")]).ok();
        let user = User { id: enrolled["user_id"].as_str().unwrap().to_owned(), name: "alice".to_owned() };
        let link = enrolled["activation_url"].as_str().unwrap().to_owned();
        let origin = link.split("/authenticator/").next().unwrap().to_owned();
        let browser = Browser::start(&[&site.ca()]);
        Self { site, user, link, origin, browser }
    }

    /// The phone, with nothing on it.
    fn phone(&self) -> Page {
        let page = self.browser.page();
        page.as_phone();
        page
    }

    /// The phone, activated by the link.
    pub(crate) fn activated(&self) -> Page {
        let page = self.phone();
        page.open(&self.link);
        page.click("#bind");
        page.click("#done");
        page.wait_for(".connection.open");
        page
    }

    /// Another phone, of whomever.
    pub(crate) fn stranger(&self) -> Page {
        let page = self.browser.stranger();
        page.as_phone();
        page
    }

    /// The id of the user's phone.
    pub(crate) fn device_id(&self) -> String {
        self.preauth(false)["devices"][0]["device"].as_str().unwrap().to_owned()
    }

    fn preauth(&self, with_number: bool) -> Json {
        let number = if with_number { "1" } else { "0" };
        let params = [("username", self.user.name.as_str()), ("client_supports_verified_push", number)];
        self.site.auth().post("/auth/v2/preauth", &params).ok()
    }

    /// Begins a login: its id, and the number on its screen.
    pub(crate) fn login(&self, from: &str) -> (String, String) {
        let preauth = self.preauth(true);
        let text = |value: &Json| value.as_str().unwrap().to_owned();
        let (txid, number) = (text(&preauth["txid"]), text(&preauth["verification_code"]));
        let device = text(&preauth["devices"][0]["device"]);
        let params = [
            ("username", self.user.name.as_str()),
            ("factor", "push"),
            ("device", &device),
            ("async", "1"),
            ("ipaddr", from),
            ("txid", &txid),
            ("pushinfo", "Command=uname%20-a"),
        ];
        self.site.auth().post("/auth/v2/auth", &params).ok();
        (txid, number)
    }

    pub(crate) fn status(&self, txid: &str) -> (String, String) {
        let status = self.site.auth().get("/auth/v2/auth_status", &[("txid", txid)]).ok();
        (status["result"].as_str().unwrap().to_owned(), status["status"].as_str().unwrap().to_owned())
    }
}

fn other_number(number: &str) -> String {
    let other = if number.starts_with('1') { "2" } else { "1" };
    other.repeat(number.len())
}

#[test]
fn the_page_can_be_installed_and_speaks_to_nobody_else() {
    let story = Story::begin();
    let page = story.phone();
    page.open(&story.origin);
    page.wait_for("#activate");
    page.eval("navigator.serviceWorker.ready.then(() => 1)");
    let manifest = page.call("Page.getAppManifest", &json!({}));
    assert_eq!(manifest["errors"], json!([]), "{manifest}");
    assert!(manifest["url"].as_str().unwrap().ends_with("/manifest.webmanifest"), "{manifest}");
    page.wait_until("installability", || {
        page.call("Page.getInstallabilityErrors", &json!({}))["installabilityErrors"] == json!([])
    });
    // The worker is in charge from the second page on, and the whole page comes from what it keeps.
    page.reload();
    page.wait_for("#activate");
    assert_eq!(page.eval("!!navigator.serviceWorker.controller"), true);
    assert_eq!(page.complaints(), Vec::<String>::new());
    page.offline(true);
    page.reload();
    page.wait_for("#activate");
    page.offline(false);
    let elsewhere: Vec<_> = page
        .requests()
        .into_iter()
        .filter(|url| !url.starts_with(&story.origin) && !url.starts_with("about:"))
        .collect();
    assert_eq!(elsewhere, Vec::<String>::new());
}

#[test]
fn a_phone_is_activated_woken_and_approves_with_the_number() {
    let story = Story::begin();
    story.browser.grant(&story.origin, &["notifications"]);
    let page = story.phone();
    page.open(&story.link);
    page.wait_for("#bind");
    assert!(!page.url().contains(story.link.rsplit('#').next().unwrap()), "the code does not stay in the address");
    page.click("#bind");
    page.click("#done");
    page.wait_for(".connection.open");

    // The app is closed: another page of the origin, which only lends its ear.
    page.open(&format!("{}/nothing", story.origin));
    let (txid, number) = story.login("203.0.113.7");
    let wake = json!({"v": 1, "device": story.device_id(), "txid": txid, "expires": 0});
    let shown = page.woken_by(&story.origin, &wake.to_string());
    assert_eq!(shown, json!([["Is this you?", "Auth API is waiting for your answer.", txid]]));

    page.open(&story.origin);
    page.wait_for("#approve");
    for part in ["Auth API", "alice", "203.0.113.7", "uname -a"] {
        assert!(page.text().contains(part), "{part}: {}", page.text());
    }
    page.fill("#number", &other_number(&number));
    page.click("#approve");
    page.wait_for_text("not the number");
    page.fill("#number", &number);
    page.click("#approve");
    page.wait_for_text("Approved");
    assert_eq!(story.status(&txid), ("allow".into(), "allow".into()));
    page.wait_until("no notification left", || page.notifications() == json!([]));
    page.click("#done");
    page.click_words("History");
    page.wait_for_text("Auth API");
}

#[test]
fn keys_cannot_be_taken_from_the_phone() {
    let story = Story::begin();
    let page = story.activated();
    let tried = page.eval(
        "new Promise((resolve, reject) => { const open = indexedDB.open('countersign'); open.onsuccess = () => resolve(open.result); open.onerror = reject; })
           .then((db) => new Promise((resolve) => { const all = db.transaction('binding').objectStore('binding').getAll(); all.onsuccess = () => resolve(all.result[0]); }))
           .then(async (binding) => {
             const tries = [[binding.key, 'pkcs8'], [binding.key, 'jwk'], [binding.otpKey, 'raw'], [binding.otpKey, 'jwk']];
             const results = await Promise.all(tries.map(([key, format]) => crypto.subtle.exportKey(format, key).then(() => 'taken', (error) => error.name)));
             return [binding.key.extractable, binding.otpKey.extractable, ...results, JSON.stringify(binding.key)];
           })",
    );
    let refused = "InvalidAccessError";
    assert_eq!(tried, json!([false, false, refused, refused, refused, refused, "{}"]));
}

#[test]
fn a_login_that_nobody_began_is_reported() {
    let story = Story::begin();
    let page = story.activated();
    let (txid, _) = story.login("203.0.113.7");
    page.click("#not-me");
    page.click("#fraud");
    page.wait_for_text("Denied and reported");
    assert_eq!(story.status(&txid), ("deny".into(), "fraud".into()));
    page.click("#done");

    let (txid, _) = story.login("203.0.113.8");
    page.click("#not-me");
    page.click("#mistake");
    page.wait_for_text("Denied");
    assert_eq!(story.status(&txid).0, "deny");
}

#[test]
fn with_push_cut_off_an_open_page_shows_the_request_by_its_stream_and_asks_for_none() {
    let story = Story::begin();
    let page = story.activated();
    let asked = || page.requests().iter().filter(|url| url.ends_with("/authenticator/v1/requests")).count();
    for address in ["203.0.113.7", "203.0.113.8"] {
        let before = asked();
        let (txid, number) = story.login(address);
        page.wait_for("#approve");
        assert_eq!(asked(), before, "it came, and nobody asked");
        page.fill("#number", &number);
        page.click("#approve");
        page.click("#done");
        assert_eq!(story.status(&txid).0, "allow");
    }
}

#[test]
fn passcodes_are_made_without_a_network_and_each_is_good_once() {
    let story = Story::begin();
    let page = story.activated();
    page.eval("navigator.serviceWorker.ready.then(() => 1)");
    page.reload();
    page.offline(true);
    page.reload();
    page.wait_for_text("No network");
    page.click_words("Show a passcode");
    let shown = || -> String { page.text_of(".code").chars().filter(char::is_ascii_digit).collect() };
    let first = shown();
    page.click_words("Next passcode");
    page.wait_until("another passcode", || shown() != first);
    let second = shown();
    page.offline(false);
    let result = |code: &str| {
        let params = [("username", "alice"), ("factor", "passcode"), ("passcode", code)];
        story.site.auth().post("/auth/v2/auth", &params).ok()["result"].as_str().unwrap().to_owned()
    };
    assert_eq!(first.len(), 6);
    assert_eq!([result(&first), result(&first), result(&second)], ["allow", "deny", "allow"]);
}

#[test]
fn activation_never_waits_for_notifications() {
    let story = Story::begin();
    story.browser.grant(&story.origin, &["notifications"]);
    let page = story.phone();
    page.open(&story.link);
    page.eval("PushManager.prototype.subscribe = () => new Promise(() => {}); 0");
    page.click("#bind");
    page.wait_for_text("Activated");
    page.click_words("Turn on notifications");
    page.wait_for_text("Asking the browser");
    // Meanwhile a login is answered as ever.
    page.click("#done");
    let (txid, number) = story.login("203.0.113.7");
    page.fill("#number", &number);
    page.click("#approve");
    page.wait_for_text("Approved");
    assert_eq!(story.status(&txid).0, "allow");
}

#[test]
fn what_goes_wrong_is_said_and_nothing_typed_is_lost() {
    let story = Story::begin();
    let page = story.phone();
    page.open(&story.origin);
    page.click("#activate");
    page.fill("#code", "what my colleague told me");
    page.click("#next");
    page.wait_for_text("no activation code");
    assert_eq!(page.eval("document.querySelector('#code').value"), "what my colleague told me");

    // A code of another server is not sent to this one.
    page.fill("#code", "https://mfa.other.test/authenticator/activate#Abcdefghij0123456789");
    page.click("#next");
    page.wait_for_text("A code of another server");
    page.click_words("Use another code");

    // No network while activating: the code is still there afterwards, and still good.
    page.fill("#code", &story.link);
    page.click("#next");
    page.fill("#name", "My phone");
    page.offline(true);
    page.click("#bind");
    page.wait_for_text("No network");
    assert_eq!(page.eval("document.querySelector('#name').value"), "My phone");
    page.offline(false);
    page.click("#bind");
    page.wait_for_text("Activated");
    page.click("#done");
    page.wait_for(".connection.open");

    // Used.
    page.open(&story.link);
    page.click("#bind");
    page.wait_for_text("This code cannot be used");

    // No network in the middle of an answer.
    page.open(&story.origin);
    page.wait_for(".connection.open");
    let (txid, number) = story.login("203.0.113.7");
    page.fill("#number", &number);
    page.offline(true);
    page.click("#approve");
    page.wait_for_text("Nothing was sent");
    assert_eq!(page.eval("document.querySelector('#number').value"), number.as_str());
    page.offline(false);
    page.click("#approve");
    page.wait_for_text("Approved");
    assert_eq!(story.status(&txid).0, "allow");
}

#[test]
fn cameras_and_notifications_that_are_forbidden_have_another_way() {
    let story = Story::begin();
    let permission = json!({"permission": {"name": "notifications"}, "setting": "denied", "origin": story.origin});
    story.browser.call("Browser.setPermission", &permission);
    let page = story.phone();
    page.open(&story.origin);
    page.click("#activate");
    // The browser of the tests has a camera and grants it unasked, so the refusal is put in its mouth.
    for (error, says) in [
        ("NotAllowedError", "The camera is not allowed"),
        ("NotFoundError", "There is no camera"),
        ("NotReadableError", "The camera cannot be used now"),
    ] {
        page.eval(&format!(
            "navigator.mediaDevices.getUserMedia = () => Promise.reject(new DOMException('', '{error}')); 0"
        ));
        page.click("#scan");
        page.wait_for_text(says);
        page.click_words("Paste the code instead");
    }
    page.fill("#code", &story.link);
    page.click("#next");
    page.click("#bind");
    page.click("#done");
    page.wait_for_text("Notifications are blocked");
}

#[test]
fn a_clock_that_is_wrong_is_told_and_made_up_for() {
    let story = Story::begin();
    let page = story.phone();
    let ahead = "{ const now = Date.now.bind(Date); Date.now = () => now() + 600000; }";
    page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": ahead }));
    page.open(&story.link);
    page.click("#bind");
    page.click("#done");
    page.wait_for_text("10 minutes fast");
    let (txid, number) = story.login("203.0.113.7");
    page.fill("#number", &number);
    page.click("#approve");
    page.wait_for_text("Approved");
    assert_eq!(story.status(&txid).0, "allow");
}

#[test]
fn a_browser_that_cannot_is_told_so() {
    let story = Story::begin();
    for (without, says) in [
        ("Object.defineProperty(Crypto.prototype, 'subtle', { get: () => undefined })", "This browser is too old"),
        (
            "IDBFactory.prototype.open = () => { throw new DOMException('no', 'SecurityError'); }",
            "This browser keeps nothing",
        ),
    ] {
        let page = story.phone();
        page.call("Page.addScriptToEvaluateOnNewDocument", &json!({ "source": without }));
        page.open(&story.origin);
        page.wait_for_text(says);
    }
}

#[test]
fn kanidm_1_10_0_markup_in_what_a_phone_shows_stays_text() {
    let story = Story::begin();
    let page = story.activated();
    let markup = "<img src=x onerror=\"document.title='owned'\"><b>bold</b>";
    let preauth = story.preauth(false);
    let device = preauth["devices"][0]["device"].as_str().unwrap().to_owned();
    let params = [
        ("username", "alice"),
        ("factor", "push"),
        ("device", &device),
        ("async", "1"),
        ("type", markup),
        ("display_username", markup),
        ("pushinfo", "%3Cb%3EName%3C%2Fb%3E=%3Cscript%3Ealert(1)%3C%2Fscript%3E"),
    ];
    story.site.auth().post("/auth/v2/auth", &params).ok();
    page.wait_for("#approve");
    for shown in [markup, "<b>Name</b>", "<script>alert(1)</script>"] {
        assert!(page.text().contains(shown), "{shown}: {}", page.text());
    }
    assert_eq!(page.eval("document.querySelectorAll('main img, main b, main script').length"), 0);
    assert!(!page.eval("document.title").as_str().unwrap().contains("owned"));
}

#[test]
fn a_request_that_ends_elsewhere_leaves_the_screen() {
    let story = Story::begin();
    let page = story.activated();
    let (txid, _) = story.login("203.0.113.7");
    page.wait_for("#approve");
    story.site.auth().post("/auth/v2/cancel", &[("txid", &txid)]).ok();
    page.wait_for_text("Withdrawn");
    page.click("#done");
    page.wait_for(".account");
}

/// Every view, in every language, light and dark, on a narrow phone with large text: nothing wider than the screen, nothing that axe-core complains of.
#[test]
fn every_view_is_for_everyone_in_every_language() {
    let story = Story::begin();
    let keys = story.site.integration("radius");
    countersign(&story.site, &["admin", "outage", "offline", &keys.ikey, "--group", "headquarters"], "");
    let page = story.activated();
    page.wait_for(&format!("#outage-{}", story.device_id()));
    let axe = std::fs::read_to_string(e2e::npm().join("node_modules/axe-core/axe.min.js")).unwrap();
    let mut seen = 0;
    for (n, language) in ["en", "de", "fr", "es", "ja"].into_iter().enumerate() {
        speak(&page, language);
        for theme in ["light", "dark"] {
            page.prefers(&[("prefers-color-scheme", theme), ("prefers-reduced-motion", "reduce")]);
            for route in ["/", "/activate", "/history", "/settings", "/account/", "/outage/"] {
                let of_one = route.len() > 1 && route.ends_with('/');
                let route = if of_one { format!("{route}{}", story.device_id()) } else { route.to_owned() };
                page.open("about:blank");
                page.open(&format!("{}/#{route}", story.origin));
                page.wait_for("h1");
                assert_eq!(page.eval("document.documentElement.lang"), language);
                check(&page, &axe, &format!("{language} {theme} {route}"));
                seen += 1;
            }
        }
        page.open("about:blank");
        page.open(&story.origin);
        page.wait_for(".connection.open");
        let (_, number) = story.login(&format!("203.0.113.{n}"));
        page.wait_for("#approve");
        check(&page, &axe, &format!("{language} request"));
        page.click("#not-me");
        page.wait_for("#fraud");
        check(&page, &axe, &format!("{language} doubt"));
        page.click(".link");
        page.fill("#number", &number);
        page.click("#approve");
        page.wait_for("#done");
        check(&page, &axe, &format!("{language} over"));
        seen += 3;
    }
    assert_eq!(seen, 5 * (2 * 6 + 3));
}

/// Makes the app on `page` speak `language` from the next time on that it is opened.
pub(crate) fn speak(page: &Page, language: &str) {
    page.eval(&format!(
        "new Promise((resolve) => {{ const open = indexedDB.open('countersign'); open.onsuccess = () => {{ const t = open.result.transaction('setting', 'readwrite'); \
         t.objectStore('setting').put('{language}', 'language'); t.oncomplete = () => {{ open.result.close(); resolve(1); }}; }}; }})"
    ));
}

/// Nothing wider than the screen, also with letters half as large again, and nothing that axe-core complains of.
pub(crate) fn check(page: &Page, axe: &str, what: &str) {
    for size in ["100%", "150%"] {
        page.eval(&format!("document.documentElement.style.fontSize = '{size}'; 0"));
        let wider = page.eval("document.documentElement.scrollWidth - document.documentElement.clientWidth");
        assert_eq!(wider, 0, "{what} at {size} is too wide");
    }
    page.eval("document.documentElement.style.fontSize = ''; 0");
    page.eval(&format!("if (!globalThis.axe) {{ {axe} }}; 0"));
    let violations = page.eval(
        "axe.run(document, { runOnly: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'] })
           .then((found) => found.violations.map((v) => [v.id, ...v.nodes.map((n) => n.html.slice(0, 120))]))",
    );
    assert_eq!(violations, json!([]), "{what}");
}
