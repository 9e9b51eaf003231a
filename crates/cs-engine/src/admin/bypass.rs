//! Bypass status: a reason and an end at every door, its end in the log, and a reminder before.

use cs_core::bypass::{Bypass, BypassEnd, BypassRefused, BypassRules, BypassTerm, is_on};
use cs_core::group::GroupStatus;
use cs_core::id::AccountId;
use cs_core::user::UserStatus;
use cs_store::Job;
use cs_store::accounts::bypass_rules;
use cs_store::groups::{GroupRecord, reminded_of_group, touch_members};
use cs_store::outbox::Effect;
use cs_store::users::{UserRecord, reminded_of_user};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::text::bounded;
use super::{Actor, admin_record};
use crate::{Engine, EngineError};

/// The reason of a bypass that a client of the Admin API gave without one, as clients made for Duo do.
pub const API_REASON: &str = "set through the Admin API";
/// The most characters of a reason.
pub const MOST_REASON: usize = 500;
/// How many ends one round of the job looks after at a time.
const AT_ONCE: u32 = 100;

/// Who gives a bypass, and what the account allows.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Giver<'a> {
    pub(crate) actor: &'a Actor,
    pub(crate) rules: BypassRules,
}

impl Giver<'_> {
    /// The bypass to keep. What is not said stays as it is in a bypass that is on, so that a client which sends the status again prolongs nothing;
    /// otherwise the length is the usual one, and a reason is required of everybody but clients of the Admin API.
    pub(crate) fn settle(
        &self,
        before: Option<&Bypass>,
        reason: Option<&str>,
        end: Option<BypassEnd>,
        now: Timestamp,
    ) -> Result<Bypass, EngineError> {
        let before = before.filter(|bypass| is_on(bypass.term.until, now));
        let reason = match (reason.map(str::trim).filter(|reason| !reason.is_empty()), before, self.actor) {
            (Some(reason), _, _) => bounded("bypass_reason", reason, MOST_REASON)?,
            (None, Some(before), _) => before.reason.clone(),
            (None, None, Actor::Integration(_)) => API_REASON.to_owned(),
            (None, None, Actor::Administrator(..) | Actor::Terminal | Actor::System | Actor::DirectorySync(_)) => {
                return Err(EngineError::Invalid("bypass_reason"));
            }
        };
        let term = match (end, before) {
            (None, Some(before)) => before.term,
            (end, _) => BypassTerm::new(end, self.rules, now).map_err(refused)?,
        };
        Ok(Bypass { reason, term })
    }
}

fn refused(why: BypassRefused) -> EngineError {
    match why {
        BypassRefused::Past | BypassRefused::TooLong => EngineError::Invalid("bypass_until"),
        BypassRefused::Endless => {
            EngineError::Forbidden("a bypass needs an end: the setting bypass_without_end is off")
        }
    }
}

/// Adds to the log's description how the status was and is, if it changed.
pub(crate) fn describe_change(
    description: &mut Json,
    (status_before, before): (&str, Option<&Bypass>),
    (status, after): (&str, Option<&Bypass>),
) {
    if (status_before, before) != (status, after) {
        description["before"] = standing(status_before, before);
        description["after"] = standing(status, after);
    }
}

fn standing(status: &str, bypass: Option<&Bypass>) -> Json {
    let mut standing = json!({"status": status});
    if let Some(bypass) = bypass {
        standing["bypass_reason"] = json!(bypass.reason);
        standing["bypass_until"] = json!(bypass.term.until.map(Timestamp::as_second));
    }
    standing
}

impl Engine {
    /// What `account` allows of a bypass.
    pub async fn bypass_rules(&self, account: AccountId) -> Result<BypassRules, EngineError> {
        let entry = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        Ok(bypass_rules(&entry.settings))
    }

