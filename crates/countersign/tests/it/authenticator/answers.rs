//! Answers: which count, and which are refused and logged.

use countersign_device::DenyReason;
use cs_testkit::Site;
use cs_wire::device::{Answer, AnswerPayload, AnswerResult, Request, sign};

use super::*;

fn pair(result: &str, status: &str) -> (String, String) {
    (result.to_owned(), status.to_owned())
}

fn approval(device: &Authenticator, request: &Request) -> AnswerPayload {
    let statement = request.statement.clone();
    AnswerPayload { statement, number: None, answer: Answer::Approve, iat: device.server_now() }
}

#[tokio::test(flavor = "multi_thread")]
async fn each_answer_decides_its_login() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;

    let txid = push(&site, &alice, &device, "192.0.2.1").await;
    assert_eq!(device.approve(&txid, None).await.unwrap(), AnswerResult::Approved);
    assert_eq!(status(&site, &txid).await, pair("allow", "allow"));

    let txid = push(&site, &alice, &device, "192.0.2.2").await;
    assert_eq!(device.deny(&txid, DenyReason::Mistake).await.unwrap(), AnswerResult::Denied);
    assert_eq!(status(&site, &txid).await, pair("deny", "deny"));

    let txid = push(&site, &alice, &device, "192.0.2.3").await;
    assert_eq!(device.deny(&txid, DenyReason::Fraud).await.unwrap(), AnswerResult::Fraud);
    assert_eq!(status(&site, &txid).await, pair("deny", "fraud"));
    assert_eq!(refused_answers(&site).await, Vec::<String>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_answered_once_and_in_time() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;

    let txid = push(&site, &alice, &device, "192.0.2.1").await;
    let request = device.request(&txid).await.unwrap();
    device.answer(&request, Answer::Deny, None).await.unwrap();
    let again = refusal(device.answer(&request, Answer::Approve, None).await);
    assert_eq!((again.status, again.code.as_str(), again.state.as_deref()), (409, "closed", Some("denied")));

    let txid = push(&site, &alice, &device, "192.0.2.2").await;
    let request = device.request(&txid).await.unwrap();
    site.advance(60);
    let late = refusal(device.answer(&request, Answer::Approve, None).await);
    assert_eq!((late.status, late.state.as_deref()), (409, Some("timed_out")));
    assert_eq!(status(&site, &txid).await, pair("deny", "timeout"));
    assert_eq!(refused_answers(&site).await, ["denied", "timed_out"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn three_wrong_numbers_deny_the_login() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let (txid, number) = push_with_number(&site, &alice, &device).await;
    let wrong: String = number.bytes().map(|digit| char::from(b'0' + (digit - b'0' + 1) % 10)).collect();
    let request = device.request(&txid).await.unwrap();
    for left in ["Tries left: 2.", "Tries left: 1.", "was denied"] {
        let refusal = refusal(device.answer(&request, Answer::Approve, Some(&wrong)).await);
        assert_eq!((refusal.status, refusal.code.as_str()), (422, "number"));
        assert!(refusal.message.contains(left), "{}", refusal.message);
    }
    assert_eq!(refused(device.answer(&request, Answer::Approve, Some(&number)).await), "closed");
    assert_eq!(status(&site, &txid).await, pair("deny", "deny"));
    assert_eq!(refused_answers(&site).await, ["wrong_number", "wrong_number", "denied"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_number_is_not_left_out() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let (txid, number) = push_with_number(&site, &alice, &device).await;
    let request = device.request(&txid).await.unwrap();
    let without = device.sign_answer(&approval(&device, &request)).unwrap();
    assert_eq!(refused(device.answer_raw(&txid, &without).await), "number");
    assert_eq!(device.approve(&txid, Some(&number)).await.unwrap(), AnswerResult::Approved);
}

#[tokio::test(flavor = "multi_thread")]
async fn only_the_device_that_was_asked_may_answer() {
    let site = Site::start().await;
    let (alice, bob) = (site.user("alice").await, site.user("bob").await);
    let (asked, second, bobs) = (device(&site, &alice).await, device(&site, &alice).await, device(&site, &bob).await);
    let txid = push(&site, &alice, &asked, "192.0.2.1").await;
    let request = asked.request(&txid).await.unwrap();
    for other in [&second, &bobs] {
        assert!(other.pending().await.unwrap().is_empty());
        let jws = other.sign_answer(&approval(other, &request)).unwrap();
        assert_eq!(refused(other.answer_raw(&txid, &jws).await), "no_such_request");
    }
    // Each device of one user answers what was sent to it.
    let other = push(&site, &alice, &second, "192.0.2.2").await;
    second.approve(&other, None).await.unwrap();
    asked.approve(&txid, None).await.unwrap();
    assert_eq!(refused_answers(&site).await, ["no_such_request", "no_such_request"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_exactly_what_was_asked_is_refused_and_logged() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let (device, other) = (device(&site, &alice).await, device(&site, &alice).await);
    let txid = push(&site, &alice, &device, "192.0.2.1").await;
    let request = device.request(&txid).await.unwrap();
    let honest = approval(&device, &request);
    let id = &device.record().device_id;

    let mut altered = honest.clone();
    altered.statement.application = "Harmless".to_owned();
    let mut moved = honest.clone();
    moved.iat += 61;
    let cases = [
        (device.sign_answer(&altered).unwrap(), "statement"),
        (sign(&honest, &other.record().device_id, device.key()).unwrap(), "signature"),
        (sign(&honest, id, other.key()).unwrap(), "signature"),
        (device.sign_answer(&moved).unwrap(), "clock"),
        (device.proof("POST", "/", b"").unwrap(), "signature"),
        ("nonsense".to_owned(), "malformed"),
    ];
    for (jws, code) in &cases {
        assert_eq!(refused(device.answer_raw(&txid, jws).await), *code, "{jws}");
    }
    // The library signs once more when it is told the time.
    let logged = ["statement", "other_key", "signature", "clock", "clock", "malformed", "malformed"];
    assert_eq!(refused_answers(&site).await, logged);

    // Nothing of that has closed the login.
    assert_eq!(device.approve(&txid, None).await.unwrap(), AnswerResult::Approved);
    for unknown in ["f81d4fae-7dec-41d0-a765-00a0c91e6bf6", "nonsense"] {
        assert_eq!(refused(device.answer_raw(unknown, "nonsense").await), "no_such_request");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_device_fills_the_log_with_answers_that_are_refused() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let txid = push(&site, &alice, &device, "192.0.2.1").await;
    let long = "x".repeat(40_000);
    for _ in 0..30 {
        assert_eq!(refused(device.answer_raw(&txid, &long).await), "malformed");
    }
    assert_eq!(refused_answers(&site).await.len(), 10);
    let sql = "SELECT evidence, body FROM log WHERE result = 'push_answer_refused' LIMIT 1";
    let rows = site.engine().store().query(sql, vec![]).await.unwrap();
    assert_eq!(rows[0].text(0).unwrap().len(), 1024);
    let body: serde_json::Value = serde_json::from_str(&rows[0].text(1).unwrap()).unwrap();
    assert_eq!((&body["bytes"], body["sha256"].as_str().unwrap().len()), (&40_000.into(), 64));
    device.approve(&txid, None).await.unwrap();
}
