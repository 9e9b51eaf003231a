//! Directories that users are synced from: how each is set, when it was read, and what came of it.

mod agents;
mod known;
mod links;
mod requests;

use cs_core::id::{AccountId, DirectoryKey, IntegrationKey};
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

pub use agents::{AgentRecord, agent_gone, forget_agents};
pub use known::KnownUser;
pub use links::{GroupLink, UserLink, invited, link_group, link_user, relink_user, unlink_group, unlink_users};
pub use requests::{
    DirectoryRequest, RequestState, answer_request, forget_request, forget_requests, progress_of_request, take_request,
};

const TABLE: &str = "directory";

/// A directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryRecord {
    /// The account.
    pub account: AccountId,
    /// Its key.
    pub id: DirectoryKey,
    /// By what proxies beside it sign.
    pub integration: IntegrationKey,
    /// Unique in the account.
    pub name: String,
    /// How it is set, JSON text.
    pub settings: String,
    /// Whether it is left alone.
    pub paused: bool,
    /// How many users an administrator has agreed to lose in one run.
    pub confirmed: Option<i64>,
    /// When it is due.
    pub next_run_at: Timestamp,
    /// Who reads it now, and until when that holds without being renewed.
    pub running: Option<(String, Timestamp)>,
    /// When it was last tried.
    pub last_run_at: Option<Timestamp>,
    /// When all was last as the directory says.
    pub last_success_at: Option<Timestamp>,
    /// What came of the last run, JSON text; empty before the first.
    pub outcome: String,
    /// Changes with every administrative change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

macro_rules! select_directory {
    ($rest:literal) => {
        concat!(
            "SELECT account, directory_id, ikey, name, settings, paused, confirmed, next_run_at, run_by, run_until, last_run_at, last_success_at, ",
            "outcome, version, created_at FROM directory ",
            $rest
        )
    };
}

impl DirectoryRecord {
    /// Creates it. Does not hold if the account has one of that name.
    pub fn insert(&self) -> Step {
        Step::one(
            "INSERT INTO directory (account, directory_id, ikey, name, settings, paused, next_run_at, outcome, version, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            args![
                self.account.as_str(),
                self.id.as_str(),
                self.integration.as_str(),
                self.name.as_str(),
                self.settings.as_str(),
                self.paused,
                self.next_run_at,
                self.outcome.as_str(),
                self.version,
                self.created_at
            ],
        )
    }

    /// Writes what an administrator can change. Holds only while it is as it was loaded and no other has the name.
    pub fn update(&self) -> Step {
        Step::one(
            "UPDATE directory SET name = $1, settings = $2, paused = $3, confirmed = $4, next_run_at = $5, version = version + 1 \
             WHERE account = $6 AND directory_id = $7 AND version = $8",
            args![
                self.name.as_str(),
                self.settings.as_str(),
                self.paused,
                self.confirmed,
                self.next_run_at,
                self.account.as_str(),
                self.id.as_str(),
                self.version
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        let running = match (row.opt_text(8)?, row.opt_time(9)?) {
            (Some(by), Some(until)) => Some((by, until)),
            _ => None,
        };
        Ok(Self {
            account: parsed(TABLE, row, 0)?,
            id: parsed(TABLE, row, 1)?,
            integration: parsed(TABLE, row, 2)?,
            name: row.text(3)?,
            settings: row.text(4)?,
            paused: row.flag(5)?,
            confirmed: row.opt_int(6)?,
            next_run_at: row.time(7)?,
            running,
            last_run_at: row.opt_time(10)?,
            last_success_at: row.opt_time(11)?,
            outcome: row.text(12)?,
            version: row.int(13)?,
            created_at: row.time(14)?,
        })
    }
}

/// Removes a directory with all that was about it; its users and groups become administrators' own. Holds only if it is there.
pub fn remove_directory(account: AccountId, id: DirectoryKey) -> [Step; 5] {
    let key = || args![account.as_str(), id.as_str()];
    [
        Step::one("DELETE FROM directory WHERE account = $1 AND directory_id = $2", key()),
        Step::any("DELETE FROM directory_agent WHERE account = $1 AND directory_id = $2", key()),
        Step::any("DELETE FROM directory_group WHERE account = $1 AND directory_id = $2", key()),
        Step::any("DELETE FROM directory_request WHERE account = $1 AND directory_id = $2", key()),
        unlink_users(account, id),
    ]
}

/// Takes a run: holds only while nobody else has it.
pub fn begin_run(account: AccountId, id: DirectoryKey, by: &str, now: Timestamp, until: Timestamp) -> Step {
    Step::one(
        "UPDATE directory SET run_by = $1, run_until = $2 WHERE account = $3 AND directory_id = $4 AND (run_until IS NULL OR run_until <= $5)",
        args![by, until, account.as_str(), id.as_str(), now],
    )
}

/// Goes on with a run. Holds only while it is that one's.
pub fn keep_run(account: AccountId, id: DirectoryKey, by: &str, until: Timestamp) -> Step {
    Step::one(
        "UPDATE directory SET run_until = $1 WHERE account = $2 AND directory_id = $3 AND run_by = $4",
        args![until, account.as_str(), id.as_str(), by],
    )
}

/// What is kept of a run when it ends.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RunEnd<'a> {
    /// When it ended.
    pub at: Timestamp,
    /// Whether all is as the directory says.
    pub succeeded: bool,
    /// JSON text.
    pub outcome: &'a str,
    /// When the next is due.
    pub next_run_at: Timestamp,
}

