//! Takes checkpoints out of the database's reach, each place on its own: one that hangs delays no other, and no checkpoint.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{mpsc, oneshot};

use crate::audit::Exporter;

/// Lines kept for a place that fails; older ones are in the database only, and the ones kept prove them.
const MOST_WAITING: usize = 10_000;
/// Lines handed over at a time.
const BATCH: usize = 100;
/// The longest wait after a failure; it begins with a second and doubles.
const LONGEST_WAIT: Duration = Duration::from_secs(60);
/// How long [`Exports::flush`] waits for one attempt.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(5);

/// How the export to one place stands.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportState {
    /// The place.
    pub place: String,
    /// Checkpoints that wait.
    pub waiting: usize,
    /// Why the last attempt failed, if it did.
    pub error: Option<String>,
}

enum Message {
    Line(String),
    /// Answered after the next attempt.
    Flush(oneshot::Sender<()>),
}

/// All places.
pub(super) struct Exports(Vec<Place>);

struct Place {
    messages: mpsc::UnboundedSender<Message>,
    state: Arc<Mutex<ExportState>>,
}

impl Exports {
    /// Starts a worker for each place; it ends with this value, after a last attempt.
    pub(super) fn start(exporters: &[Exporter]) -> Self {
        let place = |exporter: &Exporter| {
            let (messages, received) = mpsc::unbounded_channel();
            let state = ExportState { place: name(exporter), waiting: 0, error: None };
            let state = Arc::new(Mutex::new(state));
            let worker = Worker {
                exporter: exporter.clone(),
                received,
                waiting: VecDeque::new(),
                flushes: Vec::new(),
                state: state.clone(),
                failures: 0,
            };
            tokio::spawn(worker.run());
            Place { messages, state }
        };
        Self(exporters.iter().map(place).collect())
    }

    /// Hands `line` to every place.
    pub(super) fn push(&self, line: &str) {
        for place in &self.0 {
            // A worker ends only with this value.
            let _ = place.messages.send(Message::Line(line.to_owned()));
        }
    }

    /// Returns when everything was exported, or each place that failed was tried once more, or has taken five seconds.
    pub(super) async fn flush(&self) {
        let flushes = self.0.iter().map(|place| async {
            let (done, is_done) = oneshot::channel();
            if place.messages.send(Message::Flush(done)).is_ok() {
                let _ = tokio::time::timeout(FLUSH_TIMEOUT, is_done).await;
            }
        });
        futures_util::future::join_all(flushes).await;
    }

    pub(super) fn states(&self) -> Vec<ExportState> {
        self.0.iter().map(|place| place.state.lock().unwrap_or_else(PoisonError::into_inner).clone()).collect()
    }
}

fn name(exporter: &Exporter) -> String {
    match exporter {
        Exporter::File(path) => path.display().to_string(),
        Exporter::Syslog(syslog) => format!("{syslog:?}"),
        Exporter::Other(outlet) => format!("{outlet:?}"),
    }
}

struct Worker {
    exporter: Exporter,
    received: mpsc::UnboundedReceiver<Message>,
    waiting: VecDeque<String>,
    flushes: Vec<oneshot::Sender<()>>,
    state: Arc<Mutex<ExportState>>,
    failures: u32,
}

impl Worker {
    async fn run(mut self) {
        loop {
            if self.waiting.is_empty() {
                self.answer_flushes();
                match self.received.recv().await {
                    None => return,
                    Some(message) => self.take(message),
                }
            }
            while let Ok(message) = self.received.try_recv() {
                self.take(message);
            }
            if self.waiting.is_empty() {
                continue;
            }
            let is_over = match self.attempt().await {
                Ok(()) => false,
                Err(error) => {
                    self.failed(&error);
                    self.answer_flushes();
                    self.pause().await
                }
            };
            if is_over {
                return;
            }
        }
    }

    async fn attempt(&mut self) -> Result<(), String> {
        let lines: Vec<String> = self.waiting.iter().take(BATCH).cloned().collect();
        let count = lines.len();
        self.exporter.export(lines).await?;
        self.waiting.drain(..count);
        if self.failures > 0 {
            tracing::info!(place = name(&self.exporter), "checkpoints can be exported again");
        }
        self.failures = 0;
        self.tell(None);
        Ok(())
    }

    fn failed(&mut self, error: &str) {
        self.failures = self.failures.saturating_add(1);
        tracing::error!(
            error,
            place = name(&self.exporter),
            waiting = self.waiting.len(),
            "checkpoints of the audit log could not be exported"
        );
        self.tell(Some(error.to_owned()));
    }

    /// Waits before the next attempt, or until somebody wants it now. Whether the store is gone.
    async fn pause(&mut self) -> bool {
        let wait = Duration::from_secs(1 << self.failures.saturating_sub(1).min(6)).min(LONGEST_WAIT);
        let until = tokio::time::sleep(wait);
        tokio::pin!(until);
        loop {
            tokio::select! {
                () = &mut until => return false,
                message = self.received.recv() => match message {
                    None => return true,
                    Some(message) => {
                        let is_urgent = matches!(message, Message::Flush(_));
                        self.take(message);
                        if is_urgent {
                            return false;
                        }
                    }
                },
            }
        }
    }

    fn take(&mut self, message: Message) {
        match message {
            Message::Flush(done) => self.flushes.push(done),
            Message::Line(line) => {
                self.waiting.push_back(line);
                if self.waiting.len() > MOST_WAITING {
                    self.waiting.pop_front();
                }
                let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
                state.waiting = self.waiting.len();
            }
        }
    }

    fn tell(&self, error: Option<String>) {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.waiting = self.waiting.len();
        state.error = error;
    }

    fn answer_flushes(&mut self) {
        for flush in self.flushes.drain(..) {
            // Whoever asked may have stopped waiting.
            let _ = flush.send(());
        }
    }
}
