//! Phones as administrators see them, and whose they are.

use std::collections::HashMap;

use cs_core::device::AuthenticatorClass;
use cs_core::id::{AccountId, PhoneId, UserId};
use jiff::Timestamp;

use crate::args;
use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, Store, StoreError};
use crate::lists::LongList;
use crate::many::grouped;
use crate::users::{Page, Slice};

/// The most phones of one user.
pub const MAX_PHONES_PER_USER: i64 = 100;
/// The most users of one phone.
pub const MAX_USERS_PER_PHONE: i64 = 100;

/// A phone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PhoneRecord {
    /// Its id.
    pub id: PhoneId,
    /// E.164, may be empty.
    pub number: String,
    /// May be empty.
    pub extension: String,
    /// The person's label, may be empty.
    pub name: String,
    /// Whose it is, where several people share one user; may be empty.
    pub owner: String,
    /// "Mobile", "Landline" or "Unknown".
    pub kind: String,
    /// As displayed: "Google Android", "Apple iOS", …
    pub platform: String,
    /// Seconds before the extension is dialled, as given; may be empty.
    pub predelay: String,
    /// Seconds after it, as given; may be empty.
    pub postdelay: String,
    /// May be empty.
    pub model: String,
    /// Changes with every administrative change.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When its authenticator was last heard of.
    pub last_seen: Option<Timestamp>,
    /// What is bound to it.
    pub authenticator: Option<BoundSummary>,
    /// Whether passcodes were sent to it by SMS that were not used yet.
    pub has_sms_codes: bool,
}

/// An authenticator as lists show it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundSummary {
    /// For whom it was bound.
    pub user: UserId,
    /// What runs it.
    pub class: AuthenticatorClass,
    /// Its version.
    pub app_version: String,
    /// Whether it may do anything.
    pub confirmed: bool,
    /// Until when it may answer by itself.
    pub auto_approve_until: Option<Timestamp>,
    /// When it was bound.
    pub activated_at: Timestamp,
    /// Where its key is kept, the protocol's word.
    pub key_protection: String,
    /// What it last said of the device, JSON text.
    pub posture: Option<String>,
}

impl PhoneRecord {
    /// Creates it.
    pub fn insert(&self, account: AccountId) -> Step {
        Step::one(
            "INSERT INTO phone (account, phone_id, number, extension, name, type, platform, predelay, postdelay, model, version, created_at, \
             owner) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13)",
            args![
                account.as_str(),
                self.id.as_str(),
                self.number.as_str(),
                self.extension.as_str(),
                self.name.as_str(),
                self.kind.as_str(),
                self.platform.as_str(),
                self.predelay.as_str(),
                self.postdelay.as_str(),
                self.model.as_str(),
                self.version,
                self.created_at,
                self.owner.as_str()
            ],
        )
    }

    /// Writes what an administrator can change. Holds only while the phone is as it was loaded.
    pub fn update(&self, account: AccountId) -> Step {
        Step::one(
            "UPDATE phone SET number = $1, extension = $2, name = $3, type = $4, platform = $5, predelay = $6, postdelay = $7, \
             owner = $8, version = version + 1 WHERE account = $9 AND phone_id = $10 AND version = $11",
            args![
                self.number.as_str(),
                self.extension.as_str(),
                self.name.as_str(),
                self.kind.as_str(),
                self.platform.as_str(),
                self.predelay.as_str(),
                self.postdelay.as_str(),
                self.owner.as_str(),
                account.as_str(),
                self.id.as_str(),
                self.version
            ],
        )
    }
}

/// Gives a phone to a user: the phone exists, then the attachment, which does not hold if there is one or a limit is reached.
/// To follow a step that holds the user's row, so that the count is right.
pub fn attach_phone(account: AccountId, user: UserId, phone: PhoneId) -> [Step; 2] {
    [
        Step::one(
            "UPDATE phone SET version = version WHERE account = $1 AND phone_id = $2",
            args![account.as_str(), phone.as_str()],
        ),
        Step::one(
            "INSERT INTO user_phone (account, user_id, phone_id, position) SELECT CAST($1 AS TEXT), CAST($2 AS TEXT), CAST($3 AS TEXT), \
             (SELECT COALESCE(MAX(position), 0) + 1 FROM user_phone WHERE account = $1 AND user_id = $2) \
             WHERE (SELECT COUNT(*) FROM user_phone WHERE account = $1 AND user_id = $2) < $4 \
             AND (SELECT COUNT(*) FROM user_phone WHERE account = $1 AND phone_id = $3) < $5",
            args![account.as_str(), user.as_str(), phone.as_str(), MAX_PHONES_PER_USER, MAX_USERS_PER_PHONE],
        ),
    ]
}

