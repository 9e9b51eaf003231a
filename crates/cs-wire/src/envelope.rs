//! What surrounds every answer of the signed APIs: success, failure with Duo's codes, paging.

use std::borrow::Cow;

use serde::{Serialize, Serializer};

use crate::params::ParamError;
use crate::signing::{AuthError, VerifyError};

/// Exactly this `Content-Type`: `ruby` decides by comparing it whole.
pub const CONTENT_TYPE: &str = "application/json";

/// A success: HTTP 200, `{"stat":"OK","response":…}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Success<T> {
    stat: Stat,
    /// The answer.
    pub response: T,
    /// Where the list goes on (lists of the v1 style only).
    #[serde(skip_serializing_if = "Option::is_none")]
    pub metadata: Option<Paging>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
enum Stat {
    #[serde(rename = "OK")]
    Ok,
}

impl<T> Success<T> {
    /// An answer that is no list.
    pub const fn new(response: T) -> Self {
        Self { stat: Stat::Ok, response, metadata: None }
    }

    /// A page of a list.
    pub const fn page(response: T, paging: Paging) -> Self {
        Self { stat: Stat::Ok, response, metadata: Some(paging) }
    }
}

/// Paging of the v1 style. What does not exist is left out: `perl` loops for ever on a null `next_offset`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Paging {
    /// All objects there are.
    pub total_objects: u64,
    /// The offset of the page before; absent on the first.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub prev_offset: Option<u64>,
    /// The offset of the next page; absent on the last.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<u64>,
}

impl Paging {
    /// For a page of at most `limit` objects from `offset`, of `total` in all.
    pub fn new(offset: u64, limit: u64, total: u64) -> Self {
        let next = offset.saturating_add(limit);
        Self {
            total_objects: total,
            prev_offset: (offset > 0).then(|| offset.saturating_sub(limit)),
            next_offset: (limit > 0 && next < total).then_some(next),
        }
    }
}

/// `response.metadata` of the v2 authentication log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AuthLogPaging {
    /// Milliseconds of the last event and its txid, both as text; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<[String; 2]>,
    /// All events in the range.
    pub total_objects: u64,
}

/// `response.metadata` of the v2 activity and telephony logs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LogPaging {
    /// `milliseconds,id` of the last event; absent at the end.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub next_offset: Option<String>,
    /// All events in the range.
    pub total_objects: Total,
}

/// A count that says that it is exact.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Total(pub u64);

impl Serialize for Total {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Exact {
            relation: &'static str,
            value: u64,
        }
        Exact { relation: "eq", value: self.0 }.serialize(serializer)
    }
}

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $code:literal, $message:literal;)+) => {
        /// Duo's failure codes.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
        pub enum Code { $($(#[$doc])* $name,)+ }

        impl Code {
            /// Every code there is.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The five-digit number.
            pub const fn number(self) -> u32 {
                match self { $(Self::$name => $code),+ }
            }

            /// The text that goes with it.
            pub const fn message(self) -> &'static str {
                match self { $(Self::$name => $message),+ }
            }
        }
    };
}

codes! {
    /// A required parameter is absent; the detail names it.
    MissingParameters = 40001, "Missing required request parameters";
    /// A parameter has a bad value; the detail names it.
    InvalidParameters = 40002, "Invalid request parameters";
    /// There is such an object already.
    Duplicate = 40003, "Duplicate resource";
    /// No `Authorization`.
    MissingCredentials = 40101, "Missing request credentials";
    /// Unknown key.
    UnknownKey = 40102, "Invalid integration key in request credentials";
    /// Signature mismatch.
    BadSignature = 40103, "Invalid signature in request credentials";
    /// No date where one is needed.
    MissingTimestamp = 40104, "Missing request timestamp";
    /// Date unreadable or outside the window.
    BadTimestamp = 40105, "Bad request timestamp";
    /// Body neither form nor JSON.
    BadContentType = 40106, "Invalid content type";
    /// The integration may not do this.
    Forbidden = 40301, "Access forbidden";
    /// No such path or object.
    NotFound = 40401, "Resource not found";
    /// The path exists, with another method.
    MethodNotAllowed = 40501, "Method not allowed";
    /// The same idempotency key with other parameters (ours).
    Conflict = 40901, "Conflict with an earlier request";
    /// The body is too long (ours).
    TooLarge = 41301, "Request too large";
    /// Later; with `Retry-After`.
    TooManyRequests = 42901, "Too Many Requests";
    /// Our fault.
    Internal = 50000, "Internal server error";
    /// The server cannot decide now (ours). Clients set to fail open will: said only then.
    Unavailable = 50301, "Service unavailable";
}

impl Code {
    /// The HTTP status: the first three digits.
    pub const fn status(self) -> u16 {
        // Five digits divided by a hundred are three.
        (self.number() / 100) as u16
    }
}

/// A failure: `{"stat":"FAIL","code":…,"message":…,"message_detail":…}`.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{}: {detail}", code.message())]
pub struct Failure {
    /// Duo's code.
    pub code: Code,
    /// What in particular, or empty. Always sent: one client cannot do without the member.
    pub detail: Cow<'static, str>,
}

impl Failure {
    /// A failure with a detail.
    pub fn new(code: Code, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, detail: detail.into() }
    }
}

