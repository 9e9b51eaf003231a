//! Changes of several policies at once.

use cs_core::id::PolicyKey;
use cs_core::policy::{Section, Sections};
use serde_json::{Map, Value as Json};

use super::document::{read_given, section_names};
use super::draft::Draft;
use super::error::PolicyError;

/// The same change of several policies (`PUT /admin/v2/policies/update`).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BulkChange {
    /// Which; `None` is all, the global one included.
    pub keys: Option<Vec<String>>,
    /// Sections to put in.
    pub sections: Sections,
    /// Sections to take away.
    pub away: Vec<Section>,
}

impl BulkChange {
    /// Reads `policies_to_update` and `policy_changes`.
    pub fn read(members: &Map<String, Json>) -> Result<Self, PolicyError> {
        let which = object(members, "policies_to_update", &["edit_all_policies", "edit_list"])?;
        let changes = object(members, "policy_changes", &["sections", "sections_to_delete"])?;
        let all = match which.get("edit_all_policies") {
            None | Some(Json::Null) => false,
            Some(value) => value.as_bool().ok_or_else(|| {
                PolicyError::document("policies_to_update.edit_all_policies", "must be true or false")
            })?,
        };
        let keys = if all { None } else { Some(edit_list(which)?) };
        let given = |name: &str| changes.get(name).filter(|value| !value.is_null());
        let change = Self {
            keys,
            sections: given("sections").map(read_given).transpose()?.flatten().unwrap_or_default(),
            away: given("sections_to_delete")
                .map(|value| section_names("policy_changes.sections_to_delete", value))
                .transpose()?
                .unwrap_or_default(),
        };
        if change.sections.present().next().is_none() && change.away.is_empty() {
            return Err(PolicyError::document("policy_changes", "says nothing"));
        }
        Ok(change)
    }
}

impl Draft {
    /// Makes the change, and names the policies that it was made to.
    pub fn change_several(&mut self, change: &BulkChange) -> Result<Vec<PolicyKey>, PolicyError> {
        let all = || self.policies().iter().map(|policy| policy.key().to_string()).collect();
        let mut changed = Vec::new();
        for key in change.keys.clone().unwrap_or_else(all) {
            self.change(&key, &change.sections, &change.away)?;
            changed.push(self.find(&key)?.key());
        }
        Ok(changed)
    }

    /// Makes a policy with the sections of `key`, which applies nowhere. A copy of the global policy has all sections.
    pub fn copy(&mut self, key: &str, name: &str) -> Result<PolicyKey, PolicyError> {
        let model = self.find(key)?;
        let sections = if model.is_global() { Sections::from(self.global()) } else { model.sections.clone() };
        self.create(name, sections)
    }
}

fn edit_list(which: &Map<String, Json>) -> Result<Vec<String>, PolicyError> {
    let wrong =
        || PolicyError::document("policies_to_update.edit_list", "must be a list of policy keys, and not empty");
    let items = which.get("edit_list").and_then(Json::as_array).filter(|items| !items.is_empty()).ok_or_else(wrong)?;
    items.iter().map(|item| item.as_str().map(str::to_owned).ok_or_else(wrong)).collect()
}

fn object<'a>(
    members: &'a Map<String, Json>,
    name: &'static str,
    known: &[&str],
) -> Result<&'a Map<String, Json>, PolicyError> {
    let object = members.get(name).and_then(Json::as_object);
    let object = object.ok_or_else(|| PolicyError::document(name, "must be there, and an object"))?;
    match object.keys().find(|key| !known.contains(&key.as_str())) {
        None => Ok(object),
        Some(unknown) => {
            let unknown: String = unknown.chars().take(64).collect();
            Err(PolicyError::document(format!("{name}.{unknown}"), "is not a member of a change"))
        }
    }
}
