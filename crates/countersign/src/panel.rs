//! The page behind an administrator's setup link. Pages for administrators are not part of this version; this one says so and what to do instead.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};

const SETUP: &str = include_str!("../templates/panel/setup.html");

/// The routes of this surface.
pub fn routes() -> Router {
    Router::new().route("/panel/setup", get(setup))
}

async fn setup() -> impl IntoResponse {
    let headers = [
        (CONTENT_SECURITY_POLICY, "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"),
        // The code is behind the `#` and never sent; nothing else of the address need be told either.
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(SETUP))
}
