//! Keys as they lie in table `data_key`.

use crate::args;
use crate::db::{Row, StoreError, Value};

use super::{MasterKey, Purpose, VaultError};

/// Adds a key unless it exists: nodes that start together agree on the first.
pub(crate) const INSERT_KEY: &str = "INSERT INTO data_key (account, purpose, key_id, wrapped, created_at) \
    VALUES ($1, $2, $3, $4, $5) ON CONFLICT (account, purpose, key_id) DO NOTHING";

/// All keys.
pub(crate) const SELECT_KEYS: &str =
    "SELECT account, purpose, key_id, wrapped FROM data_key ORDER BY account, purpose, key_id";

/// Puts a key under a new master key.
pub(crate) const UPDATE_KEY: &str =
    "UPDATE data_key SET wrapped = $1 WHERE account = $2 AND purpose = $3 AND key_id = $4 AND wrapped = $5";

/// One key, wrapped under the master key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct WrappedKey {
    pub(crate) account: String,
    pub(crate) purpose: Purpose,
    pub(crate) key_id: u32,
    pub(crate) wrapped: Vec<u8>,
}

impl WrappedKey {
    /// A new random key.
    pub(crate) fn generate(
        master: &MasterKey,
        account: &str,
        purpose: Purpose,
        key_id: u32,
    ) -> Result<Self, VaultError> {
        let mut secret = zeroize::Zeroizing::new([0; 32]);
        aws_lc_rs::rand::fill(&mut *secret).map_err(|_| VaultError::Crypto)?;
        let wrapped = master.wrap(account, purpose, key_id, &secret)?;
        Ok(Self { account: account.to_owned(), purpose, key_id, wrapped })
    }

    /// The arguments of [`INSERT_KEY`].
    pub(crate) fn insert_args(&self, now: jiff::Timestamp) -> Vec<Value> {
        args![self.account.as_str(), self.purpose.as_str(), self.key_id, self.wrapped.as_slice(), now]
    }

    /// The arguments of [`UPDATE_KEY`], which puts `new` in this key's place.
    pub(crate) fn replace_args(&self, new: &Self) -> Vec<Value> {
        args![
            new.wrapped.as_slice(),
            self.account.as_str(),
            self.purpose.as_str(),
            self.key_id,
            self.wrapped.as_slice()
        ]
    }

    pub(crate) fn from_row(row: &Row) -> Result<Self, StoreError> {
        let account = row.text(0)?;
        let purpose = Purpose::parse(row.str(1)?).ok_or_else(|| StoreError::corrupt("data_key", account.as_str()))?;
        Ok(Self { account, purpose, key_id: row.number(2)?, wrapped: row.blob(3)?.to_vec() })
    }
}
