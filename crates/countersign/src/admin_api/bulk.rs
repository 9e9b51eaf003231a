//! `POST /admin/v1/bulk`: several calls on users in one, each for itself.

use axum::Router;
use axum::extract::State;
use axum::routing::post;
use cs_core::id::{GroupId, UserId};
use cs_wire::params::{ParamError, Params};
use serde::Serialize;
use serde_json::Value as Json;

use super::extract::{SignedAdmin, WriteResource, invalid, not_found};
use super::load::Load;
use super::user_params::user_change;
use crate::app::App;
use crate::http::{Envelope, Failure};

/// The most operations of one call.
const MOST_OPERATIONS: usize = 50;

pub(super) fn routes() -> Router<App> {
    Router::new().route("/admin/v1/bulk", post(bulk))
}

/// What came of one operation: what the call would have answered.
#[derive(Debug, Serialize)]
#[serde(untagged)]
enum Outcome {
    Ok { stat: &'static str, response: Json },
    Fail { stat: &'static str, code: u32, message: String, message_detail: String },
}

/// Carries the operations out in their order. One that fails does not end the others.
async fn bulk(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Vec<Outcome>>, Failure> {
    let operations = operations(&request.params)?;
    let mut outcomes = Vec::with_capacity(operations.len());
    for operation in operations {
        outcomes.push(match carry_out(&app, &request, &operation).await {
            Ok(response) => Outcome::Ok { stat: "OK", response },
            Err(failure) => failed(failure),
        });
    }
    Ok(Envelope::new(outcomes))
}

struct Operation {
    method: String,
    path: String,
    body: Params,
}

fn operations(params: &Params) -> Result<Vec<Operation>, Failure> {
    let Json::Array(items) = params.nested("operations")?.ok_or(ParamError::Missing("operations".into()))? else {
        return Err(invalid("operations"));
    };
    if items.is_empty() || items.len() > MOST_OPERATIONS {
        return Err(invalid("operations"));
    }
    let read = |item: Json| {
        let text = |name: &str| item.get(name).and_then(Json::as_str).map(str::to_owned);
        let body = match item.get("body") {
            None | Some(Json::Null) => Params::default(),
            Some(body @ Json::Object(_)) => Params::from_json(body.to_string().as_bytes()).ok()?,
            Some(_) => return None,
        };
        Some(Operation { method: text("method")?.to_ascii_uppercase(), path: text("path")?, body })
    };
    items.into_iter().map(|item| read(item).ok_or_else(|| invalid("operations"))).collect()
}

async fn carry_out(app: &App, request: &SignedAdmin<WriteResource>, operation: &Operation) -> Result<Json, Failure> {
    let (engine, account, actor) = (app.engine(), request.account.id, &request.actor());
    let segments: Vec<&str> = operation.path.trim_start_matches('/').split('/').collect();
    let user = |text: &str| text.parse::<UserId>().map_err(|_| not_found());
    match (operation.method.as_str(), segments.as_slice()) {
        ("POST", ["admin", "v1", "users"]) => {
            let change = user_change(&operation.body)?;
            let username = change.username.clone().ok_or(ParamError::Missing("username".into()))?;
            let created = engine.create_user(account, actor, &username, &change).await?;
            written(Load::new(app, account).user(created.id).await?)
        }
        ("POST", ["admin", "v1", "users", id]) => {
            let id = user(id)?;
            engine.change_user(account, actor, id, &user_change(&operation.body)?).await?;
            written(Load::new(app, account).user(id).await?)
        }
        ("DELETE", ["admin", "v1", "users", id]) => {
            if let Ok(id) = id.parse() {
                engine.delete_user(account, actor, id).await?;
            }
            written("")
        }
        ("POST", ["admin", "v1", "users", id, "groups"]) => {
            let group = operation.body.required("group_id", 64)?.parse::<GroupId>().map_err(|_| invalid("group_id"))?;
            engine.add_to_group(account, actor, user(id)?, group).await?;
            written("")
        }
        ("DELETE", ["admin", "v1", "users", id, "groups", group]) => {
            let user = user(id)?;
            Load::new(app, account).require_user(user).await?;
            if let Ok(group) = group.parse() {
                engine.remove_from_group(account, actor, user, group).await?;
            }
            written("")
        }
        _ => Err(Failure::new(40002, "Invalid request parameters", "This call cannot be made in bulk.")),
    }
}

fn written(response: impl Serialize) -> Result<Json, Failure> {
    serde_json::to_value(response).map_err(|_| Failure::internal("unwritable-answer"))
}

fn failed(failure: Failure) -> Outcome {
    Outcome::Fail {
        stat: "FAIL",
        code: failure.code(),
        message: failure.message().to_owned(),
        message_detail: failure.detail().to_owned(),
    }
}
