//! Policies, where they apply, and what they were before.
//!
//! An account's policies are one *book*: few enough to be read whole, and changed under one version, so that conditions on several of them (a name is
//! free, a policy is attached nowhere else) need no locks of their own. Logins decide on a cached book and guard on its version.

use cs_core::account::LoginSettings;
use cs_core::id::{AccountId, GroupId, IntegrationKey, PolicyKey};
use jiff::Timestamp;

use crate::accounts::stored_login_settings;
use crate::convert::{corrupt, parsed};
use crate::db::{Query, Reader, Row, Step, StoreError};
use crate::users::{Page, Slice};
use crate::{Job, Store, args};

/// The name a new account's global policy has.
pub const GLOBAL_POLICY_NAME: &str = "Global Policy";

const TABLE: &str = "policy";
/// How often a book that keeps changing is read again.
const READS: usize = 32;
const SETTINGS: &str = "SELECT account, settings FROM account WHERE account = $1";
const BOOK: &str = "SELECT version FROM policy_book WHERE account = $1";
const POLICIES: &str = "SELECT account, policy_key, name, is_global, sections, version, created_at, modified_at, staged FROM policy WHERE account = $1 \
     ORDER BY is_global DESC, created_at, policy_key";
const USES: &str = "SELECT account, policy_key, ikey, group_id, position FROM policy_use WHERE account = $1 ORDER BY ikey, position, policy_key, group_id";

/// A policy as it is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRecord {
    /// Its key.
    pub key: PolicyKey,
    /// Unique in the account.
    pub name: String,
    /// Whether it is the one that applies to everything.
    pub is_global: bool,
    /// What it defines: a JSON object by section, in canonical form.
    pub sections: String,
    /// Changes with every change of the policy or of where it applies.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub modified_at: Timestamp,
    /// The next version, which applies to some users already: JSON, as the engine writes it.
    pub staged: Option<String>,
}

/// One place where a policy applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PolicyUse {
    /// Which policy.
    pub policy: PolicyKey,
    /// To what.
    pub scope: PolicyScope,
    /// The place among policies of the same application's groups, or among group policies, from 0. The first that fits wins.
    pub position: i64,
}

/// To what a policy applies.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum PolicyScope {
    /// Members of a group, in one application.
    ApplicationGroup(IntegrationKey, GroupId),
    /// One application.
    Application(IntegrationKey),
    /// Members of a group, in any application.
    Group(GroupId),
}

/// An account's policies and where they apply, all as of one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRows {
    /// The book's version; every change has its own, and so has every change of the settings that logins go by.
    pub version: i64,
    /// Those settings.
    pub login: LoginSettings,
    /// The global policy first, then by age.
    pub policies: Vec<PolicyRecord>,
    /// By application, then position.
    pub uses: Vec<PolicyUse>,
}

/// What a policy was after a change.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PolicyRevision {
    /// Which policy.
    pub key: PolicyKey,
    /// Its version then.
    pub version: i64,
    /// Its name then.
    pub name: String,
    /// What it defined then, or before it was removed.
    pub sections: String,
    /// Where it applied then: JSON, as the engine writes it.
    pub uses: String,
    /// What was done, as the administrator log names it.
    pub action: String,
    /// Who did it.
    pub actor: String,
    /// When.
    pub changed_at: Timestamp,
}

impl PolicyRecord {
    /// The global policy of a new account: it has the defaults.
    pub fn new_global(account: AccountId, now: Timestamp) -> Self {
        Self {
            key: PolicyKey::global_of(account),
            name: GLOBAL_POLICY_NAME.to_owned(),
            is_global: true,
            sections: "{}".to_owned(),
            version: 1,
            created_at: now,
            modified_at: now,
            staged: None,
        }
    }

    /// Creates it. Does not hold if the account has one of that key or name, or another global one.
    pub fn insert(&self, account: AccountId) -> Step {
        Step::one(
            "INSERT INTO policy (account, policy_key, name, is_global, sections, version, created_at, modified_at, staged) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING",
            args![
                account.as_str(),
                self.key.as_str(),
                self.name.as_str(),
                self.is_global,
                self.sections.as_str(),
                self.version,
                self.created_at,
                self.modified_at,
                self.staged.as_deref()
            ],
        )
    }

    /// Writes name and sections and counts the version up. Holds only while the policy is as it was loaded.
    pub fn update(&self, account: AccountId) -> Step {
        Step::one(
            "UPDATE policy SET name = $1, sections = $2, version = version + 1, modified_at = $3, staged = $7 \
             WHERE account = $4 AND policy_key = $5 AND version = $6",
            args![
                self.name.as_str(),
                self.sections.as_str(),
                self.modified_at,
                account.as_str(),
                self.key.as_str(),
                self.version,
                self.staged.as_deref()
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: parsed(TABLE, row, 1)?,
            name: row.text(2)?,
            is_global: row.flag(3)?,
            sections: row.text(4)?,
            version: row.int(5)?,
            created_at: row.time(6)?,
            modified_at: row.time(7)?,
            staged: row.opt_text(8)?,
        })
    }
}

