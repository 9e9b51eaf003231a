//! Steady work: closed loop (as fast as answers come) or open loop (arrivals at a rate).

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Instant;

use tokio::sync::Mutex;
use tokio::sync::mpsc::UnboundedReceiver;

use super::work::Request;
use super::{Outcome, Steady, meet, pace};
use crate::http::{Connection, Dialer};
use crate::stats::Latency;

struct Shared {
    work: Vec<Vec<Request>>,
    next: Cell<usize>,
    /// Present in an open loop.
    arrivals: Option<Mutex<UnboundedReceiver<Instant>>>,
    samples: RefCell<Vec<f64>>,
    failed: RefCell<BTreeMap<String, u64>>,
}

pub(super) async fn run(plan: Steady) -> anyhow::Result<Outcome> {
    let dialer = Dialer::new(plan.target)?;
    let work = plan.work.prepare(plan.first, plan.count, dialer.host())?;
    let mut connections = Vec::new();
    for _ in 0..plan.connections {
        connections.push(dialer.dial().await?);
    }
    let samples = RefCell::new(Vec::with_capacity(work.len()));
    meet("ready").await?;

    let start = Instant::now();
    let arrivals = plan.rate.map(|rate| Mutex::new(pace::arrivals(work.len(), rate)));
    let shared = Rc::new(Shared { work, next: Cell::new(0), arrivals, samples, failed: RefCell::new(BTreeMap::new()) });
    let tasks: Vec<_> = connections
        .into_iter()
        .map(|connection| {
            let client = Client { dialer: dialer.clone(), connection: Some(connection), shared: shared.clone() };
            tokio::task::spawn_local(client.run())
        })
        .collect();
    for task in tasks {
        task.await?;
    }
    let seconds = start.elapsed().as_secs_f64();
    let samples = shared.samples.take();
    Ok(Outcome { accepted: samples.len() as u64, failed: shared.failed.take(), seconds, latency: Latency::of(samples) })
}

struct Client {
    dialer: Dialer,
    connection: Option<Connection>,
    shared: Rc<Shared>,
}

impl Client {
    async fn run(mut self) {
        while let Some(since) = self.next_arrival().await {
            let index = self.shared.next.replace(self.shared.next.get() + 1);
            let shared = self.shared.clone();
            let Some(requests) = shared.work.get(index) else { return };
            match self.carry_out(requests).await {
                // Measured from the moment of arrival: work that had to wait for a connection waited as well.
                Ok(()) => shared.samples.borrow_mut().push(since.elapsed().as_secs_f64() * 1e3),
                Err(why) => *shared.failed.borrow_mut().entry(why).or_default() += 1,
            }
        }
    }

    /// When the next piece of work came in; `None` when there is no more.
    async fn next_arrival(&self) -> Option<Instant> {
        match &self.shared.arrivals {
            None => Some(Instant::now()),
            Some(arrivals) => arrivals.lock().await.recv().await,
        }
    }

    /// Sends each request once; nothing is tried again.
    async fn carry_out(&mut self, requests: &[Request]) -> Result<(), String> {
        for request in requests {
            let connection = match self.connection.take() {
                Some(connection) => connection,
                None => self.dialer.dial().await.map_err(|error| format!("{error:#}"))?,
            };
            let connection = self.connection.insert(connection);
            let answered =
                connection.ask(&request.bytes).await.map(|answer| ((request.right)(&answer), answer.keeps_alive));
            let (judged, keeps_alive) = match answered {
                Ok(answered) => answered,
                Err(error) => {
                    self.connection = None;
                    return Err(format!("{error:#}"));
                }
            };
            if !keeps_alive {
                self.connection = None;
            }
            judged?;
        }
        Ok(())
    }
}
