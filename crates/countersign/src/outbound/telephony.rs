//! Gateways for messages and calls: a file that is appended to, and an address that is posted to. The contract is in `docs/telephony.md`.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use cs_engine::telephony::{CallOrder, SmsOrder};
use data_encoding::BASE64;
use jiff::Timestamp;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HeaderValue};
use reqwest::{Certificate, Client, redirect};
use serde_json::{Value as Json, json};
use zeroize::Zeroizing;

use super::addresses::{AllowedNetworks, Guard, Refused};
use super::webhook::sign;
use crate::config::{HttpGateway, PasswordError, WebhookSecret};

/// Why a gateway cannot be used at all.
#[derive(Debug, thiserror::Error)]
pub enum GatewaySetupError {
    #[error("cannot read {} (`telephony.ca`)", path.display())]
    Unreadable {
        path: PathBuf,
        #[source]
        source: std::io::Error,
    },
    #[error("{} (`telephony.ca`) holds no certificate", .0.display())]
    NoCertificate(PathBuf),
    #[error("TLS for the telephony gateway cannot be set up")]
    Tls(#[source] reqwest::Error),
}

/// Why a message or call did not get to the gateway. Says nothing of number, text or secret.
#[derive(Debug, thiserror::Error)]
pub(crate) enum GatewayError {
    #[error(transparent)]
    Refused(#[from] Refused),
    #[error("the secret for the gateway (`telephony.authorization`)")]
    Secret(#[from] PasswordError),
    #[error("the secret for the gateway cannot be a header")]
    NotAHeader,
    #[error("the file cannot be written")]
    File(#[source] std::io::Error),
    #[error("no answer within {} s", .0.as_secs_f32())]
    TimedOut(Duration),
    #[error("answered {0}, and redirections are not followed")]
    Redirected(u16),
    #[error("answered {0}")]
    Answered(u16),
    #[error("{0}")]
    Failed(String),
}

impl GatewayError {
    /// Whether the same request may succeed later.
    pub(crate) const fn may_pass(&self) -> bool {
        match self {
            Self::File(_) | Self::TimedOut(_) | Self::Failed(_) | Self::Secret(_) => true,
            Self::Answered(status) => *status >= 500 || *status == 429,
            Self::Refused(_) | Self::NotAHeader | Self::Redirected(_) => false,
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
        written.map_err(|error| GatewayError::Failed(error.to_string()))?.map_err(GatewayError::File)
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
    client: Client,
    settings: HttpGateway,
    secret: Option<WebhookSecret>,
    guard: Guard,
}

impl HttpTelephone {
    pub(crate) fn new(settings: &HttpGateway, secret: Option<&WebhookSecret>) -> Result<Self, GatewaySetupError> {
        crate::tls::install_provider();
        let guard = Guard::new(settings.url.expose(), AllowedNetworks(settings.allowed_networks.clone().into()));
        let mut builder = Client::builder()
            .user_agent(concat!("countersign/", env!("CARGO_PKG_VERSION")))
            // A redirection names an address that nobody has chosen; a proxy would look names up for us.
            .redirect(redirect::Policy::none())
            .no_proxy()
            .dns_resolver(Arc::new(guard.clone()))
            // A connection that was kept might outlive a change of the name.
            .pool_max_idle_per_host(0)
            .http1_only();
        if let Some(path) = &settings.ca {
            builder = builder.tls_certs_only(certificates(path)?);
        }
        let client = builder.build().map_err(GatewaySetupError::Tls)?;
        Ok(Self { client, settings: settings.clone(), secret: secret.cloned(), guard })
    }

    async fn post(
        &self,
        id: &str,
        content_type: &'static str,
        body: String,
        now: Timestamp,
    ) -> Result<(), GatewayError> {
        self.guard.check_literal(self.settings.url.expose())?;
        let time = now.as_second().to_string();
        let mut request = self.client.post(self.settings.url.expose().clone()).header(CONTENT_TYPE, content_type);
        if let Some(authorization) = &self.settings.authorization {
            request = request.header(AUTHORIZATION, authorization_header(&authorization.load()?)?);
        }
        if let Some(secret) = &self.secret {
            request = request
                .header("webhook-id", id)
                .header("webhook-timestamp", &time)
                .header("webhook-signature", sign(secret, id, &time, &body));
        }
        let request = request.timeout(self.settings.timeout).body(body);
        // The answer's body is nobody's business, and may not end.
        let status = request.send().await.map_err(|error| self.failed(error))?.status();
        match status.as_u16() {
            200..300 => Ok(()),
            code @ 300..400 => Err(GatewayError::Redirected(code)),
            code => Err(GatewayError::Answered(code)),
        }
    }

    fn failed(&self, error: reqwest::Error) -> GatewayError {
        if error.is_timeout() {
            return GatewayError::TimedOut(self.settings.timeout);
        }
        // Without the address, whose path may be a secret.
        let error = error.without_url();
        let mut cause: &dyn std::error::Error = &error;
        loop {
            if let Some(refused) = cause.downcast_ref::<Refused>() {
                return GatewayError::Refused(refused.clone());
            }
            match cause.source() {
                Some(source) => cause = source,
                None => return GatewayError::Failed(cause.to_string()),
            }
        }
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

fn certificates(path: &PathBuf) -> Result<Vec<Certificate>, GatewaySetupError> {
    let pem = std::fs::read(path).map_err(|source| GatewaySetupError::Unreadable { path: path.clone(), source })?;
    let found = Certificate::from_pem_bundle(&pem).unwrap_or_default();
    if found.is_empty() { Err(GatewaySetupError::NoCertificate(path.clone())) } else { Ok(found) }
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
