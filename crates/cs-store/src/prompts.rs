//! Logins under way in browsers.

use cs_core::id::{AccountId, IntegrationKey, PromptId};
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// A login under way in a browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PromptRow {
    /// The account.
    pub account: AccountId,
    /// Its id.
    pub id: PromptId,
    /// Keyed hash of the secret in the browser's cookie.
    pub secret_digest: [u8; 32],
    /// The client.
    pub integration: IntegrationKey,
    /// What the client asked for: JSON, as the engine writes it.
    pub request: String,
    /// Where the login stands: JSON, as the engine writes it.
    pub state: String,
    /// How often that has changed.
    pub version: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends, whatever its state.
    pub expires_at: Timestamp,
}

impl PromptRow {
    /// Begins it.
    pub fn insert(&self) -> Step {
        Step::one(
            "INSERT INTO prompt (account, prompt_id, secret_digest, ikey, request, state, version, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            args![
                self.account.as_str(),
                self.id.as_str(),
                &self.secret_digest,
                self.integration.as_str(),
                self.request.as_str(),
                self.state.as_str(),
                self.version,
                self.created_at,
                self.expires_at
            ],
        )
    }

    /// Goes on to `state`. Holds once: whoever comes second with the same version finds that the login has gone on.
    pub fn go_on(&self, state: &str, now: Timestamp) -> Step {
        Step::one(
            "UPDATE prompt SET state = $1, version = version + 1 WHERE account = $2 AND prompt_id = $3 AND version = $4 AND expires_at > $5",
            args![state, self.account.as_str(), self.id.as_str(), self.version, now],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: parsed("prompt", row, 0)?,
            id: parsed("prompt", row, 1)?,
            secret_digest: row.bytes(2)?,
            integration: parsed("prompt", row, 3)?,
            request: row.text(4)?,
            state: row.text(5)?,
            version: row.int(6)?,
            created_at: row.time(7)?,
            expires_at: row.time(8)?,
        })
    }
}

/// Removes what is over: logins in browsers, codes, and assertions that have become too old to be used again.
pub fn forget_codes(now: Timestamp) -> [Step; 3] {
    [
        Step::any("DELETE FROM authorization_code WHERE expires_at < $1", args![now]),
        Step::any("DELETE FROM client_assertion WHERE until < $1", args![now]),
        Step::any("DELETE FROM prompt WHERE expires_at < $1", args![now]),
    ]
}

impl Store {
    /// The login `id`, whether it is over or not.
    pub async fn prompt(&self, account: AccountId, id: PromptId) -> Result<Option<PromptRow>, StoreError> {
        let sql = "SELECT account, prompt_id, secret_digest, ikey, request, state, version, created_at, expires_at \
                   FROM prompt WHERE account = $1 AND prompt_id = $2";
        self.query_opt(sql, args![account.as_str(), id.as_str()]).await?.as_ref().map(PromptRow::read).transpose()
    }
}
