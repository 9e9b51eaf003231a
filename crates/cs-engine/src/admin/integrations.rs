//! Making, changing and removing integrations.

use cs_core::account::NewUserPolicy;
use cs_core::id::{AccountId, GroupId, IntegrationKey, PolicyKey};
use cs_core::integration::{IntegrationType, Permission, UserAccess};
use cs_core::network::NetworkList;
use cs_core::secret::SecretKey;
use cs_core::username::UsernameNormalization;
use cs_core::web_origin::WebOrigins;
use cs_store::Job;
use cs_store::clients::forget_clients_of;
use cs_store::integrations::{IntegrationRecord, delete_integration};
use cs_store::policies::{PolicyScope, forget_application};
use cs_store::proxies::forget_proxies_of;
use cs_store::units::{UnitMember, leave_units};
use jiff::Timestamp;
use serde_json::{Map, Value as Json, json};

use super::{Actor, SECRET_OVERLAP, admin_record};
use crate::policy::{Draft, Editor, LockoutRisk, PolicyError};
use crate::{Engine, EngineError, MAX_ROUNDS, SystemRng};

/// The most days a device may be remembered (Duo's limit for `trusted_device_days`).
pub const MOST_REMEMBERED_DAYS: u16 = 365;

/// What is to change; `None` leaves a field as it is, or gives a new integration its default.
#[derive(Debug, Clone, Default)]
pub struct IntegrationChange {
    /// What people call it.
    pub name: Option<String>,
    /// Notes of administrators.
    pub notes: Option<String>,
    /// Shown by clients that can.
    pub greeting: Option<String>,
    /// Overrides the account's new-user policy; `Some(None)` takes the override away.
    pub new_user: Option<Option<NewUserPolicy>>,
    /// How usernames are normalised.
    pub normalization: Option<UsernameNormalization>,
    /// Who may use it.
    pub user_access: Option<UserAccess>,
    /// Whether users may manage their devices from it.
    pub self_service_allowed: Option<bool>,
    /// How many days a device is remembered; `Some(None)` is not at all.
    pub remembered_days: Option<Option<u16>>,
    /// Whether date-less signatures are honoured.
    pub legacy_signatures: Option<bool>,
    /// Permissions of an Admin API integration to grant or take away.
    pub permissions: Vec<(Permission, bool)>,
    /// Networks an Admin or Accounts API integration may be called from; empty = any.
    pub api_networks: Option<String>,
    /// Whose pages may hold the login of Web SDK v2 in a frame: origins, separated by commas; empty = nobody's.
    pub frame_origins: Option<String>,
    /// Whether it answers at all.
    pub enabled: Option<bool>,
    /// The application's policy; `Some(None)` takes off the one it has.
    pub policy: Option<Option<PolicyKey>>,
    /// Fields that are kept for clients; null removes one.
    pub extra: Map<String, Json>,
    /// Whether to issue a new secret; the old one works for [`SECRET_OVERLAP`] more.
    pub reset_secret: bool,
}

/// Whether the one who asks may touch integrations of the Admin API and the Accounts API: whoever holds such a key can make administrators.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PowerfulKeys {
    /// Yes.
    Allowed,
    /// No; they look like none of the caller's business.
    Refused,
}

impl PowerfulKeys {
    fn check(self, kind: &IntegrationType) -> Result<(), EngineError> {
        if self == Self::Allowed || kind.is_for_logins() {
            Ok(())
        } else {
            Err(EngineError::Forbidden("adminapi_allow_to_set_permissions"))
        }
    }
}

impl IntegrationChange {
    /// Writes the change into `record`, or says which parameter cannot be.
    fn apply(&self, record: &mut IntegrationRecord) -> Result<(), EngineError> {
        if let Some(name) = &self.name {
            if name.trim().is_empty() {
                return Err(EngineError::Invalid("name"));
            }
            record.name.clone_from(name);
        }
        set(&mut record.notes, &self.notes);
        set(&mut record.greeting, &self.greeting);
        set(&mut record.new_user, &self.new_user);
        set(&mut record.normalization, &self.normalization);
        set(&mut record.user_access, &self.user_access);
        set(&mut record.self_service_allowed, &self.self_service_allowed);
        set(&mut record.enabled, &self.enabled);
        if let Some(days) = self.remembered_days {
            if days.is_some_and(|days| days > MOST_REMEMBERED_DAYS) {
                return Err(EngineError::Invalid("trusted_device_days"));
            }
            record.remembered_days = days.filter(|days| *days > 0);
        }
        if let Some(legacy) = self.legacy_signatures {
            if legacy && !record.kind.speaks_rest_v1() {
                return Err(EngineError::Invalid("legacy_signatures"));
            }
            record.legacy_signatures = legacy;
        }
        for (permission, granted) in &self.permissions {
            if *granted && !record.kind.is_admin_api() {
                return Err(EngineError::Invalid(permission.name()));
            }
            record.permissions =
                if *granted { record.permissions.with(*permission) } else { record.permissions.without(*permission) };
        }
        if let Some(networks) = &self.api_networks {
            let list = NetworkList::parse(networks).ok_or(EngineError::Invalid("networks_for_api_access"))?;
            if !list.is_empty() && record.kind.is_for_logins() {
                return Err(EngineError::Invalid("networks_for_api_access"));
            }
            record.api_networks.clone_from(networks);
        }
        if let Some(origins) = &self.frame_origins {
            let origins = WebOrigins::parse(origins).ok_or(EngineError::Invalid("frame_origins"))?;
            if !origins.is_empty() && !record.kind.shows_frame() {
                return Err(EngineError::Invalid("frame_origins"));
            }
            record.frame_origins = origins;
        }
        for (name, value) in &self.extra {
            match value {
                Json::Null => drop(record.extra.remove(name)),
                value => drop(record.extra.insert(name.clone(), value.clone())),
            }
        }
        Ok(())
    }
}

