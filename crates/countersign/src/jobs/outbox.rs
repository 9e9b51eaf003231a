//! Delivering the effects of the outbox, one kind by one courier: at least once, later again after a failure, given up in the end.

use std::sync::Arc;
use std::time::Duration;

use cs_engine::Engine;
use cs_store::outbox::{Effect, Leased};
use cs_store::{Job, StoreError};
use futures_util::future::join_all;
use jiff::{SignedDuration, Timestamp};
use tokio::sync::Semaphore;

use crate::net::Shutdown;

/// Effects of other nodes, and ones put off, are found by asking this often.
const ASK_EVERY: Duration = Duration::from_secs(1);

/// The most that are taken at a time where each goes its own way.
const AT_ONCE: u32 = 64;

/// What became of one attempt.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Delivery {
    /// It is done.
    Done,
    /// It is done with these following, in the same commit.
    PassedOn(Vec<Effect>),
    /// It is done, and only this stays of what was to be done: for payloads with a secret.
    DoneKeeping(String),
    /// Not this time; says why.
    Later(String),
    /// Not before a time that the other side has named; says why.
    LaterAt(String, Timestamp),
    /// It was not even tried, and cannot be before this time; says why. Counts as no attempt.
    NotTried(String, Timestamp),
    /// It never will be; says why.
    Never(String),
}

/// Who carries out effects of one kind.
pub(crate) trait Courier: Send + Sync + 'static {
    /// The kind of its effects.
    const KIND: &'static str;
    /// Longer than one delivery may take: a courier that died loses its effects to another after this.
    const LEASE: SignedDuration;
    /// How many effects are carried out at a time.
    const BATCH: u32;
    /// After so many attempts an effect is given up.
    const MOST_ATTEMPTS: i64;

    /// Tries once. Must end within [`Self::LEASE`] by itself.
    fn deliver(&self, effect: &Leased) -> impl Future<Output = Delivery> + Send;
}

/// Delivers until the server closes.
pub(super) async fn run(engine: Engine, courier: impl Courier, shutdown: Shutdown) {
    loop {
        let committed = engine.store().effects_committed();
        match deliver_due(&engine, &courier).await {
            // There may be more than one batch.
            Ok(delivered) if delivered > 0 => continue,
            Ok(_) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "effects cannot be read"),
        }
        tokio::select! {
            () = shutdown.closing() => return,
            () = committed => {}
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
    }
}

/// As [`run`], with each effect on its own: one that takes long holds no other up. At most a batch of them is under way at a time.
pub(super) async fn run_apart<C: Courier>(engine: Engine, courier: C, shutdown: Shutdown) {
    let courier = Arc::new(courier);
    let room = Arc::new(Semaphore::new(C::BATCH as usize));
    loop {
        let committed = engine.store().effects_committed();
        let free = u32::try_from(room.available_permits()).unwrap_or(C::BATCH).min(AT_ONCE);
        let due = if free == 0 { Ok(Vec::new()) } else { lease::<C>(&engine, free).await };
        match due {
            Ok(due) if !due.is_empty() => {
                for effect in due {
                    // There is room for all that were leased, since nobody else takes any.
                    let Ok(place) = Arc::clone(&room).acquire_owned().await else { return };
                    let (engine, courier) = (engine.clone(), Arc::clone(&courier));
                    tokio::spawn(async move {
                        attempt(&engine, &*courier, &effect).await;
                        drop(place);
                    });
                }
                continue;
            }
            Ok(_) => {}
            Err(error) => tracing::error!(error = &error as &dyn std::error::Error, "effects cannot be read"),
        }
        tokio::select! {
            () = shutdown.closing() => return,
            () = committed => {}
            () = tokio::time::sleep(ASK_EVERY) => {}
        }
    }
}

async fn lease<C: Courier>(engine: &Engine, count: u32) -> Result<Vec<Leased>, StoreError> {
    engine.store().lease_effects(C::KIND, count, C::LEASE, engine.clock().now()).await
}

/// Carries out what is due, at most one batch, and says how many effects that were.
pub(crate) async fn deliver_due<C: Courier>(engine: &Engine, courier: &C) -> Result<usize, StoreError> {
    let due = lease::<C>(engine, C::BATCH).await?;
    join_all(due.iter().map(|effect| attempt(engine, courier, effect))).await;
    Ok(due.len())
}

async fn attempt<C: Courier>(engine: &Engine, courier: &C, effect: &Leased) {
    let delivery = courier.deliver(effect).await;
    let now = engine.clock().now();
    let mut job = Job::new();
    let step = match &delivery {
        Delivery::PassedOn(following) => {
            job.effects.extend(following.iter().cloned());
            effect.done(now)
        }
        Delivery::Done => effect.done(now),
        Delivery::DoneKeeping(kept) => effect.done_keeping(kept, now),
        Delivery::Later(reason) if effect.attempt < C::MOST_ATTEMPTS => {
            tracing::warn!(
                kind = C::KIND,
                id = effect.id,
                attempt = effect.attempt,
                reason,
                "not delivered, tried again later"
            );
            effect.retry(reason, now)
        }
        Delivery::LaterAt(reason, time) if effect.attempt < C::MOST_ATTEMPTS => {
            tracing::debug!(kind = C::KIND, id = effect.id, attempt = effect.attempt, reason, "put off");
            effect.retry_at(reason, *time)
        }
        Delivery::NotTried(reason, time) => {
            tracing::debug!(kind = C::KIND, id = effect.id, attempt = effect.attempt, reason, "put off untried");
            effect.put_off(reason, *time)
        }
        Delivery::Later(reason) | Delivery::LaterAt(reason, _) | Delivery::Never(reason) => {
            tracing::error!(
                kind = C::KIND,
                id = effect.id,
                attempt = effect.attempt,
                reason,
                "not delivered and given up"
            );
            effect.bury(reason, now)
        }
    };
    if let Err(error) = engine.store().commit(job.step(step)).await {
        // It will be delivered again: at least once is what the outbox promises.
        tracing::warn!(error = &error as &dyn std::error::Error, kind = C::KIND, id = effect.id, "not ticked off");
    }
}
