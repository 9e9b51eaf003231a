//! What each SDK sends, as read in its source, and what it checks of the answer.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::*;
use crate::oidc::jwt::{UnverifiedJwt, sign};

const ID: &str = "DIAAAAAAAAAAAAAAAAAA";
const SECRET: &[u8] = b"SSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSSS";
const HOST: &str = "api.example.org:8443";
const NOW: i64 = 1_700_000_000;
const STATE: &str = "0123456789abcdef0123456789";
const REDIRECT: &str = "https://app.example.org/callback?x=1&y=2";

fn now() -> Timestamp {
    Timestamp::from_second(NOW).unwrap()
}

fn is_ours(host: &str) -> bool {
    host.eq_ignore_ascii_case(HOST)
}

fn signed(claims: &Value) -> String {
    sign(claims.to_string().as_bytes(), SECRET)
}

/// `base` with members of `changes`; null takes a member away.
fn changed(base: &Value, changes: &Value) -> Value {
    let mut all = base.clone();
    for (name, value) in changes.as_object().unwrap() {
        match value {
            Value::Null => drop(all.as_object_mut().unwrap().remove(name)),
            value => all[name] = value.clone(),
        }
    }
    all
}

fn assertion() -> Value {
    json!({
        "iss": ID, "sub": ID, "aud": format!("https://{HOST}/oauth/v1/token"),
        "exp": NOW + 300, "jti": "0123456789abcdef0123456789abcdef0123",
    })
}

fn verify_assertion(claims: &Value) -> Result<VerifiedAssertion, AssertionError> {
    let text = signed(claims);
    let assertion = UnverifiedAssertion::parse(&text).unwrap();
    assertion.verify(ID, SECRET, Endpoint::Token, is_ours, now())
}

#[test]
fn every_sdks_assertion_is_taken() {
    for (sdk, changes) in [
        ("python", json!({"exp": NOW as f64 + 300.123_456})),
        ("node", json!({"iat": NOW + 1})),
        ("go", json!({})),
        ("java", json!({"exp": NOW + 3600, "jti": "x".repeat(32)})),
        (".NET", json!({"exp": (NOW + 300).to_string()})),
        ("php", json!({"iat": NOW})),
        ("vaultwarden", json!({"iat": NOW, "jti": "x".repeat(64)})),
    ] {
        let verified = verify_assertion(&changed(&assertion(), &changes)).unwrap();
        assert_eq!(verified.authority, HOST, "{sdk}");
        assert!(verified.remember_until > now());
    }
    let shouted = json!({"aud": format!("https://{}/oauth/v1/token", HOST.to_uppercase())});
    assert_eq!(verify_assertion(&changed(&assertion(), &shouted)).unwrap().authority, HOST.to_uppercase());
}

#[test]
fn zitadel_cve_2026_55669_an_assertion_for_somebody_or_something_else_proves_nothing() {
    use AssertionError::{BadJti, Time, WrongAudience, WrongIssuer};
    let expired = Time("it has expired; is the clock right?");
    for (changes, error) in [
        (json!({"iss": "DIBBBBBBBBBBBBBBBBBB"}), WrongIssuer),
        (json!({"sub": "DIBBBBBBBBBBBBBBBBBB"}), WrongIssuer),
        (json!({"iss": null}), WrongIssuer),
        (json!({"sub": null}), WrongIssuer),
        (json!({"sub": [ID]}), WrongIssuer),
        (json!({"aud": null}), WrongAudience),
        (json!({"aud": [format!("https://{HOST}/oauth/v1/token")]}), WrongAudience),
        (json!({"aud": format!("https://{HOST}/oauth/v1/health_check")}), WrongAudience),
        (json!({"aud": format!("http://{HOST}/oauth/v1/token")}), WrongAudience),
        (json!({"aud": "https://api.example.com/oauth/v1/token"}), WrongAudience),
        (json!({"aud": format!("https://evil.example/{HOST}/oauth/v1/token")}), WrongAudience),
        (json!({"aud": format!("https://{HOST}/oauth/v1/token/")}), WrongAudience),
        (json!({"aud": "https:///oauth/v1/token"}), WrongAudience),
        (json!({"exp": NOW - 60}), expired),
        (json!({"exp": null}), Time("exp must be a time in seconds")),
        (json!({"exp": NOW + 7200}), Time("exp is more than an hour away; is the clock right?")),
        (json!({"iat": NOW + 120}), Time("it is from the future; is the clock right?")),
        (json!({"jti": null}), BadJti),
        (json!({"jti": ""}), BadJti),
        (json!({"jti": 1}), BadJti),
        (json!({"jti": "x".repeat(257)}), BadJti),
    ] {
        assert_eq!(verify_assertion(&changed(&assertion(), &changes)), Err(error), "{changes}");
    }
    let text = signed(&assertion());
    let wrong_secret = UnverifiedAssertion::parse(&text).unwrap().verify(ID, b"x", Endpoint::Token, is_ours, now());
    assert_eq!(wrong_secret, Err(AssertionError::Jwt(JwtError::BadSignature)));
    assert_eq!(UnverifiedAssertion::parse(&text).unwrap().claimed_client(), Some(ID));
}