/// Puts a phone before the others of its user.
pub fn make_first(account: AccountId, user: UserId, phone: PhoneId) -> Step {
    Step::one(
        "UPDATE user_phone SET position = (SELECT MIN(position) - 1 FROM user_phone WHERE account = $1 AND user_id = $2) \
         WHERE account = $1 AND user_id = $2 AND phone_id = $3",
        args![account.as_str(), user.as_str(), phone.as_str()],
    )
}

/// Takes a phone from a user, with the authenticator bound for that user. The first step holds only if it is the user's.
pub fn detach_phone(account: AccountId, user: UserId, phone: PhoneId) -> Vec<Step> {
    let key = || args![account.as_str(), user.as_str(), phone.as_str()];
    vec![
        Step::one("DELETE FROM user_phone WHERE account = $1 AND user_id = $2 AND phone_id = $3", key()),
        Step::any("DELETE FROM activation WHERE account = $1 AND user_id = $2 AND phone_id = $3", key()),
        Step::any("DELETE FROM authenticator WHERE account = $1 AND user_id = $2 AND phone_id = $3", key()),
        Step::any("DELETE FROM sms_code WHERE account = $1 AND user_id = $2 AND phone_id = $3", key()),
    ]
}

/// Removes a phone with all that hangs on it. The first step holds only if it exists.
pub fn remove_phone(account: AccountId, phone: PhoneId) -> Vec<Step> {
    let key = || args![account.as_str(), phone.as_str()];
    vec![
        Step::one("DELETE FROM phone WHERE account = $1 AND phone_id = $2", key()),
        crate::authenticators::touch_users_of_phone(account, phone),
        Step::any("DELETE FROM activation WHERE account = $1 AND phone_id = $2", key()),
        Step::any("DELETE FROM authenticator WHERE account = $1 AND phone_id = $2", key()),
        Step::any("DELETE FROM sms_code WHERE account = $1 AND phone_id = $2", key()),
        Step::any("DELETE FROM user_phone WHERE account = $1 AND phone_id = $2", key()),
    ]
}

macro_rules! phone_columns {
    () => {
        "p.account, p.phone_id, p.number, p.extension, p.name, p.type, p.platform, p.predelay, p.postdelay, p.model, p.version, p.created_at, \
         p.last_seen, a.user_id, a.class, a.app_version, a.confirmed_at, a.auto_approve_until, a.activated_at, a.key_protection, a.posture, p.owner, \
         (SELECT COUNT(*) FROM sms_code s WHERE s.account = p.account AND s.phone_id = p.phone_id) "
    };
}

macro_rules! with_authenticator {
    () => {
        "LEFT JOIN authenticator a ON a.account = p.account AND a.phone_id = p.phone_id "
    };
}

/// `CROSS JOIN`: see the page of users.
macro_rules! phones_of_page {
    ($page:literal) => {
        concat!(
            "SELECT ",
            phone_columns!(),
            "FROM (SELECT phone_id AS id FROM phone WHERE account = $1 ",
            $page,
            ") l CROSS JOIN phone p ",
            with_authenticator!(),
            "WHERE p.account = $1 AND p.phone_id = l.id ORDER BY l.id"
        )
    };
}

pub(crate) const PHONES: LongList = LongList {
    name: "phones",
    from_offset: phones_of_page!("ORDER BY account, phone_id LIMIT $2 OFFSET $3"),
    after_row: phones_of_page!("AND account = $2 AND phone_id > $3 ORDER BY account, phone_id LIMIT $4"),
    count: "SELECT COUNT(*) FROM phone WHERE account = $1",
    key: [0, 1],
};

fn read_phone(row: &Row) -> Result<PhoneRecord, StoreError> {
    let authenticator = match row.opt_str(14)? {
        None => None,
        Some(class) => Some(BoundSummary {
            user: parsed("authenticator", row, 13)?,
            class: AuthenticatorClass::parse(class).ok_or_else(|| corrupt("authenticator", row))?,
            app_version: row.text(15)?,
            confirmed: row.opt_time(16)?.is_some(),
            auto_approve_until: row.opt_time(17)?,
            activated_at: row.time(18)?,
            key_protection: row.text(19)?,
            posture: row.opt_text(20)?,
        }),
    };
    Ok(PhoneRecord {
        id: parsed("phone", row, 1)?,
        number: row.text(2)?,
        extension: row.text(3)?,
        name: row.text(4)?,
        owner: row.opt_text(21)?.unwrap_or_default(),
        kind: row.text(5)?,
        platform: row.text(6)?,
        predelay: row.text(7)?,
        postdelay: row.text(8)?,
        model: row.text(9)?,
        version: row.int(10)?,
        created_at: row.time(11)?,
        last_seen: row.opt_time(12)?,
        authenticator,
        has_sms_codes: row.int(22)? > 0,
    })
}

