//! `GET /admin/v2/policies/summary`: every policy and where it applies.

use std::collections::{BTreeMap, HashMap};

use axum::extract::State;
use cs_core::id::{AccountId, GroupId, IntegrationKey};
use cs_engine::policy::{Draft, PolicyView};
use cs_store::policies::PolicyScope;
use cs_store::users::Slice;
use serde_json::{Value as Json, json};

use super::super::extract::{ReadResource, SignedAdmin};
use crate::app::App;
use crate::http::{Envelope, Failure};

pub(super) async fn summary(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Json>, Failure> {
    let policies = app.engine().policies(request.account.id).await?;
    let names = Names::load(&app, request.account.id, &policies).await?;
    let listed: Vec<Json> = policies.policies().iter().map(|policy| names.summary(&policies, policy)).collect();
    let count = listed.len();
    Ok(Envelope::new(json!({
        "policies": listed,
        "policy_count": count,
        "response_is_truncated": false,
        "warnings": [],
    })))
}

/// What people call the applications and groups where policies apply.
struct Names {
    applications: HashMap<IntegrationKey, String>,
    groups: HashMap<GroupId, String>,
}

impl Names {
    async fn load(app: &App, account: AccountId, policies: &Draft) -> Result<Self, Failure> {
        let store = app.engine().store();
        let mut applications = HashMap::new();
        let mut groups: Vec<GroupId> = policies.uses().iter().filter_map(|at| at.scope.group()).collect();
        groups.sort();
        groups.dedup();
        for at in policies.uses() {
            if let Some(key) = at.scope.application()
                && !applications.contains_key(&key)
                && let Some(integration) = app.engine().directory().integration(account, key).await?
            {
                applications.insert(key, integration.name.clone());
            }
        }
        let all = Slice { offset: 0, limit: groups.len() as u64 };
        let found = store.reader().groups(account, Some(&groups), all).await?;
        Ok(Self { applications, groups: found.items.into_iter().map(|group| (group.id, group.name)).collect() })
    }

    fn summary(&self, policies: &Draft, policy: &PolicyView) -> Json {
        // One entry per application; groups of one are together.
        let mut entries: BTreeMap<(Option<IntegrationKey>, bool), (i64, Vec<GroupId>)> = BTreeMap::new();
        for at in policies.uses_of(policy.key()) {
            let is_group = !matches!(at.scope, PolicyScope::Application(_));
            let entry = entries.entry((at.scope.application(), is_group)).or_insert((at.position, Vec::new()));
            entry.1.extend(at.scope.group());
        }
        let entries = entries.into_iter().map(|((application, is_group), (position, groups))| {
            self.entry(application, is_group.then_some((position, groups)))
        });
        json!({
            "policy_key": policy.key().as_str(),
            "policy_name": policy.name,
            "is_global_policy": policy.is_global(),
            "policy_applies_to": entries.collect::<Vec<_>>(),
        })
    }

    fn entry(&self, application: Option<IntegrationKey>, groups: Option<(i64, Vec<GroupId>)>) -> Json {
        let name = application.and_then(|key| self.applications.get(&key));
        let mut entry = json!({
            "app_integration_key": application.map(|key| key.to_string()),
            "app_name": name,
            "apply_type": match (application, &groups) {
                (Some(_), None) => "app",
                (Some(_), Some(_)) => "group_app",
                (None, _) => "group",
            },
        });
        if let Some((position, groups)) = groups {
            let called = |group: &GroupId| self.groups.get(group).map_or("", String::as_str);
            entry["group_position"] = position.into();
            entry["group_name"] = groups.iter().map(called).collect::<Vec<_>>().join(", ").into();
            entry["groups"] =
                groups.iter().map(|group| json!({"group_id": group.as_str(), "group_name": called(group)})).collect();
        }
        entry
    }
}
