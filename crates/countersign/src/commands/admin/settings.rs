//! `countersign admin settings`

use clap::{Args, Subcommand};
use cs_engine::EngineError;
use cs_engine::admin::settings::{SETTINGS, all_settings};
use cs_store::accounts::Account;
use serde_json::{Map, Value as Json, json};

use super::error::AdminError;
use super::lookup::missing;
use super::out::{Answer, Table};
use super::site::{ACTOR, Site};

/// The organisation's name, which is kept beside the settings.
const NAME: &str = "name";

/// Settings of the account: lockout, number matching, passwords and the rest
#[derive(Debug, Args)]
pub(super) struct Settings {
    #[command(subcommand)]
    command: Command,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Show all settings, or one
    Show { name: Option<String> },
    /// Change a setting; an empty value takes it back to its default
    Set { name: String, value: String },
}

impl Settings {
    pub(super) async fn run(&self, site: &Site) -> Result<Answer, AdminError> {
        match &self.command {
            Command::Show { name } => {
                if let Some(name) = name {
                    known(name)?;
                }
                let account = site.engine.store().account(site.account).await?.ok_or(EngineError::NotFound)?;
                Ok(shown(&account, name.as_deref()))
            }
            Command::Set { name, value } => {
                known(name)?;
                let given = [(name.clone(), value.clone())];
                let account = site.engine.change_settings(site.account, ACTOR, &given).await?;
                Ok(shown(&account, Some(name)))
            }
        }
    }
}

fn known(name: &str) -> Result<(), AdminError> {
    let names = || SETTINGS.iter().map(|setting| setting.name).chain([NAME]);
    if names().any(|known| known == name) { Ok(()) } else { Err(missing("setting", name, names())) }
}

fn shown(account: &Account, only: Option<&str>) -> Answer {
    let mut all = all_settings(account);
    all.retain(|name, _| only.is_none_or(|only| only == name));
    let mut table = Table::new(&["setting", "value", ""]);
    for (name, value) in &all {
        let is_set = name == NAME || account.settings.contains_key(name);
        table.row([name.clone(), plain(value), if is_set { "" } else { "(default)" }.to_owned()]);
    }
    let json = json!({"settings": all.into_iter().collect::<Map<String, Json>>()});
    Answer::new(json, table.text(""))
}

fn plain(value: &Json) -> String {
    match value {
        Json::String(text) => text.clone(),
        Json::Null => "none".to_owned(),
        other => other.to_string(),
    }
}
