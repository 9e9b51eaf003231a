//! An account's policies while somebody changes them: everything in memory, nothing committed.
//!
//! Use cases change a [`Draft`]; [`super::edit`] compares it with what it was and makes one job of the differences. So conditions about several policies
//! need no thought of their own, several changes are made together or not at all, and what a change would do can be shown without making it.

use cs_core::id::{GroupId, IntegrationKey, PolicyKey};
use cs_core::policy::{Complete, Section, Sections, Word as _};
use cs_store::policies::{PolicyRecord, PolicyRows, PolicyScope, PolicyUse};
use serde_json::{Map, Value as Json, json};

use super::book::stored_sections;
use super::error::PolicyError;
use super::json::{write_complete, write_sections};
use super::stage::Stage;
use crate::SystemRng;

/// The most policies of an account.
pub const MOST_POLICIES: usize = 1000;
/// The most places where policies apply, in all.
pub const MOST_USES: usize = 10_000;
/// The longest name, in characters.
pub const LONGEST_NAME: usize = 100;
/// The word that names the global policy wherever a key could.
pub const GLOBAL: &str = "global";

/// A policy as administrators see it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyView {
    /// As it is kept; its `sections` are those before the change. A new one has version 0.
    pub record: PolicyRecord,
    /// What people call it.
    pub name: String,
    /// What it defines itself.
    pub sections: Sections,
    /// Its next version, which applies to some users already.
    pub staged: Option<Stage>,
}

/// The policies of an account and where they apply, being changed.
#[derive(Debug, Clone)]
pub struct Draft {
    pub(super) version: i64,
    pub(super) policies: Vec<PolicyView>,
    pub(super) uses: Vec<PolicyUse>,
    /// What the global policy has where it names nothing.
    pub(super) defaults: Complete,
}

impl PolicyView {
    /// Its key.
    pub const fn key(&self) -> PolicyKey {
        self.record.key
    }

    /// Whether it is the one that applies to everything.
    pub const fn is_global(&self) -> bool {
        self.record.is_global
    }
}

impl Draft {
    pub(super) fn new(rows: &PolicyRows, defaults: Complete) -> Result<Self, PolicyError> {
        let policies = rows.policies.iter().map(|record| {
            let (sections, staged) = (stored_sections(record)?, Stage::of(record)?);
            Ok(PolicyView { name: record.name.clone(), sections, staged, record: record.clone() })
        });
        let policies = policies.collect::<Result<_, PolicyError>>()?;
        Ok(Self { version: rows.version, policies, uses: rows.uses.clone(), defaults })
    }

    /// Every policy, the global one first, then by age.
    pub fn policies(&self) -> &[PolicyView] {
        &self.policies
    }

    /// Every place where a policy applies: by application, then position.
    pub fn uses(&self) -> &[PolicyUse] {
        &self.uses
    }

    /// The policy with this key, or, for `global`, that one.
    pub fn find(&self, key: &str) -> Result<&PolicyView, PolicyError> {
        let place = self.place(key)?;
        Ok(&self.policies[place])
    }

    /// The policy of that name, if there is one.
    pub fn named(&self, name: &str) -> Option<&PolicyView> {
        self.policies.iter().find(|policy| policy.name == name)
    }

    /// All sections of the global policy.
    pub fn global(&self) -> Complete {
        let mut complete = self.defaults.clone();
        if let Some(global) = self.policies.iter().find(|policy| policy.is_global()) {
            complete.put(global.sections.clone());
        }
        complete
    }

    /// Where `key` applies.
    pub fn uses_of(&self, key: PolicyKey) -> impl Iterator<Item = &PolicyUse> {
        self.uses.iter().filter(move |at| at.policy == key)
    }

    /// The sections that `policy` shows: its own, or, of the global one, all.
    pub fn shown_sections(&self, policy: &PolicyView) -> Map<String, Json> {
        if policy.is_global() { write_complete(&self.global()) } else { write_sections(&policy.sections) }
    }

    /// The policy as the Admin API shows it. Such a document can be given back.
    pub fn document(&self, policy: &PolicyView) -> Json {
        json!({
            "policy_key": policy.key().as_str(),
            "policy_name": policy.name,
            "is_global_policy": policy.is_global(),
            "sections": self.shown_sections(policy),
        })
    }

