//! Users: create, change, delete, trash, unlock.

use std::collections::{BTreeMap, HashSet};

use cs_core::bypass::{BypassEnd, BypassRules};
use cs_core::id::{AccountId, PhoneId, UserId};
use cs_core::lockout::LockoutState;
use cs_core::user::{DefaultFactor, UserStatus};
use cs_core::username::{Username, UsernameNormalization};
use cs_store::users::{MAX_ALIASES, UserRecord, drop_names, in_trash_since, remove_user, take_name};
use cs_store::{Job, Step};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::bypass::{Giver, describe_change, user_standing};
use super::text::bounded;
use super::{Actor, admin_record};
use crate::review::{Bypassed, bypass_given};
use crate::{DeviceEvent, Engine, EngineError, MAX_ROUNDS, SystemRng};

/// The most attributes of an organisation's own on one user.
const MAX_CUSTOM: usize = 50;
/// The most users created, restored or sent to the trash in one call.
pub const MAX_BULK_USERS: usize = 100;
/// How many users one commit of a mass creation holds.
const SEED_CHUNK: usize = 500;
/// How long a deleted user can be restored unless the setting `pending_deletion_days` says otherwise.
const DEFAULT_TRASH: i64 = 7;

/// What an administrator wants a user to be. What is `None` stays as it is; an empty text empties.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct UserChange {
    /// Unique among usernames and aliases.
    pub username: Option<String>,
    /// By slot, 1 to 8; an empty name removes the alias.
    pub aliases: BTreeMap<u8, String>,
    /// Full name.
    pub realname: Option<String>,
    /// Given name.
    pub firstname: Option<String>,
    /// Family name.
    pub lastname: Option<String>,
    /// Address.
    pub email: Option<String>,
    /// Remarks.
    pub notes: Option<String>,
    /// Status; [`UserStatus::Active`] also unlocks, and takes the user out of the trash as every status but `PendingDeletion` does.
    pub status: Option<UserStatus>,
    /// Why the bypass. Required when one begins, unless through the Admin API.
    pub bypass_reason: Option<String>,
    /// When the bypass ends. Without it one that begins lasts as long as the account's usual, and one that is on stays as it is.
    pub bypass_end: Option<BypassEnd>,
    /// Duo's `enable_auto_prompt`.
    pub auto_prompt: Option<bool>,
    /// What `auto` stands for; `Some(None)` leaves the choice to the rules.
    pub default_factor: Option<Option<DefaultFactor>>,
    /// Attributes of the organisation's own; an empty text removes one.
    pub custom: BTreeMap<String, String>,
}

/// A user to be created in a mass, with a token if wanted.
#[derive(Debug)]
pub struct SeedUser {
    /// The name.
    pub username: String,
    /// Address.
    pub email: String,
    /// A token of the user's own.
    pub token: Option<cs_core::otp::NewToken>,
}

impl UserChange {
    /// Checks every value and writes it into `user`.
    fn write(&self, user: &mut UserRecord, giver: Giver<'_>, now: Timestamp) -> Result<(), EngineError> {
        if let Some(name) = &self.username {
            user.username = name_of("username", name)?.as_str().to_owned();
        }
        for (slot, name) in &self.aliases {
            if !(1..=MAX_ALIASES).contains(slot) {
                return Err(EngineError::Invalid("aliases"));
            }
            if name.trim().is_empty() {
                user.aliases.remove(slot);
            } else {
                user.aliases.insert(*slot, name_of("aliases", name)?.as_str().to_owned());
            }
        }
        write_optional(&mut user.realname, "realname", self.realname.as_deref())?;
        write_optional(&mut user.firstname, "firstname", self.firstname.as_deref())?;
        write_optional(&mut user.lastname, "lastname", self.lastname.as_deref())?;
        if let Some(email) = &self.email {
            user.email = email_of(email)?;
        }
        if let Some(notes) = &self.notes {
            user.notes = bounded("notes", notes, 4096)?;
        }
        if let Some(factor) = self.default_factor {
            user.default_factor = factor;
        }
        user.auto_prompt = self.auto_prompt.unwrap_or(user.auto_prompt);
        self.write_custom(&mut user.custom)?;
        self.write_status(user, giver, now)
    }

