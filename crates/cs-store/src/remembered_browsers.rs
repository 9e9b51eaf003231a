//! Leave not to be asked again in one browser: a row for each user and browser, a new token at every use.

use cs_core::id::{AccountId, BrowserId, IntegrationKey, UserId};
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Reader, Row, Step, StoreError};
use crate::{Store, args};

/// The most browsers that are remembered for one user. A further one takes the place of the one used longest ago.
pub const MAX_BROWSERS_PER_USER: i64 = 50;

/// A browser that is remembered for a user.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RememberedBrowser {
    /// Its id.
    pub id: BrowserId,
    /// For whom.
    pub user: UserId,
    /// Where it was granted.
    pub integration: IntegrationKey,
    /// Keyed hash of the token that is good now.
    pub digest: [u8; 32],
    /// Keyed hash of the one before it.
    pub previous_digest: Option<[u8; 32]>,
    /// How often the token was replaced.
    pub rotation: i64,
    /// When it was replaced last: when the browser was last used.
    pub rotated_at: Timestamp,
    /// As people know it: "Firefox on Linux".
    pub name: String,
    /// Where it was last used from.
    pub address: String,
    /// When it was granted.
    pub granted_at: Timestamp,
    /// Until when it was promised.
    pub until: Timestamp,
    /// The policy that gave it, and for how long: under another one it is void.
    pub policy: String,
    /// The user's trust epoch then: under another one it is void.
    pub trust_epoch: i64,
}

impl RememberedBrowser {
    /// Remembers it. The first step makes room.
    pub fn insert(&self, account: AccountId) -> [Step; 2] {
        let room = Step::any(
            "DELETE FROM remembered_browser WHERE account = $1 AND browser_id IN (SELECT browser_id FROM remembered_browser \
             WHERE account = $1 AND user_id = $2 ORDER BY rotated_at DESC, browser_id LIMIT 1000 OFFSET $3)",
            args![account.as_str(), self.user.as_str(), MAX_BROWSERS_PER_USER - 1],
        );
        let insert = Step::one(
            "INSERT INTO remembered_browser (account, browser_id, user_id, ikey, digest, previous_digest, rotation, rotated_at, name, address, \
             granted_at, until, policy, trust_epoch) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING",
            args![
                account.as_str(),
                self.id.as_str(),
                self.user.as_str(),
                self.integration.as_str(),
                &self.digest,
                self.previous_digest.as_ref().map(|digest| digest.to_vec()),
                self.rotation,
                self.rotated_at,
                self.name.as_str(),
                self.address.as_str(),
                self.granted_at,
                self.until,
                self.policy.as_str(),
                self.trust_epoch
            ],
        );
        [room, insert]
    }

    /// Replaces the token by one with the hash `next`. Holds once for each token.
    pub fn rotate(&self, account: AccountId, next: &[u8; 32], address: &str, now: Timestamp) -> Step {
        Step::one(
            "UPDATE remembered_browser SET digest = $1, previous_digest = digest, rotation = rotation + 1, rotated_at = $2, address = $3 \
             WHERE account = $4 AND browser_id = $5 AND digest = $6 AND rotation = $7",
            args![next, now, address, account.as_str(), self.id.as_str(), &self.digest, self.rotation],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let previous_digest = match row.opt_blob(5)? {
            Some(_) => Some(row.bytes(5)?),
            None => None,
        };
        Ok(Self {
            id: parsed("remembered_browser", row, 1)?,
            user: parsed("remembered_browser", row, 2)?,
            integration: parsed("remembered_browser", row, 3)?,
            digest: row.bytes(4)?,
            previous_digest,
            rotation: row.int(6)?,
            rotated_at: row.time(7)?,
            name: row.text(8)?,
            address: row.text(9)?,
            granted_at: row.time(10)?,
            until: row.time(11)?,
            policy: row.text(12)?,
            trust_epoch: row.int(13)?,
        })
    }
}

/// Forgets one browser of the user. Holds only if it is there.
pub fn forget_browser(account: AccountId, user: UserId, id: BrowserId) -> Step {
    Step::one(
        "DELETE FROM remembered_browser WHERE account = $1 AND browser_id = $2 AND user_id = $3",
        args![account.as_str(), id.as_str(), user.as_str()],
    )
}

/// Forgets every browser of the user.
pub fn forget_browsers(account: AccountId, user: UserId) -> Step {
    Step::any(
        "DELETE FROM remembered_browser WHERE account = $1 AND user_id = $2",
        args![account.as_str(), user.as_str()],
    )
}

macro_rules! select_browsers {
    ($rest:literal) => {
        concat!(
            "SELECT account, browser_id, user_id, ikey, digest, previous_digest, rotation, rotated_at, name, address, granted_at, until, policy, ",
            "trust_epoch FROM remembered_browser ",
            $rest
        )
    };
}

impl Store {
    /// The browser `id`, whether what it was granted still holds or not.
    pub async fn remembered_browser(
        &self,
        account: AccountId,
        id: BrowserId,
    ) -> Result<Option<RememberedBrowser>, StoreError> {
        let sql = select_browsers!("WHERE account = $1 AND browser_id = $2");
        let row = self.query_opt(sql, args![account.as_str(), id.as_str()]).await?;
        row.as_ref().map(RememberedBrowser::read).transpose()
    }
}

impl Reader {
    /// The browsers of a user, those used last at first.
    pub async fn remembered_browsers(
        &self,
        account: AccountId,
        user: UserId,
    ) -> Result<Vec<RememberedBrowser>, StoreError> {
        let sql =
            select_browsers!("WHERE account = $1 AND user_id = $2 ORDER BY rotated_at DESC, browser_id LIMIT 1000");
        let rows = self.query(sql, args![account.as_str(), user.as_str()]).await?;
        rows.iter().map(RememberedBrowser::read).collect()
    }
}
