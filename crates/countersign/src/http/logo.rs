//! The organisation's logo, which several APIs serve.

use axum::response::{IntoResponse as _, Response};
use cs_engine::admin::branding::branding;
use cs_store::accounts::Account;
use http::HeaderValue;
use http::header::CONTENT_TYPE;

use super::Failure;
use crate::app::App;

/// The logo of `account` as PNG; 40401 when there is none.
pub(crate) async fn logo_response(app: &App, account: &Account) -> Result<Response, Failure> {
    let png = match branding(account).logo {
        Some(digest) => app.engine().picture(account, digest).await?,
        None => None,
    };
    let png = png.ok_or_else(|| Failure::new(40401, "Resource not found", "The account has no logo."))?;
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("image/png"))], png).into_response())
}
