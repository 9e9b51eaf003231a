//! Accounts and their settings.

use std::collections::BTreeSet;

use cs_core::account::{LoginSettings, NewUserPolicy, NumberMatching, SoftOtp, WithoutDisplay};
use cs_core::bypass::BypassRules;
use cs_core::exception::ExceptionRules;
use cs_core::id::AccountId;
use cs_core::lockout::LockoutPolicy;
use cs_core::webauthn::AaguidList;
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json};

use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};
use crate::{Store, args};

/// An account.
#[derive(Debug, Clone)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The organisation's name, shown to people.
    pub name: String,
    /// The host name by which API calls select it, lower case, without port.
    pub api_host: String,
    /// Every setting that differs from its default, under the Admin API's names and ours.
    pub settings: Map<String, Json>,
    /// The settings that decide logins, read from `settings`.
    pub login: LoginSettings,
    /// Changes with every administrative change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

macro_rules! select_account {
    ($rest:literal) => {
        concat!("SELECT account, name, api_host, settings, version, created_at FROM account ", $rest)
    };
}

/// How many objects an account has.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct ObjectCounts {
    /// Users outside the trash.
    pub users: i64,
    /// Users in the trash.
    pub users_in_trash: i64,
    /// Administrators.
    pub administrators: i64,
    /// Integrations.
    pub integrations: i64,
}

impl Reader {
    /// How many users, users about to be removed, administrators and integrations an account has.
    pub async fn object_counts(&self, account: AccountId) -> Result<ObjectCounts, StoreError> {
        let row = self
            .query_opt(
                "SELECT (SELECT count(*) FROM users WHERE account = $1 AND deleted_at IS NULL), \
                 (SELECT count(*) FROM users WHERE account = $1 AND deleted_at IS NOT NULL), \
                 (SELECT count(*) FROM administrator WHERE account = $1), \
                 (SELECT count(*) FROM integration WHERE account = $1)",
                args![account.as_str()],
            )
            .await?;
        let Some(row) = row else { return Ok(ObjectCounts::default()) };
        Ok(ObjectCounts {
            users: row.int(0)?,
            users_in_trash: row.int(1)?,
            administrators: row.int(2)?,
            integrations: row.int(3)?,
        })
    }
}

impl Account {
    /// Creates the account. Does not hold if its id or host exists.
    pub fn insert(&self) -> Step {
        Step::one(
            "INSERT INTO account (account, name, api_host, settings, version, created_at) VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING",
            args![
                self.id.as_str(),
                self.name.as_str(),
                self.api_host.as_str(),
                Json::Object(self.settings.clone()).to_string(),
                self.version,
                self.created_at
            ],
        )
    }

