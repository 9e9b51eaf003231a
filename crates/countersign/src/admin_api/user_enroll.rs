//! `/admin/v1/users/enroll`.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cs_core::secret::PlainCode;
use cs_engine::enrollment::{Invite, LINK_TTL};

use super::extract::{SignedAdmin, WriteResource};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// How long a link is good unless the caller says otherwise, in seconds.
const DEFAULT_VALID_SECS: i64 = LINK_TTL.as_secs();

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/v1/users/enroll", post(enroll))
}

/// The link with which the user sets up a first factor, who is created if need be. It is mailed where mail is configured; otherwise whoever calls hands it over.
async fn enroll(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<String>, Failure> {
    let params = &request.params;
    let (username, email) = (params.required("username", 4096)?, params.required("email", 4096)?);
    let valid_secs = params.int("valid_secs")?.unwrap_or(DEFAULT_VALID_SECS);
    let actor = request.actor();
    let invite = Invite { username: &username, email: Some(email.trim()), valid_secs };
    let link_of = |code: &PlainCode| Some(app.enrollment_url(code));
    let invitation = app.engine().invite(request.account.id, &actor, &invite, Some(&link_of)).await?;
    Ok(Envelope::new(app.enrollment_url(&invitation.code)))
}
