//! What is printed about directories.

use std::collections::BTreeMap;

use cs_engine::EngineError;
use cs_engine::directories::{Compared, DirectorySettings, NewDirectory, Outcome};
use cs_store::directories::{AgentRecord, DirectoryRecord};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::super::error::AdminError;
use super::super::out::{Answer, Card, Table, moment, moment_or, unix};
use super::super::site::Site;

pub(super) async fn list(site: &Site) -> Result<Answer, AdminError> {
    let records = site.engine.store().directories(site.account).await?;
    let agents = site.engine.connected_agents(site.account).await?;
    let sizes = site.reader().directory_sizes(site.account).await?;
    let mut table = Table::new(&["name", "key", "state", "users", "proxies", "last success", "last run"]);
    let mut all = Vec::with_capacity(records.len());
    for record in &records {
        let of: Vec<&AgentRecord> = agents.iter().filter(|agent| agent.directory == record.id).collect();
        let size = sizes.get(&record.id).copied().unwrap_or_default();
        table.row([
            record.name.clone(),
            record.id.to_string(),
            state(record, site.now()).to_owned(),
            size.to_string(),
            of.len().to_string(),
            moment_or(record.last_success_at, "never"),
            last(record),
        ]);
        all.push(directory_json(record, &of, size, site.now())?);
    }
    Ok(Answer::new(json!({"directories": all}), table.text("no directories")))
}

pub(super) async fn one(site: &Site, record: &DirectoryRecord) -> Result<Answer, AdminError> {
    let agents = site.engine.connected_agents(site.account).await?;
    let of: Vec<&AgentRecord> = agents.iter().filter(|agent| agent.directory == record.id).collect();
    let size = site.reader().directory_sizes(site.account).await?.get(&record.id).copied().unwrap_or_default();
    let settings = DirectorySettings::read(&record.settings)?;
    let mut card = Card::default();
    card.line("name", record.name.as_str())
        .line("key", record.id.as_str())
        .line("integration key", record.integration.as_str())
        .line("state", state(record, site.now()))
        .line("users", size.to_string())
        .line("groups", settings.groups.join(" | "))
        .line("attributes", attributes(&settings))
        .line("runs", format!("every {} minutes", settings.minutes))
        .line("brake", format!("{} % of the users, and more than 5", settings.brake_percent))
        .line("numbers", if settings.import_phones { "become phones" } else { "" })
        .line("invitations", if settings.invite { "to new people with an address and without a phone" } else { "" })
        .line("confirmed", record.confirmed.map(|n| format!("{n} users may go in the next run")).unwrap_or_default())
        .line("next run", if record.paused { String::new() } else { moment(record.next_run_at) })
        .line("last success", moment_or(record.last_success_at, "never"))
        .line("last run", last(record));
    let mut text = card.text();
    if let Some(outcome) = Outcome::read(&record.outcome) {
        text.push_str(&remarks(&outcome));
    }
    let mut table = Table::new(&["proxy host", "section", "directory", "passwords", "from", "since"]);
    for agent in &of {
        table.row([
            agent.host.clone(),
            agent.section.clone(),
            agent.words.clone(),
            if agent.first_factor { "checked" } else { "no" }.to_owned(),
            agent.address.clone(),
            moment(agent.connected_at),
        ]);
    }
    let text = format!("{text}\n\n{}", table.text("no proxy is connected"));
    Ok(Answer::new(directory_json(record, &of, size, site.now())?, text))
}

/// A directory with what its proxy needs, shown this once.
pub(super) fn added(site: &Site, made: &NewDirectory) -> Answer {
    let (record, secret) = (&made.record, made.secret.expose());
    let json = json!({
        "dkey": record.id.as_str(),
        "name": record.name,
        "integration_key": record.integration.as_str(),
        "secret_key": secret,
        "api_host": site.api_authority,
        "paused": record.paused,
    });
    let text = format!(
        "{}: added, and paused. The proxy beside it needs, beside [ad_client]:\n\n\
         [cloud]\nikey={}\nskey={secret}\napi_host={}\n\n\
         The secret key is shown only this once. When the proxy is connected:\n  \
         countersign directory diff '{}'\n  countersign directory resume '{}'",
        record.name, record.integration, site.api_authority, record.name, record.name
    );
    Answer::new(json, text)
}

pub(super) fn outcome(record: &DirectoryRecord, outcome: &Outcome) -> Answer {
    let text = format!(
        "{}: {}\n{}, in {} seconds{}",
        record.name,
        countersign_device::clean(&outcome.words, 500),
        counts(&outcome.counts, outcome.unchanged),
        outcome.seconds,
        remarks(outcome)
    );
    let json = serde_json::to_value(outcome).unwrap_or_default();
    Answer::new(json, text)
}

