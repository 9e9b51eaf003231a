//! What the pages send. Each form is answered with the way back to the enrollment's page; one that cannot be read, like one that comes late, changes nothing.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::webauthn::Wanted;
use cs_engine::enrollment::{CodeBy, EnrollInput, Enrolled, NewFactor};
use cs_engine::passkeys::MAX_RESPONSE_BYTES;
use cs_pages::Why;
use cs_pages::enroll::NewWay;
use cs_wire::params::Params;

use super::open::{find, page_of};
use super::render::{codes, not_saved, refusal, why_not};
use crate::app::App;
use crate::frame::{self, Body, Visitor, see_other, wait_at, waiting};
use crate::http::Failure;

/// The longest name that is looked at; how many characters of it are allowed is the engine's matter.
const MAX_NAME_BYTES: usize = 256;
/// With everything people put between the digits.
const MAX_NUMBER_BYTES: usize = 128;

/// Set this up. Without a way it goes back to the choice.
pub(super) async fn choose(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| Some(EnrollInput::Choose(way(form)))).await
}

/// Back to the choice.
pub(super) async fn options(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |_| Some(EnrollInput::Choose(None))).await
}

/// Whether the phone shows the same words.
pub(super) async fn confirm(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| match &*form.filled("same", 8).ok()?? {
        "yes" => Some(EnrollInput::Confirm(true)),
        "no" => Some(EnrollInput::Confirm(false)),
        _ => None,
    })
    .await
}

/// What the browser made: a passkey, or a security key that made itself known.
pub(super) async fn register(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| {
        let response = form.filled("credential", MAX_RESPONSE_BYTES).ok()??;
        let name = form.filled("name", MAX_NAME_BYTES).ok()?.unwrap_or_default();
        Some(EnrollInput::Register { response, name })
    })
    .await
}

/// A number, and how a code shall go there.
pub(super) async fn number(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| {
        let number = form.filled("number", MAX_NUMBER_BYTES).ok()??;
        let by = match &*form.filled("by", 8).ok()?? {
            "sms" => CodeBy::Sms,
            "call" => CodeBy::Call,
            _ => return None,
        };
        Some(EnrollInput::Number { number, by })
    })
    .await
}

/// The code that went there.
pub(super) async fn check(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| Some(EnrollInput::Check(form.filled("code", 64).ok()??))).await
}

/// Set this up as well.
pub(super) async fn backup(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| Some(EnrollInput::Backup(way(form)?))).await
}

/// The codes have been kept.
pub(super) async fn kept(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |_| Some(EnrollInput::Kept)).await
}

/// Goes on without a backup.
pub(super) async fn skip(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |_| Some(EnrollInput::Skip)).await
}

/// Has the phone answered? Held open while it has not; what came of it is shown by the enrollment's page.
pub(super) async fn wait(State(app): State<App>, Path(id): Path<String>, visitor: Visitor, body: Body) -> Response {
    let (_room, step, _) = match wait_at(&app, body) {
        Ok(at) => at,
        Err(failure) => return failure.into_response(),
    };
    let (Some(step), Ok(enrollment)) = (step, find(&app, &visitor, &id).await) else { return waiting(false) };
    match app.engine().wait_enrollment(&enrollment, &step).await {
        Ok(is_waiting) => waiting(is_waiting),
        Err(error) => Failure::from(error).into_response(),
    }
}

fn way(form: &Params) -> Option<NewFactor> {
    match NewWay::parse(&form.filled("way", 32).ok()??)? {
        NewWay::Phone => Some(NewFactor::Phone),
        NewWay::Platform => Some(NewFactor::Key(Wanted::Platform)),
        NewWay::SecurityKey => Some(NewFactor::Key(Wanted::SecurityKey)),
        NewWay::Passkey => Some(NewFactor::Key(Wanted::Passkey)),
        NewWay::Number => Some(NewFactor::Number),
        NewWay::Codes => Some(NewFactor::Codes),
    }
}

async fn submit(
    State(app): State<App>,
    Path(id): Path<String>,
    visitor: Visitor,
    body: Body,
    read: fn(&Params) -> Option<EnrollInput>,
) -> Response {
    frame::submit(&app, &visitor, body, read, async |sent| {
        let mut enrollment = find(&app, &visitor, &id).await?;
        let back = see_other(&page_of(enrollment.id()));
        let Some((step, input)) = sent else { return Ok(back) };
        let enrolled = app.engine().post_enrollment(&mut enrollment, &step, input, visitor.access()).await?;
        Ok(match enrolled {
            Enrolled::Moved => back,
            Enrolled::Codes(made) => codes(&app, &visitor, &enrollment, &made).await,
            Enrolled::Mismatch => refusal(&visitor, &enrollment, Why::ActivationMismatch, None),
            Enrolled::NotSaved(why) => not_saved(&visitor, &enrollment, why),
            Enrolled::Refused(not) => refusal(&visitor, &enrollment, why_not(&not), Some(&not.reference)),
        })
    })
    .await
}
