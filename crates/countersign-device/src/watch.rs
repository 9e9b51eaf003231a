//! A live view of one device's logins that survives a lost connection, a restarted server and a proxy that holds
//! back event streams.

use std::collections::HashMap;
use std::time::Duration;

use aws_lc_rs::rand;
use cs_wire::device::{ClosedEvent, ClosedState, Request};
use reqwest::{Method, Response};
use tokio::sync::mpsc;
use tokio::task::AbortHandle;
use tokio::time::{Instant, sleep, timeout};

use crate::authenticator::{Authenticator, ROOT};
use crate::error::Error;
use crate::sse::{Event, Parser};

/// More waiting logins of one device than this are not remembered; the server allows one per user, application and source.
const MAX_OPEN: usize = 1000;

/// How patient a watch is.
#[derive(Debug, Clone, Copy)]
pub struct WatchTimings {
    /// Silence on the stream after which it counts as broken; the server pings every 20 s.
    pub idle: Duration,
    /// How often the list is pulled while the stream is down, or has not proved to come through.
    pub pull: Duration,
    /// The first pause before connecting again; it doubles with each failure.
    pub retry_min: Duration,
    /// The longest pause before connecting again.
    pub retry_max: Duration,
}

impl Default for WatchTimings {
    fn default() -> Self {
        Self {
            idle: Duration::from_secs(45),
            pull: Duration::from_secs(5),
            retry_min: Duration::from_secs(1),
            retry_max: Duration::from_secs(30),
        }
    }
}

/// What happened.
#[derive(Debug)]
pub enum WatchEvent {
    /// The event stream is open.
    Connected,
    /// A login waits for an answer. Each is reported once.
    Request(Box<Request>),
    /// A reported login needs no answer any more; how it ended is unknown while the stream is down.
    Closed {
        /// The login.
        txid: String,
        /// How it ended.
        state: Option<ClosedState>,
    },
    /// The stream broke; the list is pulled until it is back.
    Disconnected {
        /// Why.
        error: Error,
        /// When it is tried again.
        retry_in: Duration,
    },
}

/// A running watch. It stops when this is dropped.
#[derive(Debug)]
pub struct Watch {
    events: mpsc::Receiver<Result<WatchEvent, Error>>,
    task: AbortHandle,
}

impl Watch {
    pub(crate) fn start(authenticator: Authenticator, timings: WatchTimings) -> Self {
        let (sender, events) = mpsc::channel(16);
        let worker = Worker { authenticator, timings, sender, open: HashMap::new() };
        let task = tokio::spawn(worker.run()).abort_handle();
        Self { events, task }
    }

    /// The next event. An error is the last one: the device is not bound any more, or was asked to sign for another.
    /// May be dropped and called again without losing anything.
    pub async fn next(&mut self) -> Option<Result<WatchEvent, Error>> {
        self.events.recv().await
    }
}

impl Drop for Watch {
    fn drop(&mut self) {
        self.task.abort();
    }
}

struct Worker {
    authenticator: Authenticator,
    timings: WatchTimings,
    sender: mpsc::Sender<Result<WatchEvent, Error>>,
    /// Logins reported and not yet closed, with their expiry.
    open: HashMap<String, i64>,
}

/// Why a stretch of work ended.
enum End {
    /// Nobody listens any more.
    Unheard,
    /// Trying again is pointless.
    Final(Error),
    /// Trying again is worth while.
    Broken { error: Error, was_live: bool },
}

impl Worker {
    async fn run(mut self) {
        let mut failures = 0;
        loop {
            let (error, was_live) = match self.follow().await {
                End::Broken { error, was_live } => (error, was_live),
                End::Final(error) => {
                    let _ = self.sender.send(Err(error)).await;
                    return;
                }
                End::Unheard => return,
            };
            failures = if was_live { 0 } else { failures + 1 };
            let retry_in = self.pause(failures, &error);
            let ended = match self.emit(WatchEvent::Disconnected { error, retry_in }).await {
                Ok(()) => self.pull_for(retry_in).await,
                Err(end) => Err(end),
            };
            match ended {
                Ok(()) | Err(End::Broken { .. }) => {}
                Err(End::Final(error)) => {
                    let _ = self.sender.send(Err(error)).await;
                    return;
                }
                Err(End::Unheard) => return,
            }
        }
    }

    /// Follows one event stream to its end.
    async fn follow(&mut self) -> End {
        let mut stream = match self.connect().await {
            Ok(stream) => stream,
            Err(end) => return end,
        };
        // What began before the stream did is in the list only.
        if let Err(end) = self.pull().await {
            return end;
        }
        if let Err(end) = self.emit(WatchEvent::Connected).await {
            return end;
        }
        let mut parser = Parser::default();
        let mut events = Vec::new();
        let mut is_live = false;
        let mut heard_at = Instant::now();
        loop {
            // Until the first event has come through, something in between may be holding the stream back.
            let patience = if is_live { self.timings.idle } else { self.timings.pull.min(self.timings.idle) };
            let chunk = match timeout(patience, stream.chunk()).await {
                Ok(Ok(Some(chunk))) => chunk,
                Ok(Ok(None)) => return self.broken("the event stream ended", is_live),
                Ok(Err(error)) => {
                    return End::Broken { error: self.authenticator.link().network(error), was_live: is_live };
                }
                Err(_) if heard_at.elapsed() >= self.timings.idle => {
                    return self.broken("the event stream went silent", is_live);
                }
                Err(_) => match self.pull().await {
                    Ok(()) => continue,
                    Err(end) => return end,
                },
            };
            heard_at = Instant::now();
            if parser.feed(&chunk, &mut events).is_err() {
                return self.broken("the event stream is not one", is_live);
            }
            for event in events.drain(..) {
                is_live = true;
                if let Err(end) = self.handle(&event).await {
                    return end;
                }
            }
        }
    }

