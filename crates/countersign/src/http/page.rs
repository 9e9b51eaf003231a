//! Pages for people: the headers that keep them safe, the reader's language, and the files they load.

use std::convert::Infallible;

use axum::Router;
use axum::extract::{FromRequestParts, Path};
use axum::response::{Html, IntoResponse, Response};
use axum::routing::get;
use cs_pages::{Assets, Language};
use http::header::{ACCEPT_LANGUAGE, CACHE_CONTROL, CONTENT_SECURITY_POLICY, CONTENT_TYPE, REFERRER_POLICY, VARY};
use http::request::Parts;
use http::{HeaderName, StatusCode};

/// A rendered page.
#[derive(Debug)]
pub(crate) struct Page(pub(crate) Result<String, cs_pages::RenderError>);

impl IntoResponse for Page {
    fn into_response(self) -> Response {
        let html = match self.0 {
            Ok(html) => html,
            Err(error) => {
                // Rendering writes to memory; only a template that names what its context lacks could fail, and those are compiled.
                tracing::error!(error = &error as &dyn std::error::Error, "a page could not be rendered");
                return StatusCode::INTERNAL_SERVER_ERROR.into_response();
            }
        };
        let headers = [
            (CONTENT_SECURITY_POLICY, cs_pages::CONTENT_SECURITY_POLICY),
            // Addresses of pages carry codes; nobody else need be told them.
            (REFERRER_POLICY, "no-referrer"),
            (CACHE_CONTROL, "no-store"),
            (VARY, "accept-language"),
            (HeaderName::from_static("x-content-type-options"), "nosniff"),
        ];
        (headers, Html(html)).into_response()
    }
}

/// The language the reader asked for: `?lang=`, or the browser's.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Reader(pub(crate) Language);

impl<S: Sync> FromRequestParts<S> for Reader {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        let asked = parts.uri.query().unwrap_or_default().split('&').find_map(|pair| pair.strip_prefix("lang="));
        let browser = parts.headers.get(ACCEPT_LANGUAGE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        Ok(Self(asked.and_then(Language::parse).unwrap_or_else(|| Language::accepted(browser))))
    }
}

/// `GET /assets/…`: styles and scripts. Their names change with their content, so browsers may keep them for ever.
pub(crate) fn assets() -> Router {
    Router::new().route("/assets/{file}", get(asset))
}

async fn asset(Path(file): Path<String>) -> Response {
    let Some(asset) = Assets::built_in().at(&format!("/assets/{file}")) else {
        return StatusCode::NOT_FOUND.into_response();
    };
    let headers = [
        (CONTENT_TYPE, asset.content_type),
        (CACHE_CONTROL, "public, max-age=31536000, immutable"),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
    ];
    (headers, asset.content).into_response()
}
