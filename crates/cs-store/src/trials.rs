//! Changes of policies that are taken back unless somebody confirms them in time: at most one for each account.

use cs_core::id::AccountId;
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

const OF_ACCOUNT: &str =
    "SELECT account, version, changes, actor, made_at, due_at FROM policy_trial WHERE account = $1";
const DUE: &str = "SELECT account, version, changes, actor, made_at, due_at FROM policy_trial WHERE due_at <= $1 ORDER BY due_at, account LIMIT 100";

/// A change that waits for its confirmation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Trial {
    /// Whose policies.
    pub account: AccountId,
    /// The book's version that the change made, by which it is told from another one.
    pub version: i64,
    /// What it changed: JSON, as the engine writes it.
    pub changes: String,
    /// Who made it.
    pub actor: String,
    /// When.
    pub made_at: Timestamp,
    /// When it is taken back.
    pub due_at: Timestamp,
}

impl Trial {
    /// Keeps it. Does not hold while another one of the account waits.
    pub fn insert(&self) -> Step {
        Step::one(
            "INSERT INTO policy_trial (account, version, changes, actor, made_at, due_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT DO NOTHING",
            args![
                self.account.as_str(),
                self.version,
                self.changes.as_str(),
                self.actor.as_str(),
                self.made_at,
                self.due_at
            ],
        )
    }

    /// Ends it. Holds once: whoever confirms and whoever takes back cannot both.
    pub fn end(&self) -> Step {
        Step::one(
            "DELETE FROM policy_trial WHERE account = $1 AND version = $2",
            args![self.account.as_str(), self.version],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: parsed("policy_trial", row, 0)?,
            version: row.int(1)?,
            changes: row.text(2)?,
            actor: row.text(3)?,
            made_at: row.time(4)?,
            due_at: row.time(5)?,
        })
    }
}

impl Store {
    /// The change of the account that waits for its confirmation.
    pub async fn policy_trial(&self, account: AccountId) -> Result<Option<Trial>, StoreError> {
        let row = self.query_opt(OF_ACCOUNT, args![account.as_str()]).await?;
        row.as_ref().map(Trial::read).transpose()
    }

    /// Changes of any account that nobody confirmed in time.
    pub async fn due_policy_trials(&self, now: Timestamp) -> Result<Vec<Trial>, StoreError> {
        self.query(DUE, args![now]).await?.iter().map(Trial::read).collect()
    }
}
