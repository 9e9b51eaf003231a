//! What an address is told, and what becomes of messages and calls when it does not do its part.

use std::os::unix::fs::PermissionsExt as _;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use countersign::config::{BodyTemplate, Gateway, HttpGateway, MailPassword, WebhookUrl};
use cs_store::audit::LogKind;
use serde_json::{Value as Json, json};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpListener;

use super::{NUMBER, Scene};

/// Answers every request with `answer`, and keeps what came.
struct Sink {
    url: String,
    came: Arc<Mutex<Vec<String>>>,
}

impl Sink {
    async fn start(answer: &'static str) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/send", listener.local_addr().unwrap());
        let came = Arc::<Mutex<Vec<String>>>::default();
        let kept = Arc::clone(&came);
        tokio::spawn(async move {
            while let Ok((mut stream, _)) = listener.accept().await {
                let mut text = String::new();
                let mut buffer = [0; 4096];
                loop {
                    let count = stream.read(&mut buffer).await.unwrap_or(0);
                    text.push_str(&String::from_utf8_lossy(&buffer[..count]));
                    let Some((head, body)) = text.split_once("\r\n\r\n") else { continue };
                    let length = head.lines().find_map(|line| line.strip_prefix("content-length: "));
                    if count == 0 || length.and_then(|length| length.parse().ok()) == Some(body.len()) {
                        break;
                    }
                }
                kept.lock().unwrap().push(text);
                let answer = format!("HTTP/1.1 {answer}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        Self { url, came }
    }

    fn gateway(&self) -> HttpGateway {
        HttpGateway {
            url: WebhookUrl::parse_text(&self.url).unwrap(),
            authorization: Some(MailPassword::Text("Basic AC1:t0k3n".to_owned().into())),
            body: None,
            ca: None,
            allowed_networks: vec!["127.0.0.0/8".parse().unwrap()],
            timeout: Duration::from_secs(60),
        }
    }

    async fn scene(&self, change: impl FnOnce(&mut HttpGateway)) -> Scene {
        let mut gateway = self.gateway();
        change(&mut gateway);
        Scene::with(|telephony| telephony.gateway = Gateway::Http(gateway)).await
    }

    fn taken(&self) -> Vec<String> {
        std::mem::take(&mut self.came.lock().unwrap())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_posted_signed_and_with_the_secret() {
    let sink = Sink::start("204 No Content").await;
    let scene = sink.scene(|_| {}).await;
    scene.ask_for_codes().await;
    scene.told().await;
    let [request] = sink.taken().try_into().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.starts_with("POST /send HTTP/1.1") && head.contains("authorization: Basic QUMxOnQwazNu"), "{head}");
    assert!(head.contains("webhook-signature: v1,") && head.contains("content-type: application/json"), "{head}");
    let body: Json = serde_json::from_str(body).unwrap();
    assert_eq!((&body["type"], &body["data"]["to"]), (&json!("telephony.sms"), &json!(NUMBER)));
    let text = body["data"]["text"].as_str().unwrap();
    assert_eq!(scene.types(text.strip_prefix("SMS passcodes: ").unwrap()).await, "allow");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_is_posted_in_the_gateways_own_format() {
    let sink = Sink::start("201 Created").await;
    let template = BodyTemplate::parse_text("From=%2B15550000&To={to}&Body={text}").unwrap();
    let scene = sink.scene(|gateway| gateway.body = Some(template)).await;
    scene.site.settings(json!({"sms_message": "Codes & more"})).await;
    scene.ask_for_codes().await;
    scene.told().await;
    let [request] = sink.taken().try_into().unwrap();
    let (head, body) = request.split_once("\r\n\r\n").unwrap();
    assert!(head.contains("content-type: application/x-www-form-urlencoded"), "{head}");
    assert!(body.starts_with("From=%2B15550000&To=%2B14155550100&Body=Codes+%26+more%3A+"), "{body}");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_fails_is_asked_again_and_given_up_in_the_end() {
    let sink = Sink::start("503 Later").await;
    let scene = sink.scene(|_| {}).await;
    scene.ask_for_codes().await;
    for wait in [1, 2, 4, 8, 16, 32] {
        scene.told().await;
        scene.site.advance(wait);
    }
    let asked = sink.taken();
    assert_eq!(asked.len(), 6);
    let id = |request: &String| request.lines().find(|line| line.starts_with("webhook-id")).unwrap().to_owned();
    assert!(asked.iter().all(|request| id(request) == id(&asked[0])), "the same message each time");
    let logged = scene.logged(LogKind::Activity).await;
    assert_eq!((logged.result.as_deref(), logged.reason.as_deref()), (Some("telephony_failed"), Some("sms")));
    assert!(logged.body.contains("503") && !logged.body.contains("4155550100"), "{}", logged.body);
}

#[tokio::test(flavor = "multi_thread")]
async fn outage_2015_10_07_a_call_that_is_not_made_is_told_at_once() {
    let sink = Sink::start("400 No").await;
    let scene = sink.scene(|_| {}).await;
    let txid = scene.auth(&[("factor", "phone"), ("device", "auto"), ("async", "1")]).await.text("txid");
    scene.told().await;
    let status = scene.site.auth_api().get("/auth/v2/auth_status", &[("txid", &txid)]).await.response();
    assert_eq!((&status["result"], &status["status"]), (&json!("deny"), &json!("timeout")));
}

#[tokio::test(flavor = "multi_thread")]
async fn neither_redirections_nor_private_networks_are_followed() {
    let inside = Sink::start("200 OK").await;
    let sink = Sink::start("307 Away\r\nLocation: http://127.0.0.1:1/").await;
    let scene = sink.scene(|_| {}).await;
    scene.ask_for_codes().await;
    scene.told().await;
    assert_eq!(sink.taken().len(), 1);
    assert!(scene.logged(LogKind::Activity).await.body.contains("redirections"));

    let scene = inside.scene(|gateway| gateway.allowed_networks.clear()).await;
    scene.ask_for_codes().await;
    scene.told().await;
    assert!(inside.taken().is_empty());
    assert!(scene.logged(LogKind::Activity).await.body.contains("private"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_file_is_for_its_owner_alone() {
    let scene = Scene::new().await;
    scene.ask_for_codes().await;
    countersign::jobs::deliver_telephony(scene.site.engine(), &scene.telephony).await.unwrap();
    assert_eq!(std::fs::metadata(&scene.file).unwrap().permissions().mode() & 0o777, 0o600);
}
