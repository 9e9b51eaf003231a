//! Documents of whole policies, as the Admin API takes them and as they are exported.

use cs_core::id::{GroupId, IntegrationKey, PolicyKey};
use cs_core::policy::{Section, Sections};
use cs_store::policies::{PolicyScope, PolicyUse};
use serde_json::{Map, Value as Json, json};

use super::draft::{Draft, PolicyView};
use super::error::PolicyError;
use super::json::{read_sections, section_named};

const NAME: &str = "policy_name";
const APPS: &str = "apply_to_apps";
const APP_GROUPS: &str = "apply_to_groups_in_apps";
const GROUPS: &str = "apply_to_groups";

/// A policy as somebody writes it down. What is absent stays as it is, or has no say.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct PolicyDocument {
    /// `policy_key`: which policy it was written down from.
    pub key: Option<String>,
    /// `policy_name`
    pub name: Option<String>,
    /// `is_global_policy`
    pub is_global: Option<bool>,
    /// `sections`
    pub sections: Option<Sections>,
    /// `sections_to_delete`
    pub away: Vec<Section>,
    /// `apply_to_apps`
    pub applications: Option<Vec<IntegrationKey>>,
    /// `apply_to_groups_in_apps`
    pub application_groups: Option<Vec<GroupsInApplication>>,
    /// Ours, `apply_to_groups`: members of these groups in every application that has no policy for the section.
    pub groups: Option<Vec<GroupId>>,
    /// Ours, `group_position`: the place of `groups` among the policies of groups.
    pub position: Option<i64>,
}

/// Groups of one application.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupsInApplication {
    /// `app_integration_key`
    pub application: IntegrationKey,
    /// `group_id_list`
    pub groups: Vec<GroupId>,
    /// `group_position`: the place among the policies of the application's groups; at the end if it does not say.
    pub position: Option<i64>,
}

impl PolicyDocument {
    /// Reads a document. What it does not know is refused.
    pub fn read(members: &Map<String, Json>) -> Result<Self, PolicyError> {
        let mut document = Self::default();
        for (name, value) in members.iter().filter(|(_, value)| !value.is_null()) {
            match name.as_str() {
                "policy_key" => document.key = Some(text(name, value)?),
                NAME => document.name = Some(text(name, value)?),
                "is_global_policy" => {
                    document.is_global =
                        Some(value.as_bool().ok_or_else(|| PolicyError::document(name, "must be true or false"))?);
                }
                "sections" => document.sections = read_given(value)?,
                "sections_to_delete" => document.away = section_names(name, value)?,
                APPS => document.applications = Some(ids(name, value, "must be a list of integration keys")?),
                APP_GROUPS => document.application_groups = Some(application_groups(value)?),
                GROUPS => document.groups = Some(ids(name, value, "must be a list of group ids")?),
                "group_position" => document.position = Some(position(value)?),
                other => {
                    let other: String = other.chars().take(64).collect();
                    return Err(PolicyError::document(other, "is not a member of a policy"));
                }
            }
        }
        Ok(document)
    }

    /// Reads what `export` and the Admin API write: one policy, a list of them, or an object with one of these as `policies` or `response`.
    pub fn read_all(json: &Json) -> Result<Vec<Self>, PolicyError> {
        match json {
            Json::Array(items) => items
                .iter()
                .map(|item| match item {
                    Json::Object(members) => Self::read(members),
                    Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) | Json::Array(_) => {
                        Err(PolicyError::document("policies", "must be a list of policies"))
                    }
                })
                .collect(),
            Json::Object(members) => match members.get("policies").or_else(|| members.get("response")) {
                Some(inner) => Self::read_all(inner),
                None => Ok(vec![Self::read(members)?]),
            },
            Json::Null | Json::Bool(_) | Json::Number(_) | Json::String(_) => {
                Err(PolicyError::document("policies", "must be a policy or a list of policies"))
            }
        }
    }
}

impl Draft {
    /// Makes the policy that `document` tells. Its key is a new one; a document of the global policy makes none.
    pub fn create_from(&mut self, document: &PolicyDocument) -> Result<PolicyKey, PolicyError> {
        if document.is_global == Some(true) {
            return Err(PolicyError::Global("exists; change it by its key, or as `global`"));
        }
        let name = document.name.as_deref().ok_or_else(|| PolicyError::document(NAME, "is missing"))?;
        let key = self.create(name, document.sections.clone().unwrap_or_default())?;
        self.apply_as_told(key.as_str(), document)?;
        Ok(key)
    }

