//! Changing policies: one commit per change, with what was and what is in the administrator log and the history.

use std::collections::BTreeSet;
use std::net::IpAddr;

use cs_core::id::{AccountId, IntegrationKey, PolicyKey};
use cs_core::policy::{Complete, Country, Reach};
use cs_store::Job;
use cs_store::policies::{
    PolicyRecord, PolicyRevision, PolicyScope, PolicyUse, delete_policy, hold_application, hold_group, replace_uses,
    turn_page,
};
use cs_store::remembered::forget_granted_by;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Value as Json, json};

use super::draft::Draft;
use super::error::PolicyError;
use super::json::write_sections;
use super::lockout::{Knowledge, Whence, new_dangers};
use super::trial::{CONFIRM_WITHIN, trial};
use crate::admin::{Actor, admin_record};
use crate::{Engine, EngineError, MAX_ROUNDS, served};

/// The largest policy, in bytes of its JSON.
pub const LARGEST_POLICY: usize = 128 * 1024;

/// Whether the one who makes a change takes the risk of locking everybody out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LockoutRisk {
    /// It was said expressly.
    Taken,
    /// Such a change is refused.
    Refused,
}

/// Who changes policies, and from where.
#[derive(Debug, Clone)]
pub struct Editor {
    /// Who.
    pub actor: Actor,
    /// From where; none at the machine itself.
    pub address: Option<IpAddr>,
    /// What becomes of a change that could lock everybody out.
    pub risk: LockoutRisk,
    /// Takes the change back after this time unless somebody confirms it.
    pub confirm_within: Option<SignedDuration>,
}

/// One policy that a change makes, changes or removes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Difference {
    /// Which.
    pub key: PolicyKey,
    /// As the administrator log names it: `policy_create`, `policy_update`, `policy_delete`.
    pub action: &'static str,
    /// What people call it.
    pub name: String,
    /// What it was: `policy_name`, `sections`, `policy_applies_to`; null if it is new.
    pub before: Json,
    /// What it is; null if it is gone.
    pub after: Json,
}

/// A change that was made, or would be.
#[derive(Debug)]
pub struct Edited<T> {
    /// What the change came to.
    pub outcome: T,
    /// The policies after it.
    pub policies: Draft,
    /// What is different.
    pub differences: Vec<Difference>,
}

impl Engine {
    /// The account's policies, as they are.
    pub async fn policies(&self, account: AccountId) -> Result<Draft, PolicyError> {
        let now = self.clock().now();
        let rows = self.store().policy_rows(account, now).await?;
        Draft::new(&rows, Complete::from_settings(&rows.login))
    }

    /// Makes the change that `change` makes to the policies; all of it or nothing.
    ///
    /// `change` may be run several times, when others change policies at the same time.
    pub async fn edit_policies<T>(
        &self,
        account: AccountId,
        editor: &Editor,
        change: impl Fn(&mut Draft) -> Result<T, PolicyError>,
    ) -> Result<Edited<T>, PolicyError> {
        for _ in 0..MAX_ROUNDS {
            let (edited, job) = self.plan_policies(account, editor, None, &change).await?;
            if edited.differences.is_empty() {
                return Ok(edited);
            }
            if self.change(job).await? {
                // With the versions and times they have now.
                let policies = self.policies(account).await?;
                return Ok(Edited { policies, ..edited });
            }
        }
        Err(EngineError::Contention.into())
    }

    /// What [`Engine::edit_policies`] would do, without doing it.
    pub async fn preview_policies<T>(
        &self,
        account: AccountId,
        editor: &Editor,
        change: impl Fn(&mut Draft) -> Result<T, PolicyError>,
    ) -> Result<Edited<T>, PolicyError> {
        Ok(self.plan_policies(account, editor, None, &change).await?.0)
    }

