//! Groups of users.

use std::collections::HashMap;

use cs_core::bypass::{Bypass, is_on};
use cs_core::group::GroupStatus;
use cs_core::id::{AccountId, GroupId, UserId};
use jiff::Timestamp;

use crate::args;
use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};
use crate::many::{grouped, padded, places};
use crate::users::{Page, Slice, read_bypass};

/// The most groups one user may be in.
pub const MAX_GROUPS_PER_USER: i64 = 100;

/// A group.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupRecord {
    /// Its id.
    pub id: GroupId,
    /// Unique in the account.
    pub name: String,
    /// May be empty.
    pub description: String,
    /// Applies to every member. A bypass may be over: see [`GroupRecord::status_at`].
    pub status: GroupStatus,
    /// Why and until when, with the status `Bypass` only.
    pub bypass: Option<Bypass>,
    /// Changes with every administrative change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
}

impl GroupRecord {
    /// The status that counts at `now`: a bypass past its end is active.
    pub fn status_at(&self, now: Timestamp) -> GroupStatus {
        match self.status {
            GroupStatus::Bypass if !is_on(self.bypass.as_ref().and_then(|bypass| bypass.term.until), now) => {
                GroupStatus::Active
            }
            status => status,
        }
    }

    /// Creates it. Does not hold if the account has a group of that name.
    pub fn insert(&self, account: AccountId) -> Step {
        Step::one(
            "INSERT INTO user_group (account, group_id, name, description, status, version, created_at, bypass_reason, bypass_until, \
             bypass_remind_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)",
            args![
                account.as_str(),
                self.id.as_str(),
                self.name.as_str(),
                self.description.as_str(),
                self.status.as_str(),
                self.version,
                self.created_at,
                self.bypass.as_ref().map(|bypass| bypass.reason.as_str()),
                self.bypass.as_ref().and_then(|bypass| bypass.term.until),
                self.bypass.as_ref().and_then(|bypass| bypass.term.remind_at)
            ],
        )
    }

    /// Writes name, description, status and bypass. Holds only while the group is as it was loaded and no other has the name.
    pub fn update(&self, account: AccountId) -> Step {
        Step::one(
            "UPDATE user_group SET name = $1, description = $2, status = $3, bypass_reason = $4, bypass_until = $5, bypass_remind_at = $6, \
             version = version + 1 WHERE account = $7 AND group_id = $8 AND version = $9",
            args![
                self.name.as_str(),
                self.description.as_str(),
                self.status.as_str(),
                self.bypass.as_ref().map(|bypass| bypass.reason.as_str()),
                self.bypass.as_ref().and_then(|bypass| bypass.term.until),
                self.bypass.as_ref().and_then(|bypass| bypass.term.remind_at),
                account.as_str(),
                self.id.as_str(),
                self.version
            ],
        )
    }
}

/// Takes note that people were told of the end of the group's bypass. Holds once for each reminder.
pub fn reminded_of_group(account: AccountId, group: GroupId, remind_at: Timestamp) -> Step {
    Step::one(
        "UPDATE user_group SET bypass_remind_at = NULL, version = version + 1 WHERE account = $1 AND group_id = $2 AND bypass_remind_at = $3",
        args![account.as_str(), group.as_str(), remind_at],
    )
}

/// Marks every member as changed: their standing may be.
pub fn touch_members(account: AccountId, group: GroupId) -> Step {
    Step::any(
        "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id IN \
         (SELECT user_id FROM group_member WHERE account = $1 AND group_id = $2)",
        args![account.as_str(), group.as_str()],
    )
}

/// Removes a group and its memberships. The first step holds only if it exists.
pub fn remove_group(account: AccountId, group: GroupId) -> Vec<Step> {
    let key = || args![account.as_str(), group.as_str()];
    vec![
        Step::one("DELETE FROM user_group WHERE account = $1 AND group_id = $2", key()),
        touch_members(account, group),
        Step::any("DELETE FROM directory_group WHERE account = $1 AND group_id = $2", key()),
        Step::any("DELETE FROM group_member WHERE account = $1 AND group_id = $2", key()),
    ]
}

/// Puts a user into a group: the group exists, then the membership, which does not hold if there is one or the user is in
/// [`MAX_GROUPS_PER_USER`] groups. To follow a step that holds the user's row, so that the count is right.
pub fn add_member(account: AccountId, user: UserId, group: GroupId) -> [Step; 2] {
    [
        Step::one(
            "UPDATE user_group SET version = version WHERE account = $1 AND group_id = $2",
            args![account.as_str(), group.as_str()],
        ),
        Step::one(
            "INSERT INTO group_member (account, user_id, group_id) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT) \
             WHERE (SELECT COUNT(*) FROM group_member WHERE account = $1 AND user_id = $2) < $4",
            args![account.as_str(), user.as_str(), group.as_str(), MAX_GROUPS_PER_USER],
        ),
    ]
}

/// Takes a user out of a group. Holds only if it is in it.
pub fn remove_member(account: AccountId, user: UserId, group: GroupId) -> Step {
    Step::one(
        "DELETE FROM group_member WHERE account = $1 AND user_id = $2 AND group_id = $3",
        args![account.as_str(), user.as_str(), group.as_str()],
    )
}

