//! Who asks for a page: from where, with which browser, in which language; and the page for when there is no other.

use axum::extract::FromRequestParts;
use axum::response::{IntoResponse as _, Response};
use cs_core::id::{BrowserId, VisitId};
use cs_core::policy::facts::Endpoint;
use cs_core::user_agent::UserAgent;
use cs_core::username::UsernameNormalization;
use cs_engine::admin::branding::LookCopy;
use cs_engine::prompt::Visit;
use cs_engine::{Access, AccessDevice, AccountEntry, EngineError, Liveness, VisitSecret};
use cs_pages::{Doors, Go, Language, Refusal, Template as _, Why};
use cs_store::accounts::Account;
use http::header::{ACCEPT_LANGUAGE, LOCATION, RETRY_AFTER, USER_AGENT};
use http::request::Parts;
use http::{HeaderValue, Method, StatusCode, Uri};

use super::cookies::Jar;
use super::language::{chosen, has_menu};
use crate::app::App;
use crate::http::{Failure, Look, Page, RequestInfo, SHORTLY, host_name, request_host};

/// Who asks for a page.
pub(crate) struct Visitor {
    pub(crate) info: RequestInfo,
    /// The host as the browser wrote it.
    pub(crate) host: String,
    /// Whose pages it asks for. None where the host is nobody's, and also where that could not be found out: a page that decides asks [`Visitor::account`].
    account: Option<AccountEntry>,
    pub(super) jar: Jar,
    pub(crate) language: Language,
    /// Where the page can be asked for again. What a form held is gone.
    again: Option<String>,
    /// Whether the page can be asked for again in another language.
    has_menu: bool,
    pub(crate) visit: Visit,
}

impl FromRequestParts<App> for Visitor {
    type Rejection = Failure;

    async fn from_request_parts(parts: &mut Parts, app: &App) -> Result<Self, Failure> {
        let info = parts.extensions.get::<RequestInfo>().cloned().ok_or_else(|| Failure::internal("no-edge"))?;
        let header = |name| parts.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let jar = Jar::of(&parts.headers);
        let language = chosen(&parts.uri)
            .or_else(|| jar.language())
            .unwrap_or_else(|| Language::accepted(header(ACCEPT_LANGUAGE)));
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
        let again = again(&parts.method, &parts.uri);
        let has_menu = has_menu(&parts.method, &parts.uri);
        Ok(Self { info, host, account, jar, language, again, has_menu, visit })
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
        let look = match &self.account {
            Some(account) => Look::of(account, LookCopy::Live, self.language),
            None => Look::of_nobody(self.language),
        };
        look.with_menu(self.has_menu)
    }