    /// Writes name and settings. Holds only while the account is as it was loaded.
    pub fn update(&self) -> Step {
        Step::one(
            "UPDATE account SET name = $1, settings = $2, version = version + 1 WHERE account = $3 AND version = $4",
            args![self.name.as_str(), Json::Object(self.settings.clone()).to_string(), self.id.as_str(), self.version],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let Ok(Json::Object(settings)) = serde_json::from_str(row.str(3)?) else { return Err(corrupt("account", row)) };
        Ok(Self {
            id: parsed("account", row, 0)?,
            name: row.text(1)?,
            api_host: row.text(2)?,
            login: login_settings(&settings),
            settings,
            version: row.int(4)?,
            created_at: row.time(5)?,
        })
    }
}

/// The login rules in a row of `account, settings`.
pub(crate) fn stored_login_settings(row: &Row) -> Result<LoginSettings, StoreError> {
    let Ok(Json::Object(settings)) = serde_json::from_str(row.str(1)?) else { return Err(corrupt("account", row)) };
    Ok(login_settings(&settings))
}

/// The login rules that `settings` says; what it does not say, or says wrongly, has its default, which is the safe one.
pub fn login_settings(settings: &Map<String, Json>) -> LoginSettings {
    let text = |name: &str| settings.get(name).and_then(Json::as_str);
    let number = |name: &str| settings.get(name).and_then(Json::as_i64);
    let flag = |name: &str| settings.get(name).and_then(Json::as_bool);
    let defaults = LoginSettings::default();
    let matching = NumberMatching::default();
    LoginSettings {
        lockout: lockout_policy(settings),
        new_user: text("new_user_behavior").and_then(NewUserPolicy::parse).unwrap_or_default(),
        number_matching: NumberMatching {
            enabled: flag("number_matching").unwrap_or(matching.enabled),
            digits: number("number_matching_digits")
                .and_then(|n| u8::try_from(n).ok())
                .filter(|n| NumberMatching::DIGITS.contains(n))
                .unwrap_or(matching.digits),
            without_display: match text("push_without_display") {
                Some("passcode") => WithoutDisplay::PasscodeOnly,
                Some(_) | None => WithoutDisplay::PlainPush,
            },
        },
        soft_otp: match text("duo_mobile_otp_type") {
            Some("totp") => SoftOtp::Totp,
            Some(_) | None => SoftOtp::Hotp,
        },
        confirm_activation: flag("confirm_activation").unwrap_or(defaults.confirm_activation),
        webauthn_models: webauthn_models(settings),
    }
}

/// `webauthn_aaguids`: models separated by commas. A list that cannot be read lets nothing in but what it names: an unreadable model is kept as one that
/// nobody has.
fn webauthn_models(settings: &Map<String, Json>) -> AaguidList {
    let listed = settings.get("webauthn_aaguids").and_then(Json::as_str).unwrap_or_default();
    let models = listed.split(',').map(str::trim).filter(|model| !model.is_empty());
    AaguidList::new(models.map(|model| model.parse().unwrap_or_default()).collect())
}

/// How long a bypass lasts, and whether it may be without an end.
///
/// `bypass_expiration` in minutes; where it is 0 or not set, Duo's `helpdesk_bypass_expiration`; where that is 0 too, a day.
pub fn bypass_rules(settings: &Map<String, Json>) -> BypassRules {
    let defaults = BypassRules::default();
    let minutes = ["bypass_expiration", "helpdesk_bypass_expiration"]
        .into_iter()
        .find_map(|name| settings.get(name).and_then(Json::as_i64).filter(|minutes| *minutes > 0));
    BypassRules {
        usual: minutes.map_or(defaults.usual, |minutes| SignedDuration::from_mins(minutes.min(MOST_BYPASS_MINUTES))),
        endless: settings.get("bypass_without_end").and_then(Json::as_bool).unwrap_or(defaults.endless),
    }
}

/// Whether people may ask for exceptions, how long ones, and how long a request waits.
pub fn exception_rules(settings: &Map<String, Json>) -> ExceptionRules {
    let defaults = ExceptionRules::default();
    let minutes = |name: &str, default: SignedDuration| {
        let minutes = settings.get(name).and_then(Json::as_i64).filter(|minutes| *minutes > 0);
        minutes.map_or(default, |minutes| SignedDuration::from_mins(minutes.min(MOST_BYPASS_MINUTES)))
    };
    ExceptionRules {
        allowed: settings.get("exception_requests").and_then(Json::as_bool).unwrap_or(defaults.allowed),
        longest: minutes("exception_max_minutes", defaults.longest),
        waits: minutes("exception_answer_minutes", defaults.waits),
    }
}

/// The largest value of the settings above.
const MOST_BYPASS_MINUTES: i64 = 525_600;

/// `lockout_threshold`, and `lockout_expire_duration` in minutes: 0 or null = until an administrator unlocks.
fn lockout_policy(settings: &Map<String, Json>) -> LockoutPolicy {
    let defaults = LockoutPolicy::default();
    let number = |value: &Json| value.as_u64().and_then(|n| u16::try_from(n).ok());
    let threshold = settings.get("lockout_threshold").and_then(number).unwrap_or(defaults.threshold());
    let expire = match settings.get("lockout_expire_duration") {
        None => defaults.expire_minutes(),
        Some(value) => number(value).filter(|minutes| *minutes > 0),
    };
    LockoutPolicy::new(threshold, expire).unwrap_or(defaults)
}

impl Store {
    /// The account `id`.
    pub async fn account(&self, id: AccountId) -> Result<Option<Account>, StoreError> {
        let row = self.query_opt(select_account!("WHERE account = $1"), args![id.as_str()]).await?;
        row.as_ref().map(Account::read).transpose()
    }

    /// Every account, oldest first. There are few.
    pub async fn accounts(&self) -> Result<Vec<Account>, StoreError> {
        let rows = self.query(select_account!("ORDER BY created_at, account"), args![]).await?;
        rows.iter().map(Account::read).collect()
    }

    /// A text that changes with every change of an account, an integration or a policy, whoever made it.
    pub async fn directory_version(&self) -> Result<String, StoreError> {
        const SQL: &str = "SELECT 'a', COUNT(*), CAST(COALESCE(SUM(version), 0) AS BIGINT), COALESCE(MAX(created_at), 0) FROM account \
             UNION ALL SELECT 'i', COUNT(*), CAST(COALESCE(SUM(version), 0) AS BIGINT), COALESCE(MAX(created_at), 0) FROM integration \
             UNION ALL SELECT 'p', COUNT(*), CAST(COALESCE(SUM(version), 0) AS BIGINT), 0 FROM policy_book";
        let mut version = String::new();
        for row in self.query(SQL, args![]).await? {
            version.push_str(&format!("{}{}.{}.{} ", row.str(0)?, row.int(1)?, row.int(2)?, row.int(3)?));
        }
        Ok(version)
    }

    /// The picture `digest` of the account's pages, a PNG, if it has it.
    pub async fn picture(&self, id: AccountId, digest: &str) -> Result<Option<Vec<u8>>, StoreError> {
        let sql = "SELECT png FROM picture WHERE account = $1 AND digest = $2";
        let row = self.query_opt(sql, args![id.as_str(), digest]).await?;
        Ok(row.as_ref().map(|row| row.opt_blob(0)).transpose()?.flatten().map(<[u8]>::to_vec))
    }
}

/// Keeps a picture. One that is kept already stays.
pub fn keep_picture(account: AccountId, digest: &str, png: &[u8]) -> Step {
    Step::any(
        "INSERT INTO picture (account, digest, png) VALUES ($1, $2, $3) ON CONFLICT DO NOTHING",
        args![account.as_str(), digest, png],
    )
}

/// Forgets every picture but those of these names, of which there are four at most.
pub fn drop_pictures_except(account: AccountId, kept: &BTreeSet<&str>) -> Step {
    let mut kept = kept.iter().copied();
    // No picture has an empty name.
    let mut next = || kept.next().unwrap_or_default();
    Step::any(
        "DELETE FROM picture WHERE account = $1 AND digest NOT IN ($2, $3, $4, $5)",
        args![account.as_str(), next(), next(), next(), next()],
    )
}
