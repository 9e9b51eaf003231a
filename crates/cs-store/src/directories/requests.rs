//! What commands and other nodes want of the node that a proxy is connected to.

use cs_core::id::{AccountId, DirectoryKey};
use jiff::Timestamp;

use crate::convert::parsed;
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// A request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DirectoryRequest {
    /// The account.
    pub account: AccountId,
    /// Its id.
    pub id: String,
    /// The directory.
    pub directory: DirectoryKey,
    /// What is asked, sealed.
    pub sealed: Vec<u8>,
    /// When.
    pub created_at: Timestamp,
}

/// How far a request has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RequestState {
    /// Whether a node works on it.
    pub is_taken: bool,
    /// What that node says of it, for people.
    pub progress: String,
    /// The answer, once it is there.
    pub answer: Option<String>,
}

impl DirectoryRequest {
    /// Leaves it for a node.
    pub fn insert(&self) -> Step {
        Step::one(
            "INSERT INTO directory_request (account, request_id, directory_id, sealed, state, progress, answer, created_at) \
             VALUES ($1, $2, $3, $4, 'waiting', '', '', $5)",
            args![self.account.as_str(), self.id.as_str(), self.directory.as_str(), &self.sealed, self.created_at],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        const TABLE: &str = "directory_request";
        Ok(Self {
            account: parsed(TABLE, row, 0)?,
            id: row.text(1)?,
            directory: parsed(TABLE, row, 2)?,
            sealed: row.blob(3)?.to_vec(),
            created_at: row.time(4)?,
        })
    }
}

/// Takes a request: of several nodes one does. What was asked is not kept.
pub fn take_request(account: AccountId, id: &str) -> Step {
    Step::one(
        "UPDATE directory_request SET state = 'taken', sealed = $1 WHERE account = $2 AND request_id = $3 AND state = 'waiting'",
        args![Vec::<u8>::new(), account.as_str(), id],
    )
}

/// Says how far it has come.
pub fn progress_of_request(account: AccountId, id: &str, progress: &str) -> Step {
    Step::any(
        "UPDATE directory_request SET progress = $1 WHERE account = $2 AND request_id = $3 AND state = 'taken'",
        args![progress, account.as_str(), id],
    )
}

/// Answers it. Holds only while somebody may still wait.
pub fn answer_request(account: AccountId, id: &str, answer: &str) -> Step {
    Step::one(
        "UPDATE directory_request SET state = 'done', answer = $1 WHERE account = $2 AND request_id = $3 AND state = 'taken'",
        args![answer, account.as_str(), id],
    )
}

/// Forgets a request.
pub fn forget_request(account: AccountId, id: &str) -> Step {
    Step::any("DELETE FROM directory_request WHERE account = $1 AND request_id = $2", args![account.as_str(), id])
}

/// Forgets requests made before `before`: nobody waits so long.
pub fn forget_requests(before: Timestamp) -> Step {
    Step::any("DELETE FROM directory_request WHERE created_at < $1", args![before])
}

impl Store {
    /// Requests that were made since `since` and that nobody has taken, oldest first, at most 100.
    pub async fn waiting_directory_requests(&self, since: Timestamp) -> Result<Vec<DirectoryRequest>, StoreError> {
        let rows = self
            .query(
                "SELECT account, request_id, directory_id, sealed, created_at FROM directory_request \
                 WHERE state = 'waiting' AND created_at >= $1 ORDER BY created_at LIMIT 100",
                args![since],
            )
            .await?;
        rows.iter().map(DirectoryRequest::read).collect()
    }

    /// How far a request has come; `None` once it is forgotten.
    pub async fn directory_request(&self, account: AccountId, id: &str) -> Result<Option<RequestState>, StoreError> {
        let row = self
            .query_opt(
                "SELECT state, progress, answer FROM directory_request WHERE account = $1 AND request_id = $2",
                args![account.as_str(), id],
            )
            .await?;
        let Some(row) = row else { return Ok(None) };
        let answer = if row.str(0)? == "done" { Some(row.text(2)?) } else { None };
        Ok(Some(RequestState { is_taken: row.str(0)? != "waiting", progress: row.text(1)?, answer }))
    }
}
