//! A run: read, compare, carry out, and say what came of it.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use cs_core::directory::{Kind, Plan, Remark, Scope, Snapshot};
use cs_core::id::{AccountId, DirectoryKey, TxId, UserId};
use cs_core::username::Username;
use cs_store::Job;
use cs_store::directories::{
    DirectoryRecord, RunEnd, begin_run, drop_run, end_run, invited, keep_run, use_confirmation,
};
use jiff::{SignedDuration, Timestamp};
use rand_core::RngCore as _;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::apply::{Applied, Applying, LEASE, Stopped};
use super::{DirectoryError, DirectorySettings, Question};
use crate::admin::{Actor, admin_record};
use crate::enrollment::{Invite, LINK_TTL};
use crate::letters::LinkOf;
use crate::{Engine, EngineError, SystemRng};

/// The most remarks and names that are kept of a run.
const KEPT: usize = 100;
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

/// What came of a run.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Outcome {
    /// `ok`, `halted` (too many would have gone) or `failed`.
    pub result: String,
    /// The same for administrators.
    pub words: String,
    /// When it began, Unix seconds.
    pub began: i64,
    /// How many seconds it took.
    pub seconds: i64,
    /// How many people the directory told of.
    pub people: usize,
    /// How many users of each kind of change.
    pub counts: BTreeMap<String, usize>,
    /// How many were as they should be.
    pub unchanged: usize,
    /// How many would have gone to the trash or been disabled; if the run was halted, the number to confirm.
    pub removals: usize,
    /// Of how many.
    pub of: usize,
    /// How many would have gone to the trash if a group were not missing.
    pub held: usize,
    /// How many remarks there are.
    pub remarks_total: usize,
    /// The first of them.
    pub remarks: Vec<Told>,
}

/// A remark about somebody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// Their name.
    pub username: String,
    /// What.
    pub words: String,
    /// Whether all of them was left out.
    pub is_all: bool,
}

/// What a run would do.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Compared {
    /// The same as of a run; `halted` if it would be.
    pub outcome: Outcome,
    /// Each change: kind, name, and the fields as they are and would be. At most 20,000.
    pub acts: Vec<ComparedAct>,
    /// Groups that the directory does not have.
    pub missing: Vec<String>,
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ComparedAct {
    /// `create`, `take_over`, `restore`, `disable`, `update` or `trash`.
    pub kind: String,
    /// Whom.
    pub username: String,
    /// Field, before, after.
    pub changes: Vec<(String, String, String)>,
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
            [person] => person.key.clone(),
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
    ) -> Result<Snapshot, DirectoryError> {
        let question = Question {
            groups: settings.groups.clone(),
            only: only.map(str::to_owned),
            attributes: settings.attributes.clone(),
        };
        let read = |people: usize| progress(&format!("{people} people read"));
        tokio::select! {
            biased;
            snapshot = self.read_directory(account, id, &question, &read) => snapshot,
            () = self.clock().sleep_until(self.clock().now() + LONGEST_READ) => Err(DirectoryError::Silent),
        }
    }
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

