//! Passcodes by SMS, from being asked for to being used up.

use cs_core::id::PhoneId;
use cs_store::audit::LogKind;
use cs_testkit::Site;
use serde_json::json;

use super::{NUMBER, Scene, give_phone};

#[tokio::test(flavor = "multi_thread")]
async fn a_code_that_was_asked_for_lets_in_once() {
    let scene = Scene::new().await;
    let device = scene.preauth().await["devices"][0].clone();
    assert_eq!(device["capabilities"], json!(["auto", "sms", "phone"]), "{device}");
    assert!(device.get("sms_nextcode").is_none());

    let sent = scene.auth(&[("factor", "sms"), ("device", &scene.phone)]).await.response();
    assert_eq!((&sent["result"], &sent["status"]), (&json!("deny"), &json!("sent")), "{sent}");
    let codes = scene.codes().await;
    assert!(codes.len() == 1 && codes[0].len() == 7, "{codes:?}");
    assert_eq!(scene.preauth().await["devices"][0]["sms_nextcode"], json!(&codes[0][..1]));
    let logged = scene.logged(LogKind::Telephony).await;
    assert_eq!(logged.result.as_deref(), Some("sms"));
    assert!(logged.personal.unwrap().contains(NUMBER) && !logged.body.contains(&codes[0]));

    assert_eq!(scene.types(&codes[0]).await, "allow");
    assert_eq!(scene.logged(LogKind::Auth).await.factor.as_deref(), Some("sms_passcode"));
    assert_eq!(scene.types(&codes[0]).await, "deny");
    assert!(scene.preauth().await["devices"][0].get("sms_nextcode").is_none());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_menu_of_terminals_sends_codes_and_names_the_next_one() {
    let scene = Scene::new().await;
    let unix = scene.site.unix().await;
    let menu = async || unix.post("/rest/v1/preauth", &[("user", "alice")]).await.response();
    let before = menu().await;
    let text = before["prompt"].as_str().unwrap();
    assert!(text.contains(" 1. Phone call to XXX-XXX-0100\n 2. SMS passcodes to XXX-XXX-0100\n"), "{text}");
    assert_eq!(before["factors"], json!({"default": "phone1", "1": "phone1", "2": "sms1"}));

    let auth = async |choice: &str| {
        unix.post("/rest/v1/auth", &[("user", "alice"), ("factor", "auto"), ("auto", choice)]).await.response()
    };
    let sent = auth("sms1").await;
    assert_eq!((&sent["result"], &sent["status"]), (&json!("deny"), &json!("New SMS passcodes sent.")));
    let code = scene.codes().await.remove(0);
    let after = menu().await;
    let hint = format!("SMS passcodes to XXX-XXX-0100 (next code starts with: {})", &code[..1]);
    assert!(after["prompt"].as_str().unwrap().contains(&hint), "{after}");
    assert_eq!(auth(&code).await["result"], "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_asynchronous_client_is_told_that_codes_were_sent() {
    let scene = Scene::new().await;
    let txid = scene.auth(&[("factor", "sms"), ("device", "auto"), ("async", "1")]).await.text("txid");
    let told = scene.site.auth_api().get("/auth/v2/auth_status", &[("txid", &txid)]).await.response();
    assert_eq!((&told["result"], &told["status"]), (&json!("deny"), &json!("sent")));
    assert_eq!(scene.types(&scene.codes().await[0]).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_batch_is_as_the_account_says_and_a_new_one_voids_it() {
    let scene = Scene::new().await;
    scene.site.settings(json!({"sms_batch": 3, "sms_expiration": 5, "sms_message": "Example Ltd"})).await;
    scene.ask_for_codes().await;
    let first = scene.codes().await;
    assert_eq!(first.len(), 3);
    // In any order, each once.
    assert_eq!(scene.types(&first[1]).await, "allow");
    assert_eq!(scene.preauth().await["devices"][0]["sms_nextcode"], json!(&first[0][..1]));
    scene.site.advance(31);
    scene.ask_for_codes().await;
    let second = scene.codes().await;
    assert_eq!(scene.types(&first[0]).await, "deny", "voided by the second message");
    assert_eq!(scene.types(&second[0]).await, "allow");
    scene.site.advance(5 * 60);
    assert_eq!(scene.types(&second[1]).await, "deny", "too old");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_next_batch_follows_the_last_code_where_the_account_wants_that() {
    let scene = Scene::new().await;
    scene.site.settings(json!({"sms_refresh": 1, "sms_batch": 2})).await;
    scene.ask_for_codes().await;
    let codes = scene.codes().await;
    scene.site.advance(31);
    assert_eq!(scene.types(&codes[0]).await, "allow");
    assert!(scene.told().await.is_empty(), "one is left");
    assert_eq!(scene.types(&codes[1]).await, "allow");
    assert_eq!(scene.codes().await.len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_gateway_nothing_is_offered() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let number = give_phone(&site, &alice, NUMBER, "Mobile").await;
    alice.phone().await;
    let preauth = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
    for device in preauth["devices"].as_array().unwrap() {
        assert!(!device["capabilities"].to_string().contains("sms"), "{device}");
        assert_ne!(device["device"], json!(number));
    }
    for factor in ["sms", "phone"] {
        let asked = [("username", "alice"), ("factor", factor), ("device", "auto")];
        assert_eq!(site.auth_api().post("/auth/v2/auth", &asked).await.text("status"), "deny");
    }
    let callback = format!("https://{}/telephony/v1/callback", site.auth_api().authority());
    assert_eq!(site.http().post(callback).send().await.unwrap().status(), 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_takes_messages_and_calls_away() {
    let scene = Scene::new().await;
    scene.alice.phone().await;
    scene.ask_for_codes().await;
    let code = scene.codes().await.remove(0);
    scene.policy(json!({"authentication_methods": {"blocked_auth_list": ["sms", "phonecall"]}})).await;
    assert!(!scene.preauth().await["devices"].to_string().contains("sms"));
    assert_eq!(scene.ask_for_codes().await, "deny");
    assert_eq!(scene.types(&code).await, "deny");
    assert!(scene.told().await.is_empty());
    // A landline takes calls and no messages.
    scene.policy(json!({"authentication_methods": {"blocked_auth_list": []}})).await;
    let path = format!("/admin/v1/phones/{}", scene.phone);
    scene.site.admin_api().post(&path, &[("type", "Landline")]).await.response();
    let devices = scene.preauth().await["devices"].clone();
    assert!(!devices.to_string().contains("sms") && devices.to_string().contains("phone"), "{devices}");
}

#[tokio::test(flavor = "multi_thread")]
async fn sms_pumping_is_limited_by_pauses_and_by_the_day() {
    let scene = Scene::with(|telephony| telephony.offers.most_per_day = 4).await;
    let outcomes = futures_util::future::join_all((0..16).map(|_| scene.ask_for_codes())).await;
    assert_eq!(outcomes.iter().filter(|status| *status == "sent").count(), 1, "{outcomes:?}");
    assert_eq!(scene.told().await.len(), 1);
    assert_eq!(scene.logged(LogKind::Auth).await.reason.as_deref(), Some("telephony_limit"));
    for _ in 0..3 {
        scene.site.advance(31);
        assert_eq!(scene.ask_for_codes().await, "sent");
    }
    scene.site.advance(31);
    assert_eq!(scene.ask_for_codes().await, "deny", "the account's limit");
    // It is the account's: nobody else is sent one either, on any number.
    let bob = scene.site.user("bob").await;
    give_phone(&scene.site, &bob, "+14155550199", "Mobile").await;
    let bobs = [("username", "bob"), ("factor", "sms"), ("device", "auto")];
    assert_eq!(scene.site.auth_api().post("/auth/v2/auth", &bobs).await.text("status"), "deny");
    scene.site.advance(24 * 3600);
    assert_eq!(scene.ask_for_codes().await, "sent");
    assert_eq!(scene.told().await.len(), 1, "what was too old to be of use was not sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn numbers_of_other_countries_are_left_out() {
    let scene = Scene::with(|telephony| telephony.offers.prefixes = vec!["+49".to_owned()]).await;
    assert_eq!(scene.ask_for_codes().await, "deny");
    assert_eq!(scene.auth(&[("factor", "phone"), ("device", "auto")]).await.text("status"), "deny");
    assert!(scene.told().await.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn guesses_lock_out_like_any_others() {
    let scene = Scene::new().await;
    scene.ask_for_codes().await;
    let code = scene.codes().await.remove(0);
    for number in 0..10 {
        let guess = format!("{}{number:06}", &code[..1]);
        assert_ne!(guess, code, "as likely as a win in a lottery");
        assert_eq!(scene.types(&guess).await, "deny");
    }
    assert_eq!(scene.types(&code).await, "locked_out");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_code_dies_with_the_number_that_it_went_to() {
    let scene = Scene::new().await;
    scene.ask_for_codes().await;
    let code = scene.codes().await.remove(0);
    let path = format!("/admin/v1/phones/{}", scene.phone);
    let phone = async || scene.site.admin_api().get(&path, &[]).await.response();
    assert_eq!(phone().await["sms_passcodes_sent"], json!(true));
    assert_eq!(phone().await["capabilities"], json!(["auto", "sms", "phone"]));
    scene.site.admin_api().post(&path, &[("number", "+14155550177")]).await.response();
    assert_eq!(scene.types(&code).await, "deny");
    scene.site.admin_api().post(&path, &[("number", NUMBER)]).await.response();
    let user = format!("/admin/v1/users/{}/phones/{}", scene.alice.id, scene.phone);
    scene.site.admin_api().delete(&user, &[]).await.response();
    scene.alice.phone().await;
    assert_eq!(scene.types(&code).await, "deny", "the phone is no longer hers");
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_in_the_outbox_shows_neither_code_nor_number() {
    let scene = Scene::new().await;
    scene.ask_for_codes().await;
    let reader = scene.site.engine().store().reader();
    let waiting = reader.effects(scene.site.account, "sms", 10).await.unwrap();
    let code = scene.codes().await.remove(0);
    let done = reader.effects(scene.site.account, "sms", 10).await.unwrap();
    for effect in waiting.iter().chain(&done) {
        assert!(!effect.payload.contains(&code) && !effect.payload.contains("4155550100"), "{}", effect.payload);
    }
    assert!(done[0].done_at.is_some() && done[0].payload == "{}");
}

#[tokio::test(flavor = "multi_thread")]
async fn administrators_send_codes_and_links() {
    let scene = Scene::new().await;
    let path = |call: &str| format!("/admin/v1/phones/{}/{call}", scene.phone);
    assert_eq!(scene.site.admin_api().post(&path("send_sms_passcodes"), &[]).await.response(), json!(""));
    assert_eq!(scene.types(&scene.codes().await[0]).await, "allow");
    let again = scene.site.admin_api().post(&path("send_sms_passcodes"), &[]).await;
    assert_eq!(again.code(), 42901, "half a minute has to pass");

    let sent = [("activation_msg", "Welcome: <acturl>"), ("install", "1"), ("valid_secs", "600")];
    let sent = scene.site.admin_api().post(&path("send_sms_activation"), &sent).await.response();
    let told = scene.told().await.remove(0);
    let text = told["data"]["text"].as_str().unwrap();
    let message = sent["activation_msg"].as_str().unwrap();
    assert!(text.ends_with(message) && text.contains(sent["installation_msg"].as_str().unwrap()), "{text}");
    let link = message.strip_prefix("Welcome: ").unwrap();
    let bound = scene.site.activate(link).await;
    assert_eq!(bound.id, scene.phone.parse::<PhoneId>().unwrap());
    assert_eq!(sent["valid_secs"], json!(600));

    let installed = scene.site.admin_api().post(&path("send_sms_installation"), &[]).await.response();
    assert_eq!(scene.told().await[0]["data"]["text"], installed["installation_msg"]);
    for (call, name, wrong) in [
        ("send_sms_activation", "activation_msg", "no place for the link"),
        ("send_sms_installation", "installation_msg", "<acturl>"),
        ("send_sms_installation", "installation_msg", "two\nlines <insturl>"),
    ] {
        assert_eq!(scene.site.admin_api().post(&path(call), &[(name, wrong)]).await.code(), 40002, "{wrong}");
    }
    // Codes are one person's.
    let bob = scene.site.user("bob").await;
    let bobs = format!("/admin/v1/users/{}/phones", bob.id);
    scene.site.admin_api().post(&bobs, &[("phone_id", &scene.phone)]).await.response();
    scene.site.advance(60);
    assert_eq!(scene.site.admin_api().post(&path("send_sms_passcodes"), &[]).await.code(), 40002);
    assert!(scene.told().await.is_empty());
}
