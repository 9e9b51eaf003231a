//! What applications send and get: health check, authorize, token.

use cs_testkit::{Answer, Browser, REDIRECT, STATE, WebApp};
use jiff::SignedDuration;
use reqwest::Method;
use serde_json::json;

use super::Scene;

fn error(answer: &Answer) -> (u16, String) {
    let json = answer.json();
    assert!(json["error_description"].as_str().is_some_and(|text| !text.is_empty()), "{json}");
    (answer.status, json["error"].as_str().unwrap().to_owned())
}

#[tokio::test]
async fn a_health_check_says_ok_and_each_assertion_is_good_once() {
    let scene = Scene::new().await;
    assert!(scene.app.health_check().await.response()["timestamp"].is_i64());
    let assertion = scene.app.sign(&scene.app.assertion("/oauth/v1/health_check"));
    let form = [("client_id", scene.app.client_id.as_str()), ("client_assertion", &assertion)];
    scene.app.post("/oauth/v1/health_check", &form).await.response();
    let replayed = scene.app.post("/oauth/v1/health_check", &form).await;
    assert_eq!((replayed.status, replayed.json()["message"].as_str()), (400, Some("invalid_client")));
}

#[tokio::test]
async fn a_health_check_with_a_wrong_secret_fails_like_an_unknown_client() {
    let scene = Scene::new().await;
    let wrong = scene.app.with_secret(&"w".repeat(40)).health_check().await;
    let unknown = scene.app.with_client_id("DIAAAAAAAAAAAAAAAAAA").health_check().await;
    let api = scene.site.auth_api().clone();
    let of_another_kind = WebApp::of(&scene.site, &api).health_check().await;
    for answer in [&wrong, &unknown, &of_another_kind] {
        let json = answer.json();
        let told = (answer.status, json["stat"].as_str(), json["code"].as_u64(), json["message"].as_str());
        assert_eq!(told, (400, Some("FAIL"), Some(40002), Some("invalid_client")));
        assert_eq!(json["message_detail"], "Failed to verify signature.");
        assert!(json["timestamp"].is_i64());
    }
    let endpoint = scene.app.sign(&scene.app.assertion("/oauth/v1/token"));
    let form = [("client_id", scene.app.client_id.as_str()), ("client_assertion", &endpoint)];
    assert_eq!(scene.app.post("/oauth/v1/health_check", &form).await.status, 400, "for the other endpoint");
    assert_eq!(scene.app.post("/oauth/v1/health_check", &form[..1]).await.json()["message"], "invalid_request");
}

#[tokio::test]
async fn the_token_request_may_come_as_form_multipart_or_query() {
    let mut scene = Scene::forgetful().await;
    for kind in ["form", "multipart", "query"] {
        scene.site.advance(61);
        let code = scene.approved().await.code();
        let assertion = scene.app.sign(&scene.app.assertion("/oauth/v1/token"));
        // As Java's client: no client_id but in the assertion.
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code.as_str()),
            ("redirect_uri", REDIRECT),
            ("client_assertion_type", "urn:ietf:params:oauth:client-assertion-type:jwt-bearer"),
            ("client_assertion", &assertion),
        ];
        let request = scene.app.request_to("/oauth/v1/token");
        let request = match kind {
            "form" => request.form(&fields),
            "query" => {
                let query = cs_wire::signing::encode_params(&fields);
                scene.app.request_to(&format!("/oauth/v1/token?{query}"))
            }
            _ => {
                let part = |(name, value): &(&str, &str)| {
                    format!("--XYZ\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
                };
                let body: String = fields.iter().map(part).collect();
                request.header("content-type", "multipart/form-data; boundary=XYZ").body(format!("{body}--XYZ--\r\n"))
            }
        };
        let response = request.send().await.unwrap();
        let status = response.status().as_u16();
        let answer: serde_json::Value = serde_json::from_slice(&response.bytes().await.unwrap()).unwrap();
        assert_eq!(status, 200, "{kind}: {answer}");
        assert_eq!((&answer["token_type"], &answer["expires_in"]), (&json!("Bearer"), &json!(300)));
        assert!(answer["access_token"].is_string() && answer["id_token"].is_string());
    }
}

