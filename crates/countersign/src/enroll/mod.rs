//! Enrollment in a browser (`/enroll/…`).
//!
//! | file | what |
//! | --- | --- |
//! | `open` | a link is opened; the page of the enrollment that it begins |
//! | `inline` | an enrollment in the middle of a login, and back to it |
//! | `posts` | what the pages send |
//! | `render` | what they show |
//!
//! Opening a link uses nothing up, so a mail scanner that opens it does no harm; the first factor that is set up does. An enrollment belongs to the browser that has
//! its cookie. A code that was never given out is answered the same whatever it looks like, and counts as a refusal of the address it came from.

mod inline;
mod open;
mod posts;
mod render;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::app::App;
use crate::frame::{keep_language, only_posted};

pub(crate) use open::begin_enrollment;
pub(crate) use render::{codes_page, why_not};

/// The routes of this surface.
pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/enroll/{code}", get(open::open))
        .route("/enroll/from/{prompt_id}", get(inline::from_login))
        .route("/enroll/visit/{visit_id}", get(open::show))
        .route("/enroll/visit/{visit_id}/finish", post(inline::finish))
        .route("/enroll/visit/{visit_id}/choose", post(posts::choose))
        .route("/enroll/visit/{visit_id}/options", post(posts::options))
        .route("/enroll/visit/{visit_id}/confirm", post(posts::confirm))
        .route("/enroll/visit/{visit_id}/register", post(posts::register))
        .route("/enroll/visit/{visit_id}/number", post(posts::number))
        .route("/enroll/visit/{visit_id}/check", post(posts::check))
        .route("/enroll/visit/{visit_id}/backup", post(posts::backup))
        .route("/enroll/visit/{visit_id}/kept", post(posts::kept))
        .route("/enroll/visit/{visit_id}/skip", post(posts::skip))
        .route("/enroll/visit/{visit_id}/wait", post(posts::wait))
        .route_layer(from_fn(keep_language))
        .method_not_allowed_fallback(only_posted)
        .with_state(app)
}
