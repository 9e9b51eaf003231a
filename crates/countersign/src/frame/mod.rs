//! The prompt (`/frame/prompt/…`): the pages of a login in a browser.
//!
//! | file | what |
//! | --- | --- |
//! | `visitor` | who asks: language, address, browser, cookies |
//! | `cookies` | what is kept in the browser |
//! | `here` | the number for the authenticator in the same browser |
//! | `language` | the language that somebody chooses on a page |
//! | `posted` | what all pages in browsers have in common, here, in enrollment and in self-service |
//! | `session` | begins a login, and finds it again |
//! | `lost` | pages for addresses that have none |
//! | `posts` | what the pages send |
//! | `render` | what the pages show |
//! | `update` | how what is old is updated |
//! | `web` | the same from a frame of the application's page (Web SDK v2) |
//!
//! A login's address is no secret; its cookie is, of which the server keeps a keyed hash. Every form carries a proof that is made from the cookie's secret and good for
//! one step. A form is answered with the way back to the login's own page, so that reloading sends nothing twice, and whatever comes late or out of order just shows where
//! the login stands.

mod cookies;
mod here;
mod language;
mod lost;
mod posted;
mod posts;
mod render;
mod session;
mod update;
mod visitor;
mod web;

use axum::Router;
use axum::middleware::from_fn;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) use cookies::{keep_value, set_visit_secret};
pub(crate) use language::keep_language;
pub(crate) use lost::{nothing_here, only_posted};
pub(crate) use posted::{Body, NotShown, Slot, form, step_of, submit, wait_at, waiting};
pub(crate) use render::{origin_of, why};
pub(crate) use session::{begin_session, recent_login, to_enroll, to_manage};
pub(crate) use visitor::{Visitor, see_other};

/// The routes of this surface.
pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/frame/prompt/{prompt_id}", get(session::show))
        .route("/frame/prompt/{prompt_id}/begin", post(posts::begin))
        .route("/frame/prompt/{prompt_id}/choose", post(posts::choose))
        .route("/frame/prompt/{prompt_id}/here", get(here::here))
        .route("/frame/prompt/{prompt_id}/key", post(posts::key))
        .route("/frame/prompt/{prompt_id}/options", post(posts::options))
        .route("/frame/prompt/{prompt_id}/passcode", post(posts::passcode))
        .route("/frame/prompt/{prompt_id}/trust", post(posts::trust))
        .route("/frame/prompt/{prompt_id}/wait", post(posts::wait))
        .route_layer(from_fn(keep_language))
        .merge(web::routes())
        .method_not_allowed_fallback(only_posted)
        .with_state(app)
}
