//! The same login through another proxy: a device that loses patience asks its second one.
//!
//! The proxies know nothing of each other. Both name the login alike, and the row under that name says which push is meant, or what was decided at once. For how long
//! that means anything is for the engine to say: a name is the same again tomorrow, when the same person logs in from the same place.

use cs_core::id::{AccountId, IntegrationKey, TxId, UserId};
use cs_core::login::Push;
use jiff::Timestamp;

use crate::convert::{corrupt, parsed};
use crate::db::{Step, StoreError};
use crate::{Store, args};

/// A login's name, which means something to one application only.
#[derive(Debug, Clone, Copy)]
pub struct SameKey<'a> {
    /// The account.
    pub account: AccountId,
    /// Who asks.
    pub integration: IntegrationKey,
    /// What its proxies make of the login.
    pub key: &'a str,
}

/// What is known under a name.
#[derive(Debug, Clone)]
pub struct Same {
    /// Who logs in.
    pub user: UserId,
    /// A push or a call.
    pub txid: Option<TxId>,
    /// How that stands as written; `None` if it is forgotten.
    pub push: Option<Push>,
    /// When it was closed.
    pub closed_at: Option<Timestamp>,
    /// What was decided at once, sealed.
    pub sealed: Option<Vec<u8>>,
    /// When it was written.
    pub at: Timestamp,
    /// Counts what was written under this name; zero is nothing.
    pub generation: i64,
}

impl SameKey<'_> {
    /// A push or a call begins under this name. Does not hold if something else was written since `generation` was read.
    pub fn begun(&self, user: UserId, txid: TxId, generation: i64, now: Timestamp) -> Step {
        self.write(user, &txid.to_string(), None, generation, now)
    }

    /// Something was decided at once under this name. Does not hold if something else was written since `generation` was read.
    pub fn decided(&self, user: UserId, sealed: &[u8], generation: i64, now: Timestamp) -> Step {
        self.write(user, "", Some(sealed), generation, now)
    }

    fn write(&self, user: UserId, txid: &str, sealed: Option<&[u8]>, generation: i64, now: Timestamp) -> Step {
        Step::one(
            "INSERT INTO same_login (account, ikey, login_key, user_id, txid, askers, sealed, at, generation) \
             VALUES ($1, $2, $3, $4, $5, 1, $6, $7, $8) ON CONFLICT (account, ikey, login_key) DO UPDATE SET \
             user_id = $4, txid = $5, askers = 1, sealed = $6, at = $7, generation = $8 WHERE same_login.generation = $9",
            args![
                self.account.as_str(),
                self.integration.as_str(),
                self.key,
                user.as_str(),
                txid,
                sealed,
                now,
                generation.saturating_add(1),
                generation
            ],
        )
    }

    /// One more waits for push `txid`. Does not hold if the name means something else by now.
    pub fn joined(&self, txid: TxId) -> Step {
        Step::one(
            "UPDATE same_login SET askers = askers + 1 WHERE account = $1 AND ikey = $2 AND login_key = $3 AND txid = $4",
            args![self.account.as_str(), self.integration.as_str(), self.key, txid.to_string()],
        )
    }
}

/// One of several who wait for push `txid` of an application gives up. Does not hold if it is the last, or never had company.
pub fn one_less(account: AccountId, integration: IntegrationKey, txid: TxId) -> Step {
    Step::one(
        "UPDATE same_login SET askers = askers - 1 WHERE account = $1 AND txid = $2 AND ikey = $3 AND askers > 1",
        args![account.as_str(), txid.to_string(), integration.as_str()],
    )
}

/// Forgets what was written before `before`.
pub fn forget_same_logins(before: Timestamp) -> Step {
    Step::any("DELETE FROM same_login WHERE at < $1", args![before])
}

impl Store {
    /// What is known under a name.
    pub async fn same_login(&self, key: SameKey<'_>) -> Result<Option<Same>, StoreError> {
        let row = self
            .query_opt(
                "SELECT s.ikey, s.user_id, s.txid, s.sealed, s.at, s.generation, l.state, l.expires_at, l.closed_at FROM same_login s \
                 LEFT JOIN login l ON l.account = s.account AND l.txid = s.txid \
                 WHERE s.account = $1 AND s.ikey = $2 AND s.login_key = $3",
                args![key.account.as_str(), key.integration.as_str(), key.key],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let push = match (row.opt_str(6)?, row.opt_time(7)?) {
            (Some(state), Some(expires_at)) => {
                Some(Push::parse(state, expires_at).ok_or_else(|| corrupt("login", &row))?)
            }
            (None, _) | (_, None) => None,
        };
        Ok(Some(Same {
            user: parsed("same_login", &row, 1)?,
            txid: if row.str(2)?.is_empty() { None } else { Some(parsed("same_login", &row, 2)?) },
            push,
            closed_at: row.opt_time(8)?,
            sealed: row.opt_blob(3)?.map(<[u8]>::to_vec),
            at: row.time(4)?,
            generation: row.int(5)?,
        }))
    }
}
