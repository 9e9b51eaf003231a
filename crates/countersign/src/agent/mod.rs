//! The channel of proxies beside directories, `GET /agent/v1/channel`: a WebSocket with the messages of `cs_wire::agent`.
//!
//! | file | what |
//! | --- | --- |
//! | `channel` | the socket: who may open it, what ends it |
//! | `wire` | messages into the engine's types, each field bounded |
//!
//! What is asked through it, when and why is the engine's: `cs_engine::directories`.

mod channel;
mod wire;

use axum::Router;
use axum::routing::get;

use crate::app::App;
use crate::net::Shutdown;

/// What the channel's handler works with.
#[derive(Clone)]
struct Agency {
    app: App,
    shutdown: Shutdown,
}

/// The routes of this surface. Channels end when `shutdown` begins to drain.
pub fn routes(app: App, shutdown: Shutdown) -> Router {
    Router::new().route(cs_wire::agent::CHANNEL, get(channel::open)).with_state(Agency { app, shutdown })
}
