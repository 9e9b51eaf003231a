//! In by a login, out, and in again when the factor has become too old.

use aws_lc_rs::constant_time;
use axum::extract::{Path, RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use cs_core::id::{IntegrationKey, PromptId, TxId, VisitId};
use cs_core::prompt::PROMPT_TTL;
use cs_engine::portal::{Entered, PORTAL_TTL, PortalSession};
use cs_engine::{AccountEntry, EngineError, SystemRng, VisitSecret};
use cs_pages::portal::Left;
use cs_pages::{Doors, Go, Template as _, Why};
use cs_wire::params::Params;
use http::StatusCode;
use jiff::SignedDuration;

use super::render::Surroundings;
use crate::app::App;
use crate::frame::{Body, Slot, Visitor, begin_session, keep_value, recent_login, see_other, step_of, to_manage};
use crate::http::{BodyBytes, Page};

/// The portal's path.
pub(super) const BASE: &str = "/portal";
/// Where somebody shows a factor once more.
const AGAIN: &str = "/portal/again";
/// The way in without a password.
const BY_PASSKEY: &str = "/portal/passkey";
/// The cookie of a session: its id, a dot, its secret.
const SESSION: &str = "portal";
/// The cookie that says which login for the portal this browser has begun.
const ENTERING: &str = "entering";

/// Why there is no page.
pub(super) enum Out {
    /// This browser is not in, or not any more.
    NotIn,
    /// The same, but this login of a moment ago leads in.
    LoggedIn(PromptId),
    /// The same where a passkey would do.
    NotInYet,
    /// The factor has become too old for changes.
    Stale,
    /// Nothing is added: why, and what the log knows it as.
    Refused(Why, String),
    Engine(EngineError),
}

impl From<EngineError> for Out {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl Out {
    pub(super) fn response(self, visitor: &Visitor) -> Response {
        let refused = |why, again: Option<&str>, reference: Option<&str>| {
            let doors = Doors { again: again.map(Go::To), ..Doors::default() };
            (StatusCode::FORBIDDEN, visitor.refusal_with(why, doors, reference)).into_response()
        };
        match self {
            Self::NotIn => refused(Why::LogInFirst, None, None),
            Self::NotInYet => {
                let doors = Doors { passkey: Some(Go::To(BY_PASSKEY)), ..Doors::default() };
                (StatusCode::FORBIDDEN, visitor.refusal_with(Why::LogInFirst, doors, None)).into_response()
            }
            Self::LoggedIn(id) => {
                let from = format!("{BASE}/from/{id}");
                refused(Why::SignInAgain, Some(&from), None)
            }
            Self::Stale => refused(Why::SignInAgain, Some(AGAIN), None),
            Self::Refused(why @ (Why::SignInAgain | Why::StrongerFactor), reference) => {
                refused(why, Some(AGAIN), Some(&reference))
            }
            Self::Refused(why, reference) => refused(why, Some(BASE), Some(&reference)),
            Self::Engine(error) => visitor.engine_failed(&error),
        }
    }
}

/// Who is in, in this browser.
pub(super) async fn session(app: &App, visitor: &Visitor) -> Result<PortalSession, Out> {
    match in_session(app, visitor).await {
        Err(Out::NotIn) => match recent_login(app, visitor).await? {
            Some(id) => Err(Out::LoggedIn(id)),
            None if takes_passkeys(app, visitor).await? => Err(Out::NotInYet),
            None => Err(Out::NotIn),
        },
        found => found,
    }
}

/// Whether somebody may get in by a passkey alone.
async fn takes_passkeys(app: &App, visitor: &Visitor) -> Result<bool, Out> {
    let Some(account) = visitor.account(app).await? else { return Ok(false) };
    let Some(caller) = app.engine().portal_caller(&account, visitor.liveness()).await? else { return Ok(false) };
    Ok(app.engine().may_be_passwordless(&caller).await?)
}

async fn in_session(app: &App, visitor: &Visitor) -> Result<PortalSession, Out> {
    let (id, secret) = visitor.kept(SESSION).and_then(|kept| kept.split_once('.')).ok_or(Out::NotIn)?;
    let (id, secret) = (id.parse::<VisitId>().ok(), VisitSecret::parse(secret));
    let (Some(id), Some(secret), Some(account)) = (id, secret, visitor.account(app).await?) else {
        return Err(Out::NotIn);
    };
    app.engine().portal_session(&account, id, secret, visitor.access()).await?.ok_or(Out::NotIn)
}

/// `GET /portal/from/{prompt_id}`: from a login under way, or just over, in this browser.
pub(super) async fn from_login(
    State(app): State<App>,
    Path(id): Path<String>,
    slot: Slot,
    visitor: Visitor,
) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    let prompt = match to_manage(&app, &visitor, &id).await {
        Ok(Some(prompt)) => prompt,
        Ok(None) => return Out::NotIn.response(&visitor),
        Err(error) => return visitor.engine_failed(&error),
    };
    let caller = prompt.caller();
    let back = format!("/frame/prompt/{}", prompt.id());
    if !caller.integration.self_service {
        return self_service_off(&visitor, &back);
    }
    // By the name that we know them by, which need not be what the application calls them.
    match app.engine().username_of_prompt(&prompt).await {
        Ok(Some(username)) => begin(&app, &visitor, &caller.account, &username, &back).await,
        Ok(None) => Out::NotIn.response(&visitor),
        Err(error) => visitor.engine_failed(&error),
    }
}

/// `GET /portal/passkey`: from nowhere, with no name, by a passkey that takes the place of the password. Where no policy lets anybody in so, there is no such way.
pub(super) async fn by_passkey(State(app): State<App>, slot: Slot, visitor: Visitor) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    match begun_by_passkey(&app, &visitor).await {
        Ok(response) => response,
        Err(out) => out.response(&visitor),
    }
}