    /// Makes a policy.
    pub fn create(&mut self, name: &str, sections: Sections) -> Result<PolicyKey, PolicyError> {
        let name = self.free_name(name, None)?;
        if self.policies.len() >= MOST_POLICIES {
            return Err(PolicyError::TooMany { what: "policies", most: MOST_POLICIES });
        }
        let key = PolicyKey::generate(&mut SystemRng);
        let record = PolicyRecord {
            key,
            name: name.clone(),
            is_global: false,
            sections: String::new(),
            version: 0,
            created_at: jiff::Timestamp::UNIX_EPOCH,
            modified_at: jiff::Timestamp::UNIX_EPOCH,
            staged: None,
        };
        self.policies.push(PolicyView { record, name, sections, staged: None });
        Ok(key)
    }

    /// Gives a policy another name.
    pub fn rename(&mut self, key: &str, name: &str) -> Result<(), PolicyError> {
        let place = self.place(key)?;
        let name = self.free_name(name, Some(place))?;
        self.policies[place].name = name;
        Ok(())
    }

    /// Takes sections away, so that a lower level decides them (in the global policy: so that they have their defaults), then puts in `sections`.
    pub fn change(&mut self, key: &str, sections: &Sections, away: &[Section]) -> Result<(), PolicyError> {
        let place = self.place(key)?;
        let policy = &mut self.policies[place];
        for section in away {
            policy.sections.remove(*section);
        }
        policy.sections.put(sections.clone());
        policy.sections.validate().map_err(|error| PolicyError::Setting(error.into()))?;
        if policy.is_global() {
            // What is as it would be anyway is not kept: so its own document, given back, changes nothing.
            let (given, defaults) = (write_sections(&policy.sections), write_complete(&self.defaults));
            for section in Section::ALL {
                if given.get(section.as_str()) == defaults.get(section.as_str()) {
                    policy.sections.remove(*section);
                }
            }
        }
        Ok(())
    }

    /// Removes a policy. Where it applied, what is below decides from then on.
    pub fn remove(&mut self, key: &str) -> Result<PolicyView, PolicyError> {
        let place = self.place(key)?;
        if self.policies[place].is_global() {
            return Err(PolicyError::Global("cannot be removed"));
        }
        let policy = self.policies.remove(place);
        self.uses.retain(|at| at.policy != policy.key());
        Ok(policy)
    }

    /// Puts a policy on an application, in the place of the one it has.
    pub fn apply_to_application(&mut self, key: &str, application: IntegrationKey) -> Result<(), PolicyError> {
        let policy = self.custom(key)?;
        self.detach(PolicyScope::Application(application));
        self.attach(PolicyUse { policy, scope: PolicyScope::Application(application), position: 0 })
    }

    /// Puts a policy on groups: in one application, or, without one, wherever no application has a policy. It comes after the others there; where
    /// it is already, it gets these groups besides those it has.
    pub fn apply_to_groups(
        &mut self,
        key: &str,
        application: Option<IntegrationKey>,
        groups: &[GroupId],
    ) -> Result<(), PolicyError> {
        let policy = self.custom(key)?;
        let there = self.uses.iter().filter(|at| is_list(at.scope, application));
        let own = there.clone().find(|at| at.policy == policy).map(|at| at.position);
        let next = there.map(|at| at.position + 1).max().unwrap_or(0);
        for group in groups {
            let scope = match application {
                Some(application) => PolicyScope::ApplicationGroup(application, *group),
                None => PolicyScope::Group(*group),
            };
            if !self.uses.iter().any(|at| at.policy == policy && at.scope == scope) {
                self.attach(PolicyUse { policy, scope, position: own.unwrap_or(next) })?;
            }
        }
        Ok(())
    }

    /// Takes every policy off `scope`.
    pub fn detach(&mut self, scope: PolicyScope) {
        self.uses.retain(|at| at.scope != scope);
    }

    /// Takes one policy off `scope`.
    pub fn detach_policy(&mut self, key: &str, scope: PolicyScope) -> Result<(), PolicyError> {
        let policy = self.custom(key)?;
        self.uses.retain(|at| at.scope != scope || at.policy != policy);
        Ok(())
    }

