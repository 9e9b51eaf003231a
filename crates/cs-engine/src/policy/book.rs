//! An account's policies, parsed, as logins read them.

use std::collections::HashMap;
use std::sync::{Arc, PoisonError, RwLock};

use cs_core::account::LoginSettings;
use cs_core::id::{IntegrationKey, PolicyKey};
use cs_core::integration::Integration;
use cs_core::policy::sections::{NewUser, RememberFor, RememberMethod, RememberScope, RememberedDevices, TimeUnit};
use cs_core::policy::{Attached, Complete, GlobalPolicy, Policy, Ranked, Sections, Stack, Staged};
use cs_store::StoreError;
use cs_store::policies::{PolicyRecord, PolicyRows, PolicyScope, PolicyUse};
use serde_json::Value as Json;

use super::json::read_sections;
use super::stage::Stage;

/// As many applications' stacks are kept made.
const MOST_STACKS: usize = 10_000;

/// An account's policies and where they apply, as of one version. Made once per change, shared by every login after it.
#[derive(Debug)]
pub struct PolicyBook {
    version: i64,
    login: LoginSettings,
    global: Arc<GlobalPolicy>,
    groups: Arc<Ranked>,
    applications: HashMap<IntegrationKey, OfApplication>,
    staged: Arc<[Staged]>,
    /// By application, with the version of the integration whose settings are in it.
    stacks: RwLock<HashMap<IntegrationKey, (i64, Arc<Stack>)>>,
}

#[derive(Debug, Default)]
struct OfApplication {
    policy: Option<Arc<Policy>>,
    groups: Arc<Ranked>,
}

impl PolicyBook {
    /// Parses what the store has. The global policy has, for what it does not name, what the account's settings amount to.
    pub fn new(rows: &PolicyRows) -> Result<Self, StoreError> {
        let settings = &rows.login;
        let mut global = None;
        let mut custom = HashMap::new();
        let mut staged = Vec::new();
        for record in &rows.policies {
            let sections = stored_sections(record)?;
            let (key, name) = (record.key, record.name.clone());
            if let Some(Stage { sections, reach }) = Stage::of(record)? {
                let whole = if record.is_global {
                    let mut complete = Complete::from_settings(settings);
                    complete.put(sections);
                    Sections::from(complete)
                } else {
                    sections
                };
                staged.push(Staged::new(key, &name, whole, reach));
            }
            if record.is_global {
                let mut complete = Complete::from_settings(settings);
                complete.put(sections);
                global = Some(Arc::new(GlobalPolicy { key, name, sections: complete }));
            } else {
                custom.insert(key, Arc::new(Policy { key, name, sections }));
            }
        }
        let mut of_groups = Vec::new();
        let mut by_application: HashMap<IntegrationKey, Vec<PolicyUse>> = HashMap::new();
        for at in &rows.uses {
            match at.scope.application() {
                Some(application) => by_application.entry(application).or_default().push(*at),
                None => of_groups.push(*at),
            }
        }
        let applications = by_application
            .into_iter()
            .map(|(key, uses)| {
                let application = uses.iter().find(|at| at.scope == PolicyScope::Application(key));
                let policy = application.map(|at| policy_of(&custom, at.policy)).transpose()?;
                Ok((key, OfApplication { policy, groups: ranked(&uses, &custom)? }))
            })
            .collect::<Result<_, StoreError>>()?;
        Ok(Self {
            version: rows.version,
            login: rows.login.clone(),
            global: global.ok_or_else(|| StoreError::corrupt("policy", "no global policy"))?,
            groups: ranked(&of_groups, &custom)?,
            applications,
            staged: staged.into(),
            stacks: RwLock::default(),
        })
    }

    /// The version to guard a decision with: `cs_store::policies::policies_unchanged`.
    pub const fn version(&self) -> i64 {
        self.version
    }

    /// The account's settings that logins go by, as of this version.
    pub const fn login(&self) -> &LoginSettings {
        &self.login
    }

    /// The global policy.
    pub fn global(&self) -> &GlobalPolicy {
        &self.global
    }

    /// The policy that was put on the application.
    pub fn of_application(&self, key: IntegrationKey) -> Option<PolicyKey> {
        self.applications.get(&key).and_then(|of| of.policy.as_ref()).map(|policy| policy.key)
    }

    /// Every policy that may matter at `integration`, its own old settings included. [`Stack::effective`] merges them for a user's groups.
    pub fn stack_for(&self, integration: &Integration) -> Arc<Stack> {
        let (key, version) = (integration.key, integration.version);
        if let Some((of, stack)) = self.stacks.read().unwrap_or_else(PoisonError::into_inner).get(&key)
            && *of == version
        {
            return Arc::clone(stack);
        }
        let of = self.applications.get(&key);
        let stack = Arc::new(Stack {
            global: Arc::clone(&self.global),
            groups: Arc::clone(&self.groups),
            setting: old_settings(integration).map(Arc::new),
            application: of.and_then(|of| of.policy.clone()),
            application_groups: of.map_or_else(Arc::default, |of| Arc::clone(&of.groups)),
            staged: Arc::clone(&self.staged),
        });
        let mut stacks = self.stacks.write().unwrap_or_else(PoisonError::into_inner);
        if stacks.len() >= MOST_STACKS {
            stacks.clear();
        }
        stacks.insert(key, (version, Arc::clone(&stack)));
        stack
    }
}

/// The sections of a policy as stored.
pub(crate) fn stored_sections(record: &PolicyRecord) -> Result<Sections, StoreError> {
    let json: Option<Json> = serde_json::from_str(&record.sections).ok();
    json.and_then(|json| read_sections(&json).ok()).ok_or_else(|| StoreError::corrupt("policy", record.key.as_str()))
}

/// What `enroll_policy` and `trusted_device_days` amount to, the application's settings from before there were policies.
fn old_settings(integration: &Integration) -> Option<Sections> {
    let new_user = integration.new_user.map(|behavior| NewUser { behavior, unknown: None });
    let remembered_devices = integration.remembered_days.map(|days| {
        let mut section = RememberedDevices::default();
        section.browser_apps.remember_method = RememberMethod::UserBased;
        section.browser_apps.user_based = RememberFor { value: days, unit: TimeUnit::Days };
        section.browser_apps.scope = RememberScope::PerApplication;
        section
    });
    let is_set = new_user.is_some() || remembered_devices.is_some();
    is_set.then(|| Sections { new_user, remembered_devices, ..Sections::default() })
}

fn policy_of(custom: &HashMap<PolicyKey, Arc<Policy>>, key: PolicyKey) -> Result<Arc<Policy>, StoreError> {
    custom.get(&key).cloned().ok_or_else(|| StoreError::corrupt("policy_use", key.as_str()))
}

/// The policies for groups among `uses`, which are in order.
fn ranked(uses: &[PolicyUse], custom: &HashMap<PolicyKey, Arc<Policy>>) -> Result<Arc<Ranked>, StoreError> {
    let mut attached: Vec<Attached> = Vec::new();
    for at in uses {
        let Some(group) = at.scope.group() else { continue };
        match attached.last_mut().filter(|last| last.policy.key == at.policy) {
            Some(last) => last.groups.push(group),
            None => attached.push(Attached { groups: vec![group], policy: policy_of(custom, at.policy)? }),
        }
    }
    Ok(Arc::new(Ranked::new(attached)))
}
