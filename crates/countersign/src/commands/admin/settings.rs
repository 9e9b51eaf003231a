//! `countersign admin settings`

use clap::{Args, Subcommand};
use cs_engine::EngineError;
use cs_engine::admin::settings::{SETTINGS, SettingKind, all_settings};
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
    /// Show all settings with their values and what they may be, or one
    Show {
        /// Only this setting
        name: Option<String>,
    },
    /// Change a setting; an empty value takes it back to its default
    #[command(after_help = "\
Examples:
  countersign admin settings set lockout_threshold 6
  countersign admin settings set lockout_threshold ''      back to the default")]
    Set {
        /// As `settings show` lists it
        name: String,
        /// What it may be, `settings show` says
        value: String,
    },
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
                let changed = site.engine.change_settings(site.account, ACTOR, &given).await;
                let account = changed.map_err(|error| told(error, name))?;
                Ok(shown(&account, Some(name)))
            }
        }
    }
}

fn known(name: &str) -> Result<(), AdminError> {
    let names = || SETTINGS.iter().map(|setting| setting.name).chain([NAME]);
    if names().any(|known| known == name) { Ok(()) } else { Err(missing("setting", name, names())) }
}

/// With what the setting may be, where that is what is wrong.
fn told(error: EngineError, name: &str) -> AdminError {
    let setting = SETTINGS.iter().find(|setting| setting.name == name);
    match (error, setting) {
        (EngineError::Invalid(_), Some(setting)) => {
            AdminError::Value { name: setting.name, expected: may_be(setting.kind) }
        }
        (error, _) => error.into(),
    }
}

/// What a setting may be, in words.
fn may_be(kind: SettingKind) -> String {
    match kind {
        SettingKind::Number(least, most) => format!("{least} to {most}"),
        SettingKind::NumberOrOff(least, most) => format!("{least} to {most}, or 0 for off"),
        SettingKind::Flag => "true or false".to_owned(),
        SettingKind::Bit => "1 or 0".to_owned(),
        SettingKind::Text(most) => format!("text, at most {most} characters"),
        SettingKind::Choice(words) => words.join(", "),
        SettingKind::Email => "addresses, separated by commas".to_owned(),
        SettingKind::TimeZone => "a time zone, such as Europe/Berlin".to_owned(),
        SettingKind::TelephoneKey => "a key of a telephone: 0 to 9, # or *".to_owned(),
        SettingKind::Models => "AAGUIDs, separated by commas".to_owned(),
    }
}

fn shown(account: &Account, only: Option<&str>) -> Answer {
    let mut all = all_settings(account);
    all.retain(|name, _| only.is_none_or(|only| only == name));
    let mut table = Table::new(&["setting", "value", "", "may be"]);
    for (name, value) in &all {
        let is_set = name == NAME || account.settings.contains_key(name);
        let kind = SETTINGS.iter().find(|setting| setting.name == name).map(|setting| may_be(setting.kind));
        let origin = if is_set { "" } else { "(default)" };
        table.row([name.clone(), plain(value), origin.to_owned(), kind.unwrap_or_default()]);
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