    /// Puts the policies of an application's groups (without one: the policies of groups) into this order, which must name each of them once.
    pub fn order(&mut self, application: Option<IntegrationKey>, keys: &[String]) -> Result<(), PolicyError> {
        let mut wanted = Vec::new();
        for key in keys {
            wanted.push(self.custom(key)?);
        }
        let mut there: Vec<PolicyKey> =
            self.uses.iter().filter(|at| is_list(at.scope, application)).map(|at| at.policy).collect();
        there.sort();
        there.dedup();
        let mut sorted = wanted.clone();
        sorted.sort();
        if sorted != there {
            let why = "must name every policy that applies to groups there, each once";
            return Err(PolicyError::document("policy_key_list", why));
        }
        for at in self.uses.iter_mut().filter(|at| is_list(at.scope, application)) {
            if let Some(place) = wanted.iter().position(|key| *key == at.policy) {
                at.position = i64::try_from(place).unwrap_or(i64::MAX);
            }
        }
        Ok(())
    }

    /// The policies that apply to the groups of an application (without one: to groups), in order.
    pub fn order_of(&self, application: Option<IntegrationKey>) -> Vec<PolicyKey> {
        let mut there: Vec<&PolicyUse> = self.uses.iter().filter(|at| is_list(at.scope, application)).collect();
        there.sort_by_key(|at| at.position);
        let mut keys: Vec<PolicyKey> = there.into_iter().map(|at| at.policy).collect();
        keys.dedup();
        keys
    }

    /// Where `key` applies, as the log and the history tell it.
    pub(super) fn uses_document(&self, key: PolicyKey) -> Json {
        let mut uses: Vec<&PolicyUse> = self.uses_of(key).collect();
        uses.sort_by_key(|at| at.scope);
        uses.into_iter().map(use_document).collect()
    }

    pub(super) fn place(&self, key: &str) -> Result<usize, PolicyError> {
        let is_it = |policy: &PolicyView| match key {
            GLOBAL => policy.is_global(),
            key => policy.key().as_str() == key,
        };
        let no_such = || PolicyError::NoSuch { what: "policy", given: key.chars().take(64).collect() };
        self.policies.iter().position(is_it).ok_or_else(no_such)
    }

    fn custom(&self, key: &str) -> Result<PolicyKey, PolicyError> {
        let policy = self.find(key)?;
        if policy.is_global() { Err(PolicyError::Global("applies everywhere as it is")) } else { Ok(policy.key()) }
    }

    fn attach(&mut self, at: PolicyUse) -> Result<(), PolicyError> {
        if self.uses.len() >= MOST_USES {
            return Err(PolicyError::TooMany { what: "places where policies apply", most: MOST_USES });
        }
        self.uses.push(at);
        Ok(())
    }

    fn free_name(&self, name: &str, own: Option<usize>) -> Result<String, PolicyError> {
        let name = name.trim();
        if name.is_empty() || name.chars().count() > LONGEST_NAME || name.chars().any(char::is_control) {
            let why = "must be a text of 1 to 100 characters on one line";
            return Err(PolicyError::document("policy_name", why));
        }
        let taken = self.policies.iter().enumerate().any(|(place, policy)| policy.name == name && Some(place) != own);
        if taken { Err(PolicyError::NameTaken(name.to_owned())) } else { Ok(name.to_owned()) }
    }
}

/// Whether `scope` is in the ordered list of an application's groups, or, without one, of groups.
fn is_list(scope: PolicyScope, application: Option<IntegrationKey>) -> bool {
    match scope {
        PolicyScope::ApplicationGroup(of, _) => Some(of) == application,
        PolicyScope::Group(_) => application.is_none(),
        PolicyScope::Application(_) => false,
    }
}

fn use_document(at: &PolicyUse) -> Json {
    match at.scope {
        PolicyScope::Application(application) => {
            json!({"apply_type": "app", "app_integration_key": application.as_str()})
        }
        PolicyScope::ApplicationGroup(application, group) => json!({
            "apply_type": "group_app",
            "app_integration_key": application.as_str(),
            "group_id": group.as_str(),
            "group_position": at.position,
        }),
        PolicyScope::Group(group) => {
            json!({"apply_type": "group", "group_id": group.as_str(), "group_position": at.position})
        }
    }
}