impl PolicyScope {
    /// The application, if it is about one.
    pub const fn application(self) -> Option<IntegrationKey> {
        match self {
            Self::ApplicationGroup(application, _) | Self::Application(application) => Some(application),
            Self::Group(_) => None,
        }
    }

    /// The group, if it is about one.
    pub const fn group(self) -> Option<GroupId> {
        match self {
            Self::ApplicationGroup(_, group) | Self::Group(group) => Some(group),
            Self::Application(_) => None,
        }
    }
}

impl PolicyRevision {
    /// Keeps it.
    pub fn insert(&self, account: AccountId) -> Step {
        Step::one(
            "INSERT INTO policy_history (account, policy_key, version, name, sections, uses, action, actor, changed_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
            args![
                account.as_str(),
                self.key.as_str(),
                self.version,
                self.name.as_str(),
                self.sections.as_str(),
                self.uses.as_str(),
                self.action.as_str(),
                self.actor.as_str(),
                self.changed_at
            ],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            key: parsed("policy_history", row, 1)?,
            version: row.int(2)?,
            name: row.text(3)?,
            sections: row.text(4)?,
            uses: row.text(5)?,
            action: row.text(6)?,
            actor: row.text(7)?,
            changed_at: row.time(8)?,
        })
    }
}

/// Removes a policy. Holds only while it is as it was loaded; the global one cannot be removed.
pub fn delete_policy(account: AccountId, key: PolicyKey, version: i64) -> Step {
    Step::one(
        "DELETE FROM policy WHERE account = $1 AND policy_key = $2 AND version = $3 AND is_global = 0",
        args![account.as_str(), key.as_str(), version],
    )
}

/// Makes an account's global policy and its book, unless they are there.
pub fn ensure_global(account: AccountId, now: Timestamp) -> [Step; 2] {
    let mut global = PolicyRecord::new_global(account, now).insert(account);
    global.expect = crate::Expect::Any;
    let book = Step::any(
        "INSERT INTO policy_book (account, version) VALUES ($1, 1) ON CONFLICT DO NOTHING",
        args![account.as_str()],
    );
    [global, book]
}

/// Counts the book's version up. Holds only at `version`: to be the first step of every change of policies.
pub fn turn_page(account: AccountId, version: i64) -> Step {
    Step::one(
        "UPDATE policy_book SET version = version + 1 WHERE account = $1 AND version = $2",
        args![account.as_str(), version],
    )
}

/// Counts the book's version up for a change of the settings that logins go by: what is being decided by the old ones does not commit.
pub fn turn_page_for_settings(account: AccountId) -> Step {
    Step::any("UPDATE policy_book SET version = version + 1 WHERE account = $1", args![account.as_str()])
}

/// Holds while the account's policies, and where they apply, are as they were when a decision was made.
pub fn policies_unchanged(account: AccountId, version: i64) -> Step {
    Step::exists("SELECT 1 FROM policy_book WHERE account = $1 AND version = $2", args![account.as_str(), version])
        .guarding_a_cache()
}

/// Makes `uses` all the places where policies apply to `application`, or, without one, all group policies.
pub fn replace_uses(account: AccountId, application: Option<IntegrationKey>, uses: &[PolicyUse]) -> Vec<Step> {
    let ikey = application.as_ref().map_or("", IntegrationKey::as_str);
    let mut steps =
        vec![Step::any("DELETE FROM policy_use WHERE account = $1 AND ikey = $2", args![account.as_str(), ikey])];
    steps.extend(uses.iter().map(|at| {
        let (application, group) = (at.scope.application(), at.scope.group());
        Step::one(
            "INSERT INTO policy_use (account, ikey, group_id, policy_key, position) VALUES ($1, $2, $3, $4, $5)",
            args![
                account.as_str(),
                application.as_ref().map_or("", IntegrationKey::as_str),
                group.as_ref().map_or("", GroupId::as_str),
                at.policy.as_str(),
                at.position
            ],
        )
    }));
    steps
}

/// Holds, and keeps holding until the commit, if there is such an application.
pub fn hold_application(account: AccountId, key: IntegrationKey) -> Step {
    Step::one(
        "UPDATE integration SET version = version WHERE account = $1 AND ikey = $2",
        args![account.as_str(), key.as_str()],
    )
}

/// Holds, and keeps holding until the commit, if there is such a group.
pub fn hold_group(account: AccountId, group: GroupId) -> Step {
    Step::one(
        "UPDATE user_group SET version = version WHERE account = $1 AND group_id = $2",
        args![account.as_str(), group.as_str()],
    )
}

