//! Who asks for a page: from where, with which browser, in which language; and the page for when there is no other.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use cs_core::id::{BrowserId, VisitId};
use cs_core::policy::facts::Endpoint;
use cs_core::user_agent::UserAgent;
use cs_engine::prompt::Visit;
use cs_engine::{Access, AccessDevice, AccountEntry, EngineError, Liveness, VisitSecret};
use cs_pages::{Doors, Language, Refusal, Template as _, Why};
use http::header::{ACCEPT_LANGUAGE, LOCATION, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, StatusCode};

use super::cookies::Jar;
use crate::app::App;
use crate::http::{Failure, Look, Page, RequestInfo, host_name, request_host};

/// Who asks for a page.
pub(crate) struct Visitor {
    pub(crate) info: RequestInfo,
    /// The host as the browser wrote it.
    pub(crate) host: String,
    /// Whose pages it asks for. None where the host is nobody's, and also where that could not be found out: a page that decides asks [`Visitor::account`].
    account: Option<AccountEntry>,
    pub(super) jar: Jar,
    pub(crate) language: Language,
    /// Whether the language was chosen by this very request.
    pub(super) chose_language: bool,
    pub(crate) visit: Visit,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let info = parts.extensions.get::<RequestInfo>().cloned().ok_or_else(|| Failure::internal("no-edge"))?;
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let jar = Jar::of(&parts.headers);
        let query = parts.uri.query().unwrap_or_default();
        let chosen = query.split('&').find_map(|pair| pair.strip_prefix("lang=")).and_then(Language::parse);
        let language = chosen.or_else(|| jar.language()).unwrap_or_else(|| Language::accepted(header(ACCEPT_LANGUAGE)));
        let UserAgent { browser, os } = UserAgent::parse(header(USER_AGENT));
        let device = AccessDevice { browser, os, endpoint: Endpoint::Unknown, posture: None };
        let address = Some(cs_core::network::canonical(info.client));
        let visit = Visit {
            access: Access { address, hostname: None, device: Some(Box::new(device)) },
            tokens: jar.tokens(),
            last: jar.last(),
        };
        let host = request_host(&parts.uri, &parts.headers).unwrap_or_default().to_owned();
        let account = app.engine().directory().account_for_host(&host_name(&host)).await.ok().flatten();
        Ok(Self { info, host, account, jar, language, chose_language: chosen.is_some(), visit })
    }
}

impl Visitor {
    /// The account that the browser speaks to.
    pub(crate) async fn account(&self, app: &App) -> Result<Option<AccountEntry>, EngineError> {
        match &self.account {
            Some(account) => Ok(Some(account.clone())),
            None => Ok(app.engine().directory().account_for_host(&host_name(&self.host)).await?),
        }
    }

    /// How its pages look.
    pub(crate) fn look(&self) -> Look<'_> {
        match &self.account {
            Some(account) => Look::of(account, self.language),
            None => Look::of_nobody(self.language),
        }
    }

    /// Whether this very device may be the one that the push goes to: a phone or tablet.
    pub(super) fn may_hold_authenticator(&self) -> bool {
        let os = self.visit.access.device.as_deref().and_then(|device| device.os);
        os.is_some_and(|os| os.product.is_mobile())
    }

    /// Whether the connection is alive.
    pub(crate) fn liveness(&self) -> Liveness {
        Liveness::watching(self.info.connection.flag())
    }

    /// From where, and with which browser.
    pub(crate) fn access(&self) -> &Access {
        &self.visit.access
    }

    /// Whether it has a token of the remembered browser `id`.
    pub(crate) fn is_remembered_as(&self, id: BrowserId) -> bool {
        self.visit.tokens.iter().any(|token| token.browser() == id)
    }

    /// What the browser keeps for us under `name`.
    pub(crate) fn kept(&self, name: &str) -> Option<&str> {
        self.jar.kept(name)
    }

    /// The secret of visit `id`, if the browser has it.
    pub(crate) fn visit_secret(&self, id: VisitId) -> Option<VisitSecret> {
        self.jar.visit_secret(id)
    }

    /// Why there is no login here, on a page of its own.
    pub(crate) fn refusal(&self, why: Why, reference: Option<&str>) -> Page {
        self.refusal_with(why, Doors::default(), reference)
    }

    /// The same with a way on.
    pub(crate) fn refusal_with(&self, why: Why, doors: Doors<'_>, reference: Option<&str>) -> Page {
        let look = self.look();
        let chrome = look.chrome();
        Page(Refusal { chrome, why, application: None, doors, minutes: None, reference }.render())
    }

    /// A failure of the API's kind as a page.
    pub(crate) fn failed(&self, failure: &Failure) -> Response {
        let why = match failure.status() {
            StatusCode::TOO_MANY_REQUESTS => Why::TooMany,
            _ => Why::Service,
        };
        let page = self.refusal(why, Some(&self.info.id.to_string()));
        (failure.status(), page).into_response()
    }

    /// The page for when nothing can be decided. The cause is in the log.
    pub(crate) fn engine_failed(&self, error: &EngineError) -> Response {
        let (status, why) = match error {
            EngineError::Busy | EngineError::Contention => (StatusCode::TOO_MANY_REQUESTS, Why::TooMany),
            EngineError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Why::Service),
            EngineError::NotFound | EngineError::Invalid(_) => (StatusCode::BAD_REQUEST, Why::SessionTimedOut),
            EngineError::Forbidden(_)
            | EngineError::Exists(_)
            | EngineError::IdempotencyMismatch
            | EngineError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, Why::Service),
        };
        if status.is_server_error() {
            let (error, id) = (error as &dyn std::error::Error, &self.info.id);
            tracing::error!(error, cause = ?error.source().map(ToString::to_string), request.id = %id, "a login in a browser failed");
        }
        (status, self.refusal(why, Some(&self.info.id.to_string()))).into_response()
    }
}

/// Sends the browser on by a GET.
pub(crate) fn see_other(location: &str) -> Response {
    match HeaderValue::from_str(location) {
        Ok(location) => (StatusCode::SEE_OTHER, [(LOCATION, location)]).into_response(),
        // Addresses are checked to be ASCII without control characters before they get here.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}
