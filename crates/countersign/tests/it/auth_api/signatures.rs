//! Who is let in to ask, and what of a request counts.

use cs_core::id::IntegrationKey;
use cs_engine::SystemRng;
use cs_testkit::{Answer, Api, Site};
use cs_wire::signing::Scheme;
use reqwest::Method;

const CHECK: &str = "/auth/v2/check";
const REST_CHECK: &str = "/rest/v1/check";

async fn send(request: reqwest::RequestBuilder) -> Answer {
    let response = request.send().await.unwrap();
    let (status, headers) = (response.status().as_u16(), response.headers().clone());
    Answer { status, headers, body: response.bytes().await.unwrap().to_vec() }
}

async fn check(api: &Api) -> Answer {
    api.get(CHECK, &[]).await
}

#[tokio::test(flavor = "multi_thread")]
async fn ping_needs_no_signature_and_tells_the_time() {
    let site = Site::start().await;
    let answer = site.auth_api().unsigned("/auth/v2/ping").await;
    assert_eq!(answer.response()["time"], site.now().as_second());
    assert_eq!(answer.headers["content-type"], "application/json");
    assert_eq!(answer.headers["cache-control"], "no-store");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_dated_signature_is_taken() {
    let site = Site::start().await;
    site.user("o'neil ü").await.hotp_token().await;
    for scheme in [Scheme::V2Sha1, Scheme::V2Sha512, Scheme::V4, Scheme::V5] {
        let api = site.auth_api().signing(scheme);
        assert_eq!(check(&api).await.response()["time"], site.now().as_second(), "{scheme:?}");
        let answer = api.post("/auth/v2/preauth", &[("username", "o'neil ü"), ("unknown", "~*+&=/")]).await;
        assert_eq!(answer.text("result"), "auth", "{scheme:?}");
    }
    for scheme in [Scheme::V1Sha1, Scheme::V1Sha512] {
        assert_eq!(check(&site.auth_api().signing(scheme)).await.code(), 40104, "{scheme:?}");
    }
}

/// On one thread, so that what the server says is heard.
#[tokio::test]
async fn the_log_says_which_client_is_set_up_wrongly_once_a_minute() {
    let (log, _guard) = crate::log::hear();
    let site = Site::start().await;
    let (api, disabled) = (site.auth_api(), site.integration("authapi", |record| record.enabled = false).await);
    let mistyped = IntegrationKey::generate(&mut SystemRng);
    let (own, other) = (api.key(), disabled.key());
    for _ in 0..3 {
        check(&api.with_wrong_secret()).await;
        check(&api.with_key(mistyped)).await;
        check(&disabled).await;
        // Whoever passes by is not worth a line.
        api.unsigned(CHECK).await;
    }
    let text = log.text();
    let lines: Vec<&str> = text.lines().filter(|line| line.contains("a request was refused")).collect();
    assert_eq!(lines.len(), 3, "{text}");
    for (line, parts) in lines.iter().zip([
        [own.as_str(), "the signature does not match"],
        [mistyped.as_str(), "unknown integration key"],
        [other.as_str(), "the integration is disabled"],
    ]) {
        assert!(parts.iter().all(|part| line.contains(part)) && line.contains("127.0.0.1"), "{parts:?}: {line}");
    }
    site.advance(61);
    check(&api.with_wrong_secret()).await;
    assert_eq!(log.text().matches("a request was refused").count(), 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn strangers_are_told_their_code() {
    let site = Site::start().await;
    let api = site.auth_api();
    assert_eq!(api.unsigned(CHECK).await.code(), 40101);
    assert_eq!(check(&api.with_key(IntegrationKey::generate(&mut SystemRng))).await.code(), 40102);
    assert_eq!(check(&api.with_wrong_secret()).await.code(), 40103);
    assert_eq!(check(site.admin_api()).await.code(), 40301);

    let disabled = site.integration("authapi", |record| record.enabled = false).await;
    assert_eq!(check(&disabled).await.code(), 40102);

    let old = api.request(Method::GET, CHECK, &[]);
    site.advance(301);
    assert_eq!(send(old).await.code(), 40105);

    let plain =
        api.request(Method::POST, "/auth/v2/preauth", &[("username", "alice")]).header("content-type", "text/plain");
    assert_eq!(send(plain).await.code(), 40106);
    assert_eq!(api.post(CHECK, &[]).await.code(), 40501);
    assert_eq!(api.get("/auth/v2/nothing", &[]).await.code(), 40401);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_client_that_may_fail_open_is_never_told_401() {
    let site = Site::start().await;
    let unix = site.unix().await;
    assert_eq!(unix.get(REST_CHECK, &[]).await.response(), "valid");
    // By its type, wherever it calls; dateless signatures count at REST v1 only.
    assert_eq!(check(&unix).await.code(), 40301);
    assert_eq!(check(&unix.with_wrong_secret().signing(Scheme::V2Sha512)).await.code(), 40301);
    // By the path, whoever calls.
    for stranger in [
        unix.with_wrong_secret(),
        unix.with_key(IntegrationKey::generate(&mut SystemRng)),
        site.auth_api().with_wrong_secret(),
        site.auth_api().signing(Scheme::V1Sha1),
    ] {
        for path in [REST_CHECK, "/rest/v1/check.json"] {
            assert_eq!(stranger.get(path, &[]).await.code(), 40301);
        }
        assert_eq!(stranger.get("/rest/v1/check.bson", &[]).await.status, 403);
    }
    assert_eq!(unix.unsigned(REST_CHECK).await.code(), 40301);
    let old = unix.signing(Scheme::V2Sha512).request(Method::GET, REST_CHECK, &[]);
    site.advance(301);
    assert_eq!(send(old).await.code(), 40301);
    site.change_integration(unix.key(), |record| record.enabled = false).await;
    assert_eq!(unix.get(REST_CHECK, &[]).await.code(), 40301);
    assert_eq!(check(&unix.signing(Scheme::V5)).await.code(), 40301);
}

#[tokio::test(flavor = "multi_thread")]
async fn dateless_signatures_count_only_where_they_are_allowed_and_are_noted() {
    let site = Site::start().await;
    let unix = site.unix().await;
    for scheme in [Scheme::V1Sha1, Scheme::V1Sha512] {
        assert_eq!(unix.signing(scheme).get(REST_CHECK, &[]).await.response(), "valid");
    }
    let strict = site.integration("unix", |_| {}).await.signing(Scheme::V1Sha1);
    assert_eq!(strict.get(REST_CHECK, &[]).await.code(), 40301);
    assert_eq!(strict.signing(Scheme::V2Sha512).get(REST_CHECK, &[]).await.response(), "valid");
    let not_legacy = site.integration("authapi", |record| record.legacy_signatures = true).await;
    assert_eq!(not_legacy.signing(Scheme::V1Sha1).get(REST_CHECK, &[]).await.code(), 40301);

    let last_used = async |api: &Api| {
        let store = site.engine().store();
        store.integration_record(site.account, api.key()).await.unwrap().unwrap().legacy_last_used
    };
    while last_used(&unix).await.is_none() {
        tokio::task::yield_now().await;
    }
    assert_eq!(last_used(&unix).await, Some(site.now()));
    assert_eq!(last_used(&strict).await, None);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rotated_secret_works_until_its_overlap_ends() {
    let site = Site::start().await;
    let old = site.integration("authapi", |_| {}).await;
    let new = site.rotate(&old, jiff::SignedDuration::from_secs(60)).await;
    assert_eq!((check(&old).await.status, check(&new).await.status), (200, 200));
    site.advance(61);
    assert_eq!(check(&old).await.code(), 40103);
    assert_eq!(check(&new).await.status, 200);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_not_signed_does_not_count() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    alice.hotp_token().await;
    for scheme in [Scheme::V2Sha512, Scheme::V5] {
        let api = site.auth_api().signing(scheme);
        let url = format!("https://{}/auth/v2/preauth?username=alice", api.authority());
        let mut request = api.request(Method::POST, "/auth/v2/preauth", &[]).build().unwrap();
        *request.url_mut() = url.parse().unwrap();
        let response = site.http().execute(request).await.unwrap();
        let body: serde_json::Value = response.json().await.unwrap();
        assert_eq!(body["code"], 40001, "{scheme:?}: {body}");
    }
    // A changed body is somebody else's request.
    for scheme in [Scheme::V2Sha512, Scheme::V5] {
        let api = site.auth_api().signing(scheme);
        let request = api.request(Method::POST, "/auth/v2/preauth", &[("username", "alice")]);
        let body = if scheme == Scheme::V5 { r#"{"username":"mallory"}"# } else { "username=mallory" };
        assert_eq!(send(request.body(body)).await.code(), 40103, "{scheme:?}");
    }
    // A scalar sent twice is refused, whichever was meant.
    let twice = [("username", "alice"), ("username", "bob")];
    assert_eq!(site.auth_api().signing(Scheme::V2Sha512).post("/auth/v2/preauth", &twice).await.code(), 40002);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_body_beyond_the_limit_is_refused() {
    let site = Site::with(|config| config.limits.body_bytes = 10_000).await;
    let long = "x".repeat(11_000);
    assert_eq!(site.auth_api().post("/auth/v2/preauth", &[("username", &long)]).await.code(), 41301);
}

#[tokio::test(flavor = "multi_thread")]
async fn one_integration_may_be_limited() {
    let site = Site::with(|config| config.limits.integration_per_second = 1).await;
    let mut codes = Vec::new();
    for _ in 0..20 {
        let answer = check(site.auth_api()).await;
        codes.push(answer.status);
        if answer.status == 429 {
            assert_eq!(answer.code(), 42901);
            assert!(answer.headers["retry-after"].to_str().unwrap().parse::<u32>().unwrap() >= 1);
        }
    }
    assert!(codes.contains(&429), "{codes:?}");
    assert_eq!(check(&site.integration("authapi", |_| {}).await).await.status, 200, "others are not");
}
