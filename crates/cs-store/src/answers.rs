//! What was answered at once to a login with an idempotency key, so that the same request sent again gets the same answer and is not judged twice.

use cs_core::id::{AccountId, IntegrationKey, UserId};
use jiff::Timestamp;

use crate::db::{Step, StoreError};
use crate::{Store, args};

/// Whose answer it is: an idempotency key means something to one integration and one user only.
#[derive(Debug, Clone, Copy)]
pub struct AnswerKey<'a> {
    /// The account.
    pub account: AccountId,
    /// Who asked.
    pub integration: IntegrationKey,
    /// Who logs in.
    pub user: UserId,
    /// The caller's key.
    pub key: &'a str,
}

/// A kept answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeptAnswer {
    /// Digest over all parameters of the request.
    pub request_digest: [u8; 32],
    /// The answer, sealed for this key.
    pub sealed: Vec<u8>,
}

impl KeptAnswer {
    /// Keeps the answer. Does not hold if one was given under the key before.
    pub fn insert(&self, key: AnswerKey<'_>, now: Timestamp) -> Step {
        Step::one(
            "INSERT INTO answer (account, ikey, user_id, idem_key, request_digest, sealed, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT DO NOTHING",
            args![
                key.account.as_str(),
                key.integration.as_str(),
                key.user.as_str(),
                key.key,
                &self.request_digest,
                self.sealed.as_slice(),
                now
            ],
        )
    }
}

/// Forgets answers given before `before`.
pub fn forget_answers(before: Timestamp) -> Step {
    Step::any("DELETE FROM answer WHERE created_at < $1", args![before])
}

impl Store {
    /// What was answered under this key.
    pub async fn kept_answer(&self, key: AnswerKey<'_>) -> Result<Option<KeptAnswer>, StoreError> {
        let row = self
            .query_opt(
                "SELECT request_digest, sealed FROM answer WHERE account = $1 AND ikey = $2 AND user_id = $3 AND idem_key = $4",
                args![key.account.as_str(), key.integration.as_str(), key.user.as_str(), key.key],
            )
            .await?;
        row.map(|row| Ok(KeptAnswer { request_digest: row.bytes(0)?, sealed: row.blob(1)?.to_vec() })).transpose()
    }
}
