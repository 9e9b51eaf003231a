//! Administrators: who may change things, and the one-time codes with which they set their first password.

use cs_core::admin::Role;
use cs_core::id::{AccountId, AdminId};
use jiff::Timestamp;

use crate::convert::{corrupt, parsed};
use crate::db::{Row, Step, StoreError};
use crate::{Store, args};

const TABLE: &str = "administrator";

/// Whether an administrator may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AdministratorStatus {
    /// Yes.
    Active,
    /// Not until an owner says so again.
    Disabled,
    /// Not after too long without signing in, until an owner clears it.
    Expired,
    /// Not before a first password is set.
    Pending,
}

impl AdministratorStatus {
    /// The Admin API's word, also the database's.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Active => "Active",
            Self::Disabled => "Disabled",
            Self::Expired => "Expired",
            Self::Pending => "Pending Activation",
        }
    }

    /// Reads the Admin API's word.
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Active, Self::Disabled, Self::Expired, Self::Pending].into_iter().find(|status| status.as_str() == text)
    }
}

/// An administrator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Administrator {
    /// The account.
    pub account: AccountId,
    /// The id.
    pub id: AdminId,
    /// Unique in the account, lower case.
    pub email: String,
    /// The person's name.
    pub name: String,
    /// Their phone number, empty if unknown.
    pub phone: String,
    /// What they may do.
    pub role: Role,
    /// Whether they may sign in.
    pub status: AdministratorStatus,
    /// Whether a password is set. The hash itself is read only to verify one.
    pub has_password: bool,
    /// Until when the last setup code works; `None` if there is none.
    pub setup_expires: Option<Timestamp>,
    /// Whether the next sign-in must change the password.
    pub password_change_required: bool,
    /// Whether another system sets the password, through the API.
    pub external_password: bool,
    /// Whether they see only what their administrative units hold.
    pub restricted: bool,
    /// Changes with every administrative change.
    pub version: i64,
    /// When they were added.
    pub created_at: Timestamp,
    /// When they last signed in.
    pub last_login: Option<Timestamp>,
}

macro_rules! select_administrator {
    ($rest:literal) => {
        concat!(
            "SELECT account, admin_id, email, name, phone, role, status, CASE WHEN password_hash IS NULL THEN 0 ELSE 1 END, setup_expires, ",
            "password_change_required, external_password, restricted, version, created_at, last_login FROM administrator ",
            $rest
        )
    };
}

impl Administrator {
    /// Adds the administrator, without password. Does not hold if the address is taken.
    pub fn insert(&self) -> Step {
        Step::one(
            "INSERT INTO administrator (account, admin_id, email, name, phone, role, status, password_change_required, external_password, restricted, version, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12) ON CONFLICT DO NOTHING",
            args![
                self.account.as_str(),
                self.id.as_str(),
                self.email.as_str(),
                self.name.as_str(),
                self.phone.as_str(),
                self.role.as_str(),
                self.status.as_str(),
                self.password_change_required,
                self.external_password,
                self.restricted,
                self.version,
                self.created_at
            ],
        )
    }

    /// Writes everything but password, setup code and last sign-in. Holds only while the administrator is as loaded.
    pub fn update(&self) -> Step {
        Step::one(
            "UPDATE administrator SET name = $1, phone = $2, role = $3, status = $4, password_change_required = $5, external_password = $6, \
             restricted = $7, version = version + 1 WHERE account = $8 AND admin_id = $9 AND version = $10",
            args![
                self.name.as_str(),
                self.phone.as_str(),
                self.role.as_str(),
                self.status.as_str(),
                self.password_change_required,
                self.external_password,
                self.restricted,
                self.account.as_str(),
                self.id.as_str(),
                self.version
            ],
        )
    }

    /// Removes the administrator. Holds only while they are as loaded.
    pub fn delete(&self) -> Step {
        Step::one(
            "DELETE FROM administrator WHERE account = $1 AND admin_id = $2 AND version = $3",
            args![self.account.as_str(), self.id.as_str(), self.version],
        )
    }

    /// Sets the digest of a new setup code, which replaces an earlier one; `None` removes it.
    pub fn set_setup(&self, code: Option<(&[u8; 32], Timestamp)>) -> Step {
        Step::one(
            "UPDATE administrator SET setup_digest = $1, setup_expires = $2, version = version + 1 WHERE account = $3 AND admin_id = $4 AND version = $5",
            args![
                code.map(|(digest, _)| digest.as_slice()),
                code.map(|(_, expires)| expires),
                self.account.as_str(),
                self.id.as_str(),
                self.version
            ],
        )
    }

