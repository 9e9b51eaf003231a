//! Webhooks: JSON, signed as Standard Webhooks 1.0 has it, posted to an address that the configuration names.
//!
//! `webhook-id` stays the same when a message is sent again; `webhook-signature` is `v1,` and the base64 HMAC-SHA256 of
//! `id.timestamp.body` under the secret, so that neither body nor time can be changed.

use std::time::Duration;

use aws_lc_rs::hmac;
use data_encoding::BASE64;
use jiff::Timestamp;
use reqwest::header::{CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Value as Json, json};

use super::posting::{Destination, PostError, PostSetupError, Poster};
use crate::config::{WebhookSecret, WebhookUrl, Webhooks};

/// From the first look at the name to the answer's headers.
const TIMEOUT: Duration = Duration::from_secs(10);

/// A place that messages are posted to.
#[derive(Clone)]
pub(crate) struct Webhook {
    poster: Poster,
    secret: WebhookSecret,
}

impl std::fmt::Debug for Webhook {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "webhook {}", self.poster.url())
    }
}

impl Webhook {
    pub(crate) fn new(url: &WebhookUrl, settings: &Webhooks) -> Result<Self, PostSetupError> {
        let poster = Poster::new(&Destination {
            url,
            ca: (settings.ca.as_deref(), "webhooks.ca"),
            allowed_networks: &settings.allowed_networks,
            timeout: TIMEOUT,
        })?;
        Ok(Self { poster, secret: settings.secret.clone() })
    }

    /// Posts `data` as a message of `kind`. Any answer of class 2xx means that it was taken.
    pub(crate) async fn send(&self, id: &str, kind: &str, data: Json, now: Timestamp) -> Result<(), PostError> {
        let body = json!({"type": kind, "timestamp": now.to_string(), "data": data}).to_string();
        let headers = signed(&self.secret, id, now, &body);
        self.poster.post(body, |request| request.header(CONTENT_TYPE, "application/json").headers(headers)).await
    }
}

/// The headers of a message: its id, its time, and the signature over both and `body`.
pub(super) fn signed(secret: &WebhookSecret, id: &str, now: Timestamp, body: &str) -> HeaderMap {
    let time = now.as_second().to_string();
    let signature = sign(secret, id, &time, body);
    let mut headers = HeaderMap::new();
    for (name, value) in [("webhook-id", id), ("webhook-timestamp", &time), ("webhook-signature", &signature)] {
        // Ids are made by us, of letters and digits.
        headers.extend(HeaderValue::from_str(value).ok().map(|value| (HeaderName::from_static(name), value)));
    }
    headers
}

