//! Showing policies.

use cs_core::id::{GroupId, PolicyKey};
use cs_engine::policy::{Draft, PolicyView, flat};
use cs_store::policies::PolicyScope;
use cs_store::users::Slice;
use serde_json::{Value as Json, json};

use super::super::error::AdminError;
use super::super::out::{Answer, Card, Table, moment};
use super::{Policies, document, find};

/// As much history is shown.
const SHOWN: Slice = Slice { offset: 0, limit: 100 };

pub(super) async fn list(at: &Policies<'_>) -> Result<Answer, AdminError> {
    let draft = at.load().await?;
    let mut table = Table::new(&["policy", "key", "sections", "applies to", "modified"]);
    let mut documents = Vec::new();
    for policy in draft.policies() {
        let count = if policy.is_global() { "all".to_owned() } else { policy.sections.present().count().to_string() };
        let uses = applies_to(at, &draft, policy).await?.join("; ");
        table.row([policy.name.clone(), policy.key().to_string(), count, uses, moment(policy.record.modified_at)]);
        documents.push(document(&draft, policy));
    }
    Ok(Answer::new(json!({ "policies": documents }), table.text("")))
}

pub(super) async fn show(at: &Policies<'_>, given: &str) -> Result<Answer, AdminError> {
    let draft = at.load().await?;
    shown(at, &draft, find(&draft, given)?).await
}

/// A policy for people and programs.
pub(super) async fn shown(at: &Policies<'_>, draft: &Draft, policy: &PolicyView) -> Result<Answer, AdminError> {
    let mut card = Card::default();
    card.line("policy", policy.name.as_str())
        .line("key", policy.key().as_str())
        .line("version", policy.record.version.to_string())
        .line("modified", moment(policy.record.modified_at));
    for place in applies_to(at, draft, policy).await? {
        card.line("applies to", place);
    }
    if let Some(stage) = &policy.staged {
        card.line("staged for", stage.reach.to_string());
    }
    let mut table = Table::new(&["setting", "value"]);
    for (name, value) in flat(&Json::Object(draft.shown_sections(policy))) {
        table.row([name, value]);
    }
    let mut text = format!("{}\n\n{}", card.text(), table.text("It has no section of its own."));
    if let Some(stage) = &policy.staged {
        let mut staged = Table::new(&["staged setting", "value"]);
        for (name, value) in flat(&stage.document()["sections"]) {
            staged.row([name, value]);
        }
        text = format!("{text}\n\n{}", staged.text("The staged version has no section of its own."));
    }
    Ok(Answer::new(document(draft, policy), text))
}

pub(super) async fn history(at: &Policies<'_>, given: &str) -> Result<Answer, AdminError> {
    let draft = at.load().await?;
    let key = match given.parse::<PolicyKey>() {
        // What is gone has a history too.
        Ok(key) => key,
        Err(_) => find(&draft, given)?.key(),
    };
    let page = at.site.reader().policy_history(at.site.account, key, SHOWN).await?;
    let mut table = Table::new(&["version", "when", "who", "what", "name"]);
    let mut revisions = Vec::new();
    for revision in &page.items {
        table.row([
            revision.version.to_string(),
            moment(revision.changed_at),
            revision.actor.clone(),
            revision.action.clone(),
            revision.name.clone(),
        ]);
        let parsed = |text: &str| serde_json::from_str::<Json>(text).unwrap_or_default();
        revisions.push(json!({
            "version": revision.version,
            "timestamp": revision.changed_at.as_second(),
            "username": revision.actor,
            "action": revision.action,
            "policy_name": revision.name,
            "sections": parsed(&revision.sections),
            "policy_applies_to": parsed(&revision.uses),
        }));
    }
    let json = json!({"policy_key": key.as_str(), "versions": revisions, "total": page.total});
    Ok(Answer::new(json, table.text("It was never changed.")))
}

/// Where a policy applies, in words.
async fn applies_to(at: &Policies<'_>, draft: &Draft, policy: &PolicyView) -> Result<Vec<String>, AdminError> {
    if policy.is_global() {
        return Ok(vec!["everything".to_owned()]);
    }
    let mut places = Vec::new();
    for place in draft.uses_of(policy.key()) {
        let application = match place.scope.application() {
            None => None,
            Some(key) => {
                let record = at.site.engine.store().integration_record(at.site.account, key).await?;
                Some(record.map_or_else(|| key.to_string(), |record| record.name))
            }
        };
        let group = match place.scope.group() {
            None => None,
            Some(group) => Some(group_name(at, group).await?),
        };
        places.push(match (place.scope, application, group) {
            (PolicyScope::Application(_), Some(application), _) => application,
            (_, Some(application), Some(group)) => format!("{group} in {application}"),
            (_, _, group) => group.unwrap_or_default(),
        });
    }
    Ok(places)
}

async fn group_name(at: &Policies<'_>, group: GroupId) -> Result<String, AdminError> {
    let record = at.site.reader().group(at.site.account, group).await?;
    Ok(record.map_or_else(|| group.to_string(), |record| record.name))
}
