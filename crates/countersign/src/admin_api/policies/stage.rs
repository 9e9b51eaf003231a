//! `/admin/v2/policies/{policy_key}/stage` and `/admin/v2/policies/trial`, ours: a next version for some users first, and changes that wait to be confirmed.

use axum::extract::{Path, State};
use cs_core::id::GroupId;
use cs_core::policy::Reach;
use cs_engine::policy::{Draft, PolicyDocument, PolicyView, TakenBack, percent};
use cs_store::trials::Trial;
use serde_json::{Value as Json, json};

use super::super::extract::{ReadResource, SignedAdmin, WritePolicies, invalid};
use super::{editor, members};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// The staged version; null if there is none.
pub(super) async fn show(
    State(app): State<App>,
    Path(key): Path<String>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Json>, Failure> {
    let policies = app.engine().policies(request.account.id).await?;
    Ok(Envelope::new(stage_json(policies.find(&key)?)))
}

/// `percent` or `group_id`; `sections` and `sections_to_delete` change the staged version, which begins as the policy is.
pub(super) async fn stage(
    State(app): State<App>,
    Path(key): Path<String>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let editor = editor(&request)?;
    let group = request.params.filled("group_id", 64)?;
    let group = group.map(|id| id.parse::<GroupId>().map_err(|_| invalid("group_id"))).transpose()?;
    let reach = match (request.params.int("percent")?, group) {
        (Some(_), Some(_)) => return Err(invalid("group_id")),
        (Some(number), None) => Some(percent(number)?),
        (None, Some(group)) => Some(Reach::Group(group)),
        (None, None) => None,
    };
    let mut given = members(&request.params, &["percent", "group_id"], &["sections", "sections_to_delete"])?;
    given.retain(|name, _| name.starts_with("sections"));
    let document = PolicyDocument::read(&given)?;
    let change = |draft: &mut Draft, key: &str| {
        draft.change(key, &document.sections.clone().unwrap_or_default(), &document.away)
    };
    let edited =
        app.engine().edit_policies(request.account.id, &editor, |draft| draft.stage(&key, reach, change)).await?;
    Ok(Envelope::new(stage_json(edited.policies.find(&key)?)))
}

/// Applies the staged version to all.
pub(super) async fn finish(
    State(app): State<App>,
    Path(key): Path<String>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let editor = editor(&request)?;
    let edited = app.engine().edit_policies(request.account.id, &editor, |draft| draft.finish_stage(&key)).await?;
    Ok(Envelope::new(edited.policies.document(edited.policies.find(&key)?)))
}

/// Drops the staged version.
pub(super) async fn abandon(
    State(app): State<App>,
    Path(key): Path<String>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<&'static str>, Failure> {
    let editor = editor(&request)?;
    app.engine().edit_policies(request.account.id, &editor, |draft| draft.abandon_stage(&key)).await?;
    Ok(Envelope::new(""))
}

/// The change that waits; null if there is none.
pub(super) async fn trial(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Json>, Failure> {
    let trial = app.engine().policy_trial(request.account.id).await?;
    Ok(Envelope::new(trial.as_ref().map_or(Json::Null, trial_json)))
}

pub(super) async fn confirm(
    State(app): State<App>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let editor = editor(&request)?;
    let trial = app.engine().confirm_policies(request.account.id, &editor.actor).await?;
    Ok(Envelope::new(trial_json(&trial)))
}

pub(super) async fn roll_back(
    State(app): State<App>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let editor = editor(&request)?;
    let done = app.engine().take_back_policies(request.account.id, &editor.actor).await?;
    Ok(Envelope::new(taken_back_json(&done)))
}

/// A staged version for programs.
pub(crate) fn stage_json(policy: &PolicyView) -> Json {
    policy.staged.as_ref().map_or(Json::Null, |stage| stage.document())
}

/// A change that waits, for programs.
pub(crate) fn trial_json(trial: &Trial) -> Json {
    let parts: Vec<Json> = serde_json::from_str(&trial.changes).unwrap_or_default();
    json!({
        "policy_keys": parts.iter().map(|part| part["policy_key"].clone()).collect::<Json>(),
        "changed_by": trial.actor,
        "changed": trial.made_at.as_second(),
        "due": trial.due_at.as_second(),
    })
}

/// What was taken back, for programs.
pub(crate) fn taken_back_json(done: &TakenBack) -> Json {
    let keys = done.differences.iter().map(|difference| Json::from(difference.key.as_str()));
    json!({"policy_keys": keys.collect::<Json>(), "kept": done.kept})
}
