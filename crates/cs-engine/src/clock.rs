//! Time as the engine sees it: the system's, or one that tests move.

use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};

use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

/// Where time comes from.
#[derive(Clone, Debug)]
pub enum Clock {
    /// The machine's clock.
    System,
    /// A clock that stands still until it is moved.
    Manual(ManualClock),
}

impl Clock {
    /// Now.
    pub fn now(&self) -> Timestamp {
        match self {
            #[expect(clippy::disallowed_methods, reason = "the one place where the engine's time comes from")]
            Self::System => Timestamp::now(),
            Self::Manual(clock) => clock.now(),
        }
    }

    /// Returns once it is `deadline` or later.
    pub async fn sleep_until(&self, deadline: Timestamp) {
        match self {
            Self::System => {
                let left = deadline.duration_since(self.now());
                tokio::time::sleep(left.try_into().unwrap_or_default()).await;
            }
            Self::Manual(clock) => {
                let mut moved = clock.moved.subscribe();
                while clock.now() < deadline {
                    if moved.changed().await.is_err() {
                        return std::future::pending().await;
                    }
                }
            }
        }
    }
}

/// A clock for tests and simulations.
#[derive(Clone, Debug)]
pub struct ManualClock {
    ms: Arc<AtomicI64>,
    moved: Arc<watch::Sender<()>>,
}

impl ManualClock {
    /// A clock that shows `now`.
    pub fn at(now: Timestamp) -> Self {
        Self { ms: Arc::new(AtomicI64::new(now.as_millisecond())), moved: Arc::new(watch::channel(()).0) }
    }

    /// What it shows.
    pub fn now(&self) -> Timestamp {
        Timestamp::from_millisecond(self.ms.load(Ordering::SeqCst)).unwrap_or(Timestamp::MAX)
    }

    /// Moves it by `by`, which may be negative, and wakes who waits for a time that has come.
    pub fn advance(&self, by: SignedDuration) {
        let ms = i64::try_from(by.as_millis()).unwrap_or(0);
        self.ms.fetch_add(ms, Ordering::SeqCst);
        self.moved.send_replace(());
    }
}