macro_rules! group_columns {
    () => {
        "g.account, g.group_id, g.name, g.description, g.status, g.version, g.created_at, g.bypass_reason, g.bypass_until, g.bypass_remind_at "
    };
}

fn read_group(row: &Row) -> Result<GroupRecord, StoreError> {
    let status = GroupStatus::parse(row.str(4)?).ok_or_else(|| corrupt("user_group", row))?;
    Ok(GroupRecord {
        id: parsed("user_group", row, 1)?,
        name: row.text(2)?,
        description: row.text(3)?,
        status,
        bypass: if status == GroupStatus::Bypass { Some(read_bypass(row, 7)?) } else { None },
        version: row.int(5)?,
        created_at: row.time(6)?,
    })
}

impl Reader {
    /// The groups in bypass, over or not.
    pub async fn groups_in_bypass(&self, account: AccountId) -> Result<Vec<GroupRecord>, StoreError> {
        let rows = self
            .query(
                concat!(
                    "SELECT ",
                    group_columns!(),
                    "FROM user_group g WHERE g.account = $1 AND g.status = 'Bypass' ORDER BY g.name"
                ),
                args![account.as_str()],
            )
            .await?;
        rows.iter().map(read_group).collect()
    }

    /// One group.
    pub async fn group(&self, account: AccountId, id: GroupId) -> Result<Option<GroupRecord>, StoreError> {
        let row = self
            .query_opt(
                concat!("SELECT ", group_columns!(), "FROM user_group g WHERE g.account = $1 AND g.group_id = $2"),
                args![account.as_str(), id.as_str()],
            )
            .await?;
        row.as_ref().map(read_group).transpose()
    }

    /// Groups in the order of their names; only those with these ids, if any are given.
    pub async fn groups(
        &self,
        account: AccountId,
        ids: Option<&[GroupId]>,
        slice: Slice,
    ) -> Result<Page<GroupRecord>, StoreError> {
        let read = |rows: Vec<Row>| rows.iter().map(read_group).collect::<Result<Vec<_>, _>>();
        match ids {
            Some([]) => Ok(Page { items: Vec::new(), total: 0 }),
            Some(ids) => {
                let mut args = args![account.as_str()];
                args.extend(padded(ids.iter().map(GroupId::as_str)));
                let sql = format!(
                    concat!(
                        "SELECT ",
                        group_columns!(),
                        "FROM user_group g WHERE g.account = $1 AND g.group_id IN ({}) ORDER BY g.name"
                    ),
                    places(2, args.len() - 1)
                );
                Ok(slice.cut(read(self.query(sql, args).await?)?))
            }
            None => {
                let [limit, offset] = slice.args();
                let rows = self
                    .query(
                        concat!(
                            "SELECT ",
                            group_columns!(),
                            "FROM user_group g WHERE g.account = $1 ORDER BY g.name LIMIT $2 OFFSET $3"
                        ),
                        args![account.as_str(), &limit, &offset],
                    )
                    .await?;
                let total =
                    self.count("SELECT COUNT(*) FROM user_group WHERE account = $1", args![account.as_str()]).await?;
                Ok(Page { items: read(rows)?, total })
            }
        }
    }

    /// The members of a group, id and username, by id.
    pub async fn group_members(
        &self,
        account: AccountId,
        group: GroupId,
        slice: Slice,
    ) -> Result<Page<(UserId, String)>, StoreError> {
        let [limit, offset] = slice.args();
        let rows = self
            .query(
                "SELECT u.account, u.user_id, u.username FROM (SELECT user_id AS id FROM group_member WHERE account = $1 AND group_id = $2 \
                 ORDER BY user_id LIMIT $3 OFFSET $4) p CROSS JOIN users u WHERE u.account = $1 AND u.user_id = p.id ORDER BY p.id",
                args![account.as_str(), group.as_str(), &limit, &offset],
            )
            .await?;
        let items =
            rows.iter().map(|row| Ok((parsed("users", row, 1)?, row.text(2)?))).collect::<Result<_, StoreError>>()?;
        let total = self
            .count(
                "SELECT COUNT(*) FROM group_member WHERE account = $1 AND group_id = $2",
                args![account.as_str(), group.as_str()],
            )
            .await?;
        Ok(Page { items, total })
    }

    /// The groups of each of these users, by name.
    pub async fn groups_of(
        &self,
        account: AccountId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<GroupRecord>>, StoreError> {
        let sql = concat!(
            "SELECT ",
            group_columns!(),
            ", m.user_id FROM group_member m JOIN user_group g ON g.account = m.account AND g.group_id = m.group_id ",
            "WHERE m.account = $1 AND m.user_id IN ({}) ORDER BY g.name"
        );
        let rows = self.rows_of_many(account, users.iter().map(UserId::as_str), sql).await?;
        grouped(&rows, |row| Ok((parsed("group_member", row, 10)?, read_group(row)?)))
    }
}
