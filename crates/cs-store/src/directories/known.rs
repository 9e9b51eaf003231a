//! Users as a directory is compared with them.

use std::collections::{BTreeMap, HashMap};

use cs_core::directory::Profile;
use cs_core::id::{AccountId, GroupId, PhoneId, UserId};
use cs_core::user::UserStatus;

use super::links::{USERS_WITH_LINKS, UserLink, read_link};
use crate::args;
use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, StoreError};

/// How many rows are read at a time.
const ROWS: i64 = 2000;

/// A user with all that a comparison with a directory reads.
#[derive(Debug, Clone)]
pub struct KnownUser {
    /// The id.
    pub id: UserId,
    /// Changes with every administrative change.
    pub version: i64,
    /// What is said of them.
    pub profile: Profile,
    /// Their directory.
    pub link: Option<UserLink>,
    /// Their groups.
    pub groups: Vec<GroupId>,
    /// Their phones with the numbers.
    pub phones: Vec<(PhoneId, String)>,
}

impl Reader {
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
                    users[at].profile.aliases.insert(row.number(2)?, row.text(3)?);
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
        let (mut users, mut after) = (Vec::new(), String::new());
        loop {
            let rows = self.query(USERS_WITH_LINKS, args![account.as_str(), after.as_str(), ROWS]).await?;
            let Some(last) = rows.last() else { return Ok(users) };
            after = last.text(1)?;
            for row in &rows {
                users.push(KnownUser {
                    id: parsed("users", row, 1)?,
                    version: row.int(7)?,
                    profile: Profile {
                        username: row.text(2)?,
                        aliases: BTreeMap::new(),
                        realname: row.opt_text(3)?,
                        email: row.text(4)?,
                        notes: row.text(5)?,
                        status: UserStatus::parse(row.str(6)?).ok_or_else(|| corrupt("users", row))?,
                    },
                    link: if row.opt_str(8)?.is_some() { Some(read_link(row, 8)?) } else { None },
                    groups: Vec::new(),
                    phones: Vec::new(),
                });
            }
        }
    }
}