    fn write_status(&self, user: &mut UserRecord, giver: Giver<'_>, now: Timestamp) -> Result<(), EngineError> {
        let standing = user.status_at(now);
        let before = user.bypass.take();
        match self.status.unwrap_or(standing) {
            UserStatus::Bypass => {
                user.bypass =
                    Some(giver.settle(before.as_ref(), self.bypass_reason.as_deref(), self.bypass_end, now)?);
                set_status(user, UserStatus::Bypass, now);
                return Ok(());
            }
            UserStatus::Active | UserStatus::Disabled | UserStatus::PendingDeletion => {}
        }
        if self.bypass_end.is_some() || self.bypass_reason.as_ref().is_some_and(|reason| !reason.is_empty()) {
            return Err(EngineError::Invalid("bypass_until"));
        }
        match self.status {
            Some(status) => set_status(user, status, now),
            None => user.bypass = before,
        }
        Ok(())
    }

    fn write_custom(&self, custom: &mut Map<String, Json>) -> Result<(), EngineError> {
        for (name, value) in &self.custom {
            if name.is_empty() {
                return Err(EngineError::Invalid("custom_attributes"));
            }
            let name = bounded("custom_attributes", name, 64)?;
            if value.is_empty() {
                custom.remove(&name);
            } else {
                custom.insert(name, Json::String(bounded("custom_attributes", value, 1024)?));
            }
        }
        if custom.len() > MAX_CUSTOM {
            return Err(EngineError::Invalid("custom_attributes"));
        }
        Ok(())
    }

    /// What the log says: new values, but of the remarks only that they changed.
    fn description(&self) -> Json {
        let mut fields = Map::new();
        let mut put = |name: &str, value: Option<Json>| {
            if let Some(value) = value {
                fields.insert(name.to_owned(), value);
            }
        };
        put("uname", self.username.as_ref().map(|v| json!(v)));
        put("realname", self.realname.as_ref().map(|v| json!(v)));
        put("firstname", self.firstname.as_ref().map(|v| json!(v)));
        put("lastname", self.lastname.as_ref().map(|v| json!(v)));
        put("email", self.email.as_ref().map(|v| json!(v)));
        put("notes", self.notes.as_ref().map(|_| json!("changed")));
        put("status", self.status.map(|v| json!(v.as_str())));
        put("bypass_reason", self.bypass_reason.as_ref().map(|v| json!(v)));
        put("enable_auto_prompt", self.auto_prompt.map(|v| json!(v)));
        put("default_factor", self.default_factor.map(|v| json!(v.map(DefaultFactor::as_str))));
        for (slot, name) in &self.aliases {
            put(&format!("alias{slot}"), Some(json!(name)));
        }
        if !self.custom.is_empty() {
            put("custom_attributes", Some(json!(self.custom)));
        }
        Json::Object(fields)
    }
}

impl Engine {
    /// Creates a user.
    ///
    /// Fails with [`EngineError::Exists`] if the account has one of its names, as username or alias.
    pub async fn create_user(
        &self,
        account: AccountId,
        actor: &Actor,
        username: &str,
        change: &UserChange,
    ) -> Result<UserRecord, EngineError> {
        let now = self.clock().now();
        let giver = Giver { actor, rules: self.bypass_rules(account).await? };
        let (user, job) = new_user(account, giver, username, change, now)?;
        match self.apply(job).await? {
            None => Ok(user),
            Some(_) => Err(EngineError::Exists("username")),
        }
    }

    /// Creates many users at once: all of them or none. At most [`MAX_BULK_USERS`].
    pub async fn create_users(
        &self,
        account: AccountId,
        actor: &Actor,
        users: &[(String, UserChange)],
    ) -> Result<Vec<UserRecord>, EngineError> {
        if users.len() > MAX_BULK_USERS {
            return Err(EngineError::Invalid("users"));
        }
        let now = self.clock().now();
        let giver = Giver { actor, rules: self.bypass_rules(account).await? };
        let mut created = Vec::with_capacity(users.len());
        let mut job = Job::new();
        for (username, change) in users {
            let (user, part) = new_user(account, giver, username, change, now)?;
            created.push(user);
            job = job.and(part);
        }
        match self.apply(job).await? {
            None => Ok(created),
            Some(_) => Err(EngineError::Exists("users")),
        }
    }

