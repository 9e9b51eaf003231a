//! Authorization codes (RFC 6749, 4.1.2): by their keyed hash, each good once.

use cs_core::id::{AccountId, IntegrationKey};
use jiff::Timestamp;

use crate::db::{Step, StoreError};
use crate::{Store, args};

/// A code.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuthorizationCode {
    /// Its keyed hash.
    pub digest: [u8; 32],
    /// The client it was made for.
    pub integration: IntegrationKey,
    /// Where the browser was sent with it; the client must say the same.
    pub redirect_uri: String,
    /// What it stands for: JSON, as the engine writes it.
    pub login: String,
    /// When it is no longer good.
    pub expires_at: Timestamp,
}

impl AuthorizationCode {
    /// Keeps it. Does not hold if there is one of that hash.
    pub fn insert(&self, account: AccountId) -> Step {
        Step::one(
            "INSERT INTO authorization_code (account, digest, ikey, redirect_uri, login, expires_at) VALUES ($1, $2, $3, $4, $5, $6) \
             ON CONFLICT DO NOTHING",
            args![
                account.as_str(),
                &self.digest,
                self.integration.as_str(),
                self.redirect_uri.as_str(),
                self.login.as_str(),
                self.expires_at
            ],
        )
    }

    /// Uses it up. Holds once, for its own client and redirect URI, in time.
    pub fn redeem(&self, account: AccountId, now: Timestamp) -> Step {
        Step::one(
            "DELETE FROM authorization_code WHERE account = $1 AND digest = $2 AND ikey = $3 AND redirect_uri = $4 AND expires_at > $5",
            args![account.as_str(), &self.digest, self.integration.as_str(), self.redirect_uri.as_str(), now],
        )
    }
}

impl Store {
    /// What is kept under `digest` for `integration`; another client's code is none.
    pub async fn authorization_code(
        &self,
        account: AccountId,
        integration: IntegrationKey,
        digest: &[u8; 32],
    ) -> Result<Option<AuthorizationCode>, StoreError> {
        let row = self
            .query_opt(
                "SELECT redirect_uri, login, expires_at FROM authorization_code WHERE account = $1 AND digest = $2 AND ikey = $3",
                args![account.as_str(), digest, integration.as_str()],
            )
            .await?;
        row.map(|row| {
            Ok(AuthorizationCode {
                digest: *digest,
                integration,
                redirect_uri: row.text(0)?,
                login: row.text(1)?,
                expires_at: row.time(2)?,
            })
        })
        .transpose()
    }
}
