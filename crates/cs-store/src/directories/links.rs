//! Who belongs to which directory.

use std::collections::HashMap;

use cs_core::directory::{BeforeTrash, Link};
use cs_core::id::{AccountId, DirectoryKey, GroupId, PhoneId, UserId};
use jiff::Timestamp;

use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};
use crate::{Store, args};

/// A user's place in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserLink {
    /// The directory.
    pub directory: DirectoryKey,
    /// Who they are there.
    pub link: Link,
    /// The phones that a sync has made.
    pub phones: Vec<PhoneId>,
    /// Whether they are still to be mailed a link.
    pub invite: bool,
    /// When something of them last came from there.
    pub synced_at: Timestamp,
    /// When a run took login or name from them, if it did so without an administrator's word and has not given it back.
    pub removed_at: Option<Timestamp>,
}

/// A group that a sync has made.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GroupLink {
    /// The group.
    pub group: GroupId,
    /// The directory.
    pub directory: DirectoryKey,
    /// Its distinguished name there.
    pub dn: String,
}

fn trashed_word(trashed: Option<BeforeTrash>) -> Option<&'static str> {
    trashed.map(|before| match before {
        BeforeTrash::Enabled => "enabled",
        BeforeTrash::Disabled => "disabled",
    })
}

fn phones_text(phones: &[PhoneId]) -> String {
    phones.iter().map(PhoneId::as_str).collect::<Vec<_>>().join(",")
}

/// Makes a user one of a directory's. Does not hold if they belong to one, or the directory has somebody of that key.
pub fn link_user(account: AccountId, user: UserId, link: &UserLink) -> Step {
    Step::one(
        "INSERT INTO directory_user (account, user_id, directory_id, dir_key, disabled, trashed, phones, invite, synced_at) \
         VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9)",
        args![
            account.as_str(),
            user.as_str(),
            link.directory.as_str(),
            link.link.key.as_str(),
            link.link.disabled,
            trashed_word(link.link.trashed),
            phones_text(&link.phones),
            link.invite,
            link.synced_at
        ],
    )
}

/// Writes how a user hangs together with the directory they belong to. Holds only if they do.
pub fn relink_user(account: AccountId, user: UserId, link: &UserLink) -> Step {
    Step::one(
        "UPDATE directory_user SET disabled = $1, trashed = $2, phones = $3, synced_at = $4, removed_at = $5 \
         WHERE account = $6 AND user_id = $7 AND directory_id = $8 AND dir_key = $9",
        args![
            link.link.disabled,
            trashed_word(link.link.trashed),
            phones_text(&link.phones),
            link.synced_at,
            link.removed_at,
            account.as_str(),
            user.as_str(),
            link.directory.as_str(),
            link.link.key.as_str()
        ],
    )
}

/// Notes that the user of this name is mailed a link, or needs none. Holds once.
pub fn invited(account: AccountId, user: UserId, username: &str) -> Step {
    Step::one(
        "UPDATE directory_user SET invite = 0 WHERE account = $1 AND user_id = $2 AND invite = 1 \
         AND EXISTS (SELECT 1 FROM users u WHERE u.account = $1 AND u.user_id = $2 AND u.username = $3)",
        args![account.as_str(), user.as_str(), username],
    )
}

/// Makes the users of a directory administrators' own.
pub fn unlink_users(account: AccountId, directory: DirectoryKey) -> Step {
    Step::any(
        "DELETE FROM directory_user WHERE account = $1 AND directory_id = $2",
        args![account.as_str(), directory.as_str()],
    )
}

/// Makes a group one of a directory's. Does not hold if it is, or the directory has one of that name.
pub fn link_group(account: AccountId, link: &GroupLink) -> Step {
    Step::one(
        "INSERT INTO directory_group (account, group_id, directory_id, dn) VALUES ($1, $2, $3, $4)",
        args![account.as_str(), link.group.as_str(), link.directory.as_str(), link.dn.as_str()],
    )
}

