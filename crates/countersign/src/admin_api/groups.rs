//! `/admin/v1/groups`, `/admin/v2/groups/{group_id}` and the members.

use axum::Router;
use axum::extract::State;
use axum::routing::get;
use cs_core::group::GroupStatus;
use cs_core::id::GroupId;
use cs_engine::admin::groups::GroupChange;
use cs_store::users::{Page, Slice};
use cs_wire::params::Params;
use serde::Serialize;

use super::extract::{ReadResource, SignedAdmin, WriteResource, invalid, not_found};
use super::load::Load;
use super::objects::Group;
use super::page::{MOST, page, slice};
use super::user_params::{MAX_TEXT_BYTES, bypass_end, text};
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

/// The most ids in one call.
const MOST_NAMED: usize = 100;
/// How many members the old form of a group shows.
const MEMBERS_SHOWN: Slice = Slice { offset: 0, limit: 4000 };

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v1/groups", get(list).post(create))
        .route("/admin/v1/groups/{group_id}", get(show_with_users).post(modify).delete(delete))
        .route("/admin/v2/groups/{group_id}", get(show))
        .route("/admin/v2/groups/{group_id}/users", get(users))
}

async fn list(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<Group>>, Failure> {
    let slice = slice(&request.params, MOST)?;
    let ids: Option<Vec<GroupId>> = match request.params.json_list("group_id_list")? {
        Some(ids) if ids.len() > MOST_NAMED => return Err(invalid("group_id_list")),
        Some(ids) => Some(ids.iter().filter_map(|id| id.parse().ok()).collect()),
        None => None,
    };
    let load = Load::new(&app, request.account.id);
    let found = load.reader().groups(request.account.id, ids.as_deref(), slice).await?;
    let items = found.items.into_iter().map(|group| Group::new(group, load.now())).collect();
    Ok(page(Page { items, total: found.total }, slice))
}

async fn create(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Group>, Failure> {
    let name = request.params.required("name", MAX_TEXT_BYTES)?;
    let change = group_change(&request.params)?;
    let group = app.engine().create_group(request.account.id, &request.actor(), &name, &change).await?;
    Ok(Envelope::new(Group::new(group, app.engine().clock().now())))
}

async fn show(State(app): State<App>, request: SignedAdmin<ReadResource>) -> Result<Envelope<Group>, Failure> {
    Ok(Envelope::new(group(&app, &request).await?))
}

/// A member of a group.
#[derive(Debug, Serialize)]
struct Member {
    user_id: String,
    username: String,
}

#[derive(Debug, Serialize)]
struct GroupWithUsers {
    #[serde(flatten)]
    group: Group,
    users: Vec<Member>,
}

/// The old form, with the first members.
async fn show_with_users(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<GroupWithUsers>, Failure> {
    let group = group(&app, &request).await?;
    let users = members(&app, &request, MEMBERS_SHOWN).await?.items;
    Ok(Envelope::new(GroupWithUsers { group, users }))
}

async fn users(
    State(app): State<App>,
    _slot: ListSlot,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Vec<Member>>, Failure> {
    let slice = slice(&request.params, MOST)?;
    group(&app, &request).await?;
    Ok(page(members(&app, &request, slice).await?, slice))
}

async fn modify(State(app): State<App>, request: SignedAdmin<WriteResource>) -> Result<Envelope<Group>, Failure> {
    let change = group_change(&request.params)?;
    app.engine().change_group(request.account.id, &request.actor(), request.id("group_id")?, &change).await?;
    Ok(Envelope::new(group(&app, &request).await?))
}

async fn delete(
    State(app): State<App>,
    request: SignedAdmin<WriteResource>,
) -> Result<Envelope<&'static str>, Failure> {
    if let Some(id) = request.id_if_any("group_id") {
        app.engine().delete_group(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

async fn group<R>(app: &App, request: &SignedAdmin<R>) -> Result<Group, Failure> {
    let load = Load::new(app, request.account.id);
    let group = load.reader().group(request.account.id, request.id("group_id")?).await?;
    group.map(|group| Group::new(group, load.now())).ok_or_else(not_found)
}

async fn members<R>(app: &App, request: &SignedAdmin<R>, slice: Slice) -> Result<Page<Member>, Failure> {
    let load = Load::new(app, request.account.id);
    let found = load.reader().group_members(request.account.id, request.id("group_id")?, slice).await?;
    let member = |(id, username): (cs_core::id::UserId, String)| Member { user_id: id.to_string(), username };
    Ok(Page { items: found.items.into_iter().map(member).collect(), total: found.total })
}

/// The flags of old versions (`push_enabled` and others) are left alone.
fn group_change(params: &Params) -> Result<GroupChange, Failure> {
    let status = match params.filled("status", 64)? {
        Some(word) => Some(GroupStatus::parse(&word).ok_or_else(|| invalid("status"))?),
        None => None,
    };
    Ok(GroupChange {
        name: params.filled("name", MAX_TEXT_BYTES)?,
        description: text(params, "desc")?,
        status,
        bypass_reason: text(params, "bypass_reason")?,
        bypass_end: bypass_end(params)?,
    })
}