    /// Creates as many users as wanted, some hundred in each commit and with one log entry each commit: for imports, benchmarks and tests.
    ///
    /// Stops at the first commit with a name or serial that exists; those before it are done.
    pub async fn seed_users(
        &self,
        account: AccountId,
        actor: &Actor,
        users: impl IntoIterator<Item = SeedUser>,
    ) -> Result<Vec<UserId>, EngineError> {
        let mut created = Vec::new();
        let giver = Giver { actor, rules: BypassRules::default() };
        let mut users = users.into_iter().peekable();
        while users.peek().is_some() {
            let now = self.clock().now();
            let mut job = Job::new();
            let before = created.len();
            for seed in users.by_ref().take(SEED_CHUNK) {
                let change = UserChange { email: Some(seed.email), ..UserChange::default() };
                let (user, mut part) = new_user(account, giver, &seed.username, &change, now)?;
                part.log.clear();
                job = job.and(part);
                if let Some(token) = seed.token {
                    let (id, insert) = self.new_token(account, &token, now)?;
                    let [hold, attach] = cs_store::tokens::attach_token(account, user.id, id);
                    job = job.step(insert).step(hold).step(attach);
                }
                created.push(user.id);
            }
            let count = json!({"count": created.len() - before});
            let job = job.log(admin_record(account, actor, "user_bulk_create", "", &count, now));
            if self.apply(job).await?.is_some() {
                return Err(EngineError::Exists("users"));
            }
        }
        Ok(created)
    }

    /// Changes a user.
    ///
    /// Fails with [`EngineError::Exists`] if another user has one of the new names.
    pub async fn change_user(
        &self,
        account: AccountId,
        actor: &Actor,
        id: UserId,
        change: &UserChange,
    ) -> Result<(), EngineError> {
        let action = match change.status {
            Some(UserStatus::PendingDeletion) => "user_pending_delete",
            Some(UserStatus::Active | UserStatus::Bypass | UserStatus::Disabled) | None => "user_update",
        };
        let description = change.description();
        let giver = Giver { actor, rules: self.bypass_rules(account).await? };
        self.edit_user(account, actor, id, action, &description, |user, now| change.write(user, giver, now)).await
    }

    /// Locks a user out until an administrator unlocks.
    pub async fn lock_user(&self, account: AccountId, actor: &Actor, id: UserId) -> Result<(), EngineError> {
        let lock = |user: &mut UserRecord, now| {
            user.lockout = user.lockout.lock(now);
            Ok(())
        };
        self.edit_user(account, actor, id, "user_lock", &json!({}), lock).await
    }

    /// Ends a lockout and forgets the failures that led to it.
    pub async fn unlock_user(&self, account: AccountId, actor: &Actor, id: UserId) -> Result<(), EngineError> {
        let unlock = |user: &mut UserRecord, _| {
            user.lockout = user.lockout.unlock();
            Ok(())
        };
        self.edit_user(account, actor, id, "user_unlock", &json!({}), unlock).await
    }

    /// Makes every remembered device of a user worthless.
    pub async fn forget_remembered(&self, account: AccountId, actor: &Actor, id: UserId) -> Result<(), EngineError> {
        let forget = |user: &mut UserRecord, _| {
            user.trust_epoch += 1;
            Ok(())
        };
        self.edit_user(account, actor, id, "user_forget_devices", &json!({}), forget).await
    }

    /// Removes a user for good; false if there is none.
    pub async fn delete_user(&self, account: AccountId, actor: &Actor, id: UserId) -> Result<bool, EngineError> {
        self.delete_if(account, actor, id, Vec::new()).await
    }

    /// Removes a user if `conditions` hold.
    async fn delete_if(
        &self,
        account: AccountId,
        actor: &Actor,
        id: UserId,
        conditions: Vec<Step>,
    ) -> Result<bool, EngineError> {
        let Some((user, _)) = self.store().user_record(account, id).await? else { return Ok(false) };
        let now = self.clock().now();
        let bound = self.devices_bound_for(account, id).await?;
        let mut job = Job::new();
        job.guards = conditions;
        job.guards.extend(remove_user(account, id));
        let description = json!({"user_id": id.as_str()});
        let job = job.log(admin_record(account, actor, "user_delete", &user.username, &description, now));
        if self.apply(job).await?.is_some() {
            return Ok(false);
        }
        for phone in bound {
            self.hub().publish(account, phone, DeviceEvent::Unbound);
        }
        Ok(true)
    }

