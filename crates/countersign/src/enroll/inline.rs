//! An enrollment in the middle of a login, and back to it.
//!
//! The login that was refused stays refused. At the end another one begins, with what the application asked for, and the person shows the factor that they have just set up.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_engine::enrollment::Back;
use cs_pages::{Doors, Why};
use http::StatusCode;
use serde_json::json;

use super::open::{begin_enrollment, find, page_of};
use super::render::why_not;
use crate::app::App;
use crate::frame::{Body, NotShown, Slot, Visitor, begin_session, form, origin_of, see_other, step_of, to_enroll, why};

/// `GET /enroll/from/{prompt_id}`
pub(super) async fn from_login(
    State(app): State<App>,
    Path(id): Path<String>,
    slot: Slot,
    visitor: Visitor,
) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    match begun(&app, &visitor, &id).await {
        Ok(response) => response,
        Err(why) => why.response(&visitor),
    }
}

async fn begun(app: &App, visitor: &Visitor, id: &str) -> Result<Response, NotShown> {
    let prompt = to_enroll(app, visitor, id).await?.ok_or(NotShown::Unknown)?;
    let (caller, asked) = (prompt.caller(), prompt.asked());
    let back = Back { application: caller.integration.name.clone(), asked: asked.clone() };
    let engine = app.engine();
    let application = origin_of(&asked.redirect_uri);
    let refused = |why, reference: Option<&str>| {
        let doors = Doors { application: application.as_deref(), ..Doors::default() };
        Ok((StatusCode::FORBIDDEN, visitor.refusal_with(why, doors, reference)).into_response())
    };
    let code = match engine.enrollment_of_prompt(&prompt, &visitor.visit).await? {
        Ok(code) => code,
        Err(Some(failure)) => return refused(why(&failure), Some(&failure.reference)),
        // There is a factor by now, for one: another login will ask for it.
        Err(None) => return refused(Why::OutOfStep, None),
    };
    let link = engine.enrollment_link(caller.account.id, &code).await?.ok_or(NotShown::Unknown)?;
    let back = (caller.integration.key, json!(back));
    match engine.open_enrollment(&caller.account, &link, Some(back), visitor.access()).await? {
        Ok((id, secret)) => Ok(begin_enrollment(id, &secret)),
        Err(not) => refused(why_not(&not), Some(&not.reference)),
    }
}

/// `POST /enroll/visit/{id}/finish`: on with the login.
pub(super) async fn finish(State(app): State<App>, Path(id): Path<String>, visitor: Visitor, body: Body) -> Response {
    let (_room, form) = match form(&app, body) {
        Ok(form) => form,
        Err(failure) => return visitor.failed(&failure),
    };
    let step = step_of(&form).unwrap_or_default();
    match finished(&app, &visitor, &id, &step).await {
        Ok(response) => response,
        Err(why) => why.response(&visitor),
    }
}

async fn finished(app: &App, visitor: &Visitor, id: &str, step: &str) -> Result<Response, NotShown> {
    let mut enrollment = find(app, visitor, id).await?;
    match app.engine().finish_enrollment(&mut enrollment, step, visitor.liveness()).await? {
        Some((id, secret)) => Ok(begin_session(visitor, id, &secret)),
        None => Ok(see_other(&page_of(enrollment.id()))),
    }
}
