//! An account comes to a new phone by a recovery code, and the phones before and beside it hear of that.

use std::time::Duration;

use countersign::config::{MailConfig, MailSecurity};
use cs_core::id::PhoneId;
use cs_core::user::UserStatus;
use cs_engine::admin::users::UserChange;
use cs_engine::letters::{MAIL, addressed};
use cs_testkit::{Site, TestUser};
use cs_wire::device::{
    ActivatePayload, ActivateRequest, DeviceClass, DeviceInfo, DeviceKey, KeyProtection, ProtocolVersion, sign,
};
use reqwest::Method;
use serde_json::{Value as Json, json};

use super::{Activation, Authenticator, activate, code, device, new_phone, push, push_with_number, refused, status};
use crate::another_account;

const MOVE: &str = "/authenticator/v1/move";
const CONTEST: &str = "/authenticator/v1/move/contest";

/// A request that nobody has signed.
pub(crate) async fn ask(site: &Site, path: &str, body: &Json) -> (u16, Json) {
    let url = format!("{}{path}", site.engine().authenticator_origin());
    let answer = site.http().post(url).json(body).send().await.unwrap();
    (answer.status().as_u16(), answer.json().await.unwrap())
}

async fn prove(site: &Site, name: &str, code: &str) -> (u16, Json) {
    ask(site, MOVE, &json!({"proof": {"kind": "code", "username": name, "code": code}})).await
}

/// The activation code that a proof led to.
async fn proven(site: &Site, user: &TestUser) -> Json {
    let code = user.bypass_code().await;
    let (status, answer) = prove(site, &user.name, &code).await;
    assert_eq!(status, 200, "{answer}");
    answer
}

fn activation(site: &Site, proven: &Json) -> Activation {
    Activation::parse(proven["code"].as_str().unwrap(), Some(site.engine().authenticator_origin())).unwrap()
}

pub(super) async fn moved(site: &Site, user: &TestUser) -> Authenticator {
    let proven = proven(site, user).await;
    activate(site, &activation(site, &proven), 0).await.unwrap().authenticator
}

/// A request signed by `device`.
async fn signed(device: &Authenticator, method: Method, path: &str, body: &Json) -> (u16, Json) {
    let body = if body.is_null() { Vec::new() } else { body.to_string().into_bytes() };
    let proof = device.proof(method.as_str(), path, &body).unwrap();
    let answer = device.send_raw(method, path, Some(&proof), body).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap_or_default())
}

/// What a device that is no longer bound is told.
async fn told(device: &Authenticator) -> Json {
    let (status, answer) = signed(device, Method::GET, "/authenticator/v1/requests", &Json::Null).await;
    assert_eq!((status, &answer["error"]["code"]), (403, &json!("inactive")), "{answer}");
    answer["error"]["moved"].clone()
}

/// What `device` is told of the same person's others.
pub(super) async fn moves_of(device: &Authenticator) -> Vec<Json> {
    let (status, answer) = signed(device, Method::GET, "/authenticator/v1/device", &Json::Null).await;
    assert_eq!(status, 200, "{answer}");
    answer["moves"].as_array().cloned().unwrap_or_default()
}

pub(super) async fn contest(by: &Authenticator, device: &str) -> u16 {
    signed(by, Method::POST, CONTEST, &json!({"device": device})).await.0
}

async fn activity(site: &Site) -> Vec<String> {
    let sql = "SELECT result FROM log WHERE kind = 'activity' ORDER BY seq";
    let rows = site.engine().store().query(sql, vec![]).await.unwrap();
    rows.iter().map(|row| row.text(0).unwrap()).collect()
}

/// Why the newest attempt was decided as it was.
async fn reason(site: &Site) -> String {
    let sql = "SELECT reason FROM log WHERE kind = 'auth' ORDER BY seq DESC LIMIT 1";
    site.engine().store().query(sql, vec![]).await.unwrap()[0].text(0).unwrap()
}

