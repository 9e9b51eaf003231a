//! Integrations, their secrets sealed.

use cs_core::account::NewUserPolicy;
use cs_core::id::{AccountId, GroupId, IntegrationKey};
use cs_core::integration::{Integration, IntegrationType, Permissions, UserAccess};
use cs_core::secret::SecretKey;
use cs_core::username::UsernameNormalization;
use cs_core::web_origin::WebOrigins;
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::convert::{corrupt, parsed};
use crate::db::{Row, Step, StoreError};
use crate::vault::{Vault, VaultError};
use crate::{Store, args};

macro_rules! select_integration {
    ($rest:literal) => {
        concat!(
            "SELECT account, ikey, skey, previous_skey, previous_skey_until, name, type, new_user, normalization, user_access, groups_allowed, ",
            "remembered_days, legacy_signatures, permissions, api_networks, greeting, enabled, version, self_service_allowed, frame_origins FROM integration ",
            $rest
        )
    };
}

macro_rules! select_record {
    ($rest:literal) => {
        concat!(
            "SELECT account, ikey, name, type, notes, greeting, new_user, normalization, user_access, groups_allowed, self_service_allowed, ",
            "remembered_days, legacy_signatures, legacy_last_used, permissions, api_networks, extra, enabled, version, created_at, ",
            "previous_skey_until, frame_origins FROM integration ",
            $rest
        )
    };
}

const TABLE: &str = "integration";

/// An integration as administrators see it: everything but its secrets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IntegrationRecord {
    /// The account it belongs to.
    pub account: AccountId,
    /// The public half of its credentials.
    pub key: IntegrationKey,
    /// What people call it.
    pub name: String,
    /// Which kind of client it is for. Never changes.
    pub kind: IntegrationType,
    /// What administrators wrote down about it.
    pub notes: String,
    /// Shown by clients that can.
    pub greeting: String,
    /// Overrides the account's new-user policy.
    pub new_user: Option<NewUserPolicy>,
    /// How usernames are normalised before they are looked up.
    pub normalization: UsernameNormalization,
    /// Who may use it.
    pub user_access: UserAccess,
    /// Whether users may manage their devices from it.
    pub self_service_allowed: bool,
    /// How many days a device is remembered; `None` = not at all.
    pub remembered_days: Option<u16>,
    /// Whether date-less v1 signatures are honoured.
    pub legacy_signatures: bool,
    /// When one was last used.
    pub legacy_last_used: Option<Timestamp>,
    /// For Admin API integrations.
    pub permissions: Permissions,
    /// Networks it may be called from, as given; empty = any.
    pub api_networks: String,
    /// Whose pages may hold the login of Web SDK v2 in a frame; none = nobody's.
    pub frame_origins: WebOrigins,
    /// Fields that are kept for clients but decide nothing yet.
    pub extra: Map<String, Json>,
    /// Whether it answers at all.
    pub enabled: bool,
    /// Changes with every administrative change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when the secret before the last rotation works.
    pub previous_secret_until: Option<Timestamp>,
}

impl IntegrationRecord {
    /// An integration that everybody may use and that has no setting of its own.
    pub fn new(
        account: AccountId,
        key: IntegrationKey,
        kind: IntegrationType,
        name: impl Into<String>,
        created_at: Timestamp,
    ) -> Self {
        Self {
            account,
            key,
            name: name.into(),
            kind,
            notes: String::new(),
            greeting: String::new(),
            new_user: None,
            normalization: UsernameNormalization::Simple,
            user_access: UserAccess::All,
            self_service_allowed: false,
            remembered_days: None,
            legacy_signatures: false,
            legacy_last_used: None,
            permissions: Permissions::NONE,
            api_networks: String::new(),
            frame_origins: WebOrigins::NONE,
            extra: Map::new(),
            enabled: true,
            version: 1,
            created_at,
            previous_secret_until: None,
        }
    }

    /// Creates the integration with this secret. The account's keys must exist.
    pub fn insert(&self, vault: &Vault, secret: &SecretKey) -> Result<Step, VaultError> {
        let (access, groups) = access_columns(&self.user_access);
        Ok(Step::one(
            "INSERT INTO integration (account, ikey, skey, name, type, notes, greeting, new_user, normalization, user_access, groups_allowed, \
             self_service_allowed, remembered_days, legacy_signatures, permissions, api_networks, extra, enabled, version, created_at, frame_origins) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21) ON CONFLICT DO NOTHING",
            args![
                self.account.as_str(),
                self.key.as_str(),
                seal_skey(vault, self.account, self.key, secret)?,
                self.name.as_str(),
                self.kind.as_str(),
                self.notes.as_str(),
                self.greeting.as_str(),
                self.new_user.map(NewUserPolicy::as_str),
                self.normalization.as_str(),
                access,
                groups,
                self.self_service_allowed,
                self.remembered_days,
                self.legacy_signatures,
                self.permissions.to_bits(),
                self.api_networks.as_str(),
                Json::Object(self.extra.clone()).to_string(),
                self.enabled,
                self.version,
                self.created_at,
                self.frame_origins.to_string()
            ],
        ))
    }

