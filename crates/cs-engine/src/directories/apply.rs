//! Carrying a plan out: some users in each commit, in the background, each with its entry in the administrator log.
//!
//! Every commit holds only while the run is still this node's and every user is as they were compared. When one of several has changed meanwhile, each is tried by
//! itself, and the one that changed is left for the next run.

use std::collections::{HashMap, HashSet};

use cs_core::directory::{Act, Kind, Snapshot};
use cs_core::group::GroupStatus;
use cs_core::id::{AccountId, DirectoryKey, GroupId, PhoneId, UserId};
use cs_core::user::UserStatus;
use cs_store::directories::{GroupLink, UserLink, keep_run, link_group, link_user, relink_user, unlink_group};
use cs_store::groups::{GroupRecord, add_member, remove_member, touch_members};
use cs_store::phones::{attach_phone, remove_phone};
use cs_store::users::{drop_names, touch_user};
use cs_store::{CommitError, Job};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::DirectorySettings;
use crate::admin::users::{blank_user, names, set_status};
use crate::admin::{Actor, admin_record};
use crate::enroll::new_phone;
use crate::error::Retry;
use crate::{Engine, EngineError, SystemRng};

/// How many users one commit changes.
const CHUNK: usize = 50;
/// How long a run holds without a sign of life.
pub(super) const LEASE: SignedDuration = SignedDuration::from_mins(5);

/// A run that is being carried out.
pub(super) struct Applying<'a> {
    pub(super) engine: &'a Engine,
    pub(super) account: AccountId,
    pub(super) directory: DirectoryKey,
    /// What people call the directory.
    pub(super) name: &'a str,
    pub(super) settings: &'a DirectorySettings,
    /// Whose run it is.
    pub(super) by: &'a str,
    pub(super) actor: Actor,
    /// The group of each that was asked for, where there is one.
    pub(super) groups: HashMap<usize, GroupId>,
    /// Changed by this run: another change of theirs builds upon that.
    touched: HashSet<UserId>,
}

/// What became of a plan.
#[derive(Debug, Default)]
pub(super) struct Applied {
    /// How many of each kind.
    pub(super) counts: HashMap<Kind, usize>,
    /// Users who changed meanwhile, by name.
    pub(super) left: Vec<String>,
}

/// Why a run ends early.
#[derive(Debug)]
pub(super) enum Stopped {
    /// It is no longer this node's.
    Lost,
    /// The database.
    Engine(EngineError),
}

impl From<EngineError> for Stopped {
    fn from(error: EngineError) -> Self {
        Self::Engine(error)
    }
}

impl From<cs_store::StoreError> for Stopped {
    fn from(error: cs_store::StoreError) -> Self {
        Self::Engine(error.into())
    }
}

/// What becomes of one commit.
enum Chunk {
    Done,
    /// Somebody has changed.
    Changed,
}

impl<'a> Applying<'a> {
    pub(super) fn new(
        engine: &'a Engine,
        (account, directory): (AccountId, DirectoryKey),
        name: &'a str,
        settings: &'a DirectorySettings,
        by: &'a str,
    ) -> Self {
        let actor = Actor::DirectorySync(format!("directory sync {name}"));
        Self { engine, account, directory, name, settings, by, actor, groups: HashMap::new(), touched: HashSet::new() }
    }

    /// Makes the groups that were asked for and are not here yet.
    pub(super) async fn make_groups(&mut self, snapshot: &Snapshot) -> Result<(), Stopped> {
        let linked = self.engine.groups_of_directory(self.account, self.directory).await?.linked;
        for (at, told) in snapshot.groups.iter().enumerate() {
            let dn = told.dn.to_lowercase();
            let group = match (linked.get(&dn), &told.name) {
                (Some(group), _) => *group,
                (None, Some(name)) => self.make_group(&dn, name).await?,
                (None, None) => continue,
            };
            self.groups.insert(at, group);
        }
        Ok(())
    }

    /// Gives groups the names they have in the directory by now, and lets go of those that are no longer asked for.
    pub(super) async fn tidy_groups(&self, snapshot: &Snapshot) -> Result<(), Stopped> {
        let store = self.engine.store();
        for (at, told) in snapshot.groups.iter().enumerate() {
            let (Some(id), Some(name)) = (self.groups.get(&at), &told.name) else { continue };
            let Some(mut group) = store.reader().group(self.account, *id).await? else { continue };
            let wanted = self.group_name(name, None);
            if group.name == wanted || group.name.starts_with(&format!("{wanted} ")) {
                continue;
            }
            group.name = wanted;
            let job = Job::new().step(group.update(self.account)).step(touch_members(self.account, *id));
            let job = job.log(self.group_record("group_update", &group));
            // A name that somebody has taken, or a change just now: the next run tries again.
            self.commit(job).await?;
        }
        for link in store.directory_groups(self.account, self.directory).await? {
            if snapshot.groups.iter().any(|told| told.dn.to_lowercase() == link.dn) {
                continue;
            }
            let Some(group) = store.reader().group(self.account, link.group).await? else { continue };
            let steps = unlink_group(self.account, &link);
            let job = steps.into_iter().fold(Job::new(), Job::step).log(self.group_record("group_update", &group));
            self.commit(job).await?;
        }
        Ok(())
    }

