//! Administrative units: made, changed, filled, emptied, removed.

use cs_core::id::{AccountId, AdminUnitId};
use cs_store::audit::LogRecord;
use cs_store::units::{UnitMember, UnitRecord, add_unit_member, remove_unit, take_unit_member};
use cs_store::{Job, Step};
use serde_json::json;

use super::text::bounded;
use super::{Actor, admin_record};
use crate::{Engine, EngineError, MAX_ROUNDS, SystemRng};

/// What an administrator wants a unit to be. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitChange {
    /// Unique in the account, not empty.
    pub name: Option<String>,
    /// What it is for.
    pub description: Option<String>,
    /// Whether its administrators see only users of its groups.
    pub by_groups: Option<bool>,
    /// Whether its administrators see only its applications.
    pub by_integrations: Option<bool>,
}

impl UnitChange {
    fn write(&self, unit: &mut UnitRecord) -> Result<(), EngineError> {
        if let Some(name) = &self.name {
            unit.name = bounded("name", name.trim(), 256)?;
            if unit.name.is_empty() {
                return Err(EngineError::Invalid("name"));
            }
        }
        if let Some(description) = &self.description {
            unit.description = bounded("description", description, 1024)?;
        }
        unit.by_groups = self.by_groups.unwrap_or(unit.by_groups);
        unit.by_integrations = self.by_integrations.unwrap_or(unit.by_integrations);
        Ok(())
    }
}

impl Engine {
    /// Creates a unit that holds `members`. Fails with [`EngineError::Exists`] if the account has one of that name, and with
    /// [`EngineError::NotFound`] if it has not one of the members.
    pub async fn create_unit(
        &self,
        account: AccountId,
        actor: &Actor,
        change: &UnitChange,
        members: &[UnitMember],
    ) -> Result<UnitRecord, EngineError> {
        let mut unit = UnitRecord {
            id: AdminUnitId::generate(&mut SystemRng),
            name: String::new(),
            description: String::new(),
            by_groups: false,
            by_integrations: false,
            version: 1,
            created_at: self.clock().now(),
        };
        change.write(&mut unit)?;
        if unit.name.is_empty() {
            return Err(EngineError::Invalid("name"));
        }
        let mut job = Job::new().step(unit.insert(account));
        for member in members {
            job.guards.extend(add_unit_member(account, unit.id, *member));
        }
        let job = job.log(self.unit_record(account, actor, "admin_unit_create", &unit));
        match self.apply(job).await? {
            None => self.unit(account, unit.id).await,
            Some(0) => Err(EngineError::Exists("name")),
            Some(_) => Err(EngineError::NotFound),
        }
    }

    /// The unit `id`.
    pub async fn unit(&self, account: AccountId, id: AdminUnitId) -> Result<UnitRecord, EngineError> {
        self.store().reader().unit(account, id).await?.ok_or(EngineError::NotFound)
    }

    /// Changes a unit.
    pub async fn change_unit(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminUnitId,
        change: &UnitChange,
    ) -> Result<UnitRecord, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let before = self.unit(account, id).await?;
            let mut unit = before.clone();
            change.write(&mut unit)?;
            let job = Job::new().step(unit.update(account));
            let job = job.log(self.unit_record(account, actor, "admin_unit_update", &unit));
            if self.apply(job).await?.is_none() {
                return self.unit(account, id).await;
            }
            // Either somebody else changed it, or the name is taken.
            if self.unit(account, id).await?.version == before.version {
                return Err(EngineError::Exists("name"));
            }
        }
        Err(EngineError::Contention)
    }

    /// Removes a unit; gone already is fine. Its administrators stay as they are: who is restricted and in no unit sees nothing.
    pub async fn delete_unit(&self, account: AccountId, actor: &Actor, id: AdminUnitId) -> Result<(), EngineError> {
        let Some(unit) = self.store().reader().unit(account, id).await? else { return Ok(()) };
        let mut job = Job::new().log(self.unit_record(account, actor, "admin_unit_delete", &unit));
        job.guards.extend(remove_unit(account, id));
        self.apply(job).await.map(drop)
    }

    /// Puts `member` into a unit, or leaves it there.
    pub async fn add_to_unit(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminUnitId,
        member: UnitMember,
    ) -> Result<UnitRecord, EngineError> {
        let steps = add_unit_member(account, id, member).into();
        self.change_members(account, actor, id, (member, "added"), steps).await
    }

    /// Takes `member` out of a unit; one that is not in it is out already.
    pub async fn take_from_unit(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminUnitId,
        member: UnitMember,
    ) -> Result<UnitRecord, EngineError> {
        let steps = take_unit_member(account, id, member).into();
        self.change_members(account, actor, id, (member, "removed"), steps).await
    }

    async fn change_members(
        &self,
        account: AccountId,
        actor: &Actor,
        id: AdminUnitId,
        (member, change): (UnitMember, &'static str),
        steps: Vec<Step>,
    ) -> Result<UnitRecord, EngineError> {
        let unit = self.unit(account, id).await?;
        let mut job = Job::new().log(self.member_record(account, actor, &unit, member, change));
        job.guards = steps;
        self.found(job).await?;
        self.unit(account, id).await
    }

    fn unit_record(&self, account: AccountId, actor: &Actor, action: &'static str, unit: &UnitRecord) -> LogRecord {
        let description = json!({
            "admin_unit_id": unit.id.as_str(),
            "name": unit.name,
            "description": unit.description,
            "restrict_by_groups": unit.by_groups,
            "restrict_by_integrations": unit.by_integrations,
        });
        admin_record(account, actor, action, &unit.name, &description, self.clock().now())
    }

    fn member_record(
        &self,
        account: AccountId,
        actor: &Actor,
        unit: &UnitRecord,
        member: UnitMember,
        change: &str,
    ) -> LogRecord {
        let description = json!({"admin_unit_id": unit.id.as_str(), member.kind(): member.id(), "change": change});
        admin_record(account, actor, "admin_unit_update", &unit.name, &description, self.clock().now())
    }
}
