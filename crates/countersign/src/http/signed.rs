//! Requests that carry Duo's signature: whose they are, and what of them was signed.
//!
//! [`Signed`] is the only way for a handler to its parameters, so none can forget the check. [`authenticate`] is the check itself, for extractors that
//! ask for more (the Admin API's permissions).

use std::collections::HashMap;
use std::marker::PhantomData;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use axum::extract::{FromRequest, OriginalUri, Request};
use bytes::Bytes;
use cs_core::id::{AccountId, IntegrationKey};
use cs_core::integration::{Integration, IntegrationType};
use cs_engine::{Caller, Liveness, Surface};
use cs_store::accounts::Account;
use cs_wire::envelope::{self, Code};
use cs_wire::params::{ParamError, Params};
use cs_wire::signing::{Allowed, AuthError, LegacyV1, ReceivedRequest, VerifyError, credentials, verify};
use http::Method;
use http::request::Parts;
use jiff::{SignedDuration, Timestamp};

use super::body::{read_body, room_for};
use super::refused::Refused;
use super::{Failure, RequestInfo, request_host};
use crate::app::App;

/// How often the use of a date-less signature is written down.
const LEGACY_NOTE_EVERY: SignedDuration = SignedDuration::from_mins(1);

/// One of the signed APIs: who may come in, and how a stranger is turned away.
pub trait Door: Send + Sync + 'static {
    /// Whether integrations of `kind` may call this API. Others are told 40301, after their signature was checked.
    fn admits(kind: &IntegrationType) -> bool;

    /// Whether a signature without a date will do, where the integration is set so.
    const TAKES_DATELESS: bool = false;

    /// Whether refusals are 403 for everyone here, because clients of this API may let people in on a 401.
    const HIDES_401: bool = false;
}

/// The Auth API v2.
pub struct AuthV2;

/// REST v1.
pub struct RestV1;

impl Door for AuthV2 {
    fn admits(kind: &IntegrationType) -> bool {
        kind.is_for_logins()
    }
}

impl Door for RestV1 {
    fn admits(kind: &IntegrationType) -> bool {
        // Duo's `AuthV1` clients call it with Auth API integrations too.
        kind.is_for_logins()
    }

    const TAKES_DATELESS: bool = true;
    const HIDES_401: bool = true;
}

/// A door behind which users log in: its callers are the engine's.
pub trait LoginDoor: Door {
    /// The engine's word for it.
    const SURFACE: Surface;
}

impl LoginDoor for AuthV2 {
    const SURFACE: Surface = Surface::AuthV2;
}

impl LoginDoor for RestV1 {
    const SURFACE: Surface = Surface::RestV1;
}

/// A request's parameters as a type.
pub trait FromParams: Sized {
    /// Reads them. Parameters it does not know are left alone.
    fn from_params(params: &Params) -> Result<Self, ParamError>;
}

/// A request without parameters.
#[derive(Debug, Clone, Copy)]
pub struct NoParams;

impl FromParams for NoParams {
    fn from_params(_: &Params) -> Result<Self, ParamError> {
        Ok(Self)
    }
}

macro_rules! from_params {
    ($($request:ty),+ $(,)?) => {$(
        impl FromParams for $request {
            fn from_params(params: &Params) -> Result<Self, ParamError> {
                <$request>::from_params(params)
            }
        }
    )+};
}

from_params!(
    cs_wire::auth_api::PreauthRequest,
    cs_wire::auth_api::AuthRequest,
    cs_wire::auth_api::EnrollRequest,
    cs_wire::auth_api::EnrollStatusRequest,
    cs_wire::auth_api::AuthStatusRequest,
    cs_wire::auth_api::DisabledRequest,
    cs_wire::outage::BundleRequest,
    cs_wire::outage::ReportRequest,
    cs_wire::rest_v1::PreauthRequest,
    cs_wire::rest_v1::AuthRequest,
);

/// A request of a login client, its signature checked.
pub struct Signed<D, T> {
    /// The integration, on its connection.
    pub caller: Caller,
    /// What it asks.
    pub request: T,
    /// All that was signed, for telling a repeated request from another one.
    pub params: Params,
    door: PhantomData<D>,
}

impl<D: LoginDoor, T: FromParams> FromRequest<App> for Signed<D, T> {
    type Rejection = Failure;

