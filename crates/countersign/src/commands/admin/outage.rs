//! `countersign admin outage`: what every proxy and application would do if this server could not be asked, and who may check codes then.

use std::collections::{HashMap, HashSet};

use clap::{Args, Subcommand};
use cs_core::id::IntegrationKey;
use cs_engine::outage::SILENT_AFTER;
use cs_store::proxies::{OutageGroup, ProxyRecord};
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::error::AdminError;
use super::out::{Answer, Card, Table, moment, moment_or, unix};
use super::site::{ACTOR, Site};

/// What a login comes to where nobody can be asked.
const OPEN: &str = "the first factor alone lets in";
const CLOSED: &str = "nobody is let in";

/// Outages: what proxies and applications do while this server cannot be asked
#[derive(Debug, Args)]
pub(super) struct Outage {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List the fail mode that each section of each proxy and each program has told, and what would happen now
    List,
    /// Let the proxies of an application check codes during an outage (failmode=offline)
    Offline {
        integration: String,
        /// Applications with one group share codes: lowercase letters, digits and hyphens. People type it into their authenticators
        #[arg(long)]
        group: String,
        /// How long a proxy may do so after it last heard of the server
        #[arg(long, default_value_t = 72)]
        hours: i64,
        /// Only members of this group of users
        #[arg(long, value_name = "GROUP")]
        users_of: Option<String>,
        /// The most people
        #[arg(long, default_value_t = 500)]
        max_users: i64,
        /// So many wrong codes in a row refuse a person until the server is back
        #[arg(long, default_value_t = 5)]
        attempts: i64,
        /// So many times a person is let in during one outage
        #[arg(long, default_value_t = 10)]
        uses: i64,
    },
    /// Give an application's proxies no more codes; what they have ends by itself
    NoOffline { integration: String },
}

impl Outage {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::List => list(site).await,
            Command::Offline { integration, group, hours, users_of, max_users, attempts, uses } => {
                let application = site.integration(integration).await?;
                let users_of = match users_of {
                    Some(name) => Some(site.group(name).await?.id),
                    None => None,
                };
                let group = OutageGroup {
                    account: site.account,
                    integration: application.key,
                    name: group.clone(),
                    hours: *hours,
                    users_of,
                    max_users: *max_users,
                    attempts: *attempts,
                    uses: *uses,
                    changed_at: site.now(),
                };
                site.engine.set_outage_group(site.account, ACTOR, application.key, Some(&group)).await?;
                let mut card = Card::default();
                card.line("application", application.name.as_str())
                    .line("group", group.name.as_str())
                    .line("good for", format!("{} hours after the server was last heard of", group.hours))
                    .line("at most", format!("{} people, {} times each", group.max_users, group.uses));
                Ok(Answer::new(group_json(&group), card.text()))
            }
            Command::NoOffline { integration } => {
                let application = site.integration(integration).await?;
                site.engine.set_outage_group(site.account, ACTOR, application.key, None).await?;
                let json = json!({"integration_key": application.key.as_str(), "offline": false});
                Ok(Answer::new(json, format!("{}: its proxies get no more codes", application.name)))
            }
        }
    }
}

/// One line of the overview.
struct Line {
    application: String,
    host: String,
    /// A proxy's section, or a program.
    what: String,
    failmode: String,
    heard: Option<Timestamp>,
    would: String,
}

