//! What would happen at a login, over the API.

use countersign::versions::VersionTable;
use cs_testkit::Site;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::create_user;
use super::policies::at;

#[tokio::test]
async fn a_login_is_explained_over_the_api() {
    let site = Site::start().await;
    let api = site.admin_api();
    let user = create_user(&site, "alice").await;
    let app = site.auth_api().key().to_string();
    let blocked = json!({"sections": {"authorized_networks": {"blocked": {"ip_list": ["203.0.113.0/24"]}}}});
    api.json("PUT", &at("global"), &blocked).await.response();
    let explain = async |more: &[(&str, &str)]| {
        let params = [&[("integration_key", app.as_str())], more].concat();
        api.get(&at("explain"), &params).await
    };
    for who in [("username", "ALICE"), ("user_id", user.as_str())] {
        let told = explain(&[who, ("ipaddr", "203.0.113.9")]).await.response();
        assert_eq!((&told["verdict"], &told["reason"]), (&json!("deny"), &json!("denied_network")), "{told}");
        assert_eq!(told["user_id"], user);
        let decisive: Vec<&Json> =
            told["trace"].as_array().unwrap().iter().filter(|step| step["decisive"] == true).collect();
        assert_eq!(decisive.len(), 1, "{told}");
        assert_eq!((&decisive[0]["rule"], &decisive[0]["level"]), (&json!("authorized_networks"), &json!("global")));
    }
    assert_eq!(explain(&[("username", "alice")]).await.response()["verdict"], "enroll");
    assert_eq!(explain(&[("username", "nobody")]).await.response()["user_id"], Json::Null);
    for (name, value, code) in [
        ("username", "", 40001),
        ("user_id", "alice", 40002),
        ("user_id", "DUAAAAAAAAAAAAAAAAAA", 40401),
        ("ipaddr", "somewhere", 40002),
        ("country", "UK", 40002),
        ("browser", "mosaic", 40002),
        ("os", "windows:eleven", 40002),
    ] {
        let who = if name == "username" || name == "user_id" { vec![] } else { vec![("username", "alice")] };
        assert_eq!(explain(&[&who[..], &[(name, value)]].concat()).await.code(), code, "{name}={value}");
    }
}

/// A line whose maintenance ends between the releases of another one.
const WINDOWS: &str = r#"
as_of = 2026-05-31
[[os.windows]]
from = "10.0.19045"
end_of_life = 2026-06-20
releases = [["10.0.19045.5000", 2026-01-13], ["10.0.19045.6000", 2026-05-12]]
[[os.windows]]
from = "10.0.26100"
releases = [["10.0.26100.1", 2025-10-01], ["10.0.26100.8000", 2026-05-25]]
"#;

#[tokio::test]
async fn what_age_does_to_an_operating_system_is_explained_to_the_day() {
    let site = Site::knowing(VersionTable::parse(WINDOWS).unwrap().versions).await;
    let alice = site.user("alice").await;
    alice.phone().await;
    let (api, app) = (site.admin_api(), site.auth_api().key().to_string());
    let rule = async |block: &str, warn: &str, days: u16| {
        let windows = json!({"block_policy": block, "warn_policy": warn, "block_grace_days": days});
        let section = json!({"operating_systems": {"os_restrictions": {"windows": windows}}});
        api.json("PUT", &at("global"), &json!({ "sections": section })).await.response();
    };
    // The verdict and its reason, what the section said, and on what fact.
    let explained = async |os: &str| {
        let params = [("integration_key", app.as_str()), ("username", "alice"), ("os", os)];
        let told = api.get(&at("explain"), &params).await.response();
        let steps = told["trace"].as_array().unwrap();
        let step = steps.iter().find(|step| step["rule"] == "operating_systems").unwrap_or_else(|| panic!("{told}"));
        let text = |value: &Json| value.as_str().unwrap_or_default().to_owned();
        (text(&told["verdict"]), text(&told["reason"]), text(&step["outcome"]), text(&step["fact"]))
    };
    let until = |day: &str| {
        let day: Timestamp = format!("{day}T00:00:00Z").parse().unwrap();
        site.clock.advance(day.duration_since(site.now()));
    };
    let (old, newest) = ("windows:10.0.26100.1", "windows:10.0.26100.8000");

    rule("not-up-to-date", "not-up-to-date", 14).await;
    // Since 25 May there is something newer in its line: until 8 June people are warned.
    let (verdict, _, outcome, fact) = explained(old).await;
    assert_eq!((verdict.as_str(), outcome.as_str()), ("authenticate", "warns"), "{fact}");
    assert!(fact.contains("2026-05-25") && fact.contains("2026-06-08"), "{fact}");
    assert_eq!(explained(newest).await.2, "passes");
    until("2026-06-07");
    assert_eq!(explained(old).await.2, "warns");
    until("2026-06-08");
    let (verdict, reason, outcome, fact) = explained(old).await;
    assert_eq!((verdict.as_str(), reason.as_str(), outcome.as_str()), ("deny", "out_of_date", "denies"), "{fact}");
    assert_eq!(explained(newest).await.2, "passes");
    // A version that nobody has heard of is newer than all, one below the oldest line is unmaintained, and none at all is unknown.
    assert_eq!(explained("windows:10.0.99999").await.2, "passes");
    assert_eq!(explained("windows:6.1").await.2, "denies");
    assert_eq!(explained("windows").await.2, "denies");
    assert_eq!(explained("macos:11").await.2, "passes", "the rule is for another system");

    // The end of maintenance of the older line, which is announced: a week before it people are told.
    rule("end-of-life", "no-remediation", 0).await;
    let aging = "windows:10.0.19045.5000";
    until("2026-06-12");
    assert_eq!(explained(aging).await.2, "passes");
    until("2026-06-13");
    assert_eq!(explained(aging).await.2, "warns");
    until("2026-06-20");
    let (verdict, reason, outcome, fact) = explained(aging).await;
    assert_eq!((verdict.as_str(), reason.as_str(), outcome.as_str()), ("deny", "out_of_date", "denies"), "{fact}");
    assert!(fact.contains("2026-06-20"), "{fact}");
    assert_eq!(explained(old).await.2, "passes", "its line goes on");

    // Days of grace move the block, not the end.
    rule("end-of-life", "no-remediation", 10).await;
    assert_eq!(explained(aging).await.2, "warns");
    until("2026-06-30");
    assert_eq!(explained(aging).await.2, "denies");
}
