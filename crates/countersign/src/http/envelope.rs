//! Answers of the signed APIs, and what becomes of a use case's errors.

use std::time::Duration;

use axum::response::{IntoResponse, Response};
use cs_engine::EngineError;
use cs_store::StoreError;
use cs_wire::envelope::{CONTENT_TYPE, Success};
use http::header;
use http::{HeaderValue, StatusCode};
use metrics::counter;
use serde::Serialize;

use super::Failure;

/// When a client told to come back should.
const RETRY_AFTER: Duration = Duration::from_secs(1);

/// A success: HTTP 200 and `{"stat":"OK","response":…}`.
#[derive(Debug)]
pub struct Envelope<T>(pub Success<T>);

impl<T> Envelope<T> {
    /// Answers `response`.
    pub const fn new(response: T) -> Self {
        Self(Success::new(response))
    }
}

impl<T: Serialize> IntoResponse for Envelope<T> {
    fn into_response(self) -> Response {
        match serde_json::to_vec(&self.0) {
            Ok(body) => {
                let content_type = (header::CONTENT_TYPE, HeaderValue::from_static(CONTENT_TYPE));
                (StatusCode::OK, [content_type], body).into_response()
            }
            // The wire types have text keys and finite numbers, so this is a defect in one of them.
            Err(error) => {
                tracing::error!(%error, "an answer cannot be written");
                Failure::internal("unwritable-answer").into_response()
            }
        }
    }
}

impl From<cs_wire::envelope::Failure> for Failure {
    fn from(failure: cs_wire::envelope::Failure) -> Self {
        Self::new(failure.code.number(), failure.code.message(), failure.detail)
    }
}

impl From<cs_wire::params::ParamError> for Failure {
    fn from(error: cs_wire::params::ParamError) -> Self {
        cs_wire::envelope::Failure::from(error).into()
    }
}

/// The public answer; the cause is logged here and never sent.
impl From<EngineError> for Failure {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid(name) => Self::new(40002, "Invalid request parameters", name),
            EngineError::Forbidden(detail) => Self::new(40301, "Access forbidden", detail),
            EngineError::Synced { .. } => Self::new(40002, "Invalid request parameters", error.to_string()),
            EngineError::NotFound => Self::new(40401, "Resource not found", "There is no such object."),
            EngineError::Exists(name) => Self::new(40003, "Duplicate resource", format!("{name} already exists")),
            EngineError::IdempotencyMismatch => Self::new(
                40901,
                "Conflict with an earlier request",
                "The idempotency key was used with other parameters.",
            ),
            EngineError::Busy => Self::too_many_requests("This server is busy; try again.", RETRY_AFTER),
            EngineError::Unavailable(cause) => {
                // Clients told to fail safe let people in on a 5xx: an administrator must hear of it.
                counter!("countersign_possible_fail_open_total").increment(1);
                tracing::error!(
                    error = &cause as &dyn std::error::Error,
                    "the database is not available: clients that fail open may let people in"
                );
                Self::new(50301, "Service unavailable", "No decision can be made now.")
            }
            EngineError::Internal(cause) => {
                tracing::error!(error = &cause as &dyn std::error::Error, "a use case failed");
                Self::new(50000, "Internal server error", "The server's log has the cause.")
            }
            EngineError::Contention => {
                tracing::warn!("the objects of a request kept changing");
                Self::too_many_requests("Too many attempts at once; try again.", RETRY_AFTER)
            }
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        EngineError::from(error).into()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_error_of_a_use_case_has_its_code() {
        for (error, code) in [
            (EngineError::Invalid("username"), 40002),
            (EngineError::Exists("username"), 40003),
            (EngineError::NotFound, 40401),
            (EngineError::IdempotencyMismatch, 40901),
            (EngineError::Busy, 42901),
            (EngineError::Contention, 42901),
            (EngineError::from(StoreError::NulInText), 40002),
            (EngineError::from(StoreError::Timeout), 42901),
            (EngineError::from(StoreError::Closed), 50301),
        ] {
            assert_eq!(Failure::from(error).code(), code);
        }
        let busy = Failure::from(EngineError::Busy).into_response();
        assert_eq!(busy.headers()["retry-after"], "1");
    }
}
