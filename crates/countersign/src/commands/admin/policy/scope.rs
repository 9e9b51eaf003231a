//! Where policies apply.

use clap::Args;
use cs_core::id::{GroupId, IntegrationKey};
use cs_store::policies::PolicyScope;
use serde_json::json;

use super::super::error::AdminError;
use super::super::out::{Answer, Table};
use super::read::shown;
use super::{Policies, changes, find};

/// An application, groups, or groups in an application.
#[derive(Debug, Args)]
#[group(required = true, multiple = true)]
pub(super) struct Scope {
    /// The application, by key or name
    #[arg(long)]
    app: Option<String>,
    /// Groups, by id or name
    #[arg(long = "group")]
    groups: Vec<String>,
}

impl Scope {
    async fn resolve(&self, at: &Policies<'_>) -> Result<(Option<IntegrationKey>, Vec<GroupId>), AdminError> {
        let application = match &self.app {
            Some(given) => Some(at.site.integration(given).await?.key),
            None => None,
        };
        let mut groups = Vec::new();
        for given in &self.groups {
            groups.push(at.site.group(given).await?.id);
        }
        Ok((application, groups))
    }
}

pub(super) async fn apply(at: &Policies<'_>, given: &str, scope: &Scope) -> Result<Answer, AdminError> {
    let key = find(&at.load().await?, given)?.key();
    let (application, groups) = scope.resolve(at).await?;
    let edited = at
        .edit(|draft| match (application, groups.as_slice()) {
            (Some(application), []) => draft.apply_to_application(key.as_str(), application),
            (application, groups) => draft.apply_to_groups(key.as_str(), application, groups),
        })
        .await?;
    let mut answer = shown(at, &edited.policies, edited.policies.find(key.as_str())?).await?;
    answer.text = changes(&edited.differences, "It applies there already.").text;
    Ok(answer)
}

pub(super) async fn unapply(at: &Policies<'_>, given: &str, scope: &Scope) -> Result<Answer, AdminError> {
    let key = find(&at.load().await?, given)?.key();
    let (application, groups) = scope.resolve(at).await?;
    let scopes: Vec<PolicyScope> = match (application, groups.as_slice()) {
        (Some(application), []) => vec![PolicyScope::Application(application)],
        (Some(application), groups) => {
            groups.iter().map(|group| PolicyScope::ApplicationGroup(application, *group)).collect()
        }
        (None, groups) => groups.iter().map(|group| PolicyScope::Group(*group)).collect(),
    };
    let edited = at.edit(|draft| scopes.iter().try_for_each(|scope| draft.detach_policy(key.as_str(), *scope))).await?;
    let mut answer = shown(at, &edited.policies, edited.policies.find(key.as_str())?).await?;
    answer.text = changes(&edited.differences, "It does not apply there.").text;
    Ok(answer)
}

pub(super) async fn order(at: &Policies<'_>, app: Option<&str>, given: &[String]) -> Result<Answer, AdminError> {
    let application = match app {
        Some(app) => Some(at.site.integration(app).await?.key),
        None => None,
    };
    let mut draft = at.load().await?;
    if !given.is_empty() {
        let mut keys = Vec::new();
        for policy in given {
            keys.push(find(&draft, policy)?.key().to_string());
        }
        draft = at.edit(|draft| draft.order(application, &keys)).await?.policies;
    }
    let mut table = Table::new(&["place", "policy", "key"]);
    let order = draft.order_of(application);
    for (place, key) in order.iter().enumerate() {
        table.row([(place + 1).to_string(), draft.find(key.as_str())?.name.clone(), key.to_string()]);
    }
    let json = json!({
        "app_integration_key": application.map(|key| key.to_string()),
        "policy_key_list": order.iter().map(ToString::to_string).collect::<Vec<_>>(),
    });
    Ok(Answer::new(json, table.text("No policy applies to groups there.")))
}
