//! `GET /authenticator/activate`: what a person sees who opens an activation link in a browser.
//!
//! The code is in the fragment, which never reaches the server: the page can only say what to do with the address.

use axum::response::{Html, IntoResponse};
use http::header::{CONTENT_SECURITY_POLICY, REFERRER_POLICY};

const PAGE: &str = include_str!("activate.html");

pub(super) async fn activate() -> impl IntoResponse {
    let headers = [
        (
            CONTENT_SECURITY_POLICY,
            "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
        ),
        (REFERRER_POLICY, "no-referrer"),
    ];
    (headers, Html(PAGE))
}
