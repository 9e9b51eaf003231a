//! `/admin/v1/phones/{phone_id}/activation_url` and the calls that send an SMS.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cs_core::id::PhoneId;
use cs_engine::devices::IssuedActivation;
use cs_engine::telephony::NotSent;
use cs_wire::device::{ActivationCode, ActivationLink};
use cs_wire::params::Params;
use cs_wire::signing::encode_params;
use serde::Serialize;

use super::extract::{SignedAdmin, WriteResource, invalid};
use super::load::Load;
use crate::app::App;
use crate::http::{Envelope, Failure};

/// How long a link is good unless the caller says otherwise, in seconds.
const DEFAULT_VALID_SECS: i64 = 86_400;
/// The longest words for a message, without the link.
const MOST_SMS_CHARS: usize = 160;
const MOST_SMS_BYTES: usize = 4 * MOST_SMS_CHARS;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/phones/{phone_id}/activation_url", post(activation_url))
        .route("/admin/v1/phones/{phone_id}/send_sms_activation", post(send_activation))
        .route("/admin/v1/phones/{phone_id}/send_sms_installation", post(send_installation))
        .route("/admin/v1/phones/{phone_id}/send_sms_passcodes", post(send_passcodes))
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

#[derive(Debug, Serialize)]
struct SentActivation {
    activation_barcode: String,
    activation_msg: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    installation_msg: Option<String>,
    valid_secs: i64,
}

/// Sends the link that binds the phone.
async fn send_activation(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<SentActivation>, Failure> {
    let phone = request.id("phone_id")?;
    Load::new(&app, request.account.id).phone(phone).await?;
    offers_sms(&app)?;
    let valid_secs = request.params.int("valid_secs")?.unwrap_or(DEFAULT_VALID_SECS);
    let installs = request.params.bool("install")?.unwrap_or(false);
    let activation = words(&request.params, "activation_msg", "<acturl>", "To set up this phone, open: <acturl>")?;
    let installation = installation_words(&request.params)?;
    let (engine, actor) = (app.engine(), request.actor());
    let issued = engine.activation_of_phone(request.account.id, &actor, phone, valid_secs).await?;
    let link = link(&app, &issued)?;
    let activation_msg = activation.replace("<acturl>", &link.to_link());
    let installation_msg = installs.then(|| installed(&app, &installation));
    // One message: the address that the authenticator is opened at is where the link leads.
    let text = match &installation_msg {
        Some(installation) => format!("{installation}\n{activation_msg}"),
        None => activation_msg.clone(),
    };
    send(&app, &request, phone, "phone_sms_activation", text).await?;
    let query = encode_params(&[("value", &link.to_code())]);
    let activation_barcode = format!("https://{}/frame/qr?{query}", app.api_authority());
    Ok(Envelope::new(SentActivation { activation_barcode, activation_msg, installation_msg, valid_secs }))
}

#[derive(Debug, Serialize)]
struct SentInstallation {
    installation_msg: String,
}

/// Sends the address at which the authenticator is.
async fn send_installation(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<SentInstallation>, Failure> {
    let phone = request.id("phone_id")?;
    Load::new(&app, request.account.id).phone(phone).await?;
    offers_sms(&app)?;
    let installation_msg = installed(&app, &installation_words(&request.params)?);
    send(&app, &request, phone, "phone_sms_installation", installation_msg.clone()).await?;
    Ok(Envelope::new(SentInstallation { installation_msg }))
}

/// Sends passcodes to the phone's user.
async fn send_passcodes(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let phone = request.id("phone_id")?;
    Load::new(&app, request.account.id).phone(phone).await?;
    let actor = request.actor();
    app.engine().send_sms_passcodes(&request.account, Some(&actor), phone).await.map_err(not_sent)?;
    Ok(Envelope::new(""))
}

fn offers_sms(app: &App) -> Result<(), Failure> {
    if app.engine().telephony().sms { Ok(()) } else { Err(not_sent(NotSent::NoGateway)) }
}

async fn send(
    app: &App,
    request: &SignedAdmin<WriteResource>,
    phone: PhoneId,
    action: &'static str,
    text: String,
) -> Result<(), Failure> {
    let actor = request.actor();
    app.engine().send_sms_text(request.account.id, &actor, phone, action, text).await.map_err(not_sent)
}

fn installation_words(params: &Params) -> Result<String, Failure> {
    words(params, "installation_msg", "<insturl>", "The authenticator is at: <insturl>")
}

fn installed(app: &App, words: &str) -> String {
    words.replace("<insturl>", &format!("{}/", app.engine().authenticator_origin()))
}

/// The caller's words for a message, with the place of the link in them.
fn words(params: &Params, name: &'static str, place: &str, usual: &str) -> Result<String, Failure> {
    let Some(words) = params.filled(name, MOST_SMS_BYTES)? else { return Ok(usual.to_owned()) };
    let fits = words.chars().count() <= MOST_SMS_CHARS && words.contains(place) && !words.chars().any(char::is_control);
    if fits { Ok(words) } else { Err(invalid(name)) }
}

/// That nothing was sent, and why.
fn not_sent(why: NotSent) -> Failure {
    match why {
        NotSent::Engine(error) => error.into(),
        NotSent::Limit => Failure::too_many_requests(
            "A message went out just now, or too many did today: see docs/telephony.md.",
            std::time::Duration::from_secs(30),
        ),
        NotSent::NoGateway => {
            Failure::new(40002, "Invalid request parameters", "No telephony gateway is configured: no SMS can be sent.")
        }
        NotSent::NoNumber => {
            Failure::new(40002, "Invalid request parameters", "No SMS can be sent to the number of this phone.")
        }
        NotSent::NotOneUser => {
            Failure::new(40002, "Invalid request parameters", "The phone must be exactly one user's.")
        }
    }
}