    /// Changes the policy `key` as `document` tells; sections that it does not name stay, and so do places where it applies.
    pub fn update_from(&mut self, key: &str, document: &PolicyDocument) -> Result<PolicyKey, PolicyError> {
        let policy = self.find(key)?;
        let own = policy.key();
        if document.key.as_ref().is_some_and(|given| given != own.as_str() && given != key) {
            return Err(PolicyError::document("policy_key", "is another one than in the path"));
        }
        if document.is_global.is_some_and(|is_global| is_global != policy.is_global()) {
            return Err(PolicyError::document("is_global_policy", "cannot be changed"));
        }
        if let Some(name) = &document.name {
            self.rename(own.as_str(), name)?;
        }
        self.change(own.as_str(), &document.sections.clone().unwrap_or_default(), &document.away)?;
        self.apply_as_told(own.as_str(), document)?;
        Ok(own)
    }

    /// Makes a policy exactly what an exported document says: the one of its key or name, or a new one. Where the document does not say where it applies,
    /// that stays.
    pub fn import(&mut self, document: &PolicyDocument) -> Result<PolicyKey, PolicyError> {
        let by_key = document.key.as_deref().and_then(|key| self.find(key).ok());
        let existing = match document.is_global {
            Some(true) => Some(self.find(super::GLOBAL)?),
            Some(false) | None => by_key.or_else(|| self.named(document.name.as_deref()?)),
        };
        let Some(key) = existing.map(PolicyView::key) else { return self.create_exactly(document) };
        let sections = document.sections.clone().unwrap_or_default();
        let named: Vec<Section> = sections.present().collect();
        let policy = self.find(key.as_str())?;
        let away: Vec<Section> = policy.sections.present().filter(|section| !named.contains(section)).collect();
        if let Some(name) = &document.name {
            self.rename(key.as_str(), name)?;
        }
        self.change(key.as_str(), &sections, &away)?;
        self.import_uses(key, document)?;
        Ok(key)
    }

    /// The policy with where it applies, to be kept in a file and imported.
    pub fn export(&self, policy: &PolicyView) -> Json {
        let mut document = self.document(policy);
        if policy.is_global() {
            return document;
        }
        let key = policy.key();
        let mut applications = Vec::new();
        let mut in_applications: Vec<GroupsInApplication> = Vec::new();
        let (mut groups, mut place) = (Vec::new(), None);
        for at in self.uses_of(key) {
            match at.scope {
                PolicyScope::Application(application) => applications.push(application.to_string()),
                PolicyScope::Group(group) => {
                    groups.push(group.to_string());
                    place = Some(at.position);
                }
                PolicyScope::ApplicationGroup(application, group) => {
                    match in_applications.iter_mut().find(|entry| entry.application == application) {
                        Some(entry) => entry.groups.push(group),
                        None => in_applications.push(GroupsInApplication {
                            application,
                            groups: vec![group],
                            position: Some(at.position),
                        }),
                    }
                }
            }
        }
        let in_applications = in_applications.iter().map(|entry| {
            let groups: Vec<String> = entry.groups.iter().map(GroupId::to_string).collect();
            json!({"app_integration_key": entry.application.as_str(), "group_id_list": groups, "group_position": entry.position})
        });
        document[APPS] = applications.into();
        document[APP_GROUPS] = in_applications.collect();
        document[GROUPS] = groups.into();
        if let Some(place) = place {
            document["group_position"] = place.into();
        }
        document
    }

    fn create_exactly(&mut self, document: &PolicyDocument) -> Result<PolicyKey, PolicyError> {
        let name = document.name.as_deref().ok_or_else(|| PolicyError::document(NAME, "is missing"))?;
        let key = self.create(name, document.sections.clone().unwrap_or_default())?;
        self.import_uses(key, document)?;
        Ok(key)
    }

    fn apply_as_told(&mut self, key: &str, document: &PolicyDocument) -> Result<(), PolicyError> {
        for application in document.applications.iter().flatten() {
            self.apply_to_application(key, *application)?;
        }
        for entry in document.application_groups.iter().flatten() {
            self.apply_to_groups(key, Some(entry.application), &entry.groups)?;
        }
        if let Some(groups) = document.groups.as_ref().filter(|groups| !groups.is_empty()) {
            self.apply_to_groups(key, None, groups)?;
        }
        Ok(())
    }

