//! `/admin/v1/users/enroll`.

use axum::Router;
use axum::extract::State;
use axum::routing::post;

use super::activation::link;
use super::extract::{SignedAdmin, WriteResource};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// How long a link is good unless the caller says otherwise, in seconds.
const DEFAULT_VALID_SECS: i64 = 30 * 86_400;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/v1/users/enroll", post(enroll))
}

/// The link that binds a phone to the user, who is created if need be. No mail can be sent yet: whoever calls hands the link to the person.
async fn enroll(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<String>, Failure> {
    let params = &request.params;
    let (username, email) = (params.required("username", 4096)?, params.required("email", 4096)?);
    let valid_secs = params.int("valid_secs")?.unwrap_or(DEFAULT_VALID_SECS);
    let actor = request.actor();
    let issued = app.engine().enroll_user(request.account.id, &actor, &username, email.trim(), valid_secs).await?;
    Ok(Envelope::new(link(&app, &issued)?.to_link()))
}