    async fn from_request(request: Request, app: &App) -> Result<Self, Failure> {
        // Boxed: the handler may wait for a person, and should not keep the request's head and body meanwhile.
        let authentic = Box::pin(authenticate::<D>(request, app)).await?;
        let request = T::from_params(&authentic.params)?;
        let caller = Caller {
            account: authentic.account,
            integration: authentic.integration,
            surface: D::SURFACE,
            connection: authentic.connection,
            legacy_signature: !authentic.is_dated,
        };
        Ok(Self { caller, request, params: authentic.params, door: PhantomData })
    }
}

/// A request that its integration has signed.
pub struct Authentic {
    /// The account, selected by the host name.
    pub account: Arc<Account>,
    /// The integration whose secret signed.
    pub integration: Arc<Integration>,
    /// What was signed, and nothing else.
    pub params: Params,
    /// Whether the time was signed: if not, the request can be a replay.
    pub is_dated: bool,
    /// Where the request came from.
    pub client: IpAddr,
    /// The connection it came on.
    pub connection: Liveness,
}

/// Checks the signature of `request` and whether its integration may call the API behind `D`.
///
/// Reads nothing but the cached directory, and the body only once the key is known.
pub async fn authenticate<D: Door>(request: Request, app: &App) -> Result<Authentic, Failure> {
    let (parts, body) = request.into_parts();
    let info = parts.extensions.get::<RequestInfo>().cloned().ok_or_else(|| Failure::internal("no-edge"))?;
    let received = Received::new(&parts);
    let claimed = credentials(&received.with_body(&[])).map_err(|error| refuse::<D>(None, error))?;

    let directory = app.engine().directory();
    let now = app.engine().clock().now();
    let key: Option<IntegrationKey> = claimed.ikey.parse().ok();
    // Whoever claims nothing is no client that was set up wrongly, and not told of.
    let refused = |integration: Option<&Integration>, why: Option<&str>, error: AuthError| {
        let (name, told) = (integration.map(|integration| integration.name.as_str()), error.to_string());
        app.refused_clients().tell(Refused { key, name, client: info.client, why: why.unwrap_or(&told) }, now);
        refuse::<D>(integration, error)
    };
    let host = host_name(received.host);
    let account = directory.account_for_host(&host).await?;
    let account = account
        .ok_or_else(|| refused(None, Some("no account has the host name it asked for"), AuthError::UnknownKey))?;
    let key = key.ok_or_else(|| refused(None, None, AuthError::UnknownKey))?;
    let integration = directory.integration(account.id, key).await?;
    let integration = integration.ok_or_else(|| refused(None, None, AuthError::UnknownKey))?;
    if !integration.enabled {
        return Err(refused(Some(&integration), Some("the integration is disabled"), AuthError::UnknownKey));
    }

    let has_body = ![Method::GET, Method::HEAD, Method::DELETE].contains(&parts.method);
    // The names of other integrations are in the address bars of browsers: whoever knows one sends no more than anybody.
    let room = if D::admits(&integration.kind) { room_for(received.path) } else { 0 };
    let body = if has_body { read_body(body, &parts.extensions, room).await? } else { Bytes::new() };
    let accepts_dateless = D::TAKES_DATELESS && integration.legacy_signatures && integration.kind.speaks_rest_v1();
    let allowed = Allowed { legacy_v1: if accepts_dateless { LegacyV1::Accepted } else { LegacyV1::Refused } };
    let received = received.with_body(&body);
    let check = |secret: &cs_core::secret::SecretKey| {
        verify(&received, &claimed, secret.expose().as_bytes(), app.names(), allowed, now)
    };
    let mut verdict = check(&integration.secret);
    if let (Err(VerifyError::Auth(AuthError::BadSignature)), Some((previous, until))) =
        (&verdict, &integration.previous_secret)
        && now < *until
    {
        verdict = check(previous);
    }
    let verified = match verdict {
        Ok(verified) => verified,
        Err(VerifyError::Auth(error)) => return Err(refused(Some(&integration), None, error)),
        Err(VerifyError::Params(error)) => return Err(error.into()),
    };
    if !D::admits(&integration.kind) {
        return Err(envelope::Failure::new(Code::Forbidden, "This integration is for another API.").into());
    }
    app.count_request(account.id, key)?;
    if !verified.is_dated() {
        app.legacy_uses().note(app, account.id, key, now);
    }
    Ok(Authentic {
        account,
        integration,
        is_dated: verified.is_dated(),
        params: verified.params,
        client: info.client,
        connection: Liveness::watching(info.connection.flag()),
    })
}

