//! A link is opened, and the page of the enrollment that it begins.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::enrollment::VISIT_TTL;
use cs_core::id::VisitId;
use cs_core::secret::PlainCode;
use cs_engine::VisitSecret;
use cs_engine::enrollment::Enrollment;
use cs_pages::Why;
use http::StatusCode;

use super::render::{render, why_not};
use crate::app::App;
use crate::frame::{NotShown, Slot, Visitor, see_other, set_visit_secret};

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

/// The enrollment `id`, if it is this browser's.
pub(super) async fn find(app: &App, visitor: &Visitor, id: &str) -> Result<Enrollment, NotShown> {
    let id = id.parse::<VisitId>().map_err(|_| NotShown::Unknown)?;
    let secret = visitor.visit_secret(id).ok_or(NotShown::Unknown)?;
    let account = visitor.account(app).await?.ok_or(NotShown::Unknown)?;
    app.engine().enrollment(&account, id, secret).await?.ok_or(NotShown::Unknown)
}

/// `GET /enroll/{code}`: begins an enrollment, or says why not.
pub(super) async fn open(State(app): State<App>, Path(code): Path<String>, slot: Slot, visitor: Visitor) -> Response {
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
    let account = visitor.account(app).await?.ok_or(NotShown::Unknown)?;
    let code = PlainCode::from_text(code);
    let link = app.engine().enrollment_link(account.id, &code).await?.ok_or(NotShown::Unknown)?;
    match app.engine().open_enrollment(&account, &link, None, visitor.access()).await? {
        Ok((id, secret)) => Ok(begin_enrollment(id, &secret)),
        Err(not) => {
            let reference = Some(not.reference.as_str()).filter(|reference| !reference.is_empty());
            Ok((StatusCode::FORBIDDEN, visitor.refusal(why_not(&not), reference)).into_response())
        }
    }
}

/// `GET /enroll/visit/{id}`: where the enrollment stands.
pub(super) async fn show(State(app): State<App>, Path(id): Path<String>, slot: Slot, visitor: Visitor) -> Response {
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
    let view = app.engine().enrollment_view(&enrollment, visitor.access()).await?;
    Ok(render(app, visitor, &enrollment, &view).await)
}