    async fn make_group(&self, dn: &str, told: &str) -> Result<GroupId, Stopped> {
        for number in [None, Some(2), Some(3), Some(4), Some(5), Some(6), Some(7), Some(8), Some(9)] {
            let group = GroupRecord {
                id: GroupId::generate(&mut SystemRng),
                name: self.group_name(told, number),
                description: String::new(),
                status: GroupStatus::Active,
                bypass: None,
                version: 1,
                created_at: self.now(),
            };
            let link = GroupLink { group: group.id, directory: self.directory, dn: dn.to_owned() };
            let job = Job::new().step(group.insert(self.account)).step(link_group(self.account, &link));
            if let Chunk::Done = self.commit(job.log(self.group_record("group_create", &group))).await? {
                return Ok(group.id);
            }
        }
        Err(EngineError::Exists("group").into())
    }

    /// What a synced group is called.
    fn group_name(&self, told: &str, number: Option<u8>) -> String {
        let shown: String = told.chars().filter(|c| !c.is_control()).take(120).collect();
        let name = format!("{} (from directory \"{}\")", shown.trim(), self.name);
        number.map_or(name.clone(), |number| format!("{name} {number}"))
    }

    fn group_record(&self, action: &'static str, group: &GroupRecord) -> cs_store::audit::LogRecord {
        let description = json!({"group_id": group.id.as_str(), "name": group.name, "directory": self.name});
        admin_record(self.account, &self.actor, action, &group.name, &description, self.now())
    }

    /// Carries out `acts` in their order; `progress` hears how many are done.
    pub(super) async fn carry_out(
        &mut self,
        acts: &[Act],
        progress: &(dyn Fn(usize) + Sync),
    ) -> Result<Applied, Stopped> {
        let (mut applied, mut done) = (Applied::default(), 0);
        let mut rest = acts;
        while !rest.is_empty() {
            // One user twice: the second change builds upon the first.
            let mut in_chunk = HashSet::new();
            let fits = rest.iter().take(CHUNK).take_while(|act| in_chunk.insert(act.user)).count();
            let (chunk, later) = rest.split_at(fits.max(1));
            rest = later;
            if let Chunk::Changed = self.commit_acts(chunk).await? {
                for act in chunk {
                    match self.commit_acts(std::slice::from_ref(act)).await? {
                        Chunk::Done => count(&mut applied, act),
                        Chunk::Changed => applied.left.push(act.username.clone()),
                    }
                }
            } else {
                chunk.iter().for_each(|act| count(&mut applied, act));
            }
            done += chunk.len();
            progress(done);
        }
        Ok(applied)
    }

    async fn commit_acts(&mut self, acts: &[Act]) -> Result<Chunk, Stopped> {
        let mut job = Job::new();
        for act in acts {
            let part = match act.kind {
                Kind::Create => Some(self.create(act)?),
                Kind::TakeOver | Kind::Restore | Kind::Disable | Kind::Update | Kind::Trash => self.change(act).await?,
            };
            let Some(part) = part else { return Ok(Chunk::Changed) };
            job = job.and(part);
        }
        let outcome = self.commit(job).await?;
        if let Chunk::Done = outcome {
            self.touched.extend(acts.iter().map(|act| act.user));
        }
        Ok(outcome)
    }

    /// Commits a part of the run and says that it lives.
    async fn commit(&self, job: Job) -> Result<Chunk, Stopped> {
        let until = self.now() + LEASE;
        let job = Job::new().step(keep_run(self.account, self.directory, self.by, until)).and(job).alone();
        match self.engine.store().commit_in_background(job).await {
            Ok(_) => Ok(Chunk::Done),
            Err(CommitError::Conflict { step: 0 }) => Err(Stopped::Lost),
            Err(error) => match Retry::from(error) {
                Retry::Conflict(_) => Ok(Chunk::Changed),
                Retry::Fail(error) => Err(Stopped::Engine(error)),
            },
        }
    }

    fn create(&self, act: &Act) -> Result<Job, EngineError> {
        let (now, wanted) = (self.now(), &act.wanted);
        let mut user = blank_user(act.user, wanted.username.clone(), now);
        user.aliases.clone_from(&wanted.aliases);
        user.realname.clone_from(&wanted.realname);
        user.email.clone_from(&wanted.email);
        user.notes.clone_from(&wanted.notes);
        user.status = wanted.status;
        let mut link = self.link(act, Vec::new());
        link.invite = self.settings.invite && !user.email.is_empty() && wanted.new_numbers.is_empty();
        let mut job = Job::new().step(user.insert(self.account)).and(names(self.account, &user)?);
        job = self.phones(act, &mut link, job)?;
        job = job.step(link_user(self.account, user.id, &link));
        Ok(self.join(act, job).log(self.record(act, "user_create", now)))
    }

