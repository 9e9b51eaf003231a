//! What is logged.

use std::sync::Arc;

use jiff::Timestamp;

/// The four logs of the product; all live in one table.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum LogKind {
    /// Logins and what became of them.
    Auth,
    /// What administrators did.
    Admin,
    /// Messages and calls sent.
    Telephony,
    /// What users did to their own account and devices.
    Activity,
}

impl LogKind {
    /// All four.
    pub const ALL: [Self; 4] = [Self::Auth, Self::Admin, Self::Telephony, Self::Activity];

    /// The name in the database.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Auth => "auth",
            Self::Admin => "admin",
            Self::Telephony => "telephony",
            Self::Activity => "activity",
        }
    }
}

/// One entry of the audit log.
///
/// `body` and the columns beside it stay for as long as the log; `personal` and `evidence` can be erased without breaking the chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogRecord {
    /// The account.
    pub account: String,
    /// Which log.
    pub kind: LogKind,
    /// When it happened, kept to the millisecond.
    pub at: Timestamp,
    /// The entry's id: the transaction's id of a login, otherwise a UUID.
    pub id: String,
    /// The user concerned.
    pub user_id: Option<String>,
    /// The integration (its key), or the surface, concerned.
    pub integration: Option<String>,
    /// What came of it, such as `allow` or `deny`; for the other logs the action.
    pub result: Option<String>,
    /// Why.
    pub reason: Option<String>,
    /// The factor used.
    pub factor: Option<String>,
    /// Further fields that are not personal, as JSON text.
    pub body: String,
    /// Personal fields (names, addresses, places), as JSON text.
    pub personal: Option<String>,
    /// The device's JWS over what was approved, verbatim.
    pub evidence: Option<String>,
}

impl LogRecord {
    /// An entry with only what every entry has; fill in the rest by struct update or assignment.
    pub fn new(account: impl Into<String>, kind: LogKind, id: impl Into<String>, at: Timestamp) -> Self {
        Self {
            account: account.into(),
            kind,
            at,
            id: id.into(),
            user_id: None,
            integration: None,
            result: None,
            reason: None,
            factor: None,
            body: "{}".to_owned(),
            personal: None,
            evidence: None,
        }
    }

    pub(crate) fn has_nul(&self) -> bool {
        let optional = [
            &self.user_id,
            &self.integration,
            &self.result,
            &self.reason,
            &self.factor,
            &self.personal,
            &self.evidence,
        ];
        [&self.account, &self.id, &self.body]
            .into_iter()
            .chain(optional.into_iter().flatten())
            .any(|text| text.as_bytes().contains(&0))
    }
}

/// Where an entry stands in the audit log.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct LogPosition {
    /// The chain: one per writer lane and process start.
    pub chain: Arc<str>,
    /// The place in it, from 1 without gaps.
    pub seq: i64,
}
