//! Administrative units: which groups and applications some administrators are confined to.

use std::collections::HashMap;

use cs_core::id::{AccountId, AdminId, AdminUnitId, GroupId, IntegrationKey};
use jiff::Timestamp;

use crate::args;
use crate::convert::parsed;
use crate::db::{Reader, Row, Step, StoreError};
use crate::users::{Page, Slice};

/// A unit, without its members.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnitRecord {
    /// Its id.
    pub id: AdminUnitId,
    /// Unique in the account.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Whether its administrators see only users of its groups.
    pub by_groups: bool,
    /// Whether its administrators see only its applications.
    pub by_integrations: bool,
    /// Changes with every administrative change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

/// What a unit holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnitMember {
    /// An administrator who is confined to it.
    Admin(AdminId),
    /// A group whose users they see.
    Group(GroupId),
    /// An application they see.
    Integration(IntegrationKey),
}

impl UnitMember {
    /// The word for its kind, the database's.
    pub const fn kind(&self) -> &'static str {
        match self {
            Self::Admin(_) => "admin",
            Self::Group(_) => "group",
            Self::Integration(_) => "integration",
        }
    }

    /// Its id.
    pub fn id(&self) -> &str {
        match self {
            Self::Admin(id) => id.as_str(),
            Self::Group(id) => id.as_str(),
            Self::Integration(key) => key.as_str(),
        }
    }

    /// Holds while the account has it.
    pub fn exists(&self, account: AccountId) -> Step {
        let sql = match self {
            Self::Admin(_) => "SELECT 1 FROM administrator WHERE account = $1 AND admin_id = $2",
            Self::Group(_) => "SELECT 1 FROM user_group WHERE account = $1 AND group_id = $2",
            Self::Integration(_) => "SELECT 1 FROM integration WHERE account = $1 AND ikey = $2",
        };
        Step::exists(sql, args![account.as_str(), self.id()])
    }
}

/// The members of a unit, ids by kind.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UnitMembers {
    /// Administrators.
    pub admins: Vec<String>,
    /// Groups.
    pub groups: Vec<String>,
    /// Applications.
    pub integrations: Vec<String>,
}

impl UnitRecord {
    /// Creates it. Does not hold if the account has a unit of that name.
    pub fn insert(&self, account: AccountId) -> Step {
        Step::one(
            "INSERT INTO admin_unit (account, unit_id, name, description, by_groups, by_integrations, version, created_at) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING",
            args![
                account.as_str(),
                self.id.as_str(),
                self.name.as_str(),
                self.description.as_str(),
                self.by_groups,
                self.by_integrations,
                self.version,
                self.created_at
            ],
        )
    }

    /// Writes it. Holds only while it is as it was loaded and no other has the name.
    pub fn update(&self, account: AccountId) -> Step {
        Step::one(
            "UPDATE admin_unit SET name = $1, description = $2, by_groups = $3, by_integrations = $4, version = version + 1 \
             WHERE account = $5 AND unit_id = $6 AND version = $7 \
             AND NOT EXISTS (SELECT 1 FROM admin_unit o WHERE o.account = $5 AND o.name = $1 AND o.unit_id <> $6)",
            args![
                self.name.as_str(),
                self.description.as_str(),
                self.by_groups,
                self.by_integrations,
                account.as_str(),
                self.id.as_str(),
                self.version
            ],
        )
    }
}

/// Removes a unit with its memberships. The first step holds only if it exists.
pub fn remove_unit(account: AccountId, unit: AdminUnitId) -> [Step; 2] {
    let key = || args![account.as_str(), unit.as_str()];
    [
        Step::one("DELETE FROM admin_unit WHERE account = $1 AND unit_id = $2", key()),
        Step::any("DELETE FROM admin_unit_member WHERE account = $1 AND unit_id = $2", key()),
    ]
}

/// Puts `member` into a unit, which it may be in already. The first step holds only if the unit exists, the second only if the member does.
pub fn add_unit_member(account: AccountId, unit: AdminUnitId, member: UnitMember) -> [Step; 3] {
    [
        Step::one(
            "UPDATE admin_unit SET version = version + 1 WHERE account = $1 AND unit_id = $2",
            args![account.as_str(), unit.as_str()],
        ),
        member.exists(account),
        Step::any(
            "INSERT INTO admin_unit_member (account, unit_id, kind, member) VALUES ($1, $2, $3, $4) ON CONFLICT DO NOTHING",
            args![account.as_str(), unit.as_str(), member.kind(), member.id()],
        ),
    ]
}