/// Ends a run. Holds only while it is that one's.
pub fn end_run(account: AccountId, id: DirectoryKey, by: &str, end: &RunEnd<'_>) -> Step {
    Step::one(
        "UPDATE directory SET run_by = NULL, run_until = NULL, last_run_at = $1, last_success_at = COALESCE($2, last_success_at), outcome = $3, \
         next_run_at = $4 WHERE account = $5 AND directory_id = $6 AND run_by = $7",
        args![end.at, end.succeeded.then_some(end.at), end.outcome, end.next_run_at, account.as_str(), id.as_str(), by],
    )
}

/// Gives a run back as if it had not begun. Holds only while it is that one's.
pub fn drop_run(account: AccountId, id: DirectoryKey, by: &str) -> Step {
    Step::one(
        "UPDATE directory SET run_by = NULL, run_until = NULL WHERE account = $1 AND directory_id = $2 AND run_by = $3",
        args![account.as_str(), id.as_str(), by],
    )
}

/// Gives back the runs that were begun on a machine, whose server has just started and so has none.
pub fn drop_runs_of(machine: &str) -> Step {
    Step::any(
        "UPDATE directory SET run_by = NULL, run_until = NULL WHERE substr(run_by, 1, length(CAST($1 AS TEXT))) = CAST($1 AS TEXT)",
        args![format!("{machine}/")],
    )
}

/// Makes use of an administrator's word that so many may go. Holds once.
pub fn use_confirmation(account: AccountId, id: DirectoryKey, removals: i64) -> Step {
    Step::one(
        "UPDATE directory SET confirmed = NULL WHERE account = $1 AND directory_id = $2 AND confirmed = $3",
        args![account.as_str(), id.as_str(), removals],
    )
}

impl Store {
    /// An account's directories by name.
    pub async fn directories(&self, account: AccountId) -> Result<Vec<DirectoryRecord>, StoreError> {
        let sql = select_directory!("WHERE account = $1 ORDER BY name");
        self.query(sql, args![account.as_str()]).await?.iter().map(DirectoryRecord::read).collect()
    }

    /// Every directory of the installation.
    pub async fn all_directories(&self) -> Result<Vec<DirectoryRecord>, StoreError> {
        let sql = select_directory!("ORDER BY account, name");
        self.query(sql, args![]).await?.iter().map(DirectoryRecord::read).collect()
    }

    /// One directory.
    pub async fn directory(&self, account: AccountId, id: DirectoryKey) -> Result<Option<DirectoryRecord>, StoreError> {
        let sql = select_directory!("WHERE account = $1 AND directory_id = $2");
        let row = self.query_opt(sql, args![account.as_str(), id.as_str()]).await?;
        row.as_ref().map(DirectoryRecord::read).transpose()
    }

    /// The directory whose proxies sign by `integration`.
    pub async fn directory_of_integration(
        &self,
        account: AccountId,
        integration: IntegrationKey,
    ) -> Result<Option<DirectoryRecord>, StoreError> {
        let sql = select_directory!("WHERE account = $1 AND ikey = $2");
        let row = self.query_opt(sql, args![account.as_str(), integration.as_str()]).await?;
        row.as_ref().map(DirectoryRecord::read).transpose()
    }
}
