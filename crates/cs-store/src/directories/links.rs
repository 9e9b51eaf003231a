//! Who belongs to which directory.

use std::collections::{BTreeMap, HashMap};

use cs_core::directory::{BeforeTrash, Link};
use cs_core::id::{AccountId, DirectoryKey, GroupId, PhoneId, UserId};
use cs_core::user::UserStatus;
use jiff::Timestamp;

use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError};
use crate::{Store, args};

/// How many rows are read at a time.
const ROWS: i64 = 2000;

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
}

/// A user with all that a comparison with a directory reads.
#[derive(Debug, Clone)]
pub struct KnownUser {
    /// The id.
    pub id: UserId,
    /// Changes with every administrative change.
    pub version: i64,
    /// The name.
    pub username: String,
    /// By slot.
    pub aliases: BTreeMap<u8, String>,
    /// Full name.
    pub realname: Option<String>,
    /// May be empty.
    pub email: String,
    /// May be empty.
    pub notes: String,
    /// As set.
    pub status: UserStatus,
    /// Their directory.
    pub link: Option<UserLink>,
    /// Their groups.
    pub groups: Vec<GroupId>,
    /// Their phones with the numbers.
    pub phones: Vec<(PhoneId, String)>,
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
        "UPDATE directory_user SET disabled = $1, trashed = $2, phones = $3, synced_at = $4 \
         WHERE account = $5 AND user_id = $6 AND directory_id = $7 AND dir_key = $8",
        args![
            link.link.disabled,
            trashed_word(link.link.trashed),
            phones_text(&link.phones),
            link.synced_at,
            account.as_str(),
            user.as_str(),
            link.directory.as_str(),
            link.link.key.as_str()
        ],
    )
}

