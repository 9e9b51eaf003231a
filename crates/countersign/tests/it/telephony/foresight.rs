//! What is told beforehand of messages and calls: explanations, and past logins tried anew.

use cs_testkit::Site;
use serde_json::{Value as Json, json};

use super::{NUMBER, Scene, give_phone};

async fn explained(site: &Site) -> Json {
    let app = site.auth_api().key().to_string();
    let params = [("integration_key", app.as_str()), ("username", "alice")];
    site.admin_api().get("/admin/v2/policies/explain", &params).await.response()
}

#[tokio::test]
async fn an_explanation_knows_what_the_gateway_can_do() {
    let scene = Scene::new().await;
    let told = explained(&scene.site).await;
    assert_eq!((&told["verdict"], &told["methods"]), (&json!("authenticate"), &json!(["sms", "phonecall"])), "{told}");

    let scene = Scene::with(|telephony| telephony.offers.calls = false).await;
    assert_eq!(explained(&scene.site).await["methods"], json!(["sms"]));

    // Without a gateway a number is nothing to log in with.
    let site = Site::start().await;
    let alice = site.user("alice").await;
    give_phone(&site, &alice, NUMBER, "Mobile").await;
    assert_eq!(explained(&site).await["verdict"], "enroll");
}

#[tokio::test]
async fn a_simulation_knows_what_the_gateway_can_do() {
    let scene = Scene::new().await;
    assert_eq!(scene.ask_for_codes().await, "sent");
    let code = scene.codes().await.remove(0);
    assert_eq!(scene.types(&code).await, "allow");
    scene.site.advance(1);
    let admin = scene.site.admin_api();
    let simulated = async |allowed: Json| {
        let policy =
            json!({"is_global_policy": true, "sections": {"authentication_methods": {"allowed_auth_list": allowed}}});
        let found = admin.json("POST", "/admin/v2/policies/simulate", &json!({"policies": [policy], "days": 1})).await;
        found.response()
    };
    // It went by SMS, and would again; by a call it would be another thing.
    let found = simulated(json!(["sms"])).await;
    assert_eq!(found["summary"]["unchanged"], found["entries"], "{found}");
    let found = simulated(json!(["phonecall"])).await;
    assert_eq!(found["summary"]["stepped_up"], found["entries"], "{found}");
    let found = simulated(json!(["duo-push"])).await;
    assert_eq!(found["summary"]["newly_enrolled"], found["entries"], "{found}");
}
