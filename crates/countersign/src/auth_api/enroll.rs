//! `POST /auth/v2/enroll` and `POST /auth/v2/enroll_status`: a new user with an activation code, and whether it was used.

use axum::extract::State;
use cs_core::id::UserId;
use cs_core::secret::PlainCode;
use cs_engine::EngineError;
use cs_engine::enroll::{EnrollRequest, Enrolled};
use cs_store::authenticators::ActivationState;
use cs_wire::auth_api::{EnrollRequest as WireRequest, EnrollResponse, EnrollStatus, EnrollStatusRequest};
use cs_wire::device::{ActivationCode, ActivationLink};
use cs_wire::signing::encode_params;

use crate::app::App;
use crate::http::{AuthV2, Envelope, Failure, Signed};

/// Creates a user and a code that binds an authenticator to it.
pub(super) async fn enroll(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<AuthV2, WireRequest>,
) -> Result<Envelope<EnrollResponse>, Failure> {
    let _slot = app.gate().login()?;
    let wanted_codes = request.bypass_codes;
    let request = EnrollRequest {
        username: request.username,
        valid_secs: request.valid_secs.map(i64::from),
        bypass_codes: wanted_codes.map(usize::from).unwrap_or_default(),
    };
    let enrolled = match app.engine().enroll(&caller, &request).await {
        // Duo's word for it here, unlike in the Admin API.
        Err(EngineError::Exists(_)) => {
            return Err(Failure::new(40002, "Invalid request parameters", "username already exists"));
        }
        other => other?,
    };
    let bypass_codes =
        wanted_codes.map(|_| enrolled.bypass_codes.iter().map(|code| code.expose().to_owned()).collect());
    let link = activation_link(&app, &enrolled)?;
    let code = link.to_code();
    let query = encode_params(&[("value", &code)]);
    Ok(Envelope::new(EnrollResponse {
        activation_barcode: format!("https://{}/frame/qr?{query}", app.api_authority()),
        activation_code: code,
        activation_url: link.to_link(),
        expiration: enrolled.activation.expires_at.as_second(),
        user_id: enrolled.user.to_string(),
        username: enrolled.username,
        bypass_codes,
    }))
}

/// Whether the code was used, can still be, or neither.
pub(super) async fn enroll_status(
    State(app): State<App>,
    Signed { caller, request, .. }: Signed<AuthV2, EnrollStatusRequest>,
) -> Result<Envelope<EnrollStatus>, Failure> {
    let _slot = app.gate().login()?;
    let user = request.user_id.parse::<UserId>().ok();
    let link = ActivationLink::parse(request.activation_code.expose()).ok();
    let (Some(user), Some(link)) = (user, link) else { return Ok(Envelope::new(EnrollStatus::Invalid)) };
    let code = PlainCode::from_text(link.code().expose());
    Ok(Envelope::new(match app.engine().activation_state(caller.account.id, user, &code).await? {
        ActivationState::Waiting => EnrollStatus::Waiting,
        ActivationState::Used => EnrollStatus::Success,
        ActivationState::Invalid => EnrollStatus::Invalid,
    }))
}

/// The code with the authenticator's host, in the forms that cameras and browsers read.
fn activation_link(app: &App, enrolled: &Enrolled) -> Result<ActivationLink, Failure> {
    let host = app.engine().authenticator_origin().trim_start_matches("https://");
    let code = enrolled.activation.code.expose().parse::<ActivationCode>();
    // Both were made by this server: an error is a defect in its configuration.
    code.and_then(|code| ActivationLink::new(code, host)).map_err(|_| Failure::internal("activation-link"))
}
