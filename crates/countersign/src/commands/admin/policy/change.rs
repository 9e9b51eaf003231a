//! Changing policies.

use cs_core::id::PolicyKey;
use cs_core::policy::{Section, Sections};
use cs_engine::policy::json::{read_sections, section_named};
use cs_engine::policy::{Edited, PolicyError, Setting};
use serde_json::json;

use super::super::error::AdminError;
use super::super::out::Answer;
use super::read::shown;
use super::{Policies, changes, document, find};

pub(super) async fn create(at: &Policies<'_>, name: &str, settings: &[String]) -> Result<Answer, AdminError> {
    let settings = parse(settings)?;
    let edited = at
        .edit(|draft| {
            let key = draft.create(name, Sections::default())?;
            draft.set(key.as_str(), &settings)?;
            Ok(key)
        })
        .await?;
    answer(at, &edited).await
}

pub(super) async fn set(at: &Policies<'_>, given: &str, settings: &[String]) -> Result<Answer, AdminError> {
    let (key, settings) = (key(at, given).await?, parse(settings)?);
    let edited = at.edit(|draft| draft.set(key.as_str(), &settings).map(|()| key)).await?;
    answer(at, &edited).await
}

pub(super) async fn unset(at: &Policies<'_>, given: &str, sections: &[String]) -> Result<Answer, AdminError> {
    let key = key(at, given).await?;
    let sections: Vec<Section> =
        sections.iter().map(|name| Ok(section_named(name)?)).collect::<Result<_, PolicyError>>()?;
    let edited = at.edit(|draft| draft.change(key.as_str(), &Sections::default(), &sections).map(|()| key)).await?;
    answer(at, &edited).await
}

pub(super) async fn rename(at: &Policies<'_>, given: &str, name: &str) -> Result<Answer, AdminError> {
    let key = key(at, given).await?;
    let edited = at.edit(|draft| draft.rename(key.as_str(), name).map(|()| key)).await?;
    answer(at, &edited).await
}

pub(super) async fn copy(at: &Policies<'_>, given: &str, names: &[String]) -> Result<Answer, AdminError> {
    let key = key(at, given).await?;
    let edited =
        at.edit(|draft| names.iter().map(|name| draft.copy(key.as_str(), name)).collect::<Result<Vec<_>, _>>()).await?;
    let mut documents = Vec::new();
    for key in &edited.outcome {
        documents.push(document(&edited.policies, edited.policies.find(key.as_str())?));
    }
    Ok(Answer::new(json!({ "policies": documents }), changes(&edited.differences, "").text))
}

pub(super) async fn delete(at: &Policies<'_>, given: &str) -> Result<Answer, AdminError> {
    let draft = at.load().await?;
    let policy = find(&draft, given)?;
    let key = policy.key();
    let places = draft.uses_of(key).count();
    let places = match places {
        0 => "applies nowhere".to_owned(),
        1 => "applies in one place".to_owned(),
        places => format!("applies in {places} places"),
    };
    at.site.confirm(&format!("Delete the policy {}, which {places}?", policy.name))?;
    let edited = at.edit(|draft| draft.remove(key.as_str()).map(|policy| policy.name)).await?;
    let json = json!({"policy_key": key.as_str(), "policy_name": edited.outcome, "deleted": true});
    Ok(Answer::new(json, format!("{} ({key}): deleted", countersign_device::clean(&edited.outcome, 100))))
}

pub(super) async fn restore(at: &Policies<'_>, given: &str, version: i64) -> Result<Answer, AdminError> {
    let draft = at.load().await?;
    let key = match given.parse::<PolicyKey>() {
        Ok(key) => key,
        Err(_) => find(&draft, given)?.key(),
    };
    let revision = at.site.reader().policy_revision(at.site.account, key, version).await?;
    let no_such = || AdminError::NoSuch { what: "version", given: format!("{version} of {given}"), suggestion: None };
    let revision = revision.ok_or_else(no_such)?;
    let sections = serde_json::from_str(&revision.sections).unwrap_or_default();
    let sections = read_sections(&sections).map_err(PolicyError::from)?;
    let restore = |draft: &mut cs_engine::policy::Draft| {
        let Ok(policy) = draft.find(key.as_str()) else { return draft.create(&revision.name, sections.clone()) };
        let away: Vec<Section> = policy.sections.present().collect();
        draft.rename(key.as_str(), &revision.name)?;
        draft.change(key.as_str(), &sections, &away)?;
        Ok(key)
    };
    let editor = at.editor();
    let preview = at.site.engine.preview_policies(at.site.account, &editor, restore).await?;
    let would = changes(&preview.differences, "Nothing would be different.").text;
    at.site.confirm(&format!("{would}\nMake the policy {} what it was at version {version}?", revision.name))?;
    let edited = at.edit(restore).await?;
    answer(at, &edited).await
}

async fn key(at: &Policies<'_>, given: &str) -> Result<PolicyKey, AdminError> {
    Ok(find(&at.load().await?, given)?.key())
}

async fn answer(at: &Policies<'_>, edited: &Edited<PolicyKey>) -> Result<Answer, AdminError> {
    let policy = edited.policies.find(edited.outcome.as_str())?;
    let mut answer = shown(at, &edited.policies, policy).await?;
    // People see what is different, programs the whole.
    answer.text = changes(&edited.differences, "Nothing is different.").text;
    Ok(answer)
}

fn parse(settings: &[String]) -> Result<Vec<Setting>, AdminError> {
    settings.iter().map(|text| Ok(text.parse()?)).collect()
}
