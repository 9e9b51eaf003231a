//! Begins a login in a browser, finds it again by its cookie, and shows where it stands.

use axum::extract::{Path, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::id::PromptId;
use cs_core::prompt::State as PromptState;
use cs_engine::EngineError;
use cs_engine::prompt::{Prompt, PromptSecret, View};

use super::cookies::{forget, keep, set_secret};
use super::posted::{NotShown, Slot};
use super::render::{may_add_with_another, render};
use super::visitor::{Visitor, see_other};
use crate::app::App;

/// The login's own page.
pub(super) fn page_of(id: PromptId) -> String {
    format!("/frame/prompt/{id}")
}

/// Gives the browser its secret and sends it to the login's page.
pub(crate) fn begin_session(visitor: &Visitor, id: PromptId, secret: &PromptSecret) -> Response {
    let mut response = see_other(&page_of(id));
    for old in visitor.jar.too_many() {
        forget(response.headers_mut(), old);
    }
    set_secret(response.headers_mut(), id, secret);
    response
}

/// The login `id`, if it is this browser's.
pub(super) async fn find(app: &App, visitor: &Visitor, id: &str) -> Result<Prompt, NotShown> {
    let id = id.parse::<PromptId>().map_err(|_| NotShown::Unknown)?;
    let secret = visitor.jar.secret(id).ok_or(NotShown::Unknown)?;
    let account = visitor.account(app).await?.ok_or(NotShown::Unknown)?;
    app.engine().prompt(&account, id, secret, visitor.liveness()).await?.ok_or(NotShown::Unknown)
}

/// The login `id`, if it is this browser's and its time is not over.
async fn under_way(app: &App, visitor: &Visitor, id: &str) -> Result<Option<Prompt>, EngineError> {
    match find(app, visitor, id).await {
        Ok(prompt) => Ok(Some(prompt).filter(|prompt| !prompt.is_expired(app.engine().clock().now()))),
        Err(NotShown::Unknown) => Ok(None),
        Err(NotShown::Engine(error)) => Err(error),
    }
}

/// The newest login of this browser that leads into the portal.
pub(crate) async fn recent_login(app: &App, visitor: &Visitor) -> Result<Option<PromptId>, EngineError> {
    for id in visitor.jar.logins().into_iter().rev() {
        let found = to_manage(app, visitor, id.as_str()).await?;
        if found.is_some_and(|prompt| prompt.caller().integration.self_service) {
            return Ok(Some(id));
        }
    }
    Ok(None)
}

/// Login `id`, of whose person an application has checked the password, if that is this browser's, is not over, and was not refused for what another factor does not mend.
pub(crate) async fn to_manage(app: &App, visitor: &Visitor, id: &str) -> Result<Option<Prompt>, EngineError> {
    let prompt = under_way(app, visitor, id).await?;
    let leads_on = |prompt: &Prompt| match prompt.state() {
        PromptState::MustEnroll(_) => false,
        // Nobody has been named yet.
        PromptState::Passkey { .. } => false,
        PromptState::Refused(failure) => may_add_with_another(failure.reason),
        // A login for the portal was begun from another one: who could begin a further one from it would never have to show the password again.
        PromptState::Checking
        | PromptState::Outdated
        | PromptState::Push(_)
        | PromptState::Passcode { .. }
        | PromptState::Key { .. }
        | PromptState::Options { .. }
        | PromptState::Again { .. }
        | PromptState::Trust(_)
        | PromptState::Done(_) => !prompt.caller().integration.kind.is_portal(),
    };
    Ok(prompt.filter(leads_on).filter(|prompt| !prompt.asked().username.is_empty()))
}

/// Login `id`, if it is this browser's, its time is not over, and the policies have sent its person to enroll.
pub(crate) async fn to_enroll(app: &App, visitor: &Visitor, id: &str) -> Result<Option<Prompt>, EngineError> {
    let must_enroll = |prompt: &Prompt| matches!(prompt.state(), PromptState::MustEnroll(_));
    Ok(under_way(app, visitor, id).await?.filter(must_enroll))
}

/// `GET /frame/prompt/{id}`: where the login stands.
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
    let mut prompt = find(app, visitor, id).await?;
    let changed = app.engine().follow_prompt(&mut prompt, &visitor.visit).await?;
    let view = app.engine().prompt_view(&prompt, &visitor.visit).await?;
    let now = app.engine().clock().now();
    let origin = app.engine().authenticator_origin();
    let here = visitor.may_hold_authenticator().then_some(origin);
    let request = visitor.info.id.to_string();
    if let View::Expired | View::NoWay { .. } = view {
        tracing::info!(request.id = %request, ?view, "a login in a browser does not go on");
    }
    let caller = prompt.caller();
    let (user, normalization) = (&prompt.asked().username, caller.integration.normalization);
    let look = visitor.look_of(app, &caller.account, user, normalization).await;
    let mut response = render(&prompt, &view, &look, here, &request, now).into_response();
    keep(response.headers_mut(), &visitor.jar, &changed, now);
    Ok(response)
}
