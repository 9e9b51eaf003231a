//! An organisation's own look and help on the pages people see.
//!
//! Colours and pictures are named by what they are: browsers may keep them, and nobody who does not see a draft can guess its names.

use std::convert::Infallible;

use aws_lc_rs::digest::{SHA256, digest};
use axum::Router;
use axum::extract::{FromRequestParts, Path, State};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use cs_engine::AccountEntry;
use cs_engine::admin::branding::{Branding, LookCopy, branding, branding_draft};
use cs_engine::admin::help::help;
use cs_pages::{Brand, Chrome, Help, HelpLink, Language, Rgb, Text};
use cs_store::accounts::Account;
use data_encoding::HEXLOWER;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::request::Parts;
use http::{HeaderName, StatusCode};

use super::edge::request_host;
use super::failure::Failure;
use super::signed::host_name;
use crate::app::App;

/// The name that pages bear which are no account's.
const PRODUCT: &str = "Countersign";

/// What surrounds the pages of one account, for one reader.
pub(crate) struct Look<'a> {
    name: &'a str,
    language: Language,
    logo: Option<String>,
    brand: Option<String>,
    help: Option<&'a str>,
    links: Vec<HelpLink<'a>>,
    language_menu: bool,
}

impl<'a> Look<'a> {
    /// The look and help of `account` for readers of `language`.
    pub(crate) fn of(account: &'a Account, copy: LookCopy, language: Language) -> Self {
        let branding = of_copy(account, copy);
        let style = stylesheet(&branding);
        let help = help(account, language.tag());
        let links = help.iter().flat_map(|help| &help.links);
        let links =
            links.map(|url| HelpLink { label: url.split_once("//").map_or(url, |(_, rest)| rest), url }).collect();
        Self {
            name: &account.name,
            language,
            logo: branding.logo.map(|digest| format!("/brand/{digest}/logo.png")),
            brand: (!style.is_empty()).then(|| format!("/brand/{}/style.css", name_of(&style))),
            help: help.map(|help| help.text),
            links,
            language_menu: false,
        }
    }

    /// The look of a page that is nobody's: its host belongs to no account, or the account cannot be read now.
    pub(crate) fn of_nobody(language: Language) -> Self {
        Self { name: PRODUCT, language, logo: None, brand: None, help: None, links: Vec::new(), language_menu: false }
    }

    /// The same, on a page that can be asked for again in another language, or not.
    pub(crate) fn with_menu(self, language_menu: bool) -> Self {
        Self { language_menu, ..self }
    }

    /// What surrounds a page.
    pub(crate) fn chrome(&self) -> Chrome<'_> {
        Chrome {
            text: Text(self.language),
            account: self.name,
            logo: self.logo.as_deref(),
            brand: self.brand.as_deref(),
            help: self.help.map(|text| Help { text, links: &self.links }),
            language_menu: self.language_menu,
        }
    }
}

/// The host that a page was asked of, and with it the account.
pub(crate) struct Whose(String);

impl Whose {
    /// The account; as unfindable as any page that is not there for a host of nobody's.
    pub(crate) async fn account(&self, app: &App) -> Result<AccountEntry, Failure> {
        let found = app.engine().directory().account_for_host(&self.0).await?;
        found.ok_or_else(|| Failure::new(40401, "Resource not found", "This host belongs to no account."))
    }
}

impl<S: Sync> FromRequestParts<S> for Whose {
    type Rejection = Infallible;

    async fn from_request_parts(parts: &mut Parts, _: &S) -> Result<Self, Infallible> {
        Ok(Self(request_host(&parts.uri, &parts.headers).map(host_name).unwrap_or_default()))
    }
}

fn of_copy(account: &Account, copy: LookCopy) -> Branding<'_> {
    match copy {
        LookCopy::Live => branding(account),
        LookCopy::Draft => branding_draft(account),
    }
}

fn stylesheet(look: &Branding<'_>) -> String {
    let colour = |text: Option<&str>| text.and_then(Rgb::parse);
    let background = look.background.map(|digest| format!("/brand/{digest}/background.png"));
    let brand = Brand { accent: colour(look.accent), ground: colour(look.ground), background: background.as_deref() };
    brand.stylesheet()
}

/// What a stylesheet is called.
fn name_of(style: &str) -> String {
    HEXLOWER.encode(&digest(&SHA256, style.as_bytes()).as_ref()[..16])
}

/// `GET /brand/NAME/…`: an account's colours and pictures.
pub(crate) fn looks(app: App) -> Router {
    Router::new()
        .route("/brand/{name}/style.css", get(style))
        .route("/brand/{name}/logo.png", get(picture))
        .route("/brand/{name}/background.png", get(picture))
        .with_state(app)
}

async fn style(State(app): State<App>, Path(name): Path<String>, whose: Whose) -> Result<Response, Failure> {
    let account = whose.account(&app).await?;
    let styles = [LookCopy::Live, LookCopy::Draft].map(|copy| stylesheet(&of_copy(&account, copy)));
    let named = styles.iter().find(|style| name_of(style) == name);
    // A page that was opened before a change asks for what is no more: better the new colours than none.
    let style = named.unwrap_or(&styles[0]).clone();
    Ok(served(named.is_some(), "text/css; charset=utf-8", style))
}

async fn picture(State(app): State<App>, Path(name): Path<String>, whose: Whose) -> Result<Response, Failure> {
    let account = whose.account(&app).await?;
    let png = app.engine().picture(&account, &name).await?;
    Ok(png.map_or_else(|| StatusCode::NOT_FOUND.into_response(), |png| served(true, "image/png", png)))
}

fn served(is_current: bool, content_type: &'static str, content: impl IntoResponse) -> Response {
    let caching = if is_current { "public, max-age=31536000, immutable" } else { "no-store" };
    let headers = [
        (CONTENT_TYPE, content_type),
        (CACHE_CONTROL, caching),
        (HeaderName::from_static("x-content-type-options"), "nosniff"),
        // Opened by itself, it is a picture or a style and nothing that runs.
        (HeaderName::from_static("content-security-policy"), "default-src 'none'; sandbox"),
    ];
    (headers, content).into_response()
}
