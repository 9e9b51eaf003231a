//! Web Push: a small encrypted message to the push service of a phone's browser, which brings it there (RFC 8030).
//!
//! The address comes from a phone, so from anybody: it is spoken to over TLS only, never inside private networks, redirections are not followed, and
//! nothing of the answer but status and `Retry-After` is looked at.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cs_engine::{Engine, EngineError};
use cs_wire::webpush::VapidKey;
use http::header::{AUTHORIZATION, CONTENT_ENCODING, CONTENT_TYPE, RETRY_AFTER};
use jiff::{SignedDuration, Timestamp};
use reqwest::{Client, Response, redirect};
use url::Url;

use super::addresses::{AllowedNetworks, Guard, Refused};
use super::posting::{NoAnswer, NoCertificates, certificates, no_answer};
use super::traffic::{Traffic, Whom};
use crate::config::PushSettings;

/// From the first look at the name to the answer's headers. A push is worth a minute, and the person looks meanwhile.
const TIMEOUT: Duration = Duration::from_secs(10);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long a connection to a push service waits for the next message.
const IDLE: Duration = Duration::from_secs(60);
/// The longest pause that is kept to.
const LONGEST_PAUSE: SignedDuration = SignedDuration::from_mins(15);
/// The pause that is kept where the push service does not say how long.
const USUAL_PAUSE: SignedDuration = SignedDuration::from_secs(5);

/// Why messages cannot be sent at all.
#[derive(Debug, thiserror::Error)]
pub enum WebPushSetupError {
    #[error("cannot read {} (`push.ca`)", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} (`push.ca`) holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("TLS for push messages cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// Why a message did not arrive.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum WebPushError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the endpoint is not an https address")]
    NotHttps,
    #[error("the push service no longer knows the subscription ({0})")]
    Gone(u16),
    #[error("the push service asks for a pause until {until}")]
    Paused { until: Timestamp },
    #[error("not sent before {until}: the push service asked for a pause, or has as many messages under way as it may")]
    NotYet { until: Timestamp },
    #[error("no answer in time")]
    TimedOut,
    #[error("answered {0}, and redirections are not followed")]
    Redirected(u16),
    #[error("answered {0}")]
    Answered(u16),
    #[error("{0}")]
    Failed(String),
}

impl WebPushError {
    /// Whether the same message may arrive later.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::Paused { .. } | Self::NotYet { .. } | Self::TimedOut | Self::Failed(_) => true,
            Self::Answered(status) => *status >= 500,
            Self::Refused(_) | Self::NotHttps | Self::Gone(_) | Self::Redirected(_) => false,
        }
    }
}

/// A message as it goes out.
#[derive(Debug)]
pub(crate) struct Message<'a> {
    /// The subscription's address.
    pub(crate) endpoint: &'a Url,
    /// The `Authorization` header.
    pub(crate) authorization: String,
    /// The encrypted body.
    pub(crate) body: Vec<u8>,
    /// Seconds for which it is worth anything.
    pub(crate) ttl: i64,
    /// A second message with the same topic takes the place of the first.
    pub(crate) topic: &'a str,
}

/// What sends messages.
pub(crate) struct WebPush {
    client: Client,
    guard: Guard,
    timeout: Duration,
    traffic: Traffic,
}

impl WebPush {
    pub(crate) fn new(settings: &PushSettings) -> Result<Self, WebPushSetupError> {
        crate::tls::install_provider();
        let guard = Guard::for_https(AllowedNetworks(settings.allowed_networks.clone().into()));
        let mut builder = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            // A redirection names an address that nobody has judged; a proxy would look names up for us.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .https_only(true)
            .dns_resolver(Arc::new(guard.clone()))
            .connect_timeout(CONNECT_TIMEOUT)
            // A connection that is kept goes to an address that was judged.
            .pool_idle_timeout(IDLE);
        if let Some(path) = &settings.ca {
            builder = builder.tls_certs_only(certificates(path).map_err(|error| match error {
                NoCertificates::Unreadable(source) => WebPushSetupError::Unreadable { path: path.clone(), source },
                NoCertificates::Empty => WebPushSetupError::NoCertificate(path.clone()),
            })?);
        }
        let client = builder.build().map_err(WebPushSetupError::Tls)?;
        Ok(Self { client, guard, timeout: TIMEOUT, traffic: Traffic::default() })
    }

    /// The same, waiting no longer than `timeout` for an answer.
    pub(crate) fn with_timeout(self, timeout: Duration) -> Self {
        Self { timeout, ..self }
    }

    /// Sends `message` once.
    pub(crate) async fn send(&self, message: Message<'_>, now: Timestamp) -> Result<(), WebPushError> {
        if message.endpoint.scheme() != "https" {
            return Err(WebPushError::NotHttps);
        }
        self.guard.check_literal(message.endpoint)?;
        let _place = self.traffic.enter(message.endpoint, now).map_err(|until| WebPushError::NotYet { until })?;
        let request = self
            .client
            .post(message.endpoint.clone())
            .header(AUTHORIZATION, message.authorization)
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_ENCODING, "aes128gcm")
            .header("ttl", message.ttl.max(0))
            .header("urgency", "high")
            .header("topic", message.topic)
            .timeout(self.timeout)
            .body(message.body);
        // The answer's body is nobody's business, and may not end.
        let response = request.send().await.map_err(failed)?;
        match response.status().as_u16() {
            200..300 => Ok(()),
            status @ 300..400 => Err(WebPushError::Redirected(status)),
            status @ (404 | 410) => Err(WebPushError::Gone(status)),
            status @ (429 | 503) => {
                let until = now + pause_asked(&response);
                // Too many messages to this phone, or to all.
                let whom = if status == 429 { Whom::Subscription } else { Whom::Service };
                self.traffic.pause(message.endpoint, whom, until, now);
                Err(WebPushError::Paused { until })
            }
            status => Err(WebPushError::Answered(status)),
        }
    }
}

fn failed(error: reqwest::Error) -> WebPushError {
    match no_answer(error) {
        NoAnswer::TimedOut => WebPushError::TimedOut,
        NoAnswer::Refused(refused) => WebPushError::Refused(refused),
        NoAnswer::Failed(cause) => WebPushError::Failed(cause),
    }
}

/// How long the push service asks to be left alone.
fn pause_asked(response: &Response) -> SignedDuration {
    let asked = response.headers().get(RETRY_AFTER).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let pause = asked.parse().map_or(USUAL_PAUSE, SignedDuration::from_secs);
    pause.clamp(SignedDuration::from_secs(1), LONGEST_PAUSE)
}

/// The key with which push services know this installation; made the first time that it is asked for.
pub(crate) async fn vapid_key(engine: &Engine) -> Result<VapidKey, EngineError> {
    const UNUSABLE: EngineError = EngineError::Invalid("vapid_key");
    let candidate = VapidKey::generate().and_then(|key| key.expose_pkcs8()).map_err(|_| UNUSABLE)?;
    let kept = engine.vapid_key(&candidate).await?;
    VapidKey::from_pkcs8(&kept).map_err(|_| UNUSABLE)
}