fn request() -> Value {
    json!({
        "scope": "openid", "redirect_uri": REDIRECT, "client_id": ID, "iss": ID, "aud": format!("https://{HOST}"),
        "exp": NOW + 300, "state": STATE, "response_type": "code", "duo_uname": "ALICE@Example.org",
        "use_duo_code_attribute": true,
    })
}

fn verify_request(claims: &Value, around: &str) -> Result<AuthorizeRequest, AuthorizeError> {
    let query = format!("response_type=code&client_id={ID}&request={}{around}", signed(claims));
    AuthorizeQuery::parse(&query)?.request()?.verify(SECRET, is_ours, now())
}

const ENCODED: &str = "&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcallback%3Fx%3D1%26y%3D2&scope=openid";

#[test]
fn every_sdks_request_is_taken() {
    let asked = |code_name, nonce: Option<&str>| AuthorizeRequest {
        redirect_uri: RedirectUri::parse(REDIRECT).unwrap(),
        state: STATE.to_owned(),
        nonce: nonce.map(str::to_owned),
        username: Some("ALICE@Example.org".to_owned()),
        code_name,
    };
    let plain = asked(CodeName::DuoCode, None);
    for (sdk, changes, around, expected) in [
        (
            "python",
            json!({"exp": NOW as f64 + 300.5}),
            format!("&state={STATE}&nonce=n0nce"),
            asked(CodeName::DuoCode, Some("n0nce")),
        ),
        ("node", json!({}), ENCODED.to_owned(), plain.clone()),
        ("go", json!({}), String::new(), plain.clone()),
        (
            "java",
            json!({"iss": null, "aud": null, "exp": NOW + 3600}),
            format!("&scope=openid&redirect_uri={REDIRECT}"),
            plain.clone(),
        ),
        (
            ".NET",
            json!({"aud": format!("https://{HOST}/oauth/v1/authorize"), "exp": (NOW + 300).to_string(), "use_duo_code_attribute": "true"}),
            String::new(),
            plain.clone(),
        ),
        ("php", json!({}), ENCODED.to_owned(), plain.clone()),
        (
            "vaultwarden",
            json!({"use_duo_code_attribute": null, "nonce": "n0nce"}),
            String::new(),
            asked(CodeName::Code, Some("n0nce")),
        ),
        ("both", json!({"nonce": "n0nce"}), "&nonce=n0nce".to_owned(), asked(CodeName::DuoCode, Some("n0nce"))),
    ] {
        assert_eq!(verify_request(&changed(&request(), &changes), &around), Ok(expected), "{sdk}");
    }
}

