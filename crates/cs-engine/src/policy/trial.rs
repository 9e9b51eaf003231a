//! Changes that are taken back unless somebody confirms them in time.
//!
//! An account has at most one such change waiting. Taking it back compares three states, part by part (name, each section, each place, the staged
//! version): what is still as the change made it becomes what it was before; what somebody has changed since stays as it is, and the log says so.

use cs_core::id::{AccountId, GroupId, IntegrationKey, PolicyKey};
use cs_core::policy::Word as _;
use cs_core::policy::{Reach, Section};
use cs_store::Job;
use cs_store::policies::{PolicyRecord, PolicyScope, PolicyUse};
use cs_store::trials::Trial;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::draft::{Draft, PolicyView};
use super::edit::{Difference, Editor, LockoutRisk};
use super::error::PolicyError;
use super::json::{read_sections, write_sections};
use super::stage::Stage;
use crate::admin::{Actor, admin_record};
use crate::{Engine, EngineError, MAX_ROUNDS};

/// The shortest and the longest time to confirm a change in.
pub const CONFIRM_WITHIN: [SignedDuration; 2] = [SignedDuration::from_mins(1), SignedDuration::from_hours(7 * 24)];

/// What was taken back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TakenBack {
    /// Policies that are different now.
    pub differences: Vec<Difference>,
    /// What stayed, because it was changed since: `policy name: part`.
    pub kept: Vec<String>,
}

impl Engine {
    /// The change that waits to be confirmed.
    pub async fn policy_trial(&self, account: AccountId) -> Result<Option<Trial>, PolicyError> {
        Ok(self.store().policy_trial(account).await?)
    }

    /// Lets the change that waits stand.
    ///
    /// Fails with [`PolicyError::NothingWaits`] if there is none, or it was just taken back.
    pub async fn confirm_policies(&self, account: AccountId, actor: &Actor) -> Result<Trial, PolicyError> {
        let trial = self.store().policy_trial(account).await?.ok_or(PolicyError::NothingWaits)?;
        let description = json!({"changed_by": trial.actor, "changed_at": trial.made_at.as_second()});
        let log = admin_record(account, actor, "policy_confirm", "", &description, self.clock().now());
        let confirmed = self.change(Job::new().step(trial.end()).log(log)).await?;
        if confirmed { Ok(trial) } else { Err(PolicyError::NothingWaits) }
    }

    /// Takes the change that waits back now.
    pub async fn take_back_policies(&self, account: AccountId, actor: &Actor) -> Result<TakenBack, PolicyError> {
        let trial = self.store().policy_trial(account).await?.ok_or(PolicyError::NothingWaits)?;
        self.take_back(&trial, actor, "asked for").await?.ok_or(PolicyError::NothingWaits)
    }

    /// Takes back every change that nobody confirmed in time, and says how many. Meant for once a second; asks one question when none is due.
    pub async fn take_back_unconfirmed(&self) -> Result<usize, EngineError> {
        let mut count = 0;
        for trial in self.store().due_policy_trials(self.clock().now()).await? {
            match self.take_back(&trial, &Actor::System, "not confirmed in time").await {
                Ok(done) => count += usize::from(done.is_some()),
                Err(PolicyError::Engine(error)) if error.is_of_the_database() => return Err(error),
                // One account's trouble does not hold up the others; the next round tries again.
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::error!(account.id = %trial.account, error, "a change of policies was not confirmed and could not be taken back");
                }
            }
        }
        Ok(count)
    }

    /// `None` if it was confirmed, or taken back by another node, meanwhile.
    async fn take_back(
        &self,
        trial: &Trial,
        actor: &Actor,
        reason: &'static str,
    ) -> Result<Option<TakenBack>, PolicyError> {
        let account = trial.account;
        // It brings back what was there: no reason to refuse that.
        let editor = Editor { actor: actor.clone(), address: None, risk: LockoutRisk::Taken, confirm_within: None };
        let changes = self.parts(trial).await?;
        for _ in 0..MAX_ROUNDS {
            if self.store().policy_trial(account).await?.is_none_or(|now| now.version != trial.version) {
                return Ok(None);
            }
            let (edited, job) =
                self.plan_policies(account, &editor, None, &|draft: &mut Draft| Ok(take_back(draft, &changes))).await?;
            let done = TakenBack { differences: edited.differences, kept: edited.outcome };
            let description = json!({
                "reason": reason,
                "changed_by": trial.actor,
                "changed_at": trial.made_at.as_second(),
                "due_at": trial.due_at.as_second(),
                "kept": done.kept,
            });
            let log = admin_record(account, actor, "policy_roll_back", "", &description, self.clock().now());
            let job = if done.differences.is_empty() { Job::new() } else { job };
            if self.change(job.step(trial.end()).log(log)).await? {
                return Ok(Some(done));
            }
        }
        Err(EngineError::Contention.into())
    }

    /// What the trial changed, without places that are gone: an application or group removed since cannot get its policy back, nor its staged version.
    async fn parts(&self, trial: &Trial) -> Result<Vec<Part>, PolicyError> {
        let corrupt = || cs_store::StoreError::corrupt("policy_trial", trial.account.as_str());
        let json: Json = serde_json::from_str(&trial.changes).map_err(|_| corrupt())?;
        let parts: Option<Vec<Part>> = json.as_array().and_then(|items| items.iter().map(Part::read).collect());
        let mut parts = parts.ok_or_else(corrupt)?;
        for Part { before, after, .. } in &mut parts {
            let Some(before) = before else { continue };
            let mut there = Vec::new();
            for at in &before.uses {
                let application = match at.scope.application() {
                    Some(key) => self.store().integration_record(trial.account, key).await?.is_some(),
                    None => true,
                };
                let group = match at.scope.group() {
                    Some(group) => self.store().reader().group(trial.account, group).await?.is_some(),
                    None => true,
                };
                if application && group {
                    there.push(*at);
                }
            }
            before.uses = there;
            let is_changed = after.as_ref().is_none_or(|after| after.staged != before.staged);
            if let Some(Reach::Group(group)) = before.staged.as_ref().map(|stage| stage.reach)
                && is_changed
                && self.store().reader().group(trial.account, group).await?.is_none()
            {
                before.staged = None;
            }
        }
        Ok(parts)
    }
}