/// Takes `member` out of a unit. The first step holds only if the unit exists.
pub fn take_unit_member(account: AccountId, unit: AdminUnitId, member: UnitMember) -> [Step; 2] {
    [
        Step::one(
            "UPDATE admin_unit SET version = version + 1 WHERE account = $1 AND unit_id = $2",
            args![account.as_str(), unit.as_str()],
        ),
        Step::any(
            "DELETE FROM admin_unit_member WHERE account = $1 AND unit_id = $2 AND kind = $3 AND member = $4",
            args![account.as_str(), unit.as_str(), member.kind(), member.id()],
        ),
    ]
}

/// Takes what is being removed out of every unit.
pub fn leave_units(account: AccountId, member: UnitMember) -> Step {
    Step::any(
        "DELETE FROM admin_unit_member WHERE account = $1 AND kind = $2 AND member = $3",
        args![account.as_str(), member.kind(), member.id()],
    )
}

macro_rules! unit_columns {
    () => {
        "u.account, u.unit_id, u.name, u.description, u.by_groups, u.by_integrations, u.version, u.created_at "
    };
}

fn read_unit(row: &Row) -> Result<UnitRecord, StoreError> {
    Ok(UnitRecord {
        id: parsed("admin_unit", row, 1)?,
        name: row.text(2)?,
        description: row.text(3)?,
        by_groups: row.flag(4)?,
        by_integrations: row.flag(5)?,
        version: row.int(6)?,
        created_at: row.time(7)?,
    })
}

impl Reader {
    /// One unit.
    pub async fn unit(&self, account: AccountId, id: AdminUnitId) -> Result<Option<UnitRecord>, StoreError> {
        let row = self
            .query_opt(
                concat!("SELECT ", unit_columns!(), "FROM admin_unit u WHERE u.account = $1 AND u.unit_id = $2"),
                args![account.as_str(), id.as_str()],
            )
            .await?;
        row.as_ref().map(read_unit).transpose()
    }

    /// Units by name, only those that hold `member` if one is given.
    pub async fn units(
        &self,
        account: AccountId,
        member: Option<UnitMember>,
        slice: Slice,
    ) -> Result<Page<UnitRecord>, StoreError> {
        let rows = match &member {
            None => {
                self.query(
                    concat!("SELECT ", unit_columns!(), "FROM admin_unit u WHERE u.account = $1 ORDER BY u.name"),
                    args![account.as_str()],
                )
                .await?
            }
            Some(member) => {
                self.query(
                    concat!(
                        "SELECT ",
                        unit_columns!(),
                        "FROM admin_unit u JOIN admin_unit_member m ON m.account = u.account AND m.unit_id = u.unit_id ",
                        "WHERE u.account = $1 AND m.kind = $2 AND m.member = $3 ORDER BY u.name"
                    ),
                    args![account.as_str(), member.kind(), member.id()],
                )
                .await?
            }
        };
        // There are as many units as an organisation has departments: all are read, and counted by that.
        Ok(slice.cut(rows.iter().map(read_unit).collect::<Result<_, _>>()?))
    }

    /// What each of these units holds.
    pub async fn unit_members(
        &self,
        account: AccountId,
        units: &[AdminUnitId],
    ) -> Result<HashMap<AdminUnitId, UnitMembers>, StoreError> {
        let sql = "SELECT account, unit_id, kind, member FROM admin_unit_member WHERE account = $1 AND unit_id IN ({}) ORDER BY member";
        let mut found: HashMap<AdminUnitId, UnitMembers> = HashMap::new();
        for row in self.rows_of_many(account, units.iter().map(AdminUnitId::as_str), sql).await? {
            let members = found.entry(parsed("admin_unit_member", &row, 1)?).or_default();
            let list = match row.str(2)? {
                "admin" => &mut members.admins,
                "group" => &mut members.groups,
                "integration" => &mut members.integrations,
                _ => return Err(crate::convert::corrupt("admin_unit_member", &row)),
            };
            list.push(row.text(3)?);
        }
        Ok(found)
    }

    /// The units of every administrator of the account who is in one.
    pub async fn units_of_admins(&self, account: AccountId) -> Result<HashMap<AdminId, Vec<String>>, StoreError> {
        let rows = self
            .query(
                "SELECT account, member, unit_id FROM admin_unit_member WHERE account = $1 AND kind = 'admin' ORDER BY unit_id",
                args![account.as_str()],
            )
            .await?;
        let mut found: HashMap<AdminId, Vec<String>> = HashMap::new();
        for row in &rows {
            found.entry(parsed("admin_unit_member", row, 1)?).or_default().push(row.text(2)?);
        }
        Ok(found)
    }
}
