//! Pushes: one each, one answer, one allow.

use cs_core::login::{Choice, Decision, FactorRequest};
use cs_core::policy::facts::{Client, Endpoint};
use cs_core::policy::{Browser, Os, Version};
use cs_core::user::UserStatus;
use cs_engine::admin::Actor;
use cs_engine::admin::integrations::PowerfulKeys;
use cs_engine::login::{Answered, AuthAnswer, AuthRequest, FactorInput, Who};
use cs_engine::{Access, AccessDevice, Caller, Liveness, Surface};
use cs_store::integrations::delete_integration;
use cs_store::{Job, Step, args};
use cs_testkit::{Answer, Site};
use serde_json::json;

use super::{start_push, status};

const FROM: &str = "192.0.2.7";

fn words(answer: &Answer) -> (String, String) {
    (answer.text("result"), answer.text("status"))
}

fn pair(result: &str, status: &str) -> (String, String) {
    (result.to_owned(), status.to_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn every_answer_of_the_phone_is_told() {
    let site = Site::start().await;
    let api = site.auth_api();
    let mut phone = site.user("alice").await.phone().await;
    for (decision, expected) in [
        (Decision::Approve, pair("allow", "allow")),
        (Decision::Deny, pair("deny", "deny")),
        (Decision::Fraud, pair("deny", "fraud")),
    ] {
        let txid = start_push(api, "alice", FROM).await;
        let push = phone.next_push().await;
        assert_eq!(push.to_string(), txid);
        phone.answer(push, decision, None).await.unwrap();
        assert_eq!(words(&status(api, &txid).await), expected);
        assert_eq!(words(&status(api, &txid).await), expected, "again");
        phone.approve(push).await.unwrap_err();
        let other = site.integration("authapi", |_| {}).await;
        assert_eq!(status(&other, &txid).await.code(), 40401, "nobody else's");
    }
    assert_eq!(status(api, "f81d4fae-7dec-41d0-a765-00a0c91e6bf6").await.code(), 40401);
    assert_eq!(status(api, "nonsense").await.code(), 40401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_is_held_until_there_is_news_or_the_time_is_over() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    let txid = start_push(site.auth_api(), "alice", FROM).await;
    let poll = || {
        let (api, txid) = (site.auth_api().clone(), txid.clone());
        tokio::spawn(async move { status(&api, &txid).await })
    };
    let first = poll();
    site.waiting(1).await;
    site.advance(25);
    let first = first.await.unwrap();
    assert_eq!(words(&first), pair("waiting", "pushed"));
    assert_eq!(first.text("status_msg"), "Pushed a login request to your phone...");
    let second = poll();
    site.waiting(1).await;
    let push = phone.next_push().await;
    phone.approve(push).await.unwrap();
    assert_eq!(words(&second.await.unwrap()), pair("allow", "allow"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_poll_that_follows_another_reads_nothing_and_tells_a_stranger_nothing() {
    let site = Site::start().await;
    let _phone = site.user("alice").await.phone().await;
    let stranger = site.integration("authapi", |_| {}).await;
    let txid = start_push(site.auth_api(), "alice", FROM).await;
    let reads = || site.engine().store().reads();
    for (poll, expected) in [("the first", 1), ("the second", 0)] {
        let (api, asked) = (site.auth_api().clone(), txid.clone());
        let before = reads();
        let answer = tokio::spawn(async move { status(&api, &asked).await });
        site.waiting(1).await;
        // Parked before the row is read, but held only after.
        while reads() - before < expected {
            tokio::task::yield_now().await;
        }
        site.advance(25);
        assert_eq!(words(&answer.await.unwrap()), pair("waiting", "pushed"));
        assert_eq!(reads() - before, expected, "{poll}");
    }
    assert_eq!(status(&stranger, &txid).await.code(), 40401, "what was learnt for one is not told to another");
}

#[tokio::test(flavor = "multi_thread")]
async fn nobody_gets_in_by_a_push_that_timed_out() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    let login = {
        let api = site.auth_api().clone();
        let params = [("username", "alice"), ("factor", "push"), ("device", "auto")];
        tokio::spawn(async move { api.post("/auth/v2/auth", &params).await })
    };
    let push = phone.next_push().await;
    site.waiting(1).await;
    site.advance(61);
    let answer = login.await.unwrap();
    assert_eq!(words(&answer), pair("deny", "timeout"));
    assert!(answer.text("status_msg").starts_with("Authentication timed out."));
    phone.approve(push).await.unwrap_err();
}

#[tokio::test(flavor = "multi_thread")]
async fn no_application_dresses_a_login_as_something_else() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    for kind in ["Identity check", " identity CHECK ", "Test"] {
        let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("async", "1"), ("type", kind)];
        assert_eq!(site.auth_api().post("/auth/v2/auth", &params).await.code(), 40002, "{kind}");
    }
    assert_eq!(phone.pushes(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_an_answer_only_where_one_was_asked_for() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    start_push(site.auth_api(), "alice", FROM).await;
    let push = phone.next_push().await;
    assert!(phone.approve_with(push, "123").await.is_err());
    phone.approve(push).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn what_the_application_says_is_what_the_phone_shows() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    let params = [
        ("username", "alice"),
        ("factor", "push"),
        ("device", phone.id.as_str()),
        ("async", "1"),
        ("ipaddr", "::ffff:192.0.2.7"),
        ("hostname", "web1"),
        ("type", "Transaction"),
        ("display_username", "Alice L."),
        ("pushinfo", "amount=10%20EUR&to=Bob"),
    ];
    site.auth_api().post("/auth/v2/auth", &params).await.text("txid");
    let push = phone.next_push().await;
    let asked = phone.shown(push).await;
    let statement: serde_json::Value = serde_json::from_str(&asked.statement).unwrap();
    for (name, expected) in [
        ("user", json!("Alice L.")),
        ("type", json!("Transaction")),
        ("address", json!("192.0.2.7")),
        ("hostname", json!("web1")),
        ("application", json!("Auth API")),
        ("info", json!([["amount", "10 EUR"], ["to", "Bob"]])),
    ] {
        assert_eq!(statement[name], expected, "{name}");
    }
    let long = "x=".to_owned() + &"y".repeat(20_000);
    let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("pushinfo", &*long)];
    assert_eq!(site.auth_api().post("/auth/v2/auth", &params).await.code(), 40002);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_retransmission_joins_only_after_its_connection_has_died() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    let send = || {
        let api = site.auth_api().clone();
        let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("ipaddr", FROM)];
        tokio::spawn(async move { api.post("/auth/v2/auth", &params).await })
    };
    let first = send();
    let push = phone.next_push().await;
    site.waiting(1).await;

    // While the first still waits, the same bytes are a second login: refused, and no second push.
    let second = send().await.unwrap();
    assert_eq!(words(&second), pair("deny", "deny"));
    assert!(second.text("status_msg").contains("still waiting on your phone"));

    first.abort();
    site.connections(0).await;
    let again = send();
    site.waiting(1).await;
    phone.approve(push).await.unwrap();
    assert_eq!(words(&again.await.unwrap()), pair("allow", "allow"));
    assert_eq!(phone.pushes(), 0, "one login, one push");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_second_login_is_refused_but_other_factors_stay_open() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let first = start_push(site.auth_api(), "alice", FROM).await;
    let refused = start_push(site.auth_api(), "alice", FROM).await;
    assert_eq!(words(&status(site.auth_api(), &refused).await), pair("deny", "deny"));
    assert_eq!(super::passcode(site.auth_api(), "alice", &phone.passcode()).await, "allow");
    // From another place it is a slot of its own, with a push of its own.
    let elsewhere = start_push(site.auth_api(), "alice", "198.51.100.1").await;
    let (one, two) = (phone.next_push().await, phone.next_push().await);
    phone.approve(two).await.unwrap();
    assert_eq!((one.to_string(), two.to_string()), (first.clone(), elsewhere.clone()));
    assert_eq!(words(&status(site.auth_api(), &elsewhere).await), pair("allow", "allow"));
    phone.answer(one, Decision::Deny, None).await.unwrap();
    assert_eq!(words(&status(site.auth_api(), &first).await), pair("deny", "deny"));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_idempotency_key_joins_the_same_and_refuses_another_request() {
    let site = Site::start().await;
    site.user("alice").await.phone().await;
    let send = async |hostname: &str| {
        let params = [
            ("username", "alice"),
            ("factor", "push"),
            ("device", "auto"),
            ("async", "1"),
            ("hostname", hostname),
            ("idempotency_key", "login-1"),
        ];
        site.auth_api().post("/auth/v2/auth", &params).await
    };
    let first = send("web1").await.text("txid");
    assert_eq!(send("web1").await.text("txid"), first);
    assert_eq!(send("web2").await.code(), 40901);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_application_may_give_up() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    let txid = start_push(site.auth_api(), "alice", FROM).await;
    let push = phone.next_push().await;
    let other = site.integration("authapi", |_| {}).await;
    let cancel = [("txid", &*txid)];
    assert_eq!(other.post("/auth/v2/cancel", &cancel).await.code(), 40401, "nobody else may");
    assert_eq!(site.auth_api().post("/auth/v2/cancel", &cancel).await.response(), json!({"cancelled": true}));
    assert_eq!(site.auth_api().post("/auth/v2/cancel", &cancel).await.response(), json!({"cancelled": false}));
    assert_eq!(words(&status(site.auth_api(), &txid).await), pair("deny", "deny"));
    phone.approve(push).await.unwrap_err();
    // The slot is free, and nothing was counted against the user.
    start_push(site.auth_api(), "alice", FROM).await;
    let push = phone.next_push().await;
    assert_eq!(phone.approve(push).await.unwrap(), Answered::Approved);
}

#[tokio::test(flavor = "multi_thread")]
async fn keycloak_cve_2025_0604_a_user_disabled_meanwhile_does_not_get_in() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let mut phone = alice.phone().await;
    let txid = start_push(site.auth_api(), "alice", FROM).await;
    let push = phone.next_push().await;
    alice.set_status(UserStatus::Disabled).await;
    assert!(matches!(phone.approve(push).await.unwrap(), Answered::Refused(_)));
    assert_eq!(words(&status(site.auth_api(), &txid).await), pair("deny", "deny"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_number_of_one_user_is_no_good_for_another() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let mut phone = alice.phone().await;
    bob.phone().await;
    let api = site.auth_api();
    let prepare = async |user: &str| {
        let params = [("username", user), ("client_supports_verified_push", "1")];
        let answer = api.post("/auth/v2/preauth", &params).await;
        (answer.text("txid"), answer.text("verification_code"))
    };
    let push = async |txid: &str| {
        let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("async", "1"), ("txid", txid)];
        api.post("/auth/v2/auth", &params).await.text("txid")
    };
    let (of_bob, _) = prepare("bob").await;
    let refused = push(&of_bob).await;
    assert_eq!(words(&status(api, &refused).await), pair("deny", "deny"));
    let foreign = push("f81d4fae-7dec-41d0-a765-00a0c91e6bf6").await;
    assert_eq!(words(&status(api, &foreign).await), pair("deny", "deny"));

    let (txid, number) = prepare("alice").await;
    assert_eq!(push(&txid).await, txid);
    let asked = phone.next_push().await;
    let wrong = if number == "111111" { "222222" } else { "111111" };
    phone.approve_with(asked, wrong).await.unwrap_err();
    phone.approve(asked).await.unwrap_err();
    phone.approve_with(asked, &number).await.unwrap();
    assert_eq!(words(&status(api, &txid).await), pair("allow", "allow"));

    let (old, _) = prepare("alice").await;
    site.advance(301);
    let refused = push(&old).await;
    assert_eq!(words(&status(api, &refused).await), pair("deny", "deny"), "a number shown too long ago");
}

#[tokio::test(flavor = "multi_thread")]
async fn three_pushes_without_answer_start_a_cool_down() {
    let site = Site::start().await;
    // They are a signal of risk too, which would speak first.
    let quiet = json!({"sections": {"risk_signals": {"enforce": [], "report": []}}});
    assert_eq!(site.admin_api().json("PUT", "/admin/v2/policies/global", &quiet).await.status, 200);
    let phone = site.user("alice").await.phone().await;
    for _ in 0..3 {
        let txid = start_push(site.auth_api(), "alice", FROM).await;
        site.advance(61);
        assert_eq!(words(&status(site.auth_api(), &txid).await), pair("deny", "timeout"));
    }
    let refused = start_push(site.auth_api(), "alice", FROM).await;
    let refused = status(site.auth_api(), &refused).await;
    assert_eq!(words(&refused), pair("deny", "deny"));
    assert!(refused.text("status_msg").starts_with("Too many login requests"));
    assert_eq!(super::passcode(site.auth_api(), "alice", &phone.passcode()).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn pushes_that_are_withdrawn_in_a_loop_start_a_cool_down_and_are_a_signal_of_risk() {
    let site = Site::start().await;
    let quiet = json!({"sections": {"risk_signals": {"enforce": [], "report": ["push_harassment"]}}});
    assert_eq!(site.admin_api().json("PUT", "/admin/v2/policies/global", &quiet).await.status, 200);
    let mut phone = site.user("alice").await.phone().await;
    for _ in 0..3 {
        let txid = start_push(site.auth_api(), "alice", FROM).await;
        let cancelled = site.auth_api().post("/auth/v2/cancel", &[("txid", &*txid)]).await;
        assert_eq!(cancelled.response(), json!({"cancelled": true}));
        site.advance(1);
    }
    let harassed = crate::scene::last_entry(&site).await;
    let assessed = &harassed["adaptive_trust_assessments"]["more_secure_auth"]["detections"];
    assert_eq!(assessed[0]["signal"], "push_harassment", "{harassed}");
    assert_eq!(phone.pushes(), 3);
    let refused = start_push(site.auth_api(), "alice", FROM).await;
    let refused = status(site.auth_api(), &refused).await;
    assert!(refused.text("status_msg").starts_with("Too many login requests"));
    assert_eq!(phone.pushes(), 0);
    assert_eq!(super::passcode(site.auth_api(), "alice", &phone.passcode()).await, "allow", "nothing locks her out");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_addresses_of_one_machine_share_a_slot_and_the_cool_down() {
    let site = Site::start().await;
    let quiet = json!({"sections": {"risk_signals": {"enforce": [], "report": []}}});
    assert_eq!(site.admin_api().json("PUT", "/admin/v2/policies/global", &quiet).await.status, 200);
    let mut phone = site.user("alice").await.phone().await;
    for n in 1..=3 {
        let open = start_push(site.auth_api(), "alice", &format!("2001:db8::{n}")).await;
        let refused = start_push(site.auth_api(), "alice", &format!("2001:db8::{n}:1")).await;
        let refused = status(site.auth_api(), &refused).await;
        assert!(refused.text("status_msg").contains("still waiting on your phone"));
        site.advance(61);
        assert_eq!(words(&status(site.auth_api(), &open).await), pair("deny", "timeout"));
    }
    let refused = start_push(site.auth_api(), "alice", "2001:db8::4").await;
    assert!(status(site.auth_api(), &refused).await.text("status_msg").starts_with("Too many login requests"));
    assert_eq!(phone.pushes(), 3);
    start_push(site.auth_api(), "alice", "2001:db8:0:1::4").await;
    assert_eq!(phone.pushes(), 1, "another machine");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_phone_never_has_a_long_list_to_choose_from() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    for n in 1..=50 {
        start_push(site.auth_api(), "alice", &format!("198.51.100.{n}")).await;
    }
    assert_eq!(phone.pushes(), 5);
    let refused = start_push(site.auth_api(), "alice", FROM).await;
    let refused = status(site.auth_api(), &refused).await;
    assert!(refused.text("status_msg").contains("still waiting on your phone"));
    site.advance(61);
    start_push(site.auth_api(), "alice", FROM).await;
    assert_eq!(phone.pushes(), 1, "as soon as they are over");
}

#[tokio::test(flavor = "multi_thread")]
async fn deleting_an_application_closes_its_pushes_and_holds_up_nobody_else() {
    let site = Site::start().await;
    let (mut alice, mut bob) = (site.user("alice").await.phone().await, site.user("bob").await.phone().await);
    let other = site.integration("authapi", |_| {}).await;
    let gone = start_push(&other, "alice", FROM).await;
    let push = alice.next_push().await;
    let stays = start_push(site.auth_api(), "bob", FROM).await;
    let waits = {
        let (api, txid) = (other.clone(), gone.clone());
        tokio::spawn(async move { status(&api, &txid).await })
    };
    site.waiting(1).await;
    let engine = site.engine();
    let delete = engine.delete_integration(site.account, &Actor::Terminal, PowerfulKeys::Allowed, other.key());
    delete.await.unwrap();
    waits.await.unwrap();
    let entry = crate::scene::last_entry(&site).await;
    assert_eq!((&entry["txid"], &entry["result"]), (&json!(gone), &json!("denied")), "{entry}");
    assert_eq!((&entry["reason"], &entry["user"]["name"]), (&json!("denied_by_policy"), &json!("alice")), "{entry}");
    assert!(alice.approve(push).await.is_err());
    let push = bob.next_push().await;
    bob.approve(push).await.unwrap();
    assert_eq!(words(&status(site.auth_api(), &stays).await), pair("allow", "allow"));
}

/// What an earlier version, or a newer one beside this one, left behind.
#[tokio::test(flavor = "multi_thread")]
async fn logins_that_nobody_can_speak_for_are_closed_like_others() {
    let site = Site::start().await;
    for name in ["alice", "bob", "carol"] {
        site.user(name).await.phone().await;
    }
    let other = site.integration("authapi", |_| {}).await;
    start_push(&other, "alice", FROM).await;
    let strange = start_push(site.auth_api(), "bob", FROM).await;
    let usual = start_push(site.auth_api(), "carol", FROM).await;
    let renamed = Step::one("UPDATE login SET surface = 'sso' WHERE txid = $1", args![&*strange]);
    let job = Job::new().step(delete_integration(site.account, other.key())).step(renamed);
    site.engine().store().commit(job).await.unwrap();
    site.engine().directory().invalidate();
    site.advance(61);
    let engine = site.engine();
    assert_eq!(engine.maintain(site.now()).await.unwrap().timed_out, 3);
    assert_eq!(engine.maintain(site.now()).await.unwrap().timed_out, 0, "once");
    assert_eq!(words(&status(site.auth_api(), &usual).await), pair("deny", "timeout"));
    let mut names = Vec::new();
    for entry in crate::scene::entries(&site).await {
        assert_eq!(entry["reason"], "no_response", "{entry}");
        names.push(entry["user"]["name"].as_str().unwrap().to_owned());
    }
    names.sort();
    assert_eq!(names, ["alice", "bob", "carol"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn factors_nobody_set_up_are_refused_with_a_reason() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    alice.hotp_token().await;
    for factor in ["push", "phone", "sms", "auto"] {
        let params = [("username", "alice"), ("factor", factor), ("device", "auto")];
        let answer = site.auth_api().post("/auth/v2/auth", &params).await;
        assert_eq!(words(&answer), pair("deny", "deny"), "{factor}");
        assert!(answer.text("status_msg").contains("Choose another"), "{factor}");
    }
    let phone = site.user("bob").await.phone().await;
    let params = [("username", "alice"), ("factor", "push"), ("device", phone.id.as_str())];
    let answer = site.auth_api().post("/auth/v2/auth", &params).await;
    assert!(answer.text("status_msg").starts_with("That device is not one of yours."));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_full_server_says_when_to_come_back_and_sends_no_push() {
    let site = Site::with(|config| config.limits.waiting = 1).await;
    let mut phone = site.user("alice").await.phone().await;
    let sync = |address: &'static str| {
        let api = site.auth_api().clone();
        let params = [("username", "alice"), ("factor", "push"), ("device", "auto"), ("ipaddr", address)];
        tokio::spawn(async move { api.post("/auth/v2/auth", &params).await })
    };
    let first = sync(FROM);
    let push = phone.next_push().await;
    let refused = sync("198.51.100.1").await.unwrap();
    assert_eq!((refused.code(), refused.headers["retry-after"].to_str().unwrap()), (42901, "1"));
    assert_eq!(phone.pushes(), 0);
    phone.approve(push).await.unwrap();
    assert_eq!(words(&first.await.unwrap()), pair("allow", "allow"));
}

/// The login APIs see no browser. Whoever opens a push for one does it through the same use case.
#[tokio::test(flavor = "multi_thread")]
async fn the_log_of_an_answered_push_has_the_browser_it_was_asked_from() {
    let site = Site::start().await;
    let mut phone = site.user("alice").await.phone().await;
    let (engine, key) = (site.engine(), site.auth_api().key());
    let caller = Caller {
        account: engine.directory().account(site.account).await.unwrap().unwrap(),
        integration: engine.directory().integration(site.account, key).await.unwrap().unwrap(),
        surface: Surface::AuthV2,
        connection: Liveness::forever(),
        legacy_signature: false,
    };
    let device = AccessDevice {
        browser: Some(Client { product: Browser::Firefox, version: Version::parse("132.0") }),
        os: Some(Client { product: Os::Windows, version: None }),
        endpoint: Endpoint::Unknown,
        posture: None,
    };
    for (decision, reason) in [(Decision::Approve, "user_approved"), (Decision::Deny, "user_mistake")] {
        let request = AuthRequest {
            who: Who::Name("alice".to_owned()),
            factor: FactorInput::Named(FactorRequest::Push, Choice::Auto),
            access: Access { address: FROM.parse().ok(), hostname: None, device: Some(Box::new(device.clone())) },
            push_type: None,
            display_username: None,
            info: Vec::new(),
            ticket: None,
            idempotency_key: None,
            login_key: None,
            digest: [7; 32],
            log_as: None,
        };
        let started = engine.auth(&caller, &request).await.unwrap();
        assert!(matches!(started, AuthAnswer::Started { .. }), "{started:?}");
        let push = phone.next_push().await;
        phone.answer(push, decision, None).await.unwrap();
        let entry = crate::scene::last_entry(&site).await;
        assert_eq!(entry["reason"], reason);
        let seen = &entry["access_device"];
        assert_eq!((&seen["browser"], &seen["browser_version"]), (&json!("firefox"), &json!("132.0")), "{entry}");
        assert_eq!((&seen["os"], &seen["ip"]), (&json!("windows"), &json!(FROM)), "{entry}");
    }
}
