//! `PUT /admin/v2/policies/order`, ours: which of several policies on the groups of an application comes first, and where they are taken off.

use axum::extract::State;
use cs_core::id::{IntegrationKey, PolicyKey};
use serde_json::{Value as Json, json};

use super::super::extract::{SignedAdmin, WritePolicies, invalid};
use super::editor;
use crate::app::App;
use crate::http::{Envelope, Failure};

/// Without `app_integration_key`, the order of the policies on groups in all applications.
pub(super) async fn order(
    State(app): State<App>,
    request: SignedAdmin<WritePolicies>,
) -> Result<Envelope<Json>, Failure> {
    let editor = editor(&request)?;
    let name = "app_integration_key";
    let application = request.params.filled(name, 64)?;
    let application = application.map(|key| key.parse::<IntegrationKey>().map_err(|_| invalid(name))).transpose()?;
    let keys = request.params.json_list("policy_key_list")?.ok_or_else(|| invalid("policy_key_list"))?;
    let edited =
        app.engine().edit_policies(request.account.id, &editor, |draft| draft.order(application, &keys)).await?;
    let order: Vec<String> = edited.policies.order_of(application).iter().map(PolicyKey::to_string).collect();
    Ok(Envelope::new(json!({"app_integration_key": application.map(|key| key.to_string()), "policy_key_list": order})))
}
