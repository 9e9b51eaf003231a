//! Failures in the envelope that every signed API uses.

use std::borrow::Cow;
use std::time::Duration;

use axum::Router;
use axum::response::{IntoResponse, Response};
use http::header::{CONTENT_TYPE, RETRY_AFTER};
use http::{HeaderValue, StatusCode};

/// `{"stat":"FAIL","code":…,"message":…,"message_detail":…}`. The HTTP status is the first three digits of the code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Failure {
    code: u32,
    message: &'static str,
    detail: Cow<'static, str>,
    retry_after: Option<Duration>,
}

impl Failure {
    /// `code` has five digits. `detail` is always sent: some clients read it without checking that it is there.
    #[must_use]
    pub fn new(code: u32, message: &'static str, detail: impl Into<Cow<'static, str>>) -> Self {
        Self { code, message, detail: detail.into(), retry_after: None }
    }

    /// 42901 with `Retry-After`, in whole seconds and at least one.
    #[must_use]
    pub fn too_many_requests(detail: impl Into<Cow<'static, str>>, retry_after: Duration) -> Self {
        Self { retry_after: Some(retry_after), ..Self::new(42901, "Too Many Requests", detail) }
    }

    #[must_use]
    pub fn not_found() -> Self {
        Self::new(40401, "Resource not found", "There is nothing at this path.")
    }

    #[must_use]
    pub fn wrong_method() -> Self {
        Self::new(40501, "Method not allowed", "This path exists, but not with this method.")
    }

    /// 41301: the body is longer than `limit` bytes.
    #[must_use]
    pub fn body_too_large(limit: usize) -> Self {
        Self::new(41301, "Request body too large", format!("The limit is {limit} bytes."))
    }

    /// 40801: the body did not arrive in time.
    #[must_use]
    pub fn body_too_slow() -> Self {
        Self::new(40801, "Request timeout", "The request body did not arrive in time.")
    }

    /// 50000, without any detail of the cause: that is in the log under `reference`.
    #[must_use]
    pub fn internal(reference: impl std::fmt::Display) -> Self {
        Self::new(50000, "Internal server error", format!("Reference {reference}."))
    }

    #[must_use]
    pub fn code(&self) -> u32 {
        self.code
    }

    /// What kind of failure.
    #[must_use]
    pub fn message(&self) -> &'static str {
        self.message
    }

    /// What in particular.
    #[must_use]
    pub fn detail(&self) -> &str {
        &self.detail
    }

    /// The value of `Retry-After`, where the failure passes by itself.
    #[must_use]
    pub fn retry_after(&self) -> Option<HeaderValue> {
        self.retry_after.map(whole_seconds)
    }

    #[must_use]
    pub fn status(&self) -> StatusCode {
        u16::try_from(self.code / 100)
            .ok()
            .and_then(|status| StatusCode::from_u16(status).ok())
            .unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }
}

impl IntoResponse for Failure {
    fn into_response(self) -> Response {
        #[derive(serde::Serialize)]
        struct Envelope<'a> {
            stat: &'static str,
            code: u32,
            message: &'a str,
            message_detail: &'a str,
        }
        let envelope = Envelope { stat: "FAIL", code: self.code, message: self.message, message_detail: &self.detail };
        // Numbers and texts always serialise.
        let body = serde_json::to_string(&envelope).unwrap_or_default();
        let mut response = (self.status(), body).into_response();
        let headers = response.headers_mut();
        // Without a charset: one client compares the header for equality.
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        if let Some(after) = self.retry_after {
            headers.insert(RETRY_AFTER, whole_seconds(after));
        }
        response
    }
}

/// The value of `Retry-After` where nobody can say more: what is in the way passes in a moment.
pub const SHORTLY: HeaderValue = HeaderValue::from_static("1");

/// The value of `Retry-After`: at least one second.
fn whole_seconds(after: Duration) -> HeaderValue {
    let seconds = after.as_secs() + u64::from(after.subsec_nanos() > 0);
    HeaderValue::from(seconds.max(1))
}

/// Adds the envelope's 404 and 405 to a router.
pub fn with_fallbacks(router: Router) -> Router {
    router.fallback(async || Failure::not_found()).method_not_allowed_fallback(async || Failure::wrong_method())
}