/// What a change made of one policy.
#[derive(Debug)]
struct Part {
    key: PolicyKey,
    /// The version it has after the change; of a removed one, of its last entry in the history.
    version: i64,
    before: Option<Saved>,
    after: Option<Saved>,
}

/// A policy, as far as a change can change it.
#[derive(Debug, Clone, PartialEq)]
struct Saved {
    name: String,
    sections: Map<String, Json>,
    staged: Option<Stage>,
    uses: Vec<PolicyUse>,
}

/// The row for a change from `before` to `after` that is to be confirmed until `due_at`.
pub(super) fn trial(
    account: AccountId,
    actor: &Actor,
    (before, after): (&Draft, &Draft),
    differences: &[Difference],
    (now, due_at): (Timestamp, Timestamp),
) -> Trial {
    let find = |draft: &Draft, key| draft.policies.iter().find(|policy| policy.key() == key).map(|p| saved(draft, p));
    let parts = differences.iter().map(|difference| {
        let (was, is) = (find(before, difference.key), find(after, difference.key));
        let old = before.policies.iter().find(|policy| policy.key() == difference.key);
        let version = old.map_or(0, |old| old.record.version) + 1;
        json!({
            "policy_key": difference.key.as_str(),
            "version": version,
            "before": was.map(|saved| saved.document()),
            "after": is.map(|saved| saved.document()),
        })
    });
    let changes = parts.collect::<Json>().to_string();
    Trial { account, version: before.version + 1, changes, actor: actor.name().to_owned(), made_at: now, due_at }
}

fn saved(draft: &Draft, policy: &PolicyView) -> Saved {
    Saved {
        name: policy.name.clone(),
        sections: write_sections(&policy.sections),
        staged: policy.staged.clone(),
        uses: draft.uses_of(policy.key()).copied().collect(),
    }
}

impl Saved {
    fn document(&self) -> Json {
        let uses = self.uses.iter().map(|at| {
            json!({
                "application": at.scope.application().map(|key| key.to_string()),
                "group": at.scope.group().map(|group| group.to_string()),
                "position": at.position,
            })
        });
        json!({
            "name": self.name,
            "sections": self.sections,
            "staged": self.staged.as_ref().map(Stage::document),
            "uses": uses.collect::<Json>(),
        })
    }

    fn read(key: PolicyKey, json: &Json) -> Option<Option<Self>> {
        if json.is_null() {
            return Some(None);
        }
        let staged = match json.get("staged")? {
            Json::Null => None,
            staged => Some(Stage::read(staged)?),
        };
        let read_use = |json: &Json| {
            let application: Option<IntegrationKey> =
                json.get("application")?.as_str().and_then(|key| key.parse().ok());
            let group: Option<GroupId> = json.get("group")?.as_str().and_then(|group| group.parse().ok());
            let scope = match (application, group) {
                (Some(application), Some(group)) => PolicyScope::ApplicationGroup(application, group),
                (Some(application), None) => PolicyScope::Application(application),
                (None, Some(group)) => PolicyScope::Group(group),
                (None, None) => return None,
            };
            Some(PolicyUse { policy: key, scope, position: json.get("position")?.as_i64()? })
        };
        Some(Some(Self {
            name: json.get("name")?.as_str()?.to_owned(),
            sections: json.get("sections")?.as_object()?.clone(),
            staged,
            uses: json.get("uses")?.as_array()?.iter().map(read_use).collect::<Option<_>>()?,
        }))
    }
}

