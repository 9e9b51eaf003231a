//! What the other tests in a browser stand on.

use e2e::browser::{Browser, Kind};
use e2e::{Files, Site};
use serde_json::json;

#[test]
fn the_browser_trusts_the_authority_it_was_given_and_nothing_else() {
    let site = Site::start();
    let address = format!("https://{}/panel/setup?lang=de", site.host());

    let browser = Browser::start(&[&site.ca()]);
    let page = browser.page();
    page.open(&address);
    assert!(page.text().contains("Administratorkonto"), "{}", page.text());
    assert_eq!(page.complaints(), Vec::<String>::new());
    let elsewhere: Vec<_> = page.requests().into_iter().filter(|url| !url.contains(site.host())).collect();
    assert!(elsewhere.iter().all(|url| url == "about:blank" || url.starts_with("data:")), "{elsewhere:?}");

    let suspicious = Browser::start(&[]);
    assert_eq!(suspicious.page().cannot_open(&address), "net::ERR_CERT_AUTHORITY_INVALID");
    assert_eq!(browser.page().cannot_open("https://example.org/"), "net::ERR_NAME_NOT_RESOLVED");
}

const FORM: &str = "<!doctype html><meta charset='utf-8'><title>Form</title><form action='/next'><label for='name'>Name</label>\
                    <input id='name' name='name' value='old'><button hidden>Hidden</button><button id='go'>Go on</button></form>";

const WORKER: &str = "self.addEventListener('push', (event) => event.waitUntil(
    self.registration.showNotification(event.data.text(), { tag: 'test' })));";

#[test]
fn a_page_is_read_filled_in_and_left_as_a_person_does_it() {
    let files = Files::serve();
    files.put("/", "text/html", &[], FORM);
    files.put("/next", "text/html", &[], "<!doctype html><title>Next</title><p>Arrived");
    let browser = Browser::start(&[]);
    let page = browser.page();

    page.open(&files.at("/"));
    page.fill("#name", "Zoë 日本");
    page.follow_words("Go on");
    assert!(page.url().ends_with("/next?name=Zo%C3%AB+%E6%97%A5%E6%9C%AC"), "{}", page.url());
    page.wait_for_text("Arrived");
    page.back();
    page.press("Tab");
    assert!(page.has("#go") && !page.has("[hidden]"));

    page.as_phone();
    page.reload();
    assert_eq!(page.eval("[innerWidth, navigator.maxTouchPoints > 0]"), json!([980, true]), "no viewport is named");
    page.prefers(&[("prefers-color-scheme", "dark")]);
    assert_eq!(page.eval("matchMedia('(prefers-color-scheme: dark)').matches"), true);
    assert!(page.picture().starts_with(b"\x89PNG"));

    page.eval("document.cookie = 'who=me'");
    let other = browser.stranger();
    other.open(&files.at("/"));
    assert_eq!(other.eval("document.cookie"), "", "a stranger shares no cookies");
}

#[test]
fn keys_and_push_messages_are_there_without_a_hand_or_a_push_service() {
    let files = Files::serve();
    files.put("/", "text/html", &[], FORM);
    files.put("/worker.js", "text/javascript", &[], WORKER);
    let browser = Browser::start(&[]);
    let page = browser.page();
    page.open(&files.at("/"));

    let key = page.authenticator(Kind::Platform);
    let made = page.eval(
        "navigator.credentials.create({ publicKey: { challenge: new Uint8Array(32), rp: { name: 'T' }, user: { id: new Uint8Array(8), \
         name: 'a', displayName: 'A' }, pubKeyCredParams: [{ type: 'public-key', alg: -7 }], \
         authenticatorSelection: { residentKey: 'required', userVerification: 'required' } } }).then((c) => c.toJSON().type)",
    );
    assert_eq!(made, "public-key");
    assert_eq!(key.credentials().len(), 1);

    browser.grant(files.origin(), &["notifications"]);
    page.eval("navigator.serviceWorker.register('/worker.js').then(() => 1)");
    for said in ["Is it you?", "And now?"] {
        let shown = page.woken_by(files.origin(), said);
        assert_eq!(shown[0][0], said, "{shown}");
    }
}
