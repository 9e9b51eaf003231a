//! Proxies: what each section of them last told of itself, up to where its journal has arrived, and who may check codes during an outage.

use cs_core::id::{AccountId, GroupId, IntegrationKey, UserId};
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// What a section of a proxy told of itself.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProxyRecord {
    /// The account.
    pub account: AccountId,
    /// Its application.
    pub integration: IntegrationKey,
    /// What the proxy calls itself; for an application without one, its surface.
    pub proxy: String,
    /// The section.
    pub section: String,
    /// The host it runs on.
    pub host: String,
    /// Its version.
    pub version: String,
    /// What it does while nobody can be asked.
    pub failmode: String,
    /// Until when it can check codes by itself.
    pub offline_until: Option<Timestamp>,
    /// Until when it does without the second factor.
    pub emergency_until: Option<Timestamp>,
    /// When it was first heard of.
    pub first_seen_at: Timestamp,
    /// When it was last heard of.
    pub last_seen_at: Timestamp,
}

impl ProxyRecord {
    /// Keeps what it told last.
    pub fn told(&self) -> Step {
        Step::one(
            "INSERT INTO proxy (account, ikey, proxy_id, section, host, version, failmode, offline_until, emergency_until, first_seen_at, last_seen_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $10) ON CONFLICT (account, ikey, proxy_id, section) DO UPDATE SET \
             host = $5, version = $6, failmode = $7, offline_until = $8, emergency_until = $9, last_seen_at = $10",
            args![
                self.account.as_str(),
                self.integration.as_str(),
                self.proxy.as_str(),
                self.section.as_str(),
                self.host.as_str(),
                self.version.as_str(),
                self.failmode.as_str(),
                self.offline_until,
                self.emergency_until,
                self.last_seen_at
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: parsed("proxy", row, 0)?,
            integration: parsed("proxy", row, 1)?,
            proxy: row.text(2)?,
            section: row.text(3)?,
            host: row.text(4)?,
            version: row.text(5)?,
            failmode: row.text(6)?,
            offline_until: row.opt_time(7)?,
            emergency_until: row.opt_time(8)?,
            first_seen_at: row.time(9)?,
            last_seen_at: row.time(10)?,
        })
    }
}

/// Everything of a proxy's journal up to `taken` has arrived. Holds only while it was `before`.
pub fn journal_taken(
    (account, integration, proxy): (AccountId, IntegrationKey, &str),
    before: i64,
    taken: i64,
) -> Step {
    Step::one(
        "INSERT INTO proxy_journal (account, ikey, proxy_id, taken) VALUES ($1, $2, $3, $4) \
         ON CONFLICT (account, ikey, proxy_id) DO UPDATE SET taken = $4 WHERE proxy_journal.taken = $5",
        args![account.as_str(), integration.as_str(), proxy, taken, before],
    )
}

/// Forgets proxies that were not heard of since `before`.
pub fn forget_proxies(before: Timestamp) -> Step {
    Step::any("DELETE FROM proxy WHERE last_seen_at < $1", args![before])
}

/// Which codes an application's proxies may check during an outage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutageGroup {
    /// The account.
    pub account: AccountId,
    /// The application.
    pub integration: IntegrationKey,
    /// The group's name: applications of one name share seeds.
    pub name: String,
    /// For how long a bundle is good after it was fetched, hours.
    pub hours: i64,
    /// Whose codes; all of the application's users without.
    pub users_of: Option<GroupId>,
    /// The most users of a bundle.
    pub max_users: i64,
    /// So many wrong codes in a row refuse a person until the server is back.
    pub attempts: i64,
    /// So many times a person is let in.
    pub uses: i64,
    /// When that was decided.
    pub changed_at: Timestamp,
}

