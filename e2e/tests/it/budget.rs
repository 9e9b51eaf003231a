//! What a first visit takes, as the browser itself counts it: bytes on the wire, requests, and whose.

use std::collections::BTreeSet;

use e2e::browser::{Browser, Page};
use e2e::{Sample, Sdk, Site};

/// What a tab has fetched so far.
#[derive(Debug)]
struct Fetched {
    requests: usize,
    /// As transferred: compressed, with headers.
    bytes: f64,
    /// Whose, save for what lies in the page itself.
    origins: BTreeSet<String>,
}

impl Fetched {
    fn by(page: &Page) -> Self {
        let events = page.events();
        let finished = events.iter().filter(|event| event.method == "Network.loadingFinished");
        let bytes = finished.map(|event| event.params["encodedDataLength"].as_f64().unwrap_or_default()).sum();
        let urls: Vec<String> =
            page.requests().into_iter().filter(|url| !url.starts_with("data:") && !url.starts_with("about:")).collect();
        let origins = urls.iter().map(|url| url.splitn(4, '/').take(3).collect::<Vec<_>>().join("/")).collect();
        Self { requests: urls.len(), bytes, origins }
    }
}

#[test]
fn a_first_login_loads_less_than_sixty_kilobytes_and_from_nowhere_else() {
    let site = Site::start();
    let sample = Sample::start(&site, Sdk::Node);
    let (_user, _phone) = site.enroll("alice");
    let browser = Browser::start(&[&site.ca()]);
    let page = browser.page();
    page.open(&sample.at("/"));
    let before = Fetched::by(&page);
    page.follow("form button");
    page.wait_for("output.number");
    let after = Fetched::by(&page);
    // The application's own redirection is in it as well.
    let (bytes, requests) = (after.bytes - before.bytes, after.requests - before.requests);
    assert!(bytes > 5_000.0 && bytes < 60_000.0, "{bytes} bytes");
    // Login at the application, authorize, first page, begin, page with the number, waiting for news; for both pages style and script, which come from the cache the second time.
    assert!(requests <= 10, "{requests} requests: {:#?}", page.requests());
    let ours = format!("https://{}", site.host());
    let application = sample.at("");
    assert_eq!(after.origins, BTreeSet::from([application, ours]));
    assert_eq!(page.complaints(), Vec::<String>::new());
}

#[test]
fn the_authenticators_first_load_is_less_than_150_kilobytes_and_from_nowhere_else() {
    let site = Site::start();
    let enrolled = site.auth().post("/auth/v2/enroll", &[("username", "alice")]).ok();
    let link = enrolled["activation_url"].as_str().expect("a link").to_owned();
    let origin = link.split("/authenticator/").next().unwrap_or_default().to_owned();
    let browser = Browser::start(&[&site.ca()]);
    let page = browser.page();
    page.as_phone();
    page.open(&link);
    page.wait_for("#bind");
    let fetched = Fetched::by(&page);
    assert!(fetched.bytes > 10_000.0 && fetched.bytes < 150_000.0, "{} bytes", fetched.bytes);
    assert_eq!(fetched.origins, BTreeSet::from([origin]));
}
