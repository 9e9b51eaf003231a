//! One tab.

use std::cell::Cell;
use std::time::Instant;

use data_encoding::BASE64;
use serde_json::{Value as Json, json};

use super::authenticator::{Authenticator, Kind};
use super::cdp::{Connection, Event};
use crate::child::PATIENCE;

/// One tab. Selectors are CSS; where several elements match, the first that can be seen is meant.
pub struct Page {
    pub(super) connection: Connection,
    pub(super) session: String,
    since: Cell<usize>,
}

/// Finds the first visible element: `querySelector` also finds what is hidden.
const FIND: &str = "const find = (selector) => [...document.querySelectorAll(selector)].find((e) => e.checkVisibility({ visibilityProperty: true }));";

impl Page {
    pub(super) fn new(connection: Connection, session: String) -> Self {
        let page = Self { connection, session, since: Cell::new(0) };
        for domain in ["Page", "Runtime", "Network", "Log"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        // A tab that is not in front would not be given keys, focus or credentials.
        page.call("Emulation.setFocusEmulationEnabled", &json!({ "enabled": true }));
        page
    }

    /// A frame within a tab: keys and the mouse are the tab's.
    pub(super) fn of_frame(connection: Connection, session: String) -> Self {
        let page = Self { connection, session, since: Cell::new(0) };
        for domain in ["Page", "Runtime"] {
            page.call(&format!("{domain}.enable"), &json!({}));
        }
        page
    }

    /// Opens `url` and waits until it has loaded.
    pub fn open(&self, url: &str) {
        self.loading(|| {
            let opened = self.call("Page.navigate", &json!({ "url": url }));
            assert!(opened.get("errorText").is_none(), "{url}: {}", opened["errorText"]);
        });
    }

    /// Opens `url`, which the browser refuses, and gives its words for it: `net::ERR_CERT_AUTHORITY_INVALID`.
    pub fn cannot_open(&self, url: &str) -> String {
        let opened = self.call("Page.navigate", &json!({ "url": url }));
        opened["errorText"].as_str().unwrap_or_else(|| panic!("{url} was opened")).to_owned()
    }

    /// Loads the page again, as the browser's button does.
    pub fn reload(&self) {
        self.loading(|| drop(self.call("Page.reload", &json!({}))));
    }

    /// Goes back, as the browser's button does. The page may come from the browser's memory, without loading anew.
    pub fn back(&self) {
        let since = self.connection.event_count();
        let history = self.call("Page.getNavigationHistory", &json!({}));
        let before = history["currentIndex"].as_u64().unwrap().checked_sub(1).expect("a page before this one");
        let entry = &history["entries"][usize::try_from(before).unwrap()];
        self.call("Page.navigateToHistoryEntry", &json!({ "entryId": entry["id"] }));
        self.connection
            .event(&self.session, since, |event| event.method == "Page.frameNavigated")
            .expect("the page before this one");
        self.wait_until("the page before", || self.try_eval("document.readyState") == Ok("complete".into()));
    }

    /// Does `act` and waits until the page that comes of it has loaded.
    pub fn loading(&self, act: impl FnOnce()) {
        let since = self.connection.event_count();
        act();
        // Only after the tab has gone to another page is it that one which has loaded.
        let is_loaded = || {
            let events = self.connection.events(&self.session, since);
            let mut after =
                events.iter().skip_while(|event| event.method != "Page.frameNavigated" || is_of_child(event));
            after.any(|event| event.method == "Page.loadEventFired")
        };
        self.wait_until("page that has loaded", is_loaded);
    }

    /// Where the tab is.
    pub fn url(&self) -> String {
        self.eval("location.href").as_str().unwrap_or_default().to_owned()
    }

    /// Everything that can be read on the page.
    pub fn text(&self) -> String {
        self.eval("document.body.innerText").as_str().unwrap_or_default().to_owned()
    }

    /// What the element says.
    pub fn text_of(&self, selector: &str) -> String {
        self.wait_for(selector);
        self.eval(&format!("{FIND} find({}).innerText", json!(selector))).as_str().unwrap_or_default().to_owned()
    }

    /// An attribute of an element, hidden or not.
    pub fn attribute(&self, selector: &str, name: &str) -> Option<String> {
        let found = self.eval(&format!("document.querySelector({})?.getAttribute({})", json!(selector), json!(name)));
        found.as_str().map(str::to_owned)
    }

    /// Whether such an element can be seen now.
    pub fn has(&self, selector: &str) -> bool {
        self.try_eval(&format!("{FIND} !!find({})", json!(selector))) == Ok(Json::Bool(true))
    }

    /// Waits until such an element can be seen.
    pub fn wait_for(&self, selector: &str) {
        self.wait_until(selector, || self.has(selector));
    }

    /// Waits until the page says `part`.
    pub fn wait_for_text(&self, part: &str) {
        let script = format!("document.body.innerText.includes({})", json!(part));
        self.wait_until(part, || self.try_eval(&script) == Ok(Json::Bool(true)));
    }

    /// Waits until the address holds `part`.
    pub fn wait_for_url(&self, part: &str) {
        let script = format!("location.href.includes({})", json!(part));
        self.wait_until(part, || self.try_eval(&script) == Ok(Json::Bool(true)));
    }

    /// Waits until `is_so`; `what` is for the message if it never is.
    pub fn wait_until(&self, what: &str, is_so: impl Fn() -> bool) {
        let deadline = Instant::now() + PATIENCE;
        while !is_so() {
            assert!(Instant::now() < deadline, "no {what:?} at {}:\n{}", self.url(), self.text());
            self.connection.a_moment();
        }
    }

    /// Clicks the middle of an element, once it is there, as a mouse does.
    pub fn click(&self, selector: &str) {
        self.wait_for(selector);
        // Nobody taps what is greyed out.
        let enabled = format!("{FIND} !find({})?.disabled", json!(selector));
        self.wait_until(selector, || self.try_eval(&enabled) == Ok(Json::Bool(true)));
        let script = format!(
            "{FIND} const e = find({}); e.scrollIntoView({{ block: 'center', behavior: 'instant' }}); \
             const r = e.getBoundingClientRect(); [r.x + r.width / 2, r.y + r.height / 2]",
            json!(selector)
        );
        let middle = self.eval(&script);
        self.click_at(middle[0].as_f64().unwrap(), middle[1].as_f64().unwrap());
    }

    /// Clicks at a place of the tab, in CSS pixels, as a mouse does.
    pub fn click_at(&self, x: f64, y: f64) {
        for kind in ["mousePressed", "mouseReleased"] {
            self.call(
                "Input.dispatchMouseEvent",
                &json!({ "type": kind, "x": x, "y": y, "button": "left", "clickCount": 1 }),
            );
        }
    }

    /// Clicks an element as a person may, but not by the mouse: while frames of other sites come and go, the browser may look
    /// in a picture of a moment ago for what lies under the mouse.
    pub fn click_itself(&self, selector: &str) {
        self.wait_for(selector);
        self.eval(&format!("{FIND} find({}).click()", json!(selector)));
    }

    /// Clicks, and waits until the page that comes of it has loaded.
    pub fn follow(&self, selector: &str) {
        self.wait_for(selector);
        self.loading(|| self.click(selector));
    }

    /// Clicks a link or button by its words, and waits until the page that comes of it has loaded.
    pub fn follow_words(&self, words: &str) {
        let selector = self.mark(words);
        self.follow(&selector);
    }

    /// Clicks a link or button by its words.
    pub fn click_words(&self, words: &str) {
        let selector = self.mark(words);
        self.click(&selector);
    }

    /// A selector for the link or button that says `words`.
    fn mark(&self, words: &str) -> String {
        let script = format!(
            "{FIND} const e = [...document.querySelectorAll('a, button, summary, label')].find((e) => \
             e.checkVisibility({{ visibilityProperty: true }}) && e.innerText.trim().includes({})); e?.setAttribute('data-test-found', '1'); !!e",
            json!(words)
        );
        self.eval(
            "document.querySelectorAll('[data-test-found]').forEach((e) => e.removeAttribute('data-test-found'))",
        );
        self.wait_until(words, || self.try_eval(&script) == Ok(Json::Bool(true)));
        "[data-test-found]".to_owned()
    }

    /// Types `text` into a field, in place of what is there.
    pub fn fill(&self, selector: &str, text: &str) {
        self.wait_for(selector);
        self.eval(&format!("{FIND} const e = find({}); e.focus(); e.select?.(); 0", json!(selector)));
        self.type_text(text);
    }

    /// Types `text` where the focus is.
    pub fn type_text(&self, text: &str) {
        self.call("Input.insertText", &json!({ "text": text }));
    }

    /// Presses a key: `Tab`, `Enter`, `Escape`, `Space`.
    pub fn press(&self, key: &str) {
        let (code, text) = match key {
            "Tab" => (9, ""),
            "Enter" => (13, "\r"),
            "Escape" => (27, ""),
            "Space" => (32, " "),
            _ => panic!("no key {key}"),
        };
        let name = if key == "Space" { " " } else { key };
        for kind in ["keyDown", "keyUp"] {
            let text = if kind == "keyDown" { text } else { "" };
            self.call(
                "Input.dispatchKeyEvent",
                &json!({ "type": kind, "key": name, "code": key, "windowsVirtualKeyCode": code, "text": text }),
            );
        }
    }

    /// What a script gives, after its promise has been kept.
    pub fn eval(&self, script: &str) -> Json {
        self.try_eval(script).unwrap_or_else(|error| panic!("{error}\nin {script}"))
    }

    /// The same; the error is the exception, or that the page went away meanwhile.
    pub fn try_eval(&self, script: &str) -> Result<Json, String> {
        // A block of its own: names of one script are not in the way of the next.
        let expression = format!("{{ {script} }}");
        let params =
            json!({ "expression": expression, "awaitPromise": true, "returnByValue": true, "userGesture": true });
        let answer = self.connection.try_call(&self.session, "Runtime.evaluate", &params)?;
        match answer.get("exceptionDetails") {
            Some(thrown) => Err(thrown["exception"]["description"].as_str().unwrap_or("an exception").to_owned()),
            None => Ok(answer["result"]["value"].clone()),
        }
    }

    /// Becomes a phone held upright: 360 by 740, touch, a phone's user agent.
    pub fn as_phone(&self) {
        self.size(360, 740, true);
        self.call("Emulation.setTouchEmulationEnabled", &json!({ "enabled": true }));
        let agent = "Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Mobile Safari/537.36";
        self.call("Emulation.setUserAgentOverride", &json!({ "userAgent": agent, "platform": "Linux armv81" }));
    }

    /// Becomes so wide and high, in CSS pixels.
    pub fn size(&self, width: u32, height: u32, mobile: bool) {
        let metrics = json!({ "width": width, "height": height, "deviceScaleFactor": 1, "mobile": mobile });
        self.call("Emulation.setDeviceMetricsOverride", &metrics);
    }

    /// What the reader has set: `prefers-color-scheme` to `dark`, `prefers-reduced-motion` to `reduce`.
    pub fn prefers(&self, features: &[(&str, &str)]) {
        let features: Vec<_> = features.iter().map(|(name, value)| json!({ "name": name, "value": value })).collect();
        self.call("Emulation.setEmulatedMedia", &json!({ "features": features }));
    }

    /// Turns scripts off or on, from the next page on.
    pub fn scripts(&self, on: bool) {
        self.call("Emulation.setScriptExecutionDisabled", &json!({ "value": !on }));
    }

    /// Cuts the network, or gives it back.
    pub fn offline(&self, offline: bool) {
        let conditions = json!({ "offline": offline, "latency": 0, "downloadThroughput": -1, "uploadThroughput": -1 });
        self.call("Network.emulateNetworkConditions", &conditions);
    }

    /// Removes every cookie of this browser.
    pub fn clear_cookies(&self) {
        self.call("Network.clearBrowserCookies", &json!({}));
    }

    /// A picture of the whole page (PNG).
    pub fn picture(&self) -> Vec<u8> {
        let shot = self.call("Page.captureScreenshot", &json!({ "format": "png", "captureBeyondViewport": true }));
        BASE64.decode(shot["data"].as_str().unwrap().as_bytes()).unwrap()
    }

    /// Plugs in a security key, or gives the machine one of its own.
    pub fn authenticator(&self, kind: Kind) -> Authenticator<'_> {
        Authenticator::add(self, kind)
    }