#[test]
fn what_the_client_did_not_sign_is_not_believed() {
    use AuthorizeError::{Claim, Time};
    let late_by = Some(SignedDuration::from_secs(61));
    for (changes, around, error) in [
        (json!({"client_id": "DIBBBBBBBBBBBBBBBBBB"}), "", Claim("client_id")),
        (json!({"client_id": null}), "", Claim("client_id")),
        (json!({"iss": "DIBBBBBBBBBBBBBBBBBB"}), "", Claim("iss")),
        (json!({"aud": "https://api.example.com"}), "", Claim("aud")),
        (json!({"aud": format!("https://{HOST}/oauth/v1/token")}), "", Claim("aud")),
        (json!({"aud": format!("https://{HOST}@evil.example")}), "", Claim("aud")),
        (json!({"aud": [format!("https://{HOST}")]}), "", Claim("aud")),
        (json!({"exp": NOW - 61}), "", Time { what: "it has expired; is the clock right?", late_by }),
        (json!({"exp": null}), "", Time { what: "exp must be a time in seconds", late_by: None }),
        (json!({"redirect_uri": "https://app.example.org/#x"}), "", Claim("redirect_uri")),
        (json!({"redirect_uri": "javascript:alert(1)"}), "", Claim("redirect_uri")),
        (json!({"redirect_uri": null}), ENCODED, Claim("redirect_uri")),
        (json!({}), "&redirect_uri=https://evil.example/", Claim("redirect_uri")),
        (
            json!({}),
            "&redirect_uri=https%3A%2F%2Fapp.example.org%2Fcallback%3Fx%3D1%26y%3D2%26z",
            Claim("redirect_uri"),
        ),
        (json!({}), "&redirect_uri=https://app.example.org/callback?x=1&y=2z", Claim("redirect_uri")),
        (json!({"state": "short"}), "", Claim("state")),
        (json!({"state": "x".repeat(1025)}), "", Claim("state")),
        (json!({"state": null}), "", Claim("state")),
        (json!({"state": 1}), "", Claim("state")),
        (json!({}), "&state=0123456789abcdef0123456780", Claim("state")),
    ] {
        assert_eq!(verify_request(&changed(&request(), &changes), around), Err(error), "{changes} {around}");
    }
    for around in ["&client_id=DIAAAAAAAAAAAAAAAAAA", "&request=x", "&state=a&state=b"] {
        assert!(matches!(verify_request(&request(), around), Err(AuthorizeError::Params(_))), "{around}");
    }
    let query = format!("response_type=code&client_id={ID}&request={}", signed(&request()));
    let other = AuthorizeQuery::parse(&query).unwrap().request().unwrap().verify(b"another", is_ours, now());
    assert_eq!(other, Err(AuthorizeError::Jwt(JwtError::BadSignature)));
}

#[test]
fn an_altered_request_is_nobodys() {
    let text = signed(&request());
    let (head, rest) = text.split_once('.').unwrap();
    let (_, tag) = rest.split_once('.').unwrap();
    let claims = changed(&request(), &json!({"duo_uname": "mallory"})).to_string();
    let altered = format!("{head}.{}.{tag}", data_encoding::BASE64URL_NOPAD.encode(claims.as_bytes()));
    let query = format!("response_type=code&client_id={ID}&request={altered}");
    let verified = AuthorizeQuery::parse(&query).unwrap().request().unwrap().verify(SECRET, is_ours, now());
    assert_eq!(verified, Err(AuthorizeError::Jwt(JwtError::BadSignature)));
}

#[test]
fn a_request_without_a_name_is_one_and_can_be_answered() {
    let asked = verify_request(&changed(&request(), &json!({"duo_uname": null})), "").unwrap();
    assert_eq!(asked.username, None);
    let AuthorizeError::Answered { answer, .. } = asked.needs_name() else { panic!("not told") };
    assert!(answer.location.starts_with(&format!("{REDIRECT}&error=invalid_request&")), "{}", answer.location);
}

#[test]
fn a_known_client_is_told_what_is_wrong() {
    for (changes, around, error) in [
        (json!({"response_type": "token"}), "", "unsupported_response_type"),
        (json!({"response_type": null}), "", "unsupported_response_type"),
        (json!({"scope": "profile"}), "", "invalid_scope"),
        (json!({"scope": "notopenid"}), "", "invalid_scope"),
        (json!({}), "&scope=profile", "invalid_scope"),
        (json!({"nonce": "a"}), "&nonce=b", "invalid_request"),
        (json!({"nonce": 1}), "", "invalid_request"),
        (json!({"duo_uname": 7}), "", "invalid_request"),
        (json!({"duo_uname": ""}), "", "invalid_request"),
        (json!({"duo_uname": "  "}), "", "invalid_request"),
        (json!({"duo_uname": "x".repeat(2000)}), "", "invalid_request"),
        (json!({"use_duo_code_attribute": 1}), "", "invalid_request"),
    ] {
        let Err(AuthorizeError::Answered { answer, .. }) = verify_request(&changed(&request(), &changes), around)
        else {
            panic!("{changes} {around}");
        };
        let expected = format!("{REDIRECT}&error={error}&error_description=");
        assert!(answer.location.starts_with(&expected), "{}", answer.location);
        assert!(answer.location.ends_with(&format!("&state={STATE}")), "{}", answer.location);
    }
}

