//! People in browsers who enroll or look after their own devices.

use cs_core::id::{AccountId, UserId, VisitId};
use jiff::Timestamp;

use crate::convert::{corrupt, parsed};
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

/// What somebody is there for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum VisitKind {
    /// To set up a first factor.
    Enrollment,
    /// To look after their own devices.
    Portal,
}

impl VisitKind {
    const fn as_str(self) -> &'static str {
        match self {
            Self::Enrollment => "enrollment",
            Self::Portal => "portal",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        [Self::Enrollment, Self::Portal].into_iter().find(|kind| kind.as_str() == text)
    }
}

/// One person in one browser.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VisitRow {
    /// The account.
    pub account: AccountId,
    /// Its id.
    pub id: VisitId,
    /// Keyed hash of the secret in the browser's cookie.
    pub secret_digest: [u8; 32],
    /// What for.
    pub kind: VisitKind,
    /// Who.
    pub user: UserId,
    /// Where it stands: JSON, as the engine writes it.
    pub state: String,
    /// How often that has changed.
    pub version: i64,
    /// When it began.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
}

impl VisitRow {
    /// Begins it.
    pub fn insert(&self) -> Step {
        Step::one(
            "INSERT INTO visit (account, visit_id, secret_digest, kind, user_id, state, version, created_at, expires_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            args![
                self.account.as_str(),
                self.id.as_str(),
                &self.secret_digest,
                self.kind.as_str(),
                self.user.as_str(),
                self.state.as_str(),
                self.version,
                self.created_at,
                self.expires_at
            ],
        )
    }

    /// Goes on to `state`. Holds once: whoever comes second with the same version finds that it has gone on.
    pub fn go_on(&self, state: &str, now: Timestamp) -> Step {
        Step::one(
            "UPDATE visit SET state = $1, version = version + 1 WHERE account = $2 AND visit_id = $3 AND version = $4 AND expires_at > $5",
            args![state, self.account.as_str(), self.id.as_str(), self.version, now],
        )
    }

    /// Ends it.
    pub fn end(&self) -> Step {
        Step::any(
            "DELETE FROM visit WHERE account = $1 AND visit_id = $2",
            args![self.account.as_str(), self.id.as_str()],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: parsed("visit", row, 0)?,
            id: parsed("visit", row, 1)?,
            secret_digest: row.bytes(2)?,
            kind: VisitKind::parse(&row.text(3)?).ok_or_else(|| corrupt("visit", row))?,
            user: parsed("visit", row, 4)?,
            state: row.text(5)?,
            version: row.int(6)?,
            created_at: row.time(7)?,
            expires_at: row.time(8)?,
        })
    }
}

/// Ends every visit of the user but `but`.
pub fn end_other_visits(account: AccountId, user: UserId, but: VisitId) -> Step {
    Step::any(
        "DELETE FROM visit WHERE account = $1 AND user_id = $2 AND visit_id <> $3",
        args![account.as_str(), user.as_str(), but.as_str()],
    )
}

/// Removes what is over.
pub fn forget_visits(now: Timestamp) -> Step {
    Step::any("DELETE FROM visit WHERE expires_at < $1", args![now])
}

impl Store {
    /// The visit `id`, whether it is over or not.
    pub async fn visit(&self, account: AccountId, id: VisitId) -> Result<Option<VisitRow>, StoreError> {
        let sql = "SELECT account, visit_id, secret_digest, kind, user_id, state, version, created_at, expires_at \
                   FROM visit WHERE account = $1 AND visit_id = $2";
        self.query_opt(sql, args![account.as_str(), id.as_str()]).await?.as_ref().map(VisitRow::read).transpose()
    }
}
