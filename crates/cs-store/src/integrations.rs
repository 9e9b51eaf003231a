//! Integrations, their secrets sealed.

use cs_core::account::NewUserPolicy;
use cs_core::id::{AccountId, GroupId, IntegrationKey};
use cs_core::integration::{Integration, IntegrationType, Permissions, UserAccess};
use cs_core::secret::SecretKey;
use jiff::Timestamp;

use crate::convert::{corrupt, parsed};
use crate::db::{Row, Step, StoreError};
use crate::vault::{Vault, VaultError};
use crate::{Store, args};

macro_rules! select_integration {
    ($rest:literal) => {
        concat!(
            "SELECT account, ikey, skey, previous_skey, previous_skey_until, name, type, new_user, normalization, user_access, groups_allowed, ",
            "remembered_days, legacy_signatures, permissions, api_networks, greeting, enabled, version FROM integration ",
            $rest
        )
    };
}

const TABLE: &str = "integration";

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
    let new_user = match row.opt_str(7)? {
        None => None,
        Some(word) => Some(NewUserPolicy::parse(word).ok_or_else(|| corrupt(TABLE, row))?),
    };
    let groups: Vec<GroupId> = serde_json::from_str::<Vec<String>>(row.str(10)?)
        .map_err(|_| corrupt(TABLE, row))?
        .iter()
        .map(|id| id.parse().map_err(|_| corrupt(TABLE, row)))
        .collect::<Result<_, _>>()?;
    let user_access = match row.str(9)? {
        "all" => UserAccess::All,
        "none" => UserAccess::Nobody,
        "groups" => UserAccess::Groups(groups),
        _ => return Err(corrupt(TABLE, row)),
    };
    Ok(Integration {
        account,
        key,
        secret: open(row.blob(2)?)?,
        previous_secret,
        name: row.text(5)?,
        kind: IntegrationType::parse(row.str(6)?).ok_or_else(|| corrupt(TABLE, row))?,
        new_user,
        normalization: parsed(TABLE, row, 8)?,
        user_access,
        remembered_days: row
            .opt_int(11)?
            .map(|days| u16::try_from(days).map_err(|_| corrupt(TABLE, row)))
            .transpose()?,
        legacy_signatures: row.flag(12)?,
        permissions: Permissions::from_bits(row.int(13)?).ok_or_else(|| corrupt(TABLE, row))?,
        networks_for_api_access: row.text(14)?,
        greeting: row.text(15)?,
        enabled: row.flag(16)?,
        version: row.int(17)?,
    })
}
