//! A run: read, compare, carry out, and say what came of it.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use cs_core::directory::{Halt, Plan, Scope, Snapshot, Told as Person};
use cs_core::id::{AccountId, DirectoryKey, TxId, UserId};
use cs_core::username::{Username, UsernameNormalization};
use cs_store::Job;
use cs_store::directories::{
    DirectoryRecord, RunEnd, begin_run, drop_run, drop_runs_of, end_run, keep_run, use_confirmation,
};
use jiff::SignedDuration;
use rand_core::RngCore as _;
use serde_json::json;

use super::apply::{Agreed, Applied, Applying, LEASE, Stopped};
use super::outcome::{outcome_of, take_in};
use super::{Compared, ComparedAct, DirectoryError, DirectorySettings, Outcome, Question};
use crate::admin::{Actor, admin_record};
use crate::letters::LinkOf;
use crate::{Engine, EngineError, SystemRng};

/// The most acts that a comparison tells one by one.
const TOLD: usize = 20_000;
/// How often a run that reads says that it lives.
const SIGN_OF_LIFE: SignedDuration = SignedDuration::from_secs(60);
/// How long a directory may take to be read.
const LONGEST_READ: SignedDuration = SignedDuration::from_mins(30);

/// What began a run.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Trigger {
    /// It was due.
    Schedule,
    /// Somebody asked for it.
    Asked,
}

impl Engine {
    /// The directories that are due, and that this node has a proxy for.
    pub async fn due_directories(&self) -> Result<Vec<(AccountId, DirectoryKey)>, EngineError> {
        let now = self.clock().now();
        let is_due = |record: &DirectoryRecord| {
            let is_running = record.running.as_ref().is_some_and(|(_, until)| *until > now);
            !record.paused && record.next_run_at <= now && !is_running
        };
        let all = self.store().all_directories().await?;
        let due = all.iter().filter(|record| is_due(record)).map(|record| (record.account, record.id));
        Ok(due.filter(|(account, id)| !self.agents().list(*account, *id).is_empty()).collect())
    }

    /// Takes back what this machine left behind when its server ended in the middle of a run, so that the next need not wait. Meant for the start. Where two
    /// servers run on one machine, a run of the other's ends by it, and is begun anew.
    pub async fn forget_runs_of_before(&self) -> Result<(), EngineError> {
        self.apply(Job::new().step(drop_runs_of(&self.inner.machine))).await?;
        Ok(())
    }

    /// Makes users as their directory says, by a proxy that is connected to this node. `link_of` makes the links for letters to new people.
    pub async fn sync_directory(
        &self,
        account: AccountId,
        id: DirectoryKey,
        trigger: Trigger,
        link_of: Option<LinkOf<'_>>,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Outcome, DirectoryError> {
        let record = self.store().directory(account, id).await?.ok_or(EngineError::NotFound)?;
        if self.agents().list(account, id).is_empty() {
            return Err(DirectoryError::NoAgent);
        }
        let by = self.begin_run(&record).await?;
        let began = self.clock().now();
        let run = Run { engine: self, record: &record, by: &by, link_of, progress };
        let (mut outcome, error) = match run.all().await {
            Ok(outcome) => (outcome, None),
            Err(Ended::Lost) => return Err(DirectoryError::Running),
            Err(Ended::Error(outcome, error)) => (*outcome, Some(error)),
        };
        outcome.began = began.as_second();
        outcome.seconds = self.clock().now().duration_since(began).as_secs();
        self.end_run(&record, &by, &outcome, trigger).await?;
        match error {
            None => Ok(outcome),
            Some(error) => Err(error),
        }
    }

