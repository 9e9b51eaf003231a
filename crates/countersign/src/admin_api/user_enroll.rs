//! `/admin/v1/users/enroll`.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cs_core::secret::PlainCode;

use super::activation::{link, link_of};
use super::extract::{SignedAdmin, WriteResource};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// How long a link is good unless the caller says otherwise, in seconds.
const DEFAULT_VALID_SECS: i64 = 30 * 86_400;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/v1/users/enroll", post(enroll))
}

/// The link that binds a phone to the user, who is created if need be. It is mailed where mail is configured; otherwise whoever calls hands it over.
async fn enroll(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<String>, Failure> {
    let params = &request.params;
    let (username, email) = (params.required("username", 4096)?, params.required("email", 4096)?);
    let valid_secs = params.int("valid_secs")?.unwrap_or(DEFAULT_VALID_SECS);
    let actor = request.actor();
    let link_of = |code: &PlainCode| Some(link_of(&app, code).ok()?.to_link());
    let enrolled = app
        .engine()
        .enroll_user(request.account.id, &actor, &username, email.trim(), valid_secs, Some(&link_of))
        .await?;
    Ok(Envelope::new(link(&app, &enrolled.activation)?.to_link()))
}
