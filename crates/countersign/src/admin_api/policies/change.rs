//! Making, changing, copying and removing one policy.

use axum::extract::{Path, State};
use cs_core::id::PolicyKey;
use cs_engine::policy::{GLOBAL, PolicyDocument};
use cs_wire::params::Params;
use serde_json::{Value as Json, json};

use super::super::extract::{SignedAdmin, WritePolicies, invalid};
use super::{editor, members};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// The most copies made at once.
const MOST_COPIES: usize = 100;

pub(super) async fn create(
    State(app): State<App>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let (editor, document) = (editor(&request)?, document(&request.params)?);
    let edited = app.engine().edit_policies(request.account.id, &editor, |draft| draft.create_from(&document)).await?;
    Ok(Envelope::new(edited.policies.document(edited.policies.find(edited.outcome.as_str())?)))
}

pub(super) async fn update(
    State(app): State<App>,
    Path(key): Path<String>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let (editor, document) = (editor(&request)?, document(&request.params)?);
    let edited =
        app.engine().edit_policies(request.account.id, &editor, |draft| draft.update_from(&key, &document)).await?;
    Ok(Envelope::new(edited.policies.document(edited.policies.find(edited.outcome.as_str())?)))
}

pub(super) async fn remove(
    State(app): State<App>,
    Path(key): Path<String>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<&'static str>, Failure> {
    let editor = editor(&request)?;
    // Gone already, or no key at all: as with every other object, that is a success.
    let removed = app.engine().edit_policies(request.account.id, &editor, |draft| match draft.find(&key) {
        Ok(_) => draft.remove(&key).map(drop),
        Err(_) => Ok(()),
    });
    removed.await?;
    Ok(Envelope::new(""))
}

/// The copies have the sections of their model and apply nowhere.
pub(super) async fn copy(
    State(app): State<App>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let editor = editor(&request)?;
    let key = request.params.required("policy_key", 64)?;
    if key != GLOBAL && key.parse::<PolicyKey>().is_err() {
        return Err(super::super::extract::not_found());
    }
    let names = request.params.json_list("new_policy_names_list")?.unwrap_or_default();
    if names.is_empty() || names.len() > MOST_COPIES {
        return Err(invalid("new_policy_names_list"));
    }
    let edited = app
        .engine()
        .edit_policies(request.account.id, &editor, |draft| {
            names.iter().map(|name| draft.copy(&key, name)).collect::<Result<Vec<_>, _>>()
        })
        .await?;
    let copies = edited.outcome.iter().filter_map(|key| edited.policies.find(key.as_str()).ok());
    let copies: Vec<Json> = copies.map(|policy| edited.policies.document(policy)).collect();
    Ok(Envelope::new(json!({"policies": copies})))
}

fn document(params: &Params) -> Result<PolicyDocument, Failure> {
    let scalars = ["policy_key", "policy_name", "is_global_policy"];
    let nested = ["sections", "sections_to_delete", "apply_to_apps", "apply_to_groups_in_apps", "apply_to_groups"];
    Ok(PolicyDocument::read(&members(params, &scalars, &nested)?)?)
}