    /// Sends users to the trash, where they are refused and can be restored. All of them or none; [`EngineError::NotFound`] if one is missing.
    pub async fn trash_users(&self, account: AccountId, actor: &Actor, ids: &[UserId]) -> Result<(), EngineError> {
        self.set_status_of(account, actor, ids, UserStatus::PendingDeletion, "user_pending_delete").await
    }

    /// Takes users out of the trash; those that are not in it stay as they are. All of them or none, as [`trash_users`](Self::trash_users).
    pub async fn restore_users(&self, account: AccountId, actor: &Actor, ids: &[UserId]) -> Result<(), EngineError> {
        self.set_status_of(account, actor, ids, UserStatus::Active, "user_restore").await
    }

    /// Deletes the users whose time in the trash is over; says how many. Meant for once an hour.
    pub async fn purge_trash(&self, account: AccountId) -> Result<usize, EngineError> {
        let entry = self.directory().account(account).await?.ok_or(EngineError::NotFound)?;
        let days = entry.settings.get("pending_deletion_days").and_then(Json::as_i64).filter(|days| *days > 0);
        let lasts = SignedDuration::from_hours(24 * days.unwrap_or(DEFAULT_TRASH).min(3650));
        let mut purged = 0;
        loop {
            let before = self.clock().now() - lasts;
            let users = self.store().users_to_purge(account, before, 100).await?;
            let purged_before = purged;
            for user in &users {
                // Somebody may take it out of the trash in the last moment.
                let still_there = vec![in_trash_since(account, *user, before)];
                let started = std::time::Instant::now();
                purged += usize::from(self.delete_if(account, &Actor::System, *user, still_there).await?);
                // A commit for each user, and logins in between.
                cs_store::rest(started.elapsed()).await;
            }
            if users.is_empty() || purged == purged_before {
                return Ok(purged);
            }
        }
    }

    async fn set_status_of(
        &self,
        account: AccountId,
        actor: &Actor,
        ids: &[UserId],
        status: UserStatus,
        action: &'static str,
    ) -> Result<(), EngineError> {
        if ids.len() > MAX_BULK_USERS {
            return Err(EngineError::Invalid("user_id_list"));
        }
        // Each once: a second update of the same row would not hold.
        let ids: HashSet<UserId> = ids.iter().copied().collect();
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let mut job = Job::new();
            for id in &ids {
                let (before, attempts) = self.store().user_record(account, *id).await?.ok_or(EngineError::NotFound)?;
                let trashed = before.status == UserStatus::PendingDeletion;
                if trashed == (status == UserStatus::PendingDeletion) {
                    continue;
                }
                let mut user = before.clone();
                set_status(&mut user, status, now);
                let mut description = json!({"user_id": id.as_str()});
                describe_change(&mut description, user_standing(&before), user_standing(&user));
                job = job.step(user.update(account, attempts)).log(admin_record(
                    account,
                    actor,
                    action,
                    &user.username,
                    &description,
                    now,
                ));
            }
            if self.apply(job).await?.is_none() {
                return Ok(());
            }
        }
        Err(EngineError::Contention)
    }

    /// Loads a user, lets `edit` change it and writes it, again while others change it meanwhile.
    async fn edit_user(
        &self,
        account: AccountId,
        actor: &Actor,
        id: UserId,
        action: &'static str,
        description: &Json,
        edit: impl Fn(&mut UserRecord, Timestamp) -> Result<(), EngineError>,
    ) -> Result<(), EngineError> {
        for _ in 0..MAX_ROUNDS {
            let now = self.clock().now();
            let (before, attempts) = self.store().user_record(account, id).await?.ok_or(EngineError::NotFound)?;
            let mut user = before.clone();
            edit(&mut user, now)?;
            self.check_not_synced(account, &before, &user).await?;
            let mut job = Job::new().step(user.update(account, attempts));
            if (&user.username, &user.aliases) != (&before.username, &before.aliases) {
                job = job.step(drop_names(account, id)).and(names(account, &user)?);
            }
            let mut description = description.clone();
            describe_change(&mut description, user_standing(&before), user_standing(&user));
            let mut job = job.log(admin_record(account, actor, action, &user.username, &description, now));
            let who = Bypassed::User(id, &user.username);
            let bypasses = (before.bypass.as_ref(), user.bypass.as_ref());
            job.effects.extend(bypass_given(account, actor, who, bypasses, now));
            match self.apply(job).await? {
                None => return Ok(()),
                Some(0) => {}
                Some(_) => return Err(EngineError::Exists("username")),
            }
        }
        Err(EngineError::Contention)
    }

    /// The phones with an authenticator that was bound for `user`.
    pub(super) async fn devices_bound_for(
        &self,
        account: AccountId,
        user: UserId,
    ) -> Result<Vec<PhoneId>, EngineError> {
        let phones = self.store().reader().phones_of(account, &[user]).await?.remove(&user).unwrap_or_default();
        let bound =
            |phone: &&cs_store::phones::PhoneRecord| phone.authenticator.as_ref().is_some_and(|a| a.user == user);
        Ok(phones.iter().filter(bound).map(|phone| phone.id).collect())
    }
}

