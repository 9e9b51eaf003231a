//! Proxies that are connected beside directories.

use cs_core::id::{AccountId, DirectoryKey};
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// A proxy on its channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentRecord {
    /// The account.
    pub account: AccountId,
    /// This channel among all that ever were.
    pub id: String,
    /// The directory.
    pub directory: DirectoryKey,
    /// The node it is connected to.
    pub node: String,
    /// What the proxy calls itself.
    pub proxy: String,
    /// The host it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// The section of its file.
    pub section: String,
    /// What directory is behind it, for people.
    pub words: String,
    /// Whether it checks passwords.
    pub first_factor: bool,
    /// Where it is connected from.
    pub address: String,
    /// Since when.
    pub connected_at: Timestamp,
    /// When it was last heard of.
    pub seen_at: Timestamp,
}

impl AgentRecord {
    /// Notes that it is there.
    pub fn seen(&self) -> Step {
        Step::one(
            "INSERT INTO directory_agent (account, agent_id, directory_id, node, proxy, host, version, section, words, first_factor, address, \
             connected_at, seen_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13) \
             ON CONFLICT (account, agent_id) DO UPDATE SET seen_at = $13",
            args![
                self.account.as_str(),
                self.id.as_str(),
                self.directory.as_str(),
                self.node.as_str(),
                self.proxy.as_str(),
                self.host.as_str(),
                self.version.as_str(),
                self.section.as_str(),
                self.words.as_str(),
                self.first_factor,
                self.address.as_str(),
                self.connected_at,
                self.seen_at
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        const TABLE: &str = "directory_agent";
        Ok(Self {
            account: parsed(TABLE, row, 0)?,
            id: row.text(1)?,
            directory: parsed(TABLE, row, 2)?,
            node: row.text(3)?,
            proxy: row.text(4)?,
            host: row.text(5)?,
            version: row.text(6)?,
            section: row.text(7)?,
            words: row.text(8)?,
            first_factor: row.flag(9)?,
            address: row.text(10)?,
            connected_at: row.time(11)?,
            seen_at: row.time(12)?,
        })
    }
}

/// Notes that a proxy is gone.
pub fn agent_gone(account: AccountId, id: &str) -> Step {
    Step::any("DELETE FROM directory_agent WHERE account = $1 AND agent_id = $2", args![account.as_str(), id])
}

/// Forgets proxies that were not heard of since `before`: their node did not live to say that they are gone.
pub fn forget_agents(before: Timestamp) -> Step {
    Step::any("DELETE FROM directory_agent WHERE seen_at < $1", args![before])
}

impl Store {
    /// The proxies that are connected for an account's directories, those first that were first there.
    pub async fn directory_agents(&self, account: AccountId) -> Result<Vec<AgentRecord>, StoreError> {
        let rows = self
            .query(
                "SELECT account, agent_id, directory_id, node, proxy, host, version, section, words, first_factor, address, connected_at, seen_at \
                 FROM directory_agent WHERE account = $1 ORDER BY connected_at, agent_id LIMIT 1000",
                args![account.as_str()],
            )
            .await?;
        rows.iter().map(AgentRecord::read).collect()
    }
}
