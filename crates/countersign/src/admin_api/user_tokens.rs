//! `/admin/v1/users/{user_id}/tokens`.

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get};
use cs_core::id::UserId;

use super::extract::{ReadResource, SignedAdmin, WriteResource};
use super::load::Load;
use super::objects::BareToken;
use super::page::{MOST, page, slice};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/users/{user_id}/tokens", get(list).post(add))
        .route("/admin/v1/users/{user_id}/tokens/{token_id}", delete(remove))
}

async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<BareToken>>, Failure> {
    let (slice, user): (_, UserId) = (slice(&request.params, MOST)?, request.id("user_id")?);
    let load = Load::new(&app, request.account.id);
    load.require_user(user).await?;
    let tokens = load.reader().tokens_of(request.account.id, &[user]).await?.remove(&user).unwrap_or_default();
    Ok(page(slice.cut(tokens.into_iter().map(BareToken::from).collect()), slice))
}

async fn add(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<&'static str>, Failure> {
    let (user, token) = (request.id("user_id")?, request.id_param("token_id")?);
    app.engine().give_token(request.account.id, &request.actor(), user, token).await?;
    Ok(Envelope::new(""))
}

async fn remove(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let user: UserId = request.id("user_id")?;
    Load::new(&app, request.account.id).require_user(user).await?;
    if let Some(token) = request.id_if_any("token_id") {
        app.engine().take_token(request.account.id, &request.actor(), user, token).await?;
    }
    Ok(Envelope::new(""))
}