#[tokio::test]
async fn a_code_is_good_once_for_its_client_and_redirect_uri_in_time() {
    let mut scene = Scene::forgetful().await;
    let other = scene.site.web_app().await;
    let code = scene.approved().await.code();
    let assertion = || scene.app.assertion("/oauth/v1/token");
    assert_eq!(error(&other.token(&code).await), (400, "invalid_grant".to_owned()));
    let elsewhere = scene.app.token_with(&assertion(), &code, "https://app.example.org/callback").await;
    assert_eq!(error(&elsewhere), (400, "invalid_grant".to_owned()));
    assert_eq!(error(&scene.app.token("nonsense").await), (400, "invalid_grant".to_owned()));
    let forged = scene.app.with_secret(&"w".repeat(40)).token(&code).await;
    assert_eq!(error(&forged), (400, "invalid_client".to_owned()));
    let (first, second) = tokio::join!(scene.app.token(&code), scene.app.token(&code));
    let good = [&first, &second].into_iter().filter(|answer| answer.status == 200).count();
    assert_eq!(good, 1, "{} {}", first.json(), second.json());
    assert_eq!(error(&scene.app.token(&code).await), (400, "invalid_grant".to_owned()), "used");

    scene.site.advance(61);
    let code = scene.approved().await.code();
    scene.site.advance(300);
    assert_eq!(error(&scene.app.token(&code).await), (400, "invalid_grant".to_owned()), "too late");
}

#[tokio::test]
async fn an_assertion_is_used_up_whatever_it_came_with() {
    let mut scene = Scene::forgetful().await;
    let code = scene.approved().await.code();
    let assertion = scene.app.assertion("/oauth/v1/token");
    assert_eq!(error(&scene.app.token_with(&assertion, "wrong", REDIRECT).await).1, "invalid_grant");
    assert_eq!(error(&scene.app.token_with(&assertion, &code, REDIRECT).await).1, "invalid_client");
    scene.app.id_token(&scene.app.token(&code).await);
}

#[tokio::test]
async fn keycloak_cve_2025_0604_a_code_of_somebody_disabled_meanwhile_is_worth_nothing() {
    let mut scene = Scene::forgetful().await;
    let code = scene.approved().await.code();
    scene.alice.set_status(cs_core::user::UserStatus::Disabled).await;
    let answer = scene.app.token(&code).await;
    assert_eq!(error(&answer).1, "invalid_grant");
    // The help desk finds why, by what the application was told.
    let entry = crate::scene::entries(&scene.site).await.into_iter().find(|entry| entry["result"] == "denied");
    let entry = entry.expect("a denial in the log");
    assert_eq!((&entry["reason"], &entry["user"]["name"]), (&"user_disabled".into(), &"alice".into()), "{entry}");
    let told = answer.json()["error_description"].as_str().unwrap().to_owned();
    assert!(told.contains(entry["reference"].as_str().unwrap()), "{told}");
}

#[tokio::test]
async fn the_secret_before_a_rotation_works_while_it_is_honoured_and_signs_the_answer() {
    let site = cs_testkit::Site::start().await;
    let api = site.integration("websdk", |_| {}).await;
    let old = WebApp::of(&site, &api);
    let new = WebApp::of(&site, &site.rotate(&api, SignedDuration::from_hours(1)).await);
    old.health_check().await.response();
    new.health_check().await.response();
    let alice = site.user("alice").await;
    let phone = alice.phone().await;
    let mut browser = Browser::new(&site);
    let page = browser.log_in(&old, "alice").await;
    let page = browser.submit(&page, "choose", &[("method", "passcode")]).await;
    let done = browser.submit(&page, "passcode", &[("passcode", &phone.passcode())]).await;
    old.id_token(&old.token(&done.code()).await);
    site.advance(3601);
    assert_eq!(old.health_check().await.status, 400);
    new.health_check().await.response();
}

