//! `/admin/v1/settings` and `/admin/v1/logo`

use axum::Router;
use axum::extract::State;
use axum::response::Response;
use axum::routing::get;
use cs_engine::admin::settings::{SETTINGS, all_settings};
use data_encoding::BASE64;
use serde_json::{Map, Value as Json};

use super::extract::{Settings, SignedAdmin, invalid, not_found};
use crate::app::App;
use crate::http::{Envelope, Failure, logo_response};

/// Base64 of the largest logo, and room for line breaks.
pub(super) const LONGEST_LOGO: usize = 300_000;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/settings", get(read).post(modify))
        .route("/admin/v1/logo", get(logo).post(set_logo).delete(remove_logo))
}

async fn read(State(app): State<App>, request: SignedAdmin<Settings>) -> Result<Envelope<Map<String, Json>>, Failure> {
    // From the database: the cache may be behind what another node was just told.
    let account = app.engine().store().account(request.account.id).await?.ok_or_else(not_found)?;
    Ok(Envelope::new(shape(all_settings(&account))))
}

async fn modify(
    State(app): State<App>,
    request: SignedAdmin<Settings>,
) -> Result<Envelope<Map<String, Json>>, Failure> {
    let mut given = Vec::new();
    for name in SETTINGS.iter().map(|setting| setting.name).chain(["name"]) {
        if let Some(value) = request.params.str(name)? {
            given.push((name.to_owned(), value.into_owned()));
        }
    }
    let account = app.engine().change_settings(request.account.id, &request.actor(), &given).await?;
    Ok(Envelope::new(shape(all_settings(&account))))
}

/// The settings and what Duo shows beside them: switches that were retired and are ignored when sent.
fn shape(mut settings: Map<String, Json>) -> Map<String, Json> {
    for retired in ["push_enabled", "sms_enabled", "voice_enabled", "mobile_otp_enabled", "u2f_enabled"] {
        settings.insert(retired.to_owned(), Json::Bool(false));
    }
    settings.insert("reactivation_integration_key".to_owned(), Json::Null);
    settings.insert("reactivation_url".to_owned(), Json::from(""));
    settings.insert("req_fips_passcodes_android".to_owned(), Json::Bool(false));
    settings.insert("enrollment_module".to_owned(), Json::from("new"));
    settings
}

async fn logo(State(app): State<App>, request: SignedAdmin<Settings>) -> Result<Response, Failure> {
    logo_response(&app, &request.account).await
}

async fn set_logo(State(app): State<App>, request: SignedAdmin<Settings>) -> Result<Envelope<&'static str>, Failure> {
    let text = request.params.required("logo", LONGEST_LOGO)?;
    let png = png_param("logo", &text)?;
    app.engine().set_logo(request.account.id, &request.actor(), Some(&png)).await?;
    Ok(Envelope::new(""))
}

/// A picture as it is sent: base64, line breaks or not.
pub(super) fn png_param(name: &'static str, text: &str) -> Result<Vec<u8>, Failure> {
    let text: String = text.chars().filter(|c| !c.is_ascii_whitespace()).collect();
    BASE64.decode(text.as_bytes()).map_err(|_| invalid(name))
}

async fn remove_logo(
    State(app): State<App>,
    request: SignedAdmin<Settings>,
) -> Result<Envelope<&'static str>, Failure> {
    app.engine().set_logo(request.account.id, &request.actor(), None).await?;
    Ok(Envelope::new(""))
}
