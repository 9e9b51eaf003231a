//! Calls: asked for, rung, answered by a key that the gateway reports.

use cs_store::audit::LogKind;
use serde_json::{Value as Json, json};

use super::{Callback, NUMBER, Scene};
use crate::another_account;

/// A call that rings.
struct Ringing {
    txid: String,
    order: Json,
}

impl Ringing {
    fn event(&self, event: &str) -> Json {
        json!({"call": self.txid, "event": event})
    }

    fn key(&self, key: &str) -> Json {
        json!({"call": self.txid, "event": "key", "key": key})
    }

    fn approve(&self) -> Json {
        self.key(self.order["approve_key"].as_str().unwrap())
    }

    /// A key that means nothing.
    fn other(&self) -> Json {
        let other = "0123456789".chars().find(|key| self.order["approve_key"] != json!(key)).unwrap();
        self.key(&other.to_string())
    }
}

impl Scene {
    async fn call(&self) -> Ringing {
        let txid = self.auth(&[("factor", "phone"), ("device", "auto"), ("async", "1")]).await.text("txid");
        let told = self.told().await;
        let [order] = told.as_slice() else { panic!("not one call: {told:?}") };
        assert_eq!(order["type"], "telephony.call");
        Ringing { txid, order: order["data"].clone() }
    }