    /// Sets the password, makes a pending administrator active and voids the setup code.
    pub fn set_password(&self, hash: &str) -> Step {
        Step::one(
            "UPDATE administrator SET password_hash = $1, password_change_required = 0, setup_digest = NULL, setup_expires = NULL, \
             status = CASE WHEN status = 'Pending Activation' THEN 'Active' ELSE status END, version = version + 1 \
             WHERE account = $2 AND admin_id = $3 AND version = $4",
            args![hash, self.account.as_str(), self.id.as_str(), self.version],
        )
    }

    /// Forgets the password: the administrator is pending again and needs a new setup code.
    pub fn forget_password(&self) -> Step {
        Step::one(
            "UPDATE administrator SET password_hash = NULL, status = 'Pending Activation', version = version + 1 \
             WHERE account = $1 AND admin_id = $2 AND version = $3",
            args![self.account.as_str(), self.id.as_str(), self.version],
        )
    }

    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            account: parsed(TABLE, row, 0)?,
            id: parsed(TABLE, row, 1)?,
            email: row.text(2)?,
            name: row.text(3)?,
            phone: row.text(4)?,
            role: parsed(TABLE, row, 5)?,
            status: AdministratorStatus::parse(row.str(6)?).ok_or_else(|| corrupt(TABLE, row))?,
            has_password: row.flag(7)?,
            setup_expires: row.opt_time(8)?,
            password_change_required: row.flag(9)?,
            external_password: row.flag(10)?,
            restricted: row.flag(11)?,
            version: row.int(12)?,
            created_at: row.time(13)?,
            last_login: row.opt_time(14)?,
        })
    }
}

/// Holds only while the account has an owner who can sign in other than `except`.
///
/// The update makes PostgreSQL lock the row of that owner until the commit, so that two owners cannot remove each other; put it into a job that is
/// [alone](crate::Job::alone).
pub fn another_owner(account: AccountId, except: AdminId) -> Step {
    Step::one(
        "UPDATE administrator SET version = version WHERE account = $1 AND admin_id = (SELECT min(o.admin_id) FROM administrator o \
         WHERE o.account = $1 AND o.role = 'Owner' AND o.status = 'Active' AND o.admin_id <> $2) AND role = 'Owner' AND status = 'Active'",
        args![account.as_str(), except.as_str()],
    )
}

impl Store {
    /// The administrator `id`.
    pub async fn administrator(&self, account: AccountId, id: AdminId) -> Result<Option<Administrator>, StoreError> {
        let row = self
            .query_opt(
                select_administrator!("WHERE account = $1 AND admin_id = $2"),
                args![account.as_str(), id.as_str()],
            )
            .await?;
        row.as_ref().map(Administrator::read).transpose()
    }

    /// The administrator with this address, in any case.
    pub async fn administrator_by_email(
        &self,
        account: AccountId,
        email: &str,
    ) -> Result<Option<Administrator>, StoreError> {
        let row = self
            .query_opt(
                select_administrator!("WHERE account = $1 AND email = $2"),
                args![account.as_str(), email.to_lowercase()],
            )
            .await?;
        row.as_ref().map(Administrator::read).transpose()
    }

    /// Administrators of the account by id, from `offset`, at most `limit`, and how many there are.
    pub async fn administrators(
        &self,
        account: AccountId,
        limit: u32,
        offset: u32,
    ) -> Result<(Vec<Administrator>, i64), StoreError> {
        let reader = self.reader();
        let rows = reader
            .query(
                select_administrator!("WHERE account = $1 ORDER BY created_at, admin_id LIMIT $2 OFFSET $3"),
                args![account.as_str(), limit, offset],
            )
            .await?;
        let total =
            reader.query_opt("SELECT count(*) FROM administrator WHERE account = $1", args![account.as_str()]).await?;
        let administrators = rows.iter().map(Administrator::read).collect::<Result<_, _>>()?;
        Ok((administrators, total.map_or(Ok(0), |row| row.int(0))?))
    }

    /// The account's oldest owner.
    pub async fn first_owner(&self, account: AccountId) -> Result<Option<Administrator>, StoreError> {
        let row = self
            .query_opt(
                select_administrator!("WHERE account = $1 AND role = 'Owner' ORDER BY created_at, admin_id LIMIT 1"),
                args![account.as_str()],
            )
            .await?;
        row.as_ref().map(Administrator::read).transpose()
    }

    /// The password hash of an administrator, in PHC form; `None` if no password is set.
    pub async fn password_hash(&self, account: AccountId, id: AdminId) -> Result<Option<String>, StoreError> {
        let row = self
            .query_opt(
                "SELECT password_hash FROM administrator WHERE account = $1 AND admin_id = $2",
                args![account.as_str(), id.as_str()],
            )
            .await?;
        Ok(row.map(|row| row.opt_text(0)).transpose()?.flatten())
    }
}