async fn list(site: &Site) -> Result<Answer, AdminError> {
    let now = site.now();
    let store = site.engine.store();
    let (records, _) = store.integration_records(site.account, 1000, 0).await?;
    let names: HashMap<IntegrationKey, &str> = records.iter().map(|one| (one.key, one.name.as_str())).collect();
    let name_of = |key: &IntegrationKey| names.get(key).copied().unwrap_or_default();
    let mut lines = Vec::new();
    let mut told = HashSet::new();

    let mut proxies = Vec::new();
    for proxy in store.proxies(site.account).await? {
        let (word, text) = would(&proxy, now);
        let name = name_of(&proxy.integration);
        told.insert(proxy.integration);
        proxies.push(json!({
            "integration_key": proxy.integration.as_str(),
            "application": name,
            "proxy": proxy.proxy,
            "host": proxy.host,
            "section": proxy.section,
            "version": proxy.version,
            "failmode": proxy.failmode,
            "offline_until": unix(proxy.offline_until),
            "emergency_until": unix(proxy.emergency_until),
            "first_seen": proxy.first_seen_at.as_second(),
            "last_seen": proxy.last_seen_at.as_second(),
            "heard": !is_silent(&proxy, now),
            "would": word,
        }));
        lines.push(Line {
            application: name.to_owned(),
            host: proxy.host,
            what: proxy.section,
            failmode: proxy.failmode,
            heard: Some(proxy.last_seen_at),
            would: text,
        });
    }

    let mut clients = Vec::new();
    for client in store.login_clients(site.account).await? {
        let (word, text) = if client.failmode == "safe" { ("open", OPEN) } else { ("closed", CLOSED) };
        let name = name_of(&client.integration);
        told.insert(client.integration);
        clients.push(json!({
            "integration_key": client.integration.as_str(),
            "application": name,
            "host": client.host,
            "program": client.program,
            "failmode": client.failmode,
            "first_seen": client.first_seen_at.as_second(),
            "last_seen": client.last_seen_at.as_second(),
            "would": word,
        }));
        lines.push(Line {
            application: name.to_owned(),
            host: client.host,
            what: client.program,
            failmode: client.failmode,
            heard: Some(client.last_seen_at),
            would: text.to_owned(),
        });
    }

    let mut untold = Vec::new();
    for record in records.iter().filter(|one| one.enabled && one.kind.is_for_logins() && !told.contains(&one.key)) {
        untold.push(json!({
            "integration_key": record.key.as_str(),
            "application": record.name,
            "type": record.kind.as_str(),
            "would": "unknown",
        }));
        lines.push(Line {
            application: record.name.clone(),
            host: String::new(),
            what: String::new(),
            failmode: "not told".to_owned(),
            heard: None,
            would: "the application decides".to_owned(),
        });
    }

    let json = json!({"proxies": proxies, "clients": clients, "untold": untold});
    Ok(Answer::new(json, table(lines).text("there is no application to log in to")))
}

fn table(mut lines: Vec<Line>) -> Table {
    lines.sort_by(|a, b| (&a.application, &a.host, &a.what).cmp(&(&b.application, &b.host, &b.what)));
    let mut table =
        Table::new(&["application", "host", "section or program", "fail mode", "last heard", "what would happen now"]);
    for line in lines {
        let heard = moment_or(line.heard, "");
        table.row([line.application, line.host, line.what, line.failmode, heard, line.would]);
    }
    table
}

fn group_json(group: &OutageGroup) -> Json {
    json!({
        "integration_key": group.integration.as_str(),
        "group": group.name,
        "hours": group.hours,
        "users_of": group.users_of.as_ref().map(|id| id.as_str()),
        "max_users": group.max_users,
        "attempts": group.attempts,
        "uses": group.uses,
    })
}

fn is_silent(proxy: &ProxyRecord, now: Timestamp) -> bool {
    now.duration_since(proxy.last_seen_at) > SILENT_AFTER
}

/// What a login would come to if the server could not be asked from now on: a word for programs, a text for people.
fn would(proxy: &ProxyRecord, now: Timestamp) -> (&'static str, String) {
    let quiet = if is_silent(proxy, now) { " (silent)" } else { "" };
    if let Some(until) = proxy.emergency_until.filter(|until| now < *until) {
        return ("emergency", format!("NO SECOND FACTOR until {}, server or not{quiet}", moment(until)));
    }
    let (word, text) = match (proxy.failmode.as_str(), proxy.offline_until.filter(|until| now < *until)) {
        ("safe", _) => ("open", OPEN.to_owned()),
        ("offline", Some(until)) => ("codes", format!("codes let in, until {}", moment(until))),
        ("offline", None) => ("closed", "nobody is let in: it has no codes".to_owned()),
        _ => ("closed", CLOSED.to_owned()),
    };
    (word, format!("{text}{quiet}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_would_happen_is_said_of_every_kind_of_proxy() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let proxy = |failmode: &str, offline: Option<i64>, emergency: Option<i64>, seen: i64| ProxyRecord {
            account: "DAXXXXXXXXXXXXXXXXXX".parse().unwrap(),
            integration: "DIXXXXXXXXXXXXXXXXXX".parse().unwrap(),
            proxy: "p".to_owned(),
            section: "s".to_owned(),
            host: "h".to_owned(),
            version: "1".to_owned(),
            failmode: failmode.to_owned(),
            offline_until: offline.map(at),
            emergency_until: emergency.map(at),
            first_seen_at: at(0),
            last_seen_at: at(seen),
        };
        for (proxy, word, is_quiet) in [
            (proxy("safe", None, None, 1000), "open", false),
            (proxy("secure", None, None, 1000), "closed", false),
            (proxy("offline", Some(2000), None, 1000), "codes", false),
            (proxy("offline", Some(1000), None, 1000), "closed", false),
            (proxy("offline", None, None, 819), "closed", true),
            (proxy("secure", None, Some(2000), 1000), "emergency", false),
            (proxy("safe", None, Some(999), 820), "open", false),
            (proxy("something else", None, None, 1000), "closed", false),
        ] {
            let (said, text) = would(&proxy, at(1000));
            assert_eq!((said, text.contains("silent")), (word, is_quiet), "{proxy:?}");
        }
    }
}
