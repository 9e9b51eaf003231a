//! What a device does not sign, and what a server does not take.

use countersign_device::Error;
use countersign_device::cli::Exit;
use cs_wire::device::{Answer, AnswerPayload, Statement};
use reqwest::Method;

use super::server::NOW;
use super::site::Site;

/// What a server might change about a statement.
type Change = fn(&mut Statement);

#[tokio::test]
async fn a_statement_for_another_origin_account_or_device_is_not_signed() {
    let changes: [(&str, Change); 4] = [
        ("origin", |s| s.origin = "https://evil.example".into()),
        ("account", |s| s.account = "DABBBBBBBBBBBBBBBBBB".into()),
        ("device", |s| s.device = "DPBBBBBBBBBBBBBBBBBB".into()),
        ("txid", |s| s.txid = "another".into()),
    ];
    for (name, change) in changes {
        let site = Site::activated().await;
        let mut statement = site.server.statement("t1");
        change(&mut statement);
        site.server.push_statement("t1", statement, None);
        let refused = site.device().approve("t1", None).await;
        assert!(matches!(refused, Err(Error::NotOurs { member }) if member == name), "{name}: {refused:?}");
        let message = site.run(&["approve", "--latest"]).await.failed(Exit::Untrusted);
        assert!(message.contains("refusing to sign"), "{message}");
        // Also when the caller has the request from elsewhere.
        let request = site.server.state().waiting[0].0.clone();
        assert!(matches!(site.device().answer(&request, Answer::Deny, None).await, Err(Error::NotOurs { .. })));
        assert!(site.server.state().answers.is_empty(), "{name}");
    }
}

#[tokio::test]
async fn altered_and_repeated_answers_can_be_sent_and_are_refused() {
    let site = Site::activated().await;
    let device = site.device();
    site.server.push("t1", None);
    let mut payload =
        AnswerPayload { statement: site.server.statement("t1"), number: None, answer: Answer::Approve, iat: NOW };
    let honest = device.sign_answer(&payload).unwrap();
    payload.statement.application = "Solitaire".into();
    let other = device.sign_answer(&payload).unwrap();
    let (head, signature) = honest.rsplit_once('.').unwrap();
    let first = if signature.starts_with('A') { "B" } else { "A" };
    let altered = format!("{head}.{first}{}", &signature[1..]);

    for (jws, code) in [(&other, "statement"), (&altered, "signature")] {
        let refused = device.answer_raw("t1", jws).await;
        assert!(matches!(&refused, Err(Error::Refused(r)) if r.code == code), "{refused:?}");
    }
    device.answer_raw("t1", &honest).await.unwrap();
    let refused = device.answer_raw("t1", &honest).await;
    assert!(matches!(&refused, Err(Error::Refused(r)) if r.code == "closed" && r.state.as_deref() == Some("approved")));
}

#[tokio::test]
async fn a_proof_is_for_one_request() {
    let site = Site::activated().await;
    let device = site.device();
    let path = "/authenticator/v1/requests";
    let proof = device.proof("GET", path, b"").unwrap();
    let send = async |method: Method, path: &str, proof: Option<&str>| {
        device.send_raw(method, path, proof, Vec::new()).await.unwrap().status
    };
    assert_eq!(send(Method::GET, "/authenticator/v1/device", Some(&proof)).await, 401, "another path");
    assert_eq!(send(Method::DELETE, path, Some(&proof)).await, 401, "another method");
    assert_eq!(send(Method::GET, path, None).await, 401, "none");
    assert_eq!(send(Method::GET, path, Some(&proof)).await, 200);
    assert_eq!(send(Method::GET, path, Some(&proof)).await, 401, "again");
}

#[tokio::test]
async fn a_wrong_clock_corrects_itself_and_stays_corrected() {
    let site = Site::activated().await;
    site.clock.fetch_add(86_400, std::sync::atomic::Ordering::SeqCst);
    site.server.push("t1", Some("42"));
    let device = site.device();
    device.approve("t1", Some("42")).await.unwrap();
    assert_eq!(device.server_now(), NOW);
    assert_eq!(site.device().server_now(), NOW, "stored for the next command");
}

#[tokio::test]
async fn text_from_the_network_does_not_steer_the_terminal() {
    let site = Site::activated().await;
    let mut statement = site.server.statement("t1");
    statement.application = "\u{1b}[2J\u{1b}]0;owned\u{7}Mail".into();
    statement.user = "ali\u{202E}ce".into();
    statement.hostname = "wks\r\n  from    10.0.0.1".into();
    statement.info = vec![("a\u{9b}31m".into(), "b\u{200B}\u{2028}c".into())];
    site.server.push_statement("t1", statement, None);

    let out = site.run(&["show"]).await.done();
    assert!(out.chars().all(|c| c == '\n' || !c.is_control()), "{out:?}");
    assert!(!out.contains(['\u{202E}', '\u{200B}', '\u{2028}']), "{out:?}");
    assert_eq!(out.lines().filter(|line| line.starts_with("  from")).count(), 1, "{out}");

    let json = site.run(&["show", "--json"]).await.done();
    assert!(json.trim_end().chars().all(|c| !c.is_control() && c != '\u{202E}'), "{json:?}");
    let parsed: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(parsed["requests"][0]["user"], "ali\u{202E}ce", "programs get what was sent");
}