    /// Sets the status of users and groups back whose bypass is over, with an entry in the log for each; says how many.
    ///
    /// Logins do not wait for this: a bypass past its end counts as active by itself. Meant for once a minute.
    pub async fn end_bypasses(&self, account: AccountId) -> Result<usize, EngineError> {
        let now = self.clock().now();
        let mut ended = 0;
        for id in self.store().users_past_bypass(account, now, AT_ONCE).await? {
            let Some((before, attempts)) = self.store().user_record(account, id).await? else { continue };
            if (before.status, before.status_at(now)) != (UserStatus::Bypass, UserStatus::Active) {
                continue;
            }
            let user = UserRecord { status: UserStatus::Active, bypass: None, ..before.clone() };
            let mut description = json!({"user_id": id.as_str(), "why": "the bypass is over"});
            describe_change(&mut description, user_standing(&before), user_standing(&user));
            let job = Job::new().step(user.update(account, attempts)).log(admin_record(
                account,
                &Actor::System,
                "user_update",
                &user.username,
                &description,
                now,
            ));
            // Changed or attempting meanwhile: the next round finds it, if it is still so.
            ended += usize::from(self.apply(job).await?.is_none());
        }
        for before in self.store().reader().groups_in_bypass(account).await? {
            if before.status_at(now) != GroupStatus::Active {
                continue;
            }
            let group = GroupRecord { status: GroupStatus::Active, bypass: None, ..before.clone() };
            let mut description = json!({"group_id": group.id.as_str(), "why": "the bypass is over"});
            describe_change(&mut description, group_standing(&before), group_standing(&group));
            let record = admin_record(account, &Actor::System, "group_update", &group.name, &description, now);
            let job = Job::new().step(group.update(account)).step(touch_members(account, group.id)).log(record);
            ended += usize::from(self.apply(job).await?.is_none());
        }
        Ok(ended)
    }

    /// Alerts administrators of bypasses that end within a day, each once; says how many. Meant for once a minute.
    pub async fn remind_of_bypasses(&self, account: AccountId) -> Result<usize, EngineError> {
        let now = self.clock().now();
        let mut reminded = 0;
        for id in self.store().users_to_remind_of(account, now, AT_ONCE).await? {
            let Some((user, _)) = self.store().user_record(account, id).await? else { continue };
            let Some((bypass, remind_at)) = to_remind_of(user.bypass.as_ref(), now) else { continue };
            let whose = json!({"user_id": id.as_str(), "username": user.username});
            let job =
                Job::new().step(reminded_of_user(account, id, remind_at)).effect(reminder(account, whose, bypass, now));
            reminded += usize::from(self.apply(job).await?.is_none());
        }
        for group in self.store().reader().groups_in_bypass(account).await? {
            let Some((bypass, remind_at)) = to_remind_of(group.bypass.as_ref(), now) else { continue };
            let whose = json!({"group_id": group.id.as_str(), "group": group.name});
            let job = Job::new()
                .step(reminded_of_group(account, group.id, remind_at))
                .effect(reminder(account, whose, bypass, now));
            reminded += usize::from(self.apply(job).await?.is_none());
        }
        Ok(reminded)
    }
}

pub(crate) fn user_standing(user: &UserRecord) -> (&'static str, Option<&Bypass>) {
    (user.status.as_str(), user.bypass.as_ref())
}

pub(crate) fn group_standing(group: &GroupRecord) -> (&'static str, Option<&Bypass>) {
    (group.status.as_str(), group.bypass.as_ref())
}

/// The bypass and when people were to be reminded of it, if that is now and it is not over.
fn to_remind_of(bypass: Option<&Bypass>, now: Timestamp) -> Option<(&Bypass, Timestamp)> {
    let bypass = bypass.filter(|bypass| is_on(bypass.term.until, now))?;
    let remind_at = bypass.term.remind_at.filter(|remind_at| *remind_at <= now)?;
    Some((bypass, remind_at))
}

fn reminder(account: AccountId, mut payload: Json, bypass: &Bypass, now: Timestamp) -> Effect {
    payload["alert"] = json!("bypass_ends");
    payload["until"] = json!(bypass.term.until.map(Timestamp::as_second));
    payload["reason"] = json!(bypass.reason);
    payload["time"] = json!(now.as_second());
    Effect::new("alert", account.as_str(), payload.to_string(), now)
}
