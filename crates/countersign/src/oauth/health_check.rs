//! `POST /oauth/v1/health_check`: is the service there, and are the client's credentials good. Applications decide by it whether to go on without a second factor.

use axum::Json;
use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use cs_engine::EngineError;
use cs_engine::prompt::AssertionUse;
use cs_wire::oidc::{AssertionError, Endpoint, HealthAnswer, HealthCheckRequest, HealthFailure, JwtError};
use http::StatusCode;

use super::client::{ClientError, Posted, prove};
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) async fn health_check(State(app): State<App>, posted: Posted) -> Result<Response, Failure> {
    let timestamp = app.engine().clock().now().as_second();
    let refused = |failure: HealthFailure| (StatusCode::BAD_REQUEST, Json(failure)).into_response();
    let request = match posted.params.as_ref().map_err(Clone::clone).and_then(HealthCheckRequest::from_params) {
        Ok(request) => request,
        Err(error) => return Ok(refused(HealthFailure::invalid_request(error.to_string(), timestamp))),
    };
    let proven = match prove(&app, &posted, Some(&request.client_id), &request.assertion, Endpoint::HealthCheck).await {
        Ok(proven) => proven,
        Err(ClientError::Engine(error)) => return Err(error.into()),
        Err(error) => return Ok(refused(HealthFailure::invalid_client(detail(&error), timestamp))),
    };
    app.count_request(proven.caller.account.id, proven.caller.integration.key)?;
    let used = AssertionUse { jti: &proven.assertion.jti, remember_until: proven.assertion.remember_until };
    if !app.engine().use_assertion(&proven.caller, used).await? {
        return Ok(refused(HealthFailure::invalid_client("The client_assertion was used before.", timestamp)));
    }
    Ok(Envelope::new(HealthAnswer { timestamp }).into_response())
}

/// In Duo's words where there are some: SDKs show them.
pub(super) fn detail(error: &ClientError) -> String {
    match error {
        ClientError::Unknown | ClientError::Assertion(AssertionError::Jwt(JwtError::BadSignature)) => {
            "Failed to verify signature.".to_owned()
        }
        ClientError::Assertion(error) => format!("The provided client_assertion was invalid: {error}."),
        ClientError::Engine(error @ EngineError::NotFound) => error.to_string(),
        ClientError::Engine(_) => "The service cannot answer now.".to_owned(),
    }
}