    /// Waits for an event of this tab that came after the last one waited for.
    pub fn event(&self, method: &str, is_it: impl Fn(&Json) -> bool) -> Json {
        let found = self
            .connection
            .event(&self.session, self.since.get(), |event| event.method == method && is_it(&event.params))
            .unwrap_or_else(|| panic!("no {method} at {}", self.url()));
        self.since.set(self.connection.event_count());
        found.params
    }

    /// All events of this tab so far.
    pub fn events(&self) -> Vec<Event> {
        self.connection.events(&self.session, 0)
    }

    /// The address of everything this tab has asked for so far.
    pub fn requests(&self) -> Vec<String> {
        let asked = self.events().into_iter().filter(|event| event.method == "Network.requestWillBeSent");
        asked.map(|event| event.params["request"]["url"].as_str().unwrap_or_default().to_owned()).collect()
    }

    /// What the console holds of warnings and errors: violations of the content security policy, exceptions, missing files.
    pub fn complaints(&self) -> Vec<String> {
        let of = |event: Event| match event.method.as_str() {
            "Log.entryAdded" => Some(event.params["entry"].clone())
                .filter(|entry| entry["level"] != "verbose" && entry["level"] != "info")
                .map(|entry| format!("{}: {} {}", entry["source"], entry["text"], entry["url"])),
            "Runtime.exceptionThrown" => Some(event.params["exceptionDetails"].to_string()),
            "Runtime.consoleAPICalled" if event.params["type"] == "error" => Some(event.params["args"].to_string()),
            _ => None,
        };
        self.events().into_iter().filter_map(of).collect()
    }

    /// Calls any method of the protocol for this tab.
    pub fn call(&self, method: &str, params: &Json) -> Json {
        self.connection.try_call(&self.session, method, params).unwrap_or_else(|error| panic!("{error}"))
    }
}

/// Whether an event of a frame tells of one within a page.
fn is_of_child(event: &Event) -> bool {
    event.params["frame"].get("parentId").is_some()
}