#[test]
fn a_token_request_is_read_as_rfc_6749_says() {
    let params = |text: &str| read_form("application/x-www-form-urlencoded", "", text.as_bytes()).unwrap();
    let whole = "grant_type=authorization_code&code=c&redirect_uri=https%3A%2F%2Fa%2F&client_assertion=a.b.c\
        &client_assertion_type=urn%3Aietf%3Aparams%3Aoauth%3Aclient-assertion-type%3Ajwt-bearer";
    let request = TokenRequest::from_params(&params(whole)).unwrap();
    assert_eq!((request.code.as_str(), request.redirect_uri.as_str(), request.client_id), ("c", "https://a/", None));
    for (broken, error) in [
        (whole.replace("authorization_code", "password"), TokenErrorCode::UnsupportedGrantType),
        (whole.replace("jwt-bearer", "saml2-bearer"), TokenErrorCode::InvalidRequest),
        (whole.replace("code=c", "code="), TokenErrorCode::InvalidRequest),
        (whole.replace("&client_assertion=a.b.c", ""), TokenErrorCode::InvalidRequest),
        (format!("{whole}&code=d"), TokenErrorCode::InvalidRequest),
        (String::new(), TokenErrorCode::InvalidRequest),
    ] {
        assert_eq!(TokenRequest::from_params(&params(&broken)).unwrap_err().error, error, "{broken}");
    }
    let error = TokenError::new(TokenErrorCode::InvalidGrant, "x");
    assert_eq!(serde_json::to_value(&error).unwrap(), json!({"error": "invalid_grant", "error_description": "x"}));
    let answer = serde_json::to_value(TokenAnswer::new("i".into(), "a".into())).unwrap();
    assert_eq!(answer, json!({"id_token": "i", "access_token": "a", "expires_in": 300, "token_type": "Bearer"}));
}

#[test]
fn an_id_token_has_what_every_sdk_checks_in_the_types_they_want() {
    let nowhere = Location::default();
    let context = AuthContext {
        txid: "45f7c92b-f45f-4862-8545-e0f58e78075a",
        timestamp: NOW,
        isotimestamp: "2023-11-14T22:13:20+00:00".to_owned(),
        event_type: "authentication",
        factor: "duo_push",
        result: "success",
        reason: "user_approved",
        alias: "",
        email: "",
        ood_software: None,
        trusted_endpoint_status: TrustedEndpoint::NotTrusted,
        user: User { name: "alice", key: Some("DUAAAAAAAAAAAAAAAAAA"), groups: vec!["staff"] },
        application: Application { name: "Web", key: ID },
        auth_device: AuthDevice { name: Some("Pixel"), ip: Some("192.0.2.1"), location: nowhere },
        access_device: AccessDevice {
            ip: Some("192.0.2.2"),
            location: Location { country: Some("Germany"), ..nowhere },
            is_firewall_enabled: Flag(Some(true)),
            ..AccessDevice::default()
        },
    };
    let token = IdToken {
        authority: HOST,
        client_id: ID,
        username: "ALICE@Example.org",
        nonce: Some("n0nce"),
        auth_time: now(),
        issued_at: now(),
        context,
    };
    let read = |token: &IdToken<'_>| {
        Value::Object(UnverifiedJwt::parse(&token.sign(SECRET).unwrap()).unwrap().verify(SECRET).unwrap().0)
    };
    let nowhere = json!({"city": null, "state": null, "country": null});
    let expected = json!({
        "iss": format!("https://{HOST}/oauth/v1/token"), "aud": ID, "exp": NOW + 300, "iat": NOW, "auth_time": NOW,
        "sub": "ALICE@Example.org", "preferred_username": "ALICE@Example.org", "nonce": "n0nce",
        "auth_result": {"result": "allow", "status": "allow", "status_msg": "Login Successful"},
        "auth_context": {
            "txid": "45f7c92b-f45f-4862-8545-e0f58e78075a", "timestamp": NOW, "isotimestamp": "2023-11-14T22:13:20+00:00",
            "event_type": "authentication", "factor": "duo_push", "result": "success", "reason": "user_approved",
            "alias": "", "email": "", "ood_software": null, "trusted_endpoint_status": "not trusted",
            "user": {"name": "alice", "key": "DUAAAAAAAAAAAAAAAAAA", "groups": ["staff"]},
            "application": {"name": "Web", "key": ID},
            "auth_device": {"name": "Pixel", "ip": "192.0.2.1", "location": nowhere},
            "access_device": {
                "ip": "192.0.2.2", "location": {"city": null, "state": null, "country": "Germany"}, "hostname": null, "epkey": null,
                "browser": null, "browser_version": null, "flash_version": null, "java_version": null, "os": null, "os_version": null,
                "is_encryption_enabled": "unknown", "is_firewall_enabled": true, "is_password_set": "unknown",
            },
        },
    });
    assert_eq!(read(&token), expected);
    let without = read(&IdToken { nonce: None, ..token });
    assert_eq!(without.get("nonce"), None, "absent, not null");
}
