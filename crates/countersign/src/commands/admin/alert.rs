//! `countersign admin alert`

use clap::{Args, Subcommand};
use cs_store::Job;
use cs_store::outbox::{EffectState, revive_effect};
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::mail::state;
use super::out::{Answer, Table, moment, unix};
use super::site::Site;
use crate::jobs::ALERT_KINDS;

/// Alerts: what became of them on their way to the command and the webhook
#[derive(Debug, Args)]
pub(super) struct Alert {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the newest alerts: waiting, delivered, given up
    List {
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..=1000))]
        limit: u32,
    },
    /// Try an alert again that was given up
    Retry { id: String },
}

impl Alert {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::List { limit } => list(site, *limit).await,
            Command::Retry { id } => {
                for (kind, _) in ALERT_KINDS {
                    let job = Job::new().step(revive_effect(site.account, kind, id, site.now()));
                    if site.engine.store().commit(job).await.is_ok() {
                        return Ok(Answer::new(json!({"id": id, "state": "waiting"}), "the server tries it again"));
                    }
                }
                let given = countersign_device::clean(id, 64);
                Err(AdminError::NoSuch { what: "alert that was given up", given, suggestion: None })
            }
        }
    }
}

async fn list(site: &Site, limit: u32) -> Result<Answer, AdminError> {
    let mut found = Vec::new();
    for (kind, way) in ALERT_KINDS {
        let effects = site.reader().effects(site.account, kind, limit).await?;
        // What was passed on is listed under where it went.
        let stays = |effect: &EffectState| *kind != ALERT_KINDS[0].0 || effect.done_at.is_none();
        found.extend(effects.into_iter().filter(stays).map(|effect| (*way, effect)));
    }
    // The ids begin with the time.
    found.sort_by(|(_, a), (_, b)| b.id.cmp(&a.id));
    found.truncate(limit as usize);
    let mut table = Table::new(&["made", "alert", "user", "to", "state", "tries", "last problem", "id"]);
    let mut alerts = Vec::with_capacity(found.len());
    for (way, effect) in &found {
        let payload: Json = serde_json::from_str(&effect.payload).unwrap_or_default();
        let text = |name: &str| payload.get(name).and_then(Json::as_str).unwrap_or_default().to_owned();
        let (state, at) = state(effect);
        alerts.push(json!({
            "id": effect.id,
            "alert": text("alert"),
            "username": text("username"),
            "to": way,
            "created": effect.created_at.as_second(),
            "state": state,
            "at": unix(Some(at)),
            "attempts": effect.attempts,
            "last_error": effect.last_error,
        }));
        table.row([
            moment(effect.created_at),
            text("alert"),
            text("username"),
            (*way).to_owned(),
            format!("{state} {}", moment(at)),
            effect.attempts.to_string(),
            effect.last_error.clone().unwrap_or_default(),
            effect.id.clone(),
        ]);
    }
    Ok(Answer::new(json!({"alerts": alerts}), table.text("no alerts")))
}