    /// The change and the job that makes it, to be committed alone or with what belongs to it. `new` is an application that the same job makes.
    pub(crate) async fn plan_policies<T>(
        &self,
        account: AccountId,
        editor: &Editor,
        new: Option<IntegrationKey>,
        change: &impl Fn(&mut Draft) -> Result<T, PolicyError>,
    ) -> Result<(Edited<T>, Job), PolicyError> {
        let before = self.policies(account).await?;
        let mut after = before.clone();
        if let Some(within) = editor.confirm_within {
            self.may_try(account, within).await?;
        }
        let outcome = change(&mut after)?;
        let differences = differences(&before, &after)?;
        if editor.risk == LockoutRisk::Refused {
            let (whence, was) = (self.whence(editor), before.global());
            let served = served::in_a_browser(self.telephony());
            let mut dangers = new_dangers(&was, &after.global(), whence, served);
            if let Some(staged) = after.staged_global() {
                let known = before.staged_global().unwrap_or(was);
                dangers.extend(
                    new_dangers(&known, &staged, whence, served)
                        .into_iter()
                        .filter(|new| !dangers.contains(new))
                        .collect::<Vec<_>>(),
                );
            }
            if !dangers.is_empty() {
                return Err(PolicyError::Dangerous(dangers));
            }
        }
        self.check_scopes(account, &before, &after, new).await?;
        let now = self.clock().now();
        let mut job = job(account, &editor.actor, &before, &after, &differences, now);
        if let Some(within) = editor.confirm_within.filter(|_| !differences.is_empty()) {
            let due_at = now.saturating_add(within).unwrap_or(Timestamp::MAX);
            let trial = trial(account, &editor.actor, (&before, &after), &differences, (now, due_at));
            let names: Vec<&str> = differences.iter().map(|difference| difference.name.as_str()).collect();
            let description = json!({"due_at": due_at.as_second()});
            let log = admin_record(account, &editor.actor, "policy_trial", &names.join(", "), &description, now);
            job = job.step(trial.insert()).log(log);
        }
        Ok((Edited { outcome, policies: after, differences }, job))
    }

    /// Whether a change that waits for its confirmation may be made.
    async fn may_try(&self, account: AccountId, within: SignedDuration) -> Result<(), PolicyError> {
        let [shortest, longest] = CONFIRM_WITHIN;
        if within < shortest || within > longest {
            return Err(PolicyError::document("confirm_within", "must be from one minute to seven days"));
        }
        match self.store().policy_trial(account).await? {
            Some(trial) => Err(PolicyError::Waiting(trial.due_at)),
            None => Ok(()),
        }
    }

    fn whence(&self, editor: &Editor) -> Whence {
        let place = editor.address.map(|address| self.inner.geo.place(address)).unwrap_or_default();
        Whence {
            address: editor.address,
            country: place.country.as_deref().and_then(Country::parse),
            knows_places: if self.inner.geo.is_present() { Knowledge::Present } else { Knowledge::Absent },
        }
    }

    /// Refuses applications and groups that do not exist.
    async fn check_scopes(
        &self,
        account: AccountId,
        before: &Draft,
        after: &Draft,
        new: Option<IntegrationKey>,
    ) -> Result<(), PolicyError> {
        for policy in &after.policies {
            if let Some(Reach::Group(group)) = policy.staged.as_ref().map(|stage| stage.reach)
                && !before.policies.iter().any(|old| old.key() == policy.key() && old.staged == policy.staged)
                && self.store().reader().group(account, group).await?.is_none()
            {
                return Err(PolicyError::NoSuch { what: "group", given: group.to_string() });
            }
        }
        for scope in added(before, after) {
            if let Some(application) = scope.application().filter(|application| Some(*application) != new)
                && self.store().integration_record(account, application).await?.is_none()
            {
                return Err(PolicyError::NoSuch { what: "application", given: application.to_string() });
            }
            if let Some(group) = scope.group()
                && self.store().reader().group(account, group).await?.is_none()
            {
                return Err(PolicyError::NoSuch { what: "group", given: group.to_string() });
            }
        }
        Ok(())
    }
}

/// Scopes where a policy applies that did not before.
fn added(before: &Draft, after: &Draft) -> BTreeSet<PolicyScope> {
    let known = |at: &&PolicyUse| !before.uses.iter().any(|old| old.scope == at.scope && old.policy == at.policy);
    after.uses.iter().filter(known).map(|at| at.scope).collect()
}

