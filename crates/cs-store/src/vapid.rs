//! The key with which push services know this installation.

use cs_core::id::AccountId;
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Step, StoreError};
use crate::{Store, args};

/// The one row.
const NAME: &str = "vapid";

/// The key, sealed for [`SealedVapidKey::account`].
#[derive(Debug, Clone)]
pub struct SealedVapidKey {
    /// Whose data key seals it.
    pub account: AccountId,
    /// PKCS#8 in DER, sealed.
    pub sealed: Vec<u8>,
}

/// Keeps a key if there is none: of two nodes that start together one has made the key of both.
pub fn keep_vapid_key(key: &SealedVapidKey, now: Timestamp) -> Step {
    Step::any(
        "INSERT INTO vapid_key (name, account, sealed, created_at) VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING",
        args![NAME, key.account.as_str(), key.sealed.as_slice(), now],
    )
}

impl Store {
    /// The key, once there is one.
    pub async fn vapid_key(&self) -> Result<Option<SealedVapidKey>, StoreError> {
        let row = self.query_opt("SELECT account, sealed FROM vapid_key WHERE name = $1", args![NAME]).await?;
        row.map(|row| Ok(SealedVapidKey { account: parsed("vapid_key", &row, 0)?, sealed: row.blob(1)?.to_vec() }))
            .transpose()
    }
}
