//! What the pages send. Each form is answered with the way back to the login's page; one that cannot be read, like one that comes late, changes nothing.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::prompt::{Keys, Means, Way};
use cs_engine::prompt::Input;
use cs_wire::params::Params;
use serde_json::Value;

use super::cookies::keep;
use super::posted::{self, Body, awaited, wait_at, waiting};
use super::session::{find, page_of};
use super::visitor::{Visitor, see_other};
use crate::app::App;
use crate::http::Failure;

/// The longest code that is looked at: a YubiKey's has 44 characters.
const MAX_CODE_BYTES: usize = 256;
const MAX_FACTS_BYTES: usize = 4096;
/// An assertion has a signature, 37 bytes of data and a little JSON; extensions may add to it.
const MAX_CREDENTIAL_BYTES: usize = 16 * 1024;

/// What the browser is, and go on.
pub(super) async fn begin(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| Some(Input::Begin(keys(form)))).await
}

/// Take this way.
pub(super) async fn choose(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| {
        let means = Means::parse(&form.filled("method", 32).ok()??)?;
        let phone = match form.filled("device", 32).ok()? {
            Some(device) if means.names_a_phone() => Some(device.parse().ok()?),
            Some(_) | None => None,
        };
        Some(Input::Choose(Way { means, phone }))
    })
    .await
}

/// Show all ways.
pub(super) async fn options(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |_| Some(Input::Options)).await
}

/// A code. What is empty was not sent: it counts as no attempt.
pub(super) async fn passcode(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| {
        let typed = form.filled("passcode", MAX_CODE_BYTES).ok()??;
        (!typed.trim().is_empty()).then_some(Input::Passcode(typed))
    })
    .await
}

/// What a security key or the device's own lock answered.
pub(super) async fn key(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| form.filled("credential", MAX_CREDENTIAL_BYTES).ok()?.map(Input::Key)).await
}

/// Whether this is one's own device.
pub(super) async fn trust(app: State<App>, id: Path<String>, visitor: Visitor, body: Body) -> Response {
    submit(app, id, visitor, body, |form| match &*form.filled("trust", 8).ok()?? {
        "yes" => Some(Input::Trust(true)),
        "no" => Some(Input::Trust(false)),
        _ => None,
    })
    .await
}

/// Has anybody answered? Held open while nobody has; what came of it is shown by the login's page.
pub(super) async fn wait(State(app): State<App>, Path(id): Path<String>, visitor: Visitor, body: Body) -> Response {
    let (_room, step, says) = match wait_at(&app, body) {
        Ok(at) => at,
        Err(failure) => return failure.into_response(),
    };
    let (Some(step), Ok(prompt)) = (step, find(&app, &visitor, &id).await) else { return waiting(false) };
    match app.engine().wait_prompt(&prompt, &step, says).await {
        Ok(news) => awaited(news),
        Err(error) => Failure::from(error).into_response(),
    }
}

async fn submit(
    State(app): State<App>,
    Path(id): Path<String>,
    visitor: Visitor,
    body: Body,
    read: fn(&Params) -> Option<Input>,
) -> Response {
    posted::submit(&app, &visitor, body, read, async |sent| {
        let mut prompt = find(&app, &visitor, &id).await?;
        let mut response = see_other(&page_of(prompt.id()));
        if let Some((step, input)) = sent {
            let changed = app.engine().post_prompt(&mut prompt, &step, input, &visitor.visit).await?;
            keep(response.headers_mut(), &visitor.jar, &changed, app.engine().clock().now());
        }
        Ok(response)
    })
    .await
}

/// Whether the script said that the browser has WebAuthn. Without script there is nobody to ask a key.
fn keys(form: &Params) -> Keys {
    let facts = form.filled("facts", MAX_FACTS_BYTES).ok().flatten();
    let facts = facts.and_then(|facts| cs_wire::json::parse_strict(facts.as_bytes()).ok());
    match facts.as_ref().and_then(|facts| facts.get("webauthn")) {
        Some(Value::Bool(true)) => Keys::Usable,
        Some(_) | None => Keys::Unusable,
    }
}
