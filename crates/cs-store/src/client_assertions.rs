//! Client assertions (RFC 7523) that were used.

use cs_core::id::{AccountId, IntegrationKey};
use jiff::Timestamp;

use crate::db::{Step, StoreError};
use crate::{Store, args};

/// Uses the assertion whose `jti` has this keyed hash. Holds once. `until` is when its age speaks against it.
pub fn use_assertion(account: AccountId, integration: IntegrationKey, digest: &[u8; 32], until: Timestamp) -> Step {
    Step::one(
        "INSERT INTO client_assertion (account, ikey, digest, until) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        args![account.as_str(), integration.as_str(), digest, until],
    )
}

impl Store {
    /// Whether the assertion with this keyed hash was used.
    pub async fn was_assertion_used(
        &self,
        account: AccountId,
        integration: IntegrationKey,
        digest: &[u8; 32],
    ) -> Result<bool, StoreError> {
        let sql = "SELECT until FROM client_assertion WHERE account = $1 AND ikey = $2 AND digest = $3";
        Ok(self.query_opt(sql, args![account.as_str(), integration.as_str(), digest]).await?.is_some())
    }
}