    /// How they look to `user`, who may be among those who see a draft. That not being known is no reason to show nothing.
    pub(crate) async fn look_of<'a>(
        &self,
        app: &App,
        account: &'a Account,
        user: &str,
        normalization: UsernameNormalization,
    ) -> Look<'a> {
        let copy = app.engine().look_for(account, user, normalization).await.unwrap_or(LookCopy::Live);
        Look::of(account, copy, self.language).with_menu(self.has_menu)
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

    /// Where this browser was before it asked for `path`, as far as its cookies know: an enrollment, the portal, a login.
    pub(super) fn where_it_was(&self, path: &str) -> Option<String> {
        let enrolling = self.jar.newest_visit().map(|id| format!("/enroll/visit/{id}"));
        let logging_in = self.jar.newest_login().map(|id| format!("/frame/prompt/{id}"));
        let in_portal = self.jar.kept("portal").map(|_| "/portal".to_owned());
        if path.starts_with("/portal") {
            return in_portal.or(logging_in);
        }
        if path.starts_with("/frame") { logging_in.or(enrolling) } else { enrolling.or(logging_in) }.or(in_portal)
    }

    /// Why there is no login here, on a page of its own.
    pub(crate) fn refusal(&self, why: Why, reference: Option<&str>) -> Page {
        self.refusal_with(why, Doors::default(), reference)
    }

    /// The same with a way on.
    pub(crate) fn refusal_with(&self, why: Why, doors: Doors<'_>, reference: Option<&str>) -> Page {
        self.refused(why, doors, None, reference)
    }

    /// The same with minutes that the page speaks of.
    pub(crate) fn refusal_after(&self, why: Why, minutes: Option<usize>, reference: Option<&str>) -> Page {
        self.refused(why, Doors::default(), minutes, reference)
    }

    fn refused(&self, why: Why, doors: Doors<'_>, minutes: Option<usize>, reference: Option<&str>) -> Page {
        let look = self.look();
        let chrome = look.chrome();
        Page(Refusal { chrome, why, application: None, doors, minutes, how: None, reference }.render())
    }

    /// A failure of the API's kind as a page.
    pub(crate) fn failed(&self, failure: &Failure) -> Response {
        let why = match failure.status() {
            StatusCode::TOO_MANY_REQUESTS => Why::TooMany,
            _ => Why::Service,
        };
        self.come_back(failure.status(), why, failure.retry_after())
    }

    /// The page for when nothing can be decided. The cause is in the log.
    pub(crate) fn engine_failed(&self, error: &EngineError) -> Response {
        let (status, why) = match error {
            EngineError::Busy | EngineError::Contention => (StatusCode::TOO_MANY_REQUESTS, Why::TooMany),
            EngineError::Unavailable(_) => (StatusCode::SERVICE_UNAVAILABLE, Why::Service),
            EngineError::NotFound | EngineError::Invalid(_) => (StatusCode::BAD_REQUEST, Why::SessionTimedOut),
            EngineError::Forbidden(_)
            | EngineError::Exists(_)
            | EngineError::Synced { .. }
            | EngineError::IdempotencyMismatch
            | EngineError::Internal(_) => (StatusCode::INTERNAL_SERVER_ERROR, Why::Service),
        };
        if status.is_server_error() {
            let (error, id) = (error as &dyn std::error::Error, &self.info.id);
            tracing::error!(error, cause = ?error.source().map(ToString::to_string), request.id = %id, "a login in a browser failed");
        }
        let passes = matches!(status, StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
        self.come_back(status, why, passes.then_some(SHORTLY))
    }

    /// The page for what may be otherwise in a moment, with the way to try again.
    fn come_back(&self, status: StatusCode, why: Why, after: Option<HeaderValue>) -> Response {
        let doors = Doors { again: self.again.as_deref().map(Go::To), ..Doors::default() };
        let page = self.refusal_with(why, doors, Some(&self.info.id.to_string()));
        let mut response = (status, page).into_response();
        if let Some(after) = after {
            response.headers_mut().insert(RETRY_AFTER, after);
        }
        response
    }
}

/// Where the page can be asked for again: what was asked for, or the page that a form is of.
fn again(method: &Method, uri: &Uri) -> Option<String> {
    let path = uri.path();
    // An address that begins with two slashes is another host's.
    if !path.starts_with('/') || path.starts_with("//") {
        return None;
    }
    if method == Method::GET {
        return uri.path_and_query().map(ToString::to_string);
    }
    let has_page = ["/frame/prompt/", "/enroll/visit/"].into_iter().any(|base| path.starts_with(base));
    match path.rsplit_once('/') {
        Some((page, _)) if has_page => Some(page.to_owned()),
        Some(_) | None => path.starts_with("/portal/").then(|| "/portal".to_owned()),
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn trying_again_leads_to_the_page_and_never_elsewhere() {
        for (method, uri, expected) in [
            (Method::GET, "/portal/logins?lang=de", Some("/portal/logins?lang=de")),
            (Method::POST, "/frame/prompt/PR1/begin", Some("/frame/prompt/PR1")),
            (Method::POST, "/enroll/visit/VS1/choose", Some("/enroll/visit/VS1")),
            (Method::POST, "/portal/devices/DP1/lost", Some("/portal")),
            (Method::POST, "/oauth/v1/authorize", None),
            (Method::GET, "//evil.example.org/portal", None),
        ] {
            assert_eq!(again(&method, &uri.parse().unwrap()).as_deref(), expected, "{method} {uri}");
        }
    }
}
