//! `/admin/v2/policies`
//!
//! | file | paths |
//! | --- | --- |
//! | `read` | the list, one policy, `global` |
//! | `summary` | `summary` |
//! | `change` | create, change, remove, `copy` |
//! | `update` | `update`: several at once |
//! | `order` | `order`, ours: the order of an application's policies on groups |
//! | `calculate` | `calculate`: what is in force for a user at an application |
//! | `explain` | `explain`, ours: what would happen at a login |
//! | `simulate` | `simulate`, ours: past logins under other policies |
//! | `stage` | `{policy_key}/stage`, `trial`, ours: changes for some first, or until they are confirmed |

mod calculate;
mod change;
mod explain;
mod order;
mod read;
mod simulate;
mod stage;
mod summary;
mod update;

use axum::Router;
use axum::routing::{get, post, put};
use cs_core::integration::Permission;
use cs_engine::policy::{Editor, LockoutRisk, PolicyError};
use cs_wire::params::Params;
use serde_json::{Map, Value as Json};

use super::extract::{SignedAdmin, WritePolicies, forbidden};
use crate::app::App;
use crate::http::Failure;

pub(crate) use explain::explanation_json;
pub(crate) use simulate::simulation_json;
pub(crate) use stage::{stage_json, taken_back_json, trial_json};

/// Ours: the caller takes the risk that a change locks everybody out.
const CONFIRM: &str = "confirm_lockout";
/// Ours: the seconds after which a change is taken back unless it is confirmed.
const CONFIRM_WITHIN: &str = "confirm_within";

pub(super) fn routes() -> Router<App> {
    Router::new()
        .route("/admin/v2/policies", get(read::list).post(change::create))
        .route("/admin/v2/policies/summary", get(summary::summary))
        .route("/admin/v2/policies/calculate", get(calculate::calculate))
        .route("/admin/v2/policies/explain", get(explain::explain))
        .route("/admin/v2/policies/copy", post(change::copy))
        .route("/admin/v2/policies/update", put(update::update))
        .route("/admin/v2/policies/order", put(order::order))
        .route("/admin/v2/policies/simulate", post(simulate::simulate))
        .route("/admin/v2/policies/trial", get(stage::trial))
        .route("/admin/v2/policies/trial/confirm", post(stage::confirm))
        .route("/admin/v2/policies/trial/roll_back", post(stage::roll_back))
        .route("/admin/v2/policies/{policy_key}/stage", get(stage::show).put(stage::stage).delete(stage::abandon))
        .route("/admin/v2/policies/{policy_key}/stage/finish", post(stage::finish))
        .route("/admin/v2/policies/{policy_key}", get(read::one).put(change::update).delete(change::remove))
}

/// Who changes policies. Settings of everybody's login need both permissions.
fn editor(request: &SignedAdmin<WritePolicies>) -> Result<Editor, Failure> {
    if !request.has(Permission::WriteResource) {
        let missing = Permission::WriteResource.name();
        return Err(forbidden(format!("This integration lacks the permission {missing}.")));
    }
    let confirmed = request.params.bool(CONFIRM)?.unwrap_or(false);
    Ok(Editor {
        actor: request.actor(),
        address: Some(request.address),
        risk: if confirmed { LockoutRisk::Taken } else { LockoutRisk::Refused },
        confirm_within: request.params.int(CONFIRM_WITHIN)?.map(jiff::SignedDuration::from_secs),
    })
}

/// The parameters as members of one document: `nested` ones may come as the text of their JSON. What is neither is refused.
fn members(params: &Params, scalars: &[&'static str], nested: &[&'static str]) -> Result<Map<String, Json>, Failure> {
    let ours = [CONFIRM, CONFIRM_WITHIN, "account_id"];
    let is_known = |name: &&str| scalars.contains(name) || nested.contains(name) || ours.contains(name);
    if let Some(unknown) = params.names().find(|name| !is_known(name)) {
        let unknown: String = unknown.chars().take(64).collect();
        return Err(Failure::new(
            40002,
            "Invalid request parameters",
            format!("{unknown}: is not a member of a policy"),
        ));
    }
    let mut members = Map::new();
    for name in scalars {
        if *name == "is_global_policy" {
            if let Some(flag) = params.bool(name)? {
                members.insert((*name).to_owned(), flag.into());
            }
        } else if let Some(text) = params.str(name)? {
            members.insert((*name).to_owned(), text.into_owned().into());
        }
    }
    for name in nested {
        if let Some(value) = params.nested(name)? {
            members.insert((*name).to_owned(), value);
        }
    }
    Ok(members)
}

/// The public answer, with section, key and reason.
impl From<PolicyError> for Failure {
    fn from(error: PolicyError) -> Self {
        let detail = error.to_string();
        match error {
            PolicyError::Setting(_)
            | PolicyError::Document { .. }
            | PolicyError::Global(_)
            | PolicyError::TooMany { .. } => Self::new(40002, "Invalid request parameters", detail),
            PolicyError::NoSuch { .. } => Self::new(40401, "Resource not found", detail),
            PolicyError::NameTaken(_) => Self::new(40003, "Duplicate resource", detail),
            PolicyError::Dangerous(_) => {
                let detail = format!("{detail}. Send {CONFIRM}=true if that is meant.");
                Self::new(40902, "Confirmation required", detail)
            }
            PolicyError::Waiting(_) => Self::new(40902, "Confirmation required", detail),
            PolicyError::NothingWaits => Self::new(40401, "Resource not found", detail),
            PolicyError::Engine(error) => error.into(),
        }
    }
}
