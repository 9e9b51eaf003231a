//! The account's settings: their names, ranges and defaults, and how they change.
//!
//! [`SETTINGS`] is the one list; the Admin API shows and takes exactly these.

use cs_core::id::AccountId;
use cs_core::webauthn::{Aaguid, AaguidList};
use cs_store::Job;
use cs_store::accounts::{Account, login_settings};
use cs_store::policies::turn_page_for_settings;
use serde_json::{Map, Value as Json, json};

use super::text::bounded;
use super::{Actor, admin_record, is_email};
use crate::{Engine, EngineError, MAX_ROUNDS};

/// What a setting may be.
#[derive(Debug, Clone, Copy)]
pub enum SettingKind {
    /// A whole number in a range.
    Number(i64, i64),
    /// A whole number in a range, or 0 for "off".
    NumberOrOff(i64, i64),
    /// True or false.
    Flag,
    /// True or false, shown as 1 or 0.
    Bit,
    /// A text of at most so many characters.
    Text(usize),
    /// One of these words, in any case.
    Choice(&'static [&'static str]),
    /// An e-mail address, or nothing.
    Email,
    /// An IANA time zone.
    TimeZone,
    /// A key of a telephone, or nothing.
    TelephoneKey,
    /// AAGUIDs separated by commas, or nothing.
    Models,
}

/// One setting.
#[derive(Debug, Clone, Copy)]
pub struct Setting {
    /// Its name on the wire and in the database.
    pub name: &'static str,
    /// What it may be.
    pub kind: SettingKind,
    /// What it is while nobody has set it.
    pub default: fn() -> Json,
}

macro_rules! settings {
    ($($name:literal: $kind:expr, $default:tt;)*) => {
        /// Every setting.
        pub const SETTINGS: &[Setting] = &[$(Setting { name: $name, kind: $kind, default: || json!($default) }),*];
    };
}

use SettingKind::{Bit, Choice, Email, Flag, Models, Number, NumberOrOff, TelephoneKey, Text, TimeZone};

settings! {
    "lockout_threshold": Number(1, 9999), 10;
    "lockout_expire_duration": NumberOrOff(5, 30_000), 15;
    "inactive_user_expiration": NumberOrOff(30, 365), 0;
    "inactive_admin_expiration": NumberOrOff(30, 365), 0;
    "unenrolled_user_lockout_threshold": NumberOrOff(1, 365), 0;
    "pending_deletion_days": NumberOrOff(1, 30), 7;
    "log_retention_days": NumberOrOff(1, 3650), null;
    "new_user_behavior": Choice(&["enroll", "allow", "deny"]), "enroll";
    "number_matching": Flag, true;
    "number_matching_digits": Number(2, 8), 6;
    "push_without_display": Choice(&["plain", "passcode"]), "plain";
    "confirm_activation": Flag, false;
    "self_service_remove_last": Flag, false;
    "self_service_move_by_code": Flag, true;
    "webauthn_aaguids": Models, "";
    "duo_mobile_otp_type": Choice(&["hotp", "totp"]), "hotp";
    "sms_batch": Number(1, 10), 1;
    "sms_expiration": NumberOrOff(1, 525_600), 10;
    "sms_refresh": Bit, 0;
    "sms_message": Text(160), "SMS passcodes";
    "fraud_email": Email, "";
    "fraud_email_enabled": Flag, false;
    "keypress_confirm": TelephoneKey, "";
    "keypress_fraud": TelephoneKey, "";
    "timezone": TimeZone, "UTC";
    "language": Choice(&["EN", "DE", "FR", "ES", "JA"]), "EN";
    "telephony_warning_min": Number(0, 1_000_000), 0;
    "user_telephony_cost_max": Number(0, 1_000), 20;
    "caller_id": Text(20), "";
    "helpdesk_bypass": Choice(&["allow", "limit", "deny"]), "allow";
    "helpdesk_bypass_expiration": NumberOrOff(1, 525_600), 0;
    "bypass_expiration": NumberOrOff(5, 525_600), 0;
    "bypass_without_end": Flag, false;
    "exception_requests": Flag, true;
    "exception_max_minutes": Number(5, 43_200), 1440;
    "exception_answer_minutes": Number(5, 43_200), 1440;
    "helpdesk_can_send_enroll_email": Flag, false;
    "helpdesk_message": Text(200), "";
    "minimum_password_length": Number(12, 100), 12;
    "password_requires_upper_alpha": Flag, false;
    "password_requires_lower_alpha": Flag, false;
    "password_requires_numeric": Flag, false;
    "password_requires_special": Flag, false;
    "user_managers_can_put_users_in_bypass": Flag, true;
    "email_activity_notification_enabled": Flag, false;
    "push_activity_notification_enabled": Flag, false;
    "enrollment_universal_prompt_enabled": Flag, true;
    "security_checkup_enabled": Bit, 1;
    "global_ssp_policy_enforced": Flag, false;
    "instant_restore_enabled": Bit, 1;
    "mobile_analytics_disabled": Bit, 1;
}