/// Notes that a user was mailed a link, or needs none.
pub fn invited(account: AccountId, user: UserId) -> Step {
    Step::any(
        "UPDATE directory_user SET invite = 0 WHERE account = $1 AND user_id = $2",
        args![account.as_str(), user.as_str()],
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

/// Makes the groups of a directory administrators' own, with the members they have.
pub fn unlink_groups(account: AccountId, directory: DirectoryKey) -> Step {
    Step::any(
        "DELETE FROM directory_group WHERE account = $1 AND directory_id = $2",
        args![account.as_str(), directory.as_str()],
    )
}

/// Notes that a group has another distinguished name.
pub fn rename_dn(account: AccountId, group: GroupId, dn: &str) -> Step {
    Step::one(
        "UPDATE directory_group SET dn = $1 WHERE account = $2 AND group_id = $3",
        args![dn, account.as_str(), group.as_str()],
    )
}

macro_rules! link_columns {
    () => {
        "d.directory_id, d.dir_key, d.disabled, d.trashed, d.phones, d.invite, d.synced_at "
    };
}

fn read_link(row: &Row, from: usize) -> Result<UserLink, StoreError> {
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

    /// Users of a directory who are still to be mailed a link: id, name, address; at most `limit`.
    pub async fn users_to_invite(
        &self,
        account: AccountId,
        directory: DirectoryKey,
        limit: u32,
    ) -> Result<Vec<(UserId, String, String)>, StoreError> {
        let sql = "SELECT d.account, d.user_id, u.username, u.email FROM directory_user d JOIN users u ON u.account = d.account AND u.user_id = d.user_id \
                   WHERE d.account = $1 AND d.directory_id = $2 AND d.invite = 1 ORDER BY d.user_id LIMIT $3";
        let rows = self.query(sql, args![account.as_str(), directory.as_str(), limit]).await?;
        rows.iter().map(|row| Ok((parsed("directory_user", row, 1)?, row.text(2)?, row.text(3)?))).collect()
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

    /// Every user of the account, with the phones if `with_phones`. Read in parts: what changes meanwhile is seen or not, and guards settle the difference.
    pub async fn known_users(&self, account: AccountId, with_phones: bool) -> Result<Vec<KnownUser>, StoreError> {
        let mut users = self.rows_of_users(account).await?;
        let places: HashMap<UserId, usize> = users.iter().enumerate().map(|(at, user)| (user.id, at)).collect();
        let at = |row: &Row| -> Result<Option<usize>, StoreError> {
            Ok(places.get(&parsed::<UserId>("users", row, 1)?).copied())
        };
        let sql = "SELECT account, user_id, slot, name, name_key FROM user_name WHERE account = $1 AND slot > 0 AND name_key > $2 \
                   ORDER BY account, name_key LIMIT $3";
        let mut after = String::new();
        loop {
            let rows = self.query(sql, args![account.as_str(), after.as_str(), ROWS]).await?;
            for row in &rows {
                if let Some(at) = at(row)? {
                    users[at].aliases.insert(row.number(2)?, row.text(3)?);
                }
            }
            let Some(last) = rows.last() else { break };
            after = last.text(4)?;
        }
        let sql = "SELECT account, user_id, group_id FROM group_member WHERE account = $1 AND (user_id, group_id) > ($2, $3) \
                   ORDER BY account, user_id, group_id LIMIT $4";
        let mut after = (String::new(), String::new());
        loop {
            let rows = self.query(sql, args![account.as_str(), after.0.as_str(), after.1.as_str(), ROWS]).await?;
            for row in &rows {
                if let Some(at) = at(row)? {
                    users[at].groups.push(parsed("group_member", row, 2)?);
                }
            }
            let Some(last) = rows.last() else { break };
            after = (last.text(1)?, last.text(2)?);
        }
        let sql = "SELECT o.account, o.user_id, o.phone_id, p.number FROM user_phone o JOIN phone p ON p.account = o.account AND p.phone_id = o.phone_id \
                   WHERE o.account = $1 AND (o.user_id, o.phone_id) > ($2, $3) ORDER BY o.account, o.user_id, o.phone_id LIMIT $4";
        if !with_phones {
            return Ok(users);
        }
        let mut after = (String::new(), String::new());
        loop {
            let rows = self.query(sql, args![account.as_str(), after.0.as_str(), after.1.as_str(), ROWS]).await?;
            for row in &rows {
                if let Some(at) = at(row)? {
                    users[at].phones.push((parsed("user_phone", row, 2)?, row.text(3)?));
                }
            }
            let Some(last) = rows.last() else { break };
            after = (last.text(1)?, last.text(2)?);
        }
        Ok(users)
    }

    async fn rows_of_users(&self, account: AccountId) -> Result<Vec<KnownUser>, StoreError> {
        let sql = concat!(
            "SELECT u.account, u.user_id, u.username, u.realname, u.email, u.notes, u.status, u.version, ",
            link_columns!(),
            "FROM users u LEFT JOIN directory_user d ON d.account = u.account AND d.user_id = u.user_id \
             WHERE u.account = $1 AND u.user_id > $2 ORDER BY u.account, u.user_id LIMIT $3"
        );
        let (mut users, mut after) = (Vec::new(), String::new());
        loop {
            let rows = self.query(sql, args![account.as_str(), after.as_str(), ROWS]).await?;
            let Some(last) = rows.last() else { return Ok(users) };
            after = last.text(1)?;
            for row in &rows {
                users.push(KnownUser {
                    id: parsed("users", row, 1)?,
                    username: row.text(2)?,
                    aliases: BTreeMap::new(),
                    realname: row.opt_text(3)?,
                    email: row.text(4)?,
                    notes: row.text(5)?,
                    status: UserStatus::parse(row.str(6)?).ok_or_else(|| corrupt("users", row))?,
                    version: row.int(7)?,
                    link: if row.opt_str(8)?.is_some() { Some(read_link(row, 8)?) } else { None },
                    groups: Vec::new(),
                    phones: Vec::new(),
                });
            }
        }
    }
}
