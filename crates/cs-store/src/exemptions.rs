//! Exemptions of test and automation users.

use cs_core::id::{AccountId, ExemptionId, IntegrationKey, UserId};
use cs_core::network::NetworkList;
use cs_core::policy::Word as _;
use cs_core::policy::exemption::{Exemption, ExemptionKind};
use jiff::Timestamp;

use crate::args;
use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};

/// The most exemptions of one user.
pub const MAX_EXEMPTIONS_PER_USER: i64 = 20;

/// An exemption and whose it is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExemptionRecord {
    /// Its id.
    pub id: ExemptionId,
    /// Whose it is.
    pub user: UserId,
    /// What it allows, and where.
    pub exemption: Exemption,
    /// When people are to be reminded of its end.
    pub remind_at: Option<Timestamp>,
    /// Who made it.
    pub created_by: String,
}

impl ExemptionRecord {
    /// Creates it. Does not hold if the user has [`MAX_EXEMPTIONS_PER_USER`]. To follow a step that holds the user's row.
    pub fn insert(&self, account: AccountId) -> Step {
        let exemption = &self.exemption;
        let applications: Vec<&str> = exemption.applications.iter().map(IntegrationKey::as_str).collect();
        let networks: Vec<String> = exemption.networks.entries().collect();
        Step::one(
            "INSERT INTO exemption (account, user_id, exemption_id, kind, integrations, networks, reason, expires_at, remind_at, created_at, \
             created_by) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), CAST($4 AS TEXT), CAST($5 AS TEXT), CAST($6 AS TEXT), \
             CAST($7 AS TEXT), CAST($8 AS BIGINT), CAST($9 AS BIGINT), CAST($10 AS BIGINT), CAST($11 AS TEXT) \
             WHERE (SELECT COUNT(*) FROM exemption WHERE account = $1 AND user_id = $2) < $12",
            args![
                account.as_str(),
                self.user.as_str(),
                self.id.as_str(),
                exemption.kind.as_str(),
                applications.join(","),
                networks.join(","),
                exemption.reason.as_str(),
                exemption.until,
                self.remind_at,
                exemption.from,
                self.created_by.as_str(),
                MAX_EXEMPTIONS_PER_USER
            ],
        )
    }
}

/// Removes it. Holds only if it is there.
pub fn remove_exemption(account: AccountId, user: UserId, id: ExemptionId) -> Step {
    Step::one(
        "DELETE FROM exemption WHERE account = $1 AND user_id = $2 AND exemption_id = $3",
        args![account.as_str(), user.as_str(), id.as_str()],
    )
}

/// Takes note that people were told of its end. Holds once.
pub fn reminded_of_exemption(account: AccountId, user: UserId, id: ExemptionId) -> Step {
    Step::one(
        "UPDATE exemption SET remind_at = NULL WHERE account = $1 AND user_id = $2 AND exemption_id = $3 AND remind_at IS NOT NULL",
        args![account.as_str(), user.as_str(), id.as_str()],
    )
}

/// What a row allows: kind, applications, networks and reason at `texts`, from and until at `times`.
pub(crate) fn read_exemption(row: &Row, texts: usize, times: usize) -> Result<Exemption, StoreError> {
    let wrong = || corrupt("exemption", row);
    let applications = row.str(texts + 1)?.split(',').map(|key| key.parse().map_err(|_| wrong()));
    Ok(Exemption {
        kind: ExemptionKind::parse(row.str(texts)?).ok_or_else(wrong)?,
        applications: applications.collect::<Result<_, _>>()?,
        networks: NetworkList::parse(row.str(texts + 2)?).ok_or_else(wrong)?,
        from: row.time(times)?,
        until: row.time(times + 1)?,
        reason: row.text(texts + 3)?,
    })
}

fn read(row: &Row) -> Result<ExemptionRecord, StoreError> {
    Ok(ExemptionRecord {
        id: parsed("exemption", row, 1)?,
        user: parsed("exemption", row, 2)?,
        exemption: read_exemption(row, 3, 7)?,
        remind_at: row.opt_time(9)?,
        created_by: row.text(10)?,
    })
}

macro_rules! select_exemptions {
    ($rest:literal) => {
        concat!(
            "SELECT account, exemption_id, user_id, kind, integrations, networks, reason, created_at, expires_at, remind_at, created_by ",
            "FROM exemption ",
            $rest
        )
    };
}

impl Reader {
    /// One exemption.
    pub async fn exemption(&self, account: AccountId, id: ExemptionId) -> Result<Option<ExemptionRecord>, StoreError> {
        let sql = select_exemptions!("WHERE account = $1 AND exemption_id = $2");
        self.query_opt(sql, args![account.as_str(), id.as_str()]).await?.as_ref().map(read).transpose()
    }

    /// The exemptions of everyone or of one user, those that end first at first; those whose end has come are among them until they are put away.
    pub async fn exemptions(
        &self,
        account: AccountId,
        user: Option<UserId>,
    ) -> Result<Vec<ExemptionRecord>, StoreError> {
        let rows = match user {
            Some(user) => {
                let sql = select_exemptions!("WHERE account = $1 AND user_id = $2 ORDER BY expires_at, exemption_id");
                self.query(sql, args![account.as_str(), user.as_str()]).await?
            }
            None => {
                let sql = select_exemptions!("WHERE account = $1 ORDER BY expires_at, exemption_id LIMIT 1000");
                self.query(sql, args![account.as_str()]).await?
            }
        };
        rows.iter().map(read).collect()
    }
}
