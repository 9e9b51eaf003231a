//! `POST /admin/v2/policies/simulate`, ours: past logins under other policies.

use axum::extract::State;
use cs_core::integration::Permission;
use cs_core::policy::{Change, Word as _};
use cs_engine::policy::{Draft, NOT_KEPT, PolicyDocument, PolicyError, Replay, Simulation, Tally};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::super::extract::{ReadResource, SignedAdmin, forbidden, invalid};
use crate::app::App;
use crate::http::{Envelope, Failure};

/// As long ago, at most and unless it is said.
const DAYS: [i64; 2] = [366, 7];
/// Entries of one answer, at most and unless it is said.
const ENTRIES: [i64; 2] = [20_000, 5_000];
/// Users and applications that are named.
const NAMED: usize = 50;

pub(super) async fn simulate(
    State(app): State<App>,
    request: SignedAdmin<ReadResource>,
) -> Result<Envelope<Json>, Failure> {
    // It tells who logged in when.
    if !request.has(Permission::ReadLog) {
        let missing = Permission::ReadLog.name();
        return Err(forbidden(format!("This integration lacks the permission {missing}.")));
    }
    let params = &request.params;
    let number = |name: &'static str, [most, usual]: [i64; 2]| -> Result<i64, Failure> {
        let number = params.int(name)?.unwrap_or(usual);
        if (1..=most).contains(&number) { Ok(number) } else { Err(invalid(name)) }
    };
    let days = number("days", DAYS)?;
    let most = number("limit", ENTRIES)?;
    let user = params.filled("user_id", 64)?.map(|id| id.parse().map_err(|_| invalid("user_id"))).transpose()?;
    let application = params.filled("integration_key", 64)?;
    let application = application.map(|key| key.parse().map_err(|_| invalid("integration_key"))).transpose()?;
    let after = params.filled("next_offset", 128)?;
    let after = after.map(|text| place(&text).ok_or_else(|| invalid("next_offset"))).transpose()?;
    let now = app.engine().clock().now();
    let from = now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(Timestamp::UNIX_EPOCH);
    let replay = Replay { from, to: now, user, application, after, most: most.unsigned_abs() };
    let documents = params.nested("policies")?.map(|json| PolicyDocument::read_all(&json)).transpose()?;
    let key = params.filled("policy_key", 64)?;
    let change = |draft: &mut Draft| -> Result<(), PolicyError> {
        match (&documents, &key) {
            (Some(documents), _) => documents.iter().try_for_each(|document| draft.import(document).map(drop)),
            (None, Some(key)) => draft.finish_stage(key),
            (None, None) => Ok(()),
        }
    };
    if documents.is_some() == key.is_some() {
        return Err(invalid("policies"));
    }
    let found = app.engine().simulate_policies(request.account.id, &replay, change, |_| {}).await?;
    Ok(Envelope::new(simulation_json(&found)))
}

/// The result for programs, at the terminal too.
pub(crate) fn simulation_json(found: &Simulation) -> Json {
    let examples = found.examples.iter().map(|example| {
        json!({
            "change": example.change.as_str(),
            "reference": example.reference,
            "timestamp": example.at.as_second(),
            "username": example.username,
            "application": example.application,
            "logged": example.logged,
            "before": example.before,
            "after": example.after,
        })
    });
    json!({
        "entries": found.entries,
        "left_out": found.left_out,
        "not_kept": NOT_KEPT,
        "summary": tally(&found.all),
        "users": named(&found.users),
        "users_affected": found.users.len(),
        "applications": named(&found.applications),
        "applications_affected": found.applications.len(),
        "examples": examples.collect::<Json>(),
        "next_offset": found.next.as_ref().map(|(at, id)| format!("{},{id}", at.as_millisecond())),
    })
}

fn named(tallies: &std::collections::HashMap<String, Tally>) -> Json {
    let named = Simulation::most_affected(tallies, NAMED).into_iter().map(|(name, of)| {
        let mut named = tally(of);
        named.insert("name".to_owned(), name.into());
        Json::Object(named)
    });
    named.collect()
}

fn tally(tally: &Tally) -> Map<String, Json> {
    Change::ALL.iter().map(|change| (change.as_str().to_owned(), tally.of(*change).into())).collect()
}

/// Reads `next_offset`.
fn place(text: &str) -> Option<(Timestamp, String)> {
    let (at, id) = text.split_once(',')?;
    let is_id = !id.is_empty() && id.bytes().all(|byte| byte.is_ascii_hexdigit() || byte == b'-');
    Some((Timestamp::from_millisecond(at.parse().ok()?).ok()?, is_id.then(|| id.to_owned())?))
}
