//! `GET /rest/v1/logo`: the organisation's logo.

use axum::extract::State;
use axum::response::Response;

use crate::app::App;
use crate::http::{Failure, NoParams, RestV1, Signed, logo_response};

/// The logo as PNG; 40401 when there is none.
pub(super) async fn logo(
    State(app): State<App>,
    Signed { caller, .. }: Signed<RestV1, NoParams>,
) -> Result<Response, Failure> {
    logo_response(&app, &caller.account).await
}
