//! Carrying a plan out: some users in each commit, in the background, each with its entry in the administrator log.
//!
//! Every commit holds only while the run is still this node's and every user is as they were compared. When one of several has changed meanwhile, each is tried by
//! itself, and the one that changed is left for the next run.

mod groups;
mod phones;

use std::collections::{HashMap, HashSet};

use cs_core::directory::{Act, Kind};
use cs_core::id::{AccountId, DirectoryKey, GroupId, PhoneId, UserId};
use cs_core::user::UserStatus;
use cs_store::directories::{UserLink, keep_run, link_user, relink_user};
use cs_store::groups::{add_member, remove_member};
use cs_store::users::drop_names;
use cs_store::{CommitError, Job};
use jiff::{SignedDuration, Timestamp};
use serde_json::{Map, Value as Json, json};

use super::DirectorySettings;
use crate::admin::users::{blank_user, names, set_status};
use crate::admin::{Actor, admin_record};
use crate::error::Retry;
use crate::{Engine, EngineError};

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
    agreed: Agreed,
    /// The group of each that was asked for, where there is one.
    pub(super) groups: HashMap<usize, GroupId>,
    /// Changed by this run: another change of theirs builds upon that.
    touched: HashSet<UserId>,
}

/// Who has agreed that a run takes login or name from people.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Agreed {
    /// Nobody was asked, for it is so few: later runs count it.
    Brake,
    /// An administrator has confirmed this very number.
    Administrator,
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
        agreed: Agreed,
    ) -> Self {
        let actor = Actor::DirectorySync(format!("directory sync {name}"));
        Self {
            engine,
            account,
            directory,
            name,
            settings,
            by,
            actor,
            agreed,
            groups: HashMap::new(),
            touched: HashSet::new(),
        }
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
                Kind::Create => Some(self.create(act).await?),
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

    async fn create(&self, act: &Act) -> Result<Job, EngineError> {
        let (now, wanted) = (self.now(), &act.wanted);
        let mut user = blank_user(act.user, wanted.profile.username.clone(), now);
        user.aliases.clone_from(&wanted.profile.aliases);
        user.realname.clone_from(&wanted.profile.realname);
        user.email.clone_from(&wanted.profile.email);
        user.notes.clone_from(&wanted.profile.notes);
        user.status = wanted.profile.status;
        let mut link = self.link(act, Vec::new());
        link.invite = self.settings.invite && !user.email.is_empty() && wanted.new_numbers.is_empty();
        let mut job = Job::new().step(user.insert(self.account)).and(names(self.account, &user)?);
        job = self.phones(act, &mut link, job).await?;
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
        user.username.clone_from(&wanted.profile.username);
        user.aliases.clone_from(&wanted.profile.aliases);
        user.realname.clone_from(&wanted.profile.realname);
        user.email.clone_from(&wanted.profile.email);
        user.notes.clone_from(&wanted.profile.notes);
        if wanted.profile.status != user.status {
            set_status(&mut user, wanted.profile.status, now);
            // Who may disable and enable in the directory could guess codes without end otherwise.
            user.lockout = before.lockout;
        }
        let mut job = Job::new().step(user.update(account, attempts));
        if (&user.username, &user.aliases) != (&before.username, &before.aliases) {
            job = job.step(drop_names(account, user.id)).and(names(account, &user)?);
        }
        let mut link = self.link(act, known.as_ref().map(|link| link.phones.clone()).unwrap_or_default());
        link.removed_at = match self.agreed {
            Agreed::Brake if act.takes_away() => Some(now),
            Agreed::Administrator if act.takes_away() => None,
            Agreed::Brake | Agreed::Administrator if act.gives_back() => None,
            Agreed::Brake | Agreed::Administrator => known.as_ref().and_then(|link| link.removed_at),
        };
        job = self.phones(act, &mut link, job).await?;
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
            removed_at: None,
        }
    }

    fn join(&self, act: &Act, mut job: Job) -> Job {
        for group in act.wanted.join.iter().filter_map(|at| self.groups.get(at)) {
            let [hold, add] = add_member(self.account, act.user, *group);
            job = job.step(hold).step(add);
        }
        job
    }

    /// What the log says: new values, but of the remarks only that they changed.
    fn record(&self, act: &Act, action: &'static str, now: Timestamp) -> cs_store::audit::LogRecord {
        let mut description = Map::new();
        description.insert("directory".to_owned(), json!(self.name));
        description.insert("sync".to_owned(), json!(act.kind.as_str()));
        match act.kind {
            Kind::Create => {
                description.insert("uname".to_owned(), json!(act.wanted.profile.username));
                description.insert("email".to_owned(), json!(act.wanted.profile.email));
                if act.wanted.profile.status != UserStatus::Active {
                    description.insert("status".to_owned(), json!(act.wanted.profile.status.as_str()));
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