    /// What [`sync_directory`](Self::sync_directory) would do. Changes nothing.
    pub async fn compare_directory(
        &self,
        account: AccountId,
        id: DirectoryKey,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Compared, DirectoryError> {
        let record = self.store().directory(account, id).await?.ok_or(EngineError::NotFound)?;
        let settings = DirectorySettings::read(&record.settings)?;
        let snapshot = self.read_all(account, id, &settings, None, progress).await?;
        let plan = self.compare(account, id, &settings, &snapshot, Scope::Everybody).await?;
        let mut outcome = outcome_of(&plan, &snapshot);
        for act in &plan.acts {
            *outcome.counts.entry(act.kind.as_str().to_owned()).or_default() += 1;
        }
        let confirmed = record.confirmed.and_then(|confirmed| usize::try_from(confirmed).ok());
        if let Err(halt) = plan.check(settings.brake_percent, confirmed) {
            "halted".clone_into(&mut outcome.result);
            outcome.words = halt.to_string();
        }
        let acts = plan.acts.iter().take(TOLD).map(|act| ComparedAct {
            kind: act.kind.as_str().to_owned(),
            username: act.username.clone(),
            changes: act
                .changes
                .iter()
                .map(|change| (change.field.to_owned(), change.from.clone(), change.to.clone()))
                .collect(),
        });
        let missing = snapshot.groups.iter().filter(|group| group.name.is_none()).map(|group| group.dn.clone());
        Ok(Compared { outcome, acts: acts.collect(), missing: missing.collect() })
    }

    /// Makes one person's user as the directory says. Nobody else is touched, and nobody is removed: who is in none of the groups is [`DirectoryError::Nobody`].
    pub async fn sync_person_here(
        &self,
        account: AccountId,
        id: DirectoryKey,
        username: &str,
        link_of: Option<LinkOf<'_>>,
    ) -> Result<UserId, DirectoryError> {
        let record = self.store().directory(account, id).await?.ok_or(EngineError::NotFound)?;
        let settings = DirectorySettings::read(&record.settings)?;
        Username::parse(username).map_err(|_| EngineError::Invalid("username"))?;
        let snapshot = self.read_all(account, id, &settings, Some(username), &|_| {}).await?;
        let key = match snapshot.people.as_slice() {
            [] => return Err(DirectoryError::Nobody),
            // Another one is somebody whom nobody has asked about.
            [person] if is_called(person, username) => person.key.clone(),
            [_] => return Err(DirectoryError::Nonsense("somebody else than it was asked for")),
            _ => return Err(DirectoryError::Nonsense("several people for one name")),
        };
        let by = self.begin_run(&record).await?;
        let run = Run { engine: self, record: &record, by: &by, link_of, progress: &|_| {} };
        let outcome = run.one(&settings, &snapshot).await;
        // If it is no longer ours there is nothing to give back.
        let _ = self.apply(Job::new().step(drop_run(account, id, &by))).await?;
        match outcome {
            Ok(()) => {}
            Err(Ended::Lost) => return Err(DirectoryError::Running),
            Err(Ended::Error(_, error)) => return Err(error),
        }
        self.store().user_of_key(account, id, &key).await?.ok_or(DirectoryError::Nobody)
    }

    async fn begin_run(&self, record: &DirectoryRecord) -> Result<String, DirectoryError> {
        let now = self.clock().now();
        let by = format!("{}/{}", self.inner.node, TxId::generate(&mut SystemRng));
        let begin = begin_run(record.account, record.id, &by, now, now + LEASE);
        match self.apply(Job::new().step(begin)).await? {
            None => Ok(by),
            Some(_) => Err(DirectoryError::Running),
        }
    }

    async fn end_run(
        &self,
        record: &DirectoryRecord,
        by: &str,
        outcome: &Outcome,
        trigger: Trigger,
    ) -> Result<(), EngineError> {
        let now = self.clock().now();
        let settings = DirectorySettings::read(&record.settings)?;
        let mut chance = [0];
        SystemRng.fill_bytes(&mut chance);
        let text = serde_json::to_string(outcome).unwrap_or_default();
        let succeeded = outcome.result == "ok";
        let end = RunEnd { at: now, succeeded, outcome: &text, next_run_at: now + settings.pause(chance[0]) };
        let mut job = Job::new().step(end_run(record.account, record.id, by, &end));
        // A failure that lasts is told once, not every half hour.
        let before: Outcome = serde_json::from_str(&record.outcome).unwrap_or_default();
        let is_news = !succeeded && (&before.result, &before.words) != (&outcome.result, &outcome.words);
        if is_news || !outcome.counts.is_empty() || trigger == Trigger::Asked {
            let description = json!({
                "directory": record.name, "result": outcome.result, "words": outcome.words, "people": outcome.people,
                "changes": outcome.counts, "left_out": outcome.remarks_total,
            });
            let actor = Actor::DirectorySync(format!("directory sync {}", record.name));
            job = job.log(admin_record(record.account, &actor, "directory_sync", &record.name, &description, now));
        }
        self.apply(job).await?;
        Ok(())
    }

    /// Reads a directory, and gives up after half an hour.
    async fn read_all(
        &self,
        account: AccountId,
        id: DirectoryKey,
        settings: &DirectorySettings,
        only: Option<&str>,
        progress: &(dyn Fn(&str) + Sync),
    ) -> Result<Arc<Snapshot>, DirectoryError> {
        let question = Question {
            groups: settings.groups.clone(),
            only: only.map(str::to_owned),
            attributes: settings.attributes.clone(),
        };
        let read = |people: usize| progress(&format!("{people} people read"));
        tokio::select! {
            biased;
            snapshot = self.read_directory(account, id, &question, &read) => Ok(Arc::new(snapshot?)),
            () = self.clock().sleep_until(self.clock().now() + LONGEST_READ) => Err(DirectoryError::Slow),
        }
    }
}

/// Whether somebody is called so, as names are compared.
fn is_called(person: &Person, username: &str) -> bool {
    let key = |name: &str| Some(Username::parse(name).ok()?.key(UsernameNormalization::None));
    key(&person.username).is_some_and(|name| key(username) == Some(name))
}

/// A run that is under way.
struct Run<'a> {
    engine: &'a Engine,
    record: &'a DirectoryRecord,
    by: &'a str,
    link_of: Option<LinkOf<'a>>,
    progress: &'a (dyn Fn(&str) + Sync),
}

