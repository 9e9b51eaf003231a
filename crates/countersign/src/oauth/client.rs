//! Whose assertion or request it is.

use std::sync::Arc;

use axum::extract::{FromRequest, Request};
use cs_core::id::IntegrationKey;
use cs_core::integration::Integration;
use cs_core::secret::SecretKey;
use cs_engine::{Caller, EngineError, Liveness, Surface};
use cs_store::accounts::Account;
use cs_wire::oidc::{AssertionError, Endpoint, JwtError, UnverifiedAssertion, VerifiedAssertion, read_form};
use cs_wire::params::{ParamError, Params};
use http::header::CONTENT_TYPE;
use jiff::Timestamp;

use crate::app::App;
use crate::http::{BodyBytes, Failure, RequestInfo, host_name, request_host};

/// A client that may send browsers here, not yet proven to be the one that asks.
pub(crate) struct Client {
    pub(crate) account: Arc<Account>,
    pub(crate) integration: Arc<Integration>,
}

/// Why a client is not the one it says it is.
#[derive(Debug, thiserror::Error)]
pub(super) enum ClientError {
    /// Told like a wrong signature: whether a client exists is nobody's business.
    #[error("there is no such client")]
    Unknown,
    #[error(transparent)]
    Assertion(#[from] AssertionError),
    #[error(transparent)]
    Engine(#[from] EngineError),
}

impl From<JwtError> for ClientError {
    fn from(error: JwtError) -> Self {
        Self::Assertion(error.into())
    }
}

impl Client {
    /// The client `id` of the account that `host` belongs to.
    pub(crate) async fn find(app: &App, host: &str, id: &str) -> Result<Option<Self>, EngineError> {
        let directory = app.engine().directory();
        let Some(account) = directory.account_for_host(&host_name(host)).await? else { return Ok(None) };
        let Ok(key) = id.parse::<IntegrationKey>() else { return Ok(None) };
        let found = directory.integration(account.id, key).await?;
        let found = found.filter(|integration| integration.enabled && integration.kind.shows_prompt());
        Ok(found.map(|integration| Self { account, integration }))
    }

    /// The secret that `signs` says yes to: the current one, or the one before it while that is honoured. If neither, the current one.
    pub(crate) fn secret(&self, now: Timestamp, signs: impl Fn(&[u8]) -> bool) -> &SecretKey {
        let current = &self.integration.secret;
        match &self.integration.previous_secret {
            Some((previous, until)) if now < *until && !signs(bytes(current)) && signs(bytes(previous)) => previous,
            Some(_) | None => current,
        }
    }

    /// Whether `authority`, a host with its port where that is not 443, is one of ours.
    pub(crate) fn is_ours(&self, app: &App, authority: &str) -> bool {
        app.names().iter().any(|name| name.is(authority)) || host_name(authority) == self.account.api_host
    }

    /// As the engine knows it.
    pub(crate) fn caller(&self, connection: Liveness) -> Caller {
        Caller {
            account: Arc::clone(&self.account),
            integration: Arc::clone(&self.integration),
            surface: Surface::Prompt,
            connection,
            legacy_signature: false,
        }
    }
}

pub(crate) fn bytes(secret: &SecretKey) -> &[u8] {
    secret.expose().as_bytes()
}

/// A client that has proven who it is, but not yet that its assertion is new.
pub(super) struct Proven {
    pub(super) client: Client,
    pub(super) caller: Caller,
    pub(super) assertion: VerifiedAssertion,
    /// The secret that signed, with which the answer is signed.
    pub(super) signed_before_rotation: bool,
}

impl Proven {
    pub(super) fn secret(&self) -> &[u8] {
        match &self.client.integration.previous_secret {
            Some((previous, _)) if self.signed_before_rotation => bytes(previous),
            Some(_) | None => bytes(&self.client.integration.secret),
        }
    }
}

/// Checks an assertion. `client_id` is what the parameters say, where they say it.
pub(super) async fn prove(
    app: &App,
    posted: &Posted,
    client_id: Option<&str>,
    assertion: &str,
    endpoint: Endpoint,
) -> Result<Proven, ClientError> {
    let unverified = UnverifiedAssertion::parse(assertion)?;
    let claimed = unverified.claimed_client().ok_or(ClientError::Unknown)?.to_owned();
    if client_id.is_some_and(|id| id != claimed) {
        return Err(AssertionError::WrongIssuer.into());
    }
    let client = Client::find(app, &posted.host, &claimed).await?.ok_or(ClientError::Unknown)?;
    let now = app.engine().clock().now();
    let secret = client.secret(now, |secret| unverified.is_signed_with(secret));
    let signed_before_rotation = !std::ptr::eq(secret, &raw const client.integration.secret);
    let is_ours = |authority: &str| client.is_ours(app, authority);
    let assertion = unverified.verify(&claimed, bytes(secret), endpoint, is_ours, now)?;
    let caller = client.caller(Liveness::watching(posted.info.connection.flag()));
    Ok(Proven { client, caller, assertion, signed_before_rotation })
}

/// What a client posted.
pub(super) struct Posted {
    pub(super) params: Result<Params, ParamError>,
    pub(super) host: String,
    pub(super) info: RequestInfo,
}

impl FromRequest<App> for Posted {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        let info = request.extensions().get::<RequestInfo>().cloned().ok_or_else(|| Failure::internal("no-edge"))?;
        let host = request_host(request.uri(), request.headers()).unwrap_or_default().to_owned();
        let query = request.uri().query().unwrap_or_default().to_owned();
        let content_type = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let content_type = content_type.unwrap_or_default().to_owned();
        let BodyBytes(body) = BodyBytes::from_request(request, app).await?;
        Ok(Self { params: read_form(&content_type, &query, &body), host, info })
    }
}