    /// Opens the event stream.
    async fn connect(&self) -> Result<Response, End> {
        let path = format!("{ROOT}/events");
        let link = self.authenticator.link();
        // The head must come soon; the body may take for ever.
        let identity = self.authenticator.identity();
        let opening = link.open(&identity, Method::GET, &path, None, |_| Ok(Vec::new()));
        let stream = match timeout(self.timings.idle, opening).await {
            Ok(stream) => stream.map_err(sort)?,
            Err(_) => return Err(self.broken("no answer in time", false)),
        };
        let is_events = stream
            .headers()
            .get(reqwest::header::CONTENT_TYPE)
            .is_some_and(|value| value.as_bytes().starts_with(b"text/event-stream"));
        if !is_events {
            return Err(self.broken("not an event stream", false));
        }
        Ok(stream)
    }

    /// Reports what one event of the stream says.
    async fn handle(&mut self, event: &Event) -> Result<(), End> {
        let link = self.authenticator.link();
        match event.name.as_str() {
            "request" => {
                let request: Request = link.parse(event.data.as_bytes()).map_err(sort)?;
                self.authenticator.check(&request).map_err(sort)?;
                self.report(request).await
            }
            "closed" => {
                let closed: ClosedEvent = link.parse(event.data.as_bytes()).map_err(sort)?;
                if self.open.remove(&closed.txid).is_none() {
                    return Ok(());
                }
                self.emit(WatchEvent::Closed { txid: closed.txid, state: Some(closed.state) }).await
            }
            // A newer server may have more to say.
            _ => Ok(()),
        }
    }

    /// Pulls the list every now and then for `span`. A failed pull is as good as none.
    async fn pull_for(&mut self, span: Duration) -> Result<(), End> {
        let end = Instant::now() + span;
        loop {
            match self.pull().await {
                Ok(()) | Err(End::Broken { .. }) => {}
                Err(end) => return Err(end),
            }
            let left = end.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Ok(());
            }
            sleep(left.min(self.timings.pull)).await;
        }
    }

    /// Reports what the list has and had.
    async fn pull(&mut self) -> Result<(), End> {
        let pending = self.authenticator.pending().await.map_err(sort)?;
        let gone: Vec<_> =
            self.open.keys().filter(|txid| pending.iter().all(|request| request.txid != **txid)).cloned().collect();
        for txid in gone {
            self.open.remove(&txid);
            self.emit(WatchEvent::Closed { txid, state: None }).await?;
        }
        for request in pending {
            self.report(request).await?;
        }
        Ok(())
    }

    async fn report(&mut self, request: Request) -> Result<(), End> {
        if self.open.len() >= MAX_OPEN {
            let now = self.authenticator.server_now();
            self.open.retain(|_, expires| *expires > now);
        }
        if self.open.len() >= MAX_OPEN || self.open.insert(request.txid.clone(), request.expires).is_some() {
            return Ok(());
        }
        self.emit(WatchEvent::Request(Box::new(request))).await
    }

    async fn emit(&self, event: WatchEvent) -> Result<(), End> {
        self.sender.send(Ok(event)).await.map_err(|_| End::Unheard)
    }

    /// How long to wait after `failures` attempts in a row: doubling, with up to half taken off by chance so that
    /// devices do not come back in step after a restart, and never sooner than the server asked.
    fn pause(&self, failures: u32, error: &Error) -> Duration {
        let longest =
            self.timings.retry_min.saturating_mul(1 << failures.saturating_sub(1).min(16)).min(self.timings.retry_max);
        let mut chance = [0];
        // Without randomness the pause is merely not shortened.
        let _ = rand::fill(&mut chance);
        let pause = longest.mul_f64(1.0 - f64::from(chance[0]) / 512.0);
        match error {
            Error::Refused(refusal) => pause.max(Duration::from_secs(refusal.retry_after_s.unwrap_or(0).min(300))),
            _ => pause,
        }
    }

    fn broken(&self, what: &'static str, was_live: bool) -> End {
        End::Broken { error: self.authenticator.link().not_this_protocol(what), was_live }
    }
}

/// Whether an error is worth another try.
fn sort(error: Error) -> End {
    match error {
        Error::Refused(ref refusal) if refusal.is_final() => End::Final(error),
        Error::NotOurs { .. } => End::Final(error),
        _ => End::Broken { error, was_live: false },
    }
}
