//! `/admin/v1/users/{user_id}/phones`.

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get};
use cs_core::id::UserId;

use super::extract::{ReadResource, SignedAdmin, WriteResource};
use super::load::Load;
use super::objects::BarePhone;
use super::page::{MOST, page, slice};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/users/{user_id}/phones", get(list).post(add))
        .route("/admin/v1/users/{user_id}/phones/{phone_id}", delete(remove))
}

async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<BarePhone>>, Failure> {
    let (slice, user): (_, UserId) = (slice(&request.params, MOST)?, request.id("user_id")?);
    let load = Load::new(&app, request.account.id);
    load.require_user(user).await?;
    let phones = load.reader().phones_of(request.account.id, &[user]).await?.remove(&user).unwrap_or_default();
    Ok(page(slice.cut(phones.into_iter().map(BarePhone::from).collect()), slice))
}

async fn add(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<&'static str>, Failure> {
    let (user, phone) = (request.id("user_id")?, request.id_param("phone_id")?);
    app.engine().give_phone(request.account.id, &request.actor(), user, phone).await?;
    Ok(Envelope::new(""))
}

async fn remove(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let user: UserId = request.id("user_id")?;
    Load::new(&app, request.account.id).require_user(user).await?;
    if let Some(phone) = request.id_if_any("phone_id") {
        app.engine().take_phone(request.account.id, &request.actor(), user, phone).await?;
    }
    Ok(Envelope::new(""))
}
