//! The review queue: what logins left to be looked at becomes an event.

use cs_engine::review::REVIEW;
use cs_engine::{Engine, EngineError};
use cs_store::outbox::Leased;
use jiff::SignedDuration;

use super::outbox::{Courier, Delivery};

/// Adds to the queue.
pub(crate) struct Reviews {
    pub(crate) engine: Engine,
}

impl Courier for Reviews {
    const KIND: &'static str = REVIEW;
    const LEASE: SignedDuration = SignedDuration::from_secs(60);
    const BATCH: u32 = 16;
    const MOST_ATTEMPTS: i64 = 20;

    async fn deliver(&self, effect: &Leased) -> Delivery {
        match self.engine.surface(effect).await {
            Ok(_) => Delivery::Done,
            Err(error @ EngineError::Invalid(_)) => Delivery::Never(error.to_string()),
            Err(error) => Delivery::Later(error.to_string()),
        }
    }
}
