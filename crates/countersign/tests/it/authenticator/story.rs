//! One login, from enrollment to the log.

use cs_testkit::Site;
use cs_wire::device::{Answer, AnswerPayload, AnswerResult, UnverifiedJws};

use super::*;

#[tokio::test(flavor = "multi_thread")]
async fn enroll_activate_and_log_in_by_a_push_with_a_number() {
    let site = Site::start().await;
    let api = site.auth_api();

    let enrolled = api.post("/auth/v2/enroll", &[("username", "alice")]).await.response();
    let printed = enrolled["activation_code"].as_str().unwrap();
    let enrollment = [("user_id", enrolled["user_id"].as_str().unwrap()), ("activation_code", printed)];
    let waiting = api.post("/auth/v2/enroll_status", &enrollment).await;
    assert_eq!(waiting.response(), "waiting");

    let activated = activate(&site, &Activation::parse(printed, None).unwrap(), 0).await.unwrap();
    assert!(!activated.must_confirm);
    let device = activated.authenticator;
    assert_eq!(device.record().user, "alice");
    assert_eq!(api.post("/auth/v2/enroll_status", &enrollment).await.response(), "success");

    let preauth = [("username", "alice"), ("client_supports_verified_push", "1")];
    let preauth = api.post("/auth/v2/preauth", &preauth).await.response();
    assert_eq!(preauth["result"], "auth");
    assert_eq!(preauth["devices"][0]["device"], device.record().device_id);
    let (ticket, number) = (preauth["txid"].as_str().unwrap(), preauth["verification_code"].as_str().unwrap());

    let login = [
        ("username", "alice"),
        ("factor", "push"),
        ("device", "auto"),
        ("async", "1"),
        ("txid", ticket),
        ("ipaddr", "203.0.113.7"),
        ("pushinfo", "Command=uname%20-a"),
    ];
    let txid = api.post("/auth/v2/auth", &login).await.text("txid");
    let request = device.request(&txid).await.unwrap();
    assert_eq!(usize::from(request.digits), number.len());
    assert_eq!(request.statement.address, "203.0.113.7");
    assert_eq!(request.statement.info, [("Command".to_owned(), "uname -a".to_owned())]);
    assert_eq!(device.approve(&txid, Some(number)).await.unwrap(), AnswerResult::Approved);
    assert_eq!(status(&site, &txid).await, ("allow".to_owned(), "allow".to_owned()));

    let sql = "SELECT result, reason, evidence FROM log WHERE kind = 'auth'";
    let rows = site.engine().store().query(sql, vec![]).await.unwrap();
    assert_eq!(rows.len(), 1, "one login, one entry");
    assert_eq!((rows[0].str(0).unwrap(), rows[0].str(1).unwrap()), ("success", "user_approved"));
    let evidence = UnverifiedJws::<AnswerPayload>::parse(rows[0].str(2).unwrap()).unwrap();
    let signed = evidence.verify(device.key().public()).unwrap();
    assert_eq!(signed.kid, device.record().device_id);
    assert_eq!(signed.payload.statement, request.statement);
    assert_eq!((signed.payload.answer, signed.payload.number.as_deref()), (Answer::Approve, Some(number)));

    // The same device's passcodes count too, each once.
    let passcode = device.passcode().unwrap();
    let by_code = [("username", "alice"), ("factor", "passcode"), ("passcode", passcode.expose())];
    assert_eq!(api.post("/auth/v2/auth", &by_code).await.text("result"), "allow");
    assert_eq!(api.post("/auth/v2/auth", &by_code).await.text("result"), "deny");
}
