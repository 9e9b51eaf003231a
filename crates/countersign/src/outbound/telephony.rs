//! Gateways for messages and calls: a file that is appended to, and an address that is posted to. The contract is in `docs/telephony.md`.

use std::fs::OpenOptions;
use std::io::{self, Write as _};
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use cs_engine::telephony::{CallOrder, SmsOrder};
use data_encoding::BASE64;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::posting::{Destination, PostError, PostSetupError, Poster};
use super::webhook::signed;
use crate::config::{HttpGateway, PasswordError, WebhookSecret};

/// Why a message or call did not get to the gateway. Says nothing of number, text or secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error(transparent)]
    Post(#[from] PostError),
    #[error("the secret for the gateway (`telephony.authorization`)")]
    Secret(#[from] PasswordError),
    #[error("the secret for the gateway cannot be a header")]
    NotAHeader,
    #[error("the file cannot be written")]
    File(#[source] io::Error),
}

impl GatewayError {
    /// Whether the same request may succeed later.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::File(_) | Self::Secret(_) | Self::Post(PostError::TimedOut(_) | PostError::Failed(_)) => true,
            Self::Post(PostError::Answered(status)) => *status >= 500 || *status == 429,
            Self::NotAHeader | Self::Post(PostError::Refused(_) | PostError::Redirected(_)) => false,
        }
    }
}

/// What sends messages and makes calls. Does each at least once; `id` stays the same when one is asked for again.
pub(crate) trait TelephoneGateway: Send + Sync + 'static {
    /// Sends a message.
    fn sms(&self, id: &str, order: &SmsOrder, now: Timestamp) -> impl Future<Output = Result<(), GatewayError>> + Send;
    /// Makes a call, of which it reports later.
    fn call(
        &self,
        id: &str,
        order: &CallOrder,
        now: Timestamp,
    ) -> impl Future<Output = Result<(), GatewayError>> + Send;
}

/// Appends one JSON object a line to a file that only its owner can read: for tests, for trying things out, and where another program carries them on.
pub(crate) struct FileGateway {
    path: PathBuf,
    /// Lines of two messages at a time must not mix.
    writing: Arc<Mutex<()>>,
}

impl FileGateway {
    pub(crate) fn new(path: PathBuf) -> Self {
        Self { path, writing: Arc::default() }
    }

    async fn append(&self, id: &str, kind: &str, data: Json, now: Timestamp) -> Result<(), GatewayError> {
        let line = format!("{}\n", json!({"id": id, "type": kind, "timestamp": now.to_string(), "data": data}));
        let (path, writing) = (self.path.clone(), Arc::clone(&self.writing));
        let write = move || {
            let _alone = writing.lock().unwrap_or_else(PoisonError::into_inner);
            let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
            file.write_all(line.as_bytes())?;
            file.sync_data()
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.map_err(io::Error::other).and_then(|written| written).map_err(GatewayError::File)
    }
}

impl TelephoneGateway for FileGateway {
    async fn sms(&self, id: &str, order: &SmsOrder, now: Timestamp) -> Result<(), GatewayError> {
        self.append(id, SMS_TYPE, sms_json(order), now).await
    }

    async fn call(&self, id: &str, order: &CallOrder, now: Timestamp) -> Result<(), GatewayError> {
        self.append(id, CALL_TYPE, call_json(order), now).await
    }
}

/// Posts to the address of a gateway.
pub(crate) struct HttpTelephone {
    poster: Poster,
    settings: HttpGateway,
    secret: Option<WebhookSecret>,
}

impl HttpTelephone {
    pub(crate) fn new(settings: &HttpGateway, secret: Option<&WebhookSecret>) -> Result<Self, PostSetupError> {
        let poster = Poster::new(&Destination {
            url: &settings.url,
            ca: (settings.ca.as_deref(), "telephony.ca"),
            allowed_networks: &settings.allowed_networks,
            timeout: settings.timeout,
        })?;
        Ok(Self { poster, settings: settings.clone(), secret: secret.cloned() })
    }

    async fn post(
        &self,
        id: &str,
        content_type: &'static str,
        body: String,
        now: Timestamp,
    ) -> Result<(), GatewayError> {
        let mut headers = self.secret.as_ref().map(|secret| signed(secret, id, now, &body)).unwrap_or_default();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static(content_type));
        if let Some(authorization) = &self.settings.authorization {
            headers.insert(AUTHORIZATION, authorization_header(&authorization.load()?)?);
        }
        Ok(self.poster.post(body, |request| request.headers(headers)).await?)
    }
}

impl TelephoneGateway for HttpTelephone {
    async fn sms(&self, id: &str, order: &SmsOrder, now: Timestamp) -> Result<(), GatewayError> {
        match &self.settings.body {
            Some(template) => {
                self.post(id, template.content_type(), template.fill(id, &order.to, &order.text), now).await
            }
            None => self.post(id, "application/json", envelope(SMS_TYPE, sms_json(order), now), now).await,
        }
    }

    async fn call(&self, id: &str, order: &CallOrder, now: Timestamp) -> Result<(), GatewayError> {
        self.post(id, "application/json", envelope(CALL_TYPE, call_json(order), now), now).await
    }
}

const SMS_TYPE: &str = "telephony.sms";
const CALL_TYPE: &str = "telephony.call";

fn envelope(kind: &str, data: Json, now: Timestamp) -> String {
    json!({"type": kind, "timestamp": now.to_string(), "data": data}).to_string()
}

fn sms_json(order: &SmsOrder) -> Json {
    json!({"to": order.to, "text": order.text, "expires": order.expires})
}

fn call_json(order: &CallOrder) -> Json {
    json!({
        "call": order.id,
        "to": order.to,
        "extension": order.extension,
        "predelay": order.predelay,
        "postdelay": order.postdelay,
        "caller_id": order.caller_id,
        "text": order.text,
        "language": order.language,
        "approve_key": order.approve_key,
        "fraud_key": order.fraud_key,
        "expires": order.expires,
    })
}

/// `Basic user:password` is encoded; everything else is sent as it is.
fn authorization_header(secret: &str) -> Result<HeaderValue, GatewayError> {
    let text = match secret.strip_prefix("Basic ").filter(|pair| pair.contains(':')) {
        Some(pair) => Zeroizing::new(format!("Basic {}", BASE64.encode(pair.as_bytes()))),
        None => Zeroizing::new(secret.to_owned()),
    };
    let mut value = HeaderValue::from_str(&text).map_err(|_| GatewayError::NotAHeader)?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_user_and_password_are_encoded_and_a_token_is_not() {
        let header = |secret: &str| authorization_header(secret).unwrap().to_str().unwrap().to_owned();
        assert_eq!(header("Basic Aladdin:open sesame"), "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==");
        assert_eq!(header("Bearer t0k3n"), "Bearer t0k3n");
        assert!(matches!(authorization_header("Bearer a\r\nX: y"), Err(GatewayError::NotAHeader)));
    }
}
