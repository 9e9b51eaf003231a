//! `/admin/v1/branding` and `/admin/v1/branding/custom_messaging`: how an organisation's pages look, and its help in its own words.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_engine::admin::branding::{BrandingChange, branding, help};
use cs_store::accounts::Account;
use data_encoding::BASE64;
use serde_json::{Value as Json, json};

use super::extract::{Settings, SignedAdmin, invalid, not_found};
use super::settings::{LONGEST_LOGO, png_param};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// The locale that help is read and written in where none is named.
const LOCALE: &str = "en_US";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/branding", get(read).post(modify))
        .route("/admin/v1/branding/custom_messaging", get(read_help).post(modify_help))
}

async fn read(State(app): State<App>, request: SignedAdmin<Settings>) -> Result<Envelope<Json>, Failure> {
    let account = app.engine().store().account(request.account.id).await?.ok_or_else(not_found)?;
    Ok(Envelope::new(shape(&app, &account).await?))
}

async fn modify(State(app): State<App>, request: SignedAdmin<Settings>) -> Result<Envelope<Json>, Failure> {
    if request.params.str("background_img")?.is_some_and(|image| !image.is_empty()) {
        // Kept pages are one small file; a picture of megabytes behind them is not among what they load.
        return Err(invalid("background_img"));
    }
    let (accent, ground) = (request.params.str("card_accent_color")?, request.params.str("page_background_color")?);
    let label = request.params.str("sso_custom_username_label")?;
    let given = request.params.filled("logo", LONGEST_LOGO)?;
    let removes = given.is_none() && request.params.has("logo");
    let png = given.map(|text| png_param(&text)).transpose()?;
    let change = BrandingChange {
        accent: accent.as_deref(),
        ground: ground.as_deref(),
        username_label: label.as_deref(),
        logo: if removes { Some(None) } else { png.as_deref().map(Some) },
    };
    let account = app.engine().change_branding(request.account.id, &request.actor(), &change).await?;
    Ok(Envelope::new(shape(&app, &account).await?))
}

async fn shape(app: &App, account: &Account) -> Result<Json, Failure> {
    let look = branding(account);
    let logo = match look.logo {
        Some(_) => app.engine().store().logo(account.id).await?,
        None => None,
    };
    Ok(json!({
        "background_img": null,
        "card_accent_color": look.accent,
        "logo": logo.map(|png| BASE64.encode(&png)),
        "page_background_color": look.ground,
        "powered_by_duo": false,
        "sso_custom_username_label": look.username_label,
    }))
}

async fn read_help(State(app): State<App>, request: SignedAdmin<Settings>) -> Result<Envelope<Json>, Failure> {
    let account = app.engine().store().account(request.account.id).await?.ok_or_else(not_found)?;
    let locale = request.params.filled("locale", 16)?;
    Ok(Envelope::new(help_shape(&account, locale.as_deref().unwrap_or(LOCALE))))
}

async fn modify_help(State(app): State<App>, request: SignedAdmin<Settings>) -> Result<Envelope<Json>, Failure> {
    let locale = request.params.filled("locale", 16)?.unwrap_or_else(|| LOCALE.to_owned());
    let text = request.params.str("help_text")?;
    let links = match request.params.str("help_links")? {
        None => None,
        Some(text) if text.is_empty() => Some(Vec::new()),
        // A JSON array, or addresses with commas between.
        Some(text) if text.starts_with('[') => request.params.json_list("help_links")?,
        Some(_) => request.params.csv_list("help_links")?,
    };
    let actor = request.actor();
    let account =
        app.engine().change_help(request.account.id, &actor, &locale, text.as_deref(), links.as_deref()).await?;
    Ok(Envelope::new(help_shape(&account, &locale)))
}

fn help_shape(account: &Account, locale: &str) -> Json {
    match help(account, locale) {
        Some(help) => json!({"help_links": help.links, "help_text": help.text, "locale": help.locale}),
        None => json!({"help_links": [], "help_text": "", "locale": locale}),
    }
}