impl Setting {
    /// `given` as this setting keeps it, or the error that names it. Empty text takes a setting back to its default where it is no text itself.
    fn read(&self, given: &str) -> Result<Json, EngineError> {
        let invalid = || EngineError::Invalid(self.name);
        let number = || given.parse::<i64>().map_err(|_| invalid());
        let flag = || match given.to_ascii_lowercase().as_str() {
            "1" | "true" => Ok(true),
            "0" | "false" => Ok(false),
            _ => Err(invalid()),
        };
        Ok(match self.kind {
            Number(..) | NumberOrOff(..) | Flag | Bit | Choice(_) | TimeZone if given.is_empty() => Json::Null,
            Number(min, max) => json!(number()?.in_range(min, max).ok_or_else(invalid)?),
            NumberOrOff(min, max) => match number()? {
                0 => json!(0),
                number => json!(number.in_range(min, max).ok_or_else(invalid)?),
            },
            Flag => json!(flag()?),
            Bit => json!(u8::from(flag()?)),
            Text(most) => json!(bounded(self.name, given, most)?),
            Choice(words) => {
                let word = words.iter().find(|word| word.eq_ignore_ascii_case(given));
                json!(word.ok_or_else(invalid)?)
            }
            Email => match given {
                "" => json!(""),
                // Several addresses are separated by commas.
                list if list.len() <= 1024 && list.split(',').all(|email| is_email(email.trim())) => json!(list),
                _ => return Err(invalid()),
            },
            TimeZone => {
                jiff::tz::TimeZone::get(given).map_err(|_| invalid())?;
                json!(given)
            }
            Models => {
                let models: Vec<&str> = given.split(',').map(str::trim).filter(|model| !model.is_empty()).collect();
                let models: Result<Vec<Aaguid>, _> = models.into_iter().map(str::parse).collect();
                let models = models.ok().filter(|models| models.len() <= AaguidList::MOST).ok_or_else(invalid)?;
                if models.iter().any(|model| model.is_unknown()) {
                    return Err(invalid());
                }
                json!(models.iter().map(Aaguid::to_string).collect::<Vec<_>>().join(","))
            }
            TelephoneKey => match given.as_bytes() {
                [] | [b'0'..=b'9' | b'#' | b'*'] => json!(given),
                _ => return Err(invalid()),
            },
        })
    }
}

trait InRange: Sized {
    fn in_range(self, min: Self, max: Self) -> Option<Self>;
}

impl InRange for i64 {
    fn in_range(self, min: Self, max: Self) -> Option<Self> {
        (min..=max).contains(&self).then_some(self)
    }
}

/// Every setting of `account` with its value.
pub fn all_settings(account: &Account) -> Map<String, Json> {
    let mut all: Map<String, Json> = SETTINGS
        .iter()
        .map(|setting| {
            let value = account.settings.get(setting.name).cloned().unwrap_or_else(setting.default);
            (setting.name.to_owned(), value)
        })
        .collect();
    all.insert("name".to_owned(), json!(account.name));
    all
}

