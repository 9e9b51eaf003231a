//! How the surface says no: the protocol's code, and what to do about it.

use axum::Json;
use axum::response::{IntoResponse, Response};
use cs_core::login::{Push, PushClosed};
use cs_engine::EngineError;
use cs_engine::login::AnswerError;
use cs_engine::moves::MovedAway;
use cs_wire::device::{ClosedState, ErrorBody, ErrorCode, ErrorDetail, JwsError};
use http::header::RETRY_AFTER;
use http::{HeaderValue, StatusCode};

use super::moves::notice;
use crate::http::Failure;

/// Seconds after which a device may try again what could not be done now.
const RETRY_AFTER_S: u64 = 5;

/// A request that is not carried out.
#[derive(Debug)]
pub struct Refusal {
    answer: Box<Answer>,
}

#[derive(Debug)]
enum Answer {
    Protocol {
        error: ErrorDetail,
        retry_after_s: Option<u64>,
    },
    /// Refused before it could be read.
    Edge(Failure),
}

impl Refusal {
    pub(super) fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self::from(ErrorDetail::new(code, message))
    }

    pub(super) fn malformed(message: &'static str) -> Self {
        Self::new(ErrorCode::Malformed, message)
    }

    pub(super) fn signature(message: &'static str) -> Self {
        Self::new(ErrorCode::Signature, message)
    }

    pub(super) fn inactive() -> Self {
        let message = "This device is not active. Confirm it on the page that showed the code, or activate it again.";
        Self::new(ErrorCode::Inactive, message)
    }

    /// To a device whose place another one has taken.
    pub(super) fn moved(away: &MovedAway) -> Self {
        let message =
            "This account is on another device now. If that was not you, say so, and tell your administrators.";
        let error = ErrorDetail::new(ErrorCode::Inactive, message);
        Self::from(ErrorDetail { moved: Some(notice(away)), ..error })
    }

    /// Whatever was wrong with what was to be moved to another device.
    pub(super) fn refused() -> Self {
        let message = "This does not suffice to bring an account here. Check the name, take another code, or ask your administrators.";
        Self::new(ErrorCode::Refused, message)
    }

    pub(super) fn activation_invalid() -> Self {
        Self::new(ErrorCode::ActivationInvalid, "This activation code cannot be used. Ask for a new one.")
    }

    pub(super) fn no_such_request() -> Self {
        Self::new(ErrorCode::NoSuchRequest, "There is no such login request for this device.")
    }

    pub(super) fn clock(server_time: i64) -> Self {
        let error =
            ErrorDetail::new(ErrorCode::Clock, "The device's clock is wrong. Sign again with the server's time.");
        Self::from(ErrorDetail { server_time: Some(server_time), ..error })
    }

    pub(super) fn busy(retry_after_s: u64) -> Self {
        let error = ErrorDetail::new(ErrorCode::Busy, "Too much at once. Try again later.");
        Self { answer: Box::new(Answer::Protocol { error, retry_after_s: Some(retry_after_s.max(1)) }) }
    }

    fn unavailable() -> Self {
        let error = ErrorDetail::new(ErrorCode::Unavailable, "The server cannot do this now. Try again later.");
        Self { answer: Box::new(Answer::Protocol { error, retry_after_s: Some(RETRY_AFTER_S) }) }
    }
}

impl From<ErrorDetail> for Refusal {
    fn from(error: ErrorDetail) -> Self {
        Self { answer: Box::new(Answer::Protocol { error, retry_after_s: None }) }
    }
}

impl From<Failure> for Refusal {
    fn from(failure: Failure) -> Self {
        Self { answer: Box::new(Answer::Edge(failure)) }
    }
}

impl From<JwsError> for Refusal {
    fn from(error: JwsError) -> Self {
        match error {
            JwsError::Malformed => Self::malformed("This is not a JWS of the protocol."),
            JwsError::WrongTyp => Self::signature("This JWS was signed for another purpose."),
            JwsError::BadSignature => {
                Self::signature("The signature is not the bound key's. Activate the device again.")
            }
            JwsError::BadPayload => Self::malformed("The signed payload is not what its type says."),
        }
    }
}

impl From<EngineError> for Refusal {
    fn from(error: EngineError) -> Self {
        match error {
            EngineError::Invalid(_)
            | EngineError::Exists(_)
            | EngineError::Synced { .. }
            | EngineError::IdempotencyMismatch => Self::malformed("A value cannot be what was sent."),
            EngineError::NotFound | EngineError::Forbidden(_) => Self::inactive(),
            EngineError::Busy | EngineError::Contention => Self::busy(RETRY_AFTER_S),
            EngineError::Unavailable(_) | EngineError::Internal(_) => {
                let cause = std::error::Error::source(&error).map(ToString::to_string);
                tracing::error!(error = %error, cause = ?cause, "an authenticator's request could not be carried out");
                Self::unavailable()
            }
        }
    }
}

impl From<AnswerError> for Refusal {
    fn from(error: AnswerError) -> Self {
        match error {
            AnswerError::NoSuchRequest => Self::no_such_request(),
            AnswerError::Closed(PushClosed { state }) => {
                let error =
                    ErrorDetail::new(ErrorCode::Closed, "This login request is closed. Nothing is left to answer.");
                Self::from(ErrorDetail { state: closed_state(state), ..error })
            }
            AnswerError::WrongNumber { tries_left: ..=0 } => {
                Self::new(ErrorCode::Number, "The number does not match; the login was denied. Begin again.")
            }
            AnswerError::WrongNumber { tries_left } => Self::new(
                ErrorCode::Number,
                format!("The number does not match the one on the screen where you log in. Tries left: {tries_left}."),
            ),
            AnswerError::Engine(error) => error.into(),
        }
    }
}

impl IntoResponse for Refusal {
    fn into_response(self) -> Response {
        match *self.answer {
            Answer::Edge(failure) => failure.into_response(),
            Answer::Protocol { error, retry_after_s } => {
                let status = StatusCode::from_u16(error.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
                let mut response = (status, Json(ErrorBody::from(error))).into_response();
                if let Some(seconds) = retry_after_s {
                    response.headers_mut().insert(RETRY_AFTER, HeaderValue::from(seconds));
                }
                response
            }
        }
    }
}

/// The protocol's word for how a login ended; `None` while it waits.
pub(super) fn closed_state(push: Push) -> Option<ClosedState> {
    match push {
        Push::Waiting { .. } => None,
        Push::Approved => Some(ClosedState::Approved),
        // Approved too late for the rules: to the person it is a denial.
        Push::Denied | Push::Refused => Some(ClosedState::Denied),
        Push::Fraud => Some(ClosedState::Fraud),
        Push::TimedOut => Some(ClosedState::TimedOut),
        Push::Cancelled => Some(ClosedState::Cancelled),
    }
}
