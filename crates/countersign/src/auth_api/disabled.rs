//! `POST /auth/v2/disabled`: whose sessions an application should end.

use axum::extract::State;
use cs_wire::auth_api::{DisabledRequest, DisabledResponse};

use crate::app::App;
use crate::http::{AuthV2, Envelope, Failure, Signed};

/// Says which of the users are disabled or in the trash. Nothing is logged: nobody tries to log in.
pub(super) async fn disabled(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<AuthV2, DisabledRequest>,
) -> Result<Envelope<DisabledResponse>, Failure> {
    let _slot = app.gate().login()?;
    Ok(Envelope::new(DisabledResponse { disabled: app.engine().disabled_among(&caller, &request.usernames).await? }))
}
