//! A link is opened, and the page of the enrollment that it begins.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::enrollment::VISIT_TTL;
use cs_core::id::VisitId;
use cs_core::secret::PlainCode;
use cs_engine::enrollment::{Enrollment, LinkState, NotOpened};
use cs_engine::{AccountEntry, EngineError, VisitSecret};
use cs_pages::Why;
use http::StatusCode;

use super::render::{render, why_not};
use crate::app::App;
use crate::frame::{Visitor, see_other, set_visit_secret};
use crate::http::{Failure, LoginSlot, host_name};

/// The longest code that is looked at.
const MAX_CODE_BYTES: usize = 64;

/// The enrollment's own page.
pub(crate) fn page_of(id: VisitId) -> String {
    format!("/enroll/visit/{id}")
}

/// Gives the browser its secret and sends it to the enrollment's page.
pub(crate) fn begin_enrollment(id: VisitId, secret: &VisitSecret) -> Response {
    let mut response = see_other(&page_of(id));
    set_visit_secret(response.headers_mut(), id, secret, VISIT_TTL);
    response
}

/// Why an enrollment is not shown.
pub(super) enum NotShown {
    /// There is none of that id that is this browser's, or it is over.
    Unknown,
    Engine(EngineError),
}

impl From<EngineError> for NotShown {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl NotShown {
    pub(super) fn response(self, visitor: &Visitor) -> Response {
        match self {
            Self::Unknown => {
                let why = if visitor.has_cookies() { Why::SessionTimedOut } else { Why::NoCookies };
                (StatusCode::FORBIDDEN, visitor.refusal(why, None)).into_response()
            }
            Self::Engine(error) => visitor.engine_failed(&error),
        }
    }
}

/// The account that the browser speaks to.
pub(super) async fn account(app: &App, visitor: &Visitor) -> Result<AccountEntry, NotShown> {
    let found = app.engine().directory().account_for_host(&host_name(&visitor.host)).await;
    found.map_err(EngineError::from)?.ok_or(NotShown::Unknown)
}

/// The enrollment `id`, if it is this browser's.
pub(super) async fn find(app: &App, visitor: &Visitor, id: &str) -> Result<Enrollment, NotShown> {
    let id = id.parse::<VisitId>().map_err(|_| NotShown::Unknown)?;
    let secret = visitor.visit_secret(id).ok_or(NotShown::Unknown)?;
    let account = account(app, visitor).await?;
    app.engine().enrollment(&account, id, secret).await?.ok_or(NotShown::Unknown)
}

/// `GET /enroll/{code}`: begins an enrollment, or says why not.
pub(super) async fn open(
    State(app): State<App>,
    Path(code): Path<String>,
    slot: Result<LoginSlot, Failure>,
    visitor: Visitor,
) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    match opened(&app, &visitor, &code).await {
        Ok(response) => response,
        Err(NotShown::Unknown) => (StatusCode::NOT_FOUND, visitor.refusal(Why::LinkUnknown, None)).into_response(),
        Err(why) => why.response(&visitor),
    }
}

async fn opened(app: &App, visitor: &Visitor, code: &str) -> Result<Response, NotShown> {
    if code.len() > MAX_CODE_BYTES {
        return Err(NotShown::Unknown);
    }
    let account = account(app, visitor).await?;
    let code = PlainCode::from_text(code);
    let link = app.engine().enrollment_link(account.id, &code).await?.ok_or(NotShown::Unknown)?;
    let why = match app.engine().open_enrollment(&account, &link, None).await? {
        Ok((id, secret)) => return Ok(begin_enrollment(id, &secret)),
        Err(NotOpened::Link(LinkState::Used)) => Why::LinkUsed,
        Err(NotOpened::Link(LinkState::Expired)) => Why::LinkExpired,
        Err(NotOpened::Link(LinkState::Replaced | LinkState::Good)) => Why::LinkUnknown,
        Err(NotOpened::Refused(refusal)) => why_not(refusal),
    };
    Ok((StatusCode::FORBIDDEN, visitor.refusal(why, None)).into_response())
}

/// `GET /enroll/visit/{id}`: where the enrollment stands.
pub(super) async fn show(
    State(app): State<App>,
    Path(id): Path<String>,
    slot: Result<LoginSlot, Failure>,
    visitor: Visitor,
) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    match shown(&app, &visitor, &id).await {
        Ok(response) => response,
        Err(why) => why.response(&visitor),
    }
}

async fn shown(app: &App, visitor: &Visitor, id: &str) -> Result<Response, NotShown> {
    let enrollment = find(app, visitor, id).await?;
    let view = app.engine().enrollment_view(&enrollment).await?;
    Ok(render(app, visitor, &enrollment, &view))
}
