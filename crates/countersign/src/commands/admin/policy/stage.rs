//! Changes with care: for some users first, and taken back unless they are confirmed.

use clap::Args;
use cs_core::policy::Reach;
use cs_engine::policy::{PolicyError, Setting, percent};
use serde_json::json;

use super::super::error::AdminError;
use super::super::lookup::missing;
use super::super::out::{Answer, Card, moment};
use super::super::site::ACTOR;
use super::read::shown;
use super::{Policies, changes, find};
use crate::admin_api::{taken_back_json, trial_json};

/// Apply a next version of a policy to some users before it applies to all
///
/// The same users stay in: they are chosen by a hash of their ids. A greater percentage adds others.
#[derive(Debug, Args)]
pub(super) struct Stage {
    policy: String,
    /// What is different from the policy, or from the version that is staged already
    #[arg(value_name = "SECTION.KEY=VALUE")]
    settings: Vec<String>,
    /// To so many of a hundred users
    #[arg(long, value_name = "1-100", conflicts_with = "group")]
    percent: Option<i64>,
    /// To the members of a group
    #[arg(long)]
    group: Option<String>,
    /// Apply the staged version to all
    #[arg(long, conflicts_with_all = ["percent", "group", "settings", "abandon"])]
    finish: bool,
    /// Drop the staged version
    #[arg(long, conflicts_with_all = ["percent", "group", "settings"])]
    abandon: bool,
}

impl Stage {
    pub(super) async fn run(&self, at: &Policies<'_>) -> Result<Answer, AdminError> {
        let key = find(&at.load().await?, &self.policy)?.key();
        let reach = match (self.percent, &self.group) {
            (Some(number), _) => Some(percent(number)?),
            (None, Some(group)) => Some(Reach::Group(at.site.group(group).await?.id)),
            (None, None) => None,
        };
        let settings: Vec<Setting> =
            self.settings.iter().map(|text| text.parse()).collect::<Result<_, PolicyError>>()?;
        let edited = at
            .edit(|draft| {
                if self.finish {
                    draft.finish_stage(key.as_str())
                } else if self.abandon {
                    draft.abandon_stage(key.as_str())
                } else {
                    draft.stage(key.as_str(), reach, |draft, key| draft.set(key, &settings))
                }
            })
            .await?;
        let mut answer = shown(at, &edited.policies, edited.policies.find(key.as_str())?).await?;
        answer.text = changes(&edited.differences, "Nothing is different.").text;
        Ok(answer)
    }
}

pub(super) async fn confirm(at: &Policies<'_>) -> Result<Answer, AdminError> {
    let trial = at.site.engine.confirm_policies(at.site.account, ACTOR).await?;
    Ok(Answer::new(trial_json(&trial), format!("The change of {} stands.", moment(trial.made_at))))
}

pub(super) async fn roll_back(at: &Policies<'_>) -> Result<Answer, AdminError> {
    let trial = at.site.engine.policy_trial(at.site.account).await?.ok_or_else(nothing)?;
    at.site.confirm(&format!("Take back the change that {} made at {}?", trial.actor, moment(trial.made_at)))?;
    let done = at.site.engine.take_back_policies(at.site.account, ACTOR).await?;
    let mut text = changes(&done.differences, "Nothing is different.").text;
    for kept in &done.kept {
        text.push_str(&format!("\nkept: {}", countersign_device::clean(kept, 300)));
    }
    Ok(Answer::new(taken_back_json(&done), text))
}

pub(super) async fn trial(at: &Policies<'_>) -> Result<Answer, AdminError> {
    let Some(trial) = at.site.engine.policy_trial(at.site.account).await? else {
        let none = json!({"policy_keys": [], "changed_by": null, "changed": null, "due": null});
        return Ok(Answer::new(none, "No change waits to be confirmed."));
    };
    let mut card = Card::default();
    card.line("changed by", trial.actor.as_str())
        .line("changed", moment(trial.made_at))
        .line("taken back", moment(trial.due_at));
    Ok(Answer::new(trial_json(&trial), card.text()))
}

fn nothing() -> AdminError {
    missing("change that waits to be", "confirmed", std::iter::empty())
}
