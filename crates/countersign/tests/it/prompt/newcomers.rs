//! People without a factor: enrollment is open to whom the policy sends there, and to nobody else.

use cs_testkit::Browser;
use serde_json::json;

use super::Scene;

const DENY: &str = "deny";

fn id_of(path: &str) -> &str {
    path.rsplit_once('/').expect("a path").1
}

/// CISA AA22-074A: a guessed password was enough to enroll. Where the policy turns newcomers away, their page offers no way in, and the address that it would have led
/// to is closed.
#[tokio::test]
async fn aa22_074a_where_the_policy_denies_newcomers_the_prompt_enrolls_nobody() {
    let scene = Scene::forgetful().await;
    scene.site.user("bob").await;
    let denied = json!({"new_user": {"new_user_behavior": DENY, "unknown_user_behavior": DENY}});
    scene.policy(denied.clone()).await;
    for name in ["bob", "nobody"] {
        let mut browser = Browser::new(&scene.site);
        let page = browser.log_in(&scene.app, name).await;
        assert!(page.is_refusal() && page.html.contains("You are not enrolled yet"), "{name}: {}", page.html);
        assert!(!page.html.contains("/enroll/"), "{name}: {}", page.html);
        let from = browser.open(&format!("/enroll/from/{}", id_of(&page.path))).await;
        assert!(from.status == 403 && !from.posts_to("choose"), "{name}: {} {}", from.status, from.html);
        let portal = browser.open(&format!("/portal/from/{}", id_of(&page.path))).await;
        assert_eq!(portal.status, 403, "{name}");
    }
    // Sent to enroll, and denied before that began: the policy is asked again.
    for name in ["bob", "nobody"] {
        scene.policy(json!({"new_user": {"new_user_behavior": "enroll", "unknown_user_behavior": "enroll"}})).await;
        let mut browser = Browser::new(&scene.site);
        let page = browser.log_in(&scene.app, name).await;
        let from = format!("/enroll/from/{}", id_of(&page.path));
        assert!(page.html.contains(&from) && page.html.contains("One thing first"), "{name}: {}", page.html);
        let portal = browser.open(&format!("/portal/from/{}", id_of(&page.path))).await;
        assert_eq!(portal.status, 403, "whoever must enroll is not in: {name}");
        scene.policy(denied.clone()).await;
        let late = browser.open(&from).await;
        assert!(late.status == 403 && !late.posts_to("choose"), "{name}: {} {}", late.status, late.html);
        assert!(late.html.contains("You are not enrolled yet") && late.html.contains("<code>"), "{}", late.html);
    }
    let users = scene.site.admin_api().get("/admin/v1/users", &[]).await.response();
    assert!(!users.to_string().contains("nobody"), "{users}");
}

/// The page that sends somebody to enroll does not also send them to the help desk.
#[tokio::test]
async fn whoever_must_enroll_is_told_one_thing() {
    let scene = Scene::forgetful().await;
    let mut browser = Browser::new(&scene.site);
    let page = browser.log_in(&scene.app, "nobody").await;
    assert!(page.html.contains("One thing first") && page.html.contains("Set it up now"), "{}", page.html);
    assert!(!page.html.contains("help desk for an enrollment link"), "{}", page.html);
    assert!(page.html.contains("<code>"), "a reference: {}", page.html);
}