async fn with_mail() -> Site {
    Site::with(|config| {
        config.mail = Some(MailConfig {
            host: "localhost".to_owned(),
            port: 9,
            security: MailSecurity::None,
            login: None,
            from: "Example <mfa@example.org>".parse().unwrap(),
            ca: None,
            timeout: Duration::from_secs(1),
        });
    })
    .await
}

#[tokio::test(flavor = "multi_thread")]
async fn where_the_account_says_so_a_code_alone_moves_nothing() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    device(&site, &alice).await;
    let code = alice.bypass_code().await;
    site.settings(json!({"self_service_move_by_code": false})).await;
    assert_eq!(prove(&site, "alice", &code).await.0, 403);
    // The code was not used up: it still opens the portal, behind a password.
    site.settings(json!({"self_service_move_by_code": true})).await;
    assert_eq!(prove(&site, "alice", &code).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recovery_code_brings_the_account_to_a_new_phone_and_the_old_one_is_out_at_once() {
    let site = with_mail().await;
    let alice = site.user("alice").await;
    alice.change(UserChange { email: Some("alice@example.org".to_owned()), ..UserChange::default() }).await;
    let old = device(&site, &alice).await;
    let txid = push(&site, &alice, &old, "203.0.113.7").await;
    old.approve(&txid, None).await.unwrap();
    site.advance(60);

    let code = alice.bypass_code().await;
    // As people type it from paper.
    let (status_code, answer) = prove(&site, "Alice", &format!(" {}-{} {}", &code[..3], &code[3..6], &code[6..])).await;
    assert_eq!(status_code, 200, "{answer}");
    assert_eq!((&answer["user"]["name"], &answer["account"]["name"]), (&json!("alice"), &json!("Example")));
    assert_eq!(answer["devices"][0]["device_id"], json!(old.record().device_id));
    assert_eq!(answer["expires"], json!(site.now().as_second() + 600));
    // Until the new phone is there, the old one goes on.
    assert!(old.pending().await.unwrap().is_empty());

    let introduced = activate(&site, &activation(&site, &answer), 0).await.unwrap();
    assert!(!introduced.must_confirm);
    let new = introduced.authenticator;
    assert_eq!(new.record().device_id, old.record().device_id);
    let notice = told(&old).await;
    assert_eq!(
        (&notice["name"], &notice["contestable"], &notice["contested"]),
        (&json!("laptop"), &json!(true), &json!(false))
    );
    assert_eq!(notice["at"], json!(site.now().as_second()));

    // Codes are good once, of both kinds.
    assert_eq!(prove(&site, "alice", &code).await.0, 403);
    assert_eq!(refused(activate(&site, &activation(&site, &answer), 0).await), "activation_invalid");
    let letters = site.engine().store().reader().effects(site.account, MAIL, 10).await.unwrap();
    let letters: Vec<_> = letters.iter().filter_map(|letter| addressed(&letter.payload)).collect();
    assert!(
        letters
            .contains(&("alice@example.org".to_owned(), "Your authenticator is on a new device (Example)".to_owned())),
        "{letters:?}"
    );
    let words = activity(&site).await;
    assert!(words.ends_with(&["move_proven".to_owned(), "device_activated".to_owned()]), "{words:?}");

    // The new phone answers, and for a day only with a number.
    let (txid, number) = push_with_number(&site, &alice, &new).await;
    new.approve(&txid, Some(&number)).await.unwrap();
    assert_eq!(status(&site, &txid).await.0, "allow");
    let name = new.record().device_id.clone();
    let plain = [("username", "alice"), ("factor", "push"), ("device", name.as_str()), ("ipaddr", "203.0.113.9")];
    let stepped_up = site.auth_api().post("/auth/v2/auth", &plain).await.response();
    assert_eq!(stepped_up["result"], "deny", "{stepped_up}");
    site.advance(24 * 3600);
    let txid = push(&site, &alice, &new, "203.0.113.10").await;
    new.approve(&txid, None).await.unwrap();
    assert_eq!(status(&site, &txid).await.0, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_tells_who_exists_or_what_was_wrong() {
    let site = Site::start().await;
    let [alice, bob, carol, dave, erin] = [
        site.user("alice").await,
        site.user("bob").await,
        site.user("carol").await,
        site.user("dave").await,
        site.user("erin").await,
    ];
    for user in [&alice, &bob, &carol] {
        device(&site, user).await;
    }
    let (hers, his) = (alice.bypass_code().await, bob.bypass_code().await);
    let daves = dave.bypass_code().await;
    bob.set_status(UserStatus::Disabled).await;
    let mut seen = Vec::new();
    let long = "9".repeat(300);
    for (name, code, why) in [
        ("nobody", "123456789", "invalid_passcode"),
        ("alice", "123456789", "invalid_passcode"),
        ("alice", "", "invalid_passcode"),
        ("alice", &long, "invalid_passcode"),
        ("bob", &his, "user_disabled"),
        ("carol", &hers, "invalid_passcode"),
        // Who has nothing at all has nothing to move.
        ("erin", "123456789", "invalid_passcode"),
        (" ", "123456789", "invalid_passcode"),
    ] {
        site.advance(1);
        let answer = prove(&site, name, code).await;
        assert_eq!(reason(&site).await, why, "{name}");
        seen.push(answer);
    }
    let _ = erin;
    seen.dedup();
    assert_eq!(seen.len(), 1, "{seen:?}");
    assert_eq!((seen[0].0, &seen[0].1["error"]["code"]), (403, &json!("refused")));
    // Nothing was used up by being refused, and the code goes on working where it is the only thing there is.
    bob.set_status(UserStatus::Active).await;
    assert_eq!(prove(&site, "bob", &his).await.0, 200);
    let (status, answer) = prove(&site, "dave", &daves).await;
    assert_eq!((status, &answer["devices"]), (200, &json!([])));
    activate(&site, &activation(&site, &answer), 0).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_in_bypass_or_from_a_network_that_spares_the_factor_needs_the_code_all_the_same() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    device(&site, &alice).await;
    let code = alice.bypass_code().await;
    alice.set_status(UserStatus::Bypass).await;
    assert_eq!(prove(&site, "alice", "123456789").await.0, 403);
    assert_eq!(prove(&site, "alice", &code).await.0, 200);
    alice.set_status(UserStatus::Active).await;
    let sections = json!({"authorized_networks": {"no_2fa_required": {"ip_list": ["127.0.0.0/8", "::1/128"], "require_enrollment": true}}});
    let body = json!({"sections": sections, "confirm_lockout": true});
    site.admin_api().json("PUT", "/admin/v2/policies/global", &body).await.response();
    assert_eq!(prove(&site, "alice", "123456789").await.0, 403);
    // A passcode of the phone is no recovery code.
    let phone = alice.phone().await;
    assert_eq!(prove(&site, "alice", &phone.passcode()).await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn authquake_guesses_of_recovery_codes_are_counted_whatever_comes_at_once() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    device(&site, &alice).await;
    let code = alice.bypass_code().await;
    let guesses = (0..16).map(|n| {
        let site = &site;
        async move { prove(site, "alice", &format!("{n:09}")).await.0 }
    });
    let answers = futures_util::future::join_all(guesses).await;
    assert!(answers.iter().all(|status| *status == 403), "{answers:?}");
    let sql = "SELECT COUNT(*) FROM log WHERE kind = 'auth' AND reason = 'invalid_passcode'";
    let evaluated = site.engine().store().query(sql, vec![]).await.unwrap()[0].int(0).unwrap();
    assert_eq!(evaluated, 10, "the others came to somebody locked out");
    site.advance(20);
    assert_eq!(prove(&site, "alice", &code).await.0, 403, "also with the right one");
    assert_eq!(reason(&site).await, "locked_out");
    // And everywhere else.
    let passcode = [("username", "alice"), ("factor", "passcode"), ("passcode", code.as_str())];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &passcode).await.response()["status"], "locked_out");
    site.advance(16 * 60);
    assert_eq!(prove(&site, "alice", &code).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_name_alone_locks_nobody_out_who_has_no_codes() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    device(&site, &alice).await;
    for n in 0..15 {
        assert_eq!(prove(&site, "alice", &format!("{n:09}")).await.0, 403);
    }
    site.advance(1);
    let preauth = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await.response();
    assert_eq!(preauth["result"], "auth");
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_cve_2026_37982_one_of_two_phones_gets_what_a_code_is_good_for() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    device(&site, &alice).await;
    let code = alice.bypass_code().await;
    let (one, two) = tokio::join!(prove(&site, "alice", &code), prove(&site, "alice", &code));
    assert_eq!([one.0, two.0].iter().filter(|status| **status == 200).count(), 1, "{one:?} {two:?}");
    let good = if one.0 == 200 { one.1 } else { two.1 };
    let activation = activation(&site, &good);
    let (a, b) = tokio::join!(activate(&site, &activation, 0), activate(&site, &activation, 0));
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_lasts_ten_minutes_and_only_while_the_user_may_be_anywhere() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let old = device(&site, &alice).await;
    let first = proven(&site, &alice).await;
    site.advance(600);
    assert_eq!(refused(activate(&site, &activation(&site, &first), 0).await), "activation_invalid");
    let second = proven(&site, &alice).await;
    alice.set_status(UserStatus::Disabled).await;
    assert_eq!(refused(activate(&site, &activation(&site, &second), 0).await), "activation_invalid");
    alice.set_status(UserStatus::Active).await;
    activate(&site, &activation(&site, &second), 0).await.unwrap();
    told(&old).await;
}

/// Activates in the place of `replaces`.
async fn replace(site: &Site, sender: &Authenticator, proven: &Json, replaces: &str) -> (u16, Json) {
    let (key, code) = (DeviceKey::generate().unwrap(), proven["code"].as_str().unwrap());
    let thumbprint = key.public().thumbprint();
    let payload = ActivatePayload {
        v: ProtocolVersion::V1,
        code: code.parse().unwrap(),
        origin: site.engine().authenticator_origin().to_owned(),
        iat: site.now().as_second(),
        key: thumbprint,
    };
    let request = ActivateRequest {
        code: payload.code.clone(),
        key: key.public().jwk().clone(),
        proof: sign(&payload, &thumbprint.to_string(), &key).unwrap(),
        device: DeviceInfo {
            class: DeviceClass::Pwa,
            name: "new".to_owned(),
            platform: "Google Android".to_owned(),
            app_version: "1".to_owned(),
            key_protection: KeyProtection::Browser,
            push: None,
        },
        replaces: Some(replaces.to_owned()),
    };
    let body = serde_json::to_vec(&request).unwrap();
    let answer = sender.send_raw(Method::POST, "/authenticator/v1/activate", None, body).await.unwrap();
    (answer.status, serde_json::from_slice(&answer.body).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn of_several_phones_the_person_says_which_and_never_somebody_elses() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (first, second) = (device(&site, &alice).await, device(&site, &alice).await);
    let bobs = device(&site, &bob).await;
    let proven = proven(&site, &alice).await;
    let names: Vec<&str> =
        proven["devices"].as_array().unwrap().iter().map(|one| one["device_id"].as_str().unwrap()).collect();
    assert_eq!(names, [&first.record().device_id, &second.record().device_id]);
    for wrong in [bobs.record().device_id.as_str(), "DPZZZZZZZZZZZZZZZZZZ", "x"] {
        let (status, answer) = replace(&site, &first, &proven, wrong).await;
        assert_eq!((status, &answer["error"]["code"]), (404, &json!("activation_invalid")), "{wrong}");
    }
    site.advance(1);
    let (status, answer) = replace(&site, &first, &proven, &second.record().device_id).await;
    assert_eq!((status, &answer["device_id"]), (200, &json!(second.record().device_id)), "{answer}");
    told(&second).await;
    bobs.pending().await.unwrap();
    // The other phone goes on, and hears of it.
    let (status, answer) = signed(&first, Method::GET, "/authenticator/v1/device", &Json::Null).await;
    assert_eq!((status, &answer["moves"][0]["device"]), (200, &json!(second.record().device_id)), "{answer}");
    // The phone is described as the one that it is now.
    let id: PhoneId = second.record().device_id.parse().unwrap();
    let phones = site.engine().store().reader().phones_of(site.account, &[alice.id]).await.unwrap();
    let phone = phones[&alice.id].iter().find(|phone| phone.id == id).unwrap();
    assert_eq!((phone.name.as_str(), phone.platform.as_str()), ("new", "Google Android"));
    // A code of an administrator binds the phone that it is for.
    let ordinary = code(&site, &alice, new_phone(&site, &alice).await).await;
    let as_proven = json!({"code": ordinary.code().expose()});
    assert_eq!(replace(&site, &first, &as_proven, &first.record().device_id).await.0, 404);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_old_phone_says_that_it_was_somebody_else_and_then_nobody_is_bound() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let old = device(&site, &alice).await;
    let id = old.record().device_id.clone();
    assert_eq!(contest(&old, &id).await, 404, "there is nothing to contest");
    let thief = moved(&site, &alice).await;
    assert_eq!(contest(&thief, &id).await, 404, "nobody contests their own");
    assert_eq!(contest(&old, "DPZZZZZZZZZZZZZZZZZZ").await, 404);
    let (one, two) = tokio::join!(contest(&old, &id), contest(&old, &id));
    assert!([one, two].contains(&204) && [one, two].contains(&404), "{one} {two}");
    assert_eq!(refused(thief.pending().await), "inactive");
    let notice = told(&old).await;
    assert_eq!((&notice["contested"], &notice["contestable"]), (&json!(true), &json!(false)));
    assert_eq!(activity(&site).await.last().unwrap(), "move_contested");
    let alerts = site.engine().store().reader().effects(site.account, "alert", 10).await.unwrap();
    assert!(alerts.iter().any(|alert| alert.payload.contains("move_contested")), "{alerts:?}");

    // With the next code of the sheet the thief comes no further, until the day is over; an administrator can bind at any time.
    let next = alice.bypass_code().await;
    assert_eq!(prove(&site, "alice", &next).await.0, 403);
    assert_eq!(reason(&site).await, "denied_by_policy");
    let by_help_desk = code(&site, &alice, id.parse().unwrap()).await;
    activate(&site, &by_help_desk, 0).await.unwrap();
    site.advance(24 * 3600 + 1);
    let later = alice.bypass_code().await;
    assert_eq!(prove(&site, "alice", &later).await.0, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_thief_has_proven_beforehand_binds_nothing_once_the_move_is_contested() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (old, tablet) = (device(&site, &alice).await, device(&site, &alice).await);
    let id = old.record().device_id.clone();
    site.advance(1);
    let thief = moved(&site, &alice).await;
    // The next code of the sheet, kept for later.
    let kept = proven(&site, &alice).await;
    assert_eq!(contest(&old, &id).await, 204);
    assert_eq!(refused(thief.pending().await), "inactive");
    for target in [&id, &tablet.record().device_id] {
        let (status, answer) = replace(&site, &thief, &kept, target).await;
        assert_eq!((status, &answer["error"]["code"]), (404, &json!("activation_invalid")), "{answer}");
    }
    assert_eq!(told(&old).await["contested"], json!(true));
    tablet.pending().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn another_phone_of_the_same_user_can_say_so_and_a_strangers_cannot() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let lost = device(&site, &alice).await;
    let tablet = device(&site, &alice).await;
    let bobs = device(&site, &bob).await;
    let id = lost.record().device_id.clone();
    site.advance(1);
    let new = moved(&site, &alice).await;
    assert_eq!(contest(&bobs, &id).await, 404);
    let (_, status) = signed(&tablet, Method::GET, "/authenticator/v1/device", &Json::Null).await;
    assert_eq!((&status["moves"][0]["name"], &status["moves"][0]["contestable"]), (&json!("laptop"), &json!(true)));
    let (_, own) = signed(&new, Method::GET, "/authenticator/v1/device", &Json::Null).await;
    assert_eq!(own.get("moves"), None, "its own is no news");
    assert_eq!(contest(&tablet, &id).await, 204);
    assert_eq!(refused(new.pending().await), "inactive");
    tablet.pending().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_move_can_be_contested_for_a_day() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let old = device(&site, &alice).await;
    let new = moved(&site, &alice).await;
    site.advance(24 * 3600);
    assert_eq!(told(&old).await["contestable"], json!(false));
    assert_eq!(contest(&old, &old.record().device_id).await, 404);
    new.pending().await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_an_administrator_moved_is_told_and_not_contested() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let old = device(&site, &alice).await;
    let id: PhoneId = old.record().device_id.parse().unwrap();
    activate(&site, &code(&site, &alice, id).await, 0).await.unwrap();
    assert_eq!(told(&old).await["contestable"], json!(false));
    assert_eq!(contest(&old, id.as_str()).await, 404);
    // Who never had the key hears nothing.
    let stranger = device(&site, &site.user("bob").await).await;
    let body = b"";
    let kid = sign_as(&site, &stranger, id.as_str(), body);
    let answer = stranger.send_raw(Method::GET, "/authenticator/v1/requests", Some(&kid), Vec::new()).await.unwrap();
    let json: Json = serde_json::from_slice(&answer.body).unwrap();
    assert_eq!((answer.status, &json["error"]["code"], json["error"].get("moved")), (401, &json!("signature"), None));
}

/// A proof in the name of the device `kid`, by the key of `signer`.
fn sign_as(site: &Site, signer: &Authenticator, kid: &str, body: &[u8]) -> String {
    let payload = cs_wire::device::RequestPayload {
        v: ProtocolVersion::V1,
        aud: site.engine().authenticator_origin().to_owned(),
        htm: "GET".to_owned(),
        htu: "/authenticator/v1/requests".to_owned(),
        iat: site.now().as_second(),
        jti: "AAAAAAAAAAAAAAAAAAAAAA".parse().unwrap(),
        bsha: cs_wire::device::Digest::of(body),
    };
    sign(&payload, kid, signer.key()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn trying_to_move_is_slow() {
    let site = Site::start().await;
    let mut statuses = Vec::new();
    for _ in 0..21 {
        statuses.push(prove(&site, "nobody", "123456789").await.0);
    }
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 1);
    assert_eq!(statuses.last(), Some(&429));
    site.advance(1);
    assert_eq!(prove(&site, "nobody", "123456789").await.0, 403);
}

#[tokio::test(flavor = "multi_thread")]
async fn where_organisations_share_a_host_a_name_is_nobodys() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    device(&site, &alice).await;
    let code = alice.bypass_code().await;
    another_account(&site).await;
    assert_eq!(prove(&site, "alice", &code).await.0, 403);
    let url = format!("{}{MOVE}", site.engine().authenticator_origin());
    let body = json!({"proof": {"kind": "code", "username": "alice", "code": code}});
    let own = site.auth_api().authority().rsplit_once(':').map_or("localhost", |(name, _)| name).to_owned();
    let answer = site.http().post(url).header("Host", own).json(&body).send().await.unwrap();
    assert_eq!(answer.status().as_u16(), 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_this_protocol_is_refused_as_such() {
    let site = Site::start().await;
    for body in
        [json!({}), json!({"proof": {"kind": "word"}}), json!([]), json!({"proof": {"kind": "code", "username": "a"}})]
    {
        let (status, answer) = ask(&site, MOVE, &body).await;
        assert_eq!((status, &answer["error"]["code"]), (400, &json!("malformed")), "{body}");
    }
    let alice = site.user("alice").await;
    let old = device(&site, &alice).await;
    assert_eq!(signed(&old, Method::POST, CONTEST, &json!({"phone": "x"})).await.0, 400);
    let unsigned = ask(&site, CONTEST, &json!({"device": "x"})).await;
    assert_eq!((unsigned.0, &unsigned.1["error"]["code"]), (401, &json!("signature")));
}