fn set<T: Clone>(field: &mut T, change: &Option<T>) {
    if let Some(value) = change {
        *field = value.clone();
    }
}

impl Engine {
    /// Makes an integration of `kind` with a new secret.
    pub async fn create_integration(
        &self,
        account: AccountId,
        actor: &Actor,
        powerful: PowerfulKeys,
        kind: IntegrationType,
        change: &IntegrationChange,
    ) -> Result<IntegrationRecord, EngineError> {
        powerful.check(&kind)?;
        let now = self.clock().now();
        let name = change.name.clone().ok_or(EngineError::Invalid("name"))?;
        let mut record = blank_integration(account, kind, name, now);
        change.apply(&mut record)?;
        self.check_groups(account, change.user_access.as_ref()).await?;
        let secret = SecretKey::generate(&mut SystemRng);
        let description = json!({"ikey": record.key.to_string(), "name": record.name, "type": record.kind.as_str()});
        let job = Job::new()
            .step(record.insert(self.store().vault(), &secret).map_err(EngineError::vault)?)
            .log(admin_record(account, actor, "integration_create", &record.name, &description, now))
            .and(self.attach_policy(account, actor, record.key, change).await?);
        if self.change(job).await? { Ok(record) } else { Err(EngineError::Contention) }
    }

    /// Changes an integration, and gives it a new secret if asked to.
    pub async fn change_integration(
        &self,
        account: AccountId,
        actor: &Actor,
        powerful: PowerfulKeys,
        key: IntegrationKey,
        change: &IntegrationChange,
    ) -> Result<IntegrationRecord, EngineError> {
        self.check_groups(account, change.user_access.as_ref()).await?;
        for _ in 0..MAX_ROUNDS {
            let Some(before) = self.store().integration_record(account, key).await? else {
                return Err(EngineError::NotFound);
            };
            powerful.check(&before.kind)?;
            let mut record = before.clone();
            change.apply(&mut record)?;
            if change.reset_secret && *actor == Actor::Integration(key) {
                // It would cut off the branch it sits on in the middle of the call.
                return Err(EngineError::Invalid("reset_secret_key"));
            }
            let now = self.clock().now();
            let mut job = Job::new().step(record.update());
            if change.reset_secret {
                let secret = SecretKey::generate(&mut SystemRng);
                let until = now + SECRET_OVERLAP;
                let rotate = record.rotate(self.store().vault(), &secret, until, record.version + 1);
                job = job.step(rotate.map_err(EngineError::vault)?);
            }
            let description = differences(&before, &record, change.reset_secret);
            let job = job
                .log(admin_record(account, actor, "integration_update", &record.name, &description, now))
                .and(self.attach_policy(account, actor, key, change).await?);
            if self.change(job).await? {
                return self.store().integration_record(account, key).await?.ok_or(EngineError::NotFound);
            }
        }
        Err(EngineError::Contention)
    }

    /// Removes an integration, and closes the pushes that wait on its behalf. Gone already is fine.
    pub async fn delete_integration(
        &self,
        account: AccountId,
        actor: &Actor,
        powerful: PowerfulKeys,
        key: IntegrationKey,
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_ROUNDS {
            let Some(record) = self.store().integration_record(account, key).await? else { return Ok(()) };
            powerful.check(&record.kind)?;
            if record.kind.is_directory() && self.store().directory_of_integration(account, key).await?.is_some() {
                return Err(EngineError::Forbidden("it belongs to a directory: remove that"));
            }
            let description = json!({"ikey": key.to_string(), "type": record.kind.as_str()});
            let now = self.clock().now();
            let [book, uses] = forget_application(account, key);
            let (closes, closed) = self.close_with_application(account, key, now).await?;
            let proxies = forget_proxies_of(account, key);
            let job = Job::new()
                .step(delete_integration(account, key))
                .step(leave_units(account, UnitMember::Integration(key)))
                .step(book)
                .step(uses)
                .step(forget_clients_of(account, key))
                .log(admin_record(account, actor, "integration_delete", &record.name, &description, now))
                .and(closes);
            let mut job = job;
            job.guards.extend(proxies);
            // Otherwise somebody has answered one of them, or deleted it too.
            if self.change(job).await? {
                closed.iter().for_each(|(login, push)| self.announce(login, *push));
                return Ok(());
            }
        }
        Err(EngineError::Contention)
    }