    /// Writes everything but key, type and secrets. Holds only while the integration is as loaded.
    pub fn update(&self) -> Step {
        let (access, groups) = access_columns(&self.user_access);
        Step::one(
            "UPDATE integration SET name = $1, notes = $2, greeting = $3, new_user = $4, normalization = $5, user_access = $6, groups_allowed = $7, \
             self_service_allowed = $8, remembered_days = $9, legacy_signatures = $10, permissions = $11, api_networks = $12, extra = $13, \
             enabled = $14, frame_origins = $15, version = version + 1 WHERE account = $16 AND ikey = $17 AND version = $18",
            args![
                self.name.as_str(),
                self.notes.as_str(),
                self.greeting.as_str(),
                self.new_user.map(NewUserPolicy::as_str),
                self.normalization.as_str(),
                access,
                groups,
                self.self_service_allowed,
                self.remembered_days,
                self.legacy_signatures,
                self.permissions.to_bits(),
                self.api_networks.as_str(),
                Json::Object(self.extra.clone()).to_string(),
                self.enabled,
                self.frame_origins.to_string(),
                self.account.as_str(),
                self.key.as_str(),
                self.version
            ],
        )
    }

    /// Gives the integration `secret`; the one it had works until `overlap_until`, an earlier one no more.
    ///
    /// Holds only at `version`: pass the one an [`Self::update`] of the same job leaves behind.
    pub fn rotate(
        &self,
        vault: &Vault,
        secret: &SecretKey,
        overlap_until: Timestamp,
        version: i64,
    ) -> Result<Step, VaultError> {
        Ok(Step::one(
            "UPDATE integration SET previous_skey = skey, previous_skey_until = $1, skey = $2, version = version + 1 \
             WHERE account = $3 AND ikey = $4 AND version = $5",
            args![
                overlap_until,
                seal_skey(vault, self.account, self.key, secret)?,
                self.account.as_str(),
                self.key.as_str(),
                version
            ],
        ))
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let Ok(Json::Object(extra)) = serde_json::from_str(row.str(16)?) else { return Err(corrupt(TABLE, row)) };
        Ok(Self {
            account: parsed(TABLE, row, 0)?,
            key: parsed(TABLE, row, 1)?,
            name: row.text(2)?,
            kind: IntegrationType::parse(row.str(3)?).ok_or_else(|| corrupt(TABLE, row))?,
            notes: row.text(4)?,
            greeting: row.text(5)?,
            new_user: new_user_column(row, 6)?,
            normalization: parsed(TABLE, row, 7)?,
            user_access: access_from_columns(row, 8, 9)?,
            self_service_allowed: row.flag(10)?,
            remembered_days: days_column(row, 11)?,
            legacy_signatures: row.flag(12)?,
            legacy_last_used: row.opt_time(13)?,
            permissions: Permissions::from_bits(row.int(14)?).ok_or_else(|| corrupt(TABLE, row))?,
            api_networks: row.text(15)?,
            extra,
            enabled: row.flag(17)?,
            version: row.int(18)?,
            created_at: row.time(19)?,
            previous_secret_until: row.opt_time(20)?,
            frame_origins: origins_column(row, 21)?,
        })
    }
}

/// Removes an integration, whatever its state; holds also if it is gone.
pub fn delete_integration(account: AccountId, key: IntegrationKey) -> Step {
    Step::any("DELETE FROM integration WHERE account = $1 AND ikey = $2", args![account.as_str(), key.as_str()])
}

/// Seals a secret for the row of `key`.
pub fn seal_skey(
    vault: &Vault,
    account: AccountId,
    key: IntegrationKey,
    secret: &SecretKey,
) -> Result<Vec<u8>, VaultError> {
    vault.seal(account.as_str(), TABLE, "skey", key.as_str(), secret.expose().as_bytes())
}

/// Remembers that a date-less signature was last used at `at`, at most once a minute.
pub fn note_legacy_use(account: AccountId, key: IntegrationKey, at: Timestamp) -> Step {
    Step::any(
        "UPDATE integration SET legacy_last_used = $1 WHERE account = $2 AND ikey = $3",
        args![at, account.as_str(), key.as_str()],
    )
}

impl Store {
    /// The integration `key` with its secrets opened.
    pub async fn integration(
        &self,
        account: AccountId,
        key: IntegrationKey,
    ) -> Result<Option<Integration>, StoreError> {
        let row = self
            .query_opt(select_integration!("WHERE account = $1 AND ikey = $2"), args![account.as_str(), key.as_str()])
            .await?;
        row.as_ref().map(|row| read(self.vault(), row)).transpose()
    }

    /// The integration `key` as administrators see it.
    pub async fn integration_record(
        &self,
        account: AccountId,
        key: IntegrationKey,
    ) -> Result<Option<IntegrationRecord>, StoreError> {
        let row = self
            .query_opt(select_record!("WHERE account = $1 AND ikey = $2"), args![account.as_str(), key.as_str()])
            .await?;
        row.as_ref().map(IntegrationRecord::read).transpose()
    }

