//! `/oauth/v1/authorize`: an application sends a browser here with a request that it has signed.
//!
//! Before the request is known to be the application's, nobody is sent anywhere: whatever is wrong is said on a page of ours.

use axum::extract::{RawQuery, State};
use axum::response::{IntoResponse as _, Response};
use cs_engine::EngineError;
use cs_engine::prompt::Asked;
use cs_pages::Why;
use cs_wire::oidc::{AuthorizeError, AuthorizeQuery, AuthorizeRequest};
use http::StatusCode;

use super::client::{Client, bytes};
use crate::app::App;
use crate::frame::{Visitor, begin_session, see_other};
use crate::http::{BodyBytes, Failure};

/// Why no login begins.
enum Refused {
    /// The same to a client that does not exist and to one whose signature is wrong.
    Unknown,
    Request(AuthorizeError),
    Engine(EngineError),
}

impl From<EngineError> for Refused {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<AuthorizeError> for Refused {
    fn from(error: AuthorizeError) -> Self {
        Self::Request(error)
    }
}

pub(super) async fn begin(State(app): State<App>, visitor: Visitor, RawQuery(query): RawQuery) -> Response {
    respond(&app, &visitor, &query.unwrap_or_default()).await
}

/// The same with the parameters in a form, as OpenID Connect allows.
pub(super) async fn begin_by_post(
    State(app): State<App>,
    visitor: Visitor,
    body: Result<BodyBytes, Failure>,
) -> Response {
    match body {
        Ok(BodyBytes(body)) => respond(&app, &visitor, &String::from_utf8_lossy(&body)).await,
        Err(failure) => visitor.failed(&failure),
    }
}

async fn respond(app: &App, visitor: &Visitor, query: &str) -> Response {
    // Only now that all of it is here: whoever sends it slowly keeps no place from others.
    let _room = match app.gate().login() {
        Ok(room) => room,
        Err(failure) => return visitor.failed(&failure),
    };
    let refused = match authorize(app, visitor, query).await {
        Ok(response) => return response,
        Err(refused) => refused,
    };
    let (status, why) = match &refused {
        Refused::Request(AuthorizeError::Answered { answer, description }) => {
            tracing::info!(request.id = %visitor.info.id, %description, "an application's request for a login cannot be met");
            return see_other(&answer.location);
        }
        Refused::Engine(error) => return visitor.engine_failed(error),
        Refused::Unknown => {
            tracing::info!(request.id = %visitor.info.id, "a login was asked for by an unknown client");
            (StatusCode::BAD_REQUEST, Why::Denied)
        }
        Refused::Request(AuthorizeError::Time { what, late_by }) => {
            let late_by_s = late_by.map(|late| late.as_secs());
            tracing::info!(request.id = %visitor.info.id, error = what, late_by_s, "an application's request for a login is not of this time");
            let is_early = late_by.is_some_and(|late| late.is_negative());
            let minutes = late_by.and_then(|late| usize::try_from(late.as_mins().unsigned_abs()).ok());
            let why = if is_early { Why::ClockAhead } else { Why::RequestTooOld };
            let page = visitor.refusal_after(why, minutes, Some(&visitor.info.id.to_string()));
            return (StatusCode::BAD_REQUEST, page).into_response();
        }
        Refused::Request(error) => {
            tracing::info!(request.id = %visitor.info.id, %error, "a request for a login is not the application's");
            (StatusCode::BAD_REQUEST, Why::Denied)
        }
    };
    (status, visitor.refusal(why, Some(&visitor.info.id.to_string()))).into_response()
}

async fn authorize(app: &App, visitor: &Visitor, query: &str) -> Result<Response, Refused> {
    let query = AuthorizeQuery::parse(query).map_err(AuthorizeError::from)?;
    let client = Client::find(app, &visitor.host, &query.client_id).await?.ok_or(Refused::Unknown)?;
    let request = query.request().map_err(AuthorizeError::from)?;
    let now = app.engine().clock().now();
    let secret = client.secret(now, |secret| request.is_signed_with(secret));
    let is_ours = |authority: &str| client.is_ours(app, authority);
    let request = request.verify(bytes(secret), is_ours, now)?;
    let caller = client.caller(visitor.liveness());
    if let Err(failure) = app.count_request(caller.account.id, caller.integration.key) {
        return Ok(visitor.failed(&failure));
    }
    // Only where a policy lets somebody in without a password is nobody a user.
    if request.username.is_none() && !app.engine().may_be_passwordless(&caller).await? {
        return Err(request.needs_name().into());
    }
    let (id, secret) = app.engine().open_prompt(&caller, &asked(request)).await?;
    Ok(begin_session(visitor, id, &secret))
}

fn asked(request: AuthorizeRequest) -> Asked {
    Asked {
        redirect_uri: request.redirect_uri.as_str().to_owned(),
        state: request.state,
        nonce: request.nonce,
        username: request.username.unwrap_or_default(),
        code_name: request.code_name.as_str().to_owned(),
        frame: None,
    }
}
