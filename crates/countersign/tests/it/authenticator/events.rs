//! Event streams. Nothing here pulls: the clock stands still, so what arrives came at once.

use countersign_device::{Watch, WatchEvent};
use cs_core::login::{Choice, FactorRequest};
use cs_engine::login::{AuthAnswer, AuthRequest, FactorInput, Who};
use cs_engine::{Access, Caller, Clock, Engine, EngineConfig, Geo, Liveness, Surface};
use cs_testkit::Site;
use cs_wire::device::ClosedState;
use reqwest::header::AUTHORIZATION;

use super::*;

const EVENTS: &str = "/authenticator/v1/events";

async fn connected(watch: &mut Watch) {
    assert!(matches!(watch.next().await, Some(Ok(WatchEvent::Connected))));
}

async fn next_request(watch: &mut Watch) -> String {
    match watch.next().await {
        Some(Ok(WatchEvent::Request(request))) => request.txid,
        other => panic!("not a request: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_login_is_shown_and_closed_at_once() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let mut watch = device.watch();
    connected(&mut watch).await;
    let txid = push(&site, &alice, &device, "192.0.2.1").await;
    assert_eq!(next_request(&mut watch).await, txid);
    device.approve(&txid, None).await.unwrap();
    match watch.next().await {
        Some(Ok(WatchEvent::Closed { txid: closed, state })) => {
            assert_eq!((closed, state), (txid, Some(ClosedState::Approved)));
        }
        other => panic!("not closed: {other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_began_before_is_pulled_and_streamed() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let txid = push(&site, &alice, &device, "192.0.2.1").await;
    assert_eq!(device.pending().await.unwrap()[0].txid, txid);
    let mut stream = Stream::open(&site, &device).await;
    let events = stream.until("event: ping").await;
    assert!(events.starts_with("event: request"), "what waits comes first: {events}");
    assert!(events.contains(&txid));
    assert!(events.find("event: request") < events.find("event: ping"));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_another_node_sends_is_found_within_seconds() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let mut stream = Stream::open(&site, &device).await;
    stream.until("event: ping").await;

    let other = Engine::new(EngineConfig {
        store: site.engine().store().clone(),
        clock: Clock::Manual(site.clock.clone()),
        geo: Geo::default(),
        node: "other".to_owned(),
        authenticator_origin: site.engine().authenticator_origin().to_owned(),
        relying_party: site.engine().relying_party().clone(),
        mail: false,
        telephony: cs_engine::telephony::Telephony::default(),
        versions: cs_core::policy::facts::Versions::default(),
    });
    let (account, key) = (site.account, site.auth_api().key());
    let caller = Caller {
        account: other.directory().account(account).await.unwrap().unwrap(),
        integration: other.directory().integration(account, key).await.unwrap().unwrap(),
        surface: Surface::AuthV2,
        connection: Liveness::forever(),
        legacy_signature: false,
    };
    let request = AuthRequest {
        who: Who::Name("alice".to_owned()),
        factor: FactorInput::Named(FactorRequest::Push, Choice::Auto),
        access: Access::default(),
        push_type: None,
        display_username: None,
        info: Vec::new(),
        ticket: None,
        idempotency_key: None,
        login_key: None,
        digest: [7; 32],
        log_as: None,
    };
    let AuthAnswer::Started { txid, .. } = other.auth(&caller, &request).await.unwrap() else { panic!("no push") };
    site.advance(5);
    assert!(stream.until("event: request").await.contains(&txid.to_string()));
    assert!(other.cancel(&caller, txid).await.unwrap());
    site.advance(5);
    assert!(stream.until("event: closed").await.contains("cancelled"));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stream_pings_and_ends_when_the_server_stops() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let mut stream = Stream::open(&site, &device).await;
    stream.until("event: ping").await;
    for _ in 0..2 {
        site.advance(20);
        stream.until("event: ping").await;
    }
    site.drain();
    stream.end().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_unbound_device_loses_its_stream_and_gets_no_other() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let mut watch = device.watch();
    connected(&mut watch).await;
    let id = device.record().device_id.parse().unwrap();
    assert!(site.engine().unbind_device(site.account, id).await.unwrap());
    let mut last = watch.next().await;
    while let Some(Ok(event)) = last {
        assert!(matches!(event, WatchEvent::Disconnected { .. }), "{event:?}");
        last = watch.next().await;
    }
    assert_eq!(refused(last.unwrap()), "inactive");
}

#[tokio::test(flavor = "multi_thread")]
async fn one_device_opens_few_streams() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let mut streams = Vec::new();
    for _ in 0..4 {
        streams.push(Stream::open(&site, &device).await);
    }
    let proof = device.proof("GET", EVENTS, b"").unwrap();
    let fifth = device.send_raw(reqwest::Method::GET, EVENTS, Some(&proof), Vec::new()).await.unwrap();
    assert_eq!(fifth.status, 429);
}

/// A stream as it comes over the wire.
/// Thousands of phones are connected all the time.
#[tokio::test(flavor = "multi_thread")]
async fn a_stream_reads_the_database_once_a_look() {
    let site = Site::start().await;
    let alice = site.user("alice").await;
    let device = device(&site, &alice).await;
    let mut stream = Stream::open(&site, &device).await;
    stream.until("event: ping").await;
    let reads = || site.engine().store().reads();
    for _ in 0..3 {
        let before = reads();
        // It is time for a look and for a ping, which comes after it.
        site.advance(20);
        stream.until("event: ping").await;
        assert_eq!(reads() - before, 1);
    }
    let txid = push(&site, &alice, &device, "192.0.2.1").await;
    assert!(stream.until("event: request").await.contains(&txid));
    site.advance(20);
    let before = reads();
    stream.until("event: ping").await;
    assert!(reads() - before <= 1, "also while something waits");
}

struct Stream {
    response: reqwest::Response,
    seen: String,
}

impl Stream {
    async fn open(site: &Site, device: &Authenticator) -> Self {
        let ca = reqwest::Certificate::from_pem(site.ca_pem().as_bytes()).unwrap();
        let client = reqwest::Client::builder().tls_certs_only([ca]).build().unwrap();
        let proof = device.proof("GET", EVENTS, b"").unwrap();
        let url = format!("{}{EVENTS}", site.engine().authenticator_origin());
        let response = client.get(url).header(AUTHORIZATION, format!("Device {proof}")).send().await.unwrap();
        assert_eq!(response.status(), 200);
        assert_eq!(response.headers()["content-type"], "text/event-stream");
        Self { response, seen: String::new() }
    }

    /// Reads on until a whole event with `text` has come; everything since the last call.
    async fn until(&mut self, text: &str) -> String {
        loop {
            if let Some(at) = self.seen.find(text)
                && let Some(end) = self.seen[at..].find("\n\n")
            {
                let rest = self.seen.split_off(at + end + 2);
                return std::mem::replace(&mut self.seen, rest);
            }
            let chunk = self.response.chunk().await.unwrap().unwrap();
            self.seen.push_str(std::str::from_utf8(&chunk).unwrap());
        }
    }

    async fn end(&mut self) {
        while self.response.chunk().await.unwrap().is_some() {}
    }
}