impl Engine {
    /// Changes settings: pairs of a name in [`SETTINGS`], or `name`, and a value as text. Other names are left alone, as Duo does.
    pub async fn change_settings(
        &self,
        account: AccountId,
        actor: &Actor,
        given: &[(String, String)],
    ) -> Result<Account, EngineError> {
        for _ in 0..MAX_ROUNDS {
            let Some(before) = self.store().account(account).await? else { return Err(EngineError::NotFound) };
            let mut after = before.clone();
            let mut changed = Map::new();
            for (name, value) in given {
                if name == "name" {
                    let value = bounded("name", value.trim(), 200)?;
                    if value.is_empty() {
                        return Err(EngineError::Invalid("name"));
                    }
                    changed.insert(name.clone(), json!(value));
                    after.name = value;
                    continue;
                }
                let Some(setting) = SETTINGS.iter().find(|setting| setting.name == name) else { continue };
                let value = setting.read(value)?;
                changed.insert(name.clone(), value.clone());
                match value {
                    Json::Null => drop(after.settings.remove(name)),
                    value => drop(after.settings.insert(name.clone(), value)),
                }
            }
            check_together(&after)?;
            after.login = login_settings(&after.settings);
            if after.settings == before.settings && after.name == before.name {
                return Ok(before);
            }
            let now = self.clock().now();
            let description = Json::Object(changed);
            let record = admin_record(account, actor, "customer_update", &after.name, &description, now);
            let mut job = Job::new().step(after.update()).log(record);
            if after.login != before.login {
                job = job.step(turn_page_for_settings(account));
            }
            if self.change(job).await? {
                return Ok(after);
            }
        }
        Err(EngineError::Contention)
    }

    /// Keeps `value` under `name`, beside the settings and not among them. For what an administrator chose in a place of its own.
    pub(crate) async fn keep_choice(
        &self,
        account: AccountId,
        actor: &Actor,
        name: &'static str,
        value: &Json,
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_ROUNDS {
            let Some(mut after) = self.store().account(account).await? else { return Err(EngineError::NotFound) };
            after.settings.insert(name.to_owned(), value.clone());
            let description = json!({name: value});
            let record = admin_record(account, actor, "customer_update", &after.name, &description, self.clock().now());
            if self.change(Job::new().step(after.update()).log(record)).await? {
                return Ok(());
            }
        }
        Err(EngineError::Contention)
    }
}

/// Settings that only make sense together.
fn check_together(account: &Account) -> Result<(), EngineError> {
    let text = |name: &str| account.settings.get(name).and_then(Json::as_str).unwrap_or_default();
    let (confirm, fraud) = (text("keypress_confirm"), text("keypress_fraud"));
    // Both or neither, and not the same key: one press must not mean yes and no.
    if confirm.is_empty() != fraud.is_empty() || (!confirm.is_empty() && confirm == fraud) {
        return Err(EngineError::Invalid("keypress_fraud"));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, value: &str) -> Result<Json, ()> {
        let setting = SETTINGS.iter().find(|setting| setting.name == name).unwrap();
        setting.read(value).map_err(drop)
    }

    #[test]
    fn values_stay_in_their_ranges() {
        for (name, value, expected) in [
            ("lockout_threshold", "6", Ok(json!(6))),
            ("lockout_threshold", "0", Err(())),
            ("lockout_threshold", "10000", Err(())),
            ("lockout_expire_duration", "0", Ok(json!(0))),
            ("lockout_expire_duration", "4", Err(())),
            ("lockout_expire_duration", "", Ok(Json::Null)),
            ("number_matching", "False", Ok(json!(false))),
            ("number_matching", "maybe", Err(())),
            ("sms_refresh", "true", Ok(json!(1))),
            ("language", "de", Ok(json!("DE"))),
            ("timezone", "Europe/Berlin", Ok(json!("Europe/Berlin"))),
            ("timezone", "Mars/Base", Err(())),
            ("keypress_confirm", "#", Ok(json!("#"))),
            ("keypress_confirm", "12", Err(())),
            ("fraud_email", "a@example.org, b@example.org", Ok(json!("a@example.org, b@example.org"))),
            ("fraud_email", "nobody", Err(())),
            ("minimum_password_length", "8", Err(())),
        ] {
            assert_eq!(read(name, value), expected, "{name}={value}");
        }
    }

    #[test]
    fn defaults_are_what_the_settings_would_take() {
        for setting in SETTINGS {
            let text = match (setting.default)() {
                Json::String(text) => text,
                Json::Null => continue,
                other => other.to_string(),
            };
            assert_eq!(setting.read(&text).ok(), Some((setting.default)()), "{}", setting.name);
        }
    }
}
