//! The page behind an administrator's setup link. Pages for administrators are not part of this version; this one says so and what to do instead.

use axum::Router;
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use cs_core::secret::PlainCode;
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};

const SETUP: &str = include_str!("../templates/panel/setup.html");

/// The link with which an administrator sets a password. The code is behind the `#`, which no server and no log sees.
#[must_use]
pub fn setup_link(api_authority: &str, code: &PlainCode) -> String {
    format!("https://{api_authority}/panel/setup#{}", code.expose())
}

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
