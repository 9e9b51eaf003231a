//! REST v1 (`/rest/v1/…`): what duo_unix up to 2.1, duo_openvpn and older clients speak, in JSON and in BSON.
//!
//! Every path exists without suffix, with `.json` and with `.bson`. Handlers answer JSON; on `.bson` paths a layer rewrites the answer.

mod auth;
mod bson;
mod logo;
mod ping;
mod preauth;
mod status;

use axum::Router;
use axum::middleware::map_response;
use axum::routing::{MethodRouter, get, post};

use crate::app::App;

/// The routes of this surface.
pub fn routes(app: App) -> Router {
    let endpoints: [(&str, MethodRouter<App>); 6] = [
        ("ping", get(ping::ping)),
        ("check", get(ping::check)),
        ("logo", get(logo::logo)),
        ("preauth", post(preauth::preauth)),
        ("auth", post(auth::auth)),
        ("status", get(status::status)),
    ];
    let mut router = Router::new();
    for (name, endpoint) in endpoints {
        router = router
            .route(&format!("/rest/v1/{name}"), endpoint.clone())
            .route(&format!("/rest/v1/{name}.json"), endpoint.clone())
            .route(&format!("/rest/v1/{name}.bson"), endpoint.layer(map_response(bson::rewrite)));
    }
    router.with_state(app)
}
