//! REST v1, over HTTP: as duo_unix up to 2.1 and duo_openvpn speak it.

use cs_core::user::UserStatus;
use cs_testkit::{Answer, Api, Site};
use cs_wire::bson::{Document, Element};
use serde_json::{Value as Json, json};

const USER: (&str, &str) = ("user", "alice");

async fn preauth(api: &Api) -> Json {
    api.post("/rest/v1/preauth", &[USER]).await.response()
}

/// Asks for `choice` at the menu, asynchronously; the txid.
async fn choose(api: &Api, choice: &str) -> String {
    let params = [USER, ("factor", "auto"), ("auto", choice), ("async", "1")];
    api.post("/rest/v1/auth", &params).await.text("txid")
}

async fn status(api: &Api, txid: &str) -> Answer {
    api.get("/rest/v1/status", &[("txid", txid)]).await
}

fn result(answer: &Answer) -> Json {
    answer.response()["result"].clone()
}

/// The document of a BSON answer.
fn bson(answer: &Answer) -> Document {
    assert_eq!(answer.headers["content-type"], "application/bson");
    Document::decode(&answer.body).unwrap()
}

fn text(document: &Document, name: &str) -> String {
    match document.get(name) {
        Some(Element::String(text)) => text.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

fn inner(document: &Document, name: &str) -> Document {
    match document.get(name) {
        Some(Element::Document(inner)) => inner.clone(),
        other => panic!("{name}: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn every_path_has_three_forms() {
    let site = Site::start().await;
    let unix = site.unix().await;
    for suffix in ["", ".json"] {
        assert_eq!(unix.unsigned(&format!("/rest/v1/ping{suffix}")).await.response(), "pong");
        assert_eq!(unix.get(&format!("/rest/v1/check{suffix}"), &[]).await.response(), "valid");
    }
    let pong = bson(&unix.unsigned("/rest/v1/ping.bson").await);
    assert_eq!((text(&pong, "stat"), text(&pong, "response")), ("OK".into(), "pong".into()));
    assert_eq!(unix.get("/rest/v1/status", &[("txid", "nonsense")]).await.code(), 40401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_of_duo_unix_1_11() {
    let site = Site::start().await;
    let unix = site.unix().await;
    let mut phone = site.user("alice").await.phone().await;
    let params = [USER, ("failmode", "open"), ("hostname", "h"), ("ipaddr", "192.0.2.7")];
    let menu = inner(&bson(&unix.post("/rest/v1/preauth.bson", &params).await), "response");
    assert_eq!(text(&menu, "result"), "auth");
    let prompt = text(&menu, "prompt");
    assert!(prompt.starts_with("Duo two-factor login for alice\n\nEnter a passcode or select one"), "{prompt}");
    let number = prompt.split("(type ").nth(1).unwrap()[..6].to_owned();
    let option = text(&inner(&menu, "factors"), "1");

    let pushinfo = "Server+IP=192.0.2.2&Command=uname+-a";
    let params =
        [USER, ("async", "1"), ("auto", &*option), ("factor", "auto"), ("hostname", "h"), ("pushinfo", pushinfo)];
    let txid = text(&inner(&bson(&unix.post("/rest/v1/auth.bson", &params).await), "response"), "txid");
    let push = phone.next_push().await;
    assert_eq!(push.to_string(), txid);
    let statement: Json = serde_json::from_str(&phone.shown(push).await.statement).unwrap();
    assert_eq!(statement["info"], json!([["Server IP", "192.0.2.2"], ["Command", "uname -a"]]));

    // The first answer comes at once: look at your phone.
    let first = inner(&bson(&unix.get("/rest/v1/status.bson", &[("txid", &txid)]).await), "response");
    assert_eq!(text(&first, "status"), "Pushed a login request to your phone...");
    let poll = {
        let (unix, txid) = (unix.clone(), txid.clone());
        tokio::spawn(async move { unix.get("/rest/v1/status.bson", &[("txid", &txid)]).await })
    };
    site.waiting(1).await;
    site.advance(10);
    let waiting = inner(&bson(&poll.await.unwrap()), "response");
    assert_eq!(text(&waiting, "status"), "Pushed a login request to your phone...");
    assert_eq!(waiting.get("result"), None, "nothing that looks like an end");
    phone.approve_with(push, &number).await.unwrap();
    let done = inner(&bson(&unix.get("/rest/v1/status.bson", &[("txid", &txid)]).await), "response");
    assert_eq!(text(&done, "result"), "allow");

    let refused = unix.post("/rest/v1/auth.bson", &[USER]).await;
    assert_eq!(refused.status, 400);
    let refused = bson(&refused);
    assert_eq!(refused.get("code"), Some(&Element::Int32(40001)));
    assert_eq!((text(&refused, "stat"), text(&refused, "message_detail")), ("FAIL".into(), "factor".into()));
}

#[tokio::test(flavor = "multi_thread")]
async fn everyone_is_met_as_their_status_says() {
    let site = Site::start().await;
    let unix = site.unix().await;
    let enroll = preauth(&unix).await;
    assert_eq!(enroll["result"], "enroll");
    assert!(enroll["status"].as_str().unwrap().contains("/enroll/"), "{enroll}");
    let alice = site.user("alice").await;
    let token = alice.hotp_token().await;
    for (status, expected) in [
        (UserStatus::Disabled, "deny"),
        (UserStatus::PendingDeletion, "deny"),
        (UserStatus::Bypass, "allow"),
        (UserStatus::Active, "auth"),
    ] {
        alice.set_status(status).await;
        assert_eq!(preauth(&unix).await["result"], expected, "{status:?}");
    }
    // With a token only there is nothing to choose, and nothing that could be done without a person.
    let menu = preauth(&unix).await;
    assert_eq!(menu["factors"], json!({}));
    assert!(menu["prompt"].as_str().unwrap().ends_with("Passcode: "));
    let params = [USER, ("factor", "passcode"), ("code", &*token.hotp(0))];
    assert_eq!(unix.post("/rest/v1/auth", &params).await.text("result"), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_password_field_of_openvpn_is_a_passcode_or_a_word() {
    let site = Site::start().await;
    let vpn = site.integration("openvpn", |record| record.legacy_signatures = true).await;
    let vpn = vpn.signing(cs_wire::signing::Scheme::V1Sha512);
    let alice = site.user("alice").await;
    let (mut phone, token) = (alice.phone().await, alice.hotp_token().await);
    assert_eq!(preauth(&vpn).await["result"], "auth");
    let auth = async |what: &str| {
        let params = [USER, ("factor", "auto"), ("auto", what), ("ipaddr", "192.0.2.7")];
        vpn.post("/rest/v1/auth", &params).await
    };
    assert_eq!(auth(&token.hotp(0)).await.text("result"), "allow");
    assert_eq!(auth(&token.hotp(0)).await.text("result"), "deny");
    assert_eq!(auth("sms").await.text("result"), "deny");
    let (answer, answered) = tokio::join!(auth("PUSH"), async {
        let push = phone.next_push().await;
        phone.approve(push).await
    });
    answered.unwrap();
    assert_eq!(answer.text("result"), "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_push_typed_by_name_is_no_way_around_the_number() {
    let site = Site::start().await;
    let unix = site.unix().await;
    let mut phone = site.user("alice").await.phone().await;
    for typed in ["push", "Push1"] {
        let answer = status(&unix, &choose(&unix, typed).await).await;
        assert_eq!(result(&answer), "deny", "{typed}");
    }
    assert_eq!(phone.pushes(), 0);
    // The default, for logins without a person, carries its own permission; without numbers the word is fine.
    let default = preauth(&unix).await["factors"]["default"].as_str().unwrap().to_owned();
    let txid = choose(&unix, &default).await;
    let push = phone.next_push().await;
    phone.approve(push).await.unwrap();
    assert_eq!(result(&status(&unix, &txid).await), "allow");
    site.settings(json!({"number_matching": false})).await;
    let menu = preauth(&unix).await;
    assert_eq!(menu["factors"], json!({"default": "push1", "1": "push1"}));
    let txid = choose(&unix, "push").await;
    let push = phone.next_push().await;
    phone.approve(push).await.unwrap();
    assert_eq!(result(&status(&unix, &txid).await), "allow");
}

/// duo_unix asks again when the answer was lost on the way, after the server had given it.
#[tokio::test(flavor = "multi_thread")]
async fn a_menu_choice_that_comes_again_joins_until_it_is_decided() {
    let site = Site::start().await;
    let unix = site.unix().await;
    let mut phone = site.user("alice").await.phone().await;
    let menu = preauth(&unix).await;
    let option = menu["factors"]["1"].as_str().unwrap();
    let number = menu["prompt"].as_str().unwrap().split_once("(type ").unwrap().1.split_once(" there)").unwrap().0;
    let first = choose(&unix, option).await;
    let push = phone.next_push().await;
    assert_eq!(choose(&unix, option).await, first, "the same login");
    let from_elsewhere = [USER, ("factor", "auto"), ("auto", option), ("async", "1"), ("hostname", "elsewhere")];
    let elsewhere = unix.post("/rest/v1/auth", &from_elsewhere).await.text("txid");
    assert_eq!(result(&status(&unix, &elsewhere).await), "deny", "another request with the same option");
    let own_option = preauth(&unix).await["factors"]["1"].as_str().unwrap().to_owned();
    let second = choose(&unix, &own_option).await;
    assert_eq!(result(&status(&unix, &second).await), "deny", "somebody else's login, from the same place");
    phone.approve_with(push, number).await.unwrap();
    assert_eq!(result(&status(&unix, &first).await), "allow");
    let replayed = choose(&unix, option).await;
    assert_ne!(replayed, first);
    assert_eq!(result(&status(&unix, &replayed).await), "deny", "one approval lets in once");
    assert_eq!(phone.pushes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_eighteenth_poll_is_the_end() {
    let site = Site::start().await;
    let unix = site.unix().await;
    let mut phone = site.user("alice").await.phone().await;
    site.settings(json!({"number_matching": false})).await;
    let txid = choose(&unix, "push1").await;
    let push = phone.next_push().await;
    assert_eq!(result(&status(&unix, &txid).await), Json::Null);
    // A client that hangs up after each further question, and so asks faster than it should.
    for asked in 2..18 {
        let poll = {
            let (unix, txid) = (unix.clone(), txid.clone());
            tokio::spawn(async move { status(&unix, &txid).await })
        };
        site.waiting(1).await;
        poll.abort();
        site.waiting(0).await;
        assert!(phone.shown(push).await.expires_at > site.now(), "{asked}");
    }
    let last = status(&unix, &txid).await;
    assert_eq!(result(&last), "deny");
    phone.approve(push).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passcode_asked_for_asynchronously_has_a_status() {
    let site = Site::start().await;
    let unix = site.unix().await;
    let token = site.user("alice").await.hotp_token().await;
    let right = choose(&unix, &token.hotp(0)).await;
    assert_eq!(result(&status(&unix, &right).await), "allow");
    let wrong = choose(&unix, "000000").await;
    assert_eq!(result(&status(&unix, &wrong).await), "deny");
}