async fn begun_by_passkey(app: &App, visitor: &Visitor) -> Result<Response, Out> {
    let account = visitor.account(app).await?.ok_or(Out::NotIn)?;
    if !takes_passkeys(app, visitor).await? {
        return Err(Out::NotIn);
    }
    // Whoever asks is nobody yet: as many as an application may ask for, and no more.
    if let Err(failure) = app.count_request(account.id, IntegrationKey::portal_of(account.id)) {
        return Ok(visitor.failed(&failure));
    }
    Ok(begin(app, visitor, &account, "", BASE).await)
}

/// `GET /portal/again`: whoever is in shows a factor once more.
pub(super) async fn again(State(app): State<App>, slot: Slot, visitor: Visitor) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    match session(&app, &visitor).await {
        Ok(session) => begin(&app, &visitor, session.account(), session.username(), BASE).await,
        Err(out) => out.response(&visitor),
    }
}

async fn begin(app: &App, visitor: &Visitor, account: &AccountEntry, username: &str, back: &str) -> Response {
    let state = TxId::generate(&mut SystemRng).to_string();
    let opened = app.engine().open_portal(account, username, &redirect_uri(app), &state).await;
    let (id, secret) = match opened {
        Ok(Some(opened)) => opened,
        Ok(None) => return self_service_off(visitor, back),
        Err(error) => return visitor.engine_failed(&error),
    };
    let mut response = begin_session(visitor, id, &secret);
    keep_value(response.headers_mut(), ENTERING, &state, PROMPT_TTL);
    response
}

fn self_service_off(visitor: &Visitor, back: &str) -> Response {
    let doors = Doors { application: Some(back), ..Doors::default() };
    (StatusCode::FORBIDDEN, visitor.refusal_with(Why::SelfServiceOff, doors, None)).into_response()
}

/// `GET /portal/enter`: a login for the portal is over.
pub(super) async fn enter(State(app): State<App>, RawQuery(query): RawQuery, slot: Slot, visitor: Visitor) -> Response {
    if let Err(failure) = slot {
        return visitor.failed(&failure);
    }
    match entered(&app, &visitor, &query.unwrap_or_default()).await {
        Ok(response) => response,
        Err(out) => out.response(&visitor),
    }
}

async fn entered(app: &App, visitor: &Visitor, query: &str) -> Result<Response, Out> {
    let query = Params::from_form(query.as_bytes()).map_err(|_| Out::NotIn)?;
    let (Ok(Some(code)), Ok(Some(state))) = (query.filled("duo_code", 128), query.filled("state", 128)) else {
        return Err(Out::NotIn);
    };
    // Nobody is brought into somebody else's portal: the login was begun in this very browser.
    let begun = visitor.kept(ENTERING).ok_or(Out::NotIn)?;
    if constant_time::verify_slices_are_equal(begun.as_bytes(), state.as_bytes()).is_err() {
        return Err(Out::NotIn);
    }
    let account = visitor.account(app).await?.ok_or(Out::NotIn)?;
    let entered = app.engine().enter_portal(&account, &code, &redirect_uri(app), visitor.access()).await?;
    let (id, secret) = match entered {
        Entered::In(id, secret) => (id, secret),
        Entered::WithoutFactor { reference } => {
            return Ok((StatusCode::FORBIDDEN, visitor.refusal(Why::NoOptions, Some(&reference))).into_response());
        }
        Entered::Unknown => return Err(Out::NotIn),
    };
    let mut response = see_other(BASE);
    let value = zeroize::Zeroizing::new(format!("{id}.{}", *secret.expose()));
    keep_value(response.headers_mut(), SESSION, &value, PORTAL_TTL);
    keep_value(response.headers_mut(), ENTERING, "", SignedDuration::ZERO);
    Ok(response)
}

/// `POST /portal/leave`
pub(super) async fn leave(State(app): State<App>, visitor: Visitor, body: Body) -> Response {
    let session = match session(&app, &visitor).await {
        Ok(session) => session,
        Err(out) => return out.response(&visitor),
    };
    let form = body.ok().and_then(|BodyBytes(body)| Params::from_form(&body).ok()).unwrap_or_default();
    let is_ours = step_of(&form).is_some_and(|step| session.is_ours(&step) || session.is_this_step(&step));
    if !is_ours {
        return see_other(BASE);
    }
    if let Err(error) = app.engine().leave_portal(&session).await {
        return visitor.engine_failed(&error);
    }
    let around = Surroundings::of(&app, &visitor, &session).await;
    let mut response = Page(Left { chrome: around.chrome(), again: BASE }.render()).into_response();
    keep_value(response.headers_mut(), SESSION, "", SignedDuration::ZERO);
    response
}

fn redirect_uri(app: &App) -> String {
    format!("https://{}/portal/enter", app.api_authority())
}
