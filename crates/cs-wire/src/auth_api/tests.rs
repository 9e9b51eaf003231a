use super::*;
use serde_json::json;

fn params(text: &str) -> Params {
    Params::from_form(text.as_bytes()).unwrap()
}

fn auth(text: &str) -> Result<AuthRequest, ParamError> {
    AuthRequest::from_params(&params(text))
}

#[test]
fn exactly_one_of_username_and_user_id() {
    let user = |text| PreauthRequest::from_params(&params(text)).map(|request| request.user);
    assert_eq!(user("username=alice"), Ok(UserRef::Username("alice".into())));
    assert_eq!(user("user_id=DU1"), Ok(UserRef::UserId("DU1".into())));
    assert_eq!(user("username=&user_id=DU1"), Ok(UserRef::UserId("DU1".into())));
    assert_eq!(user(""), Err(missing("username")));
    assert_eq!(user("username="), Err(missing("username")));
    assert_eq!(user("username=alice&user_id=DU1"), Err(invalid("user_id")));
    assert_eq!(user("username=alice&username=bob"), Err(invalid("username")));
    let long = format!("username={}", "a".repeat(MAX_TEXT_BYTES + 1));
    assert_eq!(user(&long), Err(invalid("username")));
}

#[test]
fn preauth_of_duo_unix_2_2() {
    let request = PreauthRequest::from_params(&params(
        "username=alice&hostname=wks01&ipaddr=10.2.3.4&failmode=open&text_prompt=1&client_supports_verified_push=1",
    ))
    .unwrap();
    assert!(request.text_prompt && request.client_supports_verified_push);
    assert_eq!(request.failmode, Some(Failmode::Open));
    assert_eq!(request.origin.ipaddr.as_deref(), Some("10.2.3.4"));
    let plain = PreauthRequest::from_params(&params("username=alice&failmode=odd")).unwrap();
    assert!(!plain.text_prompt && plain.failmode.is_none());
}

#[test]
fn each_factor_wants_what_belongs_to_it() {
    let factor = |text: &str| auth(&format!("username=a&{text}")).map(|request| request.factor);
    let id = || DeviceRef::Id("DP1".into());
    assert_eq!(factor("factor=auto"), Ok(Factor::Auto(DeviceRef::Auto)));
    assert_eq!(factor("factor=auto&device=DP1"), Ok(Factor::Auto(id())));
    assert_eq!(factor("factor=push&device=auto"), Ok(Factor::Push(DeviceRef::Auto)));
    assert_eq!(factor("factor=push&device=DP1"), Ok(Factor::Push(id())));
    assert_eq!(factor("factor=phone&device=DP1"), Ok(Factor::Phone(id())));
    assert_eq!(factor("factor=sms&device=DP1"), Ok(Factor::Sms(id())));
    assert_eq!(factor("factor=push"), Err(missing("device")));
    let code = Passcode::new("123456".into());
    assert_eq!(factor("factor=passcode&passcode=123456"), Ok(Factor::Passcode(code.clone())));
    assert_eq!(factor("factor=prompt&prompt=123456"), Ok(Factor::Prompt(code)));
    assert_eq!(factor("factor=passcode"), Err(missing("passcode")));
    assert_eq!(factor("factor=Push&device=auto"), Err(invalid("factor")));
    assert_eq!(factor("factor="), Err(missing("factor")));
}

#[test]
fn auth_reads_json_and_forms_alike() {
    let form =
        auth("username=alice&factor=push&device=auto&async=1&pushinfo=a%3Db%26c%3Dd&type=Transfer&idempotency_key=k");
    let body = br#"{"username":"alice","factor":"push","device":"auto","async":true,"pushinfo":"a=b&c=d","type":"Transfer","idempotency_key":"k"}"#;
    let json = AuthRequest::from_params(&Params::from_json(body).unwrap());
    assert_eq!(form, json);
    let request = form.unwrap();
    assert_eq!(request.mode, AuthMode::Async);
    assert_eq!(request.pushinfo.0, [("a".to_owned(), "b".to_owned()), ("c".to_owned(), "d".to_owned())]);
    assert_eq!(auth("username=a&factor=auto&async=False").unwrap().mode, AuthMode::Sync);
    assert_eq!(auth("username=a&factor=auto&async=maybe"), Err(invalid("async")));
    assert_eq!(auth("username=a&factor=auto&pushinfo=%25"), Err(invalid("pushinfo")));
}

