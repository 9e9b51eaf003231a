//! The self-service portal (`/portal/…`).
//!
//! | file | what |
//! | --- | --- |
//! | `enter` | in by a login, out, and in again when the factor has become too old |
//! | `show` | the pages that only show |
//! | `posts` | what changes something |
//! | `said` | what was just done, told by the next page |
//! | `render` | the engine's words in those of the pages |
//!
//! Nobody gets in from nowhere: the way leads from a login of any application, in whose browser the password was checked, or begins with a passkey in its place, where the
//! policies allow that; both go through a login of the portal's own. Every form
//! carries a proof that is made from the cookie's secret.

mod enter;
mod posts;
mod render;
mod said;
mod show;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::app::App;
use crate::frame::{keep_language, only_posted};

/// The routes of this surface.
pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/portal", get(show::devices))
        .route("/portal/logins", get(show::logins))
        .route("/portal/browsers", get(show::browsers))
        .route("/portal/codes", get(show::codes))
        .route("/portal/add", get(show::add))
        .route("/portal/from/{prompt_id}", get(enter::from_login))
        .route("/portal/passkey", get(enter::by_passkey))
        .route("/portal/enter", get(enter::enter))
        .route("/portal/again", get(enter::again))
        .route("/portal/leave", post(enter::leave))
        .route("/portal/devices/{device_id}/test", get(show::test).post(posts::test))
        .route("/portal/devices/{device_id}/test/wait", post(posts::wait))
        .route("/portal/devices/{device_id}/{act}", post(posts::device))
        .route("/portal/logins/{login_id}/not-me", post(posts::not_me))
        .route("/portal/browsers/forget-all", post(posts::forget_all))
        .route("/portal/browsers/{browser_id}/forget", post(posts::forget))
        .route("/portal/codes/new", post(posts::new_codes))
        .route("/portal/codes/kept", post(posts::kept))
        .route_layer(from_fn(keep_language))
        .method_not_allowed_fallback(only_posted)
        .with_state(app)
}
