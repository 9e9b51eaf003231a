//! Approving and denying.

use countersign_device::cli::Exit;
use countersign_device::{DenyReason, Error};
use cs_wire::device::{Answer, AnswerPayload, AnswerResult, UnverifiedJws};

use super::server::NOW;
use super::site::Site;

#[tokio::test]
async fn what_is_signed_is_the_statement_that_was_shown() {
    let site = Site::activated().await;
    site.server.push("t1", Some("42"));
    let device = site.device();
    assert_eq!(device.approve("t1", Some("42")).await.unwrap(), AnswerResult::Approved);

    let sent = site.server.state().answers.pop().unwrap();
    let verified = UnverifiedJws::<AnswerPayload>::parse(&sent).unwrap().verify(device.key().public()).unwrap();
    assert_eq!(
        verified.payload,
        AnswerPayload {
            statement: site.server.statement("t1"),
            number: Some("42".into()),
            answer: Answer::Approve,
            iat: NOW
        }
    );
}

#[tokio::test]
async fn denials_say_why() {
    let site = Site::activated().await;
    for (txid, reason, result) in
        [("t1", DenyReason::Mistake, AnswerResult::Denied), ("t2", DenyReason::Fraud, AnswerResult::Fraud)]
    {
        site.server.push(txid, Some("42"));
        assert_eq!(site.device().deny(txid, reason).await.unwrap(), result);
    }
}

#[tokio::test]
async fn a_number_is_wanted_and_has_its_length() {
    let site = Site::activated().await;
    site.server.push("t1", Some("042"));
    let device = site.device();
    assert!(matches!(device.approve("t1", None).await, Err(Error::NumberNeeded { digits: 3 })));
    for typed in ["42", "0423", "o42", ""] {
        assert!(matches!(device.approve("t1", Some(typed)).await, Err(Error::NumberShape { digits: 3 })), "{typed}");
    }
    assert!(site.server.state().answers.is_empty(), "nothing was sent");
    assert_eq!(device.approve("t1", Some(" 042 ")).await.unwrap(), AnswerResult::Approved);
}

#[tokio::test]
async fn a_person_is_shown_the_login_and_asked_for_its_number() {
    let site = Site::activated().await;
    site.server.push("t1", Some("42"));
    let out = site.run_typing(&["approve"], &["7", "41", "42"]).await.done();
    let origin = &site.server.origin;
    assert_eq!(
        out,
        format!(
            "Mail: Login request for alice
  from    203.0.113.7 (Berlin, DE)
  host    wks01
  time    2026-09-21 14:13:15, 55 s left
  info    Command: uname -a
  server  {origin}
  txid    t1
  number  needs the 2 digits on the screen where you log in
The 2-digit number on the screen where you log in: the number must be 2 digits
The 2-digit number on the screen where you log in: That is not the number; look again.
The 2-digit number on the screen where you log in: approved
"
        )
    );
}

#[tokio::test]
async fn three_wrong_numbers_deny_the_login() {
    let site = Site::activated().await;
    site.server.push("t1", Some("42"));
    let outcome = site.run_typing(&["approve"], &["11", "12", "13", "42"]).await;
    assert!(outcome.failed(Exit::Refused).contains("three wrong numbers"));
    assert_eq!(site.server.state().closed["t1"], "denied");
}

#[tokio::test]
async fn a_plain_approval_is_asked_for_unless_it_is_named() {
    let site = Site::activated().await;
    site.server.push("t1", None);
    site.run_typing(&["approve"], &["n"]).await.failed(Exit::Usage);
    assert!(site.server.state().answers.is_empty());
    assert!(site.run_typing(&["approve"], &["y"]).await.done().ends_with("approved\n"));
    site.server.push("t2", None);
    assert!(site.run_typing(&["approve", "t2"], &[]).await.done().ends_with("approved\n"));
}

#[tokio::test]
async fn deny_asks_mistake_or_fraud() {
    let site = Site::activated().await;
    site.server.push("t1", None);
    let out = site.run_typing(&["deny"], &["what?", "f"]).await.done();
    assert!(out.ends_with("denied and reported as fraud\n"), "{out}");
    site.server.push("t2", None);
    site.run(&["deny", "t2", "--json"]).await.done();
    site.server.push("t3", None);
    site.run(&["deny", "--latest", "--fraud"]).await.done();
    let state = site.server.state();
    assert_eq!((state.closed["t1"], state.closed["t2"], state.closed["t3"]), ("fraud", "denied", "fraud"));
}

#[tokio::test]
async fn of_several_logins_one_must_be_chosen() {
    let site = Site::activated().await;
    site.server.push("older", None);
    site.server.push("newer", None);
    let message = site.run(&["approve"]).await.failed(Exit::Usage);
    assert!(message.starts_with("countersign-device: 2 logins are waiting; say which"), "{message}");
    site.run(&["approve", "--latest"]).await.done();
    assert_eq!(site.server.state().closed["newer"], "approved");
    site.run(&["deny", "unknown"]).await.failed(Exit::NothingWaiting);
}