#[tokio::test]
async fn authorize_begins_a_login_by_get_and_by_post() {
    let mut scene = Scene::new().await;
    let path = scene.app.authorize_path("alice");
    let begun = scene.browser.send_once(Method::GET, &path, &[]).await;
    assert_eq!(begun.status, 303);
    let request = scene.app.sign(&scene.app.request("alice"));
    let form = [("response_type", "code"), ("client_id", scene.app.client_id.as_str()), ("request", &request)];
    let begun = scene.browser.send_once(Method::POST, "/oauth/v1/authorize", &form).await;
    assert_eq!(begun.status, 303);
    let page = scene.browser.open(&begun.leads_to().unwrap()).await;
    assert!(page.posts_to("begin"));
}

#[tokio::test]
async fn what_is_not_the_applications_own_request_is_said_on_a_page_and_sends_nobody_anywhere() {
    let mut scene = Scene::new().await;
    let request = scene.app.request("alice");
    let with = |name: &str, value: serde_json::Value| {
        let mut request = request.clone();
        request[name] = value;
        scene.app.path_of(&request)
    };
    let now = scene.site.now().as_second();
    let good = scene.app.authorize_path("alice");
    let (head, tag) = good.rsplit_once('.').unwrap();
    let (start, payload) = head.rsplit_once('.').unwrap();
    let mut altered = data_encoding::BASE64URL_NOPAD.decode(payload.as_bytes()).unwrap();
    let at = altered.windows(5).position(|window| window == b"alice").unwrap();
    altered[at..at + 5].copy_from_slice(b"admin");
    let altered = format!("{start}.{}.{tag}", data_encoding::BASE64URL_NOPAD.encode(&altered));
    let bad = [
        ("an altered request", altered),
        ("a wrong secret", scene.app.with_secret(&"w".repeat(40)).authorize_path("alice")),
        ("an unknown client", good.replace(&scene.app.client_id, "DIAAAAAAAAAAAAAAAAAA")),
        ("an old request", with("exp", json!(now - 61))),
        ("another audience", with("aud", json!("https://api.example.com"))),
        ("another issuer", with("iss", json!("DIAAAAAAAAAAAAAAAAAA"))),
        ("a redirect by http", with("redirect_uri", json!("http://app.example.org/"))),
        ("a redirect with a user", with("redirect_uri", json!("https://app.example.org@evil.example/"))),
        ("a script", with("redirect_uri", json!("javascript:alert(1)"))),
        ("another redirect beside it", format!("{good}&redirect_uri=https%3A%2F%2Fevil.example%2F")),
        ("another state beside it", format!("{good}&state=ffffffffffffffffffff")),
        ("a short state", with("state", json!("short"))),
        ("no request", format!("/oauth/v1/authorize?client_id={}&response_type=code", scene.app.client_id)),
        ("nothing", "/oauth/v1/authorize".to_owned()),
    ];
    for (what, path) in bad {
        let page = scene.browser.send_once(Method::GET, &path, &[]).await;
        assert_eq!((page.status, page.leads_to()), (400, None), "{what}: {}", page.html);
        assert!(page.is_refusal() && !page.html.contains("evil.example"), "{what}: {}", page.html);
        assert!(scene.browser.cookies.is_empty(), "{what}");
    }
}

#[tokio::test]
async fn a_known_application_is_told_what_it_asked_wrong() {
    let mut scene = Scene::new().await;
    let mut request = scene.app.request("alice");
    request["scope"] = json!("profile");
    let path = scene.app.path_of(&request);
    let page = scene.browser.send_once(Method::GET, &path, &[]).await;
    let expected = format!("{REDIRECT}&error=invalid_scope&error_description=");
    let location = page.leads_to().unwrap();
    assert!(location.starts_with(&expected) && location.ends_with(&format!("&state={STATE}")), "{location}");
}
