//! Letters of the outbox.

use cs_engine::Engine;
use cs_engine::letters::MAIL;
use cs_store::outbox::Leased;
use jiff::SignedDuration;

use super::Sender;
use crate::jobs::outbox::{Courier, Delivery};

/// Takes letters to the mail server.
pub struct MailCourier {
    engine: Engine,
    sender: Sender,
}

impl MailCourier {
    /// Delivers what `engine` queued.
    #[must_use]
    pub fn new(engine: Engine, sender: Sender) -> Self {
        Self { engine, sender }
    }
}

impl Courier for MailCourier {
    const KIND: &'static str = MAIL;
    /// Longer than the longest `mail.timeout`.
    const LEASE: SignedDuration = SignedDuration::from_mins(6);
    const BATCH: u32 = 8;
    /// Over about a day: servers that put mail off do so for minutes, ones that are down come back the same day.
    const MOST_ATTEMPTS: i64 = 100;

    async fn deliver(&self, effect: &Leased) -> Delivery {
        let letter = match self.engine.open_letter(effect) {
            Ok(letter) => letter,
            Err(error) => return Delivery::Never(error.to_string()),
        };
        match self.sender.send(&letter, &effect.id, self.engine.clock().now()).await {
            // The link in it is a secret.
            Ok(()) => Delivery::DoneKeeping(letter.about()),
            Err(error) if error.is_permanent() => Delivery::Never(error.explained()),
            Err(error) => Delivery::Later(error.explained()),
        }
    }
}