/// Takes all policies off an application that is being removed.
pub fn forget_application(account: AccountId, key: IntegrationKey) -> [Step; 2] {
    let args = || args![account.as_str(), key.as_str()];
    [
        Step::any(
            "UPDATE policy_book SET version = version + 1 WHERE account = $1 \
             AND EXISTS (SELECT 1 FROM policy_use u WHERE u.account = $1 AND u.ikey = $2)",
            args(),
        ),
        Step::any("DELETE FROM policy_use WHERE account = $1 AND ikey = $2", args()),
    ]
}

/// Takes all policies off a group that is being removed.
pub fn forget_group(account: AccountId, group: GroupId) -> [Step; 2] {
    let args = || args![account.as_str(), group.as_str()];
    [
        Step::any(
            "UPDATE policy_book SET version = version + 1 WHERE account = $1 \
             AND EXISTS (SELECT 1 FROM policy_use u WHERE u.account = $1 AND u.group_id = $2)",
            args(),
        ),
        Step::any("DELETE FROM policy_use WHERE account = $1 AND group_id = $2", args()),
    ]
}

fn read_use(row: &Row) -> Result<PolicyUse, StoreError> {
    let scope = match (row.str(2)?, row.str(3)?) {
        ("", "") => return Err(corrupt("policy_use", row)),
        ("", _) => PolicyScope::Group(parsed("policy_use", row, 3)?),
        (_, "") => PolicyScope::Application(parsed("policy_use", row, 2)?),
        (_, _) => PolicyScope::ApplicationGroup(parsed("policy_use", row, 2)?, parsed("policy_use", row, 3)?),
    };
    Ok(PolicyUse { policy: parsed("policy_use", row, 1)?, scope, position: row.int(4)? })
}

impl Store {
    /// The account's policies and where they apply. An account without a global policy, which only a newer or unfinished one is, gets it here.
    pub async fn policy_rows(&self, account: AccountId, now: Timestamp) -> Result<PolicyRows, StoreError> {
        for _ in 0..READS {
            let id = || args![account.as_str()];
            let queries = [BOOK, SETTINGS, POLICIES, USES, BOOK].map(|sql| Query::new(sql, id())).to_vec();
            let results = self.query_many(queries).await?;
            let [before, settings, policies, uses, after] = results.as_slice() else { return Err(StoreError::Closed) };
            let Some(version) = before.first().map(|row| row.int(0)).transpose()? else {
                self.ensure_global_policy(account, now).await?;
                continue;
            };
            // On PostgreSQL each read sees its own moment: only what lies between two equal versions belongs together.
            if after.first().map(|row| row.int(0)).transpose()? != Some(version) {
                continue;
            }
            return Ok(PolicyRows {
                version,
                login: settings.first().map(stored_login_settings).transpose()?.unwrap_or_default(),
                policies: policies.iter().map(PolicyRecord::read).collect::<Result<_, _>>()?,
                uses: uses.iter().map(read_use).collect::<Result<_, _>>()?,
            });
        }
        Err(StoreError::Timeout)
    }

    async fn ensure_global_policy(&self, account: AccountId, now: Timestamp) -> Result<(), StoreError> {
        let [global, book] = ensure_global(account, now);
        match self.commit(Job::new().step(global).step(book)).await {
            Ok(_) => Ok(()),
            Err(crate::CommitError::Unavailable(cause)) => Err(StoreError::Unavailable(cause)),
            Err(_) => Err(StoreError::Closed),
        }
    }
}

impl Reader {
    /// What a policy was, newest first; also one that was removed.
    pub async fn policy_history(
        &self,
        account: AccountId,
        key: PolicyKey,
        slice: Slice,
    ) -> Result<Page<PolicyRevision>, StoreError> {
        let [limit, offset] = slice.args();
        let rows = self
            .query(
                "SELECT account, policy_key, version, name, sections, uses, action, actor, changed_at FROM policy_history \
                 WHERE account = $1 AND policy_key = $2 ORDER BY version DESC LIMIT $3 OFFSET $4",
                args![account.as_str(), key.as_str(), &limit, &offset],
            )
            .await?;
        let items = rows.iter().map(PolicyRevision::read).collect::<Result<_, _>>()?;
        let total = self
            .count(
                "SELECT COUNT(*) FROM policy_history WHERE account = $1 AND policy_key = $2",
                args![account.as_str(), key.as_str()],
            )
            .await?;
        Ok(Page { items, total })
    }

    /// What a policy was at `version`.
    pub async fn policy_revision(
        &self,
        account: AccountId,
        key: PolicyKey,
        version: i64,
    ) -> Result<Option<PolicyRevision>, StoreError> {
        let row = self
            .query_opt(
                "SELECT account, policy_key, version, name, sections, uses, action, actor, changed_at FROM policy_history \
                 WHERE account = $1 AND policy_key = $2 AND version = $3",
                args![account.as_str(), key.as_str(), version],
            )
            .await?;
        row.as_ref().map(PolicyRevision::read).transpose()
    }
}
