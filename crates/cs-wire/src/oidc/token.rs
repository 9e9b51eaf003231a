//! `POST /oauth/v1/health_check` and `POST /oauth/v1/token`: requests and answers.

use serde::Serialize;

use super::ID_TOKEN_LIFE;
use super::jwt::MAX_JWT_BYTES;
use crate::params::{ParamError, Params};

/// The one way in which clients authenticate.
const ASSERTION_TYPE: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
const MAX_CODE_BYTES: usize = 512;
const MAX_ID_BYTES: usize = 64;
const MAX_URI_BYTES: usize = 4 * 1024;

/// Is the service there, and are the credentials good.
#[derive(Debug)]
pub struct HealthCheckRequest {
    /// The client.
    pub client_id: String,
    /// Its assertion.
    pub assertion: String,
}

impl HealthCheckRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, ParamError> {
        Ok(Self {
            client_id: params.required("client_id", MAX_ID_BYTES)?,
            assertion: params.required("client_assertion", MAX_JWT_BYTES)?,
        })
    }
}

/// `{"stat":"OK","response":{"timestamp":…}}`
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct HealthAnswer {
    /// Seconds since 1970.
    pub timestamp: i64,
}

/// `{"stat":"FAIL",…}`: HTTP 400.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct HealthFailure {
    stat: &'static str,
    code: u32,
    message: &'static str,
    message_detail: String,
    timestamp: i64,
}

impl HealthFailure {
    /// The client is not known, or its assertion proves nothing.
    pub fn invalid_client(detail: impl Into<String>, timestamp: i64) -> Self {
        Self { stat: "FAIL", code: 40002, message: "invalid_client", message_detail: detail.into(), timestamp }
    }

    /// A parameter is missing or cannot be read.
    pub fn invalid_request(detail: impl Into<String>, timestamp: i64) -> Self {
        Self { stat: "FAIL", code: 40002, message: "invalid_request", message_detail: detail.into(), timestamp }
    }
}

/// A code for an `id_token`.
#[derive(Debug)]
pub struct TokenRequest {
    /// The client, where it says so: Java's and Vaultwarden's only do so in the assertion.
    pub client_id: Option<String>,
    /// Its assertion.
    pub assertion: String,
    /// The code that the browser brought.
    pub code: String,
    /// Where the browser was sent to, as authorised.
    pub redirect_uri: String,
}

/// The word for what is wrong (RFC 6749, 5.2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TokenErrorCode {
    /// A parameter is missing or cannot be read.
    InvalidRequest,
    /// The client is not known, or its assertion proves nothing.
    InvalidClient,
    /// The code is unknown, used, too old, or another client's; or the redirect URI differs.
    InvalidGrant,
    /// Another grant than `authorization_code`.
    UnsupportedGrantType,
}

/// `{"error":…,"error_description":…}`: HTTP 400.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct TokenError {
    /// What is wrong.
    pub error: TokenErrorCode,
    /// The same for people.
    pub error_description: String,
}

impl TokenError {
    /// `error`, explained.
    pub fn new(error: TokenErrorCode, description: impl Into<String>) -> Self {
        Self { error, error_description: description.into() }
    }
}

impl From<ParamError> for TokenError {
    fn from(error: ParamError) -> Self {
        Self::new(TokenErrorCode::InvalidRequest, error.to_string())
    }
}

impl TokenRequest {
    /// Reads the parameters.
    pub fn from_params(params: &Params) -> Result<Self, TokenError> {
        if params.required("grant_type", 64)? != "authorization_code" {
            let description = "grant_type must be authorization_code.";
            return Err(TokenError::new(TokenErrorCode::UnsupportedGrantType, description));
        }
        if params.required("client_assertion_type", 128)? != ASSERTION_TYPE {
            let description = "client_assertion_type must be that of a JWT bearer.";
            return Err(TokenError::new(TokenErrorCode::InvalidRequest, description));
        }
        Ok(Self {
            client_id: params.filled("client_id", MAX_ID_BYTES)?,
            assertion: params.required("client_assertion", MAX_JWT_BYTES)?,
            code: params.required("code", MAX_CODE_BYTES)?,
            redirect_uri: params.required("redirect_uri", MAX_URI_BYTES)?,
        })
    }
}

/// The answer, all of whose members some SDK demands.
#[derive(Serialize)]
pub struct TokenAnswer {
    id_token: String,
    access_token: String,
    expires_in: i64,
    token_type: &'static str,
}

impl TokenAnswer {
    /// With a signed `id_token`, and an `access_token` that nothing asks for.
    pub fn new(id_token: String, access_token: String) -> Self {
        Self { id_token, access_token, expires_in: ID_TOKEN_LIFE.as_secs(), token_type: "Bearer" }
    }
}
