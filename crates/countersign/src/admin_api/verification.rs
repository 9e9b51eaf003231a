//! `/admin/v1/users/{user_id}/send_verification_push` and `…/verification_push_response`: a help desk asks whether the caller is the user.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cs_core::login::Push;
use serde::Serialize;

use super::extract::{ReadResource, SignedAdmin, WriteResource};
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/users/{user_id}/send_verification_push", post(send))
        .route("/admin/v1/users/{user_id}/verification_push_response", get(response))
}

#[derive(Debug, Serialize)]
struct Sent {
    push_id: String,
    confirmation_code: String,
}

#[derive(Debug, Serialize)]
struct Response {
    push_id: String,
    result: &'static str,
}

async fn send(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Sent>, Failure> {
    let (user, phone) = (request.id("user_id")?, request.id_param("phone_id")?);
    let check = app.engine().check_identity(&request.integration, user, phone).await?;
    Ok(Envelope::new(Sent { push_id: check.id.to_string(), confirmation_code: check.code }))
}

/// Answers at once. Duo's words have none for a push that nobody answered in time: it is there no more.
async fn response(State(app): State<App>, request: SignedAdmin<ReadResource>) -> Result<Envelope<Response>, Failure> {
    let user = request.id("user_id")?;
    let id = request.id_param("push_id")?;
    let result = match app.engine().identity_check(&request.integration, user, id).await? {
        Push::Waiting { .. } => "waiting",
        Push::Approved => "approve",
        Push::Denied => "deny",
        Push::Fraud => "fraud",
        Push::TimedOut | Push::Cancelled | Push::Refused => {
            return Err(Failure::new(40401, "Resource not found", "Nobody answered the push within 60 seconds."));
        }
    };
    Ok(Envelope::new(Response { push_id: id.to_string(), result }))
}
