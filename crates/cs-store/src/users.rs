//! Users as administrators see them: attributes, names, status, trash.

use std::collections::{BTreeMap, HashMap};

use cs_core::bypass::{Bypass, BypassTerm, is_on};
use cs_core::id::{AccountId, UserId};
use cs_core::lockout::LockoutState;
use cs_core::user::{DefaultFactor, User, UserStatus};
use jiff::Timestamp;
use serde_json::{Map, Value as Json};

use crate::attempts::lock_columns;
use crate::convert::{corrupt, parsed};
use crate::db::{Reader, Row, Step, StoreError, Value};
use crate::facts::read_lock_columns;
use crate::lists::LongList;
use crate::many::{IDS_PER_QUERY, padded, places};
use crate::{Store, args};

/// The most aliases of one user.
pub const MAX_ALIASES: u8 = 8;

/// A user's row and names.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UserRecord {
    /// Its id.
    pub id: UserId,
    /// As given, without white space around it.
    pub username: String,
    /// By slot, 1 to [`MAX_ALIASES`].
    pub aliases: BTreeMap<u8, String>,
    /// Full name.
    pub realname: Option<String>,
    /// Given name.
    pub firstname: Option<String>,
    /// Family name.
    pub lastname: Option<String>,
    /// May be empty.
    pub email: String,
    /// May be empty.
    pub notes: String,
    /// What an administrator set. A bypass may be over: see [`UserRecord::status_at`].
    pub status: UserStatus,
    /// Why and until when, with the status `Bypass` only.
    pub bypass: Option<Bypass>,
    /// What `auto` stands for.
    pub default_factor: Option<DefaultFactor>,
    /// Duo's `enable_auto_prompt`.
    pub auto_prompt: bool,
    /// Attributes of the organisation's own, name to text.
    pub custom: Map<String, Json>,
    /// Failures and the lock they led to.
    pub lockout: LockoutState,
    /// Raised to make every remembered device worthless.
    pub trust_epoch: i64,
    /// Changes with every change of the user or of what belongs to it.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When the user last got in.
    pub last_login: Option<Timestamp>,
    /// When it went to the trash.
    pub deleted_at: Option<Timestamp>,
}

impl UserRecord {
    /// The status that counts at `now`: a bypass past its end is active.
    pub fn status_at(&self, now: Timestamp) -> UserStatus {
        match self.status {
            UserStatus::Bypass if !is_on(self.bypass.as_ref().and_then(|bypass| bypass.term.until), now) => {
                UserStatus::Active
            }
            status => status,
        }
    }

    /// Creates the row. Names are separate steps: see [`take_name`].
    pub fn insert(&self, account: AccountId) -> Step {
        let mut args = args![account.as_str(), self.id.as_str()];
        args.extend(self.attributes());
        args.extend(args![self.trust_epoch, self.version, self.created_at]);
        Step::one(
            "INSERT INTO users (account, user_id, username, realname, firstname, lastname, email, notes, status, default_factor, auto_prompt, \
             custom, failures, lock_rounds, lock_kind, locked_at, locked_until, deleted_at, bypass_reason, bypass_until, bypass_remind_at, \
             trust_epoch, version, created_at, attempts) \
             VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17, $18, $19, $20, $21, $22, $23, $24, 0)",
            args,
        )
    }

    /// Writes everything an administrator can change, lockout included. Holds only while neither a change nor an attempt came between.
    ///
    /// `attempts` is what it was when this record was loaded: see [`Store::user_record`].
    pub fn update(&self, account: AccountId, attempts: i64) -> Step {
        let mut args = self.attributes();
        args.extend(args![self.trust_epoch, account.as_str(), self.id.as_str(), self.version, attempts]);
        Step::one(
            "UPDATE users SET username = $1, realname = $2, firstname = $3, lastname = $4, email = $5, notes = $6, status = $7, \
             default_factor = $8, auto_prompt = $9, custom = $10, failures = $11, lock_rounds = $12, lock_kind = $13, locked_at = $14, \
             locked_until = $15, deleted_at = $16, bypass_reason = $17, bypass_until = $18, bypass_remind_at = $19, trust_epoch = $20, \
             version = version + 1 WHERE account = $21 AND user_id = $22 AND version = $23 AND attempts = $24",
            args,
        )
    }

