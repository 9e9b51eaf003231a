//! `/admin/v1/branding`, its draft, and `/admin/v1/branding/custom_messaging`: how an organisation's pages look, and its help in its own words.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cs_core::id::UserId;
use cs_engine::admin::branding::{Branding, BrandingChange, LookCopy, branding, branding_draft, draft_users};
use cs_engine::admin::help::help;
use cs_store::accounts::Account;
use data_encoding::BASE64;
use serde_json::{Value as Json, json};

use super::extract::{Settings, SignedAdmin, invalid, not_found};
use super::settings::{LONGEST_LOGO, png_param};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// The locale that help is read and written in where none is named.
const LOCALE: &str = "en_US";
/// Base64 of the largest picture behind the card, and room for line breaks.
const LONGEST_BACKGROUND: usize = 4_200_000;

type Request = SignedAdmin<Settings>;

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/branding", get(read).post(modify))
        .route("/admin/v1/branding/draft", get(read_draft).post(modify_draft))
        .route("/admin/v1/branding/draft/publish", post(publish))
        .route("/admin/v1/branding/draft/users/{user_id}", post(add_user).delete(remove_user))
        .route("/admin/v1/branding/custom_messaging", get(read_help).post(modify_help))
}

async fn read(State(app): State<App>, request: Request) -> Result<Envelope<Json>, Failure> {
    let account = fresh(&app, &request).await?;
    Ok(Envelope::new(shape(&app, &account, &branding(&account)).await?))
}

async fn modify(State(app): State<App>, request: Request) -> Result<Envelope<Json>, Failure> {
    let account = change(&app, &request, LookCopy::Live, None).await?;
    Ok(Envelope::new(shape(&app, &account, &branding(&account)).await?))
}

async fn read_draft(State(app): State<App>, request: Request) -> Result<Envelope<Json>, Failure> {
    let account = fresh(&app, &request).await?;
    Ok(Envelope::new(draft_shape(&app, &account).await?))
}

async fn modify_draft(State(app): State<App>, request: Request) -> Result<Envelope<Json>, Failure> {
    let ids = request.params.csv_list("user_ids")?;
    let users = ids.map(|ids| ids.iter().map(|id| id.parse()).collect::<Result<Vec<UserId>, _>>());
    let users = users.transpose().map_err(|_| invalid("user_ids"))?;
    let account = change(&app, &request, LookCopy::Draft, users.as_deref()).await?;
    Ok(Envelope::new(draft_shape(&app, &account).await?))
}

async fn add_user(app: State<App>, request: Request) -> Result<Envelope<&'static str>, Failure> {
    change_user(app, request, true).await
}

async fn remove_user(app: State<App>, request: Request) -> Result<Envelope<&'static str>, Failure> {
    change_user(app, request, false).await
}

async fn change_user(
    State(app): State<App>,
    request: Request,
    sees_it: bool,
) -> Result<Envelope<&'static str>, Failure> {
    let user = request.id("user_id")?;
    app.engine().change_draft_user(request.account.id, &request.actor(), user, sees_it).await?;
    Ok(Envelope::new(""))
}

async fn publish(State(app): State<App>, request: Request) -> Result<Envelope<Json>, Failure> {
    let account = app.engine().publish_branding(request.account.id, &request.actor()).await?;
    Ok(Envelope::new(shape(&app, &account, &branding(&account)).await?))
}

/// The account from the database: the cache may be behind what another node was just told.
async fn fresh(app: &App, request: &Request) -> Result<Account, Failure> {
    app.engine().store().account(request.account.id).await?.ok_or_else(not_found)
}

async fn change(app: &App, request: &Request, copy: LookCopy, users: Option<&[UserId]>) -> Result<Account, Failure> {
    let params = &request.params;
    let (accent, ground) = (params.str("card_accent_color")?, params.str("page_background_color")?);
    let label = params.str("sso_custom_username_label")?;
    let (logo, background) =
        (picture(request, "logo", LONGEST_LOGO)?, picture(request, "background_img", LONGEST_BACKGROUND)?);
    let change = BrandingChange {
        accent: accent.as_deref(),
        ground: ground.as_deref(),
        username_label: label.as_deref(),
        logo: logo.as_ref().map(Option::as_deref),
        background: background.as_ref().map(Option::as_deref),
    };
    Ok(app.engine().change_branding(request.account.id, &request.actor(), copy, &change, users).await?)
}

/// A picture to be shown (`Some(Some(png))`), or none any more: the parameter is there and empty.
fn picture(request: &Request, name: &'static str, longest: usize) -> Result<Option<Option<Vec<u8>>>, Failure> {
    match request.params.filled(name, longest)? {
        Some(text) => Ok(Some(Some(png_param(name, &text)?))),
        None => Ok(request.params.has(name).then_some(None)),
    }
}

async fn shape(app: &App, account: &Account, look: &Branding<'_>) -> Result<Json, Failure> {
    let picture = async |digest: Option<&str>| match digest {
        Some(digest) => app.engine().picture(account, digest).await.map(|png| png.map(|png| BASE64.encode(&png))),
        None => Ok(None),
    };
    Ok(json!({
        "background_img": picture(look.background).await?,
        "card_accent_color": look.accent,
        "logo": picture(look.logo).await?,
        "page_background_color": look.ground,
        "powered_by_duo": false,
        "sso_custom_username_label": look.username_label,
    }))
}

async fn draft_shape(app: &App, account: &Account) -> Result<Json, Failure> {
    let mut shape = shape(app, account, &branding_draft(account)).await?;
    let (users, known) = (draft_users(account), app.engine().store().reader());
    let known = known.users_by_id(account.id, &users).await?;
    let users: Vec<&str> = users.iter().filter(|user| known.contains_key(user)).map(UserId::as_str).collect();
    shape["user_ids"] = json!(users);
    Ok(shape)
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
