//! Requests whose body never comes keep nobody else out.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use cs_testkit::{Api, Browser};
use futures_util::future::join_all;
use reqwest::Method;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject as _;
use tokio::io::AsyncReadExt as _;

use super::site::{Client, Site};

/// More than there is room for logins.
const STALLED: usize = 3;

/// What a server says that has begun to wait for a body.
const GO_ON: &[u8] = b"HTTP/1.1 100 Continue\r\n\r\n";

#[tokio::test(flavor = "multi_thread")]
async fn bodies_that_never_come_lock_nobody_out() {
    let site = cs_testkit::Site::with(|config| config.limits.logins_in_flight = STALLED - 1).await;
    let (app, unix) = (site.web_app().await, site.unix().await);
    site.user("alice").await.phone().await;
    let tls = tls(&site);
    let mut stalled = Vec::new();
    for (path, signed) in [
        ("/frame/prompt/PAAAAAAAAAAAAAAAAAAA/begin", None),
        ("/frame/prompt/PAAAAAAAAAAAAAAAAAAA/wait", None),
        ("/enroll/visit/EAAAAAAAAAAAAAAAAAAA/choose", None),
        ("/portal/codes/new", None),
        ("/oauth/v1/authorize", None),
        ("/auth/v2/preauth", Some(site.auth_api())),
        ("/auth/v2/auth", Some(site.auth_api())),
        ("/auth/v2/enroll", Some(site.auth_api())),
        ("/auth/v2/enroll_status", Some(site.auth_api())),
        ("/auth/v2/cancel", Some(site.auth_api())),
        ("/rest/v1/preauth", Some(&unix)),
        ("/rest/v1/auth", Some(&unix)),
    ] {
        for _ in 0..STALLED {
            stalled.push(stall(&site, &tls, path, signed).await);
        }
    }
    let answer = site.auth_api().post("/auth/v2/preauth", &[("username", "alice")]).await;
    assert_eq!(answer.text("result"), "auth");
    let page = Browser::new(&site).log_in(&app, "alice").await;
    assert!(page.html.contains("/wait\""), "{}", page.html);
}

#[tokio::test]
async fn bodies_that_come_too_slowly_count_as_refusals_of_their_address() {
    let site = Site::with(|config| {
        config.limits.body_timeout = Duration::from_millis(1);
        config.limits.refusals_per_second = 1;
    });
    // All are connected before the first of them speaks: what handshakes take gives nobody the time to be forgiven.
    let clients = join_all((0..30).map(|_| site.connect())).await;
    let mut statuses = Vec::new();
    for mut client in clients {
        client.send("POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 10\r\n\r\nabc").await;
        statuses.push(client.answer().await.status);
    }
    assert_eq!(statuses.first(), Some(&408), "{statuses:?}");
    assert!(statuses.contains(&429), "{statuses:?}");
}

/// A request whose head has arrived and whose body is waited for.
async fn stall(site: &cs_testkit::Site, tls: &Arc<rustls::ClientConfig>, path: &str, signed: Option<&Api>) -> Client {
    let authority = site.auth_api().authority();
    let (_, port) = authority.rsplit_once(':').unwrap();
    let address = SocketAddr::from(([127, 0, 0, 1], port.parse().unwrap()));
    let mut client = Client::connect(address, Arc::clone(tls), "localhost").await;
    let mut head =
        format!("POST {path} HTTP/1.1\r\nHost: {authority}\r\nContent-Length: 10\r\nExpect: 100-continue\r\n");
    if let Some(api) = signed {
        // An integration's key is no secret; the signature is looked at when the body is there.
        let request = api.request(Method::POST, path, &[]).build().unwrap();
        for (name, value) in request.headers().iter().filter(|(name, _)| *name != "content-type") {
            head.push_str(&format!("{name}: {}\r\n", value.to_str().unwrap()));
        }
    }
    client.send(format!("{head}\r\n")).await;
    let mut said = vec![0; GO_ON.len()];
    client.stream.read_exact(&mut said).await.unwrap();
    assert_eq!(said, GO_ON, "{path}: {}", String::from_utf8_lossy(&said));
    client
}

fn tls(site: &cs_testkit::Site) -> Arc<rustls::ClientConfig> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add(CertificateDer::from_pem_slice(site.ca_pem().as_bytes()).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let builder = rustls::ClientConfig::builder_with_provider(provider);
    let builder = builder.with_safe_default_protocol_versions().unwrap();
    Arc::new(builder.with_root_certificates(roots).with_no_client_auth())
}
