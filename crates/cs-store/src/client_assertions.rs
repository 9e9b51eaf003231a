//! Client assertions (RFC 7523) that were used.

use cs_core::id::{AccountId, IntegrationKey};
use jiff::Timestamp;

use crate::args;
use crate::db::Step;

/// Uses the assertion whose `jti` has this keyed hash. Holds once. `until` is when its age speaks against it.
pub fn use_assertion(account: AccountId, integration: IntegrationKey, digest: &[u8; 32], until: Timestamp) -> Step {
    Step::one(
        "INSERT INTO client_assertion (account, ikey, digest, until) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
        args![account.as_str(), integration.as_str(), digest, until],
    )
}
