//! Programs that ask for logins, as they last described themselves.

use cs_core::id::{AccountId, IntegrationKey};
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// What a program said of itself when it last asked for a login.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LoginClient {
    /// The account.
    pub account: AccountId,
    /// The application whose keys it has.
    pub integration: IntegrationKey,
    /// The host that is logged in to, as it says; empty where it does not.
    pub host: String,
    /// The program and its version, as it says.
    pub program: String,
    /// What it does while nobody can be asked: `safe` or `secure`.
    pub failmode: String,
    /// When it was first heard of.
    pub first_seen_at: Timestamp,
    /// When this was last written down, at most a day before it last asked.
    pub last_seen_at: Timestamp,
}

impl LoginClient {
    /// Keeps what it said last.
    pub fn told(&self) -> Step {
        Step::one(
            "INSERT INTO login_client (account, ikey, host, program, failmode, first_seen_at, last_seen_at) VALUES ($1, $2, $3, $4, $5, $6, $6) \
             ON CONFLICT (account, ikey, host) DO UPDATE SET program = $4, failmode = $5, last_seen_at = $6",
            args![
                self.account.as_str(),
                self.integration.as_str(),
                self.host.as_str(),
                self.program.as_str(),
                self.failmode.as_str(),
                self.last_seen_at
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: parsed("login_client", row, 0)?,
            integration: parsed("login_client", row, 1)?,
            host: row.text(2)?,
            program: row.text(3)?,
            failmode: row.text(4)?,
            first_seen_at: row.time(5)?,
            last_seen_at: row.time(6)?,
        })
    }
}

/// Forgets programs that were not heard of since `before`.
pub fn forget_clients(before: Timestamp) -> Step {
    Step::any("DELETE FROM login_client WHERE last_seen_at < $1", args![before])
}

/// Forgets the programs of an application.
pub fn forget_clients_of(account: AccountId, integration: IntegrationKey) -> Step {
    Step::any(
        "DELETE FROM login_client WHERE account = $1 AND ikey = $2",
        args![account.as_str(), integration.as_str()],
    )
}

impl Store {
    /// What programs said of themselves, by application and host, at most 5000.
    pub async fn login_clients(&self, account: AccountId) -> Result<Vec<LoginClient>, StoreError> {
        let rows = self
            .reader()
            .query(
                "SELECT account, ikey, host, program, failmode, first_seen_at, last_seen_at FROM login_client \
                 WHERE account = $1 ORDER BY ikey, host LIMIT 5000",
                args![account.as_str()],
            )
            .await?;
        rows.iter().map(LoginClient::read).collect()
    }

    /// How many hosts of an application are known, without `host`.
    pub async fn login_clients_beside(
        &self,
        account: AccountId,
        integration: IntegrationKey,
        host: &str,
    ) -> Result<i64, StoreError> {
        let row = self
            .query_opt(
                "SELECT count(*) FROM login_client WHERE account = $1 AND ikey = $2 AND host <> $3",
                args![account.as_str(), integration.as_str(), host],
            )
            .await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?))
    }
}
