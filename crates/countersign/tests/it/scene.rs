//! What tests of policies share: a site that knows where addresses are, changes of the global policy, the newest entry of the log.

use cs_testkit::{Mmdb, Site};
use serde_json::{Value as Json, json};
use tempfile::TempDir;

/// An address that the database of places puts into Switzerland.
pub(crate) const OFFICE: &str = "192.0.2.7";
/// Another one there.
pub(crate) const ELSEWHERE: &str = "198.51.100.9";
/// One that the list of anonymous networks has.
pub(crate) const ANONYMOUS: &str = "198.51.100.66";
/// One in North Korea.
pub(crate) const FAR_AWAY: &str = "203.0.113.5";

/// A site with a database of places and a list of anonymous networks, both in the directory. Signals of risk, which have tests of their own, ask for nothing there:
/// tests jump between countries.
pub(crate) async fn site_with_places() -> (Site, TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let places =
        Mmdb::new().country("192.0.2.0/24", "CH").country("198.51.100.0/24", "CH").country("203.0.113.0/24", "KP");
    let (places, list) = (places.write(dir.path()), dir.path().join("anonymous.txt"));
    std::fs::write(&list, format!("{ANONYMOUS}\n")).unwrap();
    let site = Site::with(|config| {
        config.country_database = Some(places);
        config.anonymous_lists = vec![list];
    })
    .await;
    policy(&site, json!({"risk_based_factor_selection": {"limit_to_risk_based_auth_methods": false}})).await;
    (site, dir)
}

/// Changes the global policy, a second later: the log is asked by time.
pub(crate) async fn policy(site: &Site, sections: Json) {
    site.advance(1);
    let body = json!({ "sections": sections, "confirm_lockout": true });
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
}

/// Takes the sections that `sections` has away from the global policy again.
pub(crate) async fn lift(site: &Site, sections: &Json) {
    let names: Vec<&String> = sections.as_object().unwrap().keys().collect();
    let body = json!({ "sections_to_delete": names });
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
}

/// The newest login of the authentication log; what comes next comes a second later.
pub(crate) async fn last_entry(site: &Site) -> Json {
    let params = [
        ("mintime", "1000000000000"),
        ("maxtime", "9999999999999"),
        ("event_types", "authentication"),
        ("sort", "ts:desc"),
        ("limit", "1"),
    ];
    let newest = site.admin_api().get("/admin/v2/logs/authentication", &params).await.response()["authlogs"][0].take();
    site.advance(1);
    newest
}

/// All logins of the authentication log, newest first.
pub(crate) async fn entries(site: &Site) -> Vec<Json> {
    let params = [
        ("mintime", "1000000000000"),
        ("maxtime", "9999999999999"),
        ("event_types", "authentication"),
        ("sort", "ts:desc"),
        ("limit", "1000"),
    ];
    // The log is asked for up to now, which is excluded.
    site.advance(1);
    let page = site.admin_api().get("/admin/v2/logs/authentication", &params).await.response();
    page["authlogs"].as_array().cloned().unwrap_or_default()
}

/// Its reason.
pub(crate) async fn last_reason(site: &Site) -> String {
    last_entry(site).await["reason"].as_str().unwrap_or_default().to_owned()
}
