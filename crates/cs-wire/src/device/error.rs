//! How the server refuses a device.

use serde::{Deserialize, Serialize};

use super::messages::ClosedState;
use super::moves::MoveNotice;

/// Body of every refusal: `{"error":{…}}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorBody {
    /// The refusal.
    pub error: ErrorDetail,
}

/// What is wrong, and what to do about it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ErrorDetail {
    /// For programs.
    pub code: ErrorCode,
    /// For people: what to do.
    pub message: String,
    /// The server's clock, with [`ErrorCode::Clock`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub server_time: Option<i64>,
    /// How the login ended, with [`ErrorCode::Closed`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<ClosedState>,
    /// What took this device's place, with [`ErrorCode::Inactive`], for the key that it had.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub moved: Option<MoveNotice>,
}

impl From<ErrorDetail> for ErrorBody {
    fn from(error: ErrorDetail) -> Self {
        Self { error }
    }
}

impl ErrorDetail {
    /// A refusal with neither clock nor state.
    pub fn new(code: ErrorCode, message: impl Into<String>) -> Self {
        Self { code, message: message.into(), server_time: None, state: None, moved: None }
    }
}

/// The kinds of refusal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErrorCode {
    /// Not this protocol.
    Malformed,
    /// Signature, key, audience, method, path or body do not match.
    Signature,
    /// The signing time is too far from the server's.
    Clock,
    /// The proof was used before.
    Replayed,
    /// The device is not (or no longer) bound, or awaits confirmation.
    Inactive,
    /// The activation code cannot be used.
    ActivationInvalid,
    /// The proof for a move is not one, or does not suffice here; which, is not said.
    Refused,
    /// No login of that id for this device.
    NoSuchRequest,
    /// Answered already, expired or cancelled.
    Closed,
    /// What was signed is not what was asked.
    Statement,
    /// The number does not match.
    Number,
    /// Later; see `Retry-After`.
    Busy,
    /// The server cannot decide anything now; see `Retry-After`.
    Unavailable,
}

impl ErrorCode {
    /// Every code there is.
    pub const ALL: [Self; 13] = [
        Self::Malformed,
        Self::Signature,
        Self::Clock,
        Self::Replayed,
        Self::Inactive,
        Self::ActivationInvalid,
        Self::Refused,
        Self::NoSuchRequest,
        Self::Closed,
        Self::Statement,
        Self::Number,
        Self::Busy,
        Self::Unavailable,
    ];

    /// The HTTP status it is sent with.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Signature | Self::Clock | Self::Replayed => 401,
            Self::Inactive | Self::Refused => 403,
            Self::ActivationInvalid | Self::NoSuchRequest => 404,
            Self::Closed | Self::Statement => 409,
            Self::Number => 422,
            Self::Busy => 429,
            Self::Unavailable => 503,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_of_the_document() {
        let table =
            ErrorCode::ALL.map(|code| format!("{} {}", code.status(), serde_json::to_value(code).unwrap())).join(", ");
        assert_eq!(
            table.replace('"', ""),
            "400 malformed, 401 signature, 401 clock, 401 replayed, 403 inactive, 404 activation_invalid, \
             403 refused, 404 no_such_request, 409 closed, 409 statement, 422 number, 429 busy, 503 unavailable"
        );
    }

    #[test]
    fn a_refusal_carries_only_what_belongs_to_it() {
        let body = ErrorBody::from(ErrorDetail {
            server_time: Some(1_790_000_000),
            ..ErrorDetail::new(ErrorCode::Clock, "Set the clock.")
        });
        assert_eq!(
            serde_json::to_string(&body).unwrap(),
            r#"{"error":{"code":"clock","message":"Set the clock.","server_time":1790000000}}"#
        );
    }
}
