//! The DevTools protocol over a pair of pipes: messages of JSON, each ended by a zero byte.

use std::collections::HashMap;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;
use std::time::{Duration, Instant};

use serde_json::{Value as Json, json};

use crate::child::PATIENCE;

/// Something the browser told without being asked.
#[derive(Debug, Clone)]
pub struct Event {
    /// `Page.loadEventFired` and so on.
    pub method: String,
    /// What comes with it.
    pub params: Json,
    pub(super) session: String,
}

/// A browser's ear and mouth. Clones are the same.
#[derive(Clone)]
pub(super) struct Connection(Arc<Shared>);

struct Shared {
    to: Mutex<ChildStdin>,
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Default)]
struct State {
    last_id: u64,
    answers: HashMap<u64, Json>,
    events: Vec<Event>,
    closed: bool,
}

impl Connection {
    pub(super) fn new(to: ChildStdin, from: ChildStdout) -> Self {
        let shared =
            Arc::new(Shared { to: Mutex::new(to), state: Mutex::new(State::default()), changed: Condvar::new() });
        let reader = Arc::clone(&shared);
        thread::spawn(move || {
            read(&reader, from);
            reader.state.lock().unwrap().closed = true;
            reader.changed.notify_all();
        });
        Self(shared)
    }

    /// Calls `method` in `session` (none: the browser itself). The error is what the browser said.
    pub(super) fn try_call(&self, session: &str, method: &str, params: &Json) -> Result<Json, String> {
        let id = {
            let mut state = self.0.state.lock().unwrap();
            state.last_id += 1;
            state.last_id
        };
        let mut message = json!({ "id": id, "method": method, "params": params });
        if !session.is_empty() {
            message["sessionId"] = session.into();
        }
        let mut bytes = serde_json::to_vec(&message).unwrap();
        bytes.push(0);
        self.0.to.lock().unwrap().write_all(&bytes).map_err(|error| format!("the browser is gone: {error}"))?;
        let answer = self
            .wait(PATIENCE, |state| state.answers.remove(&id))
            .ok_or_else(|| format!("the browser does not answer {method}"))?;
        match answer.get("error") {
            Some(error) => Err(format!("{method}: {error}")),
            None => Ok(answer["result"].clone()),
        }
    }

    /// How many events there were so far.
    pub(super) fn event_count(&self) -> usize {
        self.0.state.lock().unwrap().events.len()
    }

    /// The events of `session` from number `since` on.
    pub(super) fn events(&self, session: &str, since: usize) -> Vec<Event> {
        let state = self.0.state.lock().unwrap();
        state.events.iter().skip(since).filter(|event| event.session == session).cloned().collect()
    }

    /// The first event of `session` from number `since` on that `is_it`, waiting for it.
    pub(super) fn event(&self, session: &str, since: usize, is_it: impl Fn(&Event) -> bool) -> Option<Event> {
        self.wait(PATIENCE, |state| {
            state.events.iter().skip(since).find(|event| event.session == session && is_it(event)).cloned()
        })
    }

    /// Returns when the browser has said something, or after a moment.
    pub(super) fn a_moment(&self) {
        let state = self.0.state.lock().unwrap();
        drop(self.0.changed.wait_timeout(state, Duration::from_millis(20)).unwrap());
    }

    fn wait<T>(&self, patience: Duration, mut find: impl FnMut(&mut State) -> Option<T>) -> Option<T> {
        let deadline = Instant::now() + patience;
        let mut state = self.0.state.lock().unwrap();
        loop {
            if let Some(found) = find(&mut state) {
                return Some(found);
            }
            let left = deadline.saturating_duration_since(Instant::now());
            if state.closed || left.is_zero() {
                return None;
            }
            state = self.0.changed.wait_timeout(state, left).unwrap().0;
        }
    }
}

fn read(shared: &Shared, from: impl Read) {
    let mut from = BufReader::new(from);
    loop {
        let mut bytes = Vec::new();
        if from.read_until(0, &mut bytes).unwrap_or(0) == 0 {
            return;
        }
        bytes.pop();
        let Ok(message) = serde_json::from_slice::<Json>(&bytes) else { continue };
        let mut state = shared.state.lock().unwrap();
        if let Some(id) = message["id"].as_u64() {
            state.answers.insert(id, message);
        } else {
            state.events.push(Event {
                method: message["method"].as_str().unwrap_or_default().to_owned(),
                params: message["params"].clone(),
                session: message["sessionId"].as_str().unwrap_or_default().to_owned(),
            });
        }
        drop(state);
        shared.changed.notify_all();
    }
}