impl Serialize for Failure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        #[derive(Serialize)]
        struct Body<'a> {
            stat: &'static str,
            code: u32,
            message: &'static str,
            message_detail: &'a str,
        }
        let body =
            Body { stat: "FAIL", code: self.code.number(), message: self.code.message(), message_detail: &self.detail };
        body.serialize(serializer)
    }
}

impl From<Code> for Failure {
    fn from(code: Code) -> Self {
        Self::new(code, "")
    }
}

impl From<AuthError> for Failure {
    fn from(error: AuthError) -> Self {
        let code = match error {
            AuthError::MissingCredentials => Code::MissingCredentials,
            AuthError::UnknownKey => Code::UnknownKey,
            AuthError::BadSignature => Code::BadSignature,
            AuthError::MissingDate => Code::MissingTimestamp,
            AuthError::BadDate => Code::BadTimestamp,
            AuthError::BadContentType => Code::BadContentType,
        };
        code.into()
    }
}

impl From<ParamError> for Failure {
    fn from(error: ParamError) -> Self {
        match error {
            ParamError::Missing(name) => Self::new(Code::MissingParameters, name),
            ParamError::Invalid(name) => Self::new(Code::InvalidParameters, name),
            ParamError::Unreadable => Self::new(Code::InvalidParameters, "unreadable parameters"),
        }
    }
}

impl From<VerifyError> for Failure {
    fn from(error: VerifyError) -> Self {
        match error {
            VerifyError::Auth(error) => error.into(),
            VerifyError::Params(error) => error.into(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(value: &impl Serialize) -> String {
        serde_json::to_string(value).unwrap()
    }

    #[test]
    fn bodies_are_as_the_clients_read_them() {
        assert_eq!(json(&Success::new("")), r#"{"stat":"OK","response":""}"#);
        assert_eq!(
            json(&Failure::from(Code::BadSignature)),
            r#"{"stat":"FAIL","code":40103,"message":"Invalid signature in request credentials","message_detail":""}"#
        );
        assert_eq!(
            json(&Failure::from(ParamError::Missing("username".into()))),
            r#"{"stat":"FAIL","code":40001,"message":"Missing required request parameters","message_detail":"username"}"#
        );
    }

    #[test]
    fn the_status_is_the_first_three_digits() {
        for code in Code::ALL {
            let number = code.number().to_string();
            assert_eq!(number.len(), 5);
            assert_eq!(number[..3], code.status().to_string());
        }
    }

    #[test]
    fn offsets_are_left_out_at_the_ends() {
        let page = |offset, limit, total| json(&Success::page([0], Paging::new(offset, limit, total)).metadata);
        assert_eq!(page(0, 100, 250), r#"{"total_objects":250,"next_offset":100}"#);
        assert_eq!(page(100, 100, 250), r#"{"total_objects":250,"prev_offset":0,"next_offset":200}"#);
        assert_eq!(page(200, 100, 250), r#"{"total_objects":250,"prev_offset":100}"#);
        assert_eq!(page(0, 100, 100), r#"{"total_objects":100}"#);
        assert_eq!(page(50, 100, 250), r#"{"total_objects":250,"prev_offset":0,"next_offset":150}"#);
        assert_eq!(page(0, 0, 1), r#"{"total_objects":1}"#);
    }

    #[test]
    fn log_paging_is_as_documented() {
        let auth = AuthLogPaging { next_offset: Some(["1532951895000".into(), "af0ba235".into()]), total_objects: 2 };
        assert_eq!(json(&auth), r#"{"next_offset":["1532951895000","af0ba235"],"total_objects":2}"#);
        let activity = LogPaging { next_offset: None, total_objects: Total(7) };
        assert_eq!(json(&activity), r#"{"total_objects":{"relation":"eq","value":7}}"#);
    }

    #[test]
    fn every_auth_error_is_its_own_code() {
        let errors = [
            AuthError::MissingCredentials,
            AuthError::UnknownKey,
            AuthError::BadSignature,
            AuthError::MissingDate,
            AuthError::BadDate,
            AuthError::BadContentType,
        ];
        let codes = errors.map(|error| Failure::from(error).code.number());
        assert_eq!(codes, [40101, 40102, 40103, 40104, 40105, 40106]);
    }
}