    /// What puts the change's policy on the application, which exists or is made by the same job.
    async fn attach_policy(
        &self,
        account: AccountId,
        actor: &Actor,
        key: IntegrationKey,
        change: &IntegrationChange,
    ) -> Result<Job, EngineError> {
        let Some(policy) = change.policy else { return Ok(Job::new()) };
        // Which application has which policy cannot lock anybody out of the others.
        let editor = Editor { actor: actor.clone(), address: None, risk: LockoutRisk::Refused, confirm_within: None };
        let attach = |draft: &mut Draft| match policy {
            Some(policy) => draft.apply_to_application(policy.as_str(), key),
            None => {
                draft.detach(PolicyScope::Application(key));
                Ok(())
            }
        };
        match self.plan_policies(account, &editor, Some(key), &attach).await {
            Ok((edited, job)) => Ok(if edited.differences.is_empty() { Job::new() } else { job }),
            Err(PolicyError::Engine(error)) => Err(error),
            Err(_) => Err(EngineError::Invalid("policy_key")),
        }
    }

    async fn check_groups(&self, account: AccountId, access: Option<&UserAccess>) -> Result<(), EngineError> {
        let Some(UserAccess::Groups(groups)) = access else { return Ok(()) };
        for group in groups {
            if !self.group_exists(account, *group).await? {
                return Err(EngineError::Invalid("groups_allowed"));
            }
        }
        Ok(())
    }

    async fn group_exists(&self, account: AccountId, group: GroupId) -> Result<bool, EngineError> {
        Ok(self.store().reader().group(account, group).await?.is_some())
    }
}

/// An integration with a new key and nothing else.
pub(crate) fn blank_integration(
    account: AccountId,
    kind: IntegrationType,
    name: String,
    now: Timestamp,
) -> IntegrationRecord {
    let key = IntegrationKey::generate(&mut SystemRng);
    // Clients of these types cannot sign otherwise; an administrator may switch it off.
    let legacy_signatures = kind.speaks_rest_v1();
    IntegrationRecord { legacy_signatures, ..IntegrationRecord::new(account, key, kind, name, now) }
}

/// What the administrator log says of a change.
fn differences(before: &IntegrationRecord, after: &IntegrationRecord, reset_secret: bool) -> Json {
    let mut fields = Map::new();
    let mut note = |name: &str, changed: bool, value: Json| {
        if changed {
            fields.insert(name.to_owned(), value);
        }
    };
    note("name", before.name != after.name, json!(after.name));
    note("notes", before.notes != after.notes, json!(after.notes));
    note("greeting", before.greeting != after.greeting, json!(after.greeting));
    note("enroll_policy", before.new_user != after.new_user, json!(after.new_user.map(NewUserPolicy::as_str)));
    let normalization = json!(after.normalization.as_str());
    note("username_normalization_policy", before.normalization != after.normalization, normalization);
    let access = match &after.user_access {
        UserAccess::All => json!("ALL_USERS"),
        UserAccess::Nobody => json!("NO_USERS"),
        UserAccess::Groups(groups) => json!(groups.iter().map(GroupId::to_string).collect::<Vec<_>>()),
    };
    note("user_access", before.user_access != after.user_access, access);
    let self_service = before.self_service_allowed != after.self_service_allowed;
    note("self_service_allowed", self_service, json!(after.self_service_allowed));
    note("trusted_device_days", before.remembered_days != after.remembered_days, json!(after.remembered_days));
    note("legacy_signatures", before.legacy_signatures != after.legacy_signatures, json!(after.legacy_signatures));
    for permission in Permission::ALL {
        let granted = after.permissions.allow(permission);
        note(permission.name(), before.permissions.allow(permission) != granted, json!(granted));
    }
    note("networks_for_api_access", before.api_networks != after.api_networks, json!(after.api_networks));
    let frame_origins = before.frame_origins != after.frame_origins;
    note("frame_origins", frame_origins, json!(after.frame_origins.to_string()));
    note("enabled", before.enabled != after.enabled, json!(after.enabled));
    for name in before.extra.keys().chain(after.extra.keys()) {
        note(name, before.extra.get(name) != after.extra.get(name), json!(after.extra.get(name)));
    }
    note("secret_key", reset_secret, json!("new"));
    Json::Object(fields)
}