/// A new user and the job that creates it.
pub(crate) fn new_user(
    account: AccountId,
    giver: Giver<'_>,
    username: &str,
    change: &UserChange,
    now: Timestamp,
) -> Result<(UserRecord, Job), EngineError> {
    let mut user =
        blank_user(UserId::generate(&mut SystemRng), name_of("username", username)?.as_str().to_owned(), now);
    change.write(&mut user, giver, now)?;
    let mut description = change.description();
    description["uname"] = json!(user.username);
    if let Some(bypass) = &user.bypass {
        description["bypass_reason"] = json!(bypass.reason);
        description["bypass_until"] = json!(bypass.term.until.map(Timestamp::as_second));
    }
    let mut job = Job::new().step(user.insert(account)).and(names(account, &user)?).log(admin_record(
        account,
        giver.actor,
        "user_create",
        &user.username,
        &description,
        now,
    ));
    let who = Bypassed::User(user.id, &user.username);
    job.effects.extend(bypass_given(account, giver.actor, who, (None, user.bypass.as_ref()), now));
    Ok((user, job))
}

/// A user with a name and nothing else.
pub(crate) fn blank_user(id: UserId, username: String, now: Timestamp) -> UserRecord {
    UserRecord {
        id,
        username,
        aliases: BTreeMap::new(),
        realname: None,
        firstname: None,
        lastname: None,
        email: String::new(),
        notes: String::new(),
        status: UserStatus::Active,
        bypass: None,
        default_factor: None,
        auto_prompt: true,
        custom: Map::new(),
        lockout: LockoutState::default(),
        trust_epoch: 0,
        version: 1,
        created_at: now,
        last_login: None,
        deleted_at: None,
    }
}

/// Takes every name of `user`. An alias that is compared as the username or another alias is [`EngineError::Exists`] here already.
pub(crate) fn names(account: AccountId, user: &UserRecord) -> Result<Job, EngineError> {
    let mut job = Job::new();
    let mut keys = HashSet::new();
    let all = std::iter::once((0, &user.username)).chain(user.aliases.iter().map(|(slot, name)| (*slot, name)));
    for (slot, name) in all {
        let key = name_of("username", name)?.key(UsernameNormalization::None);
        job = job.step(take_name(account, user.id, slot, name, key.as_str()));
        if !keys.insert(key) {
            return Err(EngineError::Exists("username"));
        }
    }
    Ok(job)
}

pub(crate) fn set_status(user: &mut UserRecord, status: UserStatus, now: Timestamp) {
    if status != user.status {
        // Whatever was remembered was remembered of someone in another standing.
        user.trust_epoch += 1;
    }
    if status == UserStatus::Active {
        user.lockout = user.lockout.unlock();
    }
    user.deleted_at = match status {
        UserStatus::PendingDeletion => user.deleted_at.or(Some(now)),
        UserStatus::Active | UserStatus::Bypass | UserStatus::Disabled => None,
    };
    if status != UserStatus::Bypass {
        user.bypass = None;
    }
    user.status = status;
}

fn name_of(parameter: &'static str, name: &str) -> Result<Username, EngineError> {
    Username::parse(name).map_err(|_| EngineError::Invalid(parameter))
}

fn email_of(email: &str) -> Result<String, EngineError> {
    let email = bounded("email", email.trim(), 254)?;
    let shaped = email.is_empty() || (email.contains('@') && !email.contains(char::is_whitespace));
    if shaped { Ok(email) } else { Err(EngineError::Invalid("email")) }
}

fn write_optional(field: &mut Option<String>, name: &'static str, value: Option<&str>) -> Result<(), EngineError> {
    if let Some(value) = value {
        *field = Some(bounded(name, value, 256)?).filter(|text| !text.is_empty());
    }
    Ok(())
}