/// Makes a group of a directory administrators' own, without those of its members who belong to the directory.
pub fn unlink_group(account: AccountId, link: &GroupLink) -> [Step; 3] {
    let key = || args![account.as_str(), link.group.as_str(), link.directory.as_str()];
    [
        Step::one("DELETE FROM directory_group WHERE account = $1 AND group_id = $2 AND directory_id = $3", key()),
        Step::any(
            "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id IN (SELECT m.user_id FROM group_member m \
             JOIN directory_user d ON d.account = m.account AND d.user_id = m.user_id WHERE m.account = $1 AND m.group_id = $2 AND d.directory_id = $3)",
            key(),
        ),
        Step::any(
            "DELETE FROM group_member WHERE account = $1 AND group_id = $2 AND user_id IN \
             (SELECT d.user_id FROM directory_user d WHERE d.account = $1 AND d.directory_id = $3)",
            key(),
        ),
    ]
}

macro_rules! link_columns {
    () => {
        "d.directory_id, d.dir_key, d.disabled, d.trashed, d.phones, d.invite, d.synced_at, d.removed_at "
    };
}

/// A part of the account's users by their ids, each with the place in a directory.
pub(super) const USERS_WITH_LINKS: &str = concat!(
    "SELECT u.account, u.user_id, u.username, u.realname, u.email, u.notes, u.status, u.version, ",
    link_columns!(),
    "FROM users u LEFT JOIN directory_user d ON d.account = u.account AND d.user_id = u.user_id \
     WHERE u.account = $1 AND u.user_id > $2 ORDER BY u.account, u.user_id LIMIT $3"
);

pub(super) fn read_link(row: &Row, from: usize) -> Result<UserLink, StoreError> {
    const TABLE: &str = "directory_user";
    let trashed = match row.opt_str(from + 3)? {
        None => None,
        Some("enabled") => Some(BeforeTrash::Enabled),
        Some("disabled") => Some(BeforeTrash::Disabled),
        Some(_) => return Err(corrupt(TABLE, row)),
    };
    let phones = row.str(from + 4)?.split(',').filter(|id| !id.is_empty()).map(str::parse);
    Ok(UserLink {
        directory: parsed(TABLE, row, from)?,
        link: Link { key: row.text(from + 1)?, disabled: row.flag(from + 2)?, trashed },
        phones: phones.collect::<Result<_, _>>().map_err(|_| corrupt(TABLE, row))?,
        invite: row.flag(from + 5)?,
        synced_at: row.time(from + 6)?,
        removed_at: row.opt_time(from + 7)?,
    })
}

impl Store {
    /// Which directory a user belongs to.
    pub async fn user_link(&self, account: AccountId, user: UserId) -> Result<Option<UserLink>, StoreError> {
        let sql = concat!(
            "SELECT d.account, d.user_id, ",
            link_columns!(),
            "FROM directory_user d WHERE d.account = $1 AND d.user_id = $2"
        );
        let row = self.query_opt(sql, args![account.as_str(), user.as_str()]).await?;
        row.as_ref().map(|row| read_link(row, 2)).transpose()
    }

    /// The user who is `key` in a directory.
    pub async fn user_of_key(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        key: &str,
    ) -> Result<Option<UserId>, StoreError> {
        let sql =
            "SELECT account, user_id FROM directory_user WHERE account = $1 AND directory_id = $2 AND dir_key = $3";
        let row = self.query_opt(sql, args![account.as_str(), directory.as_str(), key]).await?;
        row.as_ref().map(|row| parsed("directory_user", row, 1)).transpose()
    }

    /// Which directory a group belongs to.
    pub async fn group_link(&self, account: AccountId, group: GroupId) -> Result<Option<GroupLink>, StoreError> {
        let sql =
            "SELECT account, group_id, directory_id, dn FROM directory_group WHERE account = $1 AND group_id = $2";
        let row = self.query_opt(sql, args![account.as_str(), group.as_str()]).await?;
        row.as_ref().map(read_group_link).transpose()
    }

