//! `/admin/v1/users/bulk_create`, `bulk_restore`, `bulk_send_to_trash`.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cs_core::id::UserId;
use cs_engine::admin::users::{MAX_BULK_USERS, UserChange};
use cs_wire::params::{ParamError, Params};
use serde_json::{Map, Value as Json};

use super::extract::{SignedAdmin, WriteResource, invalid, not_found};
use super::load::Load;
use super::objects::User;
use super::user_params::user_change;
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/users/bulk_create", post(create))
        .route("/admin/v1/users/bulk_restore", post(restore))
        .route("/admin/v1/users/bulk_send_to_trash", post(send_to_trash))
}

/// All of them or none.
async fn create(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Vec<User>>, Failure> {
    let wanted = users(&request.params)?;
    let created = app.engine().create_users(request.account.id, &request.actor(), &wanted).await?;
    Ok(Envelope::new(Load::new(&app, request.account.id).users(created).await?))
}

async fn restore(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<Map<String, Json>>, Failure> {
    let ids = ids(&request.params)?;
    app.engine().restore_users(request.account.id, &request.actor(), &ids).await?;
    Ok(Envelope::new(Map::new()))
}

async fn send_to_trash(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<Map<String, Json>>, Failure> {
    let ids = ids(&request.params)?;
    app.engine().trash_users(request.account.id, &request.actor(), &ids).await?;
    Ok(Envelope::new(Map::new()))
}

fn users(params: &Params) -> Result<Vec<(String, UserChange)>, Failure> {
    let Json::Array(users) = params.nested("users")?.ok_or(ParamError::Missing("users".into()))? else {
        return Err(invalid("users"));
    };
    if users.is_empty() || users.len() > MAX_BULK_USERS {
        return Err(invalid("users"));
    }
    let read = |user: Json| {
        let params = Params::from_json(user.to_string().as_bytes()).map_err(|_| invalid("users"))?;
        let change = user_change(&params)?;
        let username = change.username.clone().ok_or(ParamError::Missing("username".into()))?;
        Ok((username, change))
    };
    users.into_iter().map(read).collect()
}

fn ids(params: &Params) -> Result<Vec<UserId>, Failure> {
    let ids = params.json_list("user_id_list")?.ok_or(ParamError::Missing("user_id_list".into()))?;
    if ids.is_empty() || ids.len() > MAX_BULK_USERS {
        return Err(invalid("user_id_list"));
    }
    // What cannot be an id is nobody's.
    ids.iter().map(|id| id.parse().map_err(|_| not_found())).collect()
}
