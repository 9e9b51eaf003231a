//! Web SDK v2 (`/frame/web/v1/…`): the login lies in a frame of the application's page.
//!
//! | file | path |
//! | --- | --- |
//! | `start` | `GET /frame/web/v1/auth`, in the frame: a button |
//! | `login` | `POST /frame/web/v1/login`, in the window that the button opens: a login like any other begins |
//! | `result` | `POST /frame/web/v1/result`, in the frame again: the window's code for the answer that the application's page waits for |
//! | `request` | whose request it is |
//!
//! A frame of another site has no cookies of ours, so all of the login happens in a window of its own. The way back is by the browser's messages from the window to
//! the frame that has opened it and from there to the page around it, each with the one origin that it is for. Nothing is ever answered to whoever knows the request
//! alone: somebody who began a login elsewhere must not get the answer of the person whom they talked into finishing it.
//!
//! Who may hold the frame is registered with the integration, and told to the browser in the policy of each page. A request is used up by the commit that gives out its
//! answer; until then the window may be closed and opened again.

mod login;
mod request;
mod result;
mod start;

use axum::Router;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use cs_core::web_origin::{WebOrigin, WebOrigins};
use http::header::CONTENT_SECURITY_POLICY;
use http::{HeaderMap, HeaderValue, StatusCode};

use super::visitor::Visitor;
use crate::app::App;

/// The routes of this surface.
pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/frame/web/v1/auth", get(start::start))
        .route("/frame/web/v1/login", post(login::login))
        .route("/frame/web/v1/result", post(result::result))
}

/// Lets pages of `origins` hold the page.
fn in_frame_of(origins: &WebOrigins, page: impl axum::response::IntoResponse) -> Response {
    let policy = cs_pages::framed::policy(origins.iter().map(WebOrigin::as_str));
    let mut response = page.into_response();
    match HeaderValue::from_str(&policy) {
        Ok(policy) => {
            response.headers_mut().insert(CONTENT_SECURITY_POLICY, policy);
            response
        }
        // Origins are ASCII without spaces.
        Err(_) => StatusCode::INTERNAL_SERVER_ERROR.into_response(),
    }
}

/// Whether the browser says that the page is for a frame. Those of before 2023 do not say (Fetch Metadata).
fn is_for_frame(headers: &HeaderMap) -> bool {
    headers.get("sec-fetch-dest").is_none_or(|value| value == "iframe" || value == "frame")
}

/// Why nothing was asked for or answered here: for the page, and for the log.
fn refused(visitor: &Visitor, refused: &request::Refused) -> Response {
    use request::Refused;
    let id = visitor.info.id.to_string();
    let (why, minutes) = match refused {
        Refused::Engine(error) => return visitor.engine_failed(error),
        Refused::Failure(failure) => return visitor.failed(failure),
        other => {
            tracing::info!(request.id = %id, error = %other, "a login in a frame cannot be had");
            other.why()
        }
    };
    (StatusCode::BAD_REQUEST, visitor.refusal_after(why, minutes, Some(&id))).into_response()
}
