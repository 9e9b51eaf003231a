//! Leave not to be asked again, for clients that carry no cookie: rows by user, application and source address.

use std::net::IpAddr;

use cs_core::id::{AccountId, IntegrationKey, UserId};
use cs_core::network::canonical;
use jiff::Timestamp;

use crate::db::{Step, StoreError};
use crate::{Store, args};

/// A grant as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedAddress {
    /// When it was given.
    pub granted_at: Timestamp,
    /// Until when it was promised.
    pub until: Timestamp,
    /// The policy that gave it, and for how long: under another one it is void.
    pub policy: String,
    /// The user's trust epoch then: under another one it is void.
    pub trust_epoch: i64,
}

impl RememberedAddress {
    /// Keeps it, in place of an earlier one.
    pub fn insert(&self, account: AccountId, user: UserId, integration: IntegrationKey, address: IpAddr) -> Step {
        Step::one(
            "INSERT INTO remembered_address (account, user_id, ikey, address, granted_at, until, policy, trust_epoch) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) \
             ON CONFLICT (account, user_id, ikey, address) DO UPDATE SET granted_at = excluded.granted_at, until = excluded.until, \
             policy = excluded.policy, trust_epoch = excluded.trust_epoch",
            args![
                account.as_str(),
                user.as_str(),
                integration.as_str(),
                canonical(address).to_string(),
                self.granted_at,
                self.until,
                self.policy.as_str(),
                self.trust_epoch
            ],
        )
    }
}

/// Removes what is over.
pub fn forget_remembered_before(now: Timestamp) -> [Step; 2] {
    [
        Step::any("DELETE FROM remembered_address WHERE until < $1", args![now]),
        Step::any("DELETE FROM remembered_browser WHERE until < $1", args![now]),
    ]
}

/// Removes whatever a policy granted: it was changed, or is gone.
pub fn forget_granted_by(account: AccountId, policy: &str) -> [Step; 2] {
    // Keys hold neither of the characters that mean something to LIKE.
    let args = || args![account.as_str(), format!("{policy}/%")];
    [
        Step::any("DELETE FROM remembered_address WHERE account = $1 AND policy LIKE $2", args()),
        Step::any("DELETE FROM remembered_browser WHERE account = $1 AND policy LIKE $2", args()),
    ]
}

impl Store {
    /// What is remembered of this user at this application from this address. Whether it still holds is not checked here.
    pub async fn remembered_address(
        &self,
        account: AccountId,
        user: UserId,
        integration: IntegrationKey,
        address: IpAddr,
    ) -> Result<Option<RememberedAddress>, StoreError> {
        let row = self
            .query_opt(
                "SELECT granted_at, until, policy, trust_epoch FROM remembered_address \
                 WHERE account = $1 AND user_id = $2 AND ikey = $3 AND address = $4",
                args![account.as_str(), user.as_str(), integration.as_str(), canonical(address).to_string()],
            )
            .await?;
        row.map(|row| {
            Ok(RememberedAddress {
                granted_at: row.time(0)?,
                until: row.time(1)?,
                policy: row.text(2)?,
                trust_epoch: row.int(3)?,
            })
        })
        .transpose()
    }
}
