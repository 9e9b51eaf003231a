//! `/.well-known/webauthn`: the origins on other domains that may use our passkeys (WebAuthn Level 3, section 5.11).
//!
//! Browsers look for it at the relying party id. Where that is another host than the API's, its administrator puts the same file there.

use axum::Router;
use axum::response::{IntoResponse, Json};
use axum::routing::get;
use cs_engine::Engine;
use serde_json::json;

/// The routes of this surface.
pub(crate) fn routes(engine: &Engine) -> Router {
    let file = json!({"origins": engine.relying_party().origins()});
    Router::new().route("/.well-known/webauthn", get(move || async move { Json(file).into_response() }))
}
