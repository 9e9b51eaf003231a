//! What pages carry beside their words.

use cs_core::login::DenyReason;
use cs_pages::Why;
use cs_testkit::Site;
use http::header::{CACHE_CONTROL, CONTENT_SECURITY_POLICY};

#[tokio::test(flavor = "multi_thread")]
async fn a_page_is_in_the_readers_language_and_loads_only_what_is_served() {
    let site = Site::start().await;
    let german = site.auth_api().unsigned("/panel/setup?lang=de").await;
    let policy = german.headers[CONTENT_SECURITY_POLICY].to_str().unwrap().to_owned();
    assert!(policy.contains("default-src 'none'") && policy.contains("frame-ancestors 'none'"), "{policy}");
    assert!(!policy.contains("unsafe"), "{policy}");
    assert_eq!(german.headers[CACHE_CONTROL], "no-store");
    let html = String::from_utf8(german.body).unwrap();
    assert!(html.contains("<html lang=\"de\">") && html.contains("Administratorkonto"), "{html}");

    let style =
        html.split("href=\"").find_map(|rest| rest.split('"').next().filter(|to| to.ends_with(".css"))).unwrap();
    let style = site.auth_api().unsigned(style).await;
    assert_eq!(style.status, 200);
    assert!(style.headers[CACHE_CONTROL].to_str().unwrap().contains("immutable"));
    assert_eq!(site.auth_api().unsigned("/assets/style.AAAAAAAAAAAAA.css").await.status, 404);
    let nonsense = site.auth_api().unsigned("/panel/setup?lang=%22%3E%3Cscript").await;
    assert!(String::from_utf8(nonsense.body).unwrap().contains("<html lang=\"en\">"));
}

#[test]
fn every_reason_for_a_refusal_has_a_page() {
    let without: Vec<_> = DenyReason::ALL.iter().filter(|reason| Why::of_reason(reason.as_str()).is_none()).collect();
    assert!(without.is_empty(), "add a page (cs-pages/src/refusal.rs) and its words for {without:?}");
}
