//! Many clients at once, until the server dies under them.

use std::collections::{BTreeMap, VecDeque};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use cs_client::{Auth, AuthResult, Client, Config, Error};
use serde_json::Value as Json;
use tokio::sync::Notify;
use tokio::task::JoinSet;

use super::person::{Code, People, Person};
use crate::site::Site;

/// One login in so many sends the code that was accepted last once more.
const REPLAY_EVERY: usize = 12;

/// What a client was told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Outcome {
    /// It got in.
    Allowed,
    /// It did not.
    Denied,
    /// Nothing: the connection ended.
    Unknown,
}

/// A login that was sent.
#[derive(Debug, Clone)]
pub struct Login {
    /// Its name in the log, where it stands as the host that was logged in to.
    pub mark: String,
    /// The person's place in [`People`].
    pub person: usize,
    /// The code.
    pub code: Code,
    /// What came back.
    pub outcome: Outcome,
}

/// Clients with connections of their own that they keep.
pub struct Burst {
    clients: Vec<Client>,
    next: Arc<AtomicUsize>,
}

struct Run {
    people: Mutex<VecDeque<Person>>,
    sent: Mutex<Vec<Login>>,
    next: Arc<AtomicUsize>,
    acknowledged: AtomicUsize,
    enough: usize,
    is_enough: Notify,
}

impl Burst {
    /// `count` clients of `site`'s Auth API.
    pub fn new(site: &Site, count: usize) -> Self {
        let (keys, ca) = (site.auth_keys(), std::fs::read_to_string(site.ca()).unwrap());
        let client = || Client::new(Config::new(site.host(), &keys.ikey, &keys.skey).trusting(ca.clone())).unwrap();
        Self { clients: (0..count).map(|_| client()).collect(), next: Arc::default() }
    }

    /// Logs people in, all clients at once, until `enough` logins were acknowledged; then runs `stop` (which may kill the server) while they go on,
    /// and ends when every client has met the dead server. Gives back what was sent.
    pub async fn until(&self, people: &mut People, enough: usize, stop: impl FnOnce()) -> Vec<Login> {
        let run = Arc::new(Run {
            people: Mutex::new(people.0.drain(..).collect()),
            sent: Mutex::default(),
            next: Arc::clone(&self.next),
            acknowledged: AtomicUsize::new(0),
            enough,
            is_enough: Notify::new(),
        });
        let mut clients = JoinSet::new();
        for client in &self.clients {
            clients.spawn(Arc::clone(&run).log_in_until_dead(client.clone()));
        }
        loop {
            tokio::select! {
                () = run.is_enough.notified() => break,
                ended = clients.join_next() => ended.expect("clients go on").unwrap(),
            }
        }
        tokio::task::block_in_place(stop);
        while let Some(client) = clients.join_next().await {
            client.unwrap();
        }
        people.0.extend(run.people.lock().unwrap().drain(..));
        people.0.sort_by_key(|person| person.index);
        std::mem::take(&mut *run.sent.lock().unwrap())
    }

    /// Sends `codes` of `people` (by place), all clients at once. The server must answer each.
    pub async fn send(&self, people: &People, codes: Vec<(usize, Code)>) -> Vec<Login> {
        let left = Arc::new(Mutex::new(codes));
        let names: Arc<[String]> = people.0.iter().map(|person| person.user.name.clone()).collect();
        let mut clients = JoinSet::new();
        for client in self.clients.clone() {
            let (left, names, next) = (Arc::clone(&left), Arc::clone(&names), Arc::clone(&self.next));
            clients.spawn(async move {
                let mut sent = Vec::new();
                loop {
                    let Some((person, code)) = left.lock().unwrap().pop() else { return sent };
                    sent.push(log_in(&client, &next, person, &names[person], code).await);
                }
            });
        }
        let sent = clients.join_all().await.concat();
        assert!(sent.iter().all(|login| login.outcome != Outcome::Unknown), "the server does not answer");
        sent
    }
}

impl Run {
    async fn log_in_until_dead(self: Arc<Self>, client: Client) {
        for round in 1.. {
            // There are more people than clients.
            let mut person = self.people.lock().unwrap().pop_front().unwrap();
            let replayed = person.last.clone().filter(|last| round % REPLAY_EVERY == 0 && person.may_replay(last));
            let is_fresh = replayed.is_none();
            let code = replayed.unwrap_or_else(|| person.fresh());
            let login = log_in(&client, &self.next, person.index, &person.user.name, code).await;
            let expected = if is_fresh { Outcome::Allowed } else { Outcome::Denied };
            let is_dead = login.outcome == Outcome::Unknown;
            assert!(is_dead || login.outcome == expected, "expected {expected:?}: {login:?}");
            if login.outcome == Outcome::Allowed {
                person.got_in(login.code.clone());
            }
            self.people.lock().unwrap().push_back(person);
            self.sent.lock().unwrap().push(login);
            if is_dead {
                return;
            }
            if self.acknowledged.fetch_add(1, Ordering::Relaxed) + 1 == self.enough {
                self.is_enough.notify_one();
            }
        }
    }
}

async fn log_in(client: &Client, next: &AtomicUsize, person: usize, name: &str, code: Code) -> Login {
    let mark = format!("login-{}", next.fetch_add(1, Ordering::Relaxed));
    let outcome = match client.auth(&Auth::passcode(name, code.text()).to_host(&mark)).await {
        Ok(answer) if answer.result == AuthResult::Allow => Outcome::Allowed,
        Ok(_) => Outcome::Denied,
        Err(Error::Network(_)) => Outcome::Unknown,
        Err(error) => panic!("{mark}: {error}"),
    };
    Login { mark, person, code, outcome }
}

impl Login {
    /// The entries of the authentication log since `since` (milliseconds), by mark.
    pub fn log_of(site: &Site, since: i64) -> BTreeMap<String, Vec<Json>> {
        let (admin, mut entries) = (site.admin(), BTreeMap::<_, Vec<Json>>::new());
        let (from, mut next) = (since.to_string(), Vec::<String>::new());
        loop {
            let mut params =
                vec![("mintime", &*from), ("maxtime", "9999999999999"), ("limit", "1000"), ("sort", "ts:asc")];
            params.push(("event_types", "authentication"));
            params.extend(next.iter().map(|part| ("next_offset", part.as_str())));
            let page = admin.get("/admin/v2/logs/authentication", &params).ok();
            for entry in page["authlogs"].as_array().unwrap() {
                let mark = entry["access_device"]["hostname"].as_str().unwrap_or_default().to_owned();
                entries.entry(mark).or_default().push(entry.clone());
            }
            let Some(offset) = page["metadata"]["next_offset"].as_array() else { return entries };
            next = offset.iter().map(|part| part.as_str().unwrap().to_owned()).collect();
        }
    }
}