/// The signature of Standard Webhooks 1.0 over `id`, `time` and `body`.
pub(crate) fn sign(secret: &WebhookSecret, id: &str, time: &str, body: &str) -> String {
    let key = hmac::Key::new(hmac::HMAC_SHA256, secret.expose());
    let tag = hmac::sign(&key, [id, ".", time, ".", body].concat().as_bytes());
    format!("v1,{}", BASE64.encode(tag.as_ref()))
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::{TcpListener, TcpSocket};

    use super::super::addresses::Refused;
    use super::*;

    const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";

    /// The example of the specification's reference libraries.
    #[test]
    fn the_signature_is_the_one_of_standard_webhooks() {
        let secret = WebhookSecret::parse_text(SECRET).unwrap();
        let signature = sign(&secret, "msg_p5jXN8AQM9LWM0D4loKWxJek", "1614265330", r#"{"test": 2432232314}"#);
        assert_eq!(signature, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
    }

    /// Answers one request with `answer`, or never; gives what came.
    async fn sink(answer: Option<String>) -> (String, tokio::task::JoinHandle<String>) {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/hook/t0ken", listener.local_addr().unwrap());
        let come = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            let mut read = Vec::new();
            loop {
                let mut buffer = [0; 4096];
                let count = stream.read(&mut buffer).await.unwrap();
                read.extend_from_slice(&buffer[..count]);
                let text = String::from_utf8_lossy(&read).into_owned();
                // The body is one JSON object, and nothing of the head ends like this.
                if count == 0 || text.ends_with('}') {
                    if let Some(answer) = &answer {
                        stream.write_all(answer.as_bytes()).await.unwrap();
                    } else if count > 0 {
                        continue;
                    }
                    return text;
                }
            }
        });
        (url, come)
    }

    fn webhook(url: &str, allowed: &[&str]) -> Webhook {
        let settings = Webhooks {
            secret: WebhookSecret::parse_text(SECRET).unwrap(),
            ca: None,
            allowed_networks: allowed.iter().map(|network| network.parse().unwrap()).collect(),
        };
        let webhook = Webhook::new(&WebhookUrl::parse_text(url).unwrap(), &settings).unwrap();
        // With all the patience that a loaded machine needs.
        Webhook { poster: webhook.poster.patient_for(Duration::from_secs(60)), ..webhook }
    }

    async fn send(webhook: &Webhook) -> Result<(), PostError> {
        let now = Timestamp::from_second(1_614_265_330).unwrap();
        webhook.send("id1", "alert.fraud", json!({"username": "alice"}), now).await
    }

    fn answer(first: &str) -> Option<String> {
        Some(format!("HTTP/1.1 {first}\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"))
    }

    const LOOPBACK: &[&str] = &["127.0.0.0/8"];

    #[tokio::test]
    async fn a_message_is_posted_with_its_signature() {
        let (url, come) = sink(answer("204 No Content")).await;
        send(&webhook(&url, LOOPBACK)).await.unwrap();
        let text = come.await.unwrap();
        let (head, body) = text.split_once("\r\n\r\n").unwrap();
        assert!(head.starts_with("POST /hook/t0ken HTTP/1.1\r\n"), "{head}");
        let header = |name: &str| {
            head.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(": ")).unwrap_or_default().to_owned()
        };
        assert_eq!(header("content-type"), "application/json");
        assert_eq!((header("webhook-id"), header("webhook-timestamp")), ("id1".into(), "1614265330".into()));
        let secret = WebhookSecret::parse_text(SECRET).unwrap();
        assert_eq!(header("webhook-signature"), sign(&secret, "id1", "1614265330", body));
        let body: Json = serde_json::from_str(body).unwrap();
        assert_eq!(
            body,
            json!({"type": "alert.fraud", "timestamp": "2021-02-25T15:02:10Z", "data": {"username": "alice"}})
        );
    }

    #[tokio::test]
    async fn what_is_no_success_is_told_apart() {
        let (url, _come) = sink(answer("500 Oh")).await;
        assert!(matches!(send(&webhook(&url, LOOPBACK)).await, Err(PostError::Answered(500))));
        let (url, _come) = sink(None).await;
        let hasty = webhook(&url, LOOPBACK);
        let hasty = Webhook { poster: hasty.poster.patient_for(Duration::from_millis(300)), ..hasty };
        assert!(matches!(send(&hasty).await, Err(PostError::TimedOut(_))));
        // Bound, so that nobody else listens there.
        let silent = TcpSocket::new_v4().unwrap();
        silent.bind("127.0.0.1:0".parse().unwrap()).unwrap();
        let gone = silent.local_addr().unwrap();
        let error = send(&webhook(&format!("http://{gone}/t0ken"), LOOPBACK)).await.unwrap_err();
        assert!(matches!(error, PostError::Failed(_)) && !error.to_string().contains("t0ken"), "{error}");
    }

    #[tokio::test]
    async fn a_redirection_to_a_private_address_is_not_followed() {
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let (url, _come) = sink(Some(format!(
            "HTTP/1.1 307 Temporary Redirect\r\nLocation: http://{}/\r\nContent-Length: 0\r\nConnection: close\r\n\r\n",
            inside.local_addr().unwrap()
        )))
        .await;
        assert!(matches!(send(&webhook(&url, LOOPBACK)).await, Err(PostError::Redirected(307))));
        let connected = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
        assert!(connected.is_err(), "nobody came");
    }

    #[tokio::test]
    async fn a_private_address_is_not_spoken_to_unless_it_is_listed() {
        let inside = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = inside.local_addr().unwrap().port();
        for url in [format!("http://127.0.0.1:{port}/"), format!("https://localhost:{port}/")] {
            let error = send(&webhook(&url, &["10.0.0.0/8"])).await.unwrap_err();
            assert!(matches!(error, PostError::Refused(Refused::Private(_))), "{url}: {error}");
        }
        let connected = tokio::time::timeout(Duration::from_millis(50), inside.accept()).await;
        assert!(connected.is_err(), "nobody came");
    }
}
