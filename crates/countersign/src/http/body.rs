//! Reading a request body within its bounds.

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use bytes::Bytes;
use http::Extensions;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};

use super::{Failure, RequestInfo};

/// The whole request body, exactly as received: signatures cover these bytes.
///
/// Fails with 41301 when it is longer than `limits.body_bytes` and 40801 when it takes longer than `limits.body_timeout`.
#[derive(Debug, Clone)]
pub struct BodyBytes(pub Bytes);

impl<S: Sync> FromRequest<S> for BodyBytes {
    type Rejection = Failure;

    async fn from_request(request: Request, _: &S) -> Result<Self, Failure> {
        let (parts, body) = request.into_parts();
        read_body(body, &parts.extensions, 0).await.map(Self)
    }
}

/// Two pictures of an organisation's look in base64, of which a form writes some characters as three.
const PICTURES: usize = 6 << 20;

/// The bytes that a body for `path` may have where others may not be as long.
pub(super) fn room_for(path: &str) -> usize {
    match path {
        "/admin/v1/branding" | "/admin/v1/branding/draft" => PICTURES,
        _ => 0,
    }
}

/// Reads a body within the bounds of its request, or of `room` if that is more.
pub(super) async fn read_body(body: Body, extensions: &Extensions, room: usize) -> Result<Bytes, Failure> {
    let bounds = RequestInfo::bounds(extensions);
    let most = bounds.body_bytes.max(room);
    let body = Limited::new(body, most);
    match tokio::time::timeout(bounds.body_timeout, body.collect()).await {
        Ok(Ok(collected)) => Ok(collected.to_bytes()),
        Ok(Err(error)) if error.is::<LengthLimitError>() => Err(Failure::body_too_large(most)),
        Ok(Err(_)) => Err(Failure::new(40002, "Invalid request parameters", "The request body is not well formed.")),
        Err(_) => Err(Failure::body_too_slow()),
    }
}