    fn attributes(&self) -> Vec<Value> {
        let (kind, at, until) = lock_columns(&self.lockout.lock);
        args![
            self.username.as_str(),
            self.realname.as_deref(),
            self.firstname.as_deref(),
            self.lastname.as_deref(),
            self.email.as_str(),
            self.notes.as_str(),
            self.status.as_str(),
            self.default_factor.map(DefaultFactor::as_str),
            self.auto_prompt,
            Json::Object(self.custom.clone()).to_string(),
            self.lockout.failures,
            self.lockout.rounds,
            kind,
            at,
            until,
            self.deleted_at,
            self.bypass.as_ref().map(|bypass| bypass.reason.as_str()),
            self.bypass.as_ref().and_then(|bypass| bypass.term.until),
            self.bypass.as_ref().and_then(|bypass| bypass.term.remind_at)
        ]
    }
}

/// Takes note that people were told of the end of the user's bypass. Holds once for each reminder.
pub fn reminded_of_user(account: AccountId, user: UserId, remind_at: Timestamp) -> Step {
    Step::one(
        "UPDATE users SET bypass_remind_at = NULL, version = version + 1 WHERE account = $1 AND user_id = $2 AND bypass_remind_at = $3",
        args![account.as_str(), user.as_str(), remind_at],
    )
}

/// Gives `user` a name; slot 0 is the username. `key` is the name as compared. Does not hold if the account has that name.
pub fn take_name(account: AccountId, user: UserId, slot: u8, name: &str, key: &str) -> Step {
    Step::one(
        "INSERT INTO user_name (account, name_key, user_id, slot, name) VALUES ($1, $2, $3, $4, $5)",
        args![account.as_str(), key, user.as_str(), slot, name],
    )
}

/// Takes every name from `user`, to be followed by [`take_name`] for those it keeps.
pub fn drop_names(account: AccountId, user: UserId) -> Step {
    Step::any("DELETE FROM user_name WHERE account = $1 AND user_id = $2", args![account.as_str(), user.as_str()])
}

/// Marks the user as changed and holds it until the commit. Does not hold if there is no such user.
pub use crate::authenticators::touch_user;

/// Counts as a change of the user. Holds while they are as they were seen.
pub fn change_user(account: AccountId, user: &User) -> Step {
    Step::one(
        "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id = $2 AND version = $3",
        args![account.as_str(), user.id.as_str(), user.version],
    )
}

/// Makes whatever was remembered of the user worthless. Holds while they are as they were seen.
pub fn distrust_user(account: AccountId, user: &User) -> Step {
    Step::one(
        "UPDATE users SET trust_epoch = trust_epoch + 1, version = version + 1 WHERE account = $1 AND user_id = $2 AND version = $3",
        args![account.as_str(), user.id.as_str(), user.version],
    )
}

/// As [`distrust_user`], to follow another step that holds the user as they were seen.
pub fn distrust_as_well(account: AccountId, user: UserId) -> Step {
    Step::one(
        "UPDATE users SET trust_epoch = trust_epoch + 1 WHERE account = $1 AND user_id = $2",
        args![account.as_str(), user.as_str()],
    )
}

/// Removes a user with names, memberships, bypass codes, attachments and the authenticators bound for it. Phones and tokens stay.
///
/// The first step holds only if the user exists. Users who share one of its phones count as changed, because an authenticator may go.
pub fn remove_user(account: AccountId, user: UserId) -> Vec<Step> {
    let key = || args![account.as_str(), user.as_str()];
    vec![
        Step::one("DELETE FROM users WHERE account = $1 AND user_id = $2", key()),
        Step::any(
            "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id IN (SELECT o.user_id FROM user_phone o, user_phone mine \
             WHERE mine.account = $1 AND mine.user_id = $2 AND o.account = $1 AND o.phone_id = mine.phone_id)",
            key(),
        ),
        Step::any("DELETE FROM activation WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM authenticator WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM bypass_code WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM sms_code WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM directory_user WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM enrollment_link WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM exception_request WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM exemption WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM group_member WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM moved_authenticator WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM remembered_address WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM remembered_browser WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM review_event WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM user_name WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM user_phone WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM user_token WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM webauthn_ceremony WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM webauthn_credential WHERE account = $1 AND user_id = $2", key()),
        Step::any("DELETE FROM visit WHERE account = $1 AND user_id = $2", key()),
    ]
}

