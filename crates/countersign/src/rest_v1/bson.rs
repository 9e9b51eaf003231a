//! Answers in BSON, for duo_unix 1.11.

use axum::body::{Body, to_bytes};
use axum::response::{IntoResponse as _, Response};
use cs_wire::bson::{Document, MAX_BYTES};
use cs_wire::envelope::CONTENT_TYPE as JSON;
use http::HeaderValue;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};

use crate::http::Failure;

/// Rewrites a JSON answer; others (a logo) stay as they are.
pub(super) async fn rewrite(response: Response) -> Response {
    if response.headers().get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes() != JSON.as_bytes()) {
        return response;
    }
    let (mut parts, body) = response.into_parts();
    // Our own answers are in memory already, and far shorter than this.
    let document = match to_bytes(body, MAX_BYTES).await {
        Ok(json) => serde_json::from_slice(&json).ok().and_then(|json| Document::from_json(&json).ok()),
        Err(_) => None,
    };
    let Some(document) = document else {
        tracing::error!("an answer of REST v1 cannot be written as BSON");
        return Failure::internal("unwritable-answer").into_response();
    };
    parts.headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/bson"));
    parts.headers.remove(CONTENT_LENGTH);
    Response::from_parts(parts, Body::from(document.encode()))
}
