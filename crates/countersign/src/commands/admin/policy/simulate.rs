//! `countersign policy simulate`

use std::io::{IsTerminal as _, Write as _};

use clap::Args;
use cs_core::policy::{Change, Word as _};
use cs_engine::policy::{Draft, NOT_KEPT, PolicyDocument, PolicyError, Replay, Simulation, Tally};
use jiff::{SignedDuration, Timestamp};

use super::super::error::AdminError;
use super::super::out::{Answer, Table, moment};
use super::transfer::documents;
use super::{Policies, find};
use crate::admin_api::simulation_json;

/// Say what other policies would have meant for the logins of the past days
///
/// Each entry of the authentication log is judged twice, by the policies in force and by the draft: by what the log kept of the login, and the user as is now. Changes nothing.
#[derive(Debug, Args)]
pub(super) struct Simulate {
    /// A file as for import (- is standard input), or a policy: its staged version, applied to all
    #[arg(value_name = "FILE|POLICY")]
    draft: String,
    /// So many days back
    #[arg(long, default_value_t = 7, value_parser = clap::value_parser!(u16).range(1..=3660))]
    days: u16,
    /// Only this user
    #[arg(long)]
    user: Option<String>,
    /// Only this application
    #[arg(long)]
    app: Option<String>,
}

/// Lines of each table.
const SHOWN: usize = 20;
/// Entries between two words about how far it is.
const TOLD_EVERY: u64 = 10_000;

impl Simulate {
    pub(super) async fn run(&self, at: &Policies<'_>) -> Result<Answer, AdminError> {
        let draft = at.load().await?;
        // A policy's name comes first: a file can be written ./name.
        let key = find(&draft, &self.draft).ok().map(|policy| policy.key());
        let documents: Vec<PolicyDocument> = if key.is_some() { Vec::new() } else { documents(&self.draft)? };
        let change = |draft: &mut Draft| -> Result<(), PolicyError> {
            match key {
                Some(key) => draft.finish_stage(key.as_str()),
                None => documents.iter().try_for_each(|document| draft.import(document).map(drop)),
            }
        };
        let user = match &self.user {
            Some(user) => Some(at.site.user(user).await?.id),
            None => None,
        };
        let application = match &self.app {
            Some(app) => Some(at.site.integration(app).await?.key),
            None => None,
        };
        let now = at.site.now();
        let back = SignedDuration::from_hours(24 * i64::from(self.days));
        let from = now.saturating_sub(back).unwrap_or(Timestamp::UNIX_EPOCH);
        let replay = Replay { from, to: now, user, application, after: None, most: u64::MAX };
        let tells = std::io::stderr().is_terminal();
        let mut told = 0;
        let progress = |entries: u64| {
            if tells && entries / TOLD_EVERY > told {
                told = entries / TOLD_EVERY;
                let _ = writeln!(std::io::stderr(), "{entries} entries so far");
            }
        };
        let found = at.site.engine.simulate_policies(at.site.account, &replay, change, progress).await?;
        Ok(Answer::new(simulation_json(&found), text(&found)))
    }
}

fn text(found: &Simulation) -> String {
    let mut all = Table::new(&["what would have become of it", "logins"]);
    for change in Change::ALL {
        all.row([word(*change), found.all.of(*change).to_string()]);
    }
    for (why, count) in &found.left_out {
        all.row([format!("not judged: {why}"), count.to_string()]);
    }
    let mut parts = vec![all.text("")];
    for (what, tallies) in [("user", &found.users), ("application", &found.applications)] {
        let mut table = Table::new(&[what, "logins", "what"]);
        for (name, tally) in Simulation::most_affected(tallies, SHOWN) {
            table.row([name.to_owned(), tally.different().to_string(), kinds(tally)]);
        }
        parts.push(table.text(""));
        if tallies.len() > SHOWN {
            parts.push(format!("and {} more", tallies.len() - SHOWN));
        }
    }
    let mut examples = Table::new(&["reference", "when", "user", "application", "what", "now", "then"]);
    for example in &found.examples {
        examples.row([
            example.reference.clone(),
            moment(example.at),
            example.username.clone(),
            example.application.clone(),
            word(example.change),
            example.before.clone(),
            example.after.clone(),
        ]);
    }
    parts.push(examples.text("For nobody would anything have been different."));
    parts.push(format!("Reckoned as unknown, because the log does not keep it: {}.", NOT_KEPT.join(", ")));
    parts.retain(|part| !part.is_empty());
    parts.join("\n\n")
}

fn kinds(tally: &Tally) -> String {
    let changes = Change::ALL.iter().filter(|change| **change != Change::Unchanged && tally.of(**change) > 0);
    changes.map(|change| format!("{} {}", tally.of(*change), word(*change))).collect::<Vec<_>>().join(", ")
}

fn word(change: Change) -> String {
    change.as_str().replace('_', " ")
}
