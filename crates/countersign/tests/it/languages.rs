//! The language that somebody chooses on a page: in enrollment and self-service as at a login.

use cs_testkit::{Browser, Page, Site};
use http::Method;

use crate::enroll::invite;

fn is_in(page: &Page, language: &str) -> bool {
    page.html.contains(&format!("<html lang=\"{language}\">"))
}

/// The languages that its menu leads to.
fn menu(page: &Page) -> Vec<String> {
    let links = page.html.split("href=\"?lang=").skip(1);
    links.map(|rest| rest.split('"').next().unwrap_or_default().to_owned()).collect()
}

#[tokio::test]
async fn whoever_enrolls_or_looks_after_devices_chooses_a_language_and_keeps_it() {
    let site = Site::start().await;
    let mut browser = Browser::new(&site);
    let page = browser.open(&invite(&site, "alice").await).await;
    assert!(is_in(&page, "en"), "{}", page.html);
    assert_eq!(menu(&page), ["de", "fr", "es", "ja"]);
    let chosen = browser.send_once(Method::GET, &format!("{}?lang=de", page.path), &[]).await;
    assert_eq!((chosen.status, chosen.leads_to()), (303, Some(page.path.clone())), "out of the address");
    let page = browser.open(&page.path).await;
    assert!(is_in(&page, "de"));
    let page = browser.submit(&page, "choose", &[("way", "phone")]).await;
    assert!(is_in(&page, "de") && menu(&page).len() == 4, "{}", page.html);

    // In self-service too, where nobody is in yet and afterwards.
    let bob = site.user("bob").await;
    let phone = bob.phone().await;
    let out = browser.open("/portal").await;
    assert!(out.status == 403 && is_in(&out, "de") && menu(&out).len() == 4, "{}", out.html);
    let begun = browser.open(&site.web_app().await.authorize_path("bob")).await;
    let id = begun.path.rsplit_once('/').unwrap().1;
    let page = browser.open(&format!("/portal/from/{id}")).await;
    let page = browser.submit(&page, "begin", &[("facts", "")]).await;
    let page = browser.submit(&page, "choose", &[("method", "passcode")]).await;
    let done = browser.submit(&page, "passcode", &[("passcode", &phone.passcode())]).await;
    let way_in = done.redirect();
    let page = browser.open(way_in.strip_prefix(&site.origin()).unwrap_or(&way_in)).await;
    assert!(page.status == 200 && page.path == "/portal" && is_in(&page, "de"), "{} {}", page.path, page.html);
    for (path, language) in
        [("/portal", "ja"), ("/portal/logins", "fr"), ("/portal/browsers", "es"), ("/portal/codes", "en")]
    {
        assert_eq!(menu(&browser.open(path).await).len(), 4, "{path}");
        let page = browser.open(&format!("{path}?lang={language}")).await;
        assert!(page.path == path && is_in(&page, language), "{path}: {}", page.html);
    }
}
