//! `/admin/v1/phones/{phone_id}/activation_url` and the calls that would send an SMS.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cs_engine::devices::IssuedActivation;
use cs_wire::device::{ActivationCode, ActivationLink};
use cs_wire::signing::encode_params;
use serde::Serialize;

use super::extract::{SignedAdmin, WriteResource};
use super::load::Load;
use crate::app::App;
use crate::http::{Envelope, Failure};

/// How long a link is good unless the caller says otherwise, in seconds.
const DEFAULT_VALID_SECS: i64 = 86_400;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/phones/{phone_id}/activation_url", post(activation_url))
        .route("/admin/v1/phones/{phone_id}/send_sms_activation", post(send_sms))
        .route("/admin/v1/phones/{phone_id}/send_sms_installation", post(send_sms))
        .route("/admin/v1/phones/{phone_id}/send_sms_passcodes", post(send_sms))
}

#[derive(Debug, Serialize)]
struct Activation {
    activation_barcode: String,
    activation_url: String,
    valid_secs: i64,
    /// With `install`: there is nothing to install from a store, the link itself opens the authenticator.
    #[serde(skip_serializing_if = "Option::is_none")]
    installation_url: Option<String>,
}

/// A new code for the phone; earlier ones are void.
async fn activation_url(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<Activation>, Failure> {
    let valid_secs = request.params.int("valid_secs")?.unwrap_or(DEFAULT_VALID_SECS);
    let wants_installation = request.params.bool("install")?.unwrap_or(false);
    let phone = request.id("phone_id")?;
    let issued = app.engine().activation_of_phone(request.account.id, &request.actor(), phone, valid_secs).await?;
    let origin = app.engine().authenticator_origin();
    let link = link(&app, &issued)?;
    let query = encode_params(&[("value", &link.to_code())]);
    Ok(Envelope::new(Activation {
        activation_barcode: format!("https://{}/frame/qr?{query}", app.api_authority()),
        activation_url: link.to_link(),
        valid_secs,
        installation_url: wants_installation.then(|| format!("{origin}/")),
    }))
}

/// What a person opens to bind a phone.
fn link(app: &App, issued: &IssuedActivation) -> Result<ActivationLink, Failure> {
    let host = app.engine().authenticator_origin().trim_start_matches("https://");
    let link = issued.code.expose().parse::<ActivationCode>().and_then(|code| ActivationLink::new(code, host));
    // Both were made by this server: an error is a defect in its configuration.
    link.map_err(|_| Failure::internal("activation-link"))
}

/// No telephony gateway can be configured yet, so nothing is sent, and that is said.
async fn send_sms(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<()>, Failure> {
    Load::new(&app, request.account.id).phone(request.id("phone_id")?).await?;
    Err(Failure::new(40002, "Invalid request parameters", "No telephony gateway is configured: no SMS can be sent."))
}
