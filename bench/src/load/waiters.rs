//! Clients that wait for a person who never answers, each on a connection of its own.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use serde::{Deserialize, Serialize};

use super::pushes::started;
use super::work::duo_result;
use super::{Outcome, meet};
use crate::http::{Connection, Dialer, Target};
use crate::otp;
use crate::signed::{self, Keys};
use crate::stats::Latency;

/// Connections opened, and pushes started, at a time.
const AT_ONCE: usize = 64;

/// Users 0 up to `count` start a push each and wait.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct Waiters {
    pub(crate) target: Target,
    pub(crate) keys: Keys,
    pub(crate) count: u64,
}

#[derive(Default)]
struct Tally {
    polls: Cell<u64>,
    failed: RefCell<BTreeMap<String, u64>>,
}

impl Tally {
    fn fail(&self, why: String) {
        *self.failed.borrow_mut().entry(why).or_default() += 1;
    }
}

/// Says `connected`, then `waiting` when all wait; when told to go on, reports the polls answered in between.
pub(super) async fn run(plan: Waiters) -> anyhow::Result<Outcome> {
    let dialer = Dialer::new(plan.target.clone())?;
    meet("ready").await?;
    let mut connections = Vec::new();
    while (connections.len() as u64) < plan.count {
        let batch = AT_ONCE.min(plan.count as usize - connections.len());
        let dialing: Vec<_> = (0..batch)
            .map(|_| {
                let dialer = dialer.clone();
                tokio::task::spawn_local(async move { dialer.dial().await })
            })
            .collect();
        for dialed in dialing {
            connections.push(dialed.await??);
        }
    }
    meet("connected").await?;
    let tally = Rc::new(Tally::default());
    let (begun, mut all_begun) = tokio::sync::mpsc::unbounded_channel();
    let slots = Rc::new(tokio::sync::Semaphore::new(AT_ONCE));
    let waiters: Vec<_> = (0..)
        .zip(connections)
        .map(|(user, connection)| {
            let waiter = Waiter {
                user,
                connection,
                host: dialer.host().to_owned(),
                keys: plan.keys.clone(),
                tally: tally.clone(),
            };
            tokio::task::spawn_local(waiter.run(slots.clone(), begun.clone()))
        })
        .collect();
    drop(begun);
    for _ in 0..plan.count {
        if all_begun.recv().await.is_none() {
            break;
        }
    }
    tally.polls.set(0);
    let start = Instant::now();
    meet("waiting").await?;
    let seconds = start.elapsed().as_secs_f64();
    let outcome =
        Outcome { accepted: tally.polls.get(), failed: tally.failed.take(), seconds, latency: Latency::default() };
    for waiter in waiters {
        waiter.abort();
    }
    Ok(outcome)
}

struct Waiter {
    user: u64,
    connection: Connection,
    host: String,
    keys: Keys,
    tally: Rc<Tally>,
}

impl Waiter {
    async fn run(mut self, slots: Rc<tokio::sync::Semaphore>, begun: tokio::sync::mpsc::UnboundedSender<()>) {
        let txid = match self.start(&slots).await {
            Ok(txid) => txid,
            Err(error) => {
                self.tally.fail(format!("{error:#}"));
                // Counted all the same, or the others would wait for it.
                let _ = begun.send(());
                return;
            }
        };
        let mut said = false;
        loop {
            let Ok(request) = self.status(&txid) else { return };
            if let Err(error) = self.connection.send(&request).await {
                return self.tally.fail(format!("{error:#}"));
            }
            if !said {
                said = true;
                let _ = begun.send(());
            }
            let judged = match self.connection.answer().await {
                Ok(answer) => duo_result(&answer, "waiting"),
                Err(error) => Err(format!("{error:#}")),
            };
            match judged {
                Ok(()) => self.tally.polls.set(self.tally.polls.get() + 1),
                Err(why) => return self.tally.fail(why),
            }
        }
    }

    async fn start(&mut self, slots: &tokio::sync::Semaphore) -> anyhow::Result<String> {
        let _slot = slots.acquire().await?;
        let name = otp::name(self.user);
        let params = [
            ("username", name.as_str()),
            ("factor", "push"),
            ("device", "auto"),
            ("async", "1"),
            ("ipaddr", "198.51.100.7"),
        ];
        let request = self.keys.request("POST", &self.host, "/auth/v2/auth", &params, &signed::date()?);
        started(self.connection.ask(&request).await?.body)
    }

    fn status(&self, txid: &str) -> anyhow::Result<Vec<u8>> {
        Ok(self.keys.request("GET", &self.host, "/auth/v2/auth_status", &[("txid", txid)], &signed::date()?))
    }
}