impl OutageGroup {
    /// Keeps it in the place of what was decided before.
    pub fn put(&self) -> Step {
        Step::one(
            "INSERT INTO outage_group (account, ikey, name, hours, group_id, max_users, attempts, uses, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT (account, ikey) DO UPDATE SET \
             name = $3, hours = $4, group_id = $5, max_users = $6, attempts = $7, uses = $8, changed_at = $9",
            args![
                self.account.as_str(),
                self.integration.as_str(),
                self.name.as_str(),
                self.hours,
                self.users_of.as_ref().map(GroupId::as_str),
                self.max_users,
                self.attempts,
                self.uses,
                self.changed_at
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let users_of = if row.opt_str(4)?.is_some() { Some(parsed("outage_group", row, 4)?) } else { None };
        Ok(Self {
            account: parsed("outage_group", row, 0)?,
            integration: parsed("outage_group", row, 1)?,
            name: row.text(2)?,
            hours: row.int(3)?,
            users_of,
            max_users: row.int(5)?,
            attempts: row.int(6)?,
            uses: row.int(7)?,
            changed_at: row.time(8)?,
        })
    }
}

/// Lets no proxy of an application check codes from the next bundle on. Does not hold if none might.
pub fn remove_outage_group(account: AccountId, integration: IntegrationKey) -> Step {
    Step::one(
        "DELETE FROM outage_group WHERE account = $1 AND ikey = $2",
        args![account.as_str(), integration.as_str()],
    )
}

/// Keeps an account's key for proxies if there is none: of two nodes that make one at the same time one has made the key of both.
pub fn keep_outage_key(account: AccountId, sealed: &[u8], now: Timestamp) -> Step {
    Step::any(
        "INSERT INTO outage_key (account, sealed, created_at) VALUES ($1, $2, $3) ON CONFLICT (account) DO NOTHING",
        args![account.as_str(), sealed, now],
    )
}

/// Everything about proxies goes with its application.
pub fn forget_proxies_of(account: AccountId, integration: IntegrationKey) -> [Step; 4] {
    let key = || args![account.as_str(), integration.as_str()];
    [
        Step::any("DELETE FROM outage_group WHERE account = $1 AND ikey = $2", key()),
        Step::any("DELETE FROM proxy WHERE account = $1 AND ikey = $2", key()),
        Step::any("DELETE FROM proxy_journal WHERE account = $1 AND ikey = $2", key()),
        Step::any("DELETE FROM same_login WHERE account = $1 AND ikey = $2", key()),
    ]
}

impl Store {
    /// What sections of proxies told of themselves, those heard of last first, at most 1000.
    pub async fn proxies(&self, account: AccountId) -> Result<Vec<ProxyRecord>, StoreError> {
        let rows = self
            .reader()
            .query(
                "SELECT account, ikey, proxy_id, section, host, version, failmode, offline_until, emergency_until, first_seen_at, last_seen_at \
                 FROM proxy WHERE account = $1 ORDER BY last_seen_at DESC, ikey, proxy_id, section LIMIT 1000",
                args![account.as_str()],
            )
            .await?;
        rows.iter().map(ProxyRecord::read).collect()
    }

    /// Up to where a proxy's journal has arrived; zero is nothing.
    pub async fn journal_of(
        &self,
        account: AccountId,
        integration: IntegrationKey,
        proxy: &str,
    ) -> Result<i64, StoreError> {
        let row = self
            .query_opt(
                "SELECT taken FROM proxy_journal WHERE account = $1 AND ikey = $2 AND proxy_id = $3",
                args![account.as_str(), integration.as_str(), proxy],
            )
            .await?;
        row.map_or(Ok(0), |row| Ok(row.int(0)?))
    }

    /// Which codes an application's proxies may check.
    pub async fn outage_group(
        &self,
        account: AccountId,
        integration: IntegrationKey,
    ) -> Result<Option<OutageGroup>, StoreError> {
        let row = self
            .query_opt(
                "SELECT account, ikey, name, hours, group_id, max_users, attempts, uses, changed_at FROM outage_group WHERE account = $1 AND ikey = $2",
                args![account.as_str(), integration.as_str()],
            )
            .await?;
        row.as_ref().map(OutageGroup::read).transpose()
    }

    /// The groups of proxies that may check a user's codes, with the application of each, by name; at most 200.
    pub async fn outage_groups_of(
        &self,
        account: AccountId,
        user: UserId,
    ) -> Result<Vec<(String, IntegrationKey)>, StoreError> {
        let rows = self
            .query(
                "SELECT o.name, o.ikey FROM outage_group o WHERE o.account = $1 AND (o.group_id IS NULL OR EXISTS ( \
                 SELECT 1 FROM group_member m WHERE m.account = o.account AND m.group_id = o.group_id AND m.user_id = $2)) \
                 ORDER BY o.name, o.ikey LIMIT 200",
                args![account.as_str(), user.as_str()],
            )
            .await?;
        rows.iter().map(|row| Ok((row.text(0)?, parsed("outage_group", row, 1)?))).collect()
    }

    /// The users that an application's bundle may hold, by id: of a group, or all of the account; one more than `most`, so that too many are seen.
    pub async fn outage_users(
        &self,
        account: AccountId,
        users_of: Option<GroupId>,
        most: i64,
    ) -> Result<Vec<UserId>, StoreError> {
        let reader = self.reader();
        let rows = match users_of {
            Some(group) => {
                reader
                    .query(
                        "SELECT u.user_id FROM group_member m JOIN users u ON u.account = m.account AND u.user_id = m.user_id \
                         WHERE m.account = $1 AND m.group_id = $2 AND u.deleted_at IS NULL AND u.status = 'active' \
                         ORDER BY u.user_id LIMIT $3",
                        args![account.as_str(), group.as_str(), most.saturating_add(1)],
                    )
                    .await?
            }
            None => {
                reader
                    .query(
                        "SELECT user_id FROM users WHERE account = $1 AND deleted_at IS NULL AND status = 'active' ORDER BY user_id LIMIT $2",
                        args![account.as_str(), most.saturating_add(1)],
                    )
                    .await?
            }
        };
        rows.iter().map(|row| parsed("users", row, 0)).collect()
    }

    /// An account's key for proxies, sealed, once there is one.
    pub async fn outage_key(&self, account: AccountId) -> Result<Option<Vec<u8>>, StoreError> {
        let row = self.query_opt("SELECT sealed FROM outage_key WHERE account = $1", args![account.as_str()]).await?;
        row.map(|row| Ok(row.blob(0)?.to_vec())).transpose()
    }
}