    /// Integrations of the account, oldest first, from `offset`, at most `limit`, and how many there are.
    pub async fn integration_records(
        &self,
        account: AccountId,
        limit: u32,
        offset: u32,
    ) -> Result<(Vec<IntegrationRecord>, i64), StoreError> {
        let reader = self.reader();
        let rows = reader
            .query(
                select_record!("WHERE account = $1 ORDER BY created_at, ikey LIMIT $2 OFFSET $3"),
                args![account.as_str(), limit, offset],
            )
            .await?;
        let total =
            reader.query_opt("SELECT count(*) FROM integration WHERE account = $1", args![account.as_str()]).await?;
        let records = rows.iter().map(IntegrationRecord::read).collect::<Result<_, _>>()?;
        Ok((records, total.map_or(Ok(0), |row| row.int(0))?))
    }

    /// The account's integrations of one type, oldest first.
    pub async fn integrations_of_type(
        &self,
        account: AccountId,
        kind: &str,
    ) -> Result<Vec<IntegrationRecord>, StoreError> {
        let rows = self
            .query(
                select_record!("WHERE account = $1 AND type = $2 ORDER BY created_at, ikey"),
                args![account.as_str(), kind],
            )
            .await?;
        rows.iter().map(IntegrationRecord::read).collect()
    }
}

fn access_columns(access: &UserAccess) -> (&'static str, String) {
    match access {
        UserAccess::All => ("all", "[]".to_owned()),
        UserAccess::Nobody => ("none", "[]".to_owned()),
        UserAccess::Groups(groups) => {
            let ids = groups.iter().map(|group| Json::String(group.to_string())).collect();
            ("groups", Json::Array(ids).to_string())
        }
    }
}

fn access_from_columns(row: &Row, access: usize, groups: usize) -> Result<UserAccess, StoreError> {
    let groups: Vec<GroupId> = serde_json::from_str::<Vec<String>>(row.str(groups)?)
        .map_err(|_| corrupt(TABLE, row))?
        .iter()
        .map(|id| id.parse().map_err(|_| corrupt(TABLE, row)))
        .collect::<Result<_, _>>()?;
    match row.str(access)? {
        "all" => Ok(UserAccess::All),
        "none" => Ok(UserAccess::Nobody),
        "groups" => Ok(UserAccess::Groups(groups)),
        _ => Err(corrupt(TABLE, row)),
    }
}

fn new_user_column(row: &Row, column: usize) -> Result<Option<NewUserPolicy>, StoreError> {
    let Some(word) = row.opt_str(column)? else { return Ok(None) };
    NewUserPolicy::parse(word).map(Some).ok_or_else(|| corrupt(TABLE, row))
}

fn days_column(row: &Row, column: usize) -> Result<Option<u16>, StoreError> {
    row.opt_int(column)?.map(|days| u16::try_from(days).map_err(|_| corrupt(TABLE, row))).transpose()
}

fn origins_column(row: &Row, column: usize) -> Result<WebOrigins, StoreError> {
    WebOrigins::parse(row.str(column)?).ok_or_else(|| corrupt(TABLE, row))
}

fn read(vault: &Vault, row: &Row) -> Result<Integration, StoreError> {
    let account: AccountId = parsed(TABLE, row, 0)?;
    let key: IntegrationKey = parsed(TABLE, row, 1)?;
    let open = |sealed: &[u8]| -> Result<SecretKey, StoreError> {
        let plain = vault.open(account.as_str(), TABLE, "skey", key.as_str(), sealed)?;
        let text = std::str::from_utf8(&plain).map_err(|_| corrupt(TABLE, row))?;
        Ok(SecretKey::from_text(text.to_owned()))
    };
    let previous_secret = match (row.opt_blob(3)?, row.opt_time(4)?) {
        (Some(sealed), Some(until)) => Some((open(sealed)?, until)),
        (None, None) => None,
        (Some(_), None) | (None, Some(_)) => return Err(corrupt(TABLE, row)),
    };
    Ok(Integration {
        account,
        key,
        secret: open(row.blob(2)?)?,
        previous_secret,
        name: row.text(5)?,
        kind: IntegrationType::parse(row.str(6)?).ok_or_else(|| corrupt(TABLE, row))?,
        new_user: new_user_column(row, 7)?,
        normalization: parsed(TABLE, row, 8)?,
        user_access: access_from_columns(row, 9, 10)?,
        remembered_days: days_column(row, 11)?,
        legacy_signatures: row.flag(12)?,
        permissions: Permissions::from_bits(row.int(13)?).ok_or_else(|| corrupt(TABLE, row))?,
        networks_for_api_access: row.text(14)?,
        greeting: row.text(15)?,
        enabled: row.flag(16)?,
        version: row.int(17)?,
        self_service: row.flag(18)?,
        frame_origins: origins_column(row, 19)?,
    })
}
