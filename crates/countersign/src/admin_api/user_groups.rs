//! `/admin/v1/users/{user_id}/groups`.

use axum::Router;
use axum::extract::State;
use axum::routing::{delete, get};
use cs_core::id::UserId;

use super::extract::{ReadResource, SignedAdmin, WriteResource};
use super::load::Load;
use super::objects::Group;
use super::page::{MOST, page, slice};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/users/{user_id}/groups", get(list).post(add))
        .route("/admin/v1/users/{user_id}/groups/{group_id}", delete(remove))
}

async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<Group>>, Failure> {
    let (slice, user): (_, UserId) = (slice(&request.params, MOST)?, request.id("user_id")?);
    let load = Load::new(&app, request.account.id);
    load.require_user(user).await?;
    let groups = load.reader().groups_of(request.account.id, &[user]).await?.remove(&user).unwrap_or_default();
    Ok(page(slice.cut(groups.into_iter().map(|group| Group::new(group, load.now())).collect()), slice))
}

async fn add(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<&'static str>, Failure> {
    let (user, group) = (request.id("user_id")?, request.id_param("group_id")?);
    app.engine().add_to_group(request.account.id, &request.actor(), user, group).await?;
    Ok(Envelope::new(""))
}

async fn remove(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    let user: UserId = request.id("user_id")?;
    Load::new(&app, request.account.id).require_user(user).await?;
    if let Some(group) = request.id_if_any("group_id") {
        app.engine().remove_from_group(request.account.id, &request.actor(), user, group).await?;
    }
    Ok(Envelope::new(""))
}