pub(super) fn compared(record: &DirectoryRecord, compared: &Compared, rows: usize) -> Answer {
    let outcome = &compared.outcome;
    let mut table = Table::new(&["what", "user", "changes"]);
    for act in compared.acts.iter().take(rows) {
        let change = |(field, from, to): &(String, String, String)| format!("{field}: {from:?} -> {to:?}");
        table.row([
            act.kind.clone(),
            act.username.clone(),
            act.changes.iter().map(change).collect::<Vec<_>>().join(", "),
        ]);
    }
    let total: usize = outcome.counts.values().sum();
    let more = total.saturating_sub(rows.min(compared.acts.len()));
    let mut text = format!(
        "{}: {} people in the directory; a run would come to:\n{}\n\n{}",
        record.name,
        outcome.people,
        counts(&outcome.counts, outcome.unchanged),
        table.text("no changes")
    );
    if more > 0 {
        text.push_str(&format!("\nand {more} more; --all shows them"));
    }
    text.push_str(&remarks(outcome));
    for group in &compared.missing {
        text.push_str(&format!("\nthere is no group {}", countersign_device::clean(group, 300)));
    }
    if outcome.result == "halted" {
        text.push_str(&format!(
            "\n\nA run would be halted: {}.\nIf that is right: countersign directory confirm '{}' {}",
            outcome.words, record.name, outcome.removals
        ));
    }
    let mut json = serde_json::to_value(outcome).unwrap_or_default();
    let acts = compared.acts.iter().take(rows).map(|act| {
        let changes = act.changes.iter().map(|(field, from, to)| json!({"field": field, "from": from, "to": to}));
        json!({"kind": act.kind, "username": act.username, "changes": changes.collect::<Vec<_>>()})
    });
    json["changes"] = acts.collect();
    json["missing_groups"] = json!(compared.missing);
    Answer::new(json, text)
}

fn counts(counts: &BTreeMap<String, usize>, unchanged: usize) -> String {
    let word = |kind: &str| match kind {
        "create" => "created",
        "take_over" => "taken over",
        "restore" => "restored",
        "disable" => "disabled",
        "update" => "updated",
        "trash" => "to the trash",
        _ => "changed",
    };
    let mut parts: Vec<String> = counts.iter().map(|(kind, count)| format!("{count} {}", word(kind))).collect();
    parts.push(format!("{unchanged} unchanged"));
    parts.join(", ")
}

fn remarks(outcome: &Outcome) -> String {
    let mut text = String::new();
    for remark in outcome.remarks.iter().take(20) {
        let line = format!("{}: {}", remark.username, remark.words);
        text.push_str(&format!("\n  {}", countersign_device::clean(&line, 300)));
    }
    let more = outcome.remarks_total.saturating_sub(outcome.remarks.len().min(20));
    if more > 0 {
        text.push_str(&format!("\n  and {more} more remarks"));
    }
    text
}

fn is_running(record: &DirectoryRecord, now: Timestamp) -> bool {
    // A run whose node did not live to end it is over when its lease is.
    record.running.as_ref().is_some_and(|(_, until)| *until > now)
}

fn state(record: &DirectoryRecord, now: Timestamp) -> &'static str {
    match (is_running(record, now), record.paused) {
        (true, _) => "running",
        (false, true) => "paused",
        (false, false) => "on schedule",
    }
}

fn last(record: &DirectoryRecord) -> String {
    match (record.last_run_at, Outcome::read(&record.outcome)) {
        (Some(at), Some(outcome)) => format!("{}: {}, {}", moment(at), outcome.result, outcome.words),
        _ => "never".to_owned(),
    }
}

fn attributes(settings: &DirectorySettings) -> String {
    let names = &settings.attributes;
    let mut parts = vec![format!("username={}", names.username)];
    parts.extend(names.aliases.iter().map(|name| format!("alias={name}")));
    let single = [("full_name", &names.full_name), ("email", &names.email), ("notes", &names.notes)];
    parts.extend(single.into_iter().filter_map(|(field, name)| Some(format!("{field}={}", name.as_ref()?))));
    parts.extend(names.phones.iter().map(|name| format!("phone={name}")));
    parts.join(", ")
}

fn directory_json(
    record: &DirectoryRecord,
    agents: &[&AgentRecord],
    users: u64,
    now: Timestamp,
) -> Result<Json, EngineError> {
    let settings = DirectorySettings::read(&record.settings)?;
    let agents = agents.iter().map(|agent| {
        json!({
            "proxy": agent.proxy,
            "host": agent.host,
            "version": agent.version,
            "section": agent.section,
            "directory": agent.words,
            "first_factor": agent.first_factor,
            "address": agent.address,
            "node": agent.node,
            "connected": agent.connected_at.as_second(),
            "seen": agent.seen_at.as_second(),
        })
    });
    Ok(json!({
        "dkey": record.id.as_str(),
        "name": record.name,
        "integration_key": record.integration.as_str(),
        "settings": settings,
        "paused": record.paused,
        "running": is_running(record, now),
        "confirmed": record.confirmed,
        "users": users,
        "next_run": record.next_run_at.as_second(),
        "last_run": unix(record.last_run_at),
        "last_success": unix(record.last_success_at),
        "last_outcome": Outcome::read(&record.outcome),
        "proxies": agents.collect::<Vec<_>>(),
    }))
}
