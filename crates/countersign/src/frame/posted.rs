//! What pages in a browser have in common, whatever they are for: whose they are, what a form holds, and why there is nothing to show.

use axum::Json;
use axum::response::{IntoResponse as _, Response};
use cs_engine::EngineError;
use cs_engine::prompt::{Awaited, Seen};
use cs_pages::Why;
use cs_wire::params::Params;
use http::StatusCode;
use serde_json::json;

use super::visitor::Visitor;
use crate::app::App;
use crate::http::{BodyBytes, Failure, LoginSlot, Permit};

/// The longest proof of a form that is looked at.
const MAX_STEP_BYTES: usize = 128;

/// Room for one login more, if there is any: for pages, whose requests have no body. See [`form`].
pub(crate) type Slot = Result<LoginSlot, Failure>;
/// The body, if it could be read.
pub(crate) type Body = Result<BodyBytes, Failure>;

/// Why what a browser asked for is not shown.
pub(crate) enum NotShown {
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
    pub(crate) fn response(self, visitor: &Visitor) -> Response {
        match self {
            // Without any cookie they are off, or the link came from somebody else's browser.
            Self::Unknown => {
                let why = if visitor.jar.is_empty() { Why::NoCookies } else { Why::SessionTimedOut };
                let id = &visitor.info.id;
                tracing::info!(request.id = %id, why = why.word(), "a page in a browser is not this browser's, or is over");
                (StatusCode::FORBIDDEN, visitor.refusal(why, Some(&id.to_string()))).into_response()
            }
            Self::Engine(error) => visitor.engine_failed(&error),
        }
    }
}

/// What a form holds, and the room to be kept until it is answered. One that cannot be read holds nothing, and so changes nothing.
///
/// The room is taken once the body is there: whoever sends one slowly, or never, keeps no place from others.
pub(crate) fn form(app: &App, body: Body) -> Result<(LoginSlot, Params), Failure> {
    let BodyBytes(body) = body?;
    Ok((app.gate().login()?, Params::from_form(&body).unwrap_or_default()))
}

/// The proof that a form carries, if it has one.
pub(crate) fn step_of(form: &Params) -> Option<String> {
    form.filled("step", MAX_STEP_BYTES).ok().flatten()
}

/// Answers a form: `act` gets the proof and what `read` makes of the rest, or nothing where either is missing, and keeps the room until it is done.
pub(crate) async fn submit<T>(
    app: &App,
    visitor: &Visitor,
    body: Body,
    read: fn(&Params) -> Option<T>,
    act: impl AsyncFnOnce(Option<(String, T)>) -> Result<Response, NotShown>,
) -> Response {
    let (_room, form) = match form(app, body) {
        Ok(form) => form,
        Err(failure) => return visitor.failed(&failure),
    };
    match act(step_of(&form).zip(read(&form))).await {
        Ok(response) => response,
        Err(why) => why.response(visitor),
    }
}

/// What a page's script is told that waits.
pub(crate) fn waiting(is_waiting: bool) -> Response {
    Json(json!({ "waiting": is_waiting })).into_response()
}

/// The same of a push: also whether the phone shows it.
pub(crate) fn awaited(awaited: Awaited) -> Response {
    match awaited {
        Awaited::Over => waiting(false),
        // Beside a code that is being typed only this takes the page away.
        Awaited::Approved => Json(json!({ "waiting": false, "approved": true })).into_response(),
        Awaited::Waiting(seen) => Json(json!({ "waiting": true, "seen": seen == Seen::Yes })).into_response(),
    }
}

/// What a page's script says of the push that it waits for.
pub(crate) fn seen_of(form: &Params) -> Seen {
    let says = form.filled("seen", 8).ok().flatten();
    if says.as_deref() == Some("yes") { Seen::Yes } else { Seen::NotYet }
}

/// The step that a page's script waits at, if it says one, and the room to wait in.
pub(crate) fn wait_at(app: &App, body: Body) -> Result<(Permit, Option<String>, Seen), Failure> {
    let BodyBytes(body) = body?;
    let room = app.gate().wait()?;
    let form = Params::from_form(&body).unwrap_or_default();
    Ok((room, step_of(&form), seen_of(&form)))
}
