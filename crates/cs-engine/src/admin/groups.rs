//! Groups: create, change, delete, members.

use cs_core::bypass::BypassEnd;
use cs_core::group::GroupStatus;
use cs_core::id::{AccountId, GroupId, UserId};
use cs_store::Job;
use cs_store::authenticators::touch_user;
use cs_store::groups::{GroupRecord, add_member, remove_group, remove_member, touch_members};
use cs_store::policies::forget_group;
use cs_store::units::{UnitMember, leave_units};
use jiff::Timestamp;
use serde_json::json;

use super::bypass::{Giver, describe_change, group_standing};
use super::text::bounded;
use super::{Actor, admin_record};
use crate::review::{Bypassed, bypass_given};
use crate::{Engine, EngineError, MAX_ROUNDS, SystemRng};

/// What an administrator wants a group to be. What is `None` stays as it is.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct GroupChange {
    /// Unique in the account, not empty.
    pub name: Option<String>,
    /// May be empty.
    pub description: Option<String>,
    /// Applies to every member.
    pub status: Option<GroupStatus>,
    /// Why the bypass: as for users.
    pub bypass_reason: Option<String>,
    /// When the bypass ends: as for users.
    pub bypass_end: Option<BypassEnd>,
}

impl GroupChange {
    fn write(&self, group: &mut GroupRecord, giver: Giver<'_>, now: Timestamp) -> Result<(), EngineError> {
        if let Some(name) = &self.name {
            group.name = group_name(name)?;
        }
        if let Some(description) = &self.description {
            group.description = bounded("desc", description, 1024)?;
        }
        let standing = group.status_at(now);
        let before = group.bypass.take();
        match self.status.unwrap_or(standing) {
            GroupStatus::Bypass => {
                group.bypass =
                    Some(giver.settle(before.as_ref(), self.bypass_reason.as_deref(), self.bypass_end, now)?);
            }
            GroupStatus::Active | GroupStatus::Disabled => {
                let reason = self.bypass_reason.as_deref().unwrap_or_default();
                if self.bypass_end.is_some() || !reason.is_empty() {
                    return Err(EngineError::Invalid("bypass_until"));
                }
            }
        }
        group.status = self.status.unwrap_or(standing);
        Ok(())
    }
}

fn group_name(name: &str) -> Result<String, EngineError> {
    let name = bounded("name", name.trim(), 256)?;
    if name.is_empty() { Err(EngineError::Invalid("name")) } else { Ok(name) }
}

impl Engine {
    /// Creates a group. Fails with [`EngineError::Exists`] if the account has one of that name.
    pub async fn create_group(
        &self,
        account: AccountId,
        actor: &Actor,
        name: &str,
        change: &GroupChange,
    ) -> Result<GroupRecord, EngineError> {
        let now = self.clock().now();
        let mut group = GroupRecord {
            id: GroupId::generate(&mut SystemRng),
            name: group_name(name)?,
            description: String::new(),
            status: GroupStatus::Active,
            bypass: None,
            version: 1,
            created_at: now,
        };
        let before = group.clone();
        change.write(&mut group, Giver { actor, rules: self.bypass_rules(account).await? }, now)?;
        let record = log_entry(account, actor, "group_create", &before, &group, now);
        let mut job = Job::new().step(group.insert(account)).log(record);
        let bypasses = (None, group.bypass.as_ref());
        job.effects.extend(bypass_given(account, actor, Bypassed::Group(&group.name), bypasses, now));
        match self.apply(job).await? {
            None => Ok(group),
            Some(_) => Err(EngineError::Exists("name")),
        }
    }