/// Why a run did not come to its end.
enum Ended {
    /// Another node has it.
    Lost,
    /// With so much done.
    Error(Box<Outcome>, DirectoryError),
}

impl From<DirectoryError> for Ended {
    fn from(error: DirectoryError) -> Self {
        let outcome = Outcome { result: "failed".to_owned(), words: error.to_string(), ..Outcome::default() };
        Self::Error(Box::new(outcome), error)
    }
}

impl From<EngineError> for Ended {
    fn from(error: EngineError) -> Self {
        DirectoryError::Engine(error).into()
    }
}

impl From<Stopped> for Ended {
    fn from(stopped: Stopped) -> Self {
        match stopped {
            Stopped::Lost => Self::Lost,
            Stopped::Engine(error) => error.into(),
        }
    }
}

fn halted(mut outcome: Outcome, halt: Halt) -> Ended {
    "halted".clone_into(&mut outcome.result);
    outcome.words = halt.to_string();
    Ended::Error(Box::new(outcome), halt.into())
}

impl Run<'_> {
    async fn all(&self) -> Result<Outcome, Ended> {
        let (engine, record) = (self.engine, self.record);
        let settings = DirectorySettings::read(&record.settings)?;
        let snapshot = self.read(&settings).await?;
        let plan = engine.compare(record.account, record.id, &settings, &snapshot, Scope::Everybody).await?;
        let mut outcome = outcome_of(&plan, &snapshot);
        let confirmed = record.confirmed.and_then(|confirmed| usize::try_from(confirmed).ok());
        if let Err(halt) = plan.check(settings.brake_percent, confirmed) {
            return Err(halted(outcome, halt));
        }
        let agreed = match plan.check(settings.brake_percent, None) {
            Ok(()) => Agreed::Brake,
            Err(halt) => {
                // The word was good for once. If it was taken back in the meantime, it was not given.
                let removals = i64::try_from(plan.removals).unwrap_or(i64::MAX);
                let step = use_confirmation(record.account, record.id, removals);
                if engine.apply(Job::new().step(step)).await?.is_some() {
                    return Err(halted(outcome, halt));
                }
                Agreed::Administrator
            }
        };
        let applied = self.carry_out(&settings, &snapshot, &plan, Scope::Everybody, agreed).await?;
        take_in(&mut outcome, &applied);
        self.invite(&settings).await?;
        Ok(outcome)
    }

    async fn one(&self, settings: &DirectorySettings, snapshot: &Arc<Snapshot>) -> Result<(), Ended> {
        let record = self.record;
        let plan = self.engine.compare(record.account, record.id, settings, snapshot, Scope::One).await?;
        if let Some(remark) = plan.remarks.iter().find(|remark| remark.what.is_all()) {
            return Err(DirectoryError::LeftOut(remark.what.words()).into());
        }
        let applied = self.carry_out(settings, snapshot, &plan, Scope::One, Agreed::Brake).await?;
        if !applied.left.is_empty() {
            return Err(EngineError::Contention.into());
        }
        self.invite(settings).await
    }

    /// Reads, and says now and then that the run lives.
    async fn read(&self, settings: &DirectorySettings) -> Result<Arc<Snapshot>, Ended> {
        let (engine, record) = (self.engine, self.record);
        let read = engine.read_all(record.account, record.id, settings, None, self.progress);
        tokio::pin!(read);
        loop {
            let now = engine.clock().now();
            tokio::select! {
                biased;
                snapshot = &mut read => return Ok(snapshot?),
                () = engine.clock().sleep_until(now + SIGN_OF_LIFE) => {
                    let until = engine.clock().now() + LEASE;
                    let keep = keep_run(record.account, record.id, self.by, until);
                    if engine.apply(Job::new().step(keep)).await?.is_some() {
                        return Err(Ended::Lost);
                    }
                }
            }
        }
    }

    async fn carry_out(
        &self,
        settings: &DirectorySettings,
        snapshot: &Snapshot,
        plan: &Plan,
        scope: Scope,
        agreed: Agreed,
    ) -> Result<Applied, Ended> {
        let record = self.record;
        let place = (record.account, record.id);
        let mut applying = Applying::new(self.engine, place, &record.name, settings, self.by, agreed);
        applying.make_groups(snapshot).await?;
        let (last, total) = (AtomicUsize::new(0), plan.acts.len());
        let progress = |done: usize| {
            last.store(done, Ordering::Relaxed);
            (self.progress)(&format!("{done} of {total} users"));
        };
        let applied = match applying.carry_out(&plan.acts, &progress).await {
            Ok(applied) => applied,
            Err(Stopped::Lost) => return Err(Ended::Lost),
            Err(Stopped::Engine(error)) => {
                let mut outcome = outcome_of(plan, snapshot);
                "failed".clone_into(&mut outcome.result);
                let done = last.load(Ordering::Relaxed);
                outcome.words = format!("stopped after {done} of {total} users: {error}; the next run goes on");
                return Err(Ended::Error(Box::new(outcome), error.into()));
            }
        };
        if scope == Scope::Everybody {
            applying.tidy_groups(snapshot).await?;
        }
        Ok(applied)
    }

    async fn invite(&self, settings: &DirectorySettings) -> Result<(), Ended> {
        let Some(link_of) = self.link_of.filter(|_| settings.invite) else { return Ok(()) };
        let (record, actor) = (self.record, Actor::DirectorySync(format!("directory sync {}", self.record.name)));
        Ok(self.engine.invite_newcomers((record.account, record.id), self.by, &actor, link_of).await?)
    }
}