    /// The job that changes somebody; `None` if they are no longer as they were compared.
    async fn change(&self, act: &Act) -> Result<Option<Job>, EngineError> {
        let (account, now, wanted) = (self.account, self.now(), &act.wanted);
        let store = self.engine.store();
        let Some((before, attempts)) = store.user_record(account, act.user).await? else { return Ok(None) };
        if before.version != act.version && !self.touched.contains(&act.user) {
            return Ok(None);
        }
        let known = store.user_link(account, act.user).await?;
        let mut user = before.clone();
        user.username.clone_from(&wanted.username);
        user.aliases.clone_from(&wanted.aliases);
        user.realname.clone_from(&wanted.realname);
        user.email.clone_from(&wanted.email);
        user.notes.clone_from(&wanted.notes);
        if wanted.status != user.status {
            set_status(&mut user, wanted.status, now);
        }
        let mut job = Job::new().step(user.update(account, attempts));
        if (&user.username, &user.aliases) != (&before.username, &before.aliases) {
            job = job.step(drop_names(account, user.id)).and(names(account, &user)?);
        }
        let mut link = self.link(act, known.as_ref().map(|link| link.phones.clone()).unwrap_or_default());
        job = self.phones(act, &mut link, job)?;
        job = self.old_phones(act, &mut link, job).await?;
        job = match known {
            None => job.step(link_user(account, user.id, &link)),
            Some(_) => job.step(relink_user(account, user.id, &link)),
        };
        job = self.join(act, job);
        for group in wanted.leave.iter().filter_map(|at| self.groups.get(at)) {
            job = job.step(remove_member(account, user.id, *group));
        }
        let action = match act.kind {
            Kind::Restore => "user_restore",
            Kind::Trash => "user_pending_delete",
            Kind::Create | Kind::TakeOver | Kind::Disable | Kind::Update => "user_update",
        };
        Ok(Some(job.log(self.record(act, action, now))))
    }

    fn link(&self, act: &Act, phones: Vec<PhoneId>) -> UserLink {
        UserLink {
            directory: self.directory,
            link: act.wanted.link.clone(),
            phones,
            invite: false,
            synced_at: self.now(),
        }
    }

    fn join(&self, act: &Act, mut job: Job) -> Job {
        for group in act.wanted.join.iter().filter_map(|at| self.groups.get(at)) {
            let [hold, add] = add_member(self.account, act.user, *group);
            job = job.step(hold).step(add);
        }
        job
    }

    fn phones(&self, act: &Act, link: &mut UserLink, mut job: Job) -> Result<Job, EngineError> {
        for number in &act.wanted.new_numbers {
            let mut phone = new_phone(self.now());
            phone.number.clone_from(number);
            let [hold, attach] = attach_phone(self.account, act.user, phone.id);
            job = job.step(phone.insert(self.account)).step(hold).step(attach);
            link.phones.push(phone.id);
        }
        Ok(job)
    }

    /// Removes phones that came from the directory and are no longer there, unless an authenticator is on them: that is the person's own.
    async fn old_phones(&self, act: &Act, link: &mut UserLink, mut job: Job) -> Result<Job, EngineError> {
        if act.wanted.old_numbers.is_empty() {
            return Ok(job);
        }
        let reader = self.engine.store().reader();
        let phones = reader.phones_of(self.account, &[act.user]).await?.remove(&act.user).unwrap_or_default();
        for phone in phones {
            if !link.phones.contains(&phone.id) || !act.wanted.old_numbers.contains(&phone.number) {
                continue;
            }
            link.phones.retain(|id| *id != phone.id);
            if phone.authenticator.is_none() {
                job.guards.extend(remove_phone(self.account, phone.id));
            }
        }
        Ok(job.step(touch_user(self.account, act.user)))
    }

    /// What the log says: new values, but of the remarks only that they changed.
    fn record(&self, act: &Act, action: &'static str, now: Timestamp) -> cs_store::audit::LogRecord {
        let mut description = Map::new();
        description.insert("directory".to_owned(), json!(self.name));
        description.insert("sync".to_owned(), json!(act.kind.as_str()));
        match act.kind {
            Kind::Create => {
                description.insert("uname".to_owned(), json!(act.wanted.username));
                description.insert("email".to_owned(), json!(act.wanted.email));
                if act.wanted.status != UserStatus::Active {
                    description.insert("status".to_owned(), json!(act.wanted.status.as_str()));
                }
            }
            Kind::TakeOver | Kind::Restore | Kind::Disable | Kind::Update | Kind::Trash => {
                for change in &act.changes {
                    let to = if change.field == "notes" { "changed" } else { change.to.as_str() };
                    let field = if change.field == "username" { "uname" } else { change.field };
                    description.insert(field.to_owned(), json!(to));
                }
            }
        }
        admin_record(self.account, &self.actor, action, &act.username, &Json::Object(description), now)
    }

    fn now(&self) -> Timestamp {
        self.engine.clock().now()
    }
}

fn count(applied: &mut Applied, act: &Act) {
    *applied.counts.entry(act.kind).or_default() += 1;
}
