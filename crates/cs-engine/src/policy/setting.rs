//! One setting as people type it: `section.key=value`.

use std::str::FromStr;

use cs_core::policy::{Section, Word as _};
use serde_json::{Map, Value as Json};

use super::draft::Draft;
use super::error::PolicyError;
use super::json::{read_sections, section_named, write_complete};

/// A setting to be made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Setting {
    section: Section,
    path: Vec<String>,
    value: String,
}

impl FromStr for Setting {
    type Err = PolicyError;

    /// Reads `section.key=value`; keys within keys have dots between. Lists are separated by commas, or JSON; an empty value is an empty list or the default.
    fn from_str(text: &str) -> Result<Self, PolicyError> {
        let shape = || PolicyError::document(text.chars().take(64).collect::<String>(), "is not section.key=value");
        let (name, value) = text.split_once('=').ok_or_else(shape)?;
        let (section, path) = name.trim().split_once('.').ok_or_else(shape)?;
        let path: Vec<String> = path.split('.').map(str::to_owned).collect();
        if path.iter().any(String::is_empty) || path.len() > 4 {
            return Err(shape());
        }
        Ok(Self { section: section_named(section)?, path, value: value.trim().to_owned() })
    }
}

impl Draft {
    /// Makes settings of a policy. A section that it does not have yet begins as it is in the global policy.
    pub fn set(&mut self, key: &str, settings: &[Setting]) -> Result<(), PolicyError> {
        let mut shown = write_complete(&self.global());
        let policy = self.find(key)?;
        if !policy.is_global() {
            shown.extend(self.shown_sections(policy));
        }
        let mut changed = Map::new();
        for setting in settings {
            let name = setting.section.as_str();
            let section = changed.entry(name).or_insert_with(|| shown.get(name).cloned().unwrap_or_default());
            write(section, &setting.path, &setting.value)?;
        }
        let sections = read_sections(&Json::Object(changed))?;
        self.change(key, &sections, &[])
    }
}

/// Puts `value` at `path`, as the kind of value that is there.
fn write(section: &mut Json, path: &[String], value: &str) -> Result<(), PolicyError> {
    let Some((last, parents)) = path.split_last() else { return Ok(()) };
    let mut place = section;
    for name in parents {
        let Json::Object(members) = place else { break };
        place = members.entry(name.as_str()).or_insert_with(|| Json::Object(Map::new()));
    }
    let Json::Object(members) = place else {
        return Err(PolicyError::document(path.join("."), "has no keys within"));
    };
    match typed(members.get(last), last, value) {
        Some(value) => drop(members.insert(last.clone(), value)),
        None => drop(members.remove(last)),
    }
    Ok(())
}

/// `value` as the kind that `there` is; what is not there yet is taken for what it looks like. `None` takes the key away.
fn typed(there: Option<&Json>, name: &str, value: &str) -> Option<Json> {
    let as_json = || serde_json::from_str::<Json>(value).ok();
    let as_text = || Json::from(value);
    match there {
        Some(Json::Array(_)) if !value.starts_with('[') => {
            let items = value.split(',').map(str::trim).filter(|item| !item.is_empty());
            Some(items.map(Json::from).collect())
        }
        _ if value.is_empty() => None,
        Some(Json::String(_)) => Some(as_text()),
        None if name.ends_with("version") => Some(as_text()),
        Some(_) | None => Some(as_json().unwrap_or_else(as_text)),
    }
}

/// The settings of a document as `key.key: value`, sorted, for people.
pub fn flat(json: &Json) -> Vec<(String, String)> {
    let mut lines = Vec::new();
    flatten("", json, &mut lines);
    lines.sort();
    lines
}

