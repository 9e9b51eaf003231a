//! Where a browser ends up that asks for a page which is not there, or for the address of a form: a page like every other, with the way back to where it was.

use axum::extract::{FromRequestParts as _, Request, State};
use axum::response::{IntoResponse as _, Response};
use cs_pages::{Doors, Go, Why};
use http::{StatusCode, Uri};

use super::visitor::Visitor;
use crate::app::App;
use crate::http::Failure;

/// The paths below which people see pages. Everywhere else programs are answered.
const PAGES: [&str; 3] = ["/frame", "/portal", "/enroll"];

/// There is no such address.
pub(crate) async fn nothing_here(State(app): State<App>, request: Request) -> Response {
    let (mut parts, _) = request.into_parts();
    let is_page =
        |base: &&str| parts.uri.path().strip_prefix(*base).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'));
    if !PAGES.iter().any(is_page) {
        return Failure::not_found().into_response();
    }
    match Visitor::from_request_parts(&mut parts, &app).await {
        Ok(visitor) => {
            let back = visitor.where_it_was(parts.uri.path());
            let doors = Doors { manage: back.as_deref(), ..Doors::default() };
            (StatusCode::NOT_FOUND, visitor.refusal_with(Why::NotFound, doors, None)).into_response()
        }
        Err(failure) => failure.into_response(),
    }
}

/// There is one, but not to be looked at: a form was sent there, and the browser came back to it.
pub(crate) async fn only_posted(uri: Uri, visitor: Visitor) -> Response {
    let back = visitor.where_it_was(uri.path());
    let doors = Doors { again: back.as_deref().map(Go::To), ..Doors::default() };
    (StatusCode::METHOD_NOT_ALLOWED, visitor.refusal_with(Why::OutOfStep, doors, None)).into_response()
}
