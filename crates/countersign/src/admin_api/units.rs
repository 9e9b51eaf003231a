//! `/admin/v1/administrative_units`: which groups and applications some administrators are confined to.

use axum::Router;
use axum::extract::State;
use axum::routing::{get, post};
use cs_core::id::{AccountId, AdminUnitId};
use cs_engine::admin::units::UnitChange;
use cs_store::units::{UnitMember, UnitMembers, UnitRecord};
use cs_store::users::Page;
use cs_wire::params::Params;
use serde_json::{Value as Json, json};

use super::extract::{Admins, ReadAdmins, SignedAdmin, invalid, not_found};
use super::page::{MOST, page, slice};
use super::user_params::text;
use crate::app::App;
use crate::http::{Envelope, Failure, ListSlot};

const PATH: &str = "/admin/v1/administrative_units";
/// The most members of one kind in one call.
const MOST_NAMED: usize = 500;

pub(super) fn routes() -> Router<App> {
    let one = format!("{PATH}/{{admin_unit_id}}");
    Router::new()
        .route(PATH, get(list).post(create))
        .route(&one, get(show).post(modify).delete(delete))
        .route(&format!("{one}/admin/{{admin_id}}"), post(add).delete(take))
        .route(&format!("{one}/group/{{group_id}}"), post(add).delete(take))
        .route(&format!("{one}/integration/{{integration_key}}"), post(add).delete(take))
}

type Answer<T = Json> = Result<Envelope<T>, Failure>;

/// All units, or those that hold one administrator, group or application; only one of these may be named.
async fn list(State(app): State<App>, _slot: ListSlot, request: SignedAdmin<ReadAdmins>) -> Answer<Vec<Json>> {
    let (params, slice) = (&request.params, slice(&request.params, MOST)?);
    let mut member = None;
    for (kind, name) in [("admin", "admin_id"), ("group", "group_id"), ("integration", "integration_key")] {
        if let Some(id) = params.filled(name, 64)? {
            let named = self::member(kind, &id).ok_or_else(|| invalid(name))?;
            if member.replace(named).is_some() {
                return Err(invalid(name));
            }
        }
    }
    let reader = app.engine().store().reader();
    let found = reader.units(request.account.id, member, slice).await?;
    let ids: Vec<AdminUnitId> = found.items.iter().map(|unit| unit.id).collect();
    let mut members = reader.unit_members(request.account.id, &ids).await?;
    let items = found.items.iter().map(|unit| shape(unit, members.remove(&unit.id).unwrap_or_default())).collect();
    Ok(page(Page { items, total: found.total }, slice))
}

async fn create(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer {
    let params = &request.params;
    params.required("name", 1024)?;
    let mut members = Vec::new();
    for (kind, name) in [("admin", "admins"), ("group", "groups"), ("integration", "integrations")] {
        let ids = params.csv_list(name)?.unwrap_or_default();
        if ids.len() > MOST_NAMED {
            return Err(invalid(name));
        }
        for id in ids {
            members.push(member(kind, &id).ok_or_else(|| invalid(name))?);
        }
    }
    let unit = app.engine().create_unit(request.account.id, &request.actor(), &unit_change(params)?, &members).await?;
    complete(&app, request.account.id, unit).await
}

async fn show(State(app): State<App>, request: SignedAdmin<ReadAdmins>) -> Answer {
    let unit = app.engine().unit(request.account.id, request.id("admin_unit_id")?).await?;
    complete(&app, request.account.id, unit).await
}

async fn modify(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer {
    let (account, id) = (request.account.id, request.id("admin_unit_id")?);
    let unit = app.engine().change_unit(account, &request.actor(), id, &unit_change(&request.params)?).await?;
    complete(&app, account, unit).await
}

async fn delete(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer<&'static str> {
    if let Some(id) = request.id_if_any("admin_unit_id") {
        app.engine().delete_unit(request.account.id, &request.actor(), id).await?;
    }
    Ok(Envelope::new(""))
}

async fn add(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer {
    let (id, member) = (request.id("admin_unit_id")?, member_of_path(&request)?);
    let unit = app.engine().add_to_unit(request.account.id, &request.actor(), id, member).await?;
    complete(&app, request.account.id, unit).await
}

async fn take(State(app): State<App>, request: SignedAdmin<Admins>) -> Answer {
    let (id, member) = (request.id("admin_unit_id")?, member_of_path(&request)?);
    let unit = app.engine().take_from_unit(request.account.id, &request.actor(), id, member).await?;
    complete(&app, request.account.id, unit).await
}

fn member(kind: &str, id: &str) -> Option<UnitMember> {
    match kind {
        "admin" => id.parse().ok().map(UnitMember::Admin),
        "group" => id.parse().ok().map(UnitMember::Group),
        _ => id.parse().ok().map(UnitMember::Integration),
    }
}

/// The one id that the path has beside the unit's.
fn member_of_path<R>(request: &SignedAdmin<R>) -> Result<UnitMember, Failure> {
    let admin = || request.id_if_any("admin_id").map(UnitMember::Admin);
    let group = || request.id_if_any("group_id").map(UnitMember::Group);
    let integration = || request.id_if_any("integration_key").map(UnitMember::Integration);
    admin().or_else(group).or_else(integration).ok_or_else(not_found)
}

fn unit_change(params: &Params) -> Result<UnitChange, Failure> {
    Ok(UnitChange {
        name: params.filled("name", 1024)?,
        description: text(params, "description")?,
        by_groups: params.bool("restrict_by_groups")?,
        by_integrations: params.bool("restrict_by_integrations")?,
    })
}

async fn complete(app: &App, account: AccountId, unit: UnitRecord) -> Answer {
    let members = app.engine().store().reader().unit_members(account, &[unit.id]).await?.remove(&unit.id);
    Ok(Envelope::new(shape(&unit, members.unwrap_or_default())))
}

fn shape(unit: &UnitRecord, members: UnitMembers) -> Json {
    json!({
        "admin_unit_id": unit.id.to_string(),
        "name": unit.name,
        "description": unit.description,
        "restrict_by_groups": unit.by_groups,
        "restrict_by_integrations": unit.by_integrations,
        "admins": members.admins,
        "groups": members.groups,
        "integrations": members.integrations,
    })
}
