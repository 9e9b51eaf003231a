//! `countersign admin group`

use clap::{Args, Subcommand};
use cs_core::bypass::Bypass;
use cs_core::group::GroupStatus;
use cs_engine::admin::groups::GroupChange;
use cs_store::groups::GroupRecord;
use cs_store::users::Slice;
use jiff::Timestamp;
use serde_json::{Value as Json, json};

use super::bypass_args::{BypassArgs, add_bypass, bypass_line};
use super::error::AdminError;
use super::out::{Answer, Card, Table};
use super::site::{ACTOR, Site};

/// Groups of users, whose status applies to every member
#[derive(Debug, Args)]
pub(super) struct Group {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// List groups
    List,
    /// Show a group and its members
    Show { group: String },
    /// Create a group
    Create {
        name: String,
        #[command(flatten)]
        fields: Fields,
    },
    /// Change a group
    Modify {
        group: String,
        /// The new name
        #[arg(long)]
        name: Option<String>,
        #[command(flatten)]
        fields: Fields,
    },
    /// Delete a group; its members stay
    Delete { group: String },
    /// Put users into a group
    Add {
        group: String,
        #[arg(required = true)]
        users: Vec<String>,
    },
    /// Take users out of a group
    Remove {
        group: String,
        #[arg(required = true)]
        users: Vec<String>,
    },
}

#[derive(Debug, Args)]
struct Fields {
    #[arg(long)]
    description: Option<String>,
    #[arg(long)]
    status: Option<StatusWord>,
    #[command(flatten)]
    bypass: BypassArgs,
}

#[derive(Debug, Clone, Copy, clap::ValueEnum)]
enum StatusWord {
    Active,
    Bypass,
    Disabled,
}

impl Fields {
    fn change(&self, name: Option<&String>, is_in_bypass: bool, now: Timestamp) -> Result<GroupChange, AdminError> {
        Ok(GroupChange {
            name: name.cloned(),
            description: self.description.clone(),
            status: self.status.map(|word| match word {
                StatusWord::Active => GroupStatus::Active,
                StatusWord::Bypass => GroupStatus::Bypass,
                StatusWord::Disabled => GroupStatus::Disabled,
            }),
            bypass_reason: self.bypass.reason_for(!is_in_bypass && matches!(self.status, Some(StatusWord::Bypass)))?,
            bypass_end: self.bypass.end(now)?,
        })
    }
}

impl Group {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        let engine = &site.engine;
        match &self.command {
            Command::List => list(site).await,
            Command::Show { group } => show(site, &site.group(group).await?).await,
            Command::Create { name, fields } => {
                let group =
                    engine.create_group(site.account, ACTOR, name, &fields.change(None, false, site.now())?).await?;
                Ok(said(&group, "created", site.now()))
            }
            Command::Modify { group, name, fields } => {
                let before = site.group(group).await?;
                let is_in_bypass = before.status_at(site.now()) == GroupStatus::Bypass;
                let change = fields.change(name.as_ref(), is_in_bypass, site.now())?;
                engine.change_group(site.account, ACTOR, before.id, &change).await?;
                Ok(said(&site.group(before.id.as_str()).await?, "changed", site.now()))
            }
            Command::Delete { group } => {
                let group = site.group(group).await?;
                site.confirm(&format!("This deletes the group {} ({}).", group.name, group.id))?;
                engine.delete_group(site.account, ACTOR, group.id).await?;
                let text = said(&group, "deleted", site.now()).text;
                Ok(Answer::new(json!({"group_id": group.id.as_str(), "deleted": true}), text))
            }
            Command::Add { group, users } => {
                let group = site.group(group).await?;
                for user in users {
                    engine.add_to_group(site.account, ACTOR, site.user(user).await?.id, group.id).await?;
                }
                show(site, &group).await
            }
            Command::Remove { group, users } => {
                let group = site.group(group).await?;
                for user in users {
                    engine.remove_from_group(site.account, ACTOR, site.user(user).await?.id, group.id).await?;
                }
                show(site, &group).await
            }
        }
    }
}

async fn list(site: &Site) -> Result<Answer, AdminError> {
    let page = site.reader().groups(site.account, None, Slice { offset: 0, limit: 1000 }).await?;
    let mut table = Table::new(&["name", "status", "description", "id"]);
    for group in &page.items {
        let status = group.status_at(site.now()).as_str().to_owned();
        table.row([group.name.clone(), status, group.description.clone(), group.id.to_string()]);
    }
    let groups: Vec<Json> = page.items.iter().map(|group| group_json(group, site.now())).collect();
    Ok(Answer::new(json!({"groups": groups, "total": page.total}), table.text("no groups")))
}

async fn show(site: &Site, group: &GroupRecord) -> Result<Answer, AdminError> {
    let members = site.reader().group_members(site.account, group.id, Slice { offset: 0, limit: 1000 }).await?;
    let mut card = Card::default();
    card.line("name", group.name.as_str())
        .line("id", group.id.as_str())
        .line("status", group.status_at(site.now()).as_str())
        .line("bypass", standing_bypass(group, site.now()).map(bypass_line).unwrap_or_default())
        .line("description", group.description.as_str())
        .line("members", members.total.to_string());
    for (id, name) in &members.items {
        card.line("member", format!("{name} ({id})"));
    }
    let mut json = group_json(group, site.now());
    json["members"] =
        members.items.iter().map(|(id, name)| json!({"user_id": id.as_str(), "username": name})).collect();
    json["total_members"] = members.total.into();
    Ok(Answer::new(json, card.text()))
}

fn said(group: &GroupRecord, what: &str, now: Timestamp) -> Answer {
    let name = countersign_device::clean(&group.name, 100);
    Answer::new(group_json(group, now), format!("{name} ({}): {what}", group.id))
}

/// The bypass that the group is in, unless it is over.
fn standing_bypass(group: &GroupRecord, now: Timestamp) -> Option<&Bypass> {
    group.bypass.as_ref().filter(|_| group.status_at(now) == GroupStatus::Bypass)
}

/// A group's JSON shape.
pub(super) fn group_json(group: &GroupRecord, now: Timestamp) -> Json {
    let mut json = json!({
        "group_id": group.id.as_str(),
        "name": group.name,
        "desc": group.description,
        "status": group.status_at(now).as_str(),
    });
    add_bypass(&mut json, standing_bypass(group, now));
    json
}
