//! The OIDC Auth API (`/oauth/v1/…`), which the SDKs of Duo's Universal Prompt call.
//!
//! | file | path |
//! | --- | --- |
//! | `health_check` | `POST /oauth/v1/health_check`: is the service there |
//! | `authorize` | `/oauth/v1/authorize`: a browser begins a login |
//! | `token` | `POST /oauth/v1/token`: the code for an `id_token` |
//! | `client` | whose assertion or request it is |
//! | `told` | the log's entry of a login as an `id_token` tells it |
//!
//! Where a browser may be sent is not registered: the client signs it with every request, and only a browser that came with such a request is ever sent anywhere.

mod authorize;
mod client;
mod health_check;
mod token;
mod told;

use axum::Router;
use axum::routing::{get, post};

use crate::app::App;

pub(crate) use client::{Client, bytes};

/// The routes of this surface.
pub(crate) fn routes(app: App) -> Router {
    Router::new()
        .route("/oauth/v1/health_check", post(health_check::health_check))
        .route("/oauth/v1/authorize", get(authorize::begin).post(authorize::begin_by_post))
        .route("/oauth/v1/token", post(token::token))
        .with_state(app)
}