fn differences(before: &Draft, after: &Draft) -> Result<Vec<Difference>, PolicyError> {
    let mut found = Vec::new();
    // Removals come first: what takes their place may have their name.
    for old in &before.policies {
        if !after.policies.iter().any(|policy| policy.key() == old.key()) {
            found.push(Difference {
                key: old.key(),
                action: "policy_delete",
                name: old.name.clone(),
                before: told(before, old),
                after: Json::Null,
            });
        }
    }
    for policy in &after.policies {
        let old = before.policies.iter().find(|old| old.key() == policy.key());
        let written = Json::Object(write_sections(&policy.sections)).to_string().len();
        let staged = policy.staged.as_ref().map_or(0, |stage| stage.document().to_string().len());
        if written.max(staged) > LARGEST_POLICY {
            return Err(PolicyError::TooMany { what: "bytes of settings in one policy", most: LARGEST_POLICY });
        }
        let (was, is) = (old.map_or(Json::Null, |old| told(before, old)), told(after, policy));
        if was != is {
            let action = if old.is_some() { "policy_update" } else { "policy_create" };
            found.push(Difference { key: policy.key(), action, name: policy.name.clone(), before: was, after: is });
        }
    }
    Ok(found)
}

/// A policy and where it applies, for the log.
fn told(draft: &Draft, policy: &super::draft::PolicyView) -> Json {
    let mut told = json!({
        "policy_name": policy.name,
        "sections": write_sections(&policy.sections),
        "policy_applies_to": draft.uses_document(policy.key()),
    });
    if let Some(stage) = &policy.staged {
        told["staged"] = stage.document();
    }
    told
}

fn job(
    account: AccountId,
    actor: &Actor,
    before: &Draft,
    after: &Draft,
    differences: &[Difference],
    now: Timestamp,
) -> Job {
    let mut job = Job::new().step(turn_page(account, before.version));
    for scope in added(before, after) {
        if let Some(application) = scope.application() {
            job = job.step(hold_application(account, application));
        }
        if let Some(group) = scope.group() {
            job = job.step(hold_group(account, group));
        }
    }
    for difference in differences {
        let old = before.policies.iter().find(|policy| policy.key() == difference.key);
        let new = after.policies.iter().find(|policy| policy.key() == difference.key);
        // One that comes back goes on counting: its history is still there.
        let version = old.or(new).map_or(0, |policy| policy.record.version) + 1;
        let Some(is) = new.or(old) else { continue };
        let sections = Json::Object(write_sections(&is.sections)).to_string();
        job = job.step(match (old, new) {
            (_, Some(new)) => {
                let created_at = old.map_or(now, |old| old.record.created_at);
                let record = PolicyRecord {
                    name: new.name.clone(),
                    sections: sections.clone(),
                    version: if old.is_some() { version - 1 } else { version },
                    created_at,
                    modified_at: now,
                    staged: new.staged.as_ref().map(|stage| stage.document().to_string()),
                    ..new.record.clone()
                };
                if old.is_some() { record.update(account) } else { record.insert(account) }
            }
            (_, None) => delete_policy(account, difference.key, version - 1),
        });
        let in_force = if new.is_some() { after } else { before };
        let revision = PolicyRevision {
            key: difference.key,
            version,
            name: is.name.clone(),
            sections,
            uses: in_force.uses_document(difference.key).to_string(),
            action: difference.action.to_owned(),
            actor: actor.name().to_owned(),
            changed_at: now,
        };
        let description = json!({
            "policy_key": difference.key.as_str(),
            "before": difference.before,
            "after": difference.after,
        });
        job = job.step(revision.insert(account)).log(admin_record(
            account,
            actor,
            difference.action,
            &difference.name,
            &description,
            now,
        ));
    }
    for difference in differences {
        // What a policy granted does not outlive the change, also where it is changed back.
        job.guards.extend(forget_granted_by(account, difference.key.as_str()));
    }
    for application in changed_lists(before, after) {
        let uses: Vec<PolicyUse> =
            after.uses.iter().filter(|at| at.scope.application() == application).copied().collect();
        replace_uses(account, application, &uses).into_iter().for_each(|step| job.guards.push(step));
    }
    job
}

/// Applications where other policies apply than before, or in another order; `None` for groups.
fn changed_lists(before: &Draft, after: &Draft) -> BTreeSet<Option<IntegrationKey>> {
    let differs = |one: &Draft, other: &Draft| -> Vec<Option<IntegrationKey>> {
        one.uses.iter().filter(|at| !other.uses.contains(at)).map(|at| at.scope.application()).collect()
    };
    differs(before, after).into_iter().chain(differs(after, before)).collect()
}
