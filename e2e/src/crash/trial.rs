//! A site that is crashed again and again, and what must hold after each crash.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{SystemTime, UNIX_EPOCH};

use cs_store::vault::MasterKey;
use cs_store::{Database, Store, StoreConfig, audit};
use serde_json::Value as Json;

use super::burst::{Burst, Login, Outcome};
use super::person::{Code, People};
use crate::site::Site;

/// Clients that log in at the same time.
const CLIENTS: usize = 16;
/// Users that get new bypass codes after a crash, at most.
const REFILLED: usize = 8;
/// Codes of older bursts that are sent again after each crash.
const OLDER: usize = 20;

/// What was seen in all.
#[derive(Debug, Default, Clone, Copy)]
pub struct Figures {
    /// Times the server was ended in the middle of its work.
    pub crashes: usize,
    /// Decisions that clients were told.
    pub acknowledged: usize,
    /// Logins whose outcome no client was told, and how many of them the log has.
    pub unknown: (usize, usize),
    /// Used codes sent again after a crash; each was refused.
    pub replayed: usize,
    /// Codes of logins that the log does not have, sent again; each let its user in, once.
    pub resumed: usize,
}

/// A site under trial.
pub struct Trial {
    /// The site.
    pub site: Site,
    /// Its users.
    pub people: People,
    /// What was seen so far.
    pub figures: Figures,
    burst: Burst,
    database: Database,
    used: Vec<(usize, Code)>,
    /// What the last check sent: its entries can be of the millisecond in which the next burst begins.
    just_before: BTreeSet<String>,
}

impl Trial {
    /// Prepares `site`, which stores at `database` (none: a file in its directory), with so many users.
    pub fn of(site: Site, database: Option<&str>, people: usize) -> Self {
        let mut people = People::make(&site, people);
        people.refill(&site, usize::MAX);
        let file = site.dir().join("countersign.db");
        let database = database.map_or(Database::Sqlite(file), Database::parse);
        let burst = Burst::new(&site, CLIENTS);
        Self {
            site,
            people,
            figures: Figures::default(),
            burst,
            database,
            used: Vec::new(),
            just_before: BTreeSet::new(),
        }
    }

    /// Lets everyone log in until `enough` decisions were acknowledged, kills the server in the middle of it, does `meanwhile`, starts the server
    /// again and checks everything that must hold.
    pub async fn crash(&mut self, enough: usize, meanwhile: impl FnOnce()) {
        let since = now_ms() - 1;
        let Self { site, people, burst, .. } = self;
        let sent = burst
            .until(people, enough, || {
                site.kill();
                meanwhile();
            })
            .await;
        self.figures.crashes += 1;
        tokio::task::block_in_place(|| self.site.serve());
        self.check(&sent, since).await;
    }

    async fn check(&mut self, sent: &[Login], since: i64) {
        let log = tokio::task::block_in_place(|| Login::log_of(&self.site, since));
        let mut unlogged = Vec::new();
        for login in sent {
            let entries = log.get(&login.mark).map_or(&[][..], Vec::as_slice);
            match (login.outcome, entries) {
                (Outcome::Unknown, []) => unlogged.push((login.person, login.code.clone())),
                (Outcome::Unknown, [one]) => self.figures.unknown.1 += usize::from(is_success(one)),
                (Outcome::Allowed, [one]) if is_success(one) => {}
                (Outcome::Denied, [one]) if !is_success(one) => {}
                _ => panic!("{login:?} stands in the log as {entries:?}"),
            }
            if login.outcome == Outcome::Unknown { self.figures.unknown.0 += 1 } else { self.figures.acknowledged += 1 }
        }
        let marks: BTreeMap<_, _> = sent.iter().map(|login| (&*login.mark, login)).collect();
        for mark in log.keys() {
            let is_known = marks.contains_key(&**mark) || self.just_before.contains(mark);
            assert!(is_known, "{mark:?} is in the log and was never sent");
        }
        self.just_before.clear();
        let is_in_log = |login: &&Login| log.get(&login.mark).is_some_and(|entries| is_success(&entries[0]));
        let used: Vec<_> = sent.iter().filter(is_in_log).map(|login| (login.person, login.code.clone())).collect();
        self.replay(used).await;
        self.resume(unlogged).await;
        let (site, people) = (&self.site, &mut self.people);
        tokio::task::block_in_place(|| people.refill(site, REFILLED));
    }

    /// Sends what was used just now and some of what was used long ago: nothing may be accepted.
    async fn replay(&mut self, used: Vec<(usize, Code)>) {
        let step = (self.used.len() / OLDER).max(1);
        let older: Vec<_> = self.used.iter().step_by(step).cloned().collect();
        let people = &mut self.people.0;
        let again: Vec<_> =
            used.iter().cloned().chain(older).filter(|(person, code)| people[*person].may_replay(code)).collect();
        self.figures.replayed += again.len();
        for login in self.burst.send(&self.people, again).await {
            assert_eq!(login.outcome, Outcome::Denied, "accepted twice: {login:?}");
            self.just_before.insert(login.mark);
        }
        self.used.extend(used);
    }

    /// A login that is not in the log did not happen at all: its code is as good as before.
    async fn resume(&mut self, unlogged: Vec<(usize, Code)>) {
        for (person, code) in unlogged {
            // What was a replay when it was sent still is one.
            let was_used = self.used.contains(&(person, code.clone()));
            let [login] = &self.burst.send(&self.people, vec![(person, code.clone())]).await[..] else {
                unreachable!()
            };
            let expected = if was_used { Outcome::Denied } else { Outcome::Allowed };
            assert_eq!(login.outcome, expected, "{login:?}");
            self.just_before.insert(login.mark.clone());
            if expected == Outcome::Allowed {
                self.figures.resumed += 1;
                self.people.0[person].got_in(code.clone());
                self.used.push((person, code));
            }
        }
    }

    /// Stops the server and reads the whole log: its chains must be intact. Gives the figures back.
    pub async fn finish(mut self) -> Figures {
        tokio::task::block_in_place(|| self.site.kill());
        let path: PathBuf = self.site.dir().join("master.key");
        let master = Arc::new(MasterKey::from_file(&path).unwrap());
        let store = Store::open(StoreConfig::new(self.database.clone(), master)).await.unwrap();
        let report = audit::verify(&store, None).await.unwrap();
        assert_eq!(report.findings, []);
        assert!(report.rows >= self.figures.acknowledged as u64, "{} rows", report.rows);
        store.shutdown().await;
        self.figures
    }
}

fn is_success(entry: &Json) -> bool {
    entry["result"] == "success"
}

#[expect(clippy::disallowed_methods, reason = "the server's log has the real time")]
fn now_ms() -> i64 {
    i64::try_from(SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_millis()).unwrap()
}