/// The answer to a request that is not its integration's.
///
/// Stock duo_unix with `failmode=safe` lets people in on a 401, so a client that may be one is told 403.
fn refuse<D: Door>(integration: Option<&Integration>, error: AuthError) -> Failure {
    let failure = envelope::Failure::from(error);
    let may_fail_open = D::HIDES_401 || integration.is_some_and(|integration| integration.kind.speaks_rest_v1());
    if may_fail_open && failure.code.status() == 401 {
        return envelope::Failure::new(Code::Forbidden, failure.code.message()).into();
    }
    failure.into()
}

/// A request's head, as signatures see it.
struct Received<'a> {
    method: &'a str,
    headers: Vec<(&'a str, &'a [u8])>,
    path: &'a str,
    query: &'a str,
    host: &'a str,
}

impl<'a> Received<'a> {
    fn new(parts: &'a Parts) -> Self {
        // A nested router shortens the path; what was signed is the whole one.
        let uri = parts.extensions.get::<OriginalUri>().map_or(&parts.uri, |original| &original.0);
        Self {
            method: parts.method.as_str(),
            headers: parts.headers.iter().map(|(name, value)| (name.as_str(), value.as_bytes())).collect(),
            path: uri.path(),
            query: uri.query().unwrap_or_default(),
            host: request_host(uri, &parts.headers).unwrap_or_default(),
        }
    }

    fn with_body<'b>(
        &'b self,
        body: &'b [u8],
    ) -> ReceivedRequest<'b, impl Iterator<Item = (&'b str, &'b [u8])> + Clone> {
        ReceivedRequest {
            method: self.method,
            path: self.path,
            query: self.query,
            host: self.host,
            headers: self.headers.iter().copied(),
            body,
        }
    }
}

/// A host without its port, in lower case.
pub(crate) fn host_name(host: &str) -> String {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|b| b.is_ascii_digit()) => name,
        _ => host,
    };
    name.to_ascii_lowercase()
}

/// When each integration last signed without a date, so that it is written down at most once a minute.
#[derive(Default)]
pub(crate) struct LegacyUses(Mutex<HashMap<(AccountId, IntegrationKey), Timestamp>>);

impl LegacyUses {
    /// Writes the use down if it is due, without making the login wait.
    fn note(&self, app: &App, account: AccountId, key: IntegrationKey, now: Timestamp) {
        if !self.is_due(account, key, now) {
            return;
        }
        let engine = app.engine().clone();
        tokio::spawn(async move {
            if let Err(error) = engine.note_legacy_use(account, key, now).await {
                tracing::warn!(error = &error as &dyn std::error::Error, "a legacy signature's use was not noted");
            }
        });
    }

    fn is_due(&self, account: AccountId, key: IntegrationKey, now: Timestamp) -> bool {
        let mut last = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        // Only existing integrations get here, so there are as many entries at most.
        let noted = last.entry((account, key)).or_insert(Timestamp::MIN);
        let is_due = now.duration_since(*noted) >= LEGACY_NOTE_EVERY;
        if is_due {
            *noted = now;
        }
        is_due
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_its_name() {
        for (host, name) in [
            ("API.Example.org:8443", "api.example.org"),
            ("api.example.org", "api.example.org"),
            ("[::1]:443", "[::1]"),
            ("", ""),
        ] {
            assert_eq!(host_name(host), name);
        }
    }

    #[test]
    fn a_legacy_use_is_noted_once_a_minute() {
        let (uses, start) = (LegacyUses::default(), Timestamp::UNIX_EPOCH);
        let account = AccountId::generate(&mut cs_engine::SystemRng);
        let key = IntegrationKey::generate(&mut cs_engine::SystemRng);
        let due = |seconds| uses.is_due(account, key, start + SignedDuration::from_secs(seconds));
        assert_eq!([due(0), due(59), due(60), due(61), due(120)], [true, false, true, false, true]);
    }
}
