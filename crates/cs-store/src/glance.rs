//! Looks into an installation's database without becoming part of it: nothing is migrated, no key is needed, nothing is written.

use crate::db::{Database, StoreError, glance};

const ENDLESS: &str = "SELECT (SELECT count(*) FROM users WHERE status = 'bypass' AND bypass_until IS NULL AND deleted_at IS NULL), \
    (SELECT count(*) FROM user_group WHERE status = 'Bypass' AND bypass_until IS NULL)";

/// Who gets in without a second factor until somebody remembers to stop it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EndlessBypasses {
    /// Users.
    pub users: i64,
    /// Groups.
    pub groups: i64,
}

/// The bypasses without an end in `database`, of all accounts.
///
/// Fails if it cannot be reached, or has another schema than this program's.
pub async fn endless_bypasses(database: Database) -> Result<EndlessBypasses, StoreError> {
    let rows = glance(database, ENDLESS, Vec::new()).await?;
    let row = rows.first().ok_or_else(|| StoreError::corrupt("users", "count"))?;
    Ok(EndlessBypasses { users: row.int(0)?, groups: row.int(1)? })
}