#[test]
fn a_passcode_is_not_printed() {
    let request = auth("username=a&factor=passcode&passcode=123456").unwrap();
    assert!(!format!("{request:?}").contains("123456"));
}

#[test]
fn enroll_is_bounded() {
    let enroll = |text| EnrollRequest::from_params(&params(text));
    assert_eq!(enroll("").unwrap(), EnrollRequest { username: None, valid_secs: None, bypass_codes: None });
    assert_eq!(enroll("valid_secs=3600&bypass_codes=2").unwrap().valid_secs, Some(3600));
    for bad in ["valid_secs=0", "valid_secs=-1", "valid_secs=x", "valid_secs=99999999999"] {
        assert_eq!(enroll(bad), Err(invalid("valid_secs")), "{bad}");
    }
    assert_eq!(enroll("bypass_codes=256"), Err(invalid("bypass_codes")));
    let status = |text| EnrollStatusRequest::from_params(&params(text)).map(|_| ());
    assert_eq!(status("user_id=DU1"), Err(missing("activation_code")));
    assert_eq!(status("user_id=DU1&activation_code=duo://x"), Ok(()));
    assert_eq!(AuthStatusRequest::from_params(&params("")), Err(missing("txid")));
}

#[test]
fn answers_are_as_documented() {
    let preauth = PreauthResponse {
        result: PreauthResult::Auth,
        status_msg: "Account is active".into(),
        devices: Some(vec![
            Device {
                device: "DP1".into(),
                kind: DeviceKind::Phone,
                display_name: Some("iOS (XXX-XXX-0100)".into()),
                name: String::new(),
                number: Some("XXX-XXX-0100".into()),
                capabilities: Some(vec![Capability::Auto, Capability::Push, Capability::MobileOtp]),
                sms_nextcode: None,
            },
            Device {
                device: "DH1".into(),
                kind: DeviceKind::Token,
                display_name: None,
                name: "0".into(),
                number: None,
                capabilities: None,
                sms_nextcode: None,
            },
        ]),
        enroll_portal_url: None,
        verified_push: Some(VerifiedPush { txid: "t".into(), verification_code: "123".into(), expiration: 60 }),
        prompt: None,
    };
    let expected = json!({"result":"auth","status_msg":"Account is active","devices":[
        {"device":"DP1","type":"phone","display_name":"iOS (XXX-XXX-0100)","name":"","number":"XXX-XXX-0100",
         "capabilities":["auto","push","mobile_otp"]},
        {"device":"DH1","type":"token","name":"0"}],
        "txid":"t","verification_code":"123","expiration":60});
    assert_eq!(serde_json::to_value(&preauth).unwrap(), expected);
    assert_eq!(serde_json::from_value::<PreauthResponse>(expected).unwrap(), preauth);
    let deny = json!({"result":"deny","status_msg":"no"});
    let read: PreauthResponse = serde_json::from_value(deny.clone()).unwrap();
    assert_eq!(read.verified_push, None);
    assert_eq!(serde_json::to_value(&read).unwrap(), deny);

    let auth = AuthResponse {
        result: AuthStatus::PushFailed.result(),
        status: AuthStatus::PushFailed,
        status_msg: "…".into(),
        trusted_device_token: None,
    };
    assert_eq!(
        serde_json::to_value(&auth).unwrap(),
        json!({"result":"waiting","status":"push_failed","status_msg":"…"})
    );
    assert_eq!(serde_json::to_value(EnrollStatus::Waiting).unwrap(), "waiting");
}
