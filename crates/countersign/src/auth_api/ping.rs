//! `GET /auth/v2/ping` and `GET /auth/v2/check`: is the server there, and are the credentials right.

use axum::extract::State;
use cs_wire::auth_api::TimeResponse;

use crate::app::App;
use crate::http::{AuthV2, Envelope, NoParams, Signed};

/// The server's clock. Unsigned: clients whose clock is wrong set it by this.
pub(super) async fn ping(State(app): State<App>) -> Envelope<TimeResponse> {
    Envelope::new(TimeResponse { time: app.engine().clock().now().as_second() })
}

/// The same, for those whose signature is right.
pub(super) async fn check(State(app): State<App>, _: Signed<AuthV2, NoParams>) -> Envelope<TimeResponse> {
    ping(State(app)).await
}