fn read_phones(rows: &[Row]) -> Result<Vec<PhoneRecord>, StoreError> {
    rows.iter().map(read_phone).collect()
}

const ONE: &str = concat!(
    "SELECT ",
    phone_columns!(),
    "FROM phone p ",
    with_authenticator!(),
    "WHERE p.account = $1 AND p.phone_id = $2"
);

impl Store {
    /// One phone, for a login under way.
    pub async fn phone(&self, account: AccountId, id: PhoneId) -> Result<Option<PhoneRecord>, StoreError> {
        let row = self.query_opt(ONE, args![account.as_str(), id.as_str()]).await?;
        row.as_ref().map(read_phone).transpose()
    }

    /// The users of one phone, for a login under way.
    pub async fn users_of_phone(&self, account: AccountId, id: PhoneId) -> Result<Vec<UserId>, StoreError> {
        let sql = "SELECT user_id FROM user_phone WHERE account = $1 AND phone_id = $2 ORDER BY user_id";
        let rows = self.query(sql, args![account.as_str(), id.as_str()]).await?;
        rows.iter().map(|row| parsed("user_phone", row, 0)).collect()
    }
}

impl Reader {
    /// One phone.
    pub async fn phone(&self, account: AccountId, id: PhoneId) -> Result<Option<PhoneRecord>, StoreError> {
        let row = self.query_opt(ONE, args![account.as_str(), id.as_str()]).await?;
        row.as_ref().map(read_phone).transpose()
    }

    /// Phones by id; with `number`, only those with it, and with `extension` too, only those with both.
    pub async fn phones(
        &self,
        account: AccountId,
        number: Option<&str>,
        extension: Option<&str>,
        slice: Slice,
    ) -> Result<Page<PhoneRecord>, StoreError> {
        if let Some(number) = number {
            let rows = self
                .query(
                    concat!(
                        "SELECT ",
                        phone_columns!(),
                        "FROM phone p ",
                        with_authenticator!(),
                        "WHERE p.account = $1 AND p.number = $2 ORDER BY p.phone_id"
                    ),
                    args![account.as_str(), number],
                )
                .await?;
            let mut phones = read_phones(&rows)?;
            phones.retain(|phone| extension.is_none_or(|extension| phone.extension == extension));
            return Ok(slice.cut(phones));
        }
        let (rows, total) = self.long_list(account, &PHONES, slice).await?;
        Ok(Page { items: read_phones(&rows)?, total })
    }

    /// The phones of each of these users, in the order they were attached.
    pub async fn phones_of(
        &self,
        account: AccountId,
        users: &[UserId],
    ) -> Result<HashMap<UserId, Vec<PhoneRecord>>, StoreError> {
        let sql = concat!(
            "SELECT ",
            phone_columns!(),
            ", o.user_id FROM user_phone o JOIN phone p ON p.account = o.account AND p.phone_id = o.phone_id ",
            with_authenticator!(),
            "WHERE o.account = $1 AND o.user_id IN ({}) ORDER BY o.position, o.phone_id"
        );
        let rows = self.rows_of_many(account, users.iter().map(UserId::as_str), sql).await?;
        grouped(&rows, |row| Ok((parsed("user_phone", row, 23)?, read_phone(row)?)))
    }

    /// The users of each of these phones.
    pub async fn users_of_phones(
        &self,
        account: AccountId,
        phones: &[PhoneId],
    ) -> Result<HashMap<PhoneId, Vec<UserId>>, StoreError> {
        let sql = "SELECT account, phone_id, user_id FROM user_phone WHERE account = $1 AND phone_id IN ({}) ORDER BY user_id";
        let rows = self.rows_of_many(account, phones.iter().map(PhoneId::as_str), sql).await?;
        grouped(&rows, |row| Ok((parsed("user_phone", row, 1)?, parsed("user_phone", row, 2)?)))
    }
}