impl Run<'_> {
    async fn all(&self) -> Result<Outcome, Ended> {
        let (engine, record) = (self.engine, self.record);
        let settings = DirectorySettings::read(&record.settings)?;
        let snapshot = self.read(&settings).await?;
        let plan = engine.compare(record.account, record.id, &settings, &snapshot, Scope::Everybody).await?;
        let mut outcome = outcome_of(&plan, &snapshot);
        let confirmed = record.confirmed.and_then(|confirmed| usize::try_from(confirmed).ok());
        if let Err(halt) = plan.check(settings.brake_percent, confirmed) {
            "halted".clone_into(&mut outcome.result);
            outcome.words = halt.to_string();
            return Err(Ended::Error(Box::new(outcome), halt.into()));
        }
        if plan.check(settings.brake_percent, None).is_err() {
            // The word was good for once. If it was taken back in the meantime, so is the run.
            let removals = i64::try_from(plan.removals).unwrap_or(i64::MAX);
            let step = use_confirmation(record.account, record.id, removals);
            if engine.apply(Job::new().step(step)).await?.is_some() {
                return Err(Ended::Lost);
            }
        }
        let applied = self.carry_out(&settings, &snapshot, &plan, true).await?;
        take_in(&mut outcome, &applied);
        self.invite(&settings).await?;
        Ok(outcome)
    }

    async fn one(&self, settings: &DirectorySettings, snapshot: &Snapshot) -> Result<(), Ended> {
        let record = self.record;
        let plan = self.engine.compare(record.account, record.id, settings, snapshot, Scope::One).await?;
        if let Some(remark) = plan.remarks.iter().find(|remark| remark.what.is_all()) {
            return Err(DirectoryError::LeftOut(remark.what.words()).into());
        }
        let applied = self.carry_out(settings, snapshot, &plan, false).await?;
        if !applied.left.is_empty() {
            return Err(EngineError::Contention.into());
        }
        self.invite(settings).await
    }

    /// Reads, and says now and then that the run lives.
    async fn read(&self, settings: &DirectorySettings) -> Result<Snapshot, Ended> {
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
        is_all: bool,
    ) -> Result<Applied, Ended> {
        let record = self.record;
        let place = (record.account, record.id);
        let mut applying = Applying::new(self.engine, place, &record.name, settings, self.by);
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
        if is_all {
            applying.tidy_groups(snapshot).await?;
        }
        Ok(applied)
    }

    /// Mails links to new people. Who could not be mailed now is mailed by a later run.
    async fn invite(&self, settings: &DirectorySettings) -> Result<(), Ended> {
        let Some(link_of) = self.link_of.filter(|_| settings.invite) else { return Ok(()) };
        let (engine, record) = (self.engine, self.record);
        let actor = Actor::DirectorySync(format!("directory sync {}", record.name));
        loop {
            let people =
                engine.store().users_to_invite(record.account, record.id, 50).await.map_err(EngineError::from)?;
            if people.is_empty() {
                return Ok(());
            }
            for (user, username, _) in people {
                let invite = Invite { username: &username, email: None, valid_secs: LINK_TTL.as_secs() };
                match engine.invite(record.account, &actor, &invite, Some(link_of)).await {
                    // Who has a device by now, or may not enroll, needs no letter.
                    Ok(_) | Err(EngineError::Exists(_) | EngineError::Invalid(_) | EngineError::NotFound) => {}
                    Err(error) => return Err(error.into()),
                }
                engine.apply(Job::new().step(invited(record.account, user))).await?;
            }
        }
    }
}

fn outcome_of(plan: &Plan, snapshot: &Snapshot) -> Outcome {
    let told = |remark: &Remark| Told {
        username: remark.username.clone(),
        words: remark.what.words(),
        is_all: remark.what.is_all(),
    };
    let missing = snapshot.groups.iter().filter(|group| group.name.is_none()).count();
    let words = match (missing, plan.remarks.len()) {
        (0, 0) => "all users are as the directory says".to_owned(),
        (0, remarks) => format!("done, with {remarks} remarks"),
        (missing, _) => format!(
            "{missing} of the groups are not in the directory; until they are back or no longer selected nobody is removed ({} would be)",
            plan.held
        ),
    };
    Outcome {
        result: "ok".to_owned(),
        words,
        people: snapshot.people.len(),
        unchanged: plan.unchanged,
        removals: plan.removals,
        of: plan.of,
        held: plan.held,
        remarks_total: plan.remarks.len(),
        remarks: plan.remarks.iter().take(KEPT).map(told).collect(),
        ..Outcome::default()
    }
}

fn take_in(outcome: &mut Outcome, applied: &Applied) {
    for kind in Kind::ALL {
        if let Some(count) = applied.counts.get(&kind) {
            outcome.counts.insert(kind.as_str().to_owned(), *count);
        }
    }
    outcome.remarks_total += applied.left.len();
    let room = KEPT.saturating_sub(outcome.remarks.len());
    outcome.remarks.extend(applied.left.iter().take(room).map(|username| Told {
        username: username.clone(),
        words: "left for the next run: somebody has changed this user meanwhile".to_owned(),
        is_all: true,
    }));
}

impl Outcome {
    /// What was kept of the last run; `None` before the first.
    pub fn read(text: &str) -> Option<Self> {
        serde_json::from_str(text).ok()
    }

    /// When it began.
    pub fn began_at(&self) -> Option<Timestamp> {
        Timestamp::from_second(self.began).ok()
    }
}