    /// Changes a group; its members count as changed when its status or name does.
    pub async fn change_group(
        &self,
        account: AccountId,
        actor: &Actor,
        id: GroupId,
        change: &GroupChange,
    ) -> Result<(), EngineError> {
        let giver = Giver { actor, rules: self.bypass_rules(account).await? };
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let before = self.store().reader().group(account, id).await?.ok_or(EngineError::NotFound)?;
            let mut group = before.clone();
            change.write(&mut group, giver, now)?;
            if group.name != before.name {
                self.check_group_not_synced(account, id, "name").await?;
            }
            if group.description != before.description {
                self.check_group_not_synced(account, id, "desc").await?;
            }
            let mut job = Job::new().step(group.update(account));
            if group_standing(&group) != group_standing(&before) || group.name != before.name {
                job = job.step(touch_members(account, id));
            }
            let mut job = job.log(log_entry(account, actor, "group_update", &before, &group, now));
            let bypasses = (before.bypass.as_ref(), group.bypass.as_ref());
            job.effects.extend(bypass_given(account, actor, Bypassed::Group(&group.name), bypasses, now));
            if self.apply(job).await?.is_none() {
                return Ok(());
            }
            // Either somebody else changed it, or the name is taken.
            let current = self.store().reader().group(account, id).await?.ok_or(EngineError::NotFound)?;
            if current.version == before.version {
                return Err(EngineError::Exists("name"));
            }
        }
        Err(EngineError::Contention)
    }

    /// Removes a group; false if there is none.
    pub async fn delete_group(&self, account: AccountId, actor: &Actor, id: GroupId) -> Result<bool, EngineError> {
        let Some(group) = self.store().reader().group(account, id).await? else { return Ok(false) };
        self.check_group_not_synced(account, id, "group").await?;
        let now = self.clock().now();
        let mut job = Job::new().log(log_entry(account, actor, "group_delete", &group, &group, now));
        job.guards = remove_group(account, id);
        job.guards.push(leave_units(account, UnitMember::Group(id)));
        job.guards.extend(forget_group(account, id));
        let is_done = self.apply(job).await?.is_none();
        // Policies for the group are cached with where they apply.
        self.directory().invalidate();
        Ok(is_done)
    }

    /// Puts a user into a group; one who is in it stays.
    ///
    /// Fails with [`EngineError::NotFound`] if either is missing, and with [`EngineError::Invalid`] if the user is in 100 groups.
    pub async fn add_to_group(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        group: GroupId,
    ) -> Result<(), EngineError> {
        let is_in = self.store().reader().groups_of(account, &[user]).await?.remove(&user).unwrap_or_default();
        if is_in.iter().any(|is_in| is_in.id == group) {
            return Ok(());
        }
        self.check_group_not_synced(account, group, "membership").await?;
        let description = json!({"group_id": group.as_str(), "user_id": user.as_str(), "change": "added"});
        self.attach(account, actor, user, ("user_update", "group_id"), add_member(account, user, group), description)
            .await
    }

    /// Takes a user out of a group; false if the user is not in it.
    pub async fn remove_from_group(
        &self,
        account: AccountId,
        actor: &Actor,
        user: UserId,
        group: GroupId,
    ) -> Result<bool, EngineError> {
        let Some((name, _)) = self.store().user_record(account, user).await? else { return Ok(false) };
        self.check_group_not_synced(account, group, "membership").await?;
        let now = self.clock().now();
        let description = json!({"group_id": group.as_str(), "user_id": user.as_str(), "change": "removed"});
        let job = Job::new()
            .step(touch_user(account, user))
            .step(remove_member(account, user, group))
            .log(admin_record(account, actor, "user_update", &name.username, &description, now));
        Ok(self.apply(job).await?.is_none())
    }
}

fn log_entry(
    account: AccountId,
    actor: &Actor,
    action: &'static str,
    before: &GroupRecord,
    group: &GroupRecord,
    now: Timestamp,
) -> cs_store::audit::LogRecord {
    let mut description = json!({
        "group_id": group.id.as_str(),
        "name": group.name,
        "desc": group.description,
        "status": group.status.as_str(),
    });
    describe_change(&mut description, group_standing(before), group_standing(group));
    admin_record(account, actor, action, &group.name, &description, now)
}