fn flatten(at: &str, json: &Json, lines: &mut Vec<(String, String)>) {
    let below = |name: &str| if at.is_empty() { name.to_owned() } else { format!("{at}.{name}") };
    match json {
        Json::Object(members) => members.iter().for_each(|(name, value)| flatten(&below(name), value, lines)),
        Json::Array(items) if items.iter().all(Json::is_string) => {
            let texts: Vec<&str> = items.iter().filter_map(Json::as_str).collect();
            lines.push((at.to_owned(), texts.join(",")));
        }
        Json::String(text) => lines.push((at.to_owned(), text.clone())),
        Json::Null => {}
        Json::Array(_) | Json::Bool(_) | Json::Number(_) => lines.push((at.to_owned(), json.to_string())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use cs_core::account::LoginSettings;
    use cs_core::id::AccountId;
    use cs_core::policy::{Complete, Sections};
    use cs_store::policies::{PolicyRecord, PolicyRows};
    use jiff::Timestamp;
    use serde_json::json;

    fn draft() -> Draft {
        let account: AccountId = "DAAAAAAAAAAAAAAAAAAA".parse().unwrap();
        let global = PolicyRecord::new_global(account, Timestamp::UNIX_EPOCH);
        let rows = PolicyRows { version: 1, login: LoginSettings::default(), policies: vec![global], uses: vec![] };
        Draft::new(&rows, Complete::default()).unwrap()
    }

    fn set(draft: &mut Draft, key: &str, settings: &[&str]) -> Result<(), PolicyError> {
        let settings: Result<Vec<Setting>, _> = settings.iter().map(|text| text.parse()).collect();
        draft.set(key, &settings?)
    }

    #[test]
    fn settings_are_made_of_the_kind_that_is_there() {
        let mut draft = draft();
        let key = draft.create("A", Sections::default()).unwrap().to_string();
        let settings = [
            "screen_lock.require_screen_lock=false",
            "user_location.deny_access_countries_list=KP, IR",
            "authorized_networks.no_2fa_required.ip_list=10.0.0.0/8,192.0.2.1-192.0.2.9",
            "remembered_devices.browser_apps.user_based.max_time_value=7",
            "operating_systems.os_restrictions.ios.block_policy=less-than-version",
            "operating_systems.os_restrictions.ios.block_version=16",
            "new_user.unknown_user_behavior=deny",
            "step_down.rules=[{\"ip_list\":[\"10.0.0.0/8\"]}]",
        ];
        set(&mut draft, &key, &settings).unwrap();
        let shown = Json::Object(draft.shown_sections(draft.find(&key).unwrap()));
        assert_eq!(shown["screen_lock"], json!({"require_screen_lock": false, "block_unknown": false}));
        assert_eq!(shown["user_location"]["deny_access_countries_list"], json!(["IR", "KP"]));
        assert_eq!(
            shown["authorized_networks"]["no_2fa_required"]["ip_list"],
            json!(["10.0.0.0/8", "192.0.2.1-192.0.2.9"])
        );
        assert_eq!(shown["remembered_devices"]["browser_apps"]["user_based"]["max_time_value"], 7);
        assert_eq!(shown["operating_systems"]["os_restrictions"]["ios"]["block_version"], "16");
        assert_eq!(shown["new_user"]["unknown_user_behavior"], "deny");
        // A key emptied is a key at its default.
        let emptied = ["new_user.unknown_user_behavior=", "user_location.deny_access_countries_list="];
        set(&mut draft, &key, &emptied).unwrap();
        let shown = Json::Object(draft.shown_sections(draft.find(&key).unwrap()));
        assert_eq!(shown["user_location"]["deny_access_countries_list"], json!([]));
        let lines = flat(&shown["screen_lock"]);
        assert_eq!(lines[1], ("require_screen_lock".to_owned(), "false".to_owned()));
    }

    #[test]
    fn a_section_begins_as_it_is_in_the_global_policy() {
        let mut draft = draft();
        set(&mut draft, "global", &["user_location.access_device_only=true"]).unwrap();
        let key = draft.create("A", Sections::default()).unwrap().to_string();
        set(&mut draft, &key, &["user_location.deny_access_countries_list=KP"]).unwrap();
        let sections = &draft.find(&key).unwrap().sections;
        assert!(sections.user_location.as_ref().unwrap().access_device_only);
        assert_eq!(sections.present().count(), 1);
    }

    #[test]
    fn what_is_no_setting_is_refused() {
        for (text, said) in [
            ("screen_lock", "screen_lock: is not section.key=value"),
            ("screen_lock=true", "screen_lock=true: is not section.key=value"),
            ("lock.a=b", "lock: there is no such section"),
            (
                "screen_lock.require=true",
                "screen_lock.require: there is no such key; there are require_screen_lock, block_unknown",
            ),
            ("screen_lock.require_screen_lock=perhaps", "screen_lock.require_screen_lock: must be true or false"),
            ("screen_lock.require_screen_lock.a=1", "require_screen_lock.a: has no keys within"),
            (
                "user_location.deny_access_countries_list=XX1",
                "user_location.deny_access_countries_list: \"XX1\" is no code of a country (ISO 3166-1, two letters)",
            ),
        ] {
            assert_eq!(set(&mut draft(), "global", &[text]).unwrap_err().to_string(), said);
        }
    }
}