/// Holds while the user is in the trash and went there before `before`; keeps it there until the commit.
pub fn in_trash_since(account: AccountId, user: UserId, before: Timestamp) -> Step {
    Step::one(
        "UPDATE users SET version = version + 1 WHERE account = $1 AND user_id = $2 AND deleted_at < $3",
        args![account.as_str(), user.as_str(), before],
    )
}

/// Which users of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum UserFilter<'a> {
    /// All.
    All,
    /// Those with the status `bypass`, over or not.
    InBypass,
    /// The one with this username or alias, in the form names are compared in.
    Name(&'a str),
    /// Those with this address.
    Email(&'a str),
    /// Those with these ids.
    Ids(&'a [UserId]),
    /// Those with these names, in the form names are compared in.
    Names(&'a [String]),
}

/// A part of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Page<T> {
    /// The part.
    pub items: Vec<T>,
    /// How many there are in all.
    pub total: u64,
}

/// Where a page begins and how long it may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Slice {
    /// How many to skip.
    pub offset: u64,
    /// How many at most.
    pub limit: u64,
}

impl Slice {
    pub(crate) fn args(self) -> [Value; 2] {
        let number = |n: u64| Value::Int(i64::try_from(n).unwrap_or(i64::MAX));
        [number(self.limit), number(self.offset)]
    }

    /// The part of `all`.
    pub fn cut<T>(self, all: Vec<T>) -> Page<T> {
        let total = all.len() as u64;
        let bound = |n: u64| usize::try_from(n).unwrap_or(usize::MAX);
        Page { items: all.into_iter().skip(bound(self.offset)).take(bound(self.limit)).collect(), total }
    }
}

macro_rules! user_columns {
    () => {
        "u.account, u.user_id, u.username, u.realname, u.firstname, u.lastname, u.email, u.notes, u.status, u.default_factor, u.auto_prompt, \
         u.custom, u.failures, u.lock_rounds, u.lock_kind, u.locked_at, u.locked_until, u.trust_epoch, u.version, u.created_at, u.last_login, \
         u.deleted_at, u.attempts, u.bypass_reason, u.bypass_until, u.bypass_remind_at "
    };
}

/// `CROSS JOIN` keeps SQLite from beginning with all users: it cannot know how few the page holds.
macro_rules! users_of_page {
    ($page:literal) => {
        concat!(
            "SELECT ",
            user_columns!(),
            "FROM (SELECT user_id AS id, username AS name FROM users WHERE account = $1 ",
            $page,
            ") p CROSS JOIN users u WHERE u.account = $1 AND u.user_id = p.id ORDER BY p.name, p.id"
        )
    };
}

pub(crate) const USERS: LongList = LongList {
    name: "users",
    from_offset: users_of_page!("ORDER BY account, username, user_id LIMIT $2 OFFSET $3"),
    after_row: users_of_page!("AND (username, user_id) > ($2, $3) ORDER BY account, username, user_id LIMIT $4"),
    count: "SELECT COUNT(*) FROM users WHERE account = $1",
    key: [2, 1],
};

fn read_user(row: &Row) -> Result<UserRecord, StoreError> {
    let Ok(Json::Object(custom)) = serde_json::from_str(row.str(11)?) else { return Err(corrupt("users", row)) };
    let default_factor = match row.opt_str(9)? {
        None => None,
        Some(word) => Some(DefaultFactor::parse(word).ok_or_else(|| corrupt("users", row))?),
    };
    let status = UserStatus::parse(row.str(8)?).ok_or_else(|| corrupt("users", row))?;
    Ok(UserRecord {
        id: parsed("users", row, 1)?,
        username: row.text(2)?,
        aliases: BTreeMap::new(),
        realname: row.opt_text(3)?,
        firstname: row.opt_text(4)?,
        lastname: row.opt_text(5)?,
        email: row.text(6)?,
        notes: row.text(7)?,
        status,
        bypass: if status == UserStatus::Bypass { Some(read_bypass(row, 23)?) } else { None },
        default_factor,
        auto_prompt: row.flag(10)?,
        custom,
        lockout: LockoutState {
            failures: row.number(12)?,
            rounds: row.number(13)?,
            lock: read_lock_columns(row, 14, 15, 16)?,
        },
        trust_epoch: row.int(17)?,
        version: row.int(18)?,
        created_at: row.time(19)?,
        last_login: row.opt_time(20)?,
        deleted_at: row.opt_time(21)?,
    })
}

/// A bypass from its columns: reason, end, reminder.
pub(crate) fn read_bypass(row: &Row, from: usize) -> Result<Bypass, StoreError> {
    let term = BypassTerm { until: row.opt_time(from + 1)?, remind_at: row.opt_time(from + 2)? };
    Ok(Bypass { reason: row.opt_text(from)?.unwrap_or_default(), term })
}

impl Store {
    /// The user `id` with its aliases and how many attempts it has made, for a change that is to hold only on what was read.
    pub async fn user_record(&self, account: AccountId, id: UserId) -> Result<Option<(UserRecord, i64)>, StoreError> {
        let key = args![account.as_str(), id.as_str()];
        let rows = self
            .query_many(vec![
                crate::Query::new(
                    concat!("SELECT ", user_columns!(), "FROM users u WHERE u.account = $1 AND u.user_id = $2"),
                    key.clone(),
                ),
                crate::Query::new("SELECT account, user_id, slot, name FROM user_name WHERE account = $1 AND user_id = $2 AND slot > 0", key),
            ])
            .await?;
        let [users, names] = rows.as_slice() else { return Ok(None) };
        let Some(row) = users.first() else { return Ok(None) };
        let mut user = read_user(row)?;
        for name in names {
            user.aliases.insert(name.number(2)?, name.text(3)?);
        }
        Ok(Some((user, row.int(22)?)))
    }

    /// The users that `sql` finds: account and id.
    async fn user_ids(&self, sql: &'static str, args: Vec<Value>) -> Result<Vec<UserId>, StoreError> {
        self.query(sql, args).await?.iter().map(|row| parsed("users", row, 1)).collect()
    }

    /// The user whom `name`, in the form names are compared in, or an alias of that form belongs to.
    pub async fn user_named(&self, account: AccountId, name: &str) -> Result<Option<UserId>, StoreError> {
        let sql = "SELECT user_id FROM user_name WHERE account = $1 AND name_key = $2";
        let row = self.query_opt(sql, args![account.as_str(), name]).await?;
        row.as_ref().map(|row| parsed("user_name", row, 0)).transpose()
    }

    /// The users whose bypass is over at `now`, at most `limit`.
    pub async fn users_past_bypass(
        &self,
        account: AccountId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<UserId>, StoreError> {
        self.user_ids(
            "SELECT account, user_id FROM users WHERE account = $1 AND status = 'bypass' AND bypass_until <= $2 LIMIT $3",
            args![account.as_str(), now, limit],
        )
        .await
    }

    /// The users of whose bypass' end people are to be reminded at `now`, at most `limit`.
    pub async fn users_to_remind_of(
        &self,
        account: AccountId,
        now: Timestamp,
        limit: u32,
    ) -> Result<Vec<UserId>, StoreError> {
        self.user_ids(
            "SELECT account, user_id FROM users WHERE account = $1 AND status = 'bypass' AND bypass_remind_at <= $2 LIMIT $3",
            args![account.as_str(), now, limit],
        )
        .await
    }

    /// The users that went to the trash before `before`, at most `limit`, oldest first.
    pub async fn users_to_purge(
        &self,
        account: AccountId,
        before: Timestamp,
        limit: u32,
    ) -> Result<Vec<UserId>, StoreError> {
        self.user_ids(
            "SELECT account, user_id FROM users WHERE deleted_at IS NOT NULL AND deleted_at < $1 AND account = $2 ORDER BY deleted_at LIMIT $3",
            args![before, account.as_str(), limit],
        )
        .await
    }
}

impl Reader {
    /// Users in the order of their names, without what is attached to them.
    pub async fn users(
        &self,
        account: AccountId,
        filter: &UserFilter<'_>,
        slice: Slice,
    ) -> Result<Page<UserRecord>, StoreError> {
        let a = account.as_str();
        // What a filter finds is few; only the whole list is worth cutting in the database.
        let mut page = match filter {
            UserFilter::All => {
                let (rows, total) = self.long_list(account, &USERS, slice).await?;
                Page { items: read_users(&rows)?, total }
            }
            UserFilter::InBypass => {
                let rows = self
                    .query(
                        concat!(
                            "SELECT ",
                            user_columns!(),
                            "FROM users u WHERE u.account = $1 AND u.status = 'bypass' ORDER BY u.account, u.username, u.user_id"
                        ),
                        args![a],
                    )
                    .await?;
                slice.cut(read_users(&rows)?)
            }
            UserFilter::Name(key) => {
                let rows = self
                    .query(
                        concat!(
                            "SELECT ",
                            user_columns!(),
                            "FROM user_name n JOIN users u ON u.account = n.account AND u.user_id = n.user_id WHERE n.account = $1 AND n.name_key = $2"
                        ),
                        args![a, *key],
                    )
                    .await?;
                slice.cut(read_users(&rows)?)
            }
            UserFilter::Email(email) => {
                let rows = self
                    .query(
                        concat!(
                            "SELECT ",
                            user_columns!(),
                            "FROM users u WHERE u.account = $1 AND u.email = $2 ORDER BY u.username, u.user_id"
                        ),
                        args![a, *email],
                    )
                    .await?;
                slice.cut(read_users(&rows)?)
            }
            UserFilter::Ids([]) | UserFilter::Names([]) => Page { items: Vec::new(), total: 0 },
            UserFilter::Ids(ids) => {
                let mut args = args![a];
                args.extend(padded(ids.iter().map(UserId::as_str)));
                let sql = format!(
                    concat!(
                        "SELECT ",
                        user_columns!(),
                        "FROM users u WHERE u.account = $1 AND u.user_id IN ({}) ORDER BY u.username, u.user_id"
                    ),
                    places(2, args.len() - 1)
                );
                slice.cut(read_users(&self.query(sql, args).await?)?)
            }
            UserFilter::Names(names) => {
                let mut args = args![a];
                args.extend(padded(names.iter().map(String::as_str)));
                let sql = format!(
                    concat!(
                        "SELECT ",
                        user_columns!(),
                        "FROM users u WHERE u.account = $1 AND u.user_id IN (SELECT n.user_id FROM user_name n WHERE n.account = $1 AND n.name_key IN ({})) ",
                        "ORDER BY u.username, u.user_id"
                    ),
                    places(2, args.len() - 1)
                );
                slice.cut(read_users(&self.query(sql, args).await?)?)
            }
        };
        self.add_aliases(account, &mut page.items).await?;
        Ok(page)
    }

    /// The users with these ids, as [`users`](Self::users) gives them. Any number of ids.
    pub async fn users_by_id(
        &self,
        account: AccountId,
        ids: &[UserId],
    ) -> Result<HashMap<UserId, UserRecord>, StoreError> {
        let mut found = HashMap::with_capacity(ids.len());
        for ids in ids.chunks(IDS_PER_QUERY) {
            let all = Slice { offset: 0, limit: u64::MAX };
            let page = self.users(account, &UserFilter::Ids(ids), all).await?;
            found.extend(page.items.into_iter().map(|user| (user.id, user)));
        }
        Ok(found)
    }

    pub(crate) async fn count(&self, sql: &'static str, args: Vec<Value>) -> Result<u64, StoreError> {
        let row = self.query_opt(sql, args).await?;
        Ok(row.map(|row| row.number(0)).transpose()?.unwrap_or(0))
    }

    async fn add_aliases(&self, account: AccountId, users: &mut [UserRecord]) -> Result<(), StoreError> {
        const SQL: &str =
            "SELECT account, user_id, slot, name FROM user_name WHERE account = $1 AND slot > 0 AND user_id IN ({})";
        let mut by_user: BTreeMap<UserId, BTreeMap<u8, String>> = BTreeMap::new();
        for row in self.rows_of_many(account, users.iter().map(|user| user.id.as_str()), SQL).await? {
            by_user.entry(parsed("user_name", &row, 1)?).or_default().insert(row.number(2)?, row.text(3)?);
        }
        for user in users {
            user.aliases = by_user.remove(&user.id).unwrap_or_default();
        }
        Ok(())
    }
}

fn read_users(rows: &[Row]) -> Result<Vec<UserRecord>, StoreError> {
    rows.iter().map(read_user).collect()
}
