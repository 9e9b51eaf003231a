//! `GET /admin/v2/policies/calculate`

use axum::extract::State;
use cs_core::id::{IntegrationKey, UserId};
use cs_core::policy::{Level, Word as _};
use cs_engine::policy::Element;
use cs_engine::policy::json::write_complete;
use serde_json::{Value as Json, json};

use super::super::extract::{ReadResource, SignedAdmin};
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) async fn calculate(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Json>, Failure> {
    let application: IntegrationKey = request.id_param("integration_key")?;
    let user: UserId = request.id_param("user_id")?;
    let found = app.engine().calculate_policy(request.account.id, application, user).await?;
    let elements: Vec<Json> = found.elements.iter().map(element).collect();
    Ok(Envelope::new(json!({"policy_elements": elements, "sections": write_complete(&found.sections)})))
}

fn element(element: &Element) -> Json {
    let policy = element.policy.as_ref();
    json!({
        "policy_key": policy.map(|(key, _)| key.to_string()),
        "policy_name": policy.map(|(_, name)| name),
        "is_global_policy": element.level == Level::Global,
        "apply_type": apply_type(element.level),
        "sections": element.sections.iter().map(|section| section.as_str()).collect::<Vec<_>>(),
    })
}

/// The summary's words, and ours for what it does not have.
pub(super) const fn apply_type(level: Level) -> &'static str {
    match level {
        Level::ApplicationGroup => "group_app",
        Level::Application => "app",
        Level::ApplicationSetting => "app_setting",
        Level::Group => "group",
        Level::Global => "global",
    }
}