    async fn status(&self, ringing: &Ringing) -> Json {
        self.site.auth_api().get("/auth/v2/auth_status", &[("txid", &ringing.txid)]).await.response()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_key_that_is_named_lets_in() {
    let scene = Scene::new().await;
    let ringing = scene.call().await;
    let order = &ringing.order;
    assert_eq!((&order["to"], &order["fraud_key"], &order["language"]), (&json!(NUMBER), &json!("*"), &json!("en")));
    let key = order["approve_key"].as_str().unwrap();
    assert!(order["text"].as_str().unwrap().contains(&format!("Press {key} to log in")), "{order}");

    assert_eq!(scene.report(&ringing.event("answered")).await.json(), json!({"result": "noted"}));
    let (waiting, ()) = tokio::join!(scene.status(&ringing), async {
        scene.site.waiting(1).await;
        scene.site.advance(26);
    });
    assert_eq!((&waiting["result"], &waiting["status"]), (&json!("waiting"), &json!("answered")), "{waiting}");
    assert_eq!(scene.report(&ringing.approve()).await.json(), json!({"result": "approved"}));
    let status = scene.status(&ringing).await;
    assert_eq!((&status["result"], &status["status"]), (&json!("allow"), &json!("allow")));
    let logged = scene.logged(LogKind::Auth).await;
    assert_eq!((logged.factor.as_deref(), logged.result.as_deref()), (Some("phone_call"), Some("success")));
    assert!(logged.evidence.unwrap().contains("v1,"));

    // The same report again, and another one, change nothing.
    let again = scene.report(&ringing.approve()).await;
    assert_eq!((again.status, again.json()), (409, json!({"result": "over"})));
    assert_eq!(scene.report(&ringing.key("*")).await.status, 409);
    assert_eq!(scene.status(&ringing).await["result"], "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn whoever_waits_is_told_that_it_is_being_dialled() {
    let scene = Scene::new().await;
    let ringing = scene.call().await;
    let (waiting, ()) = tokio::join!(scene.status(&ringing), async {
        scene.site.waiting(1).await;
        scene.site.advance(26);
    });
    assert_eq!((&waiting["status"], &waiting["status_msg"]), (&json!("calling"), &json!("Dialing XXX-XXX-0100...")));
}

#[tokio::test(flavor = "multi_thread")]
async fn any_other_key_denies_and_the_star_is_fraud() {
    let scene = Scene::new().await;
    let ringing = scene.call().await;
    assert_eq!(scene.report(&ringing.other()).await.json(), json!({"result": "denied"}));
    assert_eq!(scene.status(&ringing).await["status"], "deny");
    assert_eq!(scene.report(&ringing.approve()).await.status, 409, "not after a denial");
    scene.site.advance(31);
    let ringing = scene.call().await;
    assert_eq!(scene.report(&ringing.key("*")).await.json(), json!({"result": "fraud"}));
    assert_eq!(scene.status(&ringing).await["status"], "fraud");
    assert_eq!(scene.logged(LogKind::Auth).await.result.as_deref(), Some("fraud"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_account_sets_its_own_keys() {
    let scene = Scene::new().await;
    scene.site.settings(json!({"keypress_confirm": "#", "keypress_fraud": "9", "language": "DE"})).await;
    let ringing = scene.call().await;
    assert_eq!((&ringing.order["approve_key"], &ringing.order["fraud_key"]), (&json!("#"), &json!("9")));
    assert!(ringing.order["text"].as_str().unwrap().contains("Raute"));
    assert_eq!(scene.report(&ringing.key("#")).await.json(), json!({"result": "approved"}));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_call_that_ends_without_a_key_is_nobodys_failure() {
    let scene = Scene::new().await;
    for _ in 0..2 {
        let ringing = scene.call().await;
        assert_eq!(scene.report(&ringing.event("ended")).await.json(), json!({"result": "noted"}));
        let status = scene.status(&ringing).await;
        assert_eq!((&status["result"], &status["status"]), (&json!("deny"), &json!("timeout")));
        scene.site.advance(31);
    }
    let user = format!("/admin/v1/users/{}", scene.alice.id);
    assert_eq!(scene.site.admin_api().get(&user, &[]).await.response()["status"], "active");
    // Too late.
    let ringing = scene.call().await;
    scene.site.advance(60);
    assert_eq!(scene.report(&ringing.approve()).await.status, 409);
    assert_eq!(scene.status(&ringing).await["status"], "timeout");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_forged_report_is_no_answer() {
    let scene = Scene::new().await;
    let ringing = scene.call().await;
    let right = || Callback::new(&scene.site, &ringing.approve());
    let other = another_account(&scene.site).await;
    assert_ne!(other, scene.site.account);
    let altered = Callback { body: right().body.replace("key\"}", "key\" }"), ..right() };
    for (what, forged) in [
        ("another secret", Callback { secret: vec![7; 32], ..right() }),
        ("another body", Callback { signed: ringing.other().to_string(), ..right() }),
        ("another space", Callback { body: format!("{} ", right().body), ..altered }),
        ("an old one", Callback { time: scene.site.now().as_second() - 61, ..right() }),
        ("one of the future", Callback { time: scene.site.now().as_second() + 61, ..right() }),
        ("without an id", Callback { id: String::new(), ..right() }),
    ] {
        assert_eq!(forged.send(&scene.site).await.status, 401, "{what}");
    }
    let elsewhere = Callback { host: "other.example".to_owned(), ..right() };
    assert_eq!(elsewhere.send(&scene.site).await.status, 404, "another account's");
    let unknown = json!({"call": "00000000-0000-4000-8000-000000000000", "event": "key", "key": "1"});
    assert_eq!(scene.report(&unknown).await.status, 404);
    for malformed in [
        json!({"call": ringing.txid, "event": "key"}),
        json!({"call": ringing.txid, "event": "key", "key": "77"}),
        json!({"call": ringing.txid, "event": "key", "key": "x"}),
        json!({"call": ringing.txid, "event": "approved"}),
        json!({"call": ringing.txid, "event": "answered", "result": "approved"}),
        json!([]),
    ] {
        assert_eq!(scene.report(&malformed).await.status, 400, "{malformed}");
    }
    assert_eq!(right().send(&scene.site).await.status, 200, "the right one still is");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_authenticator_and_a_gateway_never_answer_for_each_other() {
    let scene = Scene::new().await;
    let device = scene.alice.phone().await;
    // The authenticator is on the phone that is called.
    let path = format!("/admin/v1/phones/{}", device.id);
    scene.site.admin_api().post(&path, &[("number", NUMBER)]).await.response();
    let asked = [("factor", "phone"), ("device", device.id.as_str()), ("async", "1")];
    let txid = scene.auth(&asked).await.text("txid");
    scene.told().await;
    assert!(scene.site.engine().asked(scene.site.account, device.id).await.unwrap().is_empty());
    assert!(device.approve(txid.parse().unwrap()).await.is_err());

    let push = scene.auth(&[("factor", "push"), ("device", device.id.as_str()), ("async", "1")]).await.text("txid");
    let report = json!({"call": push, "event": "key", "key": "1"});
    assert_eq!(scene.report(&report).await.status, 404);
    assert_eq!(scene.report(&json!({"call": push, "event": "ended"})).await.status, 404);
    device.approve(push.parse().unwrap()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_changes_while_it_rings_counts() {
    let scene = Scene::new().await;
    let path = format!("/admin/v1/phones/{}", scene.phone);
    let ringing = scene.call().await;
    scene.site.admin_api().post(&path, &[("number", "+14155550177")]).await.response();
    assert_eq!(scene.report(&ringing.approve()).await.json(), json!({"result": "denied"}), "another number");
    scene.site.admin_api().post(&path, &[("number", NUMBER)]).await.response();

    scene.site.advance(31);
    let ringing = scene.call().await;
    scene.alice.phone().await;
    scene.policy(json!({"authentication_methods": {"blocked_auth_list": ["phonecall"]}})).await;
    assert_eq!(scene.report(&ringing.approve()).await.json(), json!({"result": "denied"}), "blocked meanwhile");
    assert_eq!(scene.status(&ringing).await["result"], "deny");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_call_at_a_time_and_never_many() {
    let scene = Scene::new().await;
    let asked = (0..8).map(|_| scene.auth(&[("factor", "phone"), ("device", "auto"), ("async", "1")]));
    futures_util::future::join_all(asked).await;
    assert_eq!(scene.told().await.len(), 1);
    // An unanswered call is followed by a pause of its own in the end.
    for _ in 0..2 {
        scene.site.advance(61);
        scene.call().await;
    }
    scene.site.advance(61);
    let txid = scene.auth(&[("factor", "phone"), ("device", "auto"), ("async", "1")]).await.text("txid");
    assert!(scene.told().await.is_empty());
    let refused = scene.site.auth_api().get("/auth/v2/auth_status", &[("txid", &txid)]).await.response();
    assert_eq!(refused["result"], "deny");
}

#[tokio::test(flavor = "multi_thread")]
async fn auto_calls_whoever_has_no_authenticator_and_sends_no_message() {
    let scene = Scene::new().await;
    let txid = scene.auth(&[("factor", "auto"), ("device", "auto"), ("async", "1")]).await.text("txid");
    let told = scene.told().await;
    assert_eq!((told.len(), &told[0]["type"]), (1, &json!("telephony.call")));
    let ringing = Ringing { txid, order: told[0]["data"].clone() };
    assert_eq!(scene.report(&ringing.approve()).await.json(), json!({"result": "approved"}));
}

/// Every place that lists and reports have is taken, as by so many slow ones.
#[tokio::test(flavor = "multi_thread")]
async fn outage_2018_10_16_no_call_and_no_message_waits_for_a_list() {
    let scene = Scene::new().await;
    scene.site.settings(json!({"sms_refresh": 1})).await;
    let store = scene.site.engine().store().clone();
    let busy = store.occupy_reports().await;
    let ringing = scene.call().await;
    assert_eq!(scene.report(&ringing.approve()).await.json(), json!({"result": "approved"}));
    assert_eq!(scene.status(&ringing).await["result"], "allow");
    scene.site.advance(31);
    scene.ask_for_codes().await;
    let codes = scene.codes().await;
    scene.site.advance(31);
    assert_eq!(scene.types(&codes[0]).await, "allow");
    assert_eq!(scene.codes().await.len(), 1, "the next message follows the last code");
    drop(busy);
}
