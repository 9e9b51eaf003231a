//! The Admin API (`/admin/v1…v3`).
//!
//! One file per family of objects, each with a `routes()`; [`extract::SignedAdmin`] checks signature, network and permission, and is the only way for
//! a handler to its parameters.

pub mod extract;
mod integrations;

use axum::Router;

use crate::app::App;

/// The routes of this surface.
pub fn routes(app: App) -> Router {
    Router::new().merge(integrations::routes()).with_state(app)
}