    /// The groups of a directory.
    pub async fn directory_groups(
        &self,
        account: AccountId,
        directory: DirectoryKey,
    ) -> Result<Vec<GroupLink>, StoreError> {
        let sql =
            "SELECT account, group_id, directory_id, dn FROM directory_group WHERE account = $1 AND directory_id = $2";
        let rows = self.query(sql, args![account.as_str(), directory.as_str()]).await?;
        rows.iter().map(read_group_link).collect()
    }

    /// Users of a directory who are still to be mailed a link, and who may enroll: id and name, after `after`; at most `limit`.
    pub async fn users_to_invite(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        after: Option<UserId>,
        limit: u32,
    ) -> Result<Vec<(UserId, String)>, StoreError> {
        let sql = "SELECT d.account, d.user_id, u.username FROM directory_user d JOIN users u ON u.account = d.account AND u.user_id = d.user_id \
                   WHERE d.account = $1 AND d.directory_id = $2 AND d.invite = 1 AND u.status IN ('active', 'bypass') AND d.user_id > $3 \
                   ORDER BY d.user_id LIMIT $4";
        let after = after.as_ref().map_or("", UserId::as_str);
        let rows = self.query(sql, args![account.as_str(), directory.as_str(), after, limit]).await?;
        rows.iter().map(|row| Ok((parsed("directory_user", row, 1)?, row.text(2)?))).collect()
    }
}

fn read_group_link(row: &Row) -> Result<GroupLink, StoreError> {
    const TABLE: &str = "directory_group";
    Ok(GroupLink { group: parsed(TABLE, row, 1)?, directory: parsed(TABLE, row, 2)?, dn: row.text(3)? })
}

impl Reader {
    /// The places of these users in directories.
    pub async fn user_links(
        &self,
        account: AccountId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, UserLink>, StoreError> {
        let sql = concat!(
            "SELECT d.account, d.user_id, ",
            link_columns!(),
            "FROM directory_user d WHERE d.account = $1 AND d.user_id IN ({})"
        );
        let rows = self.rows_of_many(account, users.iter().map(UserId::as_str), sql).await?;
        rows.iter().map(|row| Ok((parsed("directory_user", row, 1)?, read_link(row, 2)?))).collect()
    }

    /// When these users were last as their directories say: with the last run that succeeded, or when something of theirs last came from there. Who is in the trash was
    /// there when they went.
    pub async fn last_syncs(
        &self,
        account: AccountId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Timestamp>, StoreError> {
        let sql = "SELECT d.account, d.user_id, d.synced_at, r.last_success_at, d.trashed FROM directory_user d \
                   JOIN directory r ON r.account = d.account AND r.directory_id = d.directory_id WHERE d.account = $1 AND d.user_id IN ({})";
        let rows = self.rows_of_many(account, users.iter().map(UserId::as_str), sql).await?;
        let last = |row: &Row| -> Result<(UserId, Timestamp), StoreError> {
            let (at, success) = (row.time(2)?, row.opt_time(3)?);
            let success =
                success.filter(|success| row.opt_str(4).is_ok_and(|trashed| trashed.is_none()) && *success > at);
            Ok((parsed("directory_user", row, 1)?, success.unwrap_or(at)))
        };
        rows.iter().map(last).collect()
    }

    /// How many users belong to each directory and are not in the trash.
    pub async fn directory_sizes(&self, account: AccountId) -> Result<HashMap<DirectoryKey, u64>, StoreError> {
        let sql = "SELECT d.account, d.directory_id, COUNT(*) FROM directory_user d JOIN users u ON u.account = d.account AND u.user_id = d.user_id \
                   WHERE d.account = $1 AND u.deleted_at IS NULL GROUP BY d.account, d.directory_id";
        let rows = self.query(sql, args![account.as_str()]).await?;
        rows.iter().map(|row| Ok((parsed("directory_user", row, 1)?, row.number(2)?))).collect()
    }
}