    /// Makes the places that a document names all the places of their kind.
    fn import_uses(&mut self, key: PolicyKey, document: &PolicyDocument) -> Result<(), PolicyError> {
        let of_kind = |scope: PolicyScope| match scope {
            PolicyScope::Application(_) => document.applications.is_some(),
            PolicyScope::ApplicationGroup(..) => document.application_groups.is_some(),
            PolicyScope::Group(_) => document.groups.is_some(),
        };
        self.uses.retain(|at| at.policy != key || !of_kind(at.scope));
        self.apply_as_told(key.as_str(), document)?;
        let told = |at: &PolicyUse| match at.scope {
            PolicyScope::Application(_) => None,
            PolicyScope::Group(_) => document.position,
            PolicyScope::ApplicationGroup(application, _) => {
                let entries = document.application_groups.iter().flatten();
                entries.clone().find(|entry| entry.application == application).and_then(|entry| entry.position)
            }
        };
        for at in self.uses.iter_mut().filter(|at| at.policy == key) {
            if let Some(position) = told(at) {
                at.position = position;
            }
        }
        Ok(())
    }
}

/// An empty text is what a client of Duo's own sends for no sections at all.
pub(super) fn read_given(value: &Json) -> Result<Option<Sections>, PolicyError> {
    if value.as_str() == Some("") { Ok(None) } else { Ok(Some(read_sections(value)?)) }
}

/// Names of sections, `sections_to_delete`.
pub(super) fn section_names(member: &str, value: &Json) -> Result<Vec<Section>, PolicyError> {
    if value.as_str() == Some("") {
        return Ok(Vec::new());
    }
    let names = texts(member, value, "must be a list of names of sections")?;
    names.iter().map(|name| Ok(section_named(name)?)).collect()
}

/// Duo's own client sends an object with `apply_group_policies_list`; its documentation has a list; some send lists of groups by application.
fn application_groups(value: &Json) -> Result<Vec<GroupsInApplication>, PolicyError> {
    let wrong = || PolicyError::document(APP_GROUPS, "must be a list of {\"app_integration_key\", \"group_id_list\"}");
    let entries = match value {
        Json::Object(members) => match members.get("apply_group_policies_list") {
            Some(list) if members.len() == 1 => list.as_array().ok_or_else(wrong)?,
            Some(_) => return Err(wrong()),
            None => {
                let by_application = members.iter().map(|(application, groups)| {
                    let application = application.parse().map_err(|_| wrong())?;
                    let groups = ids(APP_GROUPS, groups, "must name groups by their ids")?;
                    Ok(GroupsInApplication { application, groups, position: None })
                });
                return by_application.collect();
            }
        },
        value => value.as_array().ok_or_else(wrong)?,
    };
    let read = |entry: &Json| {
        let members = entry.as_object().ok_or_else(wrong)?;
        let known = ["app_integration_key", "group_id_list", "group_position"];
        if members.keys().any(|name| !known.contains(&name.as_str())) {
            return Err(wrong());
        }
        let application = members.get("app_integration_key").and_then(Json::as_str).ok_or_else(wrong)?;
        let groups = members.get("group_id_list").ok_or_else(wrong)?;
        let groups: Vec<GroupId> = ids(APP_GROUPS, groups, "must name groups by their ids")?;
        if groups.is_empty() {
            return Err(PolicyError::document(APP_GROUPS, "names no group"));
        }
        let position = members.get("group_position").filter(|value| !value.is_null()).map(position).transpose()?;
        Ok(GroupsInApplication { application: application.parse().map_err(|_| wrong())?, groups, position })
    };
    entries.iter().map(read).collect()
}

fn position(value: &Json) -> Result<i64, PolicyError> {
    let place = value.as_i64().filter(|place| (0..=10_000).contains(place));
    place.ok_or_else(|| PolicyError::document("group_position", "must be a whole number from 0 on"))
}

fn ids<T: std::str::FromStr>(member: &str, value: &Json, why: &'static str) -> Result<Vec<T>, PolicyError> {
    let texts = texts(member, value, why)?;
    texts.iter().map(|text| text.parse().map_err(|_| PolicyError::document(member, why))).collect()
}

fn texts(member: &str, value: &Json, why: &'static str) -> Result<Vec<String>, PolicyError> {
    let items = value.as_array().ok_or_else(|| PolicyError::document(member, why))?;
    let read = |item: &Json| item.as_str().map(str::to_owned).ok_or_else(|| PolicyError::document(member, why));
    items.iter().map(read).collect()
}

fn text(member: &str, value: &Json) -> Result<String, PolicyError> {
    value.as_str().map(str::to_owned).ok_or_else(|| PolicyError::document(member, "must be a text"))
}
