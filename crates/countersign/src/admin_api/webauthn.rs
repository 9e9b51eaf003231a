//! `/admin/v1/webauthncredentials`, `/admin/v1/webauthncredentials/{webauthnkey}`, `/admin/v1/users/{user_id}/webauthncredentials`.
//!
//! Users register their credentials themselves; administrators see and remove them.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::id::UserId;
use cs_store::users::Page;

use super::extract::{ReadResource, SignedAdmin, WriteResource, not_found};
use super::load::Load;
use super::objects::{BareCredential, Credential};
use super::page::{MOST, page, slice};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/webauthncredentials", get(list))
        .route("/admin/v1/webauthncredentials/{webauthnkey}", get(show).delete(delete))
        .route("/admin/v1/users/{user_id}/webauthncredentials", get(list_of_user))
}

async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<Credential>>, Failure> {
    let slice = slice(&request.params, MOST)?;
    let load = Load::new(&app, request.account.id);
    let found = load.reader().webauthn_credentials(request.account.id, slice).await?;
    Ok(page(Page { items: load.credentials(found.items).await?, total: found.total }, slice))
}

async fn list_of_user(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<BareCredential>>, Failure> {
    let (slice, user): (_, UserId) = (slice(&request.params, MOST)?, request.id("user_id")?);
    let load = Load::new(&app, request.account.id);
    load.require_user(user).await?;
    let found = load.reader().webauthn_credentials_of(request.account.id, &[user]).await?.remove(&user);
    Ok(page(slice.cut(found.unwrap_or_default().into_iter().map(Into::into).collect()), slice))
}

async fn show(State(app): State<App>, request: SignedAdmin<ReadResource>) -> Result<Envelope<Credential>, Failure> {
    let load = Load::new(&app, request.account.id);
    let found = load.reader().webauthn_credential(request.account.id, request.id("webauthnkey")?).await?;
    let mut shown = load.credentials(vec![found.ok_or_else(not_found)?]).await?;
    shown.pop().map(Envelope::new).ok_or_else(not_found)
}

async fn delete(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    if let Some(key) = request.id_if_any("webauthnkey") {
        app.engine().remove_credential(request.account.id, &request.actor(), key).await?;
    }
    Ok(Envelope::new(""))
}
