//! `PUT /admin/v2/policies/update`: the same change of several policies, all or nothing.

use axum::extract::State;
use cs_engine::policy::{BulkChange, PolicyError};
use serde_json::{Value as Json, json};

use super::super::extract::{SignedAdmin, WritePolicies};
use super::{editor, members};
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) async fn update(
    State(app): State<App>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let editor = editor(&request)?;
    let members = members(&request.params, &[], &["policies_to_update", "policy_changes"])?;
    let change = BulkChange::read(&members)?;
    let edited = app.engine().edit_policies(request.account.id, &editor, |draft| draft.change_several(&change)).await?;
    let changed = edited.outcome.iter().map(|key| Ok(edited.policies.document(edited.policies.find(key.as_str())?)));
    let changed: Vec<Json> = changed.collect::<Result<_, PolicyError>>()?;
    Ok(Envelope::new(json!({"policies": changed})))
}
