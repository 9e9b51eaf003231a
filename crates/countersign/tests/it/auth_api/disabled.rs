//! Whose sessions an application should end.

use cs_core::user::UserStatus;
use cs_testkit::Site;
use serde_json::json;

#[tokio::test(flavor = "multi_thread")]
async fn whoever_is_disabled_is_told_and_nobody_else() {
    let site = Site::start().await;
    for (name, status) in [
        ("alice", UserStatus::Active),
        ("bob", UserStatus::Disabled),
        ("carol", UserStatus::Bypass),
        ("dave", UserStatus::PendingDeletion),
    ] {
        site.user(name).await.set_status(status).await;
    }
    let ask = async |names: &str| site.auth_api().post("/auth/v2/disabled", &[("usernames", names)]).await;
    let names = json!(["alice", "Bob", "carol", "dave", "nobody", ""]).to_string();
    // As they were asked.
    assert_eq!(ask(&names).await.response(), json!({"disabled": ["Bob", "dave"]}));
    assert_eq!(ask("[]").await.response(), json!({"disabled": []}));
    let many = json!(vec!["alice"; 101]).to_string();
    for wrong in [many.as_str(), "alice", ""] {
        assert!([40001, 40002].contains(&ask(wrong).await.code()), "{wrong}");
    }
}