impl Part {
    fn read(json: &Json) -> Option<Self> {
        let key = json.get("policy_key")?.as_str()?.parse().ok()?;
        Some(Self {
            key,
            version: json.get("version")?.as_i64()?,
            before: Saved::read(key, json.get("before")?)?,
            after: Saved::read(key, json.get("after")?)?,
        })
    }
}

/// Says what stayed.
fn take_back(draft: &mut Draft, parts: &[Part]) -> Vec<String> {
    let mut kept = Vec::new();
    // What the change put somewhere goes first, so that the place is free for what was there.
    for part in parts {
        for at in part.after.iter().flat_map(|after| &after.uses) {
            let was = part.before.as_ref().is_some_and(|before| before.uses.iter().any(|old| old.scope == at.scope));
            if !was && part.before.is_some() {
                draft.uses.retain(|now| now.policy != at.policy || now.scope != at.scope);
            }
        }
        if part.before.is_none() {
            remove_made(draft, part, &mut kept);
        }
    }
    for part in parts {
        let Some(before) = &part.before else { continue };
        match (draft.policies.iter().position(|policy| policy.key() == part.key), &part.after) {
            (None, Some(after)) => kept.push(format!("{}: was removed since", after.name)),
            (None, None) => make_again(draft, part, before),
            (Some(_), None) => continue,
            (Some(place), Some(after)) => merge(draft, place, before, after, &mut kept),
        }
        for at in &before.uses {
            let old = part.after.as_ref().and_then(|after| after.uses.iter().find(|new| new.scope == at.scope));
            match (draft.uses.iter_mut().find(|now| now.policy == at.policy && now.scope == at.scope), old) {
                (Some(now), Some(old)) if now.position == old.position => now.position = at.position,
                (Some(_), _) | (None, Some(_)) => {}
                (None, None) => put(draft, *at, &before.name, &mut kept),
            }
        }
    }
    kept
}

/// A policy that the change made goes, unless somebody has worked with it.
fn remove_made(draft: &mut Draft, part: &Part, kept: &mut Vec<String>) {
    let Some(place) = draft.policies.iter().position(|policy| policy.key() == part.key) else { return };
    if Some(saved(draft, &draft.policies[place])) == part.after {
        draft.policies.remove(place);
        draft.uses.retain(|at| at.policy != part.key);
    } else {
        kept.push(format!("{}: was made by the change, and changed since", draft.policies[place].name));
    }
}

/// With the key it had: where it is named, it is meant.
fn make_again(draft: &mut Draft, part: &Part, before: &Saved) {
    let Ok(sections) = read_sections(&Json::Object(before.sections.clone())) else { return };
    let record = PolicyRecord {
        key: part.key,
        name: before.name.clone(),
        is_global: false,
        sections: String::new(),
        version: part.version,
        created_at: Timestamp::UNIX_EPOCH,
        modified_at: Timestamp::UNIX_EPOCH,
        staged: None,
    };
    // A key is a name that nobody else has.
    let name = if draft.named(&before.name).is_none() { before.name.clone() } else { part.key.to_string() };
    draft.policies.push(PolicyView { record, name, sections, staged: before.staged.clone() });
}

fn merge(draft: &mut Draft, place: usize, before: &Saved, after: &Saved, kept: &mut Vec<String>) {
    let name = draft.policies[place].name.clone();
    let mut keep = |what: &str| kept.push(format!("{name}: {what} was changed since"));
    if before.name != after.name {
        let is_free = draft.named(&before.name).is_none();
        if name == after.name && is_free {
            draft.policies[place].name.clone_from(&before.name)
        } else {
            keep("its name")
        }
    }
    let mut sections = write_sections(&draft.policies[place].sections);
    for section in Section::ALL.iter().map(|section| section.as_str()) {
        let (was, is) = (before.sections.get(section), after.sections.get(section));
        if was == is {
            continue;
        }
        if sections.get(section) != is {
            keep(section);
        } else if let Some(was) = was {
            sections.insert(section.to_owned(), was.clone());
        } else {
            sections.remove(section);
        }
    }
    if let Ok(sections) = read_sections(&Json::Object(sections)) {
        draft.put_back(place, sections);
    }
    if before.staged != after.staged {
        let policy = &mut draft.policies[place];
        if policy.staged == after.staged {
            policy.staged.clone_from(&before.staged)
        } else {
            keep("its staged version")
        }
    }
}

/// An application has one policy of its own: the one that somebody put there since stays.
fn put(draft: &mut Draft, at: PolicyUse, name: &str, kept: &mut Vec<String>) {
    let taken = matches!(at.scope, PolicyScope::Application(_)) && draft.uses.iter().any(|now| now.scope == at.scope);
    if taken {
        kept.push(format!("{name}: another policy was put in a place of it since"));
    } else {
        draft.uses.push(at);
    }
}
